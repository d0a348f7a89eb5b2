/* api/queue_filter.h: which messages of the queue are meant, of a query or of a body; internal to api/. */
#ifndef POSTROOM_API_QUEUE_FILTER_H
#define POSTROOM_API_QUEUE_FILTER_H

#include "api/call.h"
#include "daemon/queue/queue.h"

struct queue_wish {
	struct queue_filter filter; /* for lists */
	struct span party;          /* a domain that the sender or a recipient is in; empty: any. Part of the filter's domains */
};
/* Of the query, or (`of_body`) of the body's "filter"; all in the arena. */
enum err queue_wish_read(struct api_call *c, bool of_body, struct arena *a, struct queue_wish *out) MUST_CHECK;
/* For steering one message that the list has found: which of its recipients are meant. */
void queue_wish_of(const struct queue_wish *w, const struct queue_entry *e, struct queue_filter *out);

/* The filter's form of "alice@example.org", "*@example.org", "@example.org" and "alice@*". */
struct span queue_pattern(struct span text);

/* Behind the last '@'; "" for the null path. */
struct span address_domain(struct span address);

#endif
