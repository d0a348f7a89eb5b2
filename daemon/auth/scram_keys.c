/* auth/scram_keys.c: SaltedPassword, StoredKey and ServerKey (RFC 5802 section 3), and where they are kept.
 *
 * An account's salt never changes: the keys of its app passwords hang on it.
 */
#include "daemon/auth/scram_keys.h"

#include "daemon/auth/password.h"
#include "daemon/base/rng.h"
#include "daemon/directory/directory.h"
#include "db/control_scram.h"

#define SEALED_MAX 256

static void make_keys(struct span password, struct span salt, unsigned iterations, struct scram_keys *out)
{
	uint8_t salted[SHA256_BYTES], client[SHA256_BYTES];
	struct buf prepared;
	struct span key;

	buf_init(&prepared, PASSWORD_PREPARED_MAX);
	crypto_pbkdf2_sha256(password_prepare(password, &prepared), salt, iterations, salted);
	key = span_make((const char *)salted, sizeof(salted));
	crypto_hmac_sha256(key, SPAN("Client Key"), client);
	crypto_sha256(span_make((const char *)client, sizeof(client)), out->stored);
	crypto_hmac_sha256(key, SPAN("Server Key"), out->server);
	buf_wipe(&prepared);
	explicit_bzero(salted, sizeof(salted));
	explicit_bzero(client, sizeof(client));
}

struct job {
	uint64_t account_id;
	struct buf salt, sealed;
	unsigned iterations;
};

static enum err get(struct db *db, void *arg)
{
	struct job *j = arg;

	return db_scram_get(db, j->account_id, &j->salt, &j->iterations, &j->sealed);
}

static enum err add(struct db *db, void *arg)
{
	struct job *j = arg;
	uint8_t salt[SCRAM_SALT_BYTES];
	enum err e;

	rng_bytes(salt, sizeof(salt));
	e = db_scram_add(db, j->account_id, span_make((const char *)salt, sizeof(salt)), SCRAM_ITERATIONS);
	return e ? e : get(db, arg);
}

static enum err set_keys(struct db *db, void *arg)
{
	const struct job *j = arg;

	return db_scram_set_keys(db, j->account_id, buf_span(&j->sealed));
}

static void job_init(struct job *j, uint64_t account_id)
{
	j->account_id = account_id;
	j->iterations = 0;
	buf_init(&j->salt, SCRAM_SALT_BYTES);
	buf_init(&j->sealed, SEALED_MAX);
}

static void job_clear(struct job *j)
{
	buf_clear(&j->salt);
	buf_clear(&j->sealed);
}

/* Binds the keys to their account: a row that is copied to another one does not open. */
static void write_context(uint64_t account_id, struct buf *out)
{
	buf_init(out, 40);
	buf_addf(out, "scram:%llu", (unsigned long long)account_id);
}

static enum err open_keys(struct directory *d, const struct job *j, struct scram_keys *out)
{
	struct buf context, plain;
	enum err e;

	write_context(j->account_id, &context);
	buf_init(&plain, sizeof(*out));
	e = directory_unseal(d, buf_span(&context), buf_span(&j->sealed), &plain);
	if (!e && plain.len != sizeof(*out))
		e = ERR_CORRUPT;
	if (!e)
		memcpy(out, plain.ptr, sizeof(*out));
	buf_clear(&context);
	buf_wipe(&plain);
	return e;
}

enum err scram_row_read(struct directory *d, uint64_t account_id, struct scram_row *out)
{
	struct job j;
	enum err e;

	job_init(&j, account_id);
	e = directory_read(d, get, &j);
	if (!e && j.salt.len != SCRAM_SALT_BYTES)
		e = ERR_CORRUPT;
	if (!e) {
		memcpy(out->salt, j.salt.ptr, SCRAM_SALT_BYTES);
		out->iterations = j.iterations;
		out->has_keys = j.sealed.len > 0;
		if (out->has_keys)
			e = open_keys(d, &j, &out->keys);
	}
	job_clear(&j);
	return e;
}

enum err scram_keys_make(struct directory *d, uint64_t account_id, struct span password, struct scram_keys *out)
{
	struct job j;
	enum err e;

	job_init(&j, account_id);
	e = directory_read(d, get, &j);
	if (e == ERR_NOT_FOUND)
		e = directory_write(d, add, &j, NULL);
	if (!e)
		make_keys(password, buf_span(&j.salt), j.iterations, out);
	job_clear(&j);
	return e;
}

enum err scram_keys_set(struct directory *d, uint64_t account_id, struct span password)
{
	struct scram_keys keys;
	struct buf context;
	struct job j;
	enum err e = scram_keys_make(d, account_id, password, &keys);

	if (e)
		return e;
	job_init(&j, account_id);
	write_context(account_id, &context);
	e = directory_seal(d, buf_span(&context), span_make((const char *)&keys, sizeof(keys)), &j.sealed);
	if (!e)
		e = directory_write(d, set_keys, &j, NULL);
	explicit_bzero(&keys, sizeof(keys));
	buf_clear(&context);
	job_clear(&j);
	return e;
}

enum err scram_keys_forget(struct directory *d, uint64_t account_id)
{
	struct job j;
	enum err e;

	job_init(&j, account_id);
	e = directory_write(d, set_keys, &j, NULL);
	job_clear(&j);
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}
