/* smtp/body.h: where a message ends, that its line ends are CRLF and nothing else, and how long its lines are. */
#ifndef POSTROOM_SMTP_BODY_H
#define POSTROOM_SMTP_BODY_H

#include "daemon/base/span.h"

enum body_line { LINE_START = 0,
		 LINE_TEXT,
		 LINE_CR,
		 LINE_DOT,
		 LINE_DOT_CR };

struct body_scanner {
	enum body_line line;
	bool dots;     /* DATA: dot-stuffed, ends with CRLF.CRLF; else BDAT: octets that are counted by the caller */
	bool binary;   /* BODY=BINARYMIME, of BDAT only: behind the header anything may stand (RFC 3030 section 3) */
	bool raw;      /* ... and that is where it is */
	size_t length; /* octets of the line so far, its CRLF counted, a dot that was stuffed not */
	size_t longest;
};

enum body_found {
	BODY_MORE, /* all of `in` was used */
	BODY_END,  /* the final dot: *used_out is behind its CRLF */
	BODY_BAD,  /* a bare CR, a bare LF or a NUL, where it may not stand */
};

/* Gives the content, unstuffed, to add() in the longest runs there are. A CR and its LF may come in two runs. */
enum body_found body_scan(struct body_scanner *b, struct span in, size_t *used_out, void (*add)(void *arg, struct span run), void *arg);

#endif
