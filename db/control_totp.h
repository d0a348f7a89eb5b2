/* db/control_totp.h: control.db: secrets of one-time codes, steps that are used up, recovery codes. */
#ifndef POSTROOM_DB_CONTROL_TOTP_H
#define POSTROOM_DB_CONTROL_TOTP_H

#include "daemon/base/buf.h"
#include "db/db.h"

struct db_totp {
	bool confirmed;
	int64_t last_step;
};

/* Adds the sealed secret to the buffer; ERR_NOT_FOUND. */
enum err db_totp_get(struct db *db, uint64_t account_id, struct db_totp *out, struct buf *secret_sealed) MUST_CHECK;
/* A secret that is not confirmed yet, in place of another such. ERR_EXISTS: there is a confirmed one. */
enum err db_totp_begin(struct db *db, uint64_t account_id, struct span secret_sealed, int64_t created_ms) MUST_CHECK;
/* ERR_NOT_FOUND: none that waits for it. */
enum err db_totp_confirm(struct db *db, uint64_t account_id, int64_t step) MUST_CHECK;
/* ERR_EXISTS: this step, or a later one, was used already, or was burnt. */
enum err db_totp_use(struct db *db, uint64_t account_id, int64_t step) MUST_CHECK;
/* A step of the future that must not open; those before `now_step` are forgotten. */
enum err db_totp_burn(struct db *db, uint64_t account_id, int64_t step, int64_t now_step) MUST_CHECK;
/* ERR_NOT_FOUND. */
enum err db_totp_remove(struct db *db, uint64_t account_id) MUST_CHECK;

enum err db_recovery_add(struct db *db, uint64_t account_id, struct span digest) MUST_CHECK;
enum err db_recovery_clear(struct db *db, uint64_t account_id) MUST_CHECK;
/* It is gone then. ERR_NOT_FOUND. */
enum err db_recovery_use(struct db *db, uint64_t account_id, struct span digest) MUST_CHECK;
enum err db_recovery_count(struct db *db, uint64_t account_id, unsigned *out) MUST_CHECK;

#endif
