/* webui/server.c: libmicrohttpd's one thread reads requests and writes answers; handlers run on the api threads.
 *
 *   request whole ──▶ suspend ──▶ api thread: api_dispatch() ──▶ resume ──▶ answer queued
 *
 * Static files and /healthz are answered at once: they block on nothing.
 */
#include "webui/server.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/base/version.h"
#include "webui/static_files.h"
#include "webui/webui.h"
#include "webui/workers.h"

struct server {
	struct MHD_Daemon *daemon;
	struct workers *workers;
	const struct api_context *api;
	_Atomic bool stopping; /* what still waits for an api thread is not begun */
};

/* One request, from its line to its answer. */
struct exchange {
	struct job job;
	struct server *server;
	struct MHD_Connection *connection;
	char *target; /* raw: path and query, percent-encoding still on */
	char method[17];
	char content_type[128];
	enum api_caller caller;
	struct buf body;
	struct api_response response;
	bool begun, answered;
};

static const struct {
	const char *name, *value;
} security_headers[] = {
	{ "Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'" },
	{ "X-Content-Type-Options", "nosniff" },
	{ "Referrer-Policy", "no-referrer" },
	{ "Cross-Origin-Opener-Policy", "same-origin" },
};

/* ---- answers ---- */

struct headers {
	const char *content_type, *etag, *allow; /* each may be null */
	const struct api_response *response;     /* null: no further fields */
};

/* Values have no NUL, but no end of their own either. */
static void add_header(struct MHD_Response *r, const struct api_header *header)
{
	struct buf value;

	buf_init(&value, 16384);
	buf_add(&value, header->value);
	if (buf_cstr(&value))
		MHD_add_response_header(r, header->name, buf_cstr(&value));
	buf_clear(&value);
}

static enum MHD_Result send_bytes(struct MHD_Connection *c, int status, const struct headers *h, struct span body, enum MHD_ResponseMemoryMode mode)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(body.len, (void *)(uintptr_t)body.ptr, mode);
	enum MHD_Result result;

	if (!r)
		return MHD_NO;
	for (size_t i = 0; i < sizeof security_headers / sizeof security_headers[0]; i++)
		MHD_add_response_header(r, security_headers[i].name, security_headers[i].value);
	if (h->content_type)
		MHD_add_response_header(r, "Content-Type", h->content_type);
	if (h->etag)
		MHD_add_response_header(r, "ETag", h->etag);
	if (h->allow && h->allow[0])
		MHD_add_response_header(r, "Allow", h->allow);
	for (size_t i = 0; h->response && i < h->response->header_count; i++)
		add_header(r, &h->response->headers[i]);
	MHD_add_response_header(r, "Cache-Control", h->etag ? "no-cache" : "no-store");
	result = MHD_queue_response(c, (unsigned)status, r);
	MHD_destroy_response(r);
	return result;
}

