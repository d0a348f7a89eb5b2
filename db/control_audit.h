/* db/control_audit.h: control.db: the audit log. Its rows are only ever added. */
#ifndef POSTROOM_DB_CONTROL_AUDIT_H
#define POSTROOM_DB_CONTROL_AUDIT_H

#include "db/db.h"

struct db_audit {
	uint64_t id;
	int64_t at_ms;
	struct span actor;
	uint64_t actor_account;
	struct span via, peer, request_id, operation, subject, domain, before, after;
	struct span chain;
};

/* The row with the highest id goes to `row`. ERR_NOT_FOUND: none is there. */
enum err db_audit_last(struct db *db, void (*row)(void *arg, const struct db_audit *a), void *arg) MUST_CHECK;
enum err db_audit_add(struct db *db, const struct db_audit *row) MUST_CHECK;

/* The column whose index narrows a list most; `value` or `number` is what it holds. */
enum db_audit_by { DB_AUDIT_ALL,
		   DB_AUDIT_SUBJECT,
		   DB_AUDIT_ACTOR,
		   DB_AUDIT_DOMAIN };
struct db_audit_lead {
	enum db_audit_by by;
	struct span text;
	uint64_t number;
};
/* Downwards from below `below_id`, or upwards from `from_id`, until `row` returns false. Spans live during the call. */
enum err db_audit_each_down(struct db *db, const struct db_audit_lead *lead, uint64_t below_id, bool (*row)(void *arg, const struct db_audit *a), void *arg) MUST_CHECK;
enum err db_audit_each_up(struct db *db, uint64_t from_id, bool (*row)(void *arg, const struct db_audit *a), void *arg) MUST_CHECK;
/* The lowest id of those at or after `since_ms`, the highest of those before `until_ms`; 0: none. */
enum err db_audit_first_since(struct db *db, int64_t since_ms, uint64_t *id_out) MUST_CHECK;
enum err db_audit_last_until(struct db *db, int64_t until_ms, uint64_t *id_out) MUST_CHECK;

#endif
