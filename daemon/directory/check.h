/* directory/check.h: what changes of the directory must not break, looked at inside their transaction; for files of directory/ only. */
#ifndef POSTROOM_DIRECTORY_CHECK_H
#define POSTROOM_DIRECTORY_CHECK_H

#include "daemon/directory/name.h"

struct db;

/* There is always somebody who may change things, and who gets what is sent to postmaster: `before` owners there were (db_account_count_owners). */
enum err check_owner_is_left(struct db *db, int64_t before, struct note *why) MUST_CHECK;
/* Does it stand for another one? ERR_NOT_FOUND: not a domain of ours. */
enum err check_domain_is_alias(struct db *db, struct span domain, bool *out) MUST_CHECK;
/* ERR_NOT_FOUND: not a domain of ours; ERR_STATE: it stands for another one, and has no names of its own. */
enum err check_domain_takes_names(struct db *db, struct span domain, struct note *why) MUST_CHECK;
/* Users and aliases share their names. */
void check_note_taken(struct db *db, const struct name *name, struct note *why);

#endif
