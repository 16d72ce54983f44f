#include <assert.h>
#include <stdlib.h>

#include "ice/turn_internal.h"

/* RFC 8656 section 18.7: the protocol number of UDP, in the first of four bytes. */
#define TRANSPORT_UDP (UINT32_C(17) << 24)
/* Sections 18.6 and 18.11. */
#define FAMILY_IPV6 (UINT32_C(2) << 24)

static_assert(STUN_HEADER_SIZE + 5 * 8 + 4 + TURN_USERNAME_MAX + 4 + TURN_REALM_MAX + 1 + 4 +
			      TURN_NONCE_MAX + 1 + 4 + SHA1_SIZE + 24 <=
		      TURN_REQUEST_MAX,
	"every request fits");

void turn_fail(struct turn *turn, enum turn_failure failure, uint16_t code)
{
	CHECK(failure != TURN_FAILURE_NONE);
	if (turn->state == TURN_FAILED || turn->state == TURN_CLOSED)
		return;
	turn->state = TURN_FAILED;
	turn->failure = failure;
	turn->error_code = code;
	turn->transaction.active = false;
}

/* ---- Transactions ---- */

void turn_transaction_start(
	struct turn *turn, struct turn_transaction *transaction, uint16_t method, usec now)
{
	*transaction = (struct turn_transaction){.method = method,
		.active = true,
		.to_write = true,
		.transmissions = 1,
		.due = now + (turn->stream ? TURN_STREAM_PATIENCE : TURN_RTO)};
	rng_fill(turn->rng, transaction->id, sizeof transaction->id);
	turn->peers_to_write = true;
}

bool turn_transaction_advance(struct turn *turn, struct turn_transaction *transaction, usec now)
{
	if (!transaction->active || now < transaction->due)
		return true;
	if (turn->stream || transaction->transmissions == TURN_TRANSMISSIONS_MAX) {
		transaction->active = false;
		return false;
	}
	usec wait = TURN_RTO << transaction->transmissions++;
	transaction->due =
		now +
		(transaction->transmissions == TURN_TRANSMISSIONS_MAX ? TURN_LAST_WAIT : wait);
	transaction->to_write = true;
	turn->peers_to_write = true;
	return true;
}

void turn_request_begin(struct writer *w, const struct turn_transaction *transaction)
{
	stun_begin(w, STUN_REQUEST, transaction->method, transaction->id);
}

void turn_request_end(struct turn *turn, struct writer *w)
{
	if (turn->has_key) {
		stun_add_bytes(w, STUN_USERNAME, bytes_of(turn->username, turn->username_size));
		stun_add_bytes(w, STUN_REALM, bytes_of(turn->realm, turn->realm_size));
		stun_add_bytes(w, STUN_NONCE, bytes_of(turn->nonce, turn->nonce_size));
		stun_add_integrity(w, bytes_of(turn->key, sizeof turn->key));
	}
	stun_add_fingerprint(w);
	CHECK(!w->failed);
}

/* RFC 8489 section 9.2.2: "key = MD5(username ":" OpaqueString(realm) ":" OpaqueString(password))".
 */
static void make_key(struct turn *turn)
{
	uint8_t text[TURN_USERNAME_MAX + TURN_REALM_MAX + TURN_PASSWORD_MAX + 2];
	struct writer w = writer_of(text, sizeof text);
	write_bytes(&w, bytes_of(turn->username, turn->username_size));
	write_u8(&w, ':');
	write_bytes(&w, bytes_of(turn->realm, turn->realm_size));
	write_u8(&w, ':');
	write_bytes(&w, bytes_of(turn->password, turn->password_size));
	CHECK(!w.failed);
	hash_md5(writer_bytes(&w), turn->key);
	secret_cleanse(text, sizeof text);
	turn->has_key = true;
}

/* Takes the nonce, and the realm with the first; false when the answer has none that we could use.
 */
static bool take_nonce(struct turn *turn, const struct stun_message *message)
{
	if (!stun_has(message, STUN_NONCE) || message->nonce.size > sizeof turn->nonce)
		return false;
	if (!turn->has_key) {
		if (!stun_has(message, STUN_REALM) || message->realm.size > sizeof turn->realm)
			return false;
		memcpy(turn->realm, message->realm.data, message->realm.size);
		turn->realm_size = message->realm.size;
		make_key(turn);
	}
	memcpy(turn->nonce, message->nonce.data, message->nonce.size);
	turn->nonce_size = message->nonce.size;
	return true;
}

