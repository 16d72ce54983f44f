/* Permissions and channels (RFC 8656 sections 9 and 12), and the wrapping of what is sent. */
#include <stdlib.h>

#include "ice/turn_internal.h"

/* An address that nothing was sent to for so long is not renewed: another lifetime of its
 * permission would be for nothing. */
#define IN_USE TURN_PERMISSION_LIFE
/* One that is talked to hears a check of consent every few seconds (RFC 7675), and one that is
 * being checked a repetition. */
#define IDLE (30 * USEC_PER_SEC)

/* RFC 7983: the first byte of STUN is 0 to 3. */
#define STUN_FIRST_MAX 3

static struct turn_peer *peer_of(struct list *node)
{
	return CONTAINER_OF(node, struct turn_peer, node);
}

static struct bytes key_of(const struct turn_peer *peer)
{
	return bytes_of(peer->key, sizeof peer->key);
}

static struct bytes channel_key_of(const struct turn_peer *peer)
{
	return bytes_of(peer->channel_key, sizeof peer->channel_key);
}

static void make_key(const struct addr *addr, uint8_t key[TURN_KEY_SIZE])
{
	memcpy(key, addr->ip, 16);
	key[16] = (uint8_t)(addr->port >> 8);
	key[17] = (uint8_t)addr->port;
}

static void forget(struct turn *turn, struct turn_peer *peer)
{
	map_remove(&turn->by_addr, key_of(peer));
	if (peer->channel)
		map_remove(&turn->by_channel, channel_key_of(peer));
	list_remove(&peer->node);
	turn->stats.peers--;
	free(peer);
}

void turn_peers_deinit(struct turn *turn)
{
	LIST_FOREACH_SAFE (node, &turn->peers)
		forget(turn, peer_of(node));
	map_deinit(&turn->by_addr);
	map_deinit(&turn->by_channel);
}

/* When nothing of the server's remembers the address any more, and its channel's number is free. */
static usec forgotten_at(const struct turn_peer *peer)
{
	usec at = usec_max(peer->permitted_until, peer->used_at + IN_USE);
	return peer->channel ? usec_max(at, peer->bound_until + TURN_CHANNEL_REST) : at;
}

/* Makes room for another address: the one that nothing was sent to for longest gives way, so that a
 * peer that comes from one address after the other does not use up what all peers share. Not while
 * its channel is bound: the server would go on using the number. */
static void make_room(struct turn *turn, usec now)
{
	LIST_FOREACH (node, &turn->peers) {
		struct turn_peer *peer = peer_of(node);
		bool idle = !peer->channel && now >= peer->used_at + IDLE;
		if (idle || now >= forgotten_at(peer)) {
			forget(turn, peer);
			return;
		}
		if (now < peer->used_at + IDLE)
			return;
	}
}

static enum err add_peer(
	struct turn *turn, usec now, const struct addr *addr, struct turn_peer **ret_peer)
{
	if (turn->stats.peers == TURN_PEERS_MAX)
		make_room(turn, now);
	if (turn->stats.peers == TURN_PEERS_MAX)
		return ERR_LIMIT;
	struct turn_peer *peer = calloc(1, sizeof *peer);
	if (!peer)
		return ERR_NOMEM;
	peer->addr = *addr;
	make_key(addr, peer->key);
	enum err err = map_insert(&turn->by_addr, key_of(peer), peer);
	if (err) {
		free(peer);
		return err;
	}
	list_push_back(&turn->peers, &peer->node);
	turn->stats.peers++;
	turn_transaction_start(turn, &peer->transaction, TURN_CREATE_PERMISSION, now);
	*ret_peer = peer;
	return ERR_OK;
}

/* Numbers in turn, so that one comes again as late as possible. */
static bool choose_channel(struct turn *turn, struct turn_peer *peer)
{
	for (unsigned i = TURN_CHANNEL_MIN; i <= TURN_CHANNEL_MAX; i++) {
		unsigned number = turn->channel_last == TURN_CHANNEL_MAX ? TURN_CHANNEL_MIN
									 : turn->channel_last + 1u;
		turn->channel_last = (uint16_t)number;
		uint8_t key[2] = {(uint8_t)(number >> 8), (uint8_t)number};
		if (map_get(&turn->by_channel, bytes_of(key, sizeof key)))
			continue;
		memcpy(peer->channel_key, key, sizeof key);
		if (map_insert(&turn->by_channel, channel_key_of(peer), peer))
			return false;
		peer->channel = (uint16_t)number;
		return true;
	}
	return false;
}

