/* What a peer sends: STUN first, then handshake flights, then as many sealed SCTP packets as make
 * one flight of equal segments. */
#include "peer/internal.h"

#include <stdlib.h>

#include "peer/convert.h"

static size_t write_ice(struct dpc_peer *peer, uint8_t *data, size_t capacity, struct path *path)
{
	if (peer->state == DPC_CLOSED)
		return 0;
	return ice_agent_write(peer->ice, peer->now, data, capacity, path);
}

static size_t write_handshake(struct dpc_peer *peer, uint8_t *data, size_t capacity)
{
	return dtls_write(peer->dtls, data, capacity);
}

/* The next SCTP packet, sealed in place; 0 when there is none. */
static size_t write_sealed(struct dpc_peer *peer, uint8_t *data, size_t capacity)
{
	if (peer->held_size > 0) {
		size_t size = peer->held_size;
		CHECK(size <= capacity);
		memcpy(data, peer->held, size);
		peer->held_size = 0;
		return size;
	}
	size_t packet_size = sctp_write(peer->sctp, peer->now, data + dtls_headroom(peer->dtls),
		capacity - DTLS_OVERHEAD_MAX);
	if (packet_size == 0)
		return 0;
	size_t size;
	enum err err = dtls_seal(peer->dtls, data, capacity, packet_size, &size);
	if (err) {
		/* As if the network had lost it: SCTP sends it again. */
		peer->dropped++;
		return 0;
	}
	return size;
}

/* Keeps a datagram that does not fit the flight for the next call. */
static bool hold(struct dpc_peer *peer, const uint8_t *data, size_t size)
{
	if (size > peer->held_capacity) {
		free(peer->held);
		peer->held_capacity = max_size(size, peer_datagram_max(peer));
		peer->held = malloc(peer->held_capacity);
	}
	if (!peer->held) {
		peer->held_capacity = 0;
		return false;
	}
	CHECK(size <= peer->held_capacity);
	memcpy(peer->held, data, size);
	peer->held_size = size;
	return true;
}

static size_t write_flight(
	struct dpc_peer *peer, uint8_t *data, size_t capacity, size_t *ret_segment)
{
	size_t largest = peer_datagram_max(peer);
	size_t segment = write_sealed(peer, data, capacity);
	size_t total = segment;
	if (segment > largest) {
		/* A probe of the path goes alone: the interface may refuse its size. */
		*ret_segment = segment;
		return total;
	}
	for (size_t count = 1; segment > 0 && count < PEER_SEGMENTS_MAX; count++) {
		if (capacity - total < largest)
			break;
		size_t size = write_sealed(peer, data + total, largest);
		if (size == 0)
			break;
		if (size > segment) {
			/* Lost when memory is out; SCTP recovers. */
			if (!hold(peer, data + total, size))
				peer->dropped++;
			break;
		}
		total += size;
		if (size < segment)
			break;
	}
	*ret_segment = segment;
	return total;
}

/* Once the peer is closed, DTLS says goodbye, but only behind SCTP's own last words, an ABORT or a
 * SHUTDOWN COMPLETE, which need it to be open. */
static size_t write_goodbye(
	struct dpc_peer *peer, uint8_t *data, size_t capacity, size_t *ret_segment)
{
	size_t total = 0;
	if (dtls_state(peer->dtls) == DTLS_OPEN)
		total = write_flight(peer, data, capacity, ret_segment);
	if (total > 0) {
		/* Then the other side hears the end from us, perhaps. */
		peer->has_last_word = true;
	} else {
		dtls_close(peer->dtls);
		total = write_handshake(peer, data, capacity);
		*ret_segment = total;
	}
	if (total > 0 && total == *ret_segment)
		farewell_add(&peer->farewell, bytes_of(data, total));
	return total;
}

/* Once more what was said last. */
static size_t write_farewell(struct dpc_peer *peer, uint8_t *data)
{
	usec round_trip = ice_agent_stats(peer->ice)->rtt;
	/* A failure of the handshake is told by a single alert. */
	bool last_word = peer->has_last_word || dtls_state(peer->dtls) == DTLS_FAILED;
	farewell_begin(&peer->farewell, peer->now, round_trip, last_word);
	struct bytes words = farewell_write(&peer->farewell, peer->now);
	if (words.size > 0)
		memcpy(data, words.data, words.size);
	return words.size;
}

static size_t write_session(
	struct dpc_peer *peer, uint8_t *data, size_t capacity, size_t *ret_segment)
{
	if (peer->state == DPC_CLOSED) {
		size_t said = write_goodbye(peer, data, capacity, ret_segment);
		return said > 0 ? said : write_farewell(peer, data);
	}
	size_t total = write_handshake(peer, data, capacity);
	if (total == 0 && dtls_state(peer->dtls) == DTLS_OPEN)
		total = write_flight(peer, data, capacity, ret_segment);
	return total;
}

size_t dpc_peer_write(struct dpc_peer *peer, int64_t now, void *data, size_t capacity,
	struct dpc_path *ret_path, size_t *ret_segment)
{
	CHECK(capacity >= DPC_WRITE_MIN);
	CHECK(capacity >= peer->config.mtu && capacity >= peer->config.mtu_max);
	peer->now = now;
	struct path path = peer->path;
	size_t segment = 0, total = write_ice(peer, data, capacity, &path);
	if (total == 0 && peer->dtls && peer->has_path) {
		path = peer->path;
		total = write_session(peer, data, capacity, &segment);
	}
	if (total == 0)
		return 0;
	peer->bytes_out += total;
	*ret_path = path_to_public(&path);
	*ret_segment = segment ? segment : total;
	return total;
}
