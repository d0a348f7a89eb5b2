/* webui/server.c: libmicrohttpd's one thread reads requests and writes answers; handlers run on the api threads (webui/exchange.c). */
#include "webui/server.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "daemon/base/rng.h"
#include "webui/exchange.h"
#include "webui/feeder.h"
#include "webui/pages.h"
#include "webui/webui.h"
#include "webui/workers.h"

#define CONNECTION_MEMORY 32768 /* of the library: a head of HEAD_MAX_BYTES and what is read of a body */

_Static_assert(sizeof(struct entrance) <= sizeof(((struct sockaddr_un *)0)->sun_path), "an entrance travels in an address");

struct server {
	struct MHD_Daemon *daemon;
	struct exchange_ground ground;
};

static enum MHD_Result on_access(void *arg, struct MHD_Connection *c, const char *url, const char *method, const char *version, const char *data, size_t *size, void **con_cls)
{
	(void)arg;
	(void)url;
	(void)version;
	if (!*con_cls)
		return MHD_NO;
	return exchange_go_on(*con_cls, c, method, span_make(data, *size), size) ? MHD_YES : MHD_NO;
}

/* The raw request target, before the library decodes it; what this returns becomes *con_cls. */
static void *on_target(void *arg, const char *target, struct MHD_Connection *c)
{
	struct server *s = arg;

	(void)c;
	return exchange_new(&s->ground, target);
}

static size_t keep_encoded(void *arg, struct MHD_Connection *c, char *text)
{
	(void)arg;
	(void)c;
	return strlen(text);
}

static void on_completed(void *arg, struct MHD_Connection *c, void **con_cls, enum MHD_RequestTerminationCode code)
{
	struct exchange *x = *con_cls;

	(void)arg;
	(void)c;
	(void)code;
	exchange_free(&x);
	*con_cls = NULL;
}

static enum err start_parts(struct server *s, const struct server_config *c)
{
	struct exchange_ground *g = &s->ground;
	enum err e;

	g->api = c->api;
	g->rules = (struct request_rules){ .api = c->api, .proxies = c->proxies, .proxy_count = c->proxy_count, .seed = rng_u64() };
	e = pages_new(c->api, c->https_port, &g->pages);
	if (e == ERR_OK)
		e = feeder_start(&g->feeder);
	if (e == ERR_OK)
		e = workers_start(WEBUI_API_THREADS, &g->workers);
	if (e != ERR_OK)
		return e;
	s->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_access, s,
				     MHD_OPTION_CONNECTION_LIMIT, c->max_connections, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
				     MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_URI_LOG_CALLBACK, on_target, s,
				     MHD_OPTION_UNESCAPE_CALLBACK, keep_encoded, NULL, MHD_OPTION_END);
	return s->daemon ? ERR_OK : ERR_TEMP;
}

enum err server_start(const struct server_config *config, struct server **out, struct note *why)
{
	struct server *s = calloc(1, sizeof *s);
	enum err e = s ? start_parts(s, config) : ERR_TEMP;

	if (e == ERR_OK) {
		*out = s;
		return ERR_OK;
	}
	note_set(why, "the web server could not be started");
	server_stop(&s);
	return ERR_TEMP;
}

enum err server_add(struct server *s, int fd, const struct entrance *entrance)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	memcpy(at.sun_path, entrance, sizeof *entrance);
	if (MHD_add_connection(s->daemon, fd, (struct sockaddr *)&at, sizeof at) == MHD_YES)
		return ERR_OK;
	return ERR_TEMP; /* the library has closed it */
}

void server_gone(struct server *s, uint64_t link)
{
	feeder_gone(s->ground.feeder, link);
}

void server_end(struct server *s)
{
	s->ground.stopping = true;
	feeder_end(s->ground.feeder);
}

void server_stop(struct server **s)
{
	struct exchange_ground *g;

	if (!*s)
		return;
	g = &(*s)->ground;
	g->stopping = true;
	if (g->workers)
		workers_stop(g->workers); /* first: a suspended connection must be resumed before the library may stop, which still reads */
	if (g->feeder)
		feeder_end(g->feeder);
	if ((*s)->daemon)
		MHD_stop_daemon((*s)->daemon);
	workers_free(&g->workers);
	feeder_stop(&g->feeder);
	pages_free(&g->pages);
	free(*s);
	*s = NULL;
}
