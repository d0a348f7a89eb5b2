/* base/counter.c: process-wide counters. */
#include "daemon/base/counter.h"

#include <stdatomic.h>

/* Relaxed: each is read for itself, none orders other memory. */
static _Atomic uint64_t values[COUNTER_COUNT];

void counter_add(enum counter which, uint64_t amount)
{
	atomic_fetch_add_explicit(&values[which], amount, memory_order_relaxed);
}

uint64_t counter_get(enum counter which)
{
	return atomic_load_explicit(&values[which], memory_order_relaxed);
}

const char *counter_name(enum counter which)
{
	switch (which) {
	case COUNTER_SMTP_CONNECTIONS: return "smtp_connections";
	case COUNTER_SMTP_RECEIVED: return "smtp_received";
	case COUNTER_SMTP_SUBMITTED: return "smtp_submitted";
	case COUNTER_SMTP_REJECTED: return "smtp_rejected";
	case COUNTER_DELIVERED_LOCAL: return "delivered_local";
	case COUNTER_RELAYED: return "relayed";
	case COUNTER_DEFERRED: return "deferred";
	case COUNTER_BOUNCED: return "bounced";
	case COUNTER_IMAP_CONNECTIONS: return "imap_connections";
	case COUNTER_AUTH_OK: return "auth_ok";
	case COUNTER_AUTH_FAILED: return "auth_failed";
	case COUNTER_AUTH_BUSY: return "auth_busy";
	case COUNTER_BUGS: return "bugs";
	case COUNTER_COUNT: break;
	}
	return "";
}
