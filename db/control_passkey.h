/* db/control_passkey.h: control.db: passkeys (WebAuthn credentials). */
#ifndef POSTROOM_DB_CONTROL_PASSKEY_H
#define POSTROOM_DB_CONTROL_PASSKEY_H

#include "daemon/base/buf.h"
#include "db/db.h"

struct db_passkey {
	uint64_t id, account_id;
	struct span credential, public_key, label;
	uint32_t sign_count;
	int64_t created_ms, used_ms;
};

/* ERR_EXISTS: the credential is somebody's already. */
enum err db_passkey_add(struct db *db, const struct db_passkey *row, uint64_t *id_out) MUST_CHECK;
/* Calls row() once; the spans live until it returns. ERR_NOT_FOUND. */
enum err db_passkey_find(struct db *db, struct span credential, enum err (*row)(void *arg, const struct db_passkey *p), void *arg) MUST_CHECK;
/* Of an account, the oldest first. */
enum err db_passkey_each(struct db *db, uint64_t account_id, enum err (*row)(void *arg, const struct db_passkey *p), void *arg) MUST_CHECK;
enum err db_passkey_count(struct db *db, uint64_t account_id, unsigned *out) MUST_CHECK;
/* A login: the counter was `old_count` when it was looked at. ERR_NOT_FOUND: it is another one by now, or the key is gone. */
enum err db_passkey_used(struct db *db, uint64_t id, uint32_t old_count, uint32_t count, int64_t used_ms) MUST_CHECK;
/* ERR_NOT_FOUND. */
enum err db_passkey_remove(struct db *db, uint64_t account_id, uint64_t id) MUST_CHECK;

#endif
