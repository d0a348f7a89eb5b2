/* store/url_key.c: see the header. */
#include "daemon/store/url_key.h"

#include "daemon/base/rng.h"
#include "daemon/store/mailstore.h"
#include "db/mail_mailbox.h"
#include "db/mail_url_key.h"

#define WRITE_WEIGHT 8192 /* pages that a small write touches, in bytes */

_Static_assert(URL_KEY_BYTES == DB_URL_KEY_BYTES, "a key as it is stored");

enum err url_key_find(struct mailstore *m, uint64_t mailbox_id, struct url_key *out)
{
	struct db *db;
	enum err e = mailstore_reader_take(m, &db);

	if (e)
		return e;
	e = db_url_key_find(db, mailbox_id, out->bytes);
	mailstore_reader_give(m, &db);
	return e;
}

struct keying {
	uint64_t mailbox_id;
	struct url_key *key;
};

/* Within the commit: of two that make it at once the second takes the first one's. */
static enum err run_make(struct db *db, void *arg)
{
	struct keying *k = arg;
	struct db_mailbox row;
	enum err e = db_mailbox_by_id(db, k->mailbox_id, &row);

	if (!e)
		e = db_url_key_find(db, k->mailbox_id, k->key->bytes);
	else
		return e;
	if (e != ERR_NOT_FOUND)
		return e;
	rng_bytes(k->key->bytes, sizeof k->key->bytes);
	return db_url_key_add(db, k->mailbox_id, k->key->bytes);
}

enum err url_key_make(struct mailstore *m, uint64_t mailbox_id, struct url_key *out)
{
	struct keying k = { mailbox_id, out };
	enum err e = url_key_find(m, mailbox_id, out);

	return e == ERR_NOT_FOUND ? mailstore_write(m, run_make, &k, WRITE_WEIGHT) : e;
}

static enum err run_remove(struct db *db, void *arg)
{
	return db_url_key_remove(db, *(const uint64_t *)arg);
}

enum err url_key_remove(struct mailstore *m, uint64_t mailbox_id)
{
	return mailstore_write(m, run_remove, &mailbox_id, WRITE_WEIGHT);
}
