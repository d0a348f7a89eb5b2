/* db/control_check.h: control.db: what the last consistency check of each account found. */
#ifndef POSTROOM_DB_CONTROL_CHECK_H
#define POSTROOM_DB_CONTROL_CHECK_H

#include "daemon/base/arena.h"
#include "db/db.h"

struct db_check {
	uint64_t account;
	int64_t at_ms, took_ms;
	bool is_whole, repairs;
	uint64_t messages, faults, repaired;
	struct span findings; /* JSON */
};

/* ERR_STATE: there is no such account. */
enum err db_check_put(struct db *db, const struct db_check *row) MUST_CHECK;
/* In the arena. ERR_NOT_FOUND: never checked. */
enum err db_check_find(struct db *db, uint64_t account, struct arena *a, struct db_check *out) MUST_CHECK;
/* The account that was never checked, or longest ago. ERR_NOT_FOUND: there is no account. */
enum err db_check_next(struct db *db, uint64_t *account_out) MUST_CHECK;

#endif
