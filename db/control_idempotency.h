/* db/control_idempotency.h: control.db: the idempotency table. */
#ifndef POSTROOM_DB_CONTROL_IDEMPOTENCY_H
#define POSTROOM_DB_CONTROL_IDEMPOTENCY_H

#include "db/db.h"

struct db_idempotency {
	struct span key, request;
	int64_t created_ms;
	int64_t status; /* 0: cut short */
	struct span answer;
};
/* ERR_NOT_FOUND; `row` sees spans that live for the call. */
enum err db_idempotency_find(struct db *db, struct span key, void (*row)(void *arg, const struct db_idempotency *r), void *arg) MUST_CHECK;
/* Keeps the newest `keep` rows, as far as `sweep` goes. */
enum err db_idempotency_trim(struct db *db, int64_t keep, int64_t sweep) MUST_CHECK;
/* Adds or replaces, and removes up to `sweep` rows that are older than `before_ms`. */
enum err db_idempotency_put(struct db *db, const struct db_idempotency *row, int64_t before_ms, int64_t sweep) MUST_CHECK;

#endif
