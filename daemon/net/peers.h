/* net/peers.h: how many connections each address has (for net and the web server's pump). IPv6 counts per /64: that is one customer. */
#ifndef POSTROOM_NET_PEERS_H
#define POSTROOM_NET_PEERS_H

#include <pthread.h>

#include "daemon/net/addr.h"

struct peer_count;

struct peers {
	pthread_mutex_t lock; /* guards table */
	struct peer_count *table;
	size_t mask;
	uint64_t seed; /* nobody outside can choose addresses that collide */
};

/* Room for `max` addresses at once. */
enum err peers_init(struct peers *p, size_t max) MUST_CHECK;
void peers_clear(struct peers *p);
/* One more; false, and not counted, when there are `limit` already. */
bool peers_enter(struct peers *p, const struct net_addr *a, unsigned limit);
void peers_leave(struct peers *p, const struct net_addr *a);

#endif
