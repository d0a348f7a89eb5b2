/* db/control_alias.h: control.db: aliases and their targets. */
#ifndef POSTROOM_DB_CONTROL_ALIAS_H
#define POSTROOM_DB_CONTROL_ALIAS_H

#include "db/db.h"

struct db_alias_target {
	struct span alias_key, alias_address; /* of the alias; not read by db_alias_target_add() */
	struct span target, key, base_key;    /* base_key: without the subaddress */
};

/* ERR_EXISTS: the key is an account's or an alias'; ERR_STATE: no such domain. */
enum err db_alias_add(struct db *db, struct span key, struct span address, struct span domain, int64_t created_ms) MUST_CHECK;
enum err db_alias_target_add(struct db *db, struct span alias_key, size_t position, const struct db_alias_target *target) MUST_CHECK;
/* ERR_NOT_FOUND. */
enum err db_alias_find(struct db *db, struct span key) MUST_CHECK;
enum err db_alias_targets_remove(struct db *db, struct span alias_key) MUST_CHECK;
/* With its targets. ERR_NOT_FOUND. */
enum err db_alias_remove(struct db *db, struct span key) MUST_CHECK;
/* By key and position; ends with the first error of `row`. Spans live during the call. */
enum err db_alias_each(struct db *db, enum err (*row)(void *arg, const struct db_alias_target *t), void *arg) MUST_CHECK;

#endif
