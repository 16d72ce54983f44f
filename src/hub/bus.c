#include "hub/bus.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "hub/held.h"
#include "hub/hub.h"
#include "hub/recheck.h"
#include "hub/roster.h"

/* Subjects: to all hubs; to one; and that a signal did not arrive, with its sender and target. */
#define SUBJECT_ALL "dpc.all"
#define SUBJECT_HUB "dpc.hub.%016" PRIx64
#define SUBJECT_MISS "dpc.miss.%016" PRIx64

/* What such word says when the target is there, and reads slowly; else nothing. */
#define MISS_SLOW "slow"

/* Room for a message that is no signal. */
#define MESSAGE_MAX (BUS_MESSAGE_HEAD_MAX + BUS_SNAPSHOT_ENTRIES * BUS_ENTRY_SIZE)

struct bus {
	struct hub *hub;
	uint64_t id; /* drawn at the start: a hub that was restarted is another one */
	struct nats_client *nats;
	struct roster roster;
	uint64_t changes, signals; /* numbers of the last ones of ours */
	struct net_timer beat;
	struct net_timer snapshot; /* so that all who ask at once get one */
	struct net_timer held_due;
	struct list newcomers; /* nodes of ours that wait until the others know */
	struct held held;      /* signals whose target is nowhere, as far as is known */
	struct recheck recheck;
	bool was_up;
	uint64_t store_losses; /* of the connection to the store, as far as it was rechecked */
	struct bus_stats stats;
};

/* ---- Sending ---- */

static struct bus_message message_of(const struct bus *bus, enum bus_kind kind)
{
	return (struct bus_message){.kind = kind, .hub = bus->id, .number = bus->changes};
}

static enum err publish(struct bus *bus, const char *subject, const char *reply,
	const struct bus_message *message, size_t size_max)
{
	struct buffer data = buffer_with_max(size_max);
	enum err err = bus_message_write(&data, message);
	if (err == ERR_OK)
		err = nats_client_publish(bus->nats, subject, reply, buffer_bytes(&data));
	buffer_deinit(&data);
	return err;
}

/* What does not leave, since there is no server or too much waits, the others notice by the next
 * number, and ask. */
static void tell_all(struct bus *bus, const struct bus_message *message)
{
	enum err err = publish(bus, SUBJECT_ALL, NULL, message, MESSAGE_MAX);
	(void)err;
}

static void tell_beat(struct bus *bus)
{
	struct bus_message message = message_of(bus, BUS_BEAT);
	tell_all(bus, &message);
}

static void tell_snapshot(struct bus *bus)
{
	struct bus_message message = message_of(bus, BUS_SNAPSHOT);
	uint8_t entries[BUS_SNAPSHOT_ENTRIES * BUS_ENTRY_SIZE];
	size_t cursor = 0, count = 0;
	struct presence_entry *entry;
	do {
		entry = presence_next(&bus->hub->presence, &cursor);
		if (entry) {
			struct contact_id id = contact_id_of(entry->node_id);
			bus_entry_write(entries + BUS_ENTRY_SIZE * count++, &id, entry->stamp);
		}
		if (entry && count < BUS_SNAPSHOT_ENTRIES)
			continue;
		message.entries = bytes_of(entries, BUS_ENTRY_SIZE * count);
		message.is_last = !entry;
		tell_all(bus, &message);
		message.part++;
		count = 0;
	} while (entry);
}

static void on_snapshot(void *user)
{
	tell_snapshot(user);
}

static void tell_change(struct bus *bus, enum bus_kind kind, const struct presence_entry *entry)
{
	bus->changes++;
	struct bus_message message = message_of(bus, kind);
	message.node = contact_id_of(entry->node_id);
	message.stamp = entry->stamp;
	tell_all(bus, &message);
}

void bus_left(struct bus *bus, const struct presence_entry *entry)
{
	if (bus)
		tell_change(bus, BUS_LEAVE, entry);
}

