/* webui/host.h: the names under which the web server answers. A page that lets its own name point at our address (DNS rebinding) reaches
 * nothing: its Host is not on the list. Pure functions.
 */
#ifndef POSTROOM_WEBUI_HOST_H
#define POSTROOM_WEBUI_HOST_H

#include "daemon/net/addr.h"

#define HOST_NAME_MAX_BYTES 253

struct host {
	struct span name;   /* without port and brackets, as it was written */
	struct net_addr ip; /* NET_NONE: it is a name */
	uint16_t port;      /* 0: none was given */
};

/* uri-host and port (RFC 3986 3.2): a name of letters, digits, '-' and '.', an IPv4 address, or an IPv6 one in brackets. */
enum err host_parse(struct span text, struct host *out) MUST_CHECK;

struct host_rules {
	struct span hostname;       /* the configured one */
	const struct span *domains; /* ours, sorted, lower case: mail.DOMAIN and autoconfig.DOMAIN */
	size_t domain_count;
	struct net_addr local; /* where the connection came in: "localhost" is ours on loopback */
};
/* Addresses always are: only a name can be made to point at us. */
bool host_is_ours(const struct host *h, const struct host_rules *rules);

#endif
