/* db/control_app_password.h: control.db: app passwords. */
#ifndef POSTROOM_DB_CONTROL_APP_PASSWORD_H
#define POSTROOM_DB_CONTROL_APP_PASSWORD_H

#include "db/db.h"

struct db_app_password {
	uint64_t id, account_id;
	struct span label, networks, digest, keys_sealed, used_from;
	unsigned protocols;
	int64_t created_ms, expires_ms, used_ms;
};

/* `id`, `used_ms` and `used_from` of the row are not read. ERR_LIMIT: the account has `max` of them. */
enum err db_app_password_add(struct db *db, const struct db_app_password *row, int64_t max, uint64_t *id_out) MUST_CHECK;
/* ERR_NOT_FOUND. */
enum err db_app_password_remove(struct db *db, uint64_t account_id, uint64_t id) MUST_CHECK;
/* Of an account, by id; ends with the first error of `row`. Spans live during the call. */
enum err db_app_password_each(struct db *db, uint64_t account_id, enum err (*row)(void *arg, const struct db_app_password *p), void *arg) MUST_CHECK;
/* Nothing when it is gone. */
enum err db_app_password_set_used(struct db *db, uint64_t id, int64_t used_ms, struct span used_from) MUST_CHECK;
/* Those that ended before. */
enum err db_app_password_remove_ended(struct db *db, int64_t before_ms) MUST_CHECK;

#endif
