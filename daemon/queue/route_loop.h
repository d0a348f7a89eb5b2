/* queue/route_loop.h: which addresses have passed a message on already: its Delivered-To fields. */
#ifndef POSTROOM_QUEUE_ROUTE_LOOP_H
#define POSTROOM_QUEUE_ROUTE_LOOP_H

#include "daemon/base/arena.h"
#include "daemon/mime/address.h"

struct route_loop {
	bool read;
	struct span *keys; /* as addresses are compared */
	size_t count;
};

/* Has this address passed it on? Reads the header when first asked. */
bool route_loop_has(struct route_loop *loop, struct span header, const struct address *address, struct arena *a);

#endif
