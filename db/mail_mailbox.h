/* db/mail_mailbox.h: the mailboxes of an account and their counters (mail.db). */
#ifndef POSTROOM_DB_MAIL_MAILBOX_H
#define POSTROOM_DB_MAIL_MAILBOX_H

#include "db/db.h"

struct db_mailbox {
	uint64_t id;
	struct span name; /* where each() is called only, until it returns */
	int special_use;
	uint32_t uid_validity;
	uint64_t uid_next; /* past 32 bits: full */
	uint64_t modseq;
	uint64_t expunged_floor, expunged_rows; /* of the log: complete above the one, so many rows */
	uint32_t messages, unseen, deleted;
	uint64_t size_bytes;
};

enum err db_mailbox_by_id(struct db *db, uint64_t id, struct db_mailbox *out) MUST_CHECK;
enum err db_mailbox_by_name(struct db *db, struct span name, struct db_mailbox *out) MUST_CHECK;
/* By name, as bytes. ERR_TEMP when `each` returns false. */
enum err db_mailbox_each(struct db *db, bool (*each)(void *arg, const struct db_mailbox *row), void *arg) MUST_CHECK;
/* The same for one, and for those with a modseq above `modseq`. ERR_NOT_FOUND: no such id. */
enum err db_mailbox_show(struct db *db, uint64_t id, bool (*each)(void *arg, const struct db_mailbox *row), void *arg) MUST_CHECK;
enum err db_mailbox_each_since(struct db *db, uint64_t modseq, bool (*each)(void *arg, const struct db_mailbox *row), void *arg) MUST_CHECK;
/* ERR_NOT_FOUND: none. */
enum err db_mailbox_by_use(struct db *db, int special_use, struct db_mailbox *out) MUST_CHECK;
/* Of its messages with any of these flag bits. */
enum err db_mailbox_flagged_bytes(struct db *db, uint64_t id, uint64_t flags, uint64_t *out) MUST_CHECK;
enum err db_mailbox_count(struct db *db, uint64_t *out) MUST_CHECK;
/* Of all together. */
enum err db_mailbox_sum(struct db *db, uint64_t *bytes_out, uint64_t *messages_out) MUST_CHECK;

/* The mailbox gets the special use, and whoever has it loses it; id 0: it is only lost. */
enum err db_mailbox_move_use(struct db *db, uint64_t id, int special_use) MUST_CHECK;
enum err db_mailbox_add(struct db *db, struct span name, int special_use, uint32_t uid_validity, uint64_t modseq, uint64_t *id_out) MUST_CHECK;
/* Another UIDVALIDITY; the modseq is the account's. */
enum err db_mailbox_renew(struct db *db, uint64_t id, uint32_t uid_validity, uint64_t modseq) MUST_CHECK;
/* The row, its expunge log, what readers have seen of it and the key of its URLs; its messages must be gone. */
enum err db_mailbox_remove(struct db *db, uint64_t id) MUST_CHECK;
/* The longest name (bytes) and the most '/' among those below `name` (0, 0: none). */
enum err db_mailbox_below(struct db *db, struct span name, uint64_t *longest_out, uint64_t *levels_out) MUST_CHECK;
/* `from` and all below it. */
enum err db_mailbox_rename(struct db *db, struct span from, struct span to) MUST_CHECK;

struct db_mailbox_delta {
	int64_t messages, unseen, deleted, size_bytes;
	uint64_t uids; /* taken from uidnext */
};
enum err db_mailbox_adjust(struct db *db, uint64_t id, const struct db_mailbox_delta *delta, uint64_t modseq) MUST_CHECK;

/* The expunge log, in ranges of UIDs. `trim` forgets what is older than before_ms, and the oldest when there are more than
 * `max_rows`; the floor rises to what was forgotten. */
enum err db_expunged_add(struct db *db, uint64_t mailbox, uint64_t modseq, uint32_t first, uint32_t last, int64_t now_ms) MUST_CHECK;
enum err db_expunged_each(struct db *db, uint64_t mailbox, uint64_t since_modseq, bool (*each)(void *arg, uint32_t first, uint32_t last), void *arg) MUST_CHECK;
enum err db_expunged_trim(struct db *db, uint64_t mailbox, uint64_t added_rows, int64_t before_ms, uint64_t max_rows) MUST_CHECK;

#endif
