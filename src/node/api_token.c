#include "node/api_token.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "crypto/hash.h"
#include "node/watched_file.h"

/* With the line end, and what an editor may add to it. */
#define FILE_MAX (API_TOKEN_SIZE + 16)

static bool is_token(struct bytes text)
{
	if (text.size != API_TOKEN_SIZE - 1)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
			c != '-' && c != '_')
			return false;
	}
	return true;
}

static enum err make(
	const char *path, struct rng *rng, char token[API_TOKEN_SIZE], struct fault *ret_fault)
{
	uint8_t secret[API_TOKEN_BYTES];
	char made[API_TOKEN_SIZE], line[API_TOKEN_SIZE];
	rng_fill(rng, secret, sizeof secret);
	base64url_write(bytes_of(secret, sizeof secret), made);
	memcpy(line, made, sizeof line - 1);
	line[sizeof line - 1] = '\n';
	enum err err = text_file_write(path, bytes_of(line, sizeof line), ret_fault);
	if (err == ERR_OK)
		memcpy(token, made, sizeof made);
	secret_cleanse(secret, sizeof secret);
	secret_cleanse(made, sizeof made);
	secret_cleanse(line, sizeof line);
	return err;
}

static enum err read_token(const char *path, char token[API_TOKEN_SIZE], struct fault *ret_fault)
{
	struct buffer content = buffer_with_max(FILE_MAX);
	enum err err = text_file_read(path, &content, ret_fault);
	struct bytes text = buffer_bytes(&content);
	while (text.size > 0 && text.data[text.size - 1] <= ' ')
		text.size--;
	if (err == ERR_TOO_LARGE || (err == ERR_OK && !is_token(text))) {
		fault_set(ret_fault, "there is no token in '%s'; delete it, and a new one is made",
			path);
		err = ERR_CORRUPT;
	}
	if (err == ERR_OK)
		CHECK(text_copy_bytes(token, API_TOKEN_SIZE, text));
	if (content.data)
		secret_cleanse(content.data, content.size);
	buffer_deinit(&content);
	return err;
}

static enum err load(
	const char *path, struct rng *rng, char token[API_TOKEN_SIZE], struct fault *ret_fault)
{
	struct stat status;
	if (lstat(path, &status) != 0) {
		if (errno == ENOENT)
			return make(path, rng, token, ret_fault);
		fault_set(ret_fault, "cannot read '%s': %s", path, strerror(errno));
		return ERR_IO;
	}
	/* Who could read it has the token; who could write it has chosen it. */
	if (!S_ISREG(status.st_mode) || status.st_uid != geteuid() || status.st_mode & 077) {
		fault_set(ret_fault,
			"'%s' is not a file of yours alone (mode 0600); delete it, and a new "
			"token is made",
			path);
		return ERR_DENIED;
	}
	return read_token(path, token, ret_fault);
}

enum err api_token_load(
	const char *home, struct rng *rng, char token[API_TOKEN_SIZE], struct fault *ret_fault)
{
	char *path = text_format("%s/api.token", home);
	if (!path) {
		fault_set(ret_fault, "out of memory");
		return ERR_NOMEM;
	}
	enum err err = load(path, rng, token, ret_fault);
	free(path);
	return err;
}
