/* A node without a browser that waits to be let in (RFC 8628), as it is kept in a ticket. */
#ifndef HUB_DEVICE_GRANT_H
#define HUB_DEVICE_GRANT_H

#include "base/rng.h"
#include "hub/store.h"

enum device_state {
	DEVICE_PENDING,
	DEVICE_APPROVED,
	DEVICE_DENIED,
};

struct device_grant {
	char user_code[USER_CODE_MAX + 1];     /* "WDJB-MJHT" */
	char secret_hash[2 * SHA256_SIZE + 1]; /* of the other half of the device code */
	char node_id[NODE_ID_MAX];             /* that it has proved to be; "" */
	char name[NODE_NAME_MAX + 1];          /* that it calls itself */
	char address[64];                      /* that it asked from */
	int64_t polled;                        /* when it last asked for its tokens; 0 */
	int64_t interval;                      /* seconds that it has to wait between */
	int64_t user_id;                       /* APPROVED: who let it in */
	enum device_state state;
};

/* What a person typed, in either case, with or without dash and spaces; false: no code. */
bool user_code_parse(const char *text, char code[USER_CODE_MAX + 1]);

/* The code that the device keeps to itself, "WDJB-MJHT.SECRET", into its two halves. */
bool device_code_parse(
	const char *text, char user_code[USER_CODE_MAX + 1], char hash[2 * SHA256_SIZE + 1]);
#define DEVICE_CODE_MAX 64

/* Gives the grant codes and keeps it for DEVICE_LIFETIME_S; `owner` is who it takes room of.
 * ERR_LIMIT, ERR_NOMEM, and what the store says. */
MUST_CHECK enum err device_grant_put(struct store *store, struct device_grant *grant,
	const char *owner, struct rng *rng, int64_t now, char device_code[DEVICE_CODE_MAX]);
/* ERR_NOT_FOUND: there is none, or it has expired. */
MUST_CHECK enum err device_grant_get(
	struct store *store, const char *user_code, int64_t now, struct device_grant *ret_grant);
/* Approves it for this account, or denies it when that is 0. ERR_NOT_FOUND: it does not wait. */
MUST_CHECK enum err device_grant_decide(
	struct store *store, const char *user_code, int64_t user_id, int64_t now);

/* The device asks: ERR_OK (approved, and gone from now on), ERR_AGAIN (nobody has decided),
 * ERR_LIMIT (it asks too often), ERR_DENIED (gone too), ERR_NOT_FOUND. */
MUST_CHECK enum err device_grant_poll(
	struct store *store, const char *device_code, int64_t now, struct device_grant *ret_grant);

#endif