void bus_recheck(struct bus *bus, const char *node_id)
{
	if (!bus || !node_id[0])
		return;
	struct bus_message message = message_of(bus, BUS_RECHECK);
	message.node = contact_id_of(node_id);
	tell_all(bus, &message);
}

void bus_shared_changed(struct bus *bus)
{
	if (!bus)
		return;
	struct bus_message message = message_of(bus, BUS_SHARED);
	tell_all(bus, &message);
}

uint64_t bus_stamp(const struct bus *bus, const char *node_id)
{
	uint64_t now = (uint64_t)net_unix_now(), hub, stamp = 0;
	struct contact_id id = contact_id_of(node_id);
	const struct presence_entry *here =
		bus ? presence_find(&bus->hub->presence, node_id) : NULL;
	if (bus && roster_find(&bus->roster, &id, &hub, &stamp) && stamp >= now)
		now = stamp + 1;
	return here && here->stamp >= now ? here->stamp + 1 : now;
}

bool bus_has(const struct bus *bus, const char *node_id)
{
	struct contact_id id = contact_id_of(node_id);
	uint64_t hub, stamp;
	return bus && roster_find(&bus->roster, &id, &hub, &stamp);
}

/* To the hub that has the target; misses go to `reply`. ERR_NOT_FOUND: none is known to have it. */
static enum err send_to_hub(struct bus *bus, struct bus_message *message, const char *reply)
{
	char subject[NATS_SUBJECT_MAX];
	uint64_t hub, stamp;
	if (!roster_find(&bus->roster, &message->target, &hub, &stamp))
		return ERR_NOT_FOUND;
	message->hub = bus->id;
	message->number = ++bus->signals;
	snprintf(subject, sizeof subject, SUBJECT_HUB, hub);
	enum err err = publish(bus, subject, reply, message, BUS_MESSAGE_HEAD_MAX + BUS_SIGNAL_MAX);
	bus->stats.signals_out += err == ERR_OK;
	return err;
}

static enum err send_signal(struct bus *bus, const struct contact_id *sender,
	const struct contact_id *target, struct bytes text)
{
	char reply[NATS_SUBJECT_MAX], sender_id[NODE_ID_MAX], target_id[NODE_ID_MAX];
	struct bus_message message = {
		.kind = BUS_SIGNAL, .node = *sender, .target = *target, .text = text};
	contact_id_text(sender, sender_id);
	contact_id_text(target, target_id);
	snprintf(reply, sizeof reply, SUBJECT_MISS ".%s.%s", bus->id, sender_id, target_id);
	return send_to_hub(bus, &message, reply);
}

enum err bus_hold(struct bus *bus, const struct contact_id *sender, const struct contact_id *target,
	struct bytes text)
{
	enum err err = held_add(&bus->held, sender, target, text, net_now());
	net_timer_set(&bus->held_due, held_deadline(&bus->held));
	return err;
}

enum err bus_signal(struct bus *bus, const struct contact_id *sender, const char *target_node_id,
	struct bytes text)
{
	struct contact_id target = contact_id_of(target_node_id);
	CHECK(bus);
	enum err err = send_signal(bus, sender, &target, text);
	if (err != ERR_NOT_FOUND || !nats_client_is_up(bus->nats))
		return err;
	return bus_hold(bus, sender, &target, text);
}

static void miss(struct bus *bus, const struct held_signal *signal)
{
	char sender[NODE_ID_MAX], target[NODE_ID_MAX];
	contact_id_text(&signal->sender, sender);
	contact_id_text(&signal->target, target);
	signal_socket_missed(bus->hub, sender, target, false);
}

/* Its target is found, here or elsewhere. */
static void release(struct bus *bus, const struct contact_id *target)
{
	struct held_signal *signal;
	while ((signal = held_take(&bus->held, target, 0))) {
		struct bytes text = bytes_of(signal->text, signal->size);
		if (signal_socket_deliver(bus->hub, &signal->sender, target, text) != ERR_OK &&
			send_signal(bus, &signal->sender, target, text) != ERR_OK)
			miss(bus, signal);
		free(signal);
	}
}

