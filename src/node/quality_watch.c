#include "node/quality_watch.h"

#include "base/log.h"
#include "node/internal.h"
#include "node/limits.h"
#include "node/quality.h"
#include "node/session.h"

static void note(struct session *session, usec now)
{
	struct link *link = session->current;
	struct quality_counters counters;
	struct link_route route;
	if (!link) {
		quality_path(session->quality, now, "");
		return;
	}
	link_count(link, &counters);
	link_route(link, &route);
	quality_count(session->quality, now, &counters);
	if (route.known)
		quality_path(session->quality, now, route.text);
}

void quality_watch_note(struct session *session)
{
	struct node *node = session->node;
	usec now = net_now();
	if (!session->quality && quality_create(&session->quality) != ERR_OK) {
		log_debug("no memory for the quality of '%s'", session->name);
		return;
	}
	note(session, now);
	if (!net_timer_is_set(&node->quality_timer))
		net_timer_set(&node->quality_timer, now + NODE_QUALITY_INTERVAL);
}

/* A node without links sleeps, once the last hour of them is forgotten. */
static void on_timer(void *user)
{
	struct node *node = user;
	struct session *session;
	size_t cursor = 0;
	usec now = net_now();
	bool linked = false, remembered = false;
	while ((session = map_next(&node->sessions, &cursor))) {
		if (!session->quality)
			continue;
		if (session->current) {
			note(session, now);
			linked = true;
		} else if (quality_is_over(session->quality, now)) {
			quality_destroy(session->quality);
			session->quality = NULL;
		} else {
			remembered = true;
		}
	}
	if (linked)
		net_timer_set(&node->quality_timer, now + NODE_QUALITY_INTERVAL);
	else if (remembered)
		net_timer_set(&node->quality_timer, now + QUALITY_TIME / 4);
}

enum err quality_watch_init(struct node *node)
{
	return net_timer_init(&node->quality_timer, node->loop, on_timer, node);
}

void quality_watch_deinit(struct node *node)
{
	net_timer_deinit(&node->quality_timer);
}
