/* db/mail_thread.h: which thread a message-id belongs to (mail.db thread_key). Keys are hashes, made by daemon/store/thread.c. */
#ifndef POSTROOM_DB_MAIL_THREAD_H
#define POSTROOM_DB_MAIL_THREAD_H

#include "db/db.h"

/* Of the oldest content that has or names the message-id. ERR_NOT_FOUND. */
enum err db_thread_find(struct db *db, uint64_t key, uint64_t *thread_out) MUST_CHECK;
enum err db_thread_add(struct db *db, uint64_t key, uint64_t content, uint64_t thread) MUST_CHECK;
enum err db_thread_remove(struct db *db, uint64_t key, uint64_t content) MUST_CHECK; /* harmless when it is not there */

#endif
