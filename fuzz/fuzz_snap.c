/* An INIT chunk from a hostile description: it is refused, or the association that it makes sends
 * what the other end can read, keeps to its limits, and comes to an end when it is told to. */
#include "base/check.h"
#include "sctp/internal.h"

#define STEPS_MAX 100

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void send_some(struct sctp_assoc *a, usec now)
{
	static const uint8_t zeros[5000];
	for (uint16_t stream = 0; stream < 3; stream++) {
		struct sctp_message message = {
			.stream = stream, .ppid = 53, .data = bytes_of(zeros, sizeof zeros)};
		enum err err = sctp_send(a, now, &message);
		CHECK(err == ERR_OK || err == ERR_NOT_FOUND);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rng rng = rng_seeded(1);
	struct sctp_config config = {
		.local_port = 5000, .remote_port = 5000, .zero_checksum = true, .rng = &rng};
	struct sctp_assoc *a;
	usec now = USEC_PER_SEC;
	CHECK(sctp_create(&config, now, &a) == ERR_OK);
	send_some(a, now);
	enum err err = sctp_set_remote_init(a, bytes_of(data, size));
	CHECK(err == ERR_OK || err == ERR_MALFORMED);
	sctp_connect(a, now);
	CHECK(sctp_state(a) == (err || size == 0 ? SCTP_COOKIE_WAIT : SCTP_ESTABLISHED));
	for (int i = 0; i < STEPS_MAX && sctp_state(a) != SCTP_CLOSED; i++) {
		uint8_t packet[1200];
		size_t written;
		while ((written = sctp_write(a, now, packet, sizeof packet)) > 0)
			CHECK(written <= a->config.packet_max);
		struct sctp_event event;
		while (sctp_next_event(a, &event)) {}
		CHECK(sctp_deadline(a) != USEC_NEVER);
		now = usec_max(now, sctp_deadline(a));
		sctp_advance(a, now);
	}
	CHECK(sctp_state(a) == SCTP_CLOSED);
	sctp_destroy(a);
	return 0;
}
