#include "dtls/datagram_bio.h"
#include "dtls/limits.h"
#include "dtls/record.h"

#include "test.h"

static void a_queue_keeps_boundaries_and_order(void **state)
{
	(void)state;
	struct datagram_queue queue = datagram_queue_with_max(100);
	struct bytes datagram;
	assert_false(datagram_queue_peek(&queue, &datagram));
	assert_true(datagram_queue_push(&queue, bytes_of_text("first")));
	assert_true(datagram_queue_push(&queue, (struct bytes){0}));
	assert_true(datagram_queue_push(&queue, bytes_of_text("third")));
	assert_true(datagram_queue_peek(&queue, &datagram));
	assert_bytes_equal(datagram, bytes_of_text("first"));
	datagram_queue_pop(&queue);
	assert_true(datagram_queue_peek(&queue, &datagram));
	assert_int_equal(datagram.size, 0);
	datagram_queue_pop(&queue);
	assert_true(datagram_queue_peek(&queue, &datagram));
	assert_bytes_equal(datagram, bytes_of_text("third"));
	datagram_queue_pop(&queue);
	assert_false(datagram_queue_peek(&queue, &datagram));
	assert_null(queue.buffer.data);
}

static void a_queue_takes_no_more_than_its_maximum(void **state)
{
	(void)state;
	static const uint8_t data[100];
	struct datagram_queue queue = datagram_queue_with_max(100);
	assert_false(datagram_queue_push(&queue, bytes_of(data, 99)));
	assert_true(datagram_queue_push(&queue, bytes_of(data, 98)));
	assert_false(datagram_queue_push(&queue, (struct bytes){0}));
	datagram_queue_deinit(&queue);
	assert_true(datagram_queue_push(&queue, (struct bytes){0}));
	datagram_queue_deinit(&queue);
}

static void a_read_is_one_datagram_and_then_try_again(void **state)
{
	(void)state;
	struct datagram_bio datagrams = {.input = bytes_of_text("datagram")};
	BIO *bio;
	assert_ok(datagram_bio_create(&datagrams, &bio));
	char data[64];
	assert_int_equal(BIO_read(bio, data, sizeof data), 8);
	assert_memory_equal(data, "datagram", 8);
	assert_int_equal(BIO_read(bio, data, sizeof data), -1);
	assert_true(BIO_should_read(bio));
	/* As with a socket, what does not fit is gone. */
	datagrams.input = bytes_of_text("datagram");
	assert_int_equal(BIO_read(bio, data, 4), 4);
	assert_int_equal(BIO_read(bio, data, 4), -1);
	BIO_free(bio);
}

static void a_write_is_one_datagram(void **state)
{
	(void)state;
	struct datagram_bio datagrams = {.queue = datagram_queue_with_max(DTLS_QUEUE_BYTES_MAX)};
	BIO *bio;
	assert_ok(datagram_bio_create(&datagrams, &bio));
	assert_int_equal(BIO_write(bio, "one", 3), 3);
	assert_int_equal(BIO_write(bio, "three", 5), 5);
	struct bytes datagram;
	assert_true(datagram_queue_peek(&datagrams.queue, &datagram));
	assert_bytes_equal(datagram, bytes_of_text("one"));
	datagram_queue_pop(&datagrams.queue);
	assert_true(datagram_queue_peek(&datagrams.queue, &datagram));
	assert_bytes_equal(datagram, bytes_of_text("three"));
	BIO_free(bio);
	datagram_queue_deinit(&datagrams.queue);
}

static void application_records_alone_take_the_short_way(void **state)
{
	(void)state;
	static const char record[] = {DTLS_RECORD_APPLICATION_DATA, 'x'};
	static const char alert[] = {DTLS_RECORD_ALERT, 'x'};
	uint8_t data[64];
	struct writer w = writer_of(data, sizeof data);
	struct datagram_bio datagrams = {
		.queue = datagram_queue_with_max(DTLS_QUEUE_BYTES_MAX), .direct = &w};
	BIO *bio;
	assert_ok(datagram_bio_create(&datagrams, &bio));
	assert_int_equal(BIO_write(bio, alert, 2), 2);
	assert_int_equal(BIO_write(bio, record, 2), 2);
	assert_bytes_equal(writer_bytes(&w), bytes_of(record, 2));
	struct bytes datagram;
	assert_true(datagram_queue_peek(&datagrams.queue, &datagram));
	assert_bytes_equal(datagram, bytes_of(alert, 2));
	BIO_free(bio);
	datagram_queue_deinit(&datagrams.queue);
}

static void a_full_queue_loses_datagrams_as_a_network_does(void **state)
{
	(void)state;
	static const char data[1200];
	struct datagram_bio datagrams = {.queue = datagram_queue_with_max(DTLS_QUEUE_BYTES_MAX)};
	BIO *bio;
	assert_ok(datagram_bio_create(&datagrams, &bio));
	for (size_t i = 0; i < DTLS_QUEUE_BYTES_MAX / sizeof data + 1; i++)
		assert_int_equal(BIO_write(bio, data, sizeof data), sizeof data);
	assert_int_equal(datagrams.lost, 1);
	BIO_free(bio);
	datagram_queue_deinit(&datagrams.queue);
}

static void answers_what_libssl_asks_about_the_mtu(void **state)
{
	(void)state;
	struct datagram_bio datagrams = {.mtu = 1200};
	BIO *bio;
	assert_ok(datagram_bio_create(&datagrams, &bio));
	assert_int_equal(BIO_ctrl(bio, BIO_CTRL_DGRAM_QUERY_MTU, 0, NULL), 1200);
	assert_int_equal(
		BIO_ctrl(bio, BIO_CTRL_DGRAM_GET_FALLBACK_MTU, 0, NULL), DTLS_MTU_FALLBACK);
	assert_int_equal(BIO_ctrl(bio, BIO_CTRL_DGRAM_GET_MTU_OVERHEAD, 0, NULL), 0);
	assert_int_equal(BIO_wpending(bio), 0);
	assert_int_equal(BIO_pending(bio), 0);
	assert_int_equal(BIO_flush(bio), 1);
	datagrams.mtu = 520;
	assert_int_equal(BIO_ctrl(bio, BIO_CTRL_DGRAM_GET_FALLBACK_MTU, 0, NULL), 520);
	BIO_free(bio);
}

TESTS(TEST(a_queue_keeps_boundaries_and_order), TEST(a_queue_takes_no_more_than_its_maximum),
	TEST(a_read_is_one_datagram_and_then_try_again), TEST(a_write_is_one_datagram),
	TEST(application_records_alone_take_the_short_way),
	TEST(a_full_queue_loses_datagrams_as_a_network_does),
	TEST(answers_what_libssl_asks_about_the_mtu))
