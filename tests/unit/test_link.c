#include "node/link.h"

#include "node/internal.h"
#include "node/limits.h"
#include "node/session.h"
#include "test.h"

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

TESTS(TEST(one_more_than_the_limit_of_a_node_is_refused),
	TEST(one_more_than_the_limit_of_a_session_is_refused))
