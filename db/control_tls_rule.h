/* db/control_tls_rule.h: control.db: what TLS destinations must have. */
#ifndef POSTROOM_DB_CONTROL_TLS_RULE_H
#define POSTROOM_DB_CONTROL_TLS_RULE_H

#include "db/db.h"

struct db_tls_rule {
	struct span domain, names; /* names: blank between */
	int mode;
	int64_t created_ms;
};

/* Sets or replaces; one that is there keeps its creation. */
enum err db_tls_rule_set(struct db *db, const struct db_tls_rule *row) MUST_CHECK;
/* ERR_NOT_FOUND. */
enum err db_tls_rule_remove(struct db *db, struct span domain) MUST_CHECK;
/* By domain; ends with the first error of `row`. Spans live during the call. */
enum err db_tls_rule_each(struct db *db, enum err (*row)(void *arg, const struct db_tls_rule *r), void *arg) MUST_CHECK;

#endif
