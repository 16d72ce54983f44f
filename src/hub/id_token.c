#include "hub/id_token.h"

#include <stdlib.h>

#include "base/text.h"
#include "message/json.h"

/* Its three parts, and the first two as they were signed. */
struct parts {
	struct bytes header, payload, signature, signed_text;
};

static bool split(const char *token, struct parts *ret_parts)
{
	size_t header = strcspn(token, ".");
	if (!token[header])
		return false;
	size_t payload = strcspn(token + header + 1, ".");
	if (!token[header + 1 + payload])
		return false;
	const char *signature = token + header + 1 + payload + 1;
	if (!signature[0] || strchr(signature, '.'))
		return false;
	*ret_parts = (struct parts){
		.header = bytes_of(token, header),
		.payload = bytes_of(token + header + 1, payload),
		.signature = bytes_of_text(signature),
		.signed_text = bytes_of(token, header + 1 + payload),
	};
	return true;
}

/* One of the parts, as JSON. */
static enum err decode(struct bytes part, json_t **ret_object)
{
	uint8_t *data = malloc(part.size + 1);
	size_t size;
	if (!data)
		return ERR_NOMEM;
	enum err err = ERR_MALFORMED;
	if (base64_decode(part, data, part.size + 1, &size))
		err = json_parse_object(bytes_of(data, size), ID_TOKEN_SIZE_MAX, ret_object);
	free(data);
	return err == ERR_OK || err == ERR_NOMEM ? err : ERR_MALFORMED;
}

/* ---- The signature ---- */

static enum err check_header(const json_t *header, const struct parts *parts,
	const struct jwks *keys, unsigned allowed, const char **ret_reason)
{
	const char *name, *id = NULL, *type = "JWT";
	enum jws_algorithm algorithm;
	uint8_t signature[ID_TOKEN_SIGNATURE_MAX];
	size_t size;
	*ret_reason = "its header is malformed";
	if (json_get_text(header, "alg", 16, &name) != ERR_OK ||
		json_get_text_if(header, "kid", JWK_ID_MAX, &id) != ERR_OK ||
		json_get_text_if(header, "typ", 16, &type) != ERR_OK ||
		!text_equal_ignoring_case(type, "JWT") || json_object_get(header, "crit"))
		return ERR_MALFORMED;
	*ret_reason = "its algorithm is not one of those that are allowed";
	if (!jws_algorithm_parse(name, &algorithm) || !(allowed & algorithm))
		return ERR_UNSUPPORTED;
	*ret_reason = "its signature is wrong";
	if (!base64_decode(parts->signature, signature, sizeof signature, &size))
		return ERR_UNTRUSTED;
	enum err err =
		jwks_verify(keys, id, algorithm, parts->signed_text, bytes_of(signature, size));
	if (err == ERR_NOT_FOUND)
		*ret_reason = "it is signed by a key that the provider does not publish";
	return err;
}

/* ---- The claims ---- */

/* Whether the text, or one of the texts in the array, is this one; `*ret_others`: there are more.
 */
static bool names(const json_t *value, const char *wanted, bool *ret_others)
{
	bool is_named = false;
	*ret_others = json_array_size(value) > 1;
	if (json_is_string(value))
		return strcmp(json_string_value(value), wanted) == 0;
	for (size_t i = 0; i < json_array_size(value); i++) {
		const char *text = json_string_value(json_array_get(value, i));
		is_named = is_named || (text && strcmp(text, wanted) == 0);
	}
	return is_named;
}

static bool text_is(const json_t *claims, const char *name, const char *wanted)
{
	const char *text = json_string_value(json_object_get(claims, name));
	return text && strcmp(text, wanted) == 0;
}

static enum err check_parties(
	const json_t *claims, const struct id_token_wanted *wanted, const char **ret_reason)
{
	bool has_others;
	*ret_reason = "it is by another issuer";
	if (!text_is(claims, "iss", wanted->issuer))
		return ERR_MISMATCH;
	*ret_reason = "it is for another client";
	if (!names(json_object_get(claims, "aud"), wanted->client_id, &has_others))
		return ERR_MISMATCH;
	/* Core 3.1.3.7, 4 and 5. */
	bool has_party = json_object_get(claims, "azp") != NULL;
	if ((has_others || has_party) && !text_is(claims, "azp", wanted->client_id))
		return ERR_MISMATCH;
	*ret_reason = "it belongs to another login";
	return text_is(claims, "nonce", wanted->nonce) ? ERR_OK : ERR_MISMATCH;
}

static enum err check_times(const json_t *claims, int64_t now, const char **ret_reason)
{
	double expires, issued, not_before = 0, clock = (double)now;
	*ret_reason = "it has no times";
	if (json_get_number(claims, "exp", &expires) != ERR_OK ||
		json_get_number(claims, "iat", &issued) != ERR_OK ||
		json_get_number_if(claims, "nbf", &not_before) != ERR_OK)
		return ERR_MALFORMED;
	*ret_reason = "it has expired, or the clocks here and there differ";
	if (!(expires > clock - ID_TOKEN_SKEW_MAX_S))
		return ERR_EXPIRED;
	*ret_reason = "it is not valid yet, or the clocks here and there differ";
	if (!(issued <= clock + ID_TOKEN_SKEW_MAX_S) ||
		!(not_before <= clock + ID_TOKEN_SKEW_MAX_S))
		return ERR_EXPIRED;
	return ERR_OK;
}

/* Some providers write the truth value as text. */
static enum email_state email_state_of(const json_t *value)
{
	const char *text = json_string_value(value);
	if (!value || json_is_null(value))
		return EMAIL_NONE;
	return json_is_true(value) || (text && strcmp(text, "true") == 0) ? EMAIL_VERIFIED
									  : EMAIL_UNVERIFIED;
}

static enum err read_person(const json_t *claims, struct id_token *token, const char **ret_reason)
{
	const char *subject, *email = "";
	*ret_reason = "it does not say who it is about";
	if (json_get_text(claims, "sub", SUBJECT_MAX, &subject) != ERR_OK || !subject[0] ||
		json_get_text_if(claims, "email", EMAIL_MAX, &email) != ERR_OK)
		return ERR_MALFORMED;
	CHECK(text_copy(token->subject, sizeof token->subject, subject));
	CHECK(text_copy(token->email, sizeof token->email, email));
	if (email[0])
		token->email_state = email_state_of(json_object_get(claims, "email_verified"));
	return ERR_OK;
}

enum err id_token_check(const char *token, const struct jwks *keys,
	const struct id_token_wanted *wanted, int64_t now, struct id_token *ret_token,
	const char **ret_reason)
{
	struct parts parts;
	struct id_token found = {0};
	json_t *header = NULL, *claims = NULL;
	*ret_reason = "it is no signed token";
	if (strlen(token) > ID_TOKEN_SIZE_MAX)
		return ERR_TOO_LARGE;
	if (!split(token, &parts))
		return ERR_MALFORMED;
	enum err err = decode(parts.header, &header);
	if (err == ERR_OK)
		err = check_header(header, &parts, keys, wanted->algorithms, ret_reason);
	if (err == ERR_OK)
		err = decode(parts.payload, &claims);
	if (err == ERR_OK)
		err = check_parties(claims, wanted, ret_reason);
	if (err == ERR_OK)
		err = check_times(claims, now, ret_reason);
	if (err == ERR_OK)
		err = read_person(claims, &found, ret_reason);
	json_decref(header);
	json_decref(claims);
	if (err != ERR_OK)
		return err;
	*ret_reason = "";
	*ret_token = found;
	return ERR_OK;
}
