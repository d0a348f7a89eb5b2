/* auth/throttle.h: failures per network (IPv4 /32, IPv6 /64), forgotten one a minute; for files of auth/ only.
 *
 * A fixed table: when it is full the network with the fewest failures of its row makes room. The caller locks.
 */
#ifndef POSTROOM_AUTH_THROTTLE_H
#define POSTROOM_AUTH_THROTTLE_H

#include "daemon/net/addr.h"

#define THROTTLE_ROWS 1024
#define THROTTLE_WAYS 4
#define THROTTLE_DELAY_MAX_MS 5000

struct throttled {
	uint64_t network; /* 0: free */
	int64_t since_ms; /* monotonic: when `failures` was right */
	unsigned failures;
};

struct throttle {
	uint64_t seed; /* so that nobody outside can choose a row */
	struct throttled rows[THROTTLE_ROWS][THROTTLE_WAYS];
};

/* The network of a peer as a number, never 0. */
uint64_t throttle_network(const struct throttle *t, const struct net_addr *peer);
/* How many failures count now. */
unsigned throttle_failures(const struct throttle *t, uint64_t network, int64_t now_ms);
void throttle_add(struct throttle *t, uint64_t network, int64_t now_ms);
/* 250 ms for the first, doubled for each more, up to THROTTLE_DELAY_MAX_MS. */
int64_t throttle_delay_ms(unsigned failures);

#endif
