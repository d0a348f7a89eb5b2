/* db/queue_sending.h: the rows of queue.db about what accounts send outside: counts by the hour, whom they have written to, who was stopped. Hours
 * are unix time / 3600.
 */
#ifndef POSTROOM_DB_QUEUE_SENDING_H
#define POSTROOM_DB_QUEUE_SENDING_H

#include "daemon/base/arena.h"
#include "db/db.h"

struct sent_hour {
	int64_t hour;
	uint64_t recipients, first_time, failed;
};
/* Adds to the row of the hour. */
enum err db_sent_add(struct db *db, uint64_t account_id, const struct sent_hour *more) MUST_CHECK;
/* From that hour on, in order. */
enum err db_sent_hours(struct db *db, uint64_t account_id, int64_t from_hour, void (*each)(void *arg, const struct sent_hour *row), void *arg) MUST_CHECK;
/* Forgets the counts from that hour on. */
enum err db_sent_reset(struct db *db, uint64_t account_id, int64_t from_hour) MUST_CHECK;
/* Accounts behind `after` that have a count from that hour on or are stopped, or only the latter. At most `limit`. */
enum err db_sent_accounts(struct db *db, uint64_t after, int64_t from_hour, bool stopped_only, size_t limit, uint64_t *out, size_t *count_out) MUST_CHECK;

/* Has it been written to? ERR_NOT_FOUND. */
enum err db_known_find(struct db *db, uint64_t account_id, int64_t key, int64_t *last_hour_out) MUST_CHECK;
enum err db_known_set(struct db *db, uint64_t account_id, int64_t key, int64_t hour) MUST_CHECK;

struct breaker_row {
	uint64_t account_id;
	struct span reason, detail;
	int64_t since_ms;
};
enum err db_breaker_set(struct db *db, const struct breaker_row *row) MUST_CHECK;
enum err db_breaker_remove(struct db *db, uint64_t account_id) MUST_CHECK;
enum err db_breaker_all(struct db *db, enum err (*each)(void *arg, const struct breaker_row *row), void *arg) MUST_CHECK;

/* Everything of an account. */
enum err db_sending_forget(struct db *db, uint64_t account_id) MUST_CHECK;
/* At most `limit` rows a call of counts before `hour` and recipients last written to before `known_hour`. *removed_out: how many. */
enum err db_sending_trim(struct db *db, int64_t hour, int64_t known_hour, size_t limit, size_t *removed_out) MUST_CHECK;
/* The known recipients of an account beyond `keep`: those written to longest ago go, at most `limit` a call. */
enum err db_known_trim(struct db *db, uint64_t account_id, size_t keep, size_t limit, size_t *removed_out) MUST_CHECK;

#endif
