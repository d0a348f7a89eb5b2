/* relay/recode.h: bytes of a part on their way into a message of 7-bit lines (RFC 2045 sections 6.7, 6.8). Streaming, no memory. */
#ifndef POSTROOM_RELAY_RECODE_H
#define POSTROOM_RELAY_RECODE_H

#include "daemon/base/span.h"

enum recode_kind {
	RECODE_COPY,   /* as it is */
	RECODE_CLEAN,  /* structure: CR or LF alone is made a blank or a line's end, NUL a blank, and 8-bit a question mark where it may not stay */
	RECODE_QUOTED, /* quoted-printable; CRLF stays a line's end */
	RECODE_BASE64,
};

#define RECODE_OUT 4096

struct recode {
	enum recode_kind kind;
	bool keep_8bit;
	bool cr;    /* a CR came last, and what it is shows the next byte */
	char blank; /* one that came last: at a line's end it is written as =20 */
	size_t column;
	bool begun; /* of base64: some line is written */
	uint8_t group[57];
	size_t group_len;
	enum err (*write)(void *arg, struct span bytes);
	void *arg;
	enum err e; /* of write(), latched */
	char out[RECODE_OUT];
	size_t out_len;
};

void recode_begin(struct recode *r, enum recode_kind kind, bool keep_8bit, enum err (*write)(void *arg, struct span bytes), void *arg);
void recode_add(struct recode *r, struct span bytes);
/* `last`: nothing follows in the message, so that a line's end that is written behind it is none of the part. What write() said. */
enum err recode_finish(struct recode *r, bool last) MUST_CHECK;

#endif
