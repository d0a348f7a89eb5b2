/* db/queue_srs.h: queue.db: reverse-paths of forwarded mail that are too long to be written into one. */
#ifndef POSTROOM_DB_QUEUE_SRS_H
#define POSTROOM_DB_QUEUE_SRS_H

#include "daemon/base/arena.h"
#include "db/db.h"

/* Keeps it until then, at least. */
enum err db_queue_srs_put(struct db *db, struct span token, struct span address, int64_t expires_ms) MUST_CHECK;
/* In the arena. ERR_NOT_FOUND: unknown, or its time is over. */
enum err db_queue_srs_find(struct db *db, struct span token, int64_t now_ms, struct arena *a, struct span *out) MUST_CHECK;
/* Those that ended before, at most `max`. */
enum err db_queue_srs_trim(struct db *db, int64_t now_ms, int64_t max) MUST_CHECK;

#endif
