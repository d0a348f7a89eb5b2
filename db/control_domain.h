/* db/control_domain.h: control.db: domains. */
#ifndef POSTROOM_DB_CONTROL_DOMAIN_H
#define POSTROOM_DB_CONTROL_DOMAIN_H

#include "daemon/base/buf.h"
#include "db/db.h"

struct db_domain {
	struct span name, alias_of, source_ipv4, source_ipv6; /* empty: none */
	int state;
	int64_t created_ms;
};

/* ERR_EXISTS. */
enum err db_domain_add(struct db *db, struct span name, int64_t created_ms) MUST_CHECK;
/* All but name and creation. ERR_NOT_FOUND; ERR_STATE: no such alias_of. */
enum err db_domain_set(struct db *db, const struct db_domain *row) MUST_CHECK;
/* With what its name alone grants. ERR_NOT_FOUND; ERR_STATE: accounts or aliases are in it, or a domain stands for it. */
enum err db_domain_remove(struct db *db, struct span name) MUST_CHECK;
/* ERR_NOT_FOUND. */
enum err db_domain_find(struct db *db, struct span name) MUST_CHECK;
/* Adds the domain that it stands for to `out`, or nothing. ERR_NOT_FOUND. */
enum err db_domain_alias_of(struct db *db, struct span name, struct buf *out) MUST_CHECK;
/* Has it accounts or aliases, or does a domain stand for it? */
enum err db_domain_is_used(struct db *db, struct span name, bool *out) MUST_CHECK;
/* By name; ends with the first error of `row`. Spans live during the call. */
enum err db_domain_each(struct db *db, enum err (*row)(void *arg, const struct db_domain *d), void *arg) MUST_CHECK;

#endif
