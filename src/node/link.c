#include "node/link.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "node/describe.h"
#include "node/describe_quality.h"
#include "node/dispatch.h"
#include "node/events.h"
#include "node/files.h"
#include "node/internal.h"
#include "node/limits.h"
#include "node/quality_watch.h"
#include "node/session.h"

/* It takes a restart of ICE, through the hub and over the link. */
#define FEATURE_RESTART "restart"
#define FEATURE_CHANGES "chat_changes"
#define FEATURE_MARKS "chat_marks"
/* What we can do beyond plain messages, said in hello. */
static const char *const features[] = {
	"chat_ack", "context", "ai", FEATURE_RESTART, FEATURE_CHANGES, FEATURE_MARKS};

const char *link_path_name(enum link_path path)
{
	switch (path) {
	case LINK_DIRECT:
		return "direct";
	case LINK_WEBRTC:
		return "webrtc";
	}
	UNREACHABLE();
}

void link_count(struct link *link, struct quality_counters *ret_counters)
{
	struct quality_counters counters = {0};
	link->transport->count(link, &counters);
	counters.link = link->serial;
	if (counters.rtt == 0)
		counters.rtt = link->rtt;
	*ret_counters = counters;
}

void link_route(struct link *link, struct link_route *ret_route)
{
	struct link_route_facts facts = {.local_type = "", .remote_type = ""};
	link->transport->route(link, &facts);
	link_route_of(&facts, ret_route);
}

json_t *link_describe(struct link *link)
{
	json_t *description = json_pack("{s:s, s:b, s:f, s:f}", "path", link_path_name(link->path),
		"initiator", link->initiator, "since", link->up_unix_time, "setup_ms",
		(double)(link->up_at - link->started) / USEC_PER_MS);
	if (!description)
		return NULL;
	if (link->agent[0])
		json_object_set_new(description, "agent", json_string(link->agent));
	struct quality_counters counters;
	struct link_route route;
	link_count(link, &counters);
	link_route(link, &route);
	if (counters.rtt > 0)
		json_object_set_new(
			description, "rtt_ms", json_real((double)counters.rtt / USEC_PER_MS));
	json_object_set_new(description, "route", link_route_describe(&route));
	json_object_set_new(description, "quality", describe_link_quality(link, &counters));
	link->transport->describe(link, description);
	return description;
}

/* ---- Life ---- */

static void timed_out(void *user)
{
	struct link *link = user;
	const char *name = link->session->name;
	struct failure failure = {0};
	switch (link->state) {
	case LINK_CONNECTING:
		failure_set(&failure, FAILURE_TIMEOUT,
			link->path == LINK_DIRECT
				? "'%s' does not answer at its addresses; is it running there?"
				: "no connection to '%s' came about through the hub; "
				  "they may have to accept you first",
			name);
		break;
	case LINK_GREETING:
		failure_set(&failure, FAILURE_REFUSED,
			"'%s' answers but has not accepted you; ask them to run 'dpc add %s'", name,
			link->session->node->id);
		break;
	case LINK_UP:
		return;
	case LINK_CLOSING:
		break;
	}
	link_ended(link, &failure);
}

enum err link_init(struct link *link, struct session *session, enum link_path path, bool initiator,
	const struct link_transport *transport)
{
	struct node *node = session->node;
	if (node->stopping)
		return ERR_CLOSED;
	if (node->link_count >= NODE_LINKS_MAX)
		return ERR_LIMIT;
	size_t count = 0;
	LIST_FOREACH (other, &session->links)
		count++;
	if (count >= NODE_LINKS_PER_SESSION_MAX)
		return ERR_LIMIT;
	enum err err = net_timer_init(&link->timer, node->loop, timed_out, link);
	if (err)
		return err;
	link->session = session;
	link->transport = transport;
	link->path = path;
	link->state = LINK_CONNECTING;
	link->initiator = initiator;
	link->serial = ++node->serial;
	link->started = net_now();
	net_timer_set(&link->timer,
		link->started + (path == LINK_DIRECT ? NODE_DIRECT_TIMEOUT : NODE_WEBRTC_TIMEOUT));
	list_push_back(&session->links, &link->node);
	node->link_count++;
	return ERR_OK;
}

