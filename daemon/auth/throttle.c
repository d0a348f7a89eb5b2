/* auth/throttle.c: how long those wait who guess passwords. */
#include "daemon/auth/throttle.h"

#define FORGET_MS 60000
#define FAILURES_MAX 20
#define FIRST_DELAY_MS 250

/* The finish of SplitMix64: each bit of the input moves half of the output. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

uint64_t throttle_network(const struct throttle *t, const struct net_addr *peer)
{
	size_t bytes = peer->family == NET_IPV4 ? 4 : peer->family == NET_IPV6 ? 8
									       : 0;
	uint64_t n = mix(t->seed + (uint64_t)peer->family);

	for (size_t i = 0; i < bytes; i++)
		n = n << 8 ^ n >> 56 ^ peer->ip[i];
	n = mix(n);
	return n ? n : 1;
}

static unsigned failures_left(const struct throttled *e, int64_t now_ms)
{
	int64_t forgotten = (now_ms - e->since_ms) / FORGET_MS;

	return forgotten >= (int64_t)e->failures ? 0 : e->failures - (unsigned)forgotten;
}

unsigned throttle_failures(const struct throttle *t, uint64_t network, int64_t now_ms)
{
	const struct throttled *row = t->rows[network % THROTTLE_ROWS];

	for (size_t i = 0; i < THROTTLE_WAYS; i++) {
		if (row[i].network == network)
			return failures_left(&row[i], now_ms);
	}
	return 0;
}

void throttle_add(struct throttle *t, uint64_t network, int64_t now_ms)
{
	struct throttled *row = t->rows[network % THROTTLE_ROWS], *e = &row[0];
	unsigned failures;

	for (size_t i = 0; i < THROTTLE_WAYS; i++) {
		if (row[i].network == network) {
			e = &row[i];
			break;
		}
		if (failures_left(&row[i], now_ms) < failures_left(e, now_ms))
			e = &row[i];
	}
	failures = e->network == network ? failures_left(e, now_ms) : 0;
	*e = (struct throttled){ network, now_ms, failures < FAILURES_MAX ? failures + 1 : failures };
}

int64_t throttle_delay_ms(unsigned failures)
{
	int64_t delay = failures ? FIRST_DELAY_MS : 0;

	while (failures-- > 1 && delay < THROTTLE_DELAY_MAX_MS)
		delay *= 2;
	return delay < THROTTLE_DELAY_MAX_MS ? delay : THROTTLE_DELAY_MAX_MS;
}
