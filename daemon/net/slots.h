/* net/slots.h: the places of a pool's connections (internal to net). They stay while the pool lives: a ticket never points into freed memory. */
#ifndef POSTROOM_NET_SLOTS_H
#define POSTROOM_NET_SLOTS_H

#include "daemon/net/pool_internal.h"

enum err slots_init(struct slots *s, unsigned size) MUST_CHECK;
void slots_clear(struct slots *s);
/* A place whose claim is dead; null when all are taken. */
struct conn *slots_take(struct slots *s);
void slots_give_back(struct slots *s, struct conn *c);
unsigned slots_live(struct slots *s);
/* How many have ever been used: the places that a ticket may name. */
unsigned slots_used(struct slots *s);
/* Waits until none is live; false when timeout_ms have passed. Negative: without end. */
bool slots_wait_empty(struct slots *s, int64_t timeout_ms);

#endif
