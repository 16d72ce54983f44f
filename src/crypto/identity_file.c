/* An identity on disk. Each file is written under another name, synced, and renamed, so it is whole
 * or not there; node.key comes last, so a directory without it holds no identity. A lock on the
 * directory keeps two writers apart. */
#include "crypto/identity.h"
#include "base/buffer.h"
#include "crypto/internal.h"
#include "crypto/openssl.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_FILE "node.key"
#define CERTIFICATE_FILE "node.crt"
#define ID_FILE "node.id"

/* The directory that is being read or written, and where to say what is wrong. */
struct place {
	const char *directory;
	int fd;
	char *problem;
};

/* "cannot read 'dir/node.key': permission denied"; returns `err`. */
static enum err complain(const struct place *place, enum err err, const char *verb,
	const char *file, const char *cause)
{
	snprintf(place->problem, IDENTITY_PROBLEM_MAX, "%s '%s%s%s': %s", verb, place->directory,
		file ? "/" : "", file ? file : "", cause);
	return err;
}

static enum err open_place(const char *directory, char *problem, struct place *ret_place)
{
	struct place place = {.directory = directory, .problem = problem};
	problem[0] = '\0';
	place.fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (place.fd < 0)
		return complain(&place, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot open",
			NULL, strerror(errno));
	*ret_place = place;
	return ERR_OK;
}

/* ---- Reading ---- */

static enum err read_open_file(
	const struct place *place, const char *file, int fd, struct buffer *content)
{
	for (;;) {
		enum err err =
			buffer_reserve(content, min_size(4096, content->max - content->size));
		if (err)
			return complain(place, err, "cannot read", file, err_text(err));
		size_t room = min_size(4096, content->max - content->size);
		if (room == 0)
			return complain(place, ERR_CORRUPT, "damaged", file, "too large");
		ssize_t size = read(fd, content->data + content->size, room);
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			return complain(place, ERR_IO, "cannot read", file, strerror(errno));
		if (size == 0)
			return ERR_OK;
		content->size += (size_t)size;
	}
}

/* A missing file is `missing`. */
static enum err read_file(
	const struct place *place, const char *file, enum err missing, struct buffer *content)
{
	int fd = openat(place->fd, file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return complain(place, errno == ENOENT ? missing : ERR_IO, "cannot read", file,
			strerror(errno));
	enum err err = read_open_file(place, file, fd, content);
	close(fd);
	return err;
}

static EVP_PKEY *parse_key(struct bytes pem)
{
	BIO *bio = pem.size > 0 ? BIO_new_mem_buf(pem.data, (int)pem.size) : NULL;
	char no_password[] = ""; /* keeps libcrypto from asking the terminal for one */
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, no_password) : NULL;
	BIO_free(bio);
	if (!key)
		(void)openssl_error(ERR_CORRUPT);
	return key;
}

static enum err load_key(const struct place *place, EVP_PKEY **ret_key)
{
	struct buffer content = buffer_with_max(IDENTITY_FILE_MAX);
	enum err err = read_file(place, KEY_FILE, ERR_NOT_FOUND, &content);
	if (!err) {
		EVP_PKEY *key = parse_key(buffer_bytes(&content));
		if (key)
			*ret_key = key;
		else
			err = complain(place, ERR_CORRUPT, "damaged", KEY_FILE,
				"not a private key in PEM without a password");
	}
	if (content.data)
		secret_cleanse(content.data, content.size);
	buffer_deinit(&content);
	return err;
}

static enum err load_certificate(const struct place *place, struct certificate **ret_certificate)
{
	struct buffer content = buffer_with_max(IDENTITY_FILE_MAX);
	enum err err = read_file(place, CERTIFICATE_FILE, ERR_CORRUPT, &content);
	if (!err && certificate_parse(buffer_bytes(&content), ret_certificate))
		err = complain(place, ERR_CORRUPT, "damaged", CERTIFICATE_FILE,
			"not a certificate in PEM");
	buffer_deinit(&content);
	return err;
}

/* node.id repeats what the certificate says, for people and scripts; one that says something else
 * is a sign that files of two nodes were mixed. */
static enum err check_id_file(const struct place *place, const char *node_id)
{
	struct buffer content = buffer_with_max(IDENTITY_FILE_MAX);
	enum err err = read_file(place, ID_FILE, ERR_CORRUPT, &content);
	struct bytes text = buffer_bytes(&content);
	while (text.size > 0 && text.data[text.size - 1] <= ' ')
		text.size--;
	if (!err && !bytes_equal_text(text, node_id))
		err = complain(place, ERR_CORRUPT, "damaged", ID_FILE,
			"not the id of the certificate beside it");
	buffer_deinit(&content);
	return err;
}