static enum MHD_Result send_static(struct MHD_Connection *c, const struct static_file *f)
{
	const char *known = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "If-None-Match");
	const struct headers h = { .content_type = f->content_type, .etag = f->etag };

	if (known && strcmp(known, f->etag) == 0)
		return send_bytes(c, 304, &h, SPAN(""), MHD_RESPMEM_PERSISTENT);
	return send_bytes(c, 200, &h, span_make((const char *)f->bytes, f->length), MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result send_health(struct MHD_Connection *c, const struct server *s)
{
	struct buf text;
	enum MHD_Result result;

	buf_init(&text, 1024);
	buf_addf(&text, "{\"status\":\"%s\",\"set_up\":%s,\"version\":\"%s\"", s->api ? "ok" : "action", s->api ? "true" : "false", POSTROOM_VERSION);
	if (s->api)
		buf_addf(&text, ",\"services\":\"%s\"", s->api->services);
	buf_add_str(&text, "}\n");
	result = send_bytes(c, 200, &(struct headers){ .content_type = "application/json" }, buf_span(&text), MHD_RESPMEM_MUST_COPY);
	buf_clear(&text);
	return result;
}

static enum MHD_Result send_problem(struct MHD_Connection *c, int status, const char *code, const char *detail)
{
	struct buf text;
	enum MHD_Result result;

	buf_init(&text, 1024);
	buf_addf(&text, "{\"status\":%d,\"code\":\"%s\",\"detail\":\"%s\"}\n", status, code, detail);
	result = send_bytes(c, status, &(struct headers){ .content_type = "application/problem+json", .allow = status == 405 ? "GET, HEAD" : NULL }, buf_span(&text), MHD_RESPMEM_MUST_COPY);
	buf_clear(&text);
	return result;
}

/* ---- the api threads ---- */

static void answer_busy(struct exchange *x)
{
	x->response.status = 503;
	x->response.content_type = "application/problem+json";
	buf_add_str(&x->response.body, "{\"status\":503,\"code\":\"busy\",\"detail\":\"too many requests wait, or the daemon stops: try again\"}\n");
}

static void run_job(struct job *job)
{
	struct exchange *x = (struct exchange *)job; /* the job is its first member */
	struct span target = span_str(x->target);
	struct api_request request = { .method = span_str(x->method), .content_type = span_str(x->content_type), .body = buf_span(&x->body), .upload_fd = -1, .caller = x->caller };

	request.path = target;
	if (span_split(&target, '?', &request.path))
		request.query = target;
	if (strcmp(x->method, "HEAD") == 0)
		request.method = SPAN("GET"); /* the library leaves the body out */
	if (x->server->stopping)
		answer_busy(x);
	else
		api_run(x->server->api, &request, &x->response);
	x->answered = true;
	MHD_resume_connection(x->connection);
}

static enum MHD_Result begin_job(struct exchange *x)
{
	x->job.run = run_job;
	api_response_init(&x->response);
	MHD_suspend_connection(x->connection);
	if (workers_add(x->server->workers, &x->job) == ERR_OK)
		return MHD_YES;
	answer_busy(x);
	x->answered = true;
	MHD_resume_connection(x->connection);
	return MHD_YES;
}

/* ---- requests ---- */

static const struct static_file *find_static(struct span path)
{
	if (span_equals(path, SPAN("/")))
		path = SPAN("/index.html");
	for (size_t i = 0; i < static_files_count; i++)
		if (span_equals(path, span_str(static_files[i].path)))
			return &static_files[i];
	return NULL;
}

static enum MHD_Result answer(struct exchange *x)
{
	struct span target = span_str(x->target), path = target;
	const struct static_file *file;
	bool reads = strcmp(x->method, "GET") == 0 || strcmp(x->method, "HEAD") == 0, health;

	if (span_split(&target, '?', &path) && span_starts(path, SPAN("/api/")))
		return x->server->api ? begin_job(x) : send_problem(x->connection, 503, "not_set_up", "run postroom setup first");
	file = find_static(path);
	health = span_equals(path, SPAN("/healthz"));
	if (!file && !health)
		return send_problem(x->connection, 404, "not_found", "there is no such page");
	if (!reads)
		return send_problem(x->connection, 405, "method_not_allowed", "this is only read");
	return health ? send_health(x->connection, x->server) : send_static(x->connection, file);
}

static void begin_exchange(struct exchange *x, struct MHD_Connection *c, const char *method)
{
	const char *type = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Content-Type");
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	x->begun = true;
	x->connection = c;
	buf_init(&x->body, API_BODY_MAX);
	snprintf(x->method, sizeof x->method, "%s", method);
	snprintf(x->content_type, sizeof x->content_type, "%s", type ? type : "");
	/* server_add() wrote who is at the other end of the unix socket into the address. */
	if (info && info->client_addr && info->client_addr->sa_family == AF_UNIX && ((const struct sockaddr_un *)info->client_addr)->sun_path[0] == 'o')
		x->caller = API_LOCAL_OWNER;
}

static enum MHD_Result on_access(void *arg, struct MHD_Connection *c, const char *url, const char *method, const char *version, const char *data, size_t *size, void **con_cls)
{
	struct exchange *x = *con_cls;

	(void)url;
	(void)version;
	if (!x)
		return MHD_NO;
	if (!x->begun) {
		x->server = arg;
		begin_exchange(x, c, method);
		return MHD_YES;
	}
	if (*size > 0) {
		buf_add(&x->body, span_make(data, *size));
		*size = 0;
		return MHD_YES;
	}
	if (x->answered)
		return send_bytes(c, x->response.status, &(struct headers){ .content_type = x->response.content_type, .response = &x->response }, buf_span(&x->response.body), MHD_RESPMEM_MUST_COPY);
	if (x->body.failed)
		return send_problem(c, 413, "too_large", "the body is over the limit");
	return answer(x);
}

/* The raw request target, before the library decodes it; what this returns becomes *con_cls. */
static void *on_target(void *arg, const char *target, struct MHD_Connection *c)
{
	struct exchange *x = calloc(1, sizeof *x);

	(void)arg;
	(void)c;
	if (x)
		x->target = strdup(target);
	if (x && !x->target) {
		free(x);
		return NULL;
	}
	return x;
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
	if (!x)
		return;
	buf_wipe(&x->body); /* may hold a password */
	api_response_clear(&x->response);
	free(x->target);
	free(x);
	*con_cls = NULL;
}

enum err server_start(const struct api_context *api, unsigned max_connections, struct server **out, struct note *why)
{
	struct server *s = calloc(1, sizeof *s);

	if (!s)
		return ERR_TEMP;
	s->api = api;
	if (workers_start(WEBUI_API_THREADS, &s->workers) == ERR_OK)
		s->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_access, s,
					     MHD_OPTION_CONNECTION_LIMIT, max_connections, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)32768,
					     MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_URI_LOG_CALLBACK, on_target, NULL,
					     MHD_OPTION_UNESCAPE_CALLBACK, keep_encoded, NULL, MHD_OPTION_END);
	if (!s->daemon) {
		note_set(why, "the web server could not be started");
		workers_stop(&s->workers);
		free(s);
		return ERR_TEMP;
	}
	*out = s;
	return ERR_OK;
}

enum err server_add(struct server *s, int fd, const struct net_addr *from, enum api_caller caller)
{
	struct sockaddr_storage at = { 0 };
	struct sockaddr_un *local = (struct sockaddr_un *)&at;
	socklen_t len = net_addr_to_sockaddr(from, &at);

	if (len == 0) {
		local->sun_family = AF_UNIX;
		local->sun_path[0] = caller == API_LOCAL_OWNER ? 'o' : 'n';
		len = sizeof *local;
	}
	if (MHD_add_connection(s->daemon, fd, (struct sockaddr *)&at, len) == MHD_YES)
		return ERR_OK;
	return ERR_TEMP; /* the library has closed it */
}

void server_stop(struct server **s)
{
	if (!*s)
		return;
	(*s)->stopping = true;
	workers_stop(&(*s)->workers); /* first: a suspended connection must be resumed before the library may stop */
	MHD_stop_daemon((*s)->daemon);
	free(*s);
	*s = NULL;
}
