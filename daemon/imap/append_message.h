/* imap/append_message.h: one message of an APPEND, REPLACE while it arrives. For the append files of this folder. */
#ifndef POSTROOM_IMAP_APPEND_MESSAGE_H
#define POSTROOM_IMAP_APPEND_MESSAGE_H

#include "daemon/imap/session.h"
#include "daemon/mime/message.h"

struct append_message {
	struct new_message filed; /* flags and dates from the start; the rest once sealed */
	uint64_t size;            /* so far */
	size_t held;              /* memory, once sealed */
	bool is_charged;          /* with it, the account */
	struct span failed;       /* why it can't be filed: words for the reply, static; null: it can */
	struct buf head, body, parts;
	bool head_done, has_literal8;
	uint64_t body_size;
	struct imap_body_file *file;
	struct message_parser *parser;
	struct append_message *next;
};

enum err append_message_new(struct append_message **out) MUST_CHECK;
/* `may_nul`: of a literal8, or of what is stored already (RFC 3516). */
void append_message_feed(struct imap_session *s, struct append_message *m, struct span bytes, bool may_nul);
/* All bytes are there. */
void append_message_seal(struct imap_session *s, struct append_message *m);
/* `keep`: it is filed; else nothing of it is left. Null is harmless. */
void append_message_free(struct imap_session *s, struct append_message **m, bool keep);

#endif
