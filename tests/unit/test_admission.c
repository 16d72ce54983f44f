/* Whom a node lets through to its signalling socket. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "hub/admission.h"
#include "hub/limits.h"
#include "message/json.h"

#define ALICE "dpc-node-00112233445566ff"
#define BOB "dpc-node-0123456789abcdef"
#define CARL "dpc-node-00112233445566ff0000000000000000"

static struct admission parse(const char *text)
{
	struct admission admission;
	assert_null(admission_parse(bytes_of_text(text), &admission));
	return admission;
}

static bool allows(const struct admission *admission, const char *node_id)
{
	struct contact_id id = contact_id_of(node_id);
	return admission_allows(admission, &id);
}

static bool names(const struct admission *admission, const char *node_id)
{
	struct contact_id id = contact_id_of(node_id);
	return admission_names(admission, &id);
}

static void who_said_nothing_lets_everybody_through(void **state)
{
	(void)state;
	struct admission admission = {0};
	assert_true(allows(&admission, ALICE));
	assert_false(names(&admission, ALICE));
	admission = parse("{}");
	assert_true(allows(&admission, ALICE));
	admission_deinit(&admission);
	admission_deinit(&admission);
}

static void a_blocked_node_is_kept_out_and_others_are_not(void **state)
{
	(void)state;
	struct admission admission =
		parse("{\"contacts\":{\"" BOB "\":\"block\",\"" ALICE "\":\"allow\"}}");
	assert_true(allows(&admission, ALICE));
	assert_false(allows(&admission, BOB));
	/* The same digits and zeros are another id. */
	assert_true(allows(&admission, CARL));
	assert_true(names(&admission, ALICE));
	assert_false(names(&admission, BOB));
	assert_false(names(&admission, CARL));
	admission_deinit(&admission);
}

static void strangers_may_be_kept_out(void **state)
{
	(void)state;
	struct admission admission =
		parse("{\"strangers\":false,\"contacts\":{\"" CARL "\":\"allow\"}}");
	assert_true(allows(&admission, CARL));
	assert_false(allows(&admission, ALICE));
	assert_false(allows(&admission, BOB));
	admission_deinit(&admission);
}

static void it_is_written_as_it_was_read(void **state)
{
	(void)state;
	const char *text = "{\"strangers\":false,\"contacts\":{\"" ALICE "\":\"allow\",\"" BOB
			   "\":\"block\",\"" CARL "\":\"allow\"}}";
	struct admission admission = parse(text);
	char *written = json_take_text(admission_describe(&admission));
	assert_string_equal(written, text);
	free(written);
	admission_deinit(&admission);
	admission = parse("{\"other\":1,\"contacts\":null}");
	written = json_take_text(admission_describe(&admission));
	assert_string_equal(written, "{\"strangers\":true,\"contacts\":{}}");
	free(written);
	admission_deinit(&admission);
}

static void what_is_no_admission_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "[]", "{\"strangers\":0}", "{\"contacts\":[]}",
		"{\"contacts\":{\"bob\":\"allow\"}}", "{\"contacts\":{\"" BOB "\":\"perhaps\"}}",
		"{\"contacts\":{\"" BOB "\":true}}", "{\"contacts\":{\"" BOB "\":null}}",
		"{\"contacts\":{\"dpc-node-0123456789ABCDEF\":\"allow\"}}"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct admission admission;
		assert_non_null(admission_parse(bytes_of_text(bad[i]), &admission));
	}
}

static const struct refusal *try_count(unsigned count, size_t *ret_size)
{
	struct admission admission;
	struct buffer text = buffer_with_max(ADMISSION_BODY_MAX);
	assert_ok(buffer_append_text(&text, "{\"contacts\":{"));
	for (unsigned i = 0; i < count; i++)
		assert_ok(buffer_append_format(
			&text, "%s\"dpc-node-%032x\":\"allow\"", i ? "," : "", i * 2654435761u));
	assert_ok(buffer_append_text(&text, "}}"));
	*ret_size = text.size;
	const struct refusal *refusal = admission_parse(buffer_bytes(&text), &admission);
	if (!refusal) {
		for (unsigned i = 0; i < count; i++) {
			char node_id[NODE_ID_MAX];
			snprintf(node_id, sizeof node_id, "dpc-node-%032x", i * 2654435761u);
			assert_true(names(&admission, node_id));
		}
		assert_false(names(&admission, BOB));
		admission_deinit(&admission);
	}
	buffer_deinit(&text);
	return refusal;
}

static void there_are_so_many_contacts_and_they_fit_a_body(void **state)
{
	(void)state;
	size_t size;
	assert_null(try_count(ADMISSION_CONTACTS_MAX, &size));
	assert_true(size < ADMISSION_BODY_MAX);
	assert_string_equal(try_count(ADMISSION_CONTACTS_MAX + 1, &size)->code, "bad_contacts");
}

TESTS(TEST(who_said_nothing_lets_everybody_through),
	TEST(a_blocked_node_is_kept_out_and_others_are_not), TEST(strangers_may_be_kept_out),
	TEST(it_is_written_as_it_was_read), TEST(what_is_no_admission_is_refused),
	TEST(there_are_so_many_contacts_and_they_fit_a_body))
