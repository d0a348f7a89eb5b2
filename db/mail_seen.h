/* db/mail_seen.h: what \Seen is for readers of a mailbox other than its owner (mail.db). */
#ifndef POSTROOM_DB_MAIL_SEEN_H
#define POSTROOM_DB_MAIL_SEEN_H

#include "db/db.h"

struct sqlite3_stmt;

/* A reader's rows beside a scan of messages, both ascending. One at a time on a handle; it stops by itself with an error, which _end() returns. */
struct db_seen_walk {
	struct db *db;
	struct sqlite3_stmt *stmt; /* null: at its end */
	uint32_t uid;              /* of the row it stands on */
	bool is_seen;
	uint64_t modseq;
	enum err result;
};
void db_seen_walk_begin(struct db *db, uint64_t mailbox, uint64_t reader, uint32_t first, uint32_t last, struct db_seen_walk *walk);
/* *modseq_out 0: there is no row, it is unseen. UIDs must ascend. */
bool db_seen_walk_to(struct db_seen_walk *walk, uint32_t uid, uint64_t *modseq_out);
enum err db_seen_walk_end(struct db_seen_walk *walk) MUST_CHECK;

/* Messages of the mailbox that the reader has seen. */
enum err db_seen_count(struct db *db, uint64_t mailbox, uint64_t reader, uint32_t *out) MUST_CHECK;
/* The first message in first..last that he has not. ERR_NOT_FOUND. */
enum err db_seen_first_unseen(struct db *db, uint64_t mailbox, uint64_t reader, uint32_t first, uint32_t last, uint32_t *uid_out) MUST_CHECK;
/* Has anybody a row there? */
enum err db_seen_is_used(struct db *db, uint64_t mailbox, bool *out) MUST_CHECK;

/* Of all messages in first..last. */
enum err db_seen_set(struct db *db, uint64_t mailbox, uint64_t reader, uint32_t first, uint32_t last, bool is_seen, uint64_t modseq) MUST_CHECK;
enum err db_seen_remove(struct db *db, uint64_t mailbox, uint32_t first, uint32_t last) MUST_CHECK;
/* What all readers but `but` (0: none) have seen of one message is seen of another. */
enum err db_seen_copy(struct db *db, uint64_t from_mailbox, uint32_t from_uid, uint64_t to_mailbox, uint32_t to_uid, uint64_t but, uint64_t modseq) MUST_CHECK;
/* All rows of a mailbox to one without any; UIDs stay. */
enum err db_seen_move_all(struct db *db, uint64_t from, uint64_t to, uint64_t modseq) MUST_CHECK;
/* From this mailbox and reader to the next of both that have rows. ERR_NOT_FOUND. */
enum err db_seen_next_reader(struct db *db, uint64_t *mailbox, uint64_t *reader) MUST_CHECK;
/* What a reader has of a mailbox. */
enum err db_seen_forget(struct db *db, uint64_t mailbox, uint64_t reader) MUST_CHECK;

#endif
