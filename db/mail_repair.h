/* db/mail_repair.h: what in mail.db is derived, made right again. Each inside a write, and each looks again itself whether it is wrong: what was found in
 * a reading may have gone since. *changed_out: it was, and is right now. */
#ifndef POSTROOM_DB_MAIL_REPAIR_H
#define POSTROOM_DB_MAIL_REPAIR_H

#include "daemon/base/arena.h"
#include "db/mail_check.h"

/* Of one content: MAIL_SIZE, MAIL_THREAD. */
enum err db_mail_repair_content(struct db *db, enum mail_fault fault, uint64_t content, bool *changed_out) MUST_CHECK;
/* MAIL_NOT_NAMED, MAIL_CONTENT_ALONE, where db_content_release() leaves something: the rows of a content that no message names. */
enum err db_mail_drop_content(struct db *db, uint64_t content, bool *changed_out) MUST_CHECK;
/* MAIL_KEY_LEFT, MAIL_KEY_WRONG. */
enum err db_mail_repair_key(struct db *db, const struct mail_place *key, bool *changed_out) MUST_CHECK;
/* uidnext and modseq of a mailbox are raised past these, never lowered. */
enum err db_mail_raise_mailbox(struct db *db, uint64_t mailbox, uint32_t uid, uint64_t modseq, bool *changed_out) MUST_CHECK;
/* The same of the account: modseq, UIDVALIDITY and content id past all there are. */
enum err db_mail_raise_account(struct db *db, bool *changed_out) MUST_CHECK;
/* The log of a mailbox begins anew: who comes with an older modseq compares UIDs. */
enum err db_mail_begin_log(struct db *db, uint64_t mailbox) MUST_CHECK;
/* What is missing is added, whatever has been counted since: a wrong counter stays wrong by the same number. */
enum err db_mail_correct_counters(struct db *db, uint64_t mailbox, const struct mail_sum *missing) MUST_CHECK;
enum err db_mail_remove_left(struct db *db, uint64_t *rows_out) MUST_CHECK;
enum err db_mail_reindex(struct db *db, const char *table) MUST_CHECK;

/* What is read from a message once, again. */
struct mail_structure {
	struct span envelope, body_structure, body_text_structure, parts;
};
enum err db_mail_set_structure(struct db *db, uint64_t content, const struct mail_structure *structure) MUST_CHECK;

/* Where a content stands, for people: the first of its places. ERR_NOT_FOUND: nowhere. Spans in the arena. */
struct mail_where {
	uint64_t mailbox;
	uint32_t uid;
	struct span name, message_id, subject; /* of the mailbox; of the message: may be empty */
};
enum err db_mail_where(struct db *db, uint64_t content, struct arena *a, struct mail_where *out) MUST_CHECK;
/* The same of a place. */
enum err db_mail_where_uid(struct db *db, uint64_t mailbox, uint32_t uid, struct arena *a, struct mail_where *out) MUST_CHECK;
/* The bytes of a content, to read its structure from. Spans in the arena; ERR_LIMIT when it is full. ERR_NOT_FOUND. */
struct mail_bytes {
	struct span prefix, head, body, file;
	uint64_t body_size;
};
enum err db_mail_bytes(struct db *db, uint64_t content, struct arena *a, struct mail_bytes *out) MUST_CHECK;

#endif
