/* crypto/seal.c: sealing values with AES-256-GCM, and the key file.
 *
 *   sealed = 01 | nonce (12) | ciphertext | tag (16)
 *
 * (1) A nonce is random and used once: 2^32 values under one key stay far below the birthday bound of 96 bits.
 * (2) A key file is complete when its name appears: it is written under another name, fsynced, then linked.
 */
/* OpenSSL has a type of this name. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/evp.h>
#undef ERR_STATE

#include "daemon/crypto/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/encode.h"
#include "daemon/base/rng.h"

#define SEAL_VERSION 1
#define NONCE_BYTES 12
#define TAG_BYTES 16
#define HEX_BYTES ((size_t)SEAL_KEY_BYTES * 2)

static pthread_once_t cipher_once = PTHREAD_ONCE_INIT;
static EVP_CIPHER *cipher;

static void fetch_cipher(void)
{
	cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
}

void seal_key_random(struct seal_key *out)
{
	rng_bytes(out->bytes, sizeof out->bytes);
}

void seal_key_wipe(struct seal_key *key)
{
	explicit_bzero(key, sizeof *key);
}

/* A key of our own must be for us alone. One that root owns and lends to our group (a credential, a packager's choice) may be read by that group. */
static bool is_private(const struct stat *st)
{
	mode_t open_to = S_IRWXO | S_IWGRP | S_IXGRP;

	if (st->st_uid == geteuid())
		open_to |= S_IRWXG;
	return (st->st_mode & open_to) == 0;
}

/* `text` is a whole key file: the digits and at most one line end. */
static enum err parse_key(struct span text, struct seal_key *out)
{
	struct buf bytes;
	enum err e;

	if (span_ends(text, SPAN("\n")))
		text.len--;
	if (text.len != HEX_BYTES)
		return ERR_SYNTAX;
	buf_init(&bytes, SEAL_KEY_BYTES);
	e = hex_decode(text, &bytes);
	if (e == ERR_OK)
		memcpy(out->bytes, bytes.ptr, SEAL_KEY_BYTES);
	buf_wipe(&bytes);
	return e;
}

/* Up to `size` bytes; the length in *len_out. */
static enum err read_all(int fd, char *to, size_t size, size_t *len_out)
{
	size_t len = 0;
	ssize_t got;

	while (len < size) {
		got = read(fd, to + len, size - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ERR_TEMP;
		if (got == 0)
			break;
		len += (size_t)got;
	}
	*len_out = len;
	return ERR_OK;
}

static enum err open_failed(int error_number, const char *path, struct note *why)
{
	note_set_errno(why, error_number, "%s", path);
	if (error_number == ENOENT || error_number == ENOTDIR)
		return ERR_NOT_FOUND;
	return error_number == EACCES || error_number == EPERM ? ERR_DENIED : ERR_TEMP;
}

enum err seal_key_read(const char *path, struct seal_key *out, struct note *why)
{
	char text[HEX_BYTES + 2];
	size_t len = 0;
	struct stat st;
	enum err e;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return open_failed(errno, path, why);
	if (fstat(fd, &st) < 0) {
		e = open_failed(errno, path, why);
	} else if (!S_ISREG(st.st_mode)) {
		note_set(why, "%s: not a file", path);
		e = ERR_SYNTAX;
	} else if (!is_private(&st)) {
		note_set(why, "%s: others can read it (mode %03o); make it 0600", path, (unsigned)(st.st_mode & 0777));
		e = ERR_DENIED;
	} else {
		e = read_all(fd, text, sizeof text, &len);
		if (e != ERR_OK)
			note_set_errno(why, errno, "%s", path);
	}
	close(fd);
	if (e == ERR_OK) {
		e = parse_key(span_make(text, len), out);
		if (e != ERR_OK)
			note_set(why, "%s: expected %zu hexadecimal digits", path, HEX_BYTES);
	}
	explicit_bzero(text, sizeof text);
	return e;
}

static bool write_all(int fd, const char *from, size_t len)
{
	ssize_t done;

	while (len) {
		done = write(fd, from, len);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return false;
		from += done;
		len -= (size_t)done;
	}
	return true;
}

/* Makes the name `path` durable. */
static bool sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	int fd;
	bool is_synced;

	if (!slash)
		snprintf(folder, sizeof folder, ".");
	else
		snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	is_synced = fsync(fd) == 0;
	close(fd);
	return is_synced;
}

/* The digits and a line end, durable under the name `path`, which must be new. */
static bool write_key_file(const char *path, struct span text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool is_written;

	if (fd < 0)
		return false;
	/* The umask can only have taken more away; say it exactly. */
	is_written = fchmod(fd, 0600) == 0 && write_all(fd, text.ptr, text.len) && fsync(fd) == 0;
	if (close(fd) < 0)
		is_written = false;
	return is_written;
}

