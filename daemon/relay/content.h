/* relay/content.h: a message on its way out: dot-stuffing, and the certainty that only CRLF.CRLF ends it (RFC 5321 4.5.2). */
#ifndef POSTROOM_RELAY_CONTENT_H
#define POSTROOM_RELAY_CONTENT_H

#include "daemon/base/span.h"

struct stuffer {
	bool in_line; /* false: at the start of a line */
	bool cr;      /* the last byte was a CR */
};

/* Gives the stuffed bytes to write(). ERR_CORRUPT: a bare CR or LF, which another server could take for a line's end; else what write() says. */
enum err stuffer_add(struct stuffer *s, struct span bytes, enum err (*write)(void *arg, struct span bytes), void *arg) MUST_CHECK;
/* The end of the message with its dot. */
enum err stuffer_finish(struct stuffer *s, enum err (*write)(void *arg, struct span bytes), void *arg) MUST_CHECK;

#endif
