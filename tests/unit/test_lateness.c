/* A network that loses nothing and takes 50 us each way, between two processes that are run late:
 * what was sent once has arrived, and nothing may be given up, whatever a limit says. */
#include "sctp_pair.h"

#define DELAY 50 /* us, each way */
#define MESSAGES 150
#define MESSAGE_MAX 10000
#define BURSTS 40

struct manner {
	usec pause_min, pause; /* how long a process is not run, and up to how much longer */
	unsigned percent;      /* of its turns are followed by a pause */
	bool timers_first;     /* on waking, before what is in the socket is read */
	bool interleaving;
};

static const struct manner manners[] = {
	{5 * USEC_PER_MS, 45 * USEC_PER_MS, 20, false, false},
	{5 * USEC_PER_MS, 45 * USEC_PER_MS, 20, true, true},
	{5 * USEC_PER_MS, 45 * USEC_PER_MS, 2, true, false},
	{5 * USEC_PER_MS, 45 * USEC_PER_MS, 2, false, true},
	{300 * USEC_PER_MS, 200 * USEC_PER_MS, 25, true, true},
};

#define MANNERS (sizeof manners / sizeof manners[0])

struct world {
	struct pair pair;
	struct rng chance;
	struct manner manner;
	usec awake[2];  /* when each is run again */
	bool pauses[2]; /* whether it may be paused at all */
};

static void begin(struct world *w, uint64_t seed, const struct manner *manner)
{
	const struct sctp_config config = {.no_interleaving = !manner->interleaving};
	*w = (struct world){
		.chance = rng_seeded(seed + 5000), .manner = *manner, .pauses = {true, true}};
	pair_init_with(&w->pair, seed, config, config);
	w->pair.delay = DELAY;
	pair_connect(&w->pair);
	pair_run(&w->pair, USEC_PER_SEC);
}

/* When this end has something to do and is run. */
static usec next_of(const struct world *w, int i)
{
	usec next = sctp_deadline(w->pair.end[i].assoc);
	for (size_t k = 0; k < w->pair.packet_count; k++)
		if (w->pair.packets[k].to == i)
			next = usec_min(next, w->pair.packets[k].at);
	return next == USEC_NEVER ? next : usec_max(next, w->awake[i]);
}

static void read_socket(struct world *w, int i)
{
	struct pair *p = &w->pair;
	size_t kept = 0;
	for (size_t k = 0; k < p->packet_count; k++) {
		struct pair_packet *packet = &p->packets[k];
		if (packet->to == i && packet->at <= p->now) {
			sctp_receive(p->end[i].assoc, p->now, bytes_of(packet->data, packet->size));
			free(packet->data);
		} else {
			p->packets[kept++] = *packet;
		}
	}
	p->packet_count = kept;
}

/* As the loop of a program does it. */
static void turn(struct world *w, int i)
{
	struct pair *p = &w->pair;
	if (w->manner.timers_first) {
		sctp_advance(p->end[i].assoc, p->now);
		pair_drain_end(p, i);
	}
	read_socket(w, i);
	sctp_advance(p->end[i].assoc, p->now);
	pair_drain_end(p, i);
	if (w->pauses[i] && rng_below(&w->chance, 100) < w->manner.percent)
		w->awake[i] = p->now + w->manner.pause_min +
			      (usec)rng_below(&w->chance, (uint64_t)w->manner.pause);
}

static void run(struct world *w, usec time)
{
	struct pair *p = &w->pair;
	usec until = p->now + time;
	for (;;) {
		usec next[2] = {next_of(w, 0), next_of(w, 1)};
		int i = next[1] < next[0];
		if (next[i] > until)
			break;
		p->now = usec_max(p->now, next[i]);
		turn(w, i);
	}
	p->now = until;
}

static void send(struct world *w, bool unordered, size_t size)
{
	uint8_t data[MESSAGE_MAX];
	struct pair_end *end = &w->pair.end[0];
	for (size_t i = 0; i < size; i++)
		data[i] = pair_byte(end->sent, i);
	const struct sctp_message message = {.stream = 1,
		.ppid = end->sent,
		.unordered = unordered,
		.reliability = SCTP_LIMITED_RETRANSMITS,
		.limit = 0,
		.data = bytes_of(data, size)};
	assert_ok(sctp_send(end->assoc, w->pair.now, &message));
	end->sent++;
}

static void assert_all_arrived(struct world *w)
{
	const struct sctp_stats *stats = sctp_stats(w->pair.end[0].assoc);
	assert_int_equal(stats->messages_abandoned, 0);
	assert_int_equal(stats->retransmitted_chunks, 0);
	assert_int_equal(w->pair.end[1].received, w->pair.end[0].sent);
	pair_assert_empty(w->pair.end[0].assoc);
}

static void begin_numbered(struct world *w, uint64_t seed)
{
	begin(w, seed, &manners[seed % MANNERS]);
	/* The other side's silence beyond RTO.Min is a time-out, as the rules have it. */
	w->pauses[1] = w->manner.pause_min < SCTP_RTO_MIN;
}

static void a_burst_between_late_processes_is_not_given_up(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 4 * MANNERS; seed++) {
		struct world w;
		begin_numbered(&w, seed);
		for (int i = 0; i < MESSAGES; i++)
			send(&w, seed % 2, 1 + rng_below(&w.chance, MESSAGE_MAX));
		pair_drain_end(&w.pair, 0);
		run(&w, 60 * USEC_PER_SEC);
		assert_all_arrived(&w);
		pair_deinit(&w.pair);
	}
}

/* Each is the last of a flight: it is for these that there is a probe. */
static void messages_now_and_then_between_late_processes_are_not_given_up(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 4 * MANNERS; seed++) {
		struct world w;
		begin_numbered(&w, seed);
		for (int i = 0; i < BURSTS; i++) {
			for (uint64_t k = rng_below(&w.chance, 4); k < 4; k++)
				send(&w, seed % 2, 1 + rng_below(&w.chance, 3000));
			pair_drain_end(&w.pair, 0);
			run(&w, (usec)rng_below(&w.chance, 60 * USEC_PER_MS));
		}
		run(&w, 60 * USEC_PER_SEC);
		assert_all_arrived(&w);
		pair_deinit(&w.pair);
	}
}

TESTS(TEST(a_burst_between_late_processes_is_not_given_up),
	TEST(messages_now_and_then_between_late_processes_are_not_given_up))
