/* net/pool.h: service pools: sockets, TLS and threads under sessions (ARCHITECTURE.md, A connection).
 *
 * A pool has its own epoll set, threads, ready list, timer wheel and limits. A connection is owned by one thread at a
 * time; ownership is one atomic word won by compare-and-swap. Pool threads block on the local disk only.
 */
#ifndef POSTROOM_NET_POOL_H
#define POSTROOM_NET_POOL_H

#include "daemon/net/listener.h"
#include "daemon/net/session.h"

struct tls_store;

struct pool_config {
	const char *name; /* "mx", "submission", "access": static */
	unsigned threads;
	unsigned max_connections;
	unsigned max_per_ip; /* IPv6: per /64; trusted networks are free of it; 0 = no limit */
	/* SESSION_START comes that much later, whole seconds rounded up, and who speaks meanwhile gets SESSION_EARLY; 0 = off. Loopback, trusted networks, implicit
	 * TLS and addresses that waited lately are free of it. */
	int64_t greet_delay_ms;
	const struct net_cidr *proxies; /* peers that begin with a PROXY header (net/proxy.h), which is then who connects; borrowed */
	size_t proxy_count;
	const struct net_cidr *trusted; /* borrowed for the pool's life */
	size_t trusted_count;
	struct tls_store *tls; /* borrowed; null: no TLS on this pool */
};

enum err pool_new(const struct pool_config *config, struct pool **out, struct note *why) MUST_CHECK;

/* Takes the listener. Before pool_start(). `service` is borrowed for the pool's life. */
enum err pool_attach(struct pool *p, struct listener **l, const struct service *service, bool implicit_tls) MUST_CHECK;
enum err pool_start(struct pool *p, struct note *why) MUST_CHECK;

/* Answers a parked session; from any thread. The value goes to service->answer, or to drop_answer when the session is gone. */
void pool_answer(struct ticket t, void *answer);
/* The same after a delay (tarpit, throttling): on the pool's wheel, whole seconds rounded up. */
void pool_answer_later(struct ticket t, void *answer, int64_t delay_ms);
/* event(SESSION_WAKE) soon; many wakes may become one; lost when the session is gone. From any thread, also with locks held: it only queues. */
void pool_wake(struct ticket t);
/* Closes the connection soon (a user was suspended); the session sees SESSION_STOP. */
void pool_kick(struct ticket t);

struct pool_stats {
	unsigned connections, parked, max_connections;
};
struct pool_stats pool_stats(struct pool *p);

/* Orderly stop: listeners closed, sessions told (SESSION_STOP; a parked one when its answer is there), output flushed, all
 * closed when deadline_ms have passed. Blocks. Answers, wakes and kicks are still welcome, and dropped, until pool_free(). */
void pool_stop(struct pool *p, int64_t deadline_ms);
void pool_free(struct pool **p);

#endif
