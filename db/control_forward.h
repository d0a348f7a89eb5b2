/* db/control_forward.h: control.db: where the mail of accounts goes on to. */
#ifndef POSTROOM_DB_CONTROL_FORWARD_H
#define POSTROOM_DB_CONTROL_FORWARD_H

#include "db/db.h"

struct db_forward {
	uint64_t account_id;
	struct span target, key, base_key; /* keys: not of db_forward_each() */
};

enum err db_forward_add(struct db *db, size_t position, const struct db_forward *row) MUST_CHECK;
enum err db_forward_remove_all(struct db *db, uint64_t account_id) MUST_CHECK;
/* By account and position; ends with the first error of `row`. Spans live during the call. */
enum err db_forward_each(struct db *db, enum err (*row)(void *arg, const struct db_forward *f), void *arg) MUST_CHECK;

#endif
