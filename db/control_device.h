/* db/control_device.h: control.db: networks from which accounts have logged in. */
#ifndef POSTROOM_DB_CONTROL_DEVICE_H
#define POSTROOM_DB_CONTROL_DEVICE_H

#include "db/db.h"

struct db_device {
	uint64_t account_id;
	struct span network;
	int64_t first_ms, seen_ms;
	unsigned protocols;
};

/* `network` of *out is not set. ERR_NOT_FOUND. */
enum err db_device_get(struct db *db, uint64_t account_id, struct span network, struct db_device *out) MUST_CHECK;
/* A new one, or a later sight of one that is there; nothing when the account is gone. Those of the account that were not seen for the longest time
 * make room, so that it has `max`. */
enum err db_device_put(struct db *db, const struct db_device *row, int64_t max) MUST_CHECK;
/* Of an account, newest first; ends with the first error of `row`. Spans live during the call. */
enum err db_device_each(struct db *db, uint64_t account_id, enum err (*row)(void *arg, const struct db_device *d), void *arg) MUST_CHECK;
/* Those not seen since. */
enum err db_device_remove_old(struct db *db, int64_t before_ms) MUST_CHECK;

#endif
