/* Connections made and closed by the thousand, over one socket a side, in every way in which they
 * can end. Each end must come, and be told to the other side; and all of it must leave the heap as
 * it was: every block of ours and of OpenSSL's is counted.
 *
 *     test_cycles [CYCLES] */
#include "node/peer_io.h"

#include <stdlib.h>

#include "base/text.h"
#include "support/heap_count.h"
#include "test.h"

/* ---- Connections ---- */

enum ending {
	ENDS_GRACEFULLY,      /* by the offerer */
	ENDS_FROM_THE_ANSWER, /* by the answerer */
	ENDS_FROM_BOTH,       /* at the same time */
	ENDS_ABRUPTLY,        /* with an abort */
	ENDS_SILENTLY,        /* both are destroyed without a word */
	ENDS_HALFWAY,         /* the offerer is destroyed before they are connected */
	ENDS_UNSENT,          /* gracefully, with messages still to be delivered */
	ENDING_COUNT,
};

enum { AT_ONCE = 16, MESSAGES = 20, MESSAGE_SIZE = 3000 };

struct end {
	struct connection *connection;
	struct peer_io_peer *peer;
	bool open, closed;
	uint16_t channel;
	size_t messages;
};

struct connection {
	struct end offerer, answerer;
	size_t number;
	enum ending ending;
	bool ending_begun;
};

static struct net_loop *loop;
static struct peer_io *offerers, *answerers;
static struct connection connections[AT_ONCE];
static size_t cycles = 300;
static size_t ended[ENDING_COUNT];

#define assert_dpc(expression)                                                                     \
	assert_string_equal(dpc_peer_err_text(expression), dpc_peer_err_text(DPC_OK))

static void on_event(struct peer_io_peer *peer, const struct dpc_event *event, void *user)
{
	struct end *end = user;
	assert_ptr_equal(peer, end->peer);
	switch (event->type) {
	case DPC_EVENT_CHANNEL_OPEN:
		end->open = true;
		end->channel = event->channel;
		break;
	case DPC_EVENT_MESSAGE:
		assert_int_equal(event->size, MESSAGE_SIZE);
		end->messages++;
		break;
	case DPC_EVENT_CLOSED:
		end->closed = true;
		if (!end->connection->ending_begun) {
			print_error("closed before its end: %s\n", event->text);
			fail();
		}
		break;
	case DPC_EVENT_STATE:
	case DPC_EVENT_CANDIDATE:
	case DPC_EVENT_PATH:
	case DPC_EVENT_SENDABLE:
	case DPC_EVENT_BUFFERED_LOW:
	case DPC_EVENT_CHANNEL_CLOSED:
		break;
	}
}

/* Host candidates are added by hand: each connection has an answering address of its own, and it is
 * long before that is used again. A handshake's last words would be taken for those of the next on
 * the same path, as nothing in them tells the two apart. */
static void create(struct connection *c, struct end *end, struct peer_io *io, bool offerer)
{
	struct peer_io_peer_config config = {.peer.offerer = offerer,
		.peer.unix_time = net_unix_now() / USEC_PER_SEC,
		.on_event = on_event,
		.user = end};
	*end = (struct end){.connection = c};
	assert_ok(peer_io_peer_create(io, &config, &end->peer));
	struct dpc_addr host = {
		.family = 4, .port = peer_io_local(io, ADDR_IPV4)->port, .ip = {127, 0, 0, 1}};
	if (!offerer) {
		host.ip[1] = 1;
		host.ip[2] = (uint8_t)(c->number / 200 % 200);
		host.ip[3] = (uint8_t)(1 + c->number % 200);
	}
	assert_dpc(dpc_peer_add_host(peer_io_peer_dpc(end->peer), net_now(), &host));
	dpc_peer_end_of_candidates(peer_io_peer_dpc(end->peer), net_now());
}

static void describe(struct end *from, struct end *to)
{
	char sdp[DPC_SDP_MAX];
	assert_dpc(dpc_peer_local_description(peer_io_peer_dpc(from->peer), sdp, sizeof(sdp)));
	assert_dpc(dpc_peer_set_remote_description(
		peer_io_peer_dpc(to->peer), net_now(), sdp, strlen(sdp)));
	peer_io_kick(to->peer);
}

static void begin(struct connection *c, size_t number)
{
	c->number = number;
	c->ending = (enum ending)(number % ENDING_COUNT);
	c->ending_begun = false;
	create(c, &c->offerer, offerers, true);
	create(c, &c->answerer, answerers, false);
	struct dpc_channel_config config = {.label = "cycle"};
	assert_dpc(dpc_peer_open_channel(
		peer_io_peer_dpc(c->offerer.peer), net_now(), &config, &c->offerer.channel));
	describe(&c->offerer, &c->answerer);
	describe(&c->answerer, &c->offerer);
}

static void destroy(struct end *end)
{
	peer_io_peer_destroy(end->peer);
	end->peer = NULL;
}

static void close_end(struct end *end)
{
	dpc_peer_close(peer_io_peer_dpc(end->peer), net_now());
	peer_io_kick(end->peer);
}

static void send_messages(struct end *end)
{
	static const uint8_t message[MESSAGE_SIZE];
	for (size_t i = 0; i < MESSAGES; i++)
		assert_dpc(dpc_peer_send(peer_io_peer_dpc(end->peer), net_now(), end->channel, true,
			message, sizeof(message)));
}

