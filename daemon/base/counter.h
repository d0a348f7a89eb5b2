/* base/counter.h: process-wide counters and gauges, relaxed atomics; the API and (later) /metrics read them. */
#ifndef POSTROOM_BASE_COUNTER_H
#define POSTROOM_BASE_COUNTER_H

#include <stdint.h>

enum counter {
	COUNTER_SMTP_CONNECTIONS,
	COUNTER_SMTP_RECEIVED,  /* acknowledged on mx */
	COUNTER_SMTP_SUBMITTED, /* acknowledged on submission */
	COUNTER_SMTP_REJECTED,
	COUNTER_DELIVERED_LOCAL, /* message-recipients filed */
	COUNTER_RELAYED,
	COUNTER_DEFERRED,
	COUNTER_BOUNCED,
	COUNTER_IMAP_CONNECTIONS,
	COUNTER_AUTH_OK,
	COUNTER_AUTH_FAILED,
	COUNTER_AUTH_BUSY, /* refused because the hash queue was full */
	COUNTER_BUGS,      /* broken invariants of sessions */
	COUNTER_COUNT
};

void counter_add(enum counter which, uint64_t amount);
uint64_t counter_get(enum counter which);
const char *counter_name(enum counter which);

#endif
