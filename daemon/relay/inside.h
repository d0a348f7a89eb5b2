/* relay/inside.h: what struct relay is made of, for the files of this room. */
#ifndef POSTROOM_RELAY_INSIDE_H
#define POSTROOM_RELAY_INSIDE_H

#include <stdatomic.h>

#include "daemon/relay/relay.h"

struct kept;
struct ledger;
struct sts;
struct tls_report;

struct relay {
	struct relay_config config;
	atomic_bool cancelled;
	int cancel_fd;             /* readable once cancelled: wakes the waits of streams */
	struct kept *kept;         /* connections that wait for more; null: none are kept */
	struct ledger *ledger;     /* relay.db */
	struct sts *sts;           /* MTA-STS policies */
	struct tls_report *report; /* how TLS went */
};

static inline bool relay_is_cancelled(const struct relay *r)
{
	return atomic_load(&r->cancelled);
}

/* Sends nothing (probe.h), and is no session that a report counts. */
static inline bool relay_is_probe(const struct relay_job *job)
{
	return !job->read;
}

#endif
