/* net/waited.h: addresses that have waited for a greeting lately, and need not again (internal to net). IPv6 counts per /64. */
#ifndef POSTROOM_NET_WAITED_H
#define POSTROOM_NET_WAITED_H

#include "daemon/net/addr.h"

#define WAITED_MAX 8192u /* addresses; whoever waited longest ago is forgotten first, among those of its set */
#define WAITED_MS (24 * 3600 * 1000LL)

struct waited;

enum err waited_new(struct waited **out) MUST_CHECK;
void waited_free(struct waited **w);
bool waited_has(struct waited *w, const struct net_addr *a, int64_t now_ms);
void waited_add(struct waited *w, const struct net_addr *a, int64_t now_ms);

#endif
