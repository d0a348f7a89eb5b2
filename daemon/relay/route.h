/* relay/route.h: where a domain's mail goes (RFC 5321 5.1, RFC 7505): hosts in order of preference, and their addresses. */
#ifndef POSTROOM_RELAY_ROUTE_H
#define POSTROOM_RELAY_ROUTE_H

#include "daemon/relay/result.h"
#include "daemon/relay/tls_plan.h"

struct route_target {
	char host[RELAY_HOST_TEXT]; /* the name that TLS verifies */
	struct net_addr addr;
	uint16_t preference;
	const struct tls_plan *plan; /* of its host, in the job's arena */
};
struct route {
	struct route_target targets[RELAY_MAX_ADDRESSES];
	size_t count;
	bool put_off; /* another host of the domain may take the mail later: no refusal by these is for good before RCPT */
	struct failure why_put_off;
};

/* False: there is none, and `why` says what becomes of the mail. */
bool route_find(struct relay *r, const struct relay_job *job, struct route *out, struct failure *why);

#endif
