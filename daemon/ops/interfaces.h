/* ops/interfaces.h: the addresses of this machine. */
#ifndef POSTROOM_OPS_INTERFACES_H
#define POSTROOM_OPS_INTERFACES_H

#include "daemon/net/addr.h"

/* Fills at most `size` addresses (ports 0), returns how many; 0 when the kernel does not say. */
size_t interfaces_list(struct net_addr *out, size_t size);

#endif
