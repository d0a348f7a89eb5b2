/* api/queue_filter.h: which messages of the queue are meant; internal to api/. */
#ifndef POSTROOM_API_QUEUE_FILTER_H
#define POSTROOM_API_QUEUE_FILTER_H

#include "api/call.h"
#include "daemon/queue/queue.h"

enum queue_wanted { WANTED_ANY,
		    WANTED_WAITING,  /* for its first attempt */
		    WANTED_DEFERRED, /* for another one */
		    WANTED_ACTIVE };

/* Patterns: "alice@example.org", "*@example.org", "alice@*"; empty: any. */
struct queue_query {
	enum queue_wanted state;
	struct span from, to, domain;
	int64_t before_ms; /* accepted before; 0: any time */
};
void queue_filter_of_query(struct api_call *c, struct queue_query *out);
/* Of the body's "filter"; copied into the arena. */
void queue_filter_of_body(struct api_call *c, struct arena *a, struct queue_query *out);
bool queue_filter_fits(const struct queue_query *f, const struct queue_entry *e);

/* Behind the last '@'; "" for the null path. */
struct span address_domain(struct span address);

#endif
