/* queue/dsn.h: the text of a delivery status notification (RFC 3464 in a multipart/report of RFC 6522; RFC 6533 for UTF-8 addresses). Pure. */
#ifndef POSTROOM_QUEUE_DSN_H
#define POSTROOM_QUEUE_DSN_H

#include "daemon/base/buf.h"

struct dsn_recipient {
	struct span address, original;
	struct span status; /* "5.1.1" */
	struct span reply;  /* may be empty */
	struct span host;   /* who said it; may be empty */
	bool remote;        /* reply is the remote's */
};

struct dsn {
	struct span hostname, to;
	struct span queue_id, boundary; /* of the failed message; unique text */
	int64_t now_ms, arrival_ms;
	const struct dsn_recipient *recipients;
	size_t count;
	struct span header; /* of the failed message, with its empty line */
};

/* Sets *utf8_out when the message needs SMTPUTF8, *eight_bit_out when it has 8-bit bytes. ERR_LIMIT. */
enum err dsn_write(const struct dsn *d, struct buf *out, bool *utf8_out, bool *eight_bit_out) MUST_CHECK;

#endif
