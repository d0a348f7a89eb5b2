/* db/control_account.h: control.db: accounts. */
#ifndef POSTROOM_DB_CONTROL_ACCOUNT_H
#define POSTROOM_DB_CONTROL_ACCOUNT_H

#include "daemon/base/buf.h"
#include "db/db.h"

struct db_account {
	uint64_t id;
	struct span key, address, domain, name, password_hash;
	int role; /* 0 user, 1 owner, 2 admin, 3 domain admin, 4 auditor: the first two stand in the column of that name, the others in `duty` */
	bool suspended, forward_keep;
	int32_t send_hour, send_day, send_new;
	int64_t quota_bytes, quota_messages;
	struct span imap_off;
	bool is_shared;
	unsigned protocols_off;
	int64_t created_ms;
};

/* `id`, `name` and what concerns sending, forwarding, quotas and protocols are not read. ERR_EXISTS: the key is an account's or an alias'; ERR_STATE: no such domain. */
enum err db_account_add(struct db *db, const struct db_account *row, uint64_t *id_out) MUST_CHECK;
/* No account gets an id up to `last` from now on. */
enum err db_account_skip_ids(struct db *db, uint64_t last, bool *raised_out) MUST_CHECK;
/* ERR_NOT_FOUND. */
enum err db_account_set_password(struct db *db, uint64_t id, struct span password_hash) MUST_CHECK;
enum err db_account_is_shared(struct db *db, uint64_t id, bool *out) MUST_CHECK;
/* Adds the hash to `out`. */
enum err db_account_get_password(struct db *db, uint64_t id, struct buf *out) MUST_CHECK;
/* Adds what its address is compared by to `out`. ERR_NOT_FOUND. */
enum err db_account_get_key(struct db *db, uint64_t id, struct buf *out) MUST_CHECK;
enum err db_account_set_name(struct db *db, uint64_t id, struct span name) MUST_CHECK;
/* Takes its grants away. */
enum err db_account_set_role(struct db *db, uint64_t id, int role) MUST_CHECK;
/* ERR_STATE: no such account or domain. */
enum err db_account_grant(struct db *db, uint64_t id, struct span domain) MUST_CHECK;
enum err db_account_set_suspended(struct db *db, uint64_t id, bool suspended) MUST_CHECK;
enum err db_account_set_limits(struct db *db, uint64_t id, int32_t hour, int32_t day, int32_t fresh) MUST_CHECK;
enum err db_account_set_quota(struct db *db, uint64_t id, int64_t bytes, int64_t messages) MUST_CHECK;
enum err db_account_set_imap_off(struct db *db, uint64_t id, struct span names) MUST_CHECK;
enum err db_account_set_protocols_off(struct db *db, uint64_t id, unsigned protocols) MUST_CHECK;
enum err db_account_set_forward_keep(struct db *db, uint64_t id, bool keep) MUST_CHECK;
/* With it go the alias targets and forwards that name it, and the aliases that have no target then. */
enum err db_account_remove(struct db *db, uint64_t id) MUST_CHECK;
/* Owners that are not suspended, and of a domain that is active. */
enum err db_account_count_owners(struct db *db, int64_t *out) MUST_CHECK;
/* By id, without hashes; ends with the first error of `row`. Spans live during the call. */
enum err db_account_each(struct db *db, enum err (*row)(void *arg, const struct db_account *a), void *arg) MUST_CHECK;
/* By account and domain. */
enum err db_account_grant_each(struct db *db, enum err (*row)(void *arg, uint64_t id, struct span domain), void *arg) MUST_CHECK;

#endif
