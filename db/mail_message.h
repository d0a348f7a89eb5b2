/* db/mail_message.h: message rows and the contents they name (mail.db). */
#ifndef POSTROOM_DB_MAIL_MESSAGE_H
#define POSTROOM_DB_MAIL_MESSAGE_H

#include "db/db.h"

#define DB_MAIL_SEEN 1 /* bits of flags that statements here know */

struct db_message {
	uint64_t mailbox;
	uint32_t uid;
	uint64_t flags, modseq, content;
	int64_t saved_ms; /* into this mailbox; 0: unknown */
};
enum err db_message_add(struct db *db, const struct db_message *message) MUST_CHECK;

#define DB_CONTENT_FILE_MAX 32 /* bytes of a file's name */
struct db_content {
	int64_t internal_ms;
	int internal_offset;
	int64_t sent_ms;
	uint64_t size, body_size;
	struct span file; /* empty: the body is in the row */
	struct span envelope, body_structure, body_text_structure, parts, subject, message_id;
	struct span preview, refs; /* null pointer: not known */
	uint64_t thread;           /* 0: its own */
	struct span prefix, head, body;
};
enum err db_content_add(struct db *db, uint64_t id, const struct db_content *content) MUST_CHECK;
/* Removes it when no message row names it; `words` is told what it was known by. */
struct db_content_gone {
	bool removed;
	size_t file_len; /* 0: it had no file */
	char file[DB_CONTENT_FILE_MAX];
};
enum err db_content_release(struct db *db, uint64_t id, enum err (*words)(void *arg, uint64_t id, struct span message_id, struct span refs), void *arg,
			    struct db_content_gone *out) MUST_CHECK;
enum err db_content_has_file(struct db *db, struct span file, bool *out) MUST_CHECK;

/* Each level reads what those before it read, and more. */
enum db_message_level { DB_ROW_THIN, /* uid, flags, modseq, content, saved_ms */
			DB_ROW_META, /* dates, size, thread: these and the subject come from an index, without the rows */
			DB_ROW_SUBJECT,
			DB_ROW_ENVELOPE,
			DB_ROW_WORDS,     /* message_id, preview, refs */
			DB_ROW_STRUCTURE, /* both structures, parts; the body's size and file */
			DB_ROW_HEAD,      /* prefix, head */
			DB_ROW_BODY,
			DB_ROW_BARE_HEAD, /* prefix and head with parts, but of the others META and the body's size and file alone: bytes are read faster without what lists want */
			DB_ROW_BARE_BODY };
struct db_message_row {
	struct db_message message;
	struct db_content content;
	uint64_t seen_modseq; /* not of a scan: for who lays a reader's \Seen over it */
};
/* UIDs first..last, ascending; ends early when `each` returns false. Spans live until `each` returns. */
enum err db_message_scan(struct db *db, uint64_t mailbox, uint32_t first, uint32_t last, enum db_message_level level,
			 bool (*each)(void *arg, const struct db_message_row *row), void *arg) MUST_CHECK;
/* The same for rows with a modseq above `since_modseq`, or of which that reader (0: none) has a row of `seen` with one above it. */
enum err db_message_scan_changed(struct db *db, uint64_t mailbox, uint32_t first, uint32_t last, uint64_t since_modseq, uint64_t reader, enum db_message_level level,
				 bool (*each)(void *arg, const struct db_message_row *row), void *arg) MUST_CHECK;
/* The first without \Seen in first..last. ERR_NOT_FOUND. */
enum err db_message_first_unseen(struct db *db, uint64_t mailbox, uint32_t first, uint32_t last, uint32_t *uid_out) MUST_CHECK;

/* flags = (flags & keep) | set, with the modseq, where that changes something and the old modseq is at most `unchanged_since`, or the flags have none of
 * `absent` (0: that lets nothing through). */
enum err db_message_flag(struct db *db, uint64_t mailbox, uint32_t first, uint32_t last, uint64_t keep, uint64_t set, uint64_t unchanged_since,
			 uint64_t absent, uint64_t modseq) MUST_CHECK;
enum err db_message_remove(struct db *db, uint64_t mailbox, uint32_t first, uint32_t last) MUST_CHECK;
/* All rows of a mailbox to an empty one; they keep their UIDs. */
enum err db_message_move_all(struct db *db, uint64_t from, uint64_t to, uint64_t modseq, int64_t saved_ms) MUST_CHECK;

#endif
