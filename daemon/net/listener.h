/* net/listener.h: bound sockets, and listening ones. Part of net/pool.h, which includes it. */
#ifndef POSTROOM_NET_LISTENER_H
#define POSTROOM_NET_LISTENER_H

#include "daemon/net/addr.h"

/* Bound, and deaf: bind all first, touch data afterwards, then attach. SO_REUSEADDR, IPV6_V6ONLY. */
struct listener;
/* ERR_EXISTS: in use; ERR_DENIED: a low port without the right to it; ERR_NOT_FOUND: not an address of this host. */
enum err listener_bind(const struct net_addr *at, struct listener **out, struct note *why) MUST_CHECK;
/* A unix socket with these permissions; its peers' remote address is their uid. A socket that nobody answers at is replaced; the name goes with listener_close(). ERR_EXISTS: somebody answers there. */
enum err listener_bind_unix(const char *path, unsigned mode, struct listener **out, struct note *why) MUST_CHECK;
/* From now on peers may connect and wait. pool_attach() does it for its own. */
enum err listener_listen(struct listener *l, struct note *why) MUST_CHECK;
/* A second handle of the same socket: it stays open, and listens on, until both are closed. */
enum err listener_share(const struct listener *l, struct listener **out, struct note *why) MUST_CHECK;
struct net_addr listener_addr(const struct listener *l); /* with the real port */
int listener_fd(const struct listener *l);
void listener_close(struct listener **l);

#endif
