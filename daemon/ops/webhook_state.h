/* ops/webhook_state.h: the inside of the webhooks' thread; for its files only. */
#ifndef POSTROOM_OPS_WEBHOOK_STATE_H
#define POSTROOM_OPS_WEBHOOK_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "daemon/net/fetch.h"
#include "daemon/ops/webhook_rows.h"
#include "daemon/ops/webhooks.h"

#define FLYING_MAX 4 /* of one webhook */

struct hook {
	struct webhook row; /* in the hooks' arena */
	uint64_t flying[FLYING_MAX];
	size_t flying_count;
	bool full; /* too many wait */
};

struct flight {
	struct flight *next;
	struct webhooks *w;
	uint64_t hook, id;
	unsigned attempts; /* with this one */
	struct fetch_result result;
	int64_t ended_ms; /* unix */
	enum { FLIGHT_DELIVERED,
	       FLIGHT_LATER,
	       FLIGHT_GIVEN_UP } end;
	int64_t next_ms;
};

struct webhooks {
	struct webhooks_config config;
	struct fetcher *fetcher;
	struct events_watch *watch;
	atomic_bool wanted; /* some webhook is enabled: news are of interest */

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t work;
	struct flight *landed;
	bool news, changed, stopping;

	pthread_t thread;
	bool runs;
	/* The thread's: */
	struct arena arena; /* of the hooks: secrets too */
	struct hook hooks[WEBHOOKS_MAX];
	size_t hook_count;
	struct flight *unwritten;        /* results, oldest first */
	int64_t trim_ms, write_after_ms; /* monotonic: not before */
};

/* webhooks.c: to the log, and as an event. */
void webhooks_tell_failing(struct webhooks *w, uint64_t hook, struct span reason);
/* webhooks.c: of a write: after one that failed none is tried for a while. */
void webhooks_wrote(struct webhooks *w, enum err e, const char *what);
/* webhook_collect.c: events become rows. True: there may be more. */
bool webhooks_collect(struct webhooks *w);

#endif
