#include "hub/token.h"

#include <errno.h>
#include <jwt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "base/text.h"
#include "hub/limits.h"
#include "message/json.h"

#define ISSUER "dpc-hub"
#define AUDIENCE "dpc-hub"
/* Of the claim `typ`: a token of another kind must not pass for one of these. */
#define KIND "access"

/* ---- Issuing ---- */

static bool add_claims(jwt_t *jwt, const struct store_session *session, int64_t now)
{
	struct rng rng = rng_system();
	char user[24], id[SESSION_ID_MAX + 24];
	snprintf(user, sizeof user, "%lld", (long long)session->user_id);
	/* The login that it belongs to, and a part that makes it one of its kind. */
	snprintf(id, sizeof id, "%s.%016llx", session->id, (unsigned long long)rng_u64(&rng));
	return jwt_add_grant(jwt, "iss", ISSUER) == 0 && jwt_add_grant(jwt, "aud", AUDIENCE) == 0 &&
	       jwt_add_grant(jwt, "typ", KIND) == 0 && jwt_add_grant(jwt, "sub", user) == 0 &&
	       (session->node_id[0] == 0 || jwt_add_grant(jwt, "node_id", session->node_id) == 0) &&
	       jwt_add_grant(jwt, "jti", id) == 0 &&
	       jwt_add_grant_int(jwt, "iat", (long)now) == 0 &&
	       jwt_add_grant_int(jwt, "exp", (long)(now + ACCESS_TOKEN_LIFETIME_S)) == 0;
}

char *token_issue(const struct token_keys *keys, const struct store_session *session, int64_t now)
{
	const struct store_key *key = token_keys_newest(keys);
	jwt_t *jwt = NULL;
	char *token = NULL;
	if (jwt_new(&jwt) != 0)
		return NULL;
	if (add_claims(jwt, session, now) && jwt_add_header(jwt, "kid", key->id) == 0 &&
		jwt_set_alg(jwt, JWT_ALG_HS256, key->secret, sizeof key->secret) == 0) {
		char *encoded = jwt_encode_str(jwt);
		token = encoded ? text_duplicate(encoded) : NULL;
		free(encoded);
	}
	jwt_free(jwt);
	return token;
}

/* ---- Checking ---- */

/* Whether the header names our algorithm, before libjwt is asked to follow it (RFC 8725 section
 * 3.1). Algorithms that are none ("none", or a public key's, for which our secret would be the key)
 * never reach it. Nor does the token say where its key is to be found: it names one of ours. */
static bool read_header(const char *token, char key_id[TOKEN_KEY_ID_MAX])
{
	uint8_t header[256];
	size_t size;
	json_t *object = NULL;
	const char *algorithm = "", *kind = "JWT", *key = "";
	struct bytes encoded = bytes_of(token, strcspn(token, "."));
	if (!base64_decode(encoded, header, sizeof header, &size) ||
		json_parse_object(bytes_of(header, size), sizeof header, &object) != ERR_OK)
		return false;
	bool is_ours = json_get_text(object, "alg", 16, &algorithm) == ERR_OK &&
		       strcmp(algorithm, "HS256") == 0 &&
		       json_get_text_if(object, "typ", 16, &kind) == ERR_OK &&
		       strcmp(kind, "JWT") == 0 && !json_object_get(object, "crit") &&
		       json_get_text(object, "kid", TOKEN_KEY_ID_MAX - 1, &key) == ERR_OK &&
		       text_copy(key_id, TOKEN_KEY_ID_MAX, key);
	json_decref(object);
	return is_ours;
}

static bool grant_is(jwt_t *jwt, const char *name, const char *wanted)
{
	const char *value = jwt_get_grant(jwt, name);
	return value && strcmp(value, wanted) == 0;
}

static bool parse_session(jwt_t *jwt, struct store_session *session)
{
	const char *user = jwt_get_grant(jwt, "sub"), *node_id = jwt_get_grant(jwt, "node_id");
	const char *id = jwt_get_grant(jwt, "jti");
	uint64_t user_id;
	if (!user || !text_to_u64(user, &user_id) || user_id > INT64_MAX || !id)
		return false;
	session->user_id = (int64_t)user_id;
	if (strcspn(id, ".") != SESSION_ID_MAX - 1 ||
		!text_copy_bytes(session->id, sizeof session->id, bytes_of(id, SESSION_ID_MAX - 1)))
		return false;
	return !node_id || (node_id_is_valid(node_id) &&
				   text_copy(session->node_id, sizeof session->node_id, node_id));
}

static enum err check_claims(jwt_t *jwt, int64_t now, struct token_claims *claims)
{
	if (jwt_get_alg(jwt) != JWT_ALG_HS256)
		return ERR_UNTRUSTED;
	if (!grant_is(jwt, "iss", ISSUER) || !grant_is(jwt, "aud", AUDIENCE) ||
		!grant_is(jwt, "typ", KIND) || !parse_session(jwt, &claims->session))
		return ERR_MISMATCH;
	/* A claim that is missing reads as 0. */
	claims->issued = jwt_get_grant_int(jwt, "iat");
	claims->expires = jwt_get_grant_int(jwt, "exp");
	if (claims->issued <= 0 || claims->issued > now + TOKEN_FUTURE_MAX_S ||
		jwt_get_grant_int(jwt, "nbf") > now + TOKEN_FUTURE_MAX_S ||
		claims->expires <= now ||
		claims->expires > claims->issued + ACCESS_TOKEN_LIFETIME_S)
		return ERR_EXPIRED;
	return ERR_OK;
}

enum err token_check(const struct token_keys *keys, const char *token, int64_t now,
	struct token_claims *ret_claims)
{
	struct token_claims claims = {0};
	char key_id[TOKEN_KEY_ID_MAX];
	jwt_t *jwt = NULL;
	if (strlen(token) > TOKEN_SIZE_MAX)
		return ERR_MALFORMED;
	if (!read_header(token, key_id))
		return ERR_UNTRUSTED;
	const struct store_key *key = token_keys_find(keys, key_id, now);
	if (!key)
		return ERR_NOT_FOUND;
	int error = jwt_decode(&jwt, token, key->secret, sizeof key->secret);
	if (error == ENOMEM)
		return ERR_NOMEM;
	if (error != 0)
		return ERR_UNTRUSTED;
	enum err err = check_claims(jwt, now, &claims);
	jwt_free(jwt);
	if (err == ERR_OK)
		*ret_claims = claims;
	return err;
}
