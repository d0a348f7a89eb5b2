/* db/control_lockout.h: control.db: refusals that outlive a restart. */
#ifndef POSTROOM_DB_CONTROL_LOCKOUT_H
#define POSTROOM_DB_CONTROL_LOCKOUT_H

#include "db/db.h"

struct db_lockout {
	struct span subject;
	unsigned failures;
	int64_t until_ms; /* unix */
};

enum err db_lockout_put(struct db *db, const struct db_lockout *row) MUST_CHECK;
/* With those whose subject goes on with '@'; nothing when it is not there. */
enum err db_lockout_remove(struct db *db, struct span subject) MUST_CHECK;
/* Those that still hold, the longest first, at most `max`; ends with the first error of `row`. Spans live during the call. */
enum err db_lockout_each(struct db *db, int64_t now_ms, int64_t max, enum err (*row)(void *arg, const struct db_lockout *l), void *arg) MUST_CHECK;
enum err db_lockout_remove_ended(struct db *db, int64_t now_ms) MUST_CHECK;

#endif
