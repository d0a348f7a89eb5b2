/* db/mail_check.h: is mail.db true to its own rules? For tests, the doctor and restores. */
#ifndef POSTROOM_DB_MAIL_CHECK_H
#define POSTROOM_DB_MAIL_CHECK_H

#include "db/db.h"

/* Counters against rows, rows against contents, modseqs and UIDs against their counters. ERR_CORRUPT: the first fault stands in `why`. */
enum err db_mail_check(struct db *db, struct note *why) MUST_CHECK;
/* Every body that is a file. ERR_CORRUPT when `each` returns false. */
enum err db_mail_check_files(struct db *db, bool (*each)(void *arg, struct span file, uint64_t size), void *arg) MUST_CHECK;

#endif