void link_deinit(struct link *link)
{
	if (list_is_linked(&link->node))
		list_remove(&link->node);
	net_timer_deinit(&link->timer);
	link->session->node->link_count--;
	node_link_gone(link->session->node);
}

void link_destroy(struct link *link)
{
	link->transport->destroy(link);
}

void link_ended(struct link *link, const struct failure *failure)
{
	struct session *session = link->session;
	bool was_up = link->up_at > 0;
	list_remove(&link->node);
	link->state = LINK_CLOSING;
	log_debug("%s link %llu of '%s' ended: %s", link_path_name(link->path),
		(unsigned long long)link->serial, session->name,
		failure->code == FAILURE_NONE ? "closed" : failure->fault.text);
	if (was_up)
		session_link_lost(session, link, failure);
	else
		session_link_failed(session, link, failure);
	link_destroy(link);
	session_link_gone(session);
}

void link_close(struct link *link, const char *code)
{
	if (link->state == LINK_CLOSING)
		return;
	if (link->state == LINK_CONNECTING) {
		link_destroy(link);
		return;
	}
	/* Best effort: what it says is only politeness. */
	struct message message = {
		.type = MESSAGE_ERROR, .error = {.code = code, .message = "the link is closed"}};
	if (link->state == LINK_UP && link_send(link, &message) != ERR_OK)
		log_debug("cannot say goodbye to '%s'", link->session->name);
	link->state = LINK_CLOSING;
	net_timer_set(&link->timer, net_now() + NODE_CLOSE_TIMEOUT);
	link->transport->close(link, code);
}

/* ---- Who is there ---- */

static void report_changed_key(struct link *link, const char *pinned, const char *shown)
{
	event_of_session(link->session, "key_changed",
		json_pack("{s:s, s:s, s:s}", "pinned", pinned, "shown", shown, "via",
			link_path_name(link->path)));
	log_warn("'%s' showed another key than the pinned one: %s", link->session->name, shown);
}

bool link_check_pin(struct link *link, const struct node_pin *pin, struct failure *failure)
{
	struct session *session = link->session;
	struct node *node = session->node;
	char text[NODE_PIN_TEXT_MAX];
	node_pin_text(pin, text);
	enum err err = node_id_matches_pin(session->id, pin)
			       ? store_contact_pin(node->store, session->id, text)
			       : ERR_MISMATCH;
	if (!err)
		return true;
	if (err == ERR_MISMATCH) {
		struct store_contact contact = {0};
		if (session_contact(session, &contact) == ERR_OK)
			report_changed_key(link, contact.pin, text);
		failure_set(failure, FAILURE_KEY_CHANGED,
			"'%s' showed another key than the pinned one; compare it with them before "
			"you trust it",
			session->name);
	} else {
		failure_set(failure, FAILURE_INTERNAL, "cannot pin the key of '%s': %s",
			session->name, store_fault_text(node->store));
	}
	return false;
}

static void come_up(struct link *link)
{
	link->state = LINK_UP;
	link->up_at = net_now();
	link->up_unix_time = node_unix_time();
	net_timer_cancel(&link->timer);
	session_link_up(link->session, link);
}

static bool send_hello(struct link *link)
{
	struct node *node = link->session->node;
	struct message message = {.type = MESSAGE_HELLO,
		.hello = {.node_id = node->id,
			.name = node->config.name,
			.agent = "dpc/" DPC_VERSION}};
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		message.hello.features.items[message.hello.features.count++] = features[i];
	return link_send(link, &message) == ERR_OK;
}

void link_authenticated(struct link *link, bool accepted)
{
	CHECK(link->state == LINK_CONNECTING);
	link->state = LINK_GREETING;
	net_timer_set(&link->timer, net_now() + NODE_HELLO_TIMEOUT);
	if (!send_hello(link))
		log_warn("cannot greet '%s'", link->session->name);
	/* Older peers do not greet. */
	if (accepted || link->hub_vouched)
		come_up(link);
}

