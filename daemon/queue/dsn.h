/* queue/dsn.h: the text of a delivery status notification (RFC 3464 in a multipart/report of RFC 6522, as RFC 3461 section 6 asks for; RFC 6533 for
 * UTF-8 addresses). Pure. */
#ifndef POSTROOM_QUEUE_DSN_H
#define POSTROOM_QUEUE_DSN_H

#include "daemon/base/buf.h"
#include "daemon/queue/notice.h"

struct dsn_recipient {
	struct span address;  /* where it went */
	struct span original; /* as it was named in the envelope */
	struct span orcpt;    /* ORCPT as it was given; may be empty */
	struct span status;   /* "5.1.1" */
	struct span reply;    /* may be empty */
	struct span host;     /* who said it, or took it; may be empty */
	bool remote;          /* reply is the remote's */
	int64_t last_ms;      /* of the last attempt; unix */
	int64_t until_ms;     /* of DELAYED: given up then; unix */
};

struct dsn {
	enum notice_kind kind;
	struct span hostname, to;
	struct span queue_id, boundary; /* of the message it tells of; unique text */
	struct span envid;              /* as it was given, xtext; may be empty */
	struct span from;               /* the name that the server gave which brought the message; may be empty */
	int64_t now_ms, arrival_ms;
	const struct dsn_recipient *recipients;
	size_t count;
	bool utf8_reader;   /* who sent it understands SMTPUTF8 */
	struct span header; /* of the message, with its empty line */
	bool full;          /* the message comes back: header and body */
	struct span body;
	bool double_bounce; /* the message is a DSN of ours that could not be delivered: the postmaster reads this */
};

/* Sets *utf8_out when the message needs SMTPUTF8, *eight_bit_out when it has 8-bit bytes. ERR_LIMIT. */
enum err dsn_write(const struct dsn *d, struct buf *out, bool *utf8_out, bool *eight_bit_out) MUST_CHECK;

#endif
