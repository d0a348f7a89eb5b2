/* store/text.h: the text of a message as SEARCH compares it, decoded (charsets, encoded words, transfer encodings) to UTF-8 and case-mapped by
 * i;unicode-casemap (RFC 5051): every field of its header; those of its parts and of messages within; its parts of type text and message. TEXT of SEARCH
 * looks in all three, BODY only in the last one (RFC 9051 6.4.4).
 */
#ifndef POSTROOM_STORE_TEXT_H
#define POSTROOM_STORE_TEXT_H

#include "daemon/base/buf.h"
#include "daemon/store/message.h"

/* To be raised when the same message gives another text than before: search.db is then made anew. */
#define MESSAGE_TEXT_VERSION 2
#define MESSAGE_TEXT_MAX (8u * 1024u * 1024u) /* searched of one body part, decoded; what lies behind it is in no text */

/* Working memory, for one message after the other. */
struct message_text {
	struct buf head, within, body; /* texts stand apart by a NUL, which is in no key */
	bool has_head, has_within, has_body;
	bool is_head_whole, is_body_whole; /* of headers and bodies nothing was left out for its size, and all could be read */
	size_t max_bytes;
	struct buf room, decoded, utf8;
	struct arena arena; /* of one message */
	int fd;             /* its file, once asked for; -1: not yet */
};
/* `max_bytes`: of a part, MESSAGE_TEXT_MAX or less; memory is at most about twelve times as much. */
void message_text_init(struct message_text *t, size_t max_bytes);
void message_text_next(struct message_text *t); /* to another message; also behind the last one of many */
void message_text_clear(struct message_text *t);

/* Made when first asked for; valid until the next message. */
struct span message_text_head(struct message_text *t, struct span prefix, struct span head);
struct span message_text_within(struct message_text *t, struct span parts, const struct message_body *body);
/* Both of them. */
struct span message_text_headers(struct message_text *t, struct span prefix, struct span head, struct span parts, const struct message_body *body);
struct span message_text_body(struct message_text *t, struct span parts, const struct message_body *body);

#endif