/* What the address needs next. A bind renews the permission too (RFC 8656 section 12.1). */
static void ask(struct turn *turn, struct turn_peer *peer, usec now)
{
	if (peer->transaction.active || peer->denied)
		return;
	if (peer->wants_channel && !peer->no_channel &&
		(peer->channel || choose_channel(turn, peer)))
		turn_transaction_start(turn, &peer->transaction, TURN_CHANNEL_BIND, now);
	else
		turn_transaction_start(turn, &peer->transaction, TURN_CREATE_PERMISSION, now);
}

/* When its permission is to be renewed: never, if nothing was sent to it for long before that. */
static usec renewed_at(const struct turn_peer *peer)
{
	usec at = peer->permitted_until - TURN_RENEW_BEFORE;
	return !peer->denied && at < peer->used_at + IN_USE ? at : USEC_NEVER;
}

static bool is_due(const struct turn_peer *peer, usec now)
{
	return !peer->transaction.active && now >= renewed_at(peer);
}

void turn_peers_advance(struct turn *turn, usec now)
{
	LIST_FOREACH_SAFE (node, &turn->peers) {
		struct turn_peer *peer = peer_of(node);
		/* What the server does not answer is asked again while the address is in use. */
		if (!turn_transaction_advance(turn, &peer->transaction, now))
			turn->stats.refused++;
		if (now >= peer->bound_until)
			peer->bound = false;
		if (is_due(peer, now))
			ask(turn, peer, now);
		else if (!peer->transaction.active && now >= forgotten_at(peer))
			forget(turn, peer);
	}
}

usec turn_peers_deadline(const struct turn *turn)
{
	usec deadline = USEC_NEVER;
	for (struct list *node = turn->peers.next; node != &turn->peers; node = node->next) {
		const struct turn_peer *peer = peer_of(node);
		usec at = usec_min(renewed_at(peer), forgotten_at(peer));
		if (peer->transaction.active)
			at = peer->transaction.due;
		deadline = usec_min(deadline, at);
	}
	return deadline;
}

bool turn_peers_write(struct turn *turn, struct writer *w)
{
	if (!turn->peers_to_write)
		return false;
	LIST_FOREACH (node, &turn->peers) {
		struct turn_peer *peer = peer_of(node);
		struct turn_transaction *transaction = &peer->transaction;
		if (!transaction->active || !transaction->to_write)
			continue;
		transaction->to_write = false;
		turn_request_begin(w, transaction);
		if (transaction->method == TURN_CHANNEL_BIND)
			stun_add_u32(w, STUN_CHANNEL_NUMBER, (uint32_t)peer->channel << 16);
		stun_add_addr(w, STUN_XOR_PEER_ADDRESS, &peer->addr);
		turn_request_end(turn, w);
		return true;
	}
	turn->peers_to_write = false;
	return false;
}

struct turn_peer *turn_peers_find(struct turn *turn, struct bytes id)
{
	LIST_FOREACH (node, &turn->peers) {
		struct turn_peer *peer = peer_of(node);
		if (peer->transaction.active &&
			bytes_equal(id, bytes_of(peer->transaction.id, STUN_ID_SIZE)))
			return peer;
	}
	return NULL;
}

static void on_success(struct turn_peer *peer, usec now)
{
	peer->permitted_until = now + TURN_PERMISSION_LIFE;
	if (peer->transaction.method == TURN_CHANNEL_BIND) {
		peer->bound = true;
		peer->bound_until = now + TURN_CHANNEL_LIFE;
	}
}

void turn_peer_on_answer(
	struct turn *turn, struct turn_peer *peer, usec now, const struct stun_message *message)
{
	bool is_bind = peer->transaction.method == TURN_CHANNEL_BIND;
	if (message->class == STUN_SUCCESS) {
		peer->transaction.active = false;
		on_success(peer, now);
		if (peer->wants_channel && !peer->bound)
			ask(turn, peer, now);
		return;
	}
	if (turn_transaction_on_error(turn, &peer->transaction, now, message) == TURN_AGAIN)
		return;
	turn->stats.refused++;
	/* What we ask for is well-formed. Behind a NAT that gave us another port, coturn says that
	 * it were not where RFC 8656 has a mismatch: a Refresh is answered with the truth. */
	if (message->error_code == 400)
		turn_check(turn, now);
	if (message->error_code == 437) {
		turn_fail(turn, TURN_MISMATCH, 437);
	} else if (is_bind && message->error_code != 403) {
		/* Send indications do as well, with more bytes around. */
		peer->no_channel = true;
		peer->bound = false;
	} else {
		peer->denied = true;
		turn->stats.refused_code = message->error_code;
		turn->stats.refused_peer = peer->addr;
	}
}

