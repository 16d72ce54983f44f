/* A file of access rules, and the questions that it answers. A file that is understood decides
 * without a crash, and what it does not deny has a line that says so. */
#include "node/access_rules.h"

#include "fuzz.h"

/* What comes out of an answer that is remembered is understood again, and asks no more. */
static void remember(struct bytes text, const struct access_peer *peer)
{
	struct access_rules rules;
	struct access *access;
	struct buffer result = buffer_with_max(2 * ACCESS_FILE_MAX);
	CHECK(access_rules_parse(text, "access.ini", &rules, NULL) == ERR_OK);
	if (access_rules_remember(&rules, peer, "context.a", text.size % 2, &result) == ERR_OK &&
		result.size <= ACCESS_FILE_MAX) {
		CHECK(access_parse(buffer_bytes(&result), "access.ini", &access, NULL) == ERR_OK);
		CHECK(!access_asks(access, peer, "context.a"));
		access_destroy(access);
	}
	buffer_deinit(&result);
	access_rules_deinit(&rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct access_peer peers[] = {
		{.node_id = "dpc-node-0123456789abcdef", .name = "alice", .verified = true},
		{.node_id = "dpc-node-fedcba9876543210"},
	};
	static const char *const paths[] = {"context", "context.profile.name", "context.a.b.c",
		"ai.model.llama3:8b", "context..a", "*", ""};
	struct access *access;
	struct fault fault = {0};
	if (access_parse(bytes_of(data, size), "access.ini", &access, &fault) != ERR_OK) {
		CHECK(fault.text[0]);
		return 0;
	}
	for (size_t i = 0; i < 2; i++) {
		for (size_t j = 0; j < sizeof paths / sizeof *paths; j++) {
			struct access_verdict verdict;
			enum access_action action =
				access_decide(access, &peers[i], paths[j], &verdict);
			CHECK(action == verdict.action);
			CHECK(action == ACCESS_DENY || (verdict.line > 0 && verdict.rule[0]));
			CHECK(action != ACCESS_ASK || access_asks(access, &peers[i], paths[j]));
		}
	}
	access_destroy(access);
	remember(bytes_of(data, size), &peers[0]);
	return 0;
}
