/* queue/notice.h: telling the sender (RFC 3461 to 3464, 6533): a sealed DSN for recipients of a message. Of this room alone. */
#ifndef POSTROOM_QUEUE_NOTICE_H
#define POSTROOM_QUEUE_NOTICE_H

#include "daemon/queue/state.h"

enum notice_kind {
	NOTICE_FAILED,
	NOTICE_DELAYED,
	NOTICE_DELIVERED, /* into a mailbox */
	NOTICE_RELAYED,   /* to a server that makes no DSNs */
	NOTICE_EXPANDED,  /* an alias: to its members */
};

struct notice_recipient {
	uint32_t n; /* of the entry's recipients */
	struct span status, reply, host;
	bool remote;      /* reply is the remote's */
	int64_t until_ms; /* of DELAYED: unix, when it is given up */
	int64_t last_ms;  /* of the last attempt, unix; 0: there was none */
};

/* Does the sender want (or, unasked, get) to hear that of this recipient? False for a null reverse-path, NOTIFY=NEVER and the like. */
bool notice_is_wanted(const struct entry *e, uint32_t n, enum notice_kind kind);

/* One DSN for all of `recipients`, none of which may be unwanted. A DSN of ours that fails is wanted: the postmaster hears of it, once, and nobody of
 * that one's failure. `*out` null and ERR_OK: there is nobody to be told. The entry's detail is in memory. Without queue.lock. */
enum err notice_make(struct queue *q, const struct entry *e, enum notice_kind kind, const struct notice_recipient *recipients, size_t count, struct accept **out, struct note *why) MUST_CHECK;

#endif
