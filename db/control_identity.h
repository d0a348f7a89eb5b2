/* db/control_identity.h: control.db: what accounts may send as beside their own addresses and aliases. */
#ifndef POSTROOM_DB_CONTROL_IDENTITY_H
#define POSTROOM_DB_CONTROL_IDENTITY_H

#include "db/db.h"

struct db_identity {
	uint64_t account_id;
	struct span key, address;
};

enum err db_identity_add(struct db *db, const struct db_identity *row) MUST_CHECK;
enum err db_identity_remove_all(struct db *db, uint64_t account_id) MUST_CHECK;
/* By account and key; ends with the first error of `row`. Spans live during the call. */
enum err db_identity_each(struct db *db, enum err (*row)(void *arg, const struct db_identity *i), void *arg) MUST_CHECK;

#endif
