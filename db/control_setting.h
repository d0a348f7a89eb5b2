/* db/control_setting.h: control.db: settings by name, and whether somebody else has written to the file. */
#ifndef POSTROOM_DB_CONTROL_SETTING_H
#define POSTROOM_DB_CONTROL_SETTING_H

#include "daemon/base/buf.h"
#include "db/db.h"

/* Adds the value to `out`; ERR_NOT_FOUND. */
enum err db_setting_get(struct db *db, struct span name, struct buf *out) MUST_CHECK;
enum err db_setting_set(struct db *db, struct span name, struct span value) MUST_CHECK;
enum err db_setting_remove(struct db *db, struct span name) MUST_CHECK; /* one that is not there too */
/* Ends with the first error of `row`. Spans live during the call. */
enum err db_setting_each(struct db *db, enum err (*row)(void *arg, struct span name, struct span value), void *arg) MUST_CHECK;
/* A number that changes when another handle has committed. */
enum err db_data_version(struct db *db, int64_t *out) MUST_CHECK;

#endif