/* Two forms of an id name the same key: the longer begins as the shorter. */
static bool is_same_node(const char *a, const char *b)
{
	size_t size = min_size(strlen(a), strlen(b));
	return strncmp(a, b, size) == 0;
}

static bool greeted(struct link *link, const struct message_hello *hello)
{
	if (!is_same_node(hello->node_id, link->session->id)) {
		struct failure failure;
		failure_set(&failure, FAILURE_UNTRUSTED, "'%s' greets as '%s'; refused",
			link->session->name, hello->node_id);
		link_ended(link, &failure);
		return false;
	}
	(void)text_copy(link->agent, sizeof(link->agent), hello->agent);
	for (size_t i = 0; i < hello->features.count; i++) {
		const char *feature = hello->features.items[i];
		link->can_restart |= strcmp(feature, FEATURE_RESTART) == 0;
		link->can_change |= strcmp(feature, FEATURE_CHANGES) == 0;
		link->can_mark |= strcmp(feature, FEATURE_MARKS) == 0;
	}
	return true;
}

/* The first message: hello, or that of an older peer that does not know it. False: it was hello, or
 * the link is gone. */
static bool receive_first(struct link *link, struct bytes text)
{
	struct message message = {0};
	link->heard = true;
	bool is_hello =
		message_parse(text, &message, NULL) == ERR_OK && message.type == MESSAGE_HELLO;
	bool lives = !is_hello || greeted(link, &message.hello);
	message_deinit(&message);
	if (lives && link->state == LINK_GREETING)
		come_up(link);
	else if (lives && link->state == LINK_UP)
		session_link_heard(link->session, link);
	return lives && !is_hello;
}

/* ---- Messages ---- */

enum err link_send(struct link *link, const struct message *message)
{
	struct node *node = link->session->node;
	if (link->state != LINK_UP && link->state != LINK_GREETING)
		return ERR_STATE;
	buffer_clear(&node->scratch);
	enum err err = message_encode(message, &node->scratch);
	if (err)
		return err;
	err = link->transport->send(link, buffer_bytes(&node->scratch));
	if (!err)
		node->counters.messages_out++;
	return err;
}

enum err link_send_piece(struct link *link, struct bytes piece)
{
	return link->state == LINK_UP ? link->transport->send_piece(link, piece) : ERR_STATE;
}

void link_piece_received(struct link *link, struct bytes piece)
{
	if (link->state == LINK_UP)
		files_received(link->session, link, piece);
}

void link_pieces_lost(struct link *link)
{
	files_link_gone(link->session, link);
}

void link_received(struct link *link, struct bytes text)
{
	link->session->node->counters.messages_in++;
	if (link->state == LINK_CONNECTING)
		return;
	if (!link->heard && link->state != LINK_CLOSING && !receive_first(link, text))
		return;
	dispatch_message(link->session, link, text);
}

void link_writable(struct link *link)
{
	if (link->state != LINK_UP)
		return;
	/* Where a file moves this comes a thousand times a second: the outbox is looked at when
	 * something in it waits for just that. */
	if (link->session->current == link && link->session->chat_waits)
		session_chat_flush(link->session);
	handle_ai_writable(link->session, link);
	files_writable(link->session, link);
}

void link_path_changed(struct link *link)
{
	struct session *session = link->session;
	if (link->state != LINK_UP || session->current != link)
		return;
	quality_watch_note(session);
	event_of_session(session, "link_changed", json_pack("{s:o}", "link", link_describe(link)));
}

void link_ping(struct link *link)
{
	struct node *node = link->session->node;
	double stamp = node_next_stamp(node);
	struct message message = {.type = MESSAGE_PING, .ping = {.timestamp = stamp}};
	if (link_send(link, &message) == ERR_OK) {
		link->ping_sent = net_now();
		link->ping_stamp = stamp;
	}
}
