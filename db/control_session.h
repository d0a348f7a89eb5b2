/* db/control_session.h: control.db: sessions of browsers. */
#ifndef POSTROOM_DB_CONTROL_SESSION_H
#define POSTROOM_DB_CONTROL_SESSION_H

#include "db/db.h"

struct db_session {
	uint64_t id, account_id;
	struct span digest, seen_from, agent;
	int64_t created_ms, seen_ms, proven_ms;
};

/* `id` of the row is not read. The oldest of the account make room, so that it has `max`. */
enum err db_session_add(struct db *db, const struct db_session *row, int64_t max, uint64_t *id_out) MUST_CHECK;
/* ERR_NOT_FOUND. */
enum err db_session_remove(struct db *db, uint64_t account_id, uint64_t id) MUST_CHECK;
/* All of the account but `keep_id`. */
enum err db_session_remove_others(struct db *db, uint64_t account_id, uint64_t keep_id) MUST_CHECK;
/* All of the accounts of a domain. */
enum err db_session_remove_domain(struct db *db, struct span domain) MUST_CHECK;
/* The one with this digest. Spans live during the call of `row`. ERR_NOT_FOUND. */
enum err db_session_find(struct db *db, struct span digest, enum err (*row)(void *arg, const struct db_session *s), void *arg) MUST_CHECK;
/* Whose session is that? ERR_NOT_FOUND. */
enum err db_session_account(struct db *db, uint64_t id, uint64_t *account_out) MUST_CHECK;
/* Of an account, by id; ends with the first error of `row`. */
enum err db_session_each(struct db *db, uint64_t account_id, enum err (*row)(void *arg, const struct db_session *s), void *arg) MUST_CHECK;
/* ERR_NOT_FOUND. */
enum err db_session_set_proven(struct db *db, uint64_t id, int64_t proven_ms) MUST_CHECK;
/* Nothing when it is gone. */
enum err db_session_set_seen(struct db *db, uint64_t id, int64_t seen_ms, struct span seen_from) MUST_CHECK;
/* Those not seen since. */
enum err db_session_remove_idle(struct db *db, int64_t before_ms) MUST_CHECK;

#endif
