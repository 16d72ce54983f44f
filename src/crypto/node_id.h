/* The name of a node, and the pin by which it is trusted.
 *
 * Both come from its public key: SHA-256 over the SubjectPublicKeyInfo in PEM (64-column lines, LF,
 * final LF), that is `openssl x509 -in node.crt -noout -pubkey | sha256sum`. All 32 bytes are the
 * pin; the first 16 hexadecimal digits, behind "dpc-node-", are the node id. So an id is always the
 * beginning of its pin. Ids with 32 digits are accepted too. */
#ifndef CRYPTO_NODE_ID_H
#define CRYPTO_NODE_ID_H

#include "base/bytes.h"
#include "crypto/hash.h"

/* "dpc-node-", 32 digits and a final zero fit. */
#define NODE_ID_MAX 48
/* 64 digits and a final zero. */
#define NODE_PIN_TEXT_MAX 65
/* 60 digits in twelve groups of five with a space between them, and a final zero. */
#define NODE_SAFETY_GROUPS 12
#define NODE_SAFETY_NUMBER_MAX (NODE_SAFETY_GROUPS * 6)

struct node_pin {
	uint8_t digest[SHA256_SIZE];
};

/* "dpc-node-" and 16 or 32 lower-case hexadecimal digits. Accepts NULL. */
bool node_id_is_valid(const char *node_id);
/* The id is valid and is the beginning of the pin. */
bool node_id_matches_pin(const char *node_id, const struct node_pin *pin);
/* The id with 16 digits; `node_id` has room for NODE_ID_MAX. Returns it. */
char *node_id_of_pin(const struct node_pin *pin, char *node_id);

/* The pin of a public key in PEM. It is read and written anew first, so line ends and column width
 * do not matter. False when it is not a public key. */
bool node_pin_of_public_key(struct bytes pem, struct node_pin *ret_pin);
bool node_pin_equal(const struct node_pin *a, const struct node_pin *b);
/* Hexadecimal, as in `key=` of a dpc:// address; `text` has room for NODE_PIN_TEXT_MAX. */
char *node_pin_text(const struct node_pin *pin, char *text);
bool node_pin_parse(const char *text, struct node_pin *ret_pin);

/* What two people compare: the same for both of them, whoever comes first. `text` has room for
 * NODE_SAFETY_NUMBER_MAX. Returns it. */
char *node_safety_number(const struct node_pin *a, const struct node_pin *b, char *text);
/* Whether what somebody typed or scanned is this number: blanks between its digits count for
 * nothing. */
bool node_safety_number_is(const char *number, const char *typed);

#endif
