/* net/proxy.h: the PROXY protocol, version 1 (a line) and 2 (binary), as HAProxy's proxy-protocol.txt describes it: who stands
 * behind a proxy that we were told to believe. A pure function.
 */
#ifndef POSTROOM_NET_PROXY_H
#define POSTROOM_NET_PROXY_H

#include "daemon/net/addr.h"

#define PROXY_MAX_BYTES 1024
#define PROXY_MS 5000 /* for the whole header, from the connection on */

struct proxy_header {
	struct net_addr from; /* NET_NONE: the proxy speaks for itself, or does not know */
	struct net_addr to;   /* where the client has connected to; NET_NONE as `from` */
	size_t length;
};

/* ERR_STATE: not whole yet; all bytes so far are the header's. ERR_NOT_FOUND: does not begin with one. ERR_SYNTAX: begins so, and is
 * none. ERR_LIMIT: over PROXY_MAX_BYTES. */
enum err proxy_parse(struct span in, struct proxy_header *out) MUST_CHECK;

#endif
