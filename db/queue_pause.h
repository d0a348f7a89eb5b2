/* db/queue_pause.h: next hops to which nothing is sent meanwhile, in queue.db. */
#ifndef POSTROOM_DB_QUEUE_PAUSE_H
#define POSTROOM_DB_QUEUE_PAUSE_H

#include "db/db.h"

struct queue_pause_row {
	struct span destination, reason;
	int64_t created_ms, until_ms; /* 0: until it is ended */
};

/* Inserts or replaces; inside a transaction, as db_queue_pause_delete(). */
enum err db_queue_pause_put(struct db *db, const struct queue_pause_row *row) MUST_CHECK;
/* One that is not there is no error. */
enum err db_queue_pause_delete(struct db *db, struct span destination) MUST_CHECK;
/* All, by destination; spans live for the call of `each`, which ends the scan with an error of its own. */
enum err db_queue_pauses(struct db *db, enum err (*each)(void *arg, const struct queue_pause_row *row), void *arg) MUST_CHECK;

#endif
