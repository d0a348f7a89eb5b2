/* net/conn_proxy.h: who stands behind a proxy that we believe (internal to net). */
#ifndef POSTROOM_NET_CONN_PROXY_H
#define POSTROOM_NET_CONN_PROXY_H

#include "daemon/net/conn_io.h"

/* Takes the PROXY header, and nothing behind it, from the socket. IO_DONE: the peer is who the header names, or the proxy where it names
 * nobody; whether it is trusted is known. IO_FAILED, IO_EOF: there is no such header. */
enum io conn_take_proxy(struct worker *w, struct conn *c);

#endif
