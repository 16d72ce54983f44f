#include "test.h"

#include "node/dispatch.h"

static void every_type_but_the_greeting_has_a_handler(void **state)
{
	(void)state;
	for (enum message_type type = MESSAGE_NONE + 1; type < MESSAGE_TYPE_COUNT; type++) {
		const struct dispatch_entry *entry = dispatch_find(type);
		if (type == MESSAGE_HELLO)
			assert_null(entry);
		else
			assert_non_null(entry->handle);
	}
	assert_null(dispatch_find(MESSAGE_NONE));
}

static void what_costs_work_is_limited_and_what_must_not_be_lost_is_not(void **state)
{
	(void)state;
	static const enum message_type limited[] = {
		MESSAGE_REQUEST_CONTEXT, MESSAGE_AI_QUERY, MESSAGE_AI_MODELS, MESSAGE_PING};
	static const enum message_type free_ones[] = {MESSAGE_CHAT, MESSAGE_CHAT_ACK,
		MESSAGE_AI_CANCEL, MESSAGE_AI_RESPONSE, MESSAGE_CONTEXT_RESPONSE};
	for (size_t i = 0; i < sizeof(limited) / sizeof(limited[0]); i++)
		assert_int_equal(dispatch_find(limited[i])->permission, PERMIT_LIMITED);
	for (size_t i = 0; i < sizeof(free_ones) / sizeof(free_ones[0]); i++)
		assert_int_equal(dispatch_find(free_ones[i])->permission, PERMIT_CONTACT);
}

TESTS(TEST(every_type_but_the_greeting_has_a_handler),
	TEST(what_costs_work_is_limited_and_what_must_not_be_lost_is_not))
