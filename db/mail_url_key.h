/* db/mail_url_key.h: the mailbox access keys of RFC 4467 (mail.db url_key). */
#ifndef POSTROOM_DB_MAIL_URL_KEY_H
#define POSTROOM_DB_MAIL_URL_KEY_H

#include "db/db.h"

#define DB_URL_KEY_BYTES 32

/* ERR_NOT_FOUND: the mailbox has none. */
enum err db_url_key_find(struct db *db, uint64_t mailbox, uint8_t out[DB_URL_KEY_BYTES]) MUST_CHECK;
enum err db_url_key_add(struct db *db, uint64_t mailbox, const uint8_t key[DB_URL_KEY_BYTES]) MUST_CHECK;
enum err db_url_key_remove(struct db *db, uint64_t mailbox) MUST_CHECK; /* 0: of all mailboxes */

#endif