static void on_held_due(void *user)
{
	struct bus *bus = user;
	struct held_signal *signal;
	while ((signal = held_take(&bus->held, NULL, net_now()))) {
		miss(bus, signal);
		free(signal);
	}
	net_timer_set(&bus->held_due, held_deadline(&bus->held));
}

void bus_release(struct bus *bus, const char *node_id)
{
	struct contact_id id = contact_id_of(node_id);
	if (bus)
		release(bus, &id);
}

/* ---- Nodes that wait until the others know of them ---- */

struct newcomer {
	struct list node;
	struct contact_id id;
	uint64_t barrier;
};

/* Nothing is sent on the way, if it cannot be: then the node is not kept waiting. */
bool bus_entered(struct bus *bus, const struct presence_entry *entry)
{
	uint64_t barrier;
	if (!bus)
		return false;
	tell_change(bus, BUS_ENTER, entry);
	if (bus->roster.hub_count == 0 || nats_client_barrier(bus->nats, &barrier) != ERR_OK)
		return false;
	struct newcomer *newcomer = calloc(1, sizeof *newcomer);
	if (!newcomer)
		return false;
	newcomer->id = contact_id_of(entry->node_id);
	newcomer->barrier = barrier;
	list_push_back(&bus->newcomers, &newcomer->node);
	return true;
}

/* Those up to this barrier. */
static void greet_newcomers(struct bus *bus, uint64_t barrier)
{
	char node_id[NODE_ID_MAX];
	while (!list_is_empty(&bus->newcomers)) {
		struct newcomer *newcomer =
			CONTAINER_OF(bus->newcomers.next, struct newcomer, node);
		if (newcomer->barrier > barrier)
			break;
		contact_id_text(&newcomer->id, node_id);
		list_remove(&newcomer->node);
		free(newcomer);
		signal_socket_greet(bus->hub, node_id);
	}
}

static void on_passed(uint64_t barrier, void *user)
{
	greet_newcomers(user, barrier);
}

/* ---- Receiving ---- */

/* Another hub has the node too: the older connection goes. */
static void settle(struct bus *bus, uint64_t hub, const struct contact_id *node, uint64_t stamp)
{
	char node_id[NODE_ID_MAX];
	contact_id_text(node, node_id);
	const struct presence_entry *here = presence_find(&bus->hub->presence, node_id);
	if (!here || !roster_is_newer(stamp, hub, here->stamp, bus->id))
		return;
	bus->stats.replaced++;
	signal_socket_replaced_elsewhere(bus->hub, node_id);
}

static void settle_all(struct bus *bus, uint64_t hub, struct bytes entries)
{
	struct contact_id node;
	uint64_t stamp;
	while (bus_entry_next(&entries, &node, &stamp)) {
		settle(bus, hub, &node, stamp);
		release(bus, &node);
	}
}

static void on_signal(
	struct bus *bus, struct roster_hub *hub, struct bus_message message, struct bytes reply)
{
	char subject[NATS_SUBJECT_MAX];
	if (!roster_hub_take_signal(hub, message.number)) {
		bus->stats.duplicates++;
		return;
	}
	bus->stats.signals_in++;
	enum err err =
		signal_socket_deliver(bus->hub, &message.node, &message.target, message.text);
	if (err == ERR_OK || reply.size == 0 || !text_copy_bytes(subject, sizeof subject, reply))
		return;
	if (err == ERR_NOT_FOUND && !message.is_forwarded) {
		message.is_forwarded = true;
		if (send_to_hub(bus, &message, subject) == ERR_OK)
			return;
	}
	bus->stats.misses++;
	err = nats_client_publish(
		bus->nats, subject, NULL, bytes_of_text(err == ERR_AGAIN ? MISS_SLOW : ""));
	(void)err;
}