enum err seal_key_create(const char *path, struct seal_key *out, struct note *why)
{
	char draft[PATH_MAX];
	struct buf text;
	enum err e = ERR_TEMP;
	int failed;

	if (snprintf(draft, sizeof draft, "%s.%08x", path, (unsigned)rng_below(UINT32_MAX)) >= (int)sizeof draft) {
		note_set(why, "%s: the name is too long", path);
		return ERR_LIMIT;
	}
	seal_key_random(out);
	buf_init(&text, HEX_BYTES + 1);
	hex_encode(span_make((const char *)out->bytes, sizeof out->bytes), &text);
	buf_add_char(&text, '\n');
	if (text.failed) {
		note_set(why, "%s: out of memory", path);
		goto out;
	}
	if (!write_key_file(draft, buf_span(&text)) || link(draft, path) < 0) {
		failed = errno;
		unlink(draft);
		e = failed == EEXIST ? ERR_EXISTS : open_failed(failed, path, why);
		if (failed == EEXIST)
			note_set(why, "%s: exists", path);
		goto out;
	}
	unlink(draft);
	if (sync_folder(path)) {
		e = ERR_OK;
	} else {
		note_set_errno(why, errno, "%s", path);
		unlink(path);
	}
out:
	buf_wipe(&text);
	if (e != ERR_OK)
		seal_key_wipe(out);
	return e;
}

/* A context set up for one value. Null: out of memory, or a library without the cipher. */
static EVP_CIPHER_CTX *cipher_begin(const struct seal_key *key, const uint8_t *nonce, struct span context, bool is_closing)
{
	EVP_CIPHER_CTX *ctx;
	int len;

	pthread_once(&cipher_once, fetch_cipher);
	ctx = cipher ? EVP_CIPHER_CTX_new() : NULL;
	if (!ctx)
		return NULL;
	if (EVP_CipherInit_ex2(ctx, cipher, key->bytes, nonce, is_closing, NULL) &&
	    (context.len == 0 || EVP_CipherUpdate(ctx, NULL, &len, (const uint8_t *)context.ptr, (int)context.len)))
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

enum err seal_close(const struct seal_key *key, struct span context, struct span plain, struct buf *out)
{
	EVP_CIPHER_CTX *ctx;
	uint8_t *to, *text;
	bool is_done;
	int len = 0;

	if (plain.len > INT_MAX - SEAL_OVERHEAD || context.len > INT_MAX)
		return ERR_LIMIT;
	to = (uint8_t *)buf_reserve(out, plain.len + SEAL_OVERHEAD);
	if (!to)
		return ERR_LIMIT;
	to[0] = SEAL_VERSION;
	rng_bytes(to + 1, NONCE_BYTES);
	ctx = cipher_begin(key, to + 1, context, true);
	if (!ctx)
		return ERR_TEMP;
	text = to + 1 + NONCE_BYTES;
	is_done = (plain.len == 0 || EVP_CipherUpdate(ctx, text, &len, (const uint8_t *)plain.ptr, (int)plain.len)) &&
		  EVP_CipherFinal_ex(ctx, text + plain.len, &len) &&
		  EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, text + plain.len);
	EVP_CIPHER_CTX_free(ctx);
	if (!is_done)
		return ERR_TEMP;
	buf_grew(out, plain.len + SEAL_OVERHEAD);
	return ERR_OK;
}

enum err seal_open(const struct seal_key *key, struct span context, struct span sealed, struct buf *out)
{
	const uint8_t *from = (const uint8_t *)sealed.ptr;
	uint8_t tag[TAG_BYTES];
	EVP_CIPHER_CTX *ctx;
	bool is_done;
	uint8_t *to;
	size_t plain_len;
	int len = 0;

	if (sealed.len < SEAL_OVERHEAD || sealed.len > INT_MAX || context.len > INT_MAX || from[0] != SEAL_VERSION)
		return ERR_CORRUPT;
	plain_len = sealed.len - SEAL_OVERHEAD;
	to = (uint8_t *)buf_reserve(out, plain_len);
	if (!to)
		return ERR_LIMIT;
	ctx = cipher_begin(key, from + 1, context, false);
	if (!ctx)
		return ERR_TEMP;
	from += 1 + NONCE_BYTES;
	memcpy(tag, from + plain_len, TAG_BYTES);
	is_done = (plain_len == 0 || EVP_CipherUpdate(ctx, to, &len, from, (int)plain_len)) &&
		  EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) &&
		  EVP_CipherFinal_ex(ctx, tag, &len);
	EVP_CIPHER_CTX_free(ctx);
	if (!is_done) {
		/* What was not proven is not left behind either. */
		explicit_bzero(to, plain_len);
		return ERR_CORRUPT;
	}
	buf_grew(out, plain_len);
	return ERR_OK;
}
