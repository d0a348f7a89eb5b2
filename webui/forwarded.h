/* webui/forwarded.h: X-Forwarded-For as proxies that we believe have written it. A pure function. */
#ifndef POSTROOM_WEBUI_FORWARDED_H
#define POSTROOM_WEBUI_FORWARDED_H

#include "daemon/net/addr.h"

/* The client behind `peer`, which is a proxy: the rightmost address that is none of ours; each proxy adds on the right what it saw, all
 * left of a stranger is what that stranger says. An entry that is no address ends the search. */
struct net_addr forwarded_client(const struct net_addr *peer, struct span field, const struct net_cidr *proxies, size_t proxy_count);

#endif
