/* mime/envelope_read.h: a stored ENVELOPE taken apart again, for those who want a piece of it without the header. */
#ifndef POSTROOM_MIME_ENVELOPE_READ_H
#define POSTROOM_MIME_ENVELOPE_READ_H

#include "daemon/base/arena.h"

/* In the order of RFC 9051 7.5.2. */
enum envelope_item {
	ENVELOPE_DATE,
	ENVELOPE_SUBJECT,
	ENVELOPE_FROM,
	ENVELOPE_SENDER,
	ENVELOPE_REPLY_TO,
	ENVELOPE_TO,
	ENVELOPE_CC,
	ENVELOPE_BCC,
	ENVELOPE_IN_REPLY_TO,
	ENVELOPE_MESSAGE_ID,
};

/* The addresses of a list item, without its parentheses; false for NIL. */
bool envelope_list(struct span envelope, enum envelope_item item, struct span *out);

/* As they were written, encoded words too; a null pointer is NIL. A group begins with its name as mailbox and no host, and ends with neither. */
struct envelope_address {
	struct span name, mailbox, host;
};
/* Cuts the next off *list; spans in the envelope or the arena. */
bool envelope_next(struct span *list, struct arena *a, struct envelope_address *out);

#endif
