/* What SCTP itself costs: two associations in one thread, packets handed over in memory, no DTLS,
 * no sockets. Prints one JSON object; rates count payload bytes, and both ends' work is on one
 * core.
 *
 *     sctp_memory [SECONDS] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/text.h"
#include "sctp/sctp.h"

#define PACKET_MAX 1200
#define BATCH 40 /* packets handed over before the other end answers, as one GSO send would */
#define BUFFERED_MAX ((size_t)1024 * 1024)

static usec clock_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (usec)t.tv_sec * USEC_PER_SEC + (usec)t.tv_nsec / 1000;
}

struct run {
	struct sctp_assoc *ends[2];
	uint64_t messages, bytes;
};

static void pull(struct run *run, struct sctp_assoc *a)
{
	struct sctp_event event;
	while (sctp_next_event(a, &event))
		if (event.type == SCTP_EVENT_MESSAGE) {
			run->messages++;
			run->bytes += event.message.data.size;
		}
}

static bool hand_over(struct run *run, int from, usec now)
{
	uint8_t packet[PACKET_MAX];
	int count = 0;
	size_t size;
	while (count < BATCH &&
		(size = sctp_write(run->ends[from], now, packet, sizeof packet)) > 0) {
		sctp_receive(run->ends[1 - from], now, bytes_of(packet, size));
		count++;
	}
	pull(run, run->ends[1 - from]);
	return count > 0;
}

static void run_init(struct run *run, struct rng *rng)
{
	*run = (struct run){0};
	struct sctp_config config = {.local_port = 5000, .remote_port = 5000, .rng = rng};
	usec now = clock_now();
	for (int i = 0; i < 2; i++) {
		enum err err = sctp_create(&config, now, &run->ends[i]);
		CHECK(err == ERR_OK);
		sctp_connect(run->ends[i], now);
	}
	bool again = true;
	while (again) {
		bool first = hand_over(run, 0, now), second = hand_over(run, 1, now);
		again = first || second;
	}
	CHECK(sctp_state(run->ends[1]) == SCTP_ESTABLISHED);
}

static void measure(struct rng *rng, size_t size, usec length, double *ret_rate)
{
	static uint8_t data[256 * 1024];
	struct run run;
	run_init(&run, rng);
	struct sctp_message message = {.data = bytes_of(data, size)};
	usec start = clock_now(), now = start;
	while (now - start < length) {
		enum err err = ERR_OK;
		while (!err && sctp_stream_buffered(run.ends[0], 0) < BUFFERED_MAX)
			err = sctp_send(run.ends[0], now, &message);
		hand_over(&run, 0, now);
		hand_over(&run, 1, now);
		now = clock_now();
		for (int i = 0; i < 2; i++)
			sctp_advance(run.ends[i], now);
	}
	*ret_rate = (double)run.messages * (double)USEC_PER_SEC / (double)(now - start);
	for (int i = 0; i < 2; i++)
		sctp_destroy(run.ends[i]);
}

int main(int argc, char **argv)
{
	uint32_t seconds = 1;
	if (argc > 2 || (argc == 2 && (!text_to_u32(argv[1], &seconds) || seconds == 0))) {
		fprintf(stderr, "usage: sctp_memory [SECONDS]\n");
		return 2;
	}
	static const size_t sizes[] = {200, 1000, 10000, 16384, 100000};
	struct rng rng = rng_seeded(1);
	printf("{");
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		double rate;
		measure(&rng, sizes[i], seconds * USEC_PER_SEC, &rate);
		printf("%s\"%zu\": {\"messages_per_s\": %.0f, \"MBps\": %.1f}", i ? ", " : "",
			sizes[i], rate, rate * (double)sizes[i] / 1e6);
	}
	printf("}\n");
	return 0;
}
