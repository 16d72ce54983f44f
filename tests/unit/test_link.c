#include "node/link.h"

#include "node/internal.h"
#include "node/limits.h"
#include "node/quality_watch.h"
#include "node/session.h"
#include "test.h"
#include "test_home.h"

#define BOB "dpc-node-fedcba9876543210"
#define HELLO(id)                                                                                  \
	"{\"type\":\"hello\",\"node_id\":\"" id                                                    \
	"\",\"name\":\"bob\",\"agent\":\"dpc/1\",\"features\":[]}"

static void one_more_than_the_limit_of_a_node_is_refused(void **state)
{
	(void)state;
	struct node node = {.link_count = NODE_LINKS_MAX};
	struct session session = {.node = &node};
	struct link link = {0};
	static const struct link_transport transport;
	list_init(&session.links);
	assert_err(link_init(&link, &session, LINK_DIRECT, true, &transport), ERR_LIMIT);
	assert_int_equal(node.link_count, NODE_LINKS_MAX);
}

static void one_more_than_the_limit_of_a_session_is_refused(void **state)
{
	(void)state;
	struct node node = {0};
	struct session session = {.node = &node};
	struct link link = {0};
	struct list links[NODE_LINKS_PER_SESSION_MAX] = {0};
	static const struct link_transport transport;
	list_init(&session.links);
	for (size_t i = 0; i < NODE_LINKS_PER_SESSION_MAX; i++)
		list_push_back(&session.links, &links[i]);
	assert_err(link_init(&link, &session, LINK_DIRECT, true, &transport), ERR_LIMIT);
}

/* A node with a contact, a message for it in the outbox, and a link that keeps what it sends. */
struct lone {
	struct node node;
	struct session *session;
	struct link link;
	char sent[256]; /* the types of what was sent, each with a space behind it */
	bool full, destroyed;
};

static enum err note_type(struct link *link, struct bytes text)
{
	struct lone *lone = CONTAINER_OF(link, struct lone, link);
	if (lone->full)
		return ERR_AGAIN;
	json_t *object = json_loadb((const char *)text.data, text.size, 0, NULL);
	struct writer w = writer_of(lone->sent, sizeof lone->sent - 1);
	w.size = strlen(lone->sent);
	write_text(&w, json_string_value(json_object_get(object, "type")));
	write_text(&w, " ");
	assert_false(w.failed);
	json_decref(object);
	return ERR_OK;
}

static void note_destroyed(struct link *link)
{
	struct lone *lone = CONTAINER_OF(link, struct lone, link);
	lone->destroyed = true;
	link_deinit(link);
}

static void describe_nothing(struct link *link, json_t *description)
{
	(void)link;
	(void)description;
}

static void count_nothing(struct link *link, struct quality_counters *ret_counters)
{
	(void)link;
	(void)ret_counters;
}

static void go_nowhere(struct link *link, struct link_route_facts *ret_facts)
{
	(void)link;
	(void)ret_facts;
}

static const struct link_transport noting = {.send = note_type,
	.destroy = note_destroyed,
	.describe = describe_nothing,
	.count = count_nothing,
	.route = go_nowhere};

static struct lone *lone_create(const char *home)
{
	struct lone *lone = test_calloc(1, sizeof *lone);
	struct node *node = &lone->node;
	struct store_contact contact = {.name = "bob", .node_id = BOB};
	node->rng = rng_seeded(1);
	node->id = "dpc-node-0123456789abcdef";
	node->scratch = buffer_with_max(MESSAGE_SIZE_MAX);
	map_init(&node->sessions, 1, &node->rng);
	assert_ok(net_loop_create(&node->loop));
	assert_ok(quality_watch_init(node));
	assert_ok(store_open(home, &node->store, NULL));
	assert_ok(store_contact_add(node->store, &contact));
	assert_ok(store_outbox_add(
		node->store, BOB, &(struct store_draft){"a", "hello", 1753000000.25, NULL, NULL}));
	assert_ok(session_get(node, BOB, &lone->session));
	assert_ok(link_init(&lone->link, lone->session, LINK_WEBRTC, true, &noting));
	return lone;
}

static void lone_destroy(struct lone *lone)
{
	struct node *node = &lone->node;
	session_destroy(lone->session);
	assert_true(lone->destroyed);
	quality_watch_deinit(node);
	map_deinit(&node->sessions);
	buffer_deinit(&node->scratch);
	store_close(node->store);
	net_loop_destroy(node->loop);
	test_free(lone);
}

static void messages_wait_for_the_hello_of_a_peer_that_may_not_have_accepted_us(void **state)
{
	struct lone *lone = lone_create(*state);
	link_authenticated(&lone->link, false);
	assert_int_equal(lone->link.state, LINK_GREETING);
	assert_string_equal(lone->sent, "hello ");
	link_received(&lone->link, bytes_of_text(HELLO(BOB)));
	assert_int_equal(lone->link.state, LINK_UP);
	assert_string_equal(lone->sent, "hello ping chat ");
	lone_destroy(lone);
}

static void messages_go_right_behind_our_hello_to_a_peer_that_has_accepted_us(void **state)
{
	struct lone *lone = lone_create(*state);
	link_authenticated(&lone->link, true);
	assert_int_equal(lone->link.state, LINK_UP);
	assert_string_equal(lone->sent, "hello ping chat ");
	/* Its hello is taken all the same, and changes no more than what we know of it. */
	link_received(&lone->link, bytes_of_text(HELLO(BOB)));
	assert_int_equal(lone->link.state, LINK_UP);
	assert_string_equal(lone->link.agent, "dpc/1");
	assert_string_equal(lone->sent, "hello ping chat ");
	lone_destroy(lone);
}

static void what_a_full_link_did_not_take_goes_when_it_takes_more(void **state)
{
	struct lone *lone = lone_create(*state);
	lone->full = true;
	link_authenticated(&lone->link, true);
	lone->full = false;
	assert_string_equal(lone->sent, "");
	link_writable(&lone->link);
	assert_string_equal(lone->sent, "chat ");
	link_writable(&lone->link);
	assert_string_equal(lone->sent, "chat ");
	lone_destroy(lone);
}

static void a_hello_of_somebody_else_ends_a_link_that_is_up(void **state)
{
	struct lone *lone = lone_create(*state);
	link_authenticated(&lone->link, true);
	link_received(&lone->link, bytes_of_text(HELLO("dpc-node-0000000000000001")));
	assert_true(lone->destroyed);
	lone_destroy(lone);
}

TESTS(TEST(one_more_than_the_limit_of_a_node_is_refused),
	TEST(one_more_than_the_limit_of_a_session_is_refused),
	HOME_TEST(messages_wait_for_the_hello_of_a_peer_that_may_not_have_accepted_us),
	HOME_TEST(messages_go_right_behind_our_hello_to_a_peer_that_has_accepted_us),
	HOME_TEST(what_a_full_link_did_not_take_goes_when_it_takes_more),
	HOME_TEST(a_hello_of_somebody_else_ends_a_link_that_is_up))
