/* webui/webui.c: socket, server and pump as one thing. */
#include "webui/webui.h"

#include <stdlib.h>
#include <unistd.h>

#include "webui/pump.h"
#include "webui/server.h"
#include "webui/unix_socket.h"

struct webui {
	struct server *server;
	struct pump *pump;
	char *socket_path; /* null: none */
};

static enum err hand_over(void *arg, int fd, const struct entrance *entrance)
{
	struct webui *w = arg;

	return server_add(w->server, fd, entrance);
}

static void gone(void *arg, uint64_t link)
{
	struct webui *w = arg;

	server_gone(w->server, link);
}

static void close_listeners(const struct webui_config *c)
{
	for (size_t i = 0; i < c->http_count; i++)
		listener_close(&c->http[i]);
	for (size_t i = 0; i < c->https_count; i++)
		listener_close(&c->https[i]);
}

static enum err start_pump(struct webui *w, const struct webui_config *c, struct note *why)
{
	struct pump_config pump = {
		.http = c->http,
		.https = c->https,
		.http_count = c->http_count,
		.https_count = c->https_count,
		.tls = c->tls,
		.unix_fd = -1,
		.max_connections = WEBUI_MAX_CONNECTIONS,
		.max_per_ip = WEBUI_MAX_PER_IP,
		.trusted = c->trusted,
		.trusted_count = c->trusted_count,
		.proxies = c->proxies,
		.proxy_count = c->proxy_count,
		.hand_over = hand_over,
		.gone = gone,
		.arg = w,
	};
	enum err e = ERR_OK;

	if (c->admin_socket)
		e = unix_socket_listen(c->admin_socket, &pump.unix_fd, why);
	if (e == ERR_OK && c->admin_socket)
		w->socket_path = strdup(c->admin_socket);
	if (e != ERR_OK) {
		close_listeners(c);
		return e;
	}
	return pump_start(&pump, &w->pump, why);
}

enum err webui_start(const struct webui_config *config, struct webui **out, struct note *why)
{
	struct webui *w = calloc(1, sizeof *w);
	struct server_config server = { .api = config->api, .max_connections = WEBUI_MAX_CONNECTIONS, .proxies = config->proxies, .proxy_count = config->proxy_count };
	enum err e = ERR_TEMP;

	if (config->https_count > 0)
		server.https_port = listener_addr(config->https[0]).port;
	if (w)
		e = server_start(&server, &w->server, why);

	if (e == ERR_OK)
		e = start_pump(w, config, why);
	else
		close_listeners(config);
	if (e == ERR_OK)
		*out = w;
	else if (w)
		webui_stop(&w, 0);
	return e;
}

void webui_stop(struct webui **w, int64_t deadline_ms)
{
	if (!*w)
		return;
	if ((*w)->server)
		server_end((*w)->server);
	pump_stop(&(*w)->pump, deadline_ms);
	server_stop(&(*w)->server);
	if ((*w)->socket_path)
		unlink((*w)->socket_path);
	free((*w)->socket_path);
	free(*w);
	*w = NULL;
}
