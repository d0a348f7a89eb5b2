/* db/control_domain.h: control.db: domains. */
#ifndef POSTROOM_DB_CONTROL_DOMAIN_H
#define POSTROOM_DB_CONTROL_DOMAIN_H

#include "db/db.h"

/* ERR_EXISTS. */
enum err db_domain_add(struct db *db, struct span name, int64_t created_ms) MUST_CHECK;
/* ERR_NOT_FOUND; ERR_STATE: accounts or aliases are in it. */
enum err db_domain_remove(struct db *db, struct span name) MUST_CHECK;
/* ERR_NOT_FOUND. */
enum err db_domain_find(struct db *db, struct span name) MUST_CHECK;
/* By name; ends with the first error of `row`. Spans live during the call. */
enum err db_domain_each(struct db *db, enum err (*row)(void *arg, struct span name), void *arg) MUST_CHECK;

#endif