static void begin_ending(struct connection *c)
{
	c->ending_begun = true;
	switch (c->ending) {
	case ENDS_GRACEFULLY:
		close_end(&c->offerer);
		break;
	case ENDS_FROM_THE_ANSWER:
		close_end(&c->answerer);
		break;
	case ENDS_FROM_BOTH:
		close_end(&c->offerer);
		close_end(&c->answerer);
		break;
	case ENDS_ABRUPTLY:
		dpc_peer_abort(peer_io_peer_dpc(c->offerer.peer), net_now());
		peer_io_kick(c->offerer.peer);
		break;
	case ENDS_UNSENT:
		send_messages(&c->offerer);
		close_end(&c->offerer);
		break;
	case ENDS_SILENTLY:
	case ENDS_HALFWAY:
		/* Nobody is told. */
		c->offerer.closed = c->answerer.closed = true;
		break;
	case ENDING_COUNT:
		fail();
	}
}

/* Whether it is over. */
static bool step(struct connection *c)
{
	bool ready = c->offerer.open && c->answerer.open;
	/* Anywhere between the descriptions and the open channel. */
	if (c->ending == ENDS_HALFWAY)
		ready = true;
	if (ready && !c->ending_begun)
		begin_ending(c);
	if (!c->ending_begun || !c->offerer.closed || !c->answerer.closed)
		return false;
	if (c->ending == ENDS_UNSENT)
		assert_int_equal(c->answerer.messages, MESSAGES);
	destroy(&c->offerer);
	destroy(&c->answerer);
	ended[c->ending]++;
	return true;
}

static void complain(void)
{
	for (size_t i = 0; i < AT_ONCE; i++) {
		struct connection *c = &connections[i];
		if (c->offerer.peer)
			print_error("an ending of kind %d hangs, %s, offerer %s, answerer %s\n",
				(int)c->ending, c->ending_begun ? "begun" : "not begun",
				dpc_peer_state_name(
					dpc_peer_state(peer_io_peer_dpc(c->offerer.peer))),
				dpc_peer_state_name(
					dpc_peer_state(peer_io_peer_dpc(c->answerer.peer))));
	}
	fail();
}

/* Makes and closes so many, some at once. */
static void run_cycles(size_t count)
{
	size_t begun = 0, over = 0;
	usec progress = net_now();
	while (over < count) {
		for (size_t i = 0; i < AT_ONCE; i++) {
			struct connection *c = &connections[i];
			if (c->offerer.peer && step(c)) {
				over++;
				progress = net_now();
			}
			if (!c->offerer.peer && begun < count)
				begin(c, ++begun);
		}
		if (net_now() > progress + 20 * USEC_PER_SEC)
			complain();
		net_loop_run_once(loop, net_now() + 10 * USEC_PER_MS);
	}
}

static bool has_lingering(const struct peer_io *io)
{
	struct peer_io_stats stats;
	peer_io_stats(io, &stats);
	return stats.lingering > 0;
}

/* Closed peers stay until the other side has said that it heard. */
static void settle(void)
{
	for (int i = 0; i < 2000 && (has_lingering(offerers) || has_lingering(answerers)); i++)
		net_loop_run_once(loop, net_now() + 10 * USEC_PER_MS);
}

static void assert_empty(struct peer_io *io)
{
	struct peer_io_stats stats;
	peer_io_stats(io, &stats);
	assert_int_equal(stats.peers, 0);
	assert_int_equal(stats.lingering, 0);
	assert_int_equal(stats.routes, 0);
}

static void thousands_of_connections_leave_the_heap_as_it_was(void **state)
{
	(void)state;
	struct peer_io_config config = {.local4.family = ADDR_IPV4};
	assert_ok(net_loop_create(&loop));
	assert_ok(peer_io_create(loop, &config, &offerers));
	assert_ok(peer_io_create(loop, &config, &answerers));
	run_cycles(cycles / 10);
	settle();
	struct heap_count before = heap_count();
	run_cycles(cycles - cycles / 10);
	settle();
	struct heap_count after = heap_count();
	print_message("%zu cycles, %zu blocks and %zu bytes before, %zu and %zu now\n", cycles,
		before.blocks, before.bytes, after.blocks, after.bytes);
	for (size_t i = 0; i < ENDING_COUNT; i++)
		assert_in_range(ended[i], cycles / ENDING_COUNT - 2, cycles / ENDING_COUNT + 2);
	assert_empty(offerers);
	assert_empty(answerers);
	assert_int_equal(after.blocks, before.blocks);
	/* The usable size of a block depends a little on what is beside it. */
	assert_in_range(after.bytes, before.bytes - 1024, before.bytes + 1024);
	peer_io_destroy(offerers);
	peer_io_destroy(answerers);
	net_loop_destroy(loop);
}

int main(int argc, char **argv)
{
	uint32_t number;
	if (argc > 1) {
		if (!text_to_u32(argv[1], &number) || number < 10 * ENDING_COUNT)
			return 2;
		cycles = number;
	}
	if (!heap_count_start())
		return 1;
	const struct CMUnitTest tests[] = {TEST(thousands_of_connections_leave_the_heap_as_it_was)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
