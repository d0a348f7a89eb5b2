/* db/queue_suppression.h: queue.db: addresses that failed for good lately. */
#ifndef POSTROOM_DB_QUEUE_SUPPRESSION_H
#define POSTROOM_DB_QUEUE_SUPPRESSION_H

#include "db/db.h"

enum { SUPPRESSION_OF_FAILURE = 0,
       SUPPRESSION_OF_OPERATOR = 1 };

struct db_suppression {
	struct span address;
	int64_t source;
	struct span status, reply;
	int64_t failures, created_ms, expires_ms;
};

/* Sets or replaces. */
enum err db_suppression_put(struct db *db, const struct db_suppression *row) MUST_CHECK;
/* One more failure: a new row, or newer words and time in the old one; an operator's stays as it is but for the count. */
enum err db_suppression_learn(struct db *db, const struct db_suppression *row) MUST_CHECK;
enum err db_suppression_remove(struct db *db, struct span address) MUST_CHECK; /* ERR_NOT_FOUND */
/* Spans live for the call of `each`. ERR_NOT_FOUND. */
enum err db_suppression_find(struct db *db, struct span address, enum err (*each)(void *arg, const struct db_suppression *row), void *arg) MUST_CHECK;
/* By address behind `after`, those with `part` in the address. */
enum err db_suppression_page(struct db *db, struct span part, struct span after, int64_t limit, enum err (*each)(void *arg, const struct db_suppression *row), void *arg) MUST_CHECK;
enum err db_suppression_addresses(struct db *db, enum err (*each)(void *arg, struct span address), void *arg) MUST_CHECK;
/* Removes those that ended before, at most `max`; `removed` hears of each. */
enum err db_suppression_trim(struct db *db, int64_t now_ms, int64_t max, void (*removed)(void *arg, struct span address), void *arg) MUST_CHECK;

#endif