enum turn_verdict turn_transaction_on_error(struct turn *turn, struct turn_transaction *transaction,
	usec now, const struct stun_message *message)
{
	bool first = message->error_code == 401 && !turn->has_key;
	bool stale = message->error_code == 438;
	uint8_t nonces = transaction->nonces;
	if ((!first && !stale) || nonces == TURN_NONCES_MAX || !take_nonce(turn, message)) {
		transaction->active = false;
		return TURN_OVER;
	}
	/* RFC 8489 section 9.2.5: the same request again, as a new transaction. */
	turn_transaction_start(turn, transaction, transaction->method, now);
	transaction->nonces = (uint8_t)(nonces + 1);
	return TURN_AGAIN;
}

/* ---- Life ---- */

enum err turn_create(const struct turn_config *config, usec now, struct turn **ret_turn)
{
	if (config->username.size > TURN_USERNAME_MAX || config->password.size > TURN_PASSWORD_MAX)
		return ERR_TOO_LARGE;
	struct turn *turn = calloc(1, sizeof *turn);
	if (!turn)
		return ERR_NOMEM;
	turn->rng = config->rng;
	turn->stream = config->stream;
	turn->family = config->family;
	turn->username_size = config->username.size;
	turn->password_size = config->password.size;
	if (config->username.size > 0)
		memcpy(turn->username, config->username.data, config->username.size);
	if (config->password.size > 0)
		memcpy(turn->password, config->password.data, config->password.size);
	list_init(&turn->peers);
	map_init(&turn->by_addr, TURN_PEERS_MAX, turn->rng);
	map_init(&turn->by_channel, TURN_PEERS_MAX, turn->rng);
	turn->channel_last = TURN_CHANNEL_MAX;
	turn->refresh_at = turn->expires_at = turn->unheard_since = USEC_NEVER;
	turn_transaction_start(turn, &turn->transaction, TURN_ALLOCATE, now);
	*ret_turn = turn;
	return ERR_OK;
}

void turn_destroy(struct turn *turn)
{
	if (!turn)
		return;
	turn_peers_deinit(turn);
	secret_cleanse(turn, sizeof *turn);
	free(turn);
}

void turn_close(struct turn *turn, usec now)
{
	bool allocated = turn->state == TURN_READY;
	if (turn->state == TURN_FAILED || turn->state == TURN_CLOSED)
		return;
	turn->state = TURN_CLOSED;
	if (allocated)
		turn_transaction_start(turn, &turn->transaction, TURN_REFRESH, now);
	else
		turn->transaction.active = false;
}

/* ---- Out ---- */

/* A server takes the one that it knows; both may be ignored by one that does not. */
static void add_second_family(struct writer *w)
{
	stun_add_u32(w, STUN_ADDITIONAL_ADDRESS_FAMILY, FAMILY_IPV6);
	stun_add_u32(w, STUN_ADDITIONAL_ADDRESS_FAMILY_DRAFT, FAMILY_IPV6);
}

static void write_main(struct turn *turn, struct writer *w)
{
	turn_request_begin(w, &turn->transaction);
	if (turn->transaction.method == TURN_ALLOCATE) {
		stun_add_u32(w, STUN_REQUESTED_TRANSPORT, TRANSPORT_UDP);
		/* RFC 8656 section 7.1: IPv4 is what a server takes where nothing is said, and
		 * what it adds IPv6 to. One that knows of no second family ignores the wish. */
		if (turn->family == ADDR_IPV6)
			stun_add_u32(w, STUN_REQUESTED_ADDRESS_FAMILY, FAMILY_IPV6);
		else if (turn->family == ADDR_NONE)
			add_second_family(w);
	} else if (turn->state == TURN_CLOSED) {
		stun_add_u32(w, STUN_LIFETIME, 0);
	}
	turn_request_end(turn, w);
}

