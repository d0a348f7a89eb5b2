/* webui/pump.h: the thread that accepts web connections and moves their bytes; internal to webui/. */
#ifndef POSTROOM_WEBUI_PUMP_H
#define POSTROOM_WEBUI_PUMP_H

#include "daemon/net/addr.h"
#include "webui/entrance.h"

struct listener;
struct tls_store;
struct pump;

#define PUMP_LOCAL_RESERVE 32

struct pump_config {
	struct listener **http, **https; /* taken, also on error */
	size_t http_count, https_count;
	struct tls_store *tls;
	int unix_fd;              /* a listening unix socket, taken; -1: none */
	unsigned max_connections; /* the last PUMP_LOCAL_RESERVE of them are for the unix socket */
	unsigned max_per_ip;
	const struct net_cidr *trusted; /* free of max_per_ip; borrowed */
	size_t trusted_count;
	const struct net_cidr *proxies; /* whose PROXY headers are believed; borrowed */
	size_t proxy_count;
	/* Both are called on the pump's thread. */
	/* Hands the library's end of a connection over: takes the descriptor, also on error. */
	enum err (*hand_over)(void *arg, int fd, const struct entrance *entrance);
	void (*gone)(void *arg, uint64_t link); /* nobody reads there any more; of those handed over */
	void *arg;
};
enum err pump_start(const struct pump_config *config, struct pump **out, struct note *why) MUST_CHECK;
/* Closes the listeners at once, the connections when they have nothing in flight, all at the deadline. */
void pump_stop(struct pump **p, int64_t deadline_ms);

#endif
