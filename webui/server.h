/* webui/server.h: libmicrohttpd under the pump: requests to answers; internal to webui/. */
#ifndef POSTROOM_WEBUI_SERVER_H
#define POSTROOM_WEBUI_SERVER_H

#include "api/api.h"
#include "daemon/net/addr.h"

struct server;

/* `api` as in webui_config: null says that setup is still to be done. */
enum err server_start(const struct api_context *api, unsigned max_connections, struct server **out, struct note *why) MUST_CHECK;
/* Takes the descriptor, also on error. Any thread. */
enum err server_add(struct server *s, int fd, const struct net_addr *from, enum api_caller caller) MUST_CHECK;
/* After the pump has stopped: waits for running handlers. */
void server_stop(struct server **s);

#endif
