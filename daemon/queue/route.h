/* queue/route.h: where a message goes: aliases and forwards expanded, accounts found, remote recipients ordered by next hop. */
#ifndef POSTROOM_QUEUE_ROUTE_H
#define POSTROOM_QUEUE_ROUTE_H

#include "daemon/directory/directory.h"
#include "daemon/queue/state.h"

#define ROUTE_MAX_ADDRESSES 10000 /* seen while expanding one message */
#define ROUTE_MAX_DEPTH 16        /* alias of alias */

struct routed {
	struct span address, original;
	size_t root; /* of the envelope's recipients: the one that led here first */
	uint64_t account_id;
	enum rcpt_kind kind;
	struct span hop;          /* remote: the lane */
	struct span reverse_path; /* of a forwarded copy; ptr null: the message's */
	unsigned notify;          /* NOTIFY_ */
	struct span orcpt;
	enum queue_hold hold;
	struct span status, reply; /* of SUPPRESSED: those of then */
	bool own;                  /* a forward of the sender itself led here */
	size_t order;
};

struct route_result {
	struct routed *recipients;
	size_t count;
	/* Not empty: the copies' reverse-path is too long to be written into theirs: to be stored with the message (db_queue_srs_put) until then. */
	struct span srs_token, srs_path;
	int64_t srs_expires_ms;
};

/* At least one result, sorted so that what goes together stands together (a remote copy that was passed on goes with those that have its reverse-path and
 * its original); each account and each remote address once. `header`: of the message, as it came.
 * ERR_DENIED: a remote recipient from a sender who may not relay. ERR_LIMIT: too many. ERR_TEMP: the disk. In the arena. */
enum err route_expand(struct queue *q, const struct snapshot *s, const struct accept_envelope *envelope, struct span header, struct arena *a, struct route_result *out, struct note *why) MUST_CHECK;

/* The domain of "local@domain". */
struct span route_domain(struct span address);
/* The next hop's name: a relay host, or the domain itself. In the arena. */
struct span route_hop(const struct snapshot *s, struct span domain, struct span sender_domain, struct arena *a);

#endif