static void want(struct bus *bus, struct roster_hub *hub)
{
	char subject[NATS_SUBJECT_MAX];
	struct bus_message message = message_of(bus, BUS_WANT);
	if (!roster_hub_needs_snapshot(hub, net_now()))
		return;
	snprintf(subject, sizeof subject, SUBJECT_HUB, hub->id);
	enum err err = publish(bus, subject, NULL, &message, MESSAGE_MAX);
	(void)err;
}

static void take(struct bus *bus, const struct bus_message *message, struct bytes reply)
{
	char node_id[NODE_ID_MAX];
	struct roster_hub *hub = roster_hear(&bus->roster, message->hub, net_now());
	if (!hub)
		return;
	switch (message->kind) {
	case BUS_BEAT:
		roster_take(&bus->roster, hub, message);
		break;
	case BUS_WANT:
		if (!net_timer_is_set(&bus->snapshot))
			net_timer_set(&bus->snapshot, net_now() + BUS_SNAPSHOT_DELAY);
		break;
	case BUS_ENTER:
		roster_take(&bus->roster, hub, message);
		settle(bus, message->hub, &message->node, message->stamp);
		release(bus, &message->node);
		break;
	case BUS_LEAVE:
		roster_take(&bus->roster, hub, message);
		break;
	case BUS_SNAPSHOT:
		roster_take(&bus->roster, hub, message);
		settle_all(bus, message->hub, message->entries);
		break;
	case BUS_END:
		roster_drop(&bus->roster, hub);
		return;
	case BUS_SIGNAL:
		on_signal(bus, hub, *message, reply);
		break;
	case BUS_RECHECK:
		contact_id_text(&message->node, node_id);
		signal_socket_recheck_here(bus->hub, node_id);
		break;
	case BUS_SHARED:
		hub_look_at_shared(bus->hub);
		break;
	}
	want(bus, hub);
}

/* "dpc.miss.HUB.SENDER.TARGET": a signal of ours did not arrive. */
static void on_miss(struct bus *bus, struct bytes subject, struct bytes payload)
{
	char text[NATS_SUBJECT_MAX];
	if (!text_copy_bytes(text, sizeof text, subject))
		return;
	char *target = strrchr(text, '.');
	if (!target)
		return;
	*target++ = 0;
	char *sender = strrchr(text, '.');
	if (!sender || !node_id_is_valid(sender + 1) || !node_id_is_valid(target))
		return;
	signal_socket_missed(bus->hub, sender + 1, target, bytes_equal_text(payload, MISS_SLOW));
}

static void on_message(const struct nats_frame *frame, void *user)
{
	struct bus *bus = user;
	struct bus_message message;
	char miss[NATS_SUBJECT_MAX];
	size_t size = (size_t)snprintf(miss, sizeof miss, SUBJECT_MISS ".", bus->id);
	if (bytes_equal_text(bytes_slice(frame->subject, 0, size), miss)) {
		on_miss(bus, frame->subject, frame->payload);
		return;
	}
	enum err err = bus_message_parse(frame->payload, &message);
	if (err != ERR_OK)
		bus->stats.malformed++;
	else if (message.hub != bus->id)
		take(bus, &message, frame->reply);
}

/* ---- Life ---- */

static void on_opened(void *user)
{
	struct bus *bus = user;
	struct bus_message message = message_of(bus, BUS_WANT);
	tell_snapshot(bus);
	tell_all(bus, &message);
	if (bus->was_up) {
		hub_look_at_shared(bus->hub);
		recheck_start(&bus->recheck);
	}
	bus->was_up = true;
}

/* Others fall silent by themselves. */
static void on_closed(const char *reason, void *user)
{
	(void)reason;
	greet_newcomers(user, UINT64_MAX);
}

