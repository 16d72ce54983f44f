#include "hub/token.h"

#include <errno.h>
#include <fcntl.h>
#include <jwt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/rng.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "hub/limits.h"
#include "message/json.h"

#define ISSUER "dpc-hub"
#define AUDIENCE "dpc-hub"
/* Of the claim `typ`: a token of another kind must not pass for one of these. */
#define KIND "access"

/* ---- The secret ---- */

static enum err secret_read(const char *path, struct token_secret *ret_secret)
{
	char text[2 * TOKEN_SECRET_SIZE + 2] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
	ssize_t size = read(fd, text, sizeof text - 1);
	close(fd);
	if (size < 0)
		return ERR_IO;
	if (size > 0 && text[size - 1] == '\n')
		text[size - 1] = 0;
	bool is_good = hex_decode(text, ret_secret->bytes, sizeof ret_secret->bytes);
	secret_cleanse(text, sizeof text);
	return is_good ? ERR_OK : ERR_CORRUPT;
}

/* Under another name first, so that it is there whole or not at all. */
static enum err secret_make(const char *path, struct token_secret *ret_secret)
{
	struct rng rng = rng_system();
	struct token_secret secret;
	char text[2 * TOKEN_SECRET_SIZE + 2];
	enum err err = ERR_IO;
	rng_fill(&rng, secret.bytes, sizeof secret.bytes);
	hex_encode(bytes_of(secret.bytes, sizeof secret.bytes), text);
	text[2 * TOKEN_SECRET_SIZE] = '\n';
	char *temporary = text_format("%s.new", path);
	if (!temporary)
		return ERR_NOMEM;
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd >= 0) {
		size_t size = 2 * TOKEN_SECRET_SIZE + 1;
		bool is_written = write(fd, text, size) == (ssize_t)size && fsync(fd) == 0;
		if (close(fd) == 0 && is_written && rename(temporary, path) == 0)
			err = ERR_OK;
	}
	secret_cleanse(text, sizeof text);
	free(temporary);
	if (err == ERR_OK)
		*ret_secret = secret;
	return err;
}

enum err token_secret_load(const char *directory, struct token_secret *ret_secret)
{
	char *path = text_format("%s/token.secret", directory);
	if (!path)
		return ERR_NOMEM;
	enum err err = secret_read(path, ret_secret);
	if (err == ERR_NOT_FOUND)
		err = secret_make(path, ret_secret);
	free(path);
	return err;
}

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

char *token_issue(
	const struct token_secret *secret, const struct store_session *session, int64_t now)
{
	jwt_t *jwt = NULL;
	char *token = NULL;
	if (jwt_new(&jwt) != 0)
		return NULL;
	if (add_claims(jwt, session, now) &&
		jwt_set_alg(jwt, JWT_ALG_HS256, secret->bytes, sizeof secret->bytes) == 0) {
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
 * never reach it. */
static bool header_is_ours(const char *token)
{
	uint8_t header[256];
	size_t size;
	json_t *object = NULL;
	const char *algorithm = "", *kind = "JWT";
	struct bytes encoded = bytes_of(token, strcspn(token, "."));
	if (!base64_decode(encoded, header, sizeof header, &size) ||
		json_parse_object(bytes_of(header, size), sizeof header, &object) != ERR_OK)
		return false;
	bool is_ours = json_get_text(object, "alg", 16, &algorithm) == ERR_OK &&
		       strcmp(algorithm, "HS256") == 0 &&
		       json_get_text_if(object, "typ", 16, &kind) == ERR_OK &&
		       strcmp(kind, "JWT") == 0 && !json_object_get(object, "crit");
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
		claims->expires <= now ||
		claims->expires > claims->issued + ACCESS_TOKEN_LIFETIME_S)
		return ERR_EXPIRED;
	return ERR_OK;
}

enum err token_check(const struct token_secret *secret, const char *token, int64_t now,
	struct token_claims *ret_claims)
{
	struct token_claims claims = {0};
	jwt_t *jwt = NULL;
	if (strlen(token) > TOKEN_SIZE_MAX)
		return ERR_MALFORMED;
	if (!header_is_ours(token))
		return ERR_UNTRUSTED;
	int error = jwt_decode(&jwt, token, secret->bytes, sizeof secret->bytes);
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
