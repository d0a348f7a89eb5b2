/* db/control_token.h: control.db: API tokens. */
#ifndef POSTROOM_DB_CONTROL_TOKEN_H
#define POSTROOM_DB_CONTROL_TOKEN_H

#include "db/db.h"

struct db_token {
	uint64_t id, account_id;
	struct span label, digest, scopes, domains, networks, used_from;
	int64_t created_ms, expires_ms, used_ms;
};

/* `id`, `used_ms` and `used_from` of the row are not read. ERR_LIMIT: the account has `max` of them. */
enum err db_token_add(struct db *db, const struct db_token *row, int64_t max, uint64_t *id_out) MUST_CHECK;
/* ERR_NOT_FOUND. */
enum err db_token_remove(struct db *db, uint64_t id) MUST_CHECK;
/* The one with this digest. Spans live during the call of `row`. ERR_NOT_FOUND. */
enum err db_token_find(struct db *db, struct span digest, enum err (*row)(void *arg, const struct db_token *t), void *arg) MUST_CHECK;
/* By id, of one account or (0) all, after `after_id`, at most `max`; ends with the first error of `row`. */
enum err db_token_each(struct db *db, uint64_t account_id, uint64_t after_id, int64_t max, enum err (*row)(void *arg, const struct db_token *t), void *arg) MUST_CHECK;
/* Nothing when it is gone. */
enum err db_token_set_used(struct db *db, uint64_t id, int64_t used_ms, struct span used_from) MUST_CHECK;
/* Those that ended before. */
enum err db_token_remove_ended(struct db *db, int64_t before_ms) MUST_CHECK;

#endif
