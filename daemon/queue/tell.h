/* queue/tell.h: what the queue notes in the trace and says to watchers, at one place. Costs a copy, never a wait; with or without queue.lock. */
#ifndef POSTROOM_QUEUE_TELL_H
#define POSTROOM_QUEUE_TELL_H

#include "daemon/events/trace.h"
#include "daemon/queue/outcome.h"

/* The rows are durable. */
struct tell_accepted {
	struct queue_id id;
	enum queue_source source;
	struct trace_arrival arrival; /* but queue_id and direction */
	bool first_is_local;
};
void tell_accepted(struct queue *q, struct tell_accepted *what);

/* One attempt with recipient `n`, the `attempt`th. */
void tell_outcome(struct queue *q, const struct entry *e, uint32_t n, const struct outcome *o, unsigned attempt, int64_t next_ms);
/* Filed: the mailbox of `account`. */
void tell_filed(struct queue *q, const struct part *p, struct span account);
/* Not filed; told at growing intervals, as it is tried each minute. */
void tell_not_filed(struct queue *q, const struct part *p, enum err why);
/* By whom or what, or that it is free again. */
void tell_held(struct queue *q, const struct entry *e, uint32_t n, enum queue_hold hold);
void tell_released(struct queue *q, const struct entry *e, uint32_t n);
void tell_removed(struct queue *q, const struct entry *e, uint32_t n);

#endif
