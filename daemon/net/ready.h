/* net/ready.h: the ready list of a pool, and the sleep of its threads (internal to net). */
#ifndef POSTROOM_NET_READY_H
#define POSTROOM_NET_READY_H

#include "daemon/net/pool_internal.h"

enum err ready_init(struct ready *r, struct note *why) MUST_CHECK;
void ready_clear(struct ready *r);
/* Takes over the ownership of `c`. `by_worker`: the caller looks at the list next. */
void ready_push(struct ready *r, struct conn *c, bool by_worker);
/* The longest waiting. Null: the caller is counted as asleep, must wait for epoll's events and then call ready_awake(). */
struct conn *ready_pop(struct ready *r);
void ready_awake(struct ready *r);
/* The eventfd's event has been seen. */
void ready_signal_seen(struct ready *r);
/* Wakes one sleeper whatever the list holds: the end of the pool. */
void ready_signal(struct ready *r);

#endif
