#include "hub/turn_secret.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

enum err turn_secret_make(const char *secret, int64_t expiry, const char *node_id,
	struct turn_credentials *ret_credentials)
{
	struct turn_credentials credentials;
	uint8_t mac[SHA1_SIZE];
	CHECK(expiry >= 0);
	int size = snprintf(credentials.username, sizeof credentials.username, "%" PRId64 ":%s",
		expiry, node_id);
	CHECK(size > 0 && (size_t)size < sizeof credentials.username);
	hash_hmac_sha1(bytes_of_text(secret), bytes_of_text(credentials.username), mac);
	char *text = base64_encode(bytes_of(mac, sizeof mac));
	if (!text)
		return ERR_NOMEM;
	CHECK(text_copy(credentials.password, sizeof credentials.password, text));
	secret_cleanse(text, strlen(text));
	free(text);
	*ret_credentials = credentials;
	return ERR_OK;
}
