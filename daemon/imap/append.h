/* imap/append.h: APPEND and REPLACE while they arrive: the command between its first and its last line. For the reader and the append files of this folder. */
#ifndef POSTROOM_IMAP_APPEND_H
#define POSTROOM_IMAP_APPEND_H

#include "daemon/imap/append_message.h"
#include "daemon/imap/catenate.h"

/* What the walk expects next. */
enum append_place {
	APPEND_AT_OPTIONS,     /* flags, date, and what the message is made of */
	APPEND_AT_PART,        /* of CATENATE: "TEXT", "URL" */
	APPEND_AT_URL,         /* its string */
	APPEND_AT_COPY,        /* what the URL names is being copied */
	APPEND_AT_PART_END,    /* the next part, or ")" */
	APPEND_AT_UTF8_END,    /* the ")" behind a literal of UTF8 */
	APPEND_AT_MESSAGE_END, /* the next message, or the end of the command */
};

struct imap_append {
	enum append_place place;
	bool in_catenate, may_nul;
	struct span written;     /* of IMAP4rev2: the mailbox's name as the client has it; in run.arena */
	struct mailstore *store; /* of the mailbox: open as long as the command lasts */
	uint64_t owner, mailbox_id;
	unsigned rights;
	uint32_t replaced; /* UID that REPLACE takes away; 0: it is APPEND */
	size_t at;         /* in s->line: what is not walked over yet */
	struct append_message *now, *first, *last;
	size_t count, held;
	uint64_t bytes; /* of the sealed ones */
	struct catenate *source;
	bool has_room; /* the account has limits */
	struct store_room room, used;
};

/* The literal that is announced at the end of the present line. */
struct imap_literal {
	uint64_t size; /* UINT64_MAX: more than any limit */
	size_t length; /* of "{n}" or "{n+}" */
	bool sync;
};

enum append_step {
	APPEND_WANTS_MESSAGE, /* the literal is of a message: to be fed to imap_append_feed() */
	APPEND_WANTS_STRING,  /* the literal is of an argument: to be collected in s->line */
	APPEND_PAUSED,        /* call again: something long is being copied */
	APPEND_DONE,          /* the command is whole */
	APPEND_FAILED,        /* s->run.status and text say why */
};
/* Walks over what stands in s->line behind `at`. `literal` is null when the line ends the command. */
enum append_step imap_append_walk(struct imap_session *s, const struct imap_literal *literal);

/* Says in s->run why the command can't go on. */
void imap_append_refuse(struct imap_session *s, enum imap_status status, struct span text);

#endif
