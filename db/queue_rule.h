/* db/queue_rule.h: queue.db: hold rules. */
#ifndef POSTROOM_DB_QUEUE_RULE_H
#define POSTROOM_DB_QUEUE_RULE_H

#include "db/db.h"

struct db_hold_rule {
	int64_t id;
	struct span sender, recipient, note;
	int64_t created_ms, expires_ms, matched;
};

enum err db_hold_rule_add(struct db *db, const struct db_hold_rule *row, int64_t *id_out) MUST_CHECK;
enum err db_hold_rule_remove(struct db *db, int64_t id) MUST_CHECK; /* ERR_NOT_FOUND */
enum err db_hold_rule_matched(struct db *db, int64_t id, int64_t matched) MUST_CHECK;
/* By id; spans live for the call. */
enum err db_hold_rule_each(struct db *db, enum err (*each)(void *arg, const struct db_hold_rule *row), void *arg) MUST_CHECK;

#endif
