/* webui/head.h: a request head (RFC 9112) checked before the library sees it, because it accepts two Content-Lengths, a
 * Content-Length with chunked, bare LF and two Hosts, and so would let one request be read as two.
 *
 * Pure functions; the pump feeds them what has arrived.
 */
#ifndef POSTROOM_WEBUI_HEAD_H
#define POSTROOM_WEBUI_HEAD_H

#include "daemon/base/buf.h"

#define HEAD_MAX_BYTES (16u * 1024u)
#define HEAD_MAX_TARGET (8u * 1024u)
#define HEAD_MAX_FIELDS 100

struct head {
	struct span method, target;  /* origin-form: path and query */
	struct span host;            /* of the target when that is absolute (RFC 9112 3.2.2), else of the field */
	bool absolute, wants_secure; /* the target named scheme and host; the scheme was https */
	bool http_11;
	bool chunked;            /* the body ends where its last chunk says */
	uint64_t content_length; /* else; 0: no body */
	size_t length;           /* of the head with its empty line */
	struct span host_line;   /* with its CRLF; empty: none */
	size_t fields_at;        /* where the first field begins */
};

enum head_verdict {
	HEAD_OK,
	HEAD_INCOMPLETE, /* no fault so far */
	HEAD_BAD,        /* 400: bare LF or CR, NUL, obs-fold, bad field name, blank before ':', two Hosts or none, two Content-Lengths,
			  * Content-Length with chunked, chunked not last or not in HTTP/1.1, two of a field that may stand once, "%00" */
	HEAD_TARGET_LONG,
	HEAD_TOO_LARGE,      /* 431: too long, too many fields */
	HEAD_UNKNOWN_CODING, /* 501: a transfer coding beside chunked */
	HEAD_EXPECTATION,    /* 417: something else than 100-continue */
};
enum head_verdict head_check(struct span in, struct head *out);
/* The head as the library is to see it: what came, but for an absolute target, which becomes path and Host. `in` as checked. */
void head_write(const struct head *h, struct span in, struct buf *out);

#endif
