/* store/message.h: messages of an account: what goes in, what can be read, flags.
 *
 * A message is prefix ‖ head ‖ body. Bodies up to STORE_INLINE_MAX live in a row, larger ones are immutable files, hard-linked
 * (or copied) into files/. COPY and MOVE never copy bytes. Flags: five system bits and up to 58 keywords an account.
 */
#ifndef POSTROOM_STORE_MESSAGE_H
#define POSTROOM_STORE_MESSAGE_H

#include "daemon/net/out.h"
#include "daemon/store/store.h"

#define STORE_INLINE_MAX (64u * 1024u)
#define STORE_HEAD_MAX (256u * 1024u)

enum {
	FLAG_SEEN = 1u << 0,
	FLAG_ANSWERED = 1u << 1,
	FLAG_FLAGGED = 1u << 2,
	FLAG_DELETED = 1u << 3,
	FLAG_DRAFT = 1u << 4,
	FLAG_SYSTEM = 0x1f,
	FLAG_KEYWORD_SHIFT = 5, /* keyword k is bit 5 + k */
	FLAG_KEYWORDS_MAX = 58,
};

/* The body: bytes, or the path of an immutable, fsynced file. */
struct message_body {
	struct span bytes;
	const char *path; /* null: bytes */
	uint64_t size;
};

/* What is filed. Borrowed for the call. */
struct new_message {
	struct span prefix; /* per recipient: Return-Path, Delivered-To; empty for APPEND */
	struct span head;   /* the header with its empty line */
	struct message_body body;
	struct span envelope, body_structure, body_text_structure; /* mime_message.envelope, .body_structure, .body */
	struct span parts;                                         /* mime_parts_encode() */
	struct span subject, message_id;                           /* decoded; for lists */
	struct span preview, refs;                                 /* mime_message.preview, .refs */
	int64_t sent_ms;                                           /* Date; 0 unknown */
	int64_t internal_ms;
	int internal_offset_minutes;
	uint64_t flags;
	uint64_t viewer; /* whose \Seen it is that `flags` has, as of view_open(); 0: the owner */
};

/* Local delivery to INBOX, all in one transaction, exactly once: a queue id that the ledger holds is ERR_EXISTS in `results` (already filed: a success).
 * Returns ERR_TEMP when nothing was filed (results then all ERR_TEMP). */
struct new_delivery {
	uint8_t queue_id[16];
	struct new_message message;
};
enum err message_deliver(struct mailstore *m, const struct new_delivery *items, size_t count, enum err *results) MUST_CHECK;
/* These queue ids are durably finished in queue.db: their ledger rows may go (with the next delivery). */
void message_ledger_done(struct mailstore *m, const uint8_t (*queue_ids)[16], size_t count);

/* Ledger rows that a restart left: those whose queue id is_live() does not know will go. Once an account and process; after that it costs nothing.
 * To be called before the first delivery, when all of queue.db can be asked. */
enum err message_ledger_review(struct mailstore *m, bool (*is_live)(void *arg, const uint8_t queue_id[16]), void *arg) MUST_CHECK;

/* APPEND: one message. ERR_NOT_FOUND: no such mailbox. */
struct append_result {
	uint32_t uid_validity, uid;
};
enum err message_append(struct mailstore *m, uint64_t mailbox_id, const struct new_message *message, struct append_result *out) MUST_CHECK;

/* How much an account may hold in all (quota); 0: no limit. Judged within the transaction that adds to it. */
struct store_room {
	uint64_t bytes, messages;
};
/* MULTIAPPEND (RFC 3502): all in the given order with UIDs that follow each other, or none. `first` gets the first UID. ERR_LIMIT: over `room`; ERR_NOT_FOUND: no such mailbox. */
enum err message_append_all(struct mailstore *m, uint64_t mailbox_id, const struct new_message *messages, size_t count, const struct store_room *room,
			    struct append_result *first) MUST_CHECK;

/* Where a body too large for a row is written while it arrives: the path (in the arena) of a file to be made in the account's files/ with O_EXCL
 * and given as message_body.path. message_append() syncs it and, on success, removes this name; in any other case the caller unlinks it. */
enum err message_body_path(struct mailstore *m, struct arena *a, const char **path_out) MUST_CHECK;

/* Keywords: the bit (1 << n) of a name, made when missing. ERR_LIMIT when all are taken or the name is over 128 bytes, ERR_NOT_FOUND without `create`. Names are compared without case. */
enum err message_keyword_bit(struct mailstore *m, struct span name, bool create, uint64_t *bit_out) MUST_CHECK;
/* Names by bit index, for rendering flags; array of FLAG_KEYWORDS_MAX spans (empty: unused) in the arena. */
enum err message_keywords(struct mailstore *m, struct arena *a, struct span **out, size_t *count_out) MUST_CHECK;

/* Reading by content id (a message row names it). */
struct message_row {
	uint32_t uid;
	uint64_t flags, modseq, content;
	int64_t internal_ms;
	int internal_offset_minutes;
	uint64_t size; /* RFC822.SIZE: prefix + head + body */
	int64_t sent_ms;
	int64_t saved_ms; /* into this mailbox; 0: unknown */
	uint64_t thread;  /* WANT_META: content id that names its thread */
	/* filled when wanted; valid until the next row */
	struct span envelope, body_structure, body_text_structure, parts, prefix, head;
	struct span preview, refs, subject, message_id; /* preview.ptr, refs.ptr null: filed before they were kept */
	struct message_body body;
};
enum message_want {
	WANT_FLAGS = 1, /* the thin row alone: uid, flags, modseq, content, saved_ms */
	WANT_META = 2,  /* internal date, size, sent_ms, thread */
	WANT_ENVELOPE = 4,
	WANT_STRUCTURE = 8, /* body_structure and body_text_structure */
	WANT_PARTS = 16,
	WANT_HEAD = 32,     /* prefix and head */
	WANT_BODY = 64,     /* body.bytes or body.path (path valid as long as head) */
	WANT_WORDS = 128,   /* preview, refs, subject, message_id */
	WANT_SUBJECT = 256, /* with META alone it is as cheap as that */
};

#endif
