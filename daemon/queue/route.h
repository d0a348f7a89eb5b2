/* queue/route.h: where a message goes: aliases expanded, accounts found, remote recipients ordered by next hop. */
#ifndef POSTROOM_QUEUE_ROUTE_H
#define POSTROOM_QUEUE_ROUTE_H

#include "daemon/directory/directory.h"
#include "daemon/queue/state.h"

#define ROUTE_MAX_ADDRESSES 10000 /* seen while expanding one message */
#define ROUTE_MAX_DEPTH 16        /* alias of alias */

struct routed {
	struct span address, original;
	uint64_t account_id;
	enum rcpt_kind kind;
	struct span hop; /* remote: the lane */
	size_t order;
};

/* At least one result, sorted so that what goes together stands together; each account and each remote address once.
 * ERR_DENIED: a remote recipient from a sender who may not relay. ERR_LIMIT: too many. In the arena. */
enum err route_expand(const struct snapshot *s, const struct accept_envelope *envelope, struct arena *a, struct routed **out, size_t *count_out, struct note *why) MUST_CHECK;

/* The domain of "local@domain". */
struct span route_domain(struct span address);
/* The next hop's name: a relay host, or the domain itself. In the arena. */
struct span route_hop(const struct snapshot *s, struct span domain, struct arena *a);

#endif
