/* What the files of the TURN client share:
 *
 *   turn.c       the allocation: life, credentials, what is sent and received
 *   turn_peer.c  the addresses behind it: permissions, channels, wrapping */
#ifndef ICE_TURN_INTERNAL_H
#define ICE_TURN_INTERNAL_H

#include "base/list.h"
#include "base/map.h"
#include "crypto/hash.h"
#include "ice/limits.h"
#include "ice/stun.h"
#include "ice/turn.h"

/* RFC 8656 sections 18 and 12. */
#define TURN_ALLOCATE 0x003
#define TURN_REFRESH 0x004
#define TURN_SEND 0x006
#define TURN_DATA 0x007
#define TURN_CREATE_PERMISSION 0x008
#define TURN_CHANNEL_BIND 0x009
#define TURN_CHANNEL_MIN 0x4000
#define TURN_CHANNEL_MAX 0x4fff
#define TURN_CHANNEL_HEADER 4

/* RFC 8489 section 6.2.1 with Rc = 5: at 0, 0.5, 1.5, 3.5 and 7.5 s, failed at 15.5 s. Over a
 * stream nothing is repeated, and the patience is the same. */
#define TURN_RTO (500 * USEC_PER_MS)
#define TURN_TRANSMISSIONS_MAX 5
#define TURN_LAST_WAIT (16 * TURN_RTO)
#define TURN_STREAM_PATIENCE (31 * TURN_RTO)

/* RFC 8656 section 9: a permission lives "300 seconds (= 5 minutes)"; section 12: a channel binding
 * 10 minutes. Both are renewed well before, while the address is in use. */
#define TURN_PERMISSION_LIFE (300 * USEC_PER_SEC)
#define TURN_CHANNEL_LIFE (600 * USEC_PER_SEC)
#define TURN_RENEW_BEFORE (60 * USEC_PER_SEC)
/* Section 12: a channel number is bound to another address no earlier than "5 minutes after its
 * channel binding expires". */
#define TURN_CHANNEL_REST (300 * USEC_PER_SEC)

/* Whoever is sent something answers: peers their checks of consent, every few seconds. When nothing
 * comes back for so long, it is the server that is asked, by a Refresh ahead of its time. */
#define TURN_SILENCE (5 * USEC_PER_SEC)

struct turn_transaction {
	uint8_t id[STUN_ID_SIZE];
	uint16_t method;
	bool active;
	bool to_write;
	uint8_t transmissions, nonces;
	usec due; /* next transmission, or failure after the last */
};

/* How an address is a key: IP and port alone, without padding. */
#define TURN_KEY_SIZE 18

struct turn_peer {
	struct list node; /* in turn.peers, least recently sent to first */
	struct addr addr;
	uint8_t key[TURN_KEY_SIZE], channel_key[2];
	uint16_t channel;   /* 0: none */
	bool bound;         /* the channel can be used */
	bool wants_channel; /* data goes there */
	bool no_channel;    /* the server refused one */
	bool denied;        /* it refused the permission */
	usec used_at;
	usec permitted_until; /* 0: never was */
	usec bound_until;
	struct turn_transaction transaction;
};

struct turn {
	struct rng *rng;
	bool stream;
	enum addr_family family; /* asked for; ADDR_NONE: both */
	enum turn_state state;
	enum turn_failure failure;
	uint16_t error_code;
	uint8_t username[TURN_USERNAME_MAX], password[TURN_PASSWORD_MAX];
	size_t username_size, password_size;
	uint8_t realm[TURN_REALM_MAX], nonce[TURN_NONCE_MAX];
	size_t realm_size, nonce_size;
	uint8_t key[MD5_SIZE];
	bool has_key;                              /* the server told realm and nonce */
	struct addr relayed[2], mapped, alternate; /* relayed: of IPv4 and IPv6 */
	uint16_t family_errors[2];
	usec refresh_at, expires_at;
	/* When something was sent to a peer that nothing has been heard after; USEC_NEVER: nothing
	 * waits so. */
	usec unheard_since;
	bool heard;                          /* something came since the transaction began */
	struct turn_transaction transaction; /* Allocate or Refresh */

	struct list peers;
	struct map by_addr, by_channel; /* struct turn_peer */
	uint16_t channel_last;
	bool peers_to_write; /* a request of theirs may wait to be written */

	struct turn_stats stats;
};

/* turn.c */
/* Whether there is a relayed address of it. */
bool turn_has_family(const struct turn *turn, enum addr_family family);
/* The server has said something that only it can say. */
void turn_heard(struct turn *turn);
void turn_fail(struct turn *turn, enum turn_failure failure, uint16_t code);
void turn_transaction_start(
	struct turn *turn, struct turn_transaction *transaction, uint16_t method, usec now);
/* What an answer with an error means for the request, whatever it asked for. */
enum turn_verdict {
	TURN_AGAIN, /* it goes out again, under a new nonce */
	TURN_OVER,  /* it has failed */
};
enum turn_verdict turn_transaction_on_error(struct turn *turn, struct turn_transaction *transaction,
	usec now, const struct stun_message *message);
/* False when it was transmitted often enough. */
bool turn_transaction_advance(struct turn *turn, struct turn_transaction *transaction, usec now);
void turn_request_begin(struct writer *w, const struct turn_transaction *transaction);
/* The credentials, and what covers all before them. */
void turn_request_end(struct turn *turn, struct writer *w);

/* turn_peer.c */
void turn_peers_deinit(struct turn *turn);
void turn_peers_advance(struct turn *turn, usec now);
usec turn_peers_deadline(const struct turn *turn);
/* The next permission or channel to ask for; false when there is none. */
bool turn_peers_write(struct turn *turn, struct writer *w);
/* The peer whose request this answers, or NULL. */
struct turn_peer *turn_peers_find(struct turn *turn, struct bytes id);
void turn_peer_on_answer(
	struct turn *turn, struct turn_peer *peer, usec now, const struct stun_message *message);
bool turn_peers_receive_channel(
	struct turn *turn, struct bytes message, struct addr *ret_peer, struct bytes *ret_payload);

#endif
