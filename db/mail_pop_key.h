/* db/mail_pop_key.h: the random bytes from which the UIDLs of a mailbox's messages are made (mail.db mailbox.pop_key). */
#ifndef POSTROOM_DB_MAIL_POP_KEY_H
#define POSTROOM_DB_MAIL_POP_KEY_H

#include "db/db.h"

#define DB_POP_KEY_BYTES 32

/* ERR_NOT_FOUND: the mailbox has none, or is not there. */
enum err db_pop_key_find(struct db *db, uint64_t mailbox, uint8_t out[DB_POP_KEY_BYTES]) MUST_CHECK;
enum err db_pop_key_set(struct db *db, uint64_t mailbox, const uint8_t key[DB_POP_KEY_BYTES]) MUST_CHECK;

#endif
