/* net/accept.h: taking connections in (internal to net). */
#ifndef POSTROOM_NET_ACCEPT_H
#define POSTROOM_NET_ACCEPT_H

#include "daemon/net/pool_internal.h"

/* A port of the pool has an event: accepts a batch, puts it on the ready list, arms the port again (or pauses it). */
void accept_batch(struct pool *p, struct port *port);
/* Puts the port in the epoll set, one event at a time. */
enum err accept_arm(struct pool *p, struct port *port, bool first) MUST_CHECK;
void accept_close(struct port *port);

#endif