/* What the bus has told meanwhile could not be looked up. */
static void recheck_after_store(struct bus *bus)
{
	struct store_stats store = store_stats(bus->hub->store);
	if (store.is_away || store.losses == bus->store_losses)
		return;
	bus->store_losses = store.losses;
	recheck_start(&bus->recheck);
}

static void on_beat(void *user)
{
	struct bus *bus = user;
	struct roster_hub *silent;
	usec now = net_now();
	net_timer_set(&bus->beat, now + BUS_BEAT_INTERVAL);
	tell_beat(bus);
	recheck_after_store(bus);
	while ((silent = roster_silent(&bus->roster, now))) {
		log_warn("a hub with %zu nodes says nothing any more", silent->node_count);
		roster_drop(&bus->roster, silent);
	}
}

static enum err connect_nats(struct bus *bus, const char *urls)
{
	char inbox[NATS_SUBJECT_MAX], misses[NATS_SUBJECT_MAX], name[32];
	const char *subjects[] = {SUBJECT_ALL, inbox, misses};
	snprintf(inbox, sizeof inbox, SUBJECT_HUB, bus->id);
	snprintf(misses, sizeof misses, SUBJECT_MISS ".*.*", bus->id);
	snprintf(name, sizeof name, "dpc-hub %016" PRIx64, bus->id);
	return nats_client_create(bus->hub->loop,
		&(struct nats_client_config){
			.urls = urls,
			.name = name,
			.subjects = subjects,
			.subject_count = sizeof subjects / sizeof subjects[0],
			.opened = on_opened,
			.message = on_message,
			.passed = on_passed,
			.closed = on_closed,
			.user = bus,
		},
		&bus->nats);
}

enum err bus_create(struct hub *hub, const char *urls, struct bus **ret_bus)
{
	struct bus *bus = calloc(1, sizeof *bus);
	if (!bus)
		return ERR_NOMEM;
	bus->hub = hub;
	bus->id = rng_u64(&hub->rng);
	held_init(&bus->held);
	list_init(&bus->newcomers);
	roster_init(&bus->roster, BUS_HUBS_MAX, BUS_NODES_MAX, &hub->rng);
	enum err err = net_timer_init(&bus->beat, hub->loop, on_beat, bus);
	if (err == ERR_OK)
		err = net_timer_init(&bus->snapshot, hub->loop, on_snapshot, bus);
	if (err == ERR_OK)
		err = net_timer_init(&bus->held_due, hub->loop, on_held_due, bus);
	if (err == ERR_OK)
		err = recheck_init(&bus->recheck, hub);
	if (err == ERR_OK)
		err = connect_nats(bus, urls);
	if (err != ERR_OK) {
		bus_destroy(bus);
		return err;
	}
	net_timer_set(&bus->beat, net_now() + BUS_BEAT_INTERVAL);
	*ret_bus = bus;
	return ERR_OK;
}

void bus_destroy(struct bus *bus)
{
	if (!bus)
		return;
	if (bus->nats && nats_client_is_up(bus->nats)) {
		struct bus_message message = message_of(bus, BUS_END);
		tell_all(bus, &message);
		nats_client_flush(bus->nats);
	}
	nats_client_destroy(bus->nats);
	recheck_deinit(&bus->recheck);
	net_timer_deinit(&bus->held_due);
	net_timer_deinit(&bus->snapshot);
	net_timer_deinit(&bus->beat);
	held_deinit(&bus->held);
	greet_newcomers(bus, UINT64_MAX);
	roster_deinit(&bus->roster);
	free(bus);
}

struct bus_stats bus_stats(const struct bus *bus)
{
	if (!bus)
		return (struct bus_stats){0};
	struct bus_stats stats = bus->stats;
	stats.is_up = nats_client_is_up(bus->nats);
	stats.hubs = bus->roster.hub_count;
	stats.nodes = roster_node_count(&bus->roster);
	stats.queued = nats_client_queued(bus->nats);
	stats.nats = *nats_client_stats(bus->nats);
	return stats;
}