/* ---- Wrapping ---- */

static void wrap_in_channel(const struct turn *turn, const struct turn_peer *peer,
	struct bytes payload, struct writer *w)
{
	write_u16(w, peer->channel);
	write_u16(w, (uint16_t)payload.size);
	write_bytes(w, payload);
	if (turn->stream)
		write_zeros(w, (4 - payload.size % 4) % 4);
}

/* A Send indication (RFC 8656 section 11.1). */
static void wrap_in_indication(
	struct turn *turn, const struct turn_peer *peer, struct bytes payload, struct writer *w)
{
	struct writer message = writer_of(w->data + w->size, w->capacity - w->size);
	uint8_t id[STUN_ID_SIZE];
	rng_fill(turn->rng, id, sizeof id);
	stun_begin(&message, STUN_INDICATION, TURN_SEND, id);
	stun_add_addr(&message, STUN_XOR_PEER_ADDRESS, &peer->addr);
	stun_add_bytes(&message, STUN_DATA, payload);
	w->size += message.size;
	w->failed = message.failed;
}

static enum err find_or_add(
	struct turn *turn, usec now, const struct addr *addr, struct turn_peer **ret_peer)
{
	uint8_t key[TURN_KEY_SIZE];
	make_key(addr, key);
	*ret_peer = map_get(&turn->by_addr, bytes_of(key, sizeof key));
	return *ret_peer ? ERR_OK : add_peer(turn, now, addr, ret_peer);
}

enum err turn_wrap(struct turn *turn, usec now, const struct addr *addr, struct bytes payload,
	struct writer *w)
{
	CHECK(!w->failed);
	if (turn->state != TURN_READY)
		return ERR_STATE;
	if (!turn_has_family(turn, addr->family))
		return ERR_UNSUPPORTED;
	if (payload.size + TURN_OVERHEAD_MAX > w->capacity - w->size ||
		payload.size > STUN_MESSAGE_MAX)
		return ERR_TOO_LARGE;
	struct turn_peer *peer;
	enum err err = find_or_add(turn, now, addr, &peer);
	if (err)
		return err;
	peer->used_at = now;
	list_remove(&peer->node);
	list_push_back(&turn->peers, &peer->node);
	if (peer->denied)
		return ERR_DENIED;
	peer->wants_channel |= payload.size > 0 && payload.data[0] > STUN_FIRST_MAX;
	if (is_due(peer, now) || (peer->wants_channel && !peer->bound && !peer->no_channel))
		ask(turn, peer, now);
	if (peer->bound && now < peer->bound_until)
		wrap_in_channel(turn, peer, payload, w);
	else
		wrap_in_indication(turn, peer, payload, w);
	CHECK(!w->failed);
	if (turn->unheard_since == USEC_NEVER && !turn->transaction.active)
		turn->unheard_since = now;
	turn->stats.datagrams_out++;
	turn->stats.bytes_out += payload.size;
	return ERR_OK;
}

bool turn_peers_receive_channel(
	struct turn *turn, struct bytes message, struct addr *ret_peer, struct bytes *ret_payload)
{
	struct reader r = reader_of(message);
	struct bytes key = read_bytes(&r, 2);
	size_t length = read_u16(&r);
	/* RFC 8656 section 12.6: over UDP what lies beyond the length is ignored. */
	struct bytes payload = read_bytes(&r, length);
	if (r.failed) {
		turn->stats.dropped_malformed++;
		return false;
	}
	const struct turn_peer *peer = map_get(&turn->by_channel, key);
	if (turn->state != TURN_READY || !peer) {
		turn->stats.dropped_unexpected++;
		return false;
	}
	turn_heard(turn);
	*ret_peer = peer->addr;
	*ret_payload = payload;
	return true;
}
