/* db/control_grant.h: control.db: who was granted what in whose mailboxes. What the numbers mean stands in directory/grants.h. */
#ifndef POSTROOM_DB_CONTROL_GRANT_H
#define POSTROOM_DB_CONTROL_GRANT_H

#include "db/db.h"

struct db_grant {
	uint64_t owner, mailbox, grantee;
	unsigned rights;
};

/* ERR_NOT_FOUND: no such account. */
enum err db_grant_set(struct db *db, const struct db_grant *row) MUST_CHECK;
enum err db_grant_remove(struct db *db, uint64_t owner, uint64_t mailbox, uint64_t grantee) MUST_CHECK;
enum err db_grant_remove_mailbox(struct db *db, uint64_t owner, uint64_t mailbox) MUST_CHECK;
enum err db_grant_remove_grantee(struct db *db, uint64_t grantee) MUST_CHECK;
/* Those of one mailbox for another. */
enum err db_grant_copy(struct db *db, uint64_t owner, uint64_t from, uint64_t to) MUST_CHECK;
enum err db_grant_find(struct db *db, uint64_t owner, uint64_t mailbox, uint64_t grantee, unsigned *rights_out) MUST_CHECK;
enum err db_grant_count(struct db *db, uint64_t owner, uint64_t *out) MUST_CHECK;
/* By owner, mailbox, grantee; ends with the first error of `row`. */
enum err db_grant_each(struct db *db, enum err (*row)(void *arg, const struct db_grant *g), void *arg) MUST_CHECK;

#endif
