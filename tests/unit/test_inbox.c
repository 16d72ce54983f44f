#include "sctp/inbox.h"

#include <stdlib.h>

#include "sctp/limits.h"
#include "test.h"

static void messages_and_events_come_out_in_order(void **state)
{
	(void)state;
	struct sctp_inbox inbox = {0};
	struct sctp_inbox_item *item = sctp_inbox_item_new(2);
	item->event.type = SCTP_EVENT_MESSAGE;
	assert_ok(sctp_inbox_item_append(&item, bytes_of_text("he")));
	assert_ok(sctp_inbox_item_append(&item, bytes_of_text("llo")));
	sctp_inbox_push(&inbox, item);
	assert_ok(sctp_inbox_push_event(&inbox, SCTP_EVENT_STREAM_RESET, 3));
	assert_int_equal(inbox.bytes, 5);
	struct sctp_event event;
	assert_true(sctp_inbox_pop(&inbox, &event));
	assert_true(bytes_equal_text(event.message.data, "hello"));
	assert_int_equal(inbox.bytes, 0);
	assert_true(sctp_inbox_pop(&inbox, &event));
	assert_int_equal(event.type, SCTP_EVENT_STREAM_RESET);
	assert_int_equal(event.stream, 3);
	assert_false(sctp_inbox_pop(&inbox, &event));
	assert_null(inbox.borrowed);
	sctp_inbox_deinit(&inbox);
}

static void events_are_bounded(void **state)
{
	(void)state;
	struct sctp_inbox inbox = {0};
	for (int i = 0; i < SCTP_EVENTS_MAX; i++)
		assert_ok(sctp_inbox_push_event(&inbox, SCTP_EVENT_RESET_DONE, 1));
	assert_err(sctp_inbox_push_event(&inbox, SCTP_EVENT_RESET_DONE, 1), ERR_LIMIT);
	sctp_inbox_deinit(&inbox);
}

TESTS(TEST(messages_and_events_come_out_in_order), TEST(events_are_bounded))
