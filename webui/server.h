/* webui/server.h: libmicrohttpd under the pump: requests to answers; internal to webui/. */
#ifndef POSTROOM_WEBUI_SERVER_H
#define POSTROOM_WEBUI_SERVER_H

#include "api/api.h"
#include "webui/entrance.h"

struct server;

struct server_config {
	const struct api_context *api; /* null says that setup is still to be done */
	unsigned max_connections;
	uint16_t https_port;            /* where plain http sends to; 0: nowhere */
	const struct net_cidr *proxies; /* borrowed */
	size_t proxy_count;
};
enum err server_start(const struct server_config *config, struct server **out, struct note *why) MUST_CHECK;
/* Takes the descriptor, also on error. Any thread. */
enum err server_add(struct server *s, int fd, const struct entrance *entrance) MUST_CHECK;
/* The client of that link has gone. Any thread. */
void server_gone(struct server *s, uint64_t link);
/* Streams end, what has not begun is not begun. */
void server_end(struct server *s);
/* After server_end() and the pump's end: waits for running handlers. */
void server_stop(struct server **s);

#endif
