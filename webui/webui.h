/* webui/webui.h: the HTTP server: listeners, TLS pump, request-head checks, static files, event streams, and the way to api_dispatch().
 *
 * One pump thread owns every web connection (its TLS and both descriptors), checks each request head (webui/head.h) and hands
 * clean bytes through a socketpair to libmicrohttpd, whose one thread never runs a handler: the connection is suspended, an
 * api thread answers, the connection is resumed.
 */
#ifndef POSTROOM_WEBUI_WEBUI_H
#define POSTROOM_WEBUI_WEBUI_H

#include "api/api.h"
#include "daemon/net/pool.h"

#define WEBUI_API_THREADS 4
#define WEBUI_MAX_CONNECTIONS 1000
#define WEBUI_MAX_PER_IP 100

struct tls_store;
struct webui;

struct webui_config {
	/* Taken (also on error): plain http, https by `tls`. */
	struct listener **http, **https;
	size_t http_count, https_count;
	struct tls_store *tls;          /* borrowed; null when https_count is 0 */
	const struct net_cidr *trusted; /* free of WEBUI_MAX_PER_IP; borrowed */
	size_t trusted_count;
	const struct net_cidr *proxies; /* whose X-Forwarded-* and PROXY headers are believed; borrowed */
	size_t proxy_count;
	const char *admin_socket;      /* path of the unix socket, made anew with mode 0660; null: none. Peer credentials are the login: root and our own uid are API_LOCAL_OWNER, others are turned away */
	const struct api_context *api; /* borrowed; null: not set up yet: only /healthz and the page that says so */
};
enum err webui_start(const struct webui_config *config, struct webui **out, struct note *why) MUST_CHECK;
/* Orderly: no new connections, streams ended, running requests answered, all closed at the deadline; the socket is removed. */
void webui_stop(struct webui **w, int64_t deadline_ms);

#endif
