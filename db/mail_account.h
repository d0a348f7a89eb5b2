/* db/mail_account.h: what an account counts through its whole life, its delivery ledger, keywords and subscriptions (mail.db). */
#ifndef POSTROOM_DB_MAIL_ACCOUNT_H
#define POSTROOM_DB_MAIL_ACCOUNT_H

#include "db/db.h"

/* ERR_NOT_FOUND: a new file, db_mail_account_create() comes next. */
enum err db_mail_account_modseq(struct db *db, uint64_t *modseq_out) MUST_CHECK;
/* The last content id that was given. */
enum err db_mail_account_content(struct db *db, uint64_t *content_out) MUST_CHECK;
enum err db_mail_account_create(struct db *db) MUST_CHECK;

/* The next modseq, and `contents` new content ids from *first_content_out (null with 0). */
enum err db_mail_allot(struct db *db, uint64_t contents, uint64_t *modseq_out, uint64_t *first_content_out) MUST_CHECK;
/* Larger than every one before, and not below `floor` (unix seconds). ERR_LIMIT at the end of 32 bits. */
enum err db_mail_allot_uid_validity(struct db *db, uint32_t floor, uint32_t *out) MUST_CHECK;
/* Leaves out so many numbers that may have been given before: of modseqs, and of ids of contents and mailboxes. */
enum err db_mail_leap(struct db *db, uint64_t modseqs, uint64_t ids, uint64_t *modseq_out) MUST_CHECK;

/* False in *new_out: the ledger holds it. */
enum err db_mail_ledger_add(struct db *db, const uint8_t queue_id[16], int64_t now_ms, bool *new_out) MUST_CHECK;
enum err db_mail_ledger_remove(struct db *db, const uint8_t queue_id[16]) MUST_CHECK;
/* ERR_TEMP when `each` returns false. */
enum err db_mail_ledger_each(struct db *db, bool (*each)(void *arg, const uint8_t queue_id[16]), void *arg) MUST_CHECK;

enum err db_mail_keyword_find(struct db *db, struct span name, unsigned *bit_out) MUST_CHECK;
/* ERR_LIMIT when `max` are taken. */
enum err db_mail_keyword_add(struct db *db, struct span name, unsigned max, unsigned *bit_out) MUST_CHECK;
/* By bit. ERR_TEMP when `each` returns false. */
enum err db_mail_keyword_each(struct db *db, bool (*each)(void *arg, unsigned bit, struct span name), void *arg) MUST_CHECK;

enum err db_mail_is_subscribed(struct db *db, struct span name, bool *out) MUST_CHECK;
/* ERR_LIMIT when there are `max`. */
enum err db_mail_subscribe(struct db *db, struct span name, unsigned max) MUST_CHECK;
enum err db_mail_unsubscribe(struct db *db, struct span name) MUST_CHECK;
/* By name. ERR_TEMP when `each` returns false. */
enum err db_mail_subscription_each(struct db *db, bool (*each)(void *arg, struct span name), void *arg) MUST_CHECK;

/* Gives back the pages that the handle holds in memory. */
void db_mail_shrink(struct db *db);

#endif
