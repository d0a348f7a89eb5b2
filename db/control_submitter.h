/* db/control_submitter.h: control.db: who may hand in mail over submit.sock. */
#ifndef POSTROOM_DB_CONTROL_SUBMITTER_H
#define POSTROOM_DB_CONTROL_SUBMITTER_H

#include "db/db.h"

struct db_submitter {
	int64_t uid;        /* -1: everybody who has no row */
	struct span sender; /* empty: by the login's name */
	bool remote, allowed;
};

/* Sets or replaces. */
enum err db_submitter_set(struct db *db, const struct db_submitter *row) MUST_CHECK;
/* ERR_NOT_FOUND. */
enum err db_submitter_remove(struct db *db, int64_t uid) MUST_CHECK;
/* By uid; ends with the first error of `row`. Spans live during the call. */
enum err db_submitter_each(struct db *db, enum err (*row)(void *arg, const struct db_submitter *s), void *arg) MUST_CHECK;
/* The row of that uid, else that of everybody: one call of `row`. ERR_NOT_FOUND: neither is there. */
enum err db_submitter_find(struct db *db, int64_t uid, enum err (*row)(void *arg, const struct db_submitter *s), void *arg) MUST_CHECK;

#endif