/* At a time when it is valid: that it has run out is not damage. */
static enum err check_own_certificate(
	const struct place *place, const struct certificate *certificate)
{
	const char *reason;
	int64_t then = certificate_info(certificate)->not_before;
	enum err err = certificate_check(certificate, then, NULL, &reason);
	if (err)
		return complain(place, err == ERR_UNSUPPORTED ? err : ERR_CORRUPT, "damaged",
			CERTIFICATE_FILE, reason);
	return ERR_OK;
}

static enum err load(const struct place *place, struct identity *identity)
{
	enum err err = load_key(place, &identity->key);
	if (!err)
		err = load_certificate(place, &identity->certificate);
	if (!err)
		err = check_own_certificate(place, identity->certificate);
	if (!err && !identity_is_consistent(identity))
		err = complain(place, ERR_CORRUPT, "damaged", KEY_FILE,
			"not the key of the certificate beside it");
	if (!err)
		err = check_id_file(place, identity_node_id(identity));
	return err;
}

enum err identity_load(const char *directory, char *problem, struct identity **ret_identity)
{
	struct place place;
	enum err err = open_place(directory, problem, &place);
	if (err)
		return err;
	struct identity *identity = calloc(1, sizeof *identity);
	err = identity ? load(&place, identity)
		       : complain(&place, ERR_NOMEM, "cannot read", NULL, err_text(ERR_NOMEM));
	close(place.fd);
	if (err) {
		identity_destroy(identity);
		return err;
	}
	*ret_identity = identity;
	return ERR_OK;
}

/* ---- Writing ---- */

static bool write_whole(int fd, struct bytes content)
{
	while (content.size > 0) {
		ssize_t size = write(fd, content.data, content.size);
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			return false;
		content = bytes_of(content.data + size, content.size - (size_t)size);
	}
	return fsync(fd) == 0;
}

static enum err write_file(
	const struct place *place, const char *file, mode_t mode, struct bytes content)
{
	char temporary[32];
	snprintf(temporary, sizeof temporary, "%s.new", file);
	/* One left by a crash may have another mode. */
	(void)unlinkat(place->fd, temporary, 0);
	int fd = openat(place->fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return complain(place, ERR_IO, "cannot write", file, strerror(errno));
	bool done = write_whole(fd, content);
	int cause = errno;
	if (close(fd) != 0 && done) {
		done = false;
		cause = errno;
	}
	if (done && renameat(place->fd, temporary, place->fd, file) != 0) {
		done = false;
		cause = errno;
	}
	if (done)
		return ERR_OK;
	(void)unlinkat(place->fd, temporary, 0);
	return complain(place, ERR_IO, "cannot write", file, strerror(cause));
}

static enum err write_key(const struct place *place, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	if (!bio || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1) {
		BIO_free(bio);
		enum err err = openssl_error(ERR_CRYPTO);
		return complain(place, err, "cannot write", KEY_FILE, err_text(err));
	}
	char *text;
	size_t size = (size_t)BIO_get_mem_data(bio, &text);
	enum err err = write_file(place, KEY_FILE, 0600, bytes_of(text, size));
	secret_cleanse(text, size);
	BIO_free(bio);
	return err;
}

/* Whether node.key is there and is this one: then only the rest is written. */
static enum err look_for_key(
	const struct place *place, const struct identity *identity, bool *ret_there)
{
	struct stat status;
	if (fstatat(place->fd, KEY_FILE, &status, AT_SYMLINK_NOFOLLOW) != 0) {
		*ret_there = false;
		return ERR_OK;
	}
	EVP_PKEY *key = NULL;
	enum err err = load_key(place, &key);
	bool same = !err && EVP_PKEY_eq(key, identity->key) == 1;
	EVP_PKEY_free(key);
	(void)openssl_error(ERR_OK);
	if (!same)
		return complain(place, ERR_EXISTS, "cannot write", KEY_FILE,
			"another identity is there already");
	*ret_there = true;
	return ERR_OK;
}

static enum err save(const struct place *place, const struct identity *identity)
{
	char id_line[NODE_ID_MAX + 1];
	bool there;
	enum err err = look_for_key(place, identity, &there);
	if (err)
		return err;
	snprintf(id_line, sizeof id_line, "%s\n", identity_node_id(identity));
	err = write_file(place, CERTIFICATE_FILE, 0644,
		bytes_of_text(certificate_pem(identity->certificate)));
	if (!err)
		err = write_file(place, ID_FILE, 0644, bytes_of_text(id_line));
	if (!err && !there)
		err = write_key(place, identity->key);
	if (!err && fsync(place->fd) != 0)
		err = complain(place, ERR_IO, "cannot write", NULL, strerror(errno));
	return err;
}

enum err identity_save(const struct identity *identity, const char *directory, char *problem)
{
	struct place place;
	enum err err = open_place(directory, problem, &place);
	if (err)
		return err;
	if (flock(place.fd, LOCK_EX) != 0)
		err = complain(&place, ERR_IO, "cannot lock", NULL, strerror(errno));
	if (!err)
		err = save(&place, identity);
	close(place.fd);
	return err;
}