size_t turn_write(struct turn *turn, uint8_t *data, size_t capacity)
{
	CHECK(capacity >= TURN_REQUEST_MAX);
	struct writer w = writer_of(data, capacity);
	if (turn->transaction.active && turn->transaction.to_write) {
		turn->transaction.to_write = false;
		write_main(turn, &w);
		/* Nobody waits for the answer to the last. */
		if (turn->state == TURN_CLOSED)
			turn->transaction.active = false;
		return w.size;
	}
	if (turn->state == TURN_READY && turn_peers_write(turn, &w))
		return w.size;
	return 0;
}

/* ---- In ---- */

static enum turn_failure failure_of(uint16_t code)
{
	static const struct {
		uint16_t code;
		enum turn_failure failure;
	} table[] = {
		{300, TURN_REDIRECTED},
		{401, TURN_UNAUTHORISED},
		{438, TURN_UNAUTHORISED},
		{441, TURN_UNAUTHORISED},
		{403, TURN_FORBIDDEN},
		{437, TURN_MISMATCH},
		{420, TURN_UNSUPPORTED},
		{440, TURN_NO_FAMILY},
		{442, TURN_UNSUPPORTED},
		{443, TURN_NO_FAMILY},
		{486, TURN_QUOTA},
		{508, TURN_CAPACITY},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (table[i].code == code)
			return table[i].failure;
	return TURN_REFUSED;
}

static void set_lifetime(struct turn *turn, usec now, uint32_t seconds)
{
	usec life = (usec)min_size(seconds, TURN_LIFETIME_MAX) * USEC_PER_SEC;
	turn->expires_at = now + life;
	turn->refresh_at = now + usec_max(life / 2, life - TURN_RENEW_BEFORE);
}

static size_t index_of(enum addr_family family)
{
	return family == ADDR_IPV6;
}

/* A relayed address of a family that we asked for, the first of it. */
static bool take_relayed(struct turn *turn, const struct addr *addr)
{
	bool asked = turn->family == ADDR_NONE || addr->family == turn->family;
	if (addr->family == ADDR_NONE || !asked || addr->port == 0 || addr_is_unspecified(addr))
		return false;
	struct addr *place = &turn->relayed[index_of(addr->family)];
	if (place->family == ADDR_NONE)
		*place = *addr;
	return true;
}

/* A server may write zeros for the family that it has not. */
static bool take_both(struct turn *turn, const struct stun_message *message)
{
	bool first = take_relayed(turn, &message->relayed);
	bool second = take_relayed(turn, &message->relayed_second);
	return first || second;
}

static void on_success(struct turn *turn, usec now, const struct stun_message *message)
{
	bool allocate = turn->transaction.method == TURN_ALLOCATE;
	turn->transaction.active = false;
	bool whole = stun_has(message, STUN_LIFETIME) && message->lifetime >= TURN_LIFETIME_MIN;
	if (allocate)
		whole = whole && take_both(turn, message);
	if (!whole) {
		turn_fail(turn, TURN_NONSENSE, 0);
		return;
	}
	set_lifetime(turn, now, message->lifetime);
	if (!allocate)
		return;
	if (message->address_error_family != ADDR_NONE)
		turn->family_errors[index_of(message->address_error_family)] =
			message->address_error_code;
	turn->mapped = message->mapped;
	turn->state = TURN_READY;
}

static void on_error(struct turn *turn, usec now, const struct stun_message *message)
{
	bool allocate = turn->transaction.method == TURN_ALLOCATE;
	if (turn_transaction_on_error(turn, &turn->transaction, now, message) == TURN_AGAIN)
		return;
	/* The IPv4 address that the other was to be added to is not to be had: IPv6 alone then. */
	if (allocate && turn->family == ADDR_NONE && message->error_code == 440) {
		turn->family_errors[index_of(ADDR_IPV4)] = 440;
		turn->family = ADDR_IPV6;
		turn_transaction_start(turn, &turn->transaction, TURN_ALLOCATE, now);
		return;
	}
	turn->alternate = message->alternate;
	turn_fail(turn, failure_of(message->error_code), message->error_code);
}

void turn_heard(struct turn *turn)
{
	turn->unheard_since = USEC_NEVER;
	turn->heard = true;
}

/* RFC 8489 section 9.2.5: a response without integrity counts only where the client is told to
 * authenticate itself anew. Before it has, there is no key to check with. */
static bool is_authentic(struct turn *turn, const struct stun_message *message)
{
	if (!turn->has_key)
		return message->class == STUN_ERROR;
	if (message->integrity_offset > 0)
		return stun_check_integrity(message, bytes_of(turn->key, sizeof turn->key));
	return message->class == STUN_ERROR &&
	       (message->error_code == 401 || message->error_code == 438);
}

static void receive_answer(struct turn *turn, usec now, const struct stun_message *message)
{
	bool main = turn->transaction.active &&
		    bytes_equal(message->id, bytes_of(turn->transaction.id, STUN_ID_SIZE));
	struct turn_peer *peer = main ? NULL : turn_peers_find(turn, message->id);
	uint16_t method = main ? turn->transaction.method : peer ? peer->transaction.method : 0;
	if (method != message->method) {
		turn->stats.dropped_unexpected++;
		return;
	}
	if (!is_authentic(turn, message)) {
		turn->stats.dropped_unauthenticated++;
		return;
	}
	turn_heard(turn);
	/* RFC 8489 section 6.3.4: "If the error response contains any unknown
	 * comprehension-required attributes", or the success response, the transaction has failed.
	 */
	if (message->unknown_count > 0 && main)
		turn_fail(turn, TURN_NONSENSE, 0);
	else if (!main)
		turn_peer_on_answer(turn, peer, now, message);
	else if (message->class == STUN_SUCCESS)
		on_success(turn, now, message);
	else
		on_error(turn, now, message);
}

bool turn_has_family(const struct turn *turn, enum addr_family family)
{
	return family != ADDR_NONE && turn->relayed[index_of(family)].family == family;
}

static bool receive_data(struct turn *turn, const struct stun_message *message,
	struct addr *ret_peer, struct bytes *ret_payload)
{
	if (turn->state != TURN_READY || !turn_has_family(turn, message->peer.family) ||
		!stun_has(message, STUN_DATA) || message->unknown_count > 0) {
		turn->stats.dropped_unexpected++;
		return false;
	}
	turn_heard(turn);
	*ret_peer = message->peer;
	*ret_payload = message->data;
	return true;
}

static bool receive_stun(struct turn *turn, usec now, struct bytes datagram, struct addr *ret_peer,
	struct bytes *ret_payload)
{
	struct stun_message message;
	if (stun_parse(datagram, &message)) {
		turn->stats.dropped_malformed++;
		return false;
	}
	if (message.class == STUN_INDICATION && message.method == TURN_DATA)
		return receive_data(turn, &message, ret_peer, ret_payload);
	if (message.class == STUN_SUCCESS || message.class == STUN_ERROR)
		receive_answer(turn, now, &message);
	else
		turn->stats.dropped_unexpected++;
	return false;
}

bool turn_receive(struct turn *turn, usec now, struct bytes message, struct addr *ret_peer,
	struct bytes *ret_payload)
{
	struct addr peer;
	struct bytes payload;
	if (turn->state == TURN_FAILED || turn->state == TURN_CLOSED) {
		turn->stats.dropped_unexpected++;
		return false;
	}
	/* RFC 8656 section 12: the first two bits tell channel data from STUN. */
	bool is_channel = message.size > 0 && message.data[0] >> 6 == 1;
	if (!(is_channel ? turn_peers_receive_channel(turn, message, &peer, &payload)
			 : receive_stun(turn, now, message, &peer, &payload)))
		return false;
	turn->stats.datagrams_in++;
	turn->stats.bytes_in += payload.size;
	*ret_peer = peer;
	*ret_payload = payload;
	return true;
}

size_t turn_frame_size(struct bytes head)
{
	CHECK(head.size >= TURN_FRAME_HEAD);
	struct reader r = reader_of(head);
	uint16_t first = read_u16(&r);
	size_t length = read_u16(&r);
	if (first < 0x4000)
		return length % 4 == 0 ? STUN_HEADER_SIZE + length : 0;
	/* RFC 8656 section 12.5: over a stream "the ChannelData message MUST be padded to a
	 * multiple of four bytes", and the length does not count the padding. */
	if (first <= TURN_CHANNEL_MAX)
		return (TURN_CHANNEL_HEADER + length + 3) & ~(size_t)3;
	return 0;
}

/* ---- Time ---- */

static bool is_refresh_due(const struct turn *turn, usec now)
{
	return now >= turn->refresh_at ||
	       (turn->unheard_since != USEC_NEVER && now >= turn->unheard_since + TURN_SILENCE);
}

static void refresh(struct turn *turn, usec now)
{
	turn->refresh_at = turn->unheard_since = USEC_NEVER;
	turn->heard = false;
	turn_transaction_start(turn, &turn->transaction, TURN_REFRESH, now);
}

void turn_check(struct turn *turn, usec now)
{
	if (turn->state == TURN_READY && !turn->transaction.active)
		turn->refresh_at = now;
}

bool turn_is_asking(const struct turn *turn)
{
	return turn->transaction.active;
}

void turn_advance(struct turn *turn, usec now)
{
	if (turn->state == TURN_FAILED || turn->state == TURN_CLOSED)
		return;
	if (!turn_transaction_advance(turn, &turn->transaction, now)) {
		/* A server that brings datagrams of peers is there: its answers were lost. */
		if (turn->state != TURN_READY || !turn->heard) {
			turn_fail(turn, TURN_SILENT, 0);
			return;
		}
		turn->refresh_at = now;
	}
	if (turn->state != TURN_READY)
		return;
	/* After a sleep of the machine the server may have forgotten us already. */
	if (now >= turn->expires_at) {
		turn_fail(turn, TURN_SILENT, 0);
		return;
	}
	if (!turn->transaction.active && is_refresh_due(turn, now))
		refresh(turn, now);
	turn_peers_advance(turn, now);
}

usec turn_deadline(const struct turn *turn)
{
	if (turn->state == TURN_FAILED || turn->state == TURN_CLOSED)
		return USEC_NEVER;
	usec deadline = turn->transaction.active ? turn->transaction.due : USEC_NEVER;
	if (turn->state != TURN_READY)
		return deadline;
	deadline = usec_min(deadline, usec_min(turn->refresh_at, turn->expires_at));
	if (!turn->transaction.active && turn->unheard_since != USEC_NEVER)
		deadline = usec_min(deadline, turn->unheard_since + TURN_SILENCE);
	return usec_min(deadline, turn_peers_deadline(turn));
}

/* ---- What there is to know ---- */

enum turn_state turn_state(const struct turn *turn)
{
	return turn->state;
}

enum turn_failure turn_failure(const struct turn *turn)
{
	return turn->failure;
}

const char *turn_failure_text(enum turn_failure failure)
{
	static const char *const texts[] = {
		[TURN_FAILURE_NONE] = "the relay works",
		[TURN_SILENT] = "the relay does not answer",
		[TURN_REDIRECTED] = "the relay sends us to another one",
		[TURN_UNAUTHORISED] = "the relay refuses our credentials",
		[TURN_FORBIDDEN] = "the relay forbids it",
		[TURN_MISMATCH] = "the relay does not know our allocation",
		[TURN_NO_FAMILY] = "the relay has no addresses of this family",
		[TURN_UNSUPPORTED] = "the relay cannot do what we ask for",
		[TURN_QUOTA] = "the quota at the relay is used up",
		[TURN_CAPACITY] = "the relay has no capacity left",
		[TURN_REFUSED] = "the relay refuses",
		[TURN_NONSENSE] = "the relay's answer makes no sense",
	};
	CHECK((size_t)failure < sizeof texts / sizeof texts[0]);
	return texts[failure];
}

uint16_t turn_error_code(const struct turn *turn)
{
	return turn->error_code;
}

struct addr turn_alternate(const struct turn *turn)
{
	return turn->alternate;
}

struct addr turn_relayed(const struct turn *turn, enum addr_family family)
{
	return turn->relayed[index_of(family)];
}

uint16_t turn_family_error(const struct turn *turn, enum addr_family family)
{
	return turn->family_errors[index_of(family)];
}

struct addr turn_mapped(const struct turn *turn)
{
	return turn->mapped;
}

const struct turn_stats *turn_stats(const struct turn *turn)
{
	return &turn->stats;
}
