/* webui/exchange.c: the states of a request.
 *
 *   HEAD ──no body──▶ BODY ──▶ WORK ──▶ ANSWERED
 *    │                 ▲ │end of the body   ▲
 *    │body             │ └─ a page ─────────┤
 *    └──▶ ADMISSION ───┘                    │
 *              └── refused ─────────────────┘   (the library closes such a connection: it has not read the body)
 *
 * (1) In ADMISSION and WORK the connection is suspended and the exchange belongs to an api thread, or to whoever resumes the parked call;
 *     in the other states to the library's thread. MHD_resume_connection() hands it back and is the last touch.
 * (2) A parked call holds no thread.
 */
#include "webui/exchange.h"

#include <microhttpd.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/timing.h"
#include "daemon/net/deflate.h"
#include "webui/answer.h"
#include "webui/body.h"
#include "webui/feeder.h"
#include "webui/negotiate.h"
#include "webui/pages.h"
#include "webui/workers.h"

#define GZIP_FROM_BYTES 1024

enum exchange_at {
	AT_HEAD,
	AT_ADMISSION,
	AT_BODY,
	AT_WORK,
	AT_ANSWERED,
};

struct exchange {
	struct job job; /* first */
	struct delayed delayed;
	struct exchange_ground *ground;
	struct MHD_Connection *connection;
	enum exchange_at at;
	struct request request;
	struct body body;
	struct api_response response;
	struct api_call *parked;
	bool refused;     /* by admission: `response` is the answer */
	enum err no_room; /* for the body: enum of body_begin() */
	struct buf gzip;  /* the response's body, when it is sent so */
	bool is_page;
	struct answer page;
	int status;
	size_t bytes;
	int64_t began_us, answered_us;
};

struct exchange *exchange_new(struct exchange_ground *ground, const char *target)
{
	struct exchange *x = calloc(1, sizeof *x);

	if (!x || request_init(&x->request, target) != ERR_OK) {
		free(x);
		return NULL;
	}
	x->ground = ground;
	x->began_us = clock_mono_us();
	body_init(&x->body);
	buf_init(&x->gzip, API_RESPONSE_MAX);
	api_response_init(&x->response);
	return x;
}

/* One line for each request. Probes of a monitor are no news. */
static void write_log(const struct exchange *x)
{
	const struct request *r = &x->request;
	bool probe = span_equals(r->api.path, SPAN("/healthz")) || span_equals(r->api.path, SPAN("/readyz"));
	enum log_level level = probe ? LOG_DEBUG : LOG_INFO;
	const char *operation = x->response.operation && x->response.operation[0] ? x->response.operation : "-";

	if (!log_enabled(level) || x->at == AT_HEAD)
		return;
	log_event(level, "webui", "request", "method=%s path=%s status=%d us=%lld bytes=%zu caller=%s operation=%s peer=%s request=%s", log_quote(r->method).text, log_quote(r->api.path).text, x->status,
		  (long long)((x->answered_us ? x->answered_us : clock_mono_us()) - x->began_us), x->bytes, request_caller(r), operation, r->entrance.is_local ? "local" : net_ip_text(&r->api.peer).text,
		  r->id.text);
}

void exchange_free(struct exchange **x)
{
	if (!*x)
		return;
	write_log(*x);
	body_clear(&(*x)->body);
	buf_clear(&(*x)->gzip);
	api_response_clear(&(*x)->response);
	request_clear(&(*x)->request);
	free(*x);
	*x = NULL;
}

/* ---- on the api threads ---- */

static void resume_library(struct exchange *x)
{
	MHD_resume_connection(x->connection);
}

/* BREACH: what holds a secret, and what answers with something of the request's, stays as it is. */
static bool may_gzip(const struct exchange *x)
{
	const struct api_response *a = &x->response;
	struct span operation = span_str(a->operation), type = span_str(a->content_type);
	size_t at;

	if (a->status != 200 || a->stream || a->body.len < GZIP_FROM_BYTES || !request_is_read(&x->request))
		return false;
	if (span_starts(operation, SPAN("session")) || span_starts(operation, SPAN("me_")))
		return false;
	return span_starts(type, SPAN("text/")) || span_find(type, SPAN("json"), &at);
}

static void make_gzip(struct exchange *x)
{
	if (!may_gzip(x) || !accepts_gzip(x->request.accept_encoding))
		return;
	if (deflate_gzip(buf_span(&x->response.body), DEFLATE_FAST, &x->gzip) != ERR_OK)
		buf_clear(&x->gzip);
}

static void finish_work(struct exchange *x)
{
	int64_t delay_ms = x->response.delay_ms;

	make_gzip(x);
	if (delay_ms > 0 && !x->ground->stopping) {
		x->delayed.connection = x->connection;
		feeder_delay(x->ground->feeder, &x->delayed, delay_ms);
	} else {
		resume_library(x);
	}
}

static void run_parked(struct job *job)
{
	struct exchange *x = (struct exchange *)job;
	struct workers *w = x->ground->workers;

	workers_leave(w);
	if (api_continue(&x->parked) == API_PARKED)
		return;
	workers_stay(w);
	finish_work(x);
}

/* Any thread. */
static void return_to_work(void *arg)
{
	struct exchange *x = arg;

	x->job.run = run_parked;
	workers_return(x->ground->workers, &x->job);
}

static void run_work(struct job *job)
{
	struct exchange *x = (struct exchange *)job;
	struct workers *w = x->ground->workers;
	struct api_request *a = &x->request.api;

	if (x->ground->stopping) {
		x->no_room = ERR_TEMP;
		resume_library(x);
		return;
	}
	api_response_clear(&x->response); /* admission may have left headers in it */
	api_response_init(&x->response);
	a->body = buf_span(&x->body.memory);
	a->upload_fd = x->body.fd;
	a->upload_size = x->body.fd >= 0 ? x->body.size : 0;
	if (span_equals(a->method, SPAN("HEAD")))
		a->method = SPAN("GET"); /* the library leaves the body out */
	workers_leave(w);
	if (api_dispatch(x->ground->api, a, &x->response, return_to_work, x, &x->parked) == API_PARKED)
		return; /* it may be running elsewhere already */
	workers_stay(w);
	finish_work(x);
}

static void run_admission(struct job *job)
{
	struct exchange *x = (struct exchange *)job;
	const struct request *r = &x->request;
	uint64_t max = 0;
	bool upload = false;

	if (x->ground->stopping)
		x->no_room = ERR_TEMP;
	else if (api_admit(x->ground->api, &r->api, r->content_length, &max, &upload, &x->response) != ERR_OK)
		x->refused = true;
	else if (r->content_length > max)
		x->no_room = ERR_LIMIT;
	else
		x->no_room = body_begin(&x->body, r->content_length, max, upload ? x->ground->api->spool_dir : NULL);
	resume_library(x);
}

/* ---- on the library's thread ---- */

static bool begin_job(struct exchange *x, void (*run)(struct job *job), enum exchange_at at)
{
	x->job = (struct job){ .run = run, .key = x->request.caller_key };
	x->at = at;
	MHD_suspend_connection(x->connection);
	if (workers_add(x->ground->workers, &x->job) == ERR_OK)
		return true;
	x->no_room = ERR_TEMP;
	resume_library(x);
	return true;
}

static bool queue_answer(struct exchange *x, const struct answer *a, struct MHD_Response *stream)
{
	x->at = AT_ANSWERED;
	x->status = a->status;
	x->bytes = a->body.len;
	x->answered_us = stream ? 0 : clock_mono_us(); /* a stream has lasted until its end */
	timing_request(x->response.operation ? x->response.operation : "", a->status, clock_mono_us() - x->began_us);
	return answer_queue(x->connection, &x->request, a, stream);
}

static bool queue_problem(struct exchange *x, int status, const char *code, const char *detail)
{
	struct answer a;

	answer_problem(&a, &x->request, status, code, detail);
	return queue_answer(x, &a, NULL);
}

static bool queue_stream(struct exchange *x)
{
	struct answer a = { .status = x->response.status, .content_type = x->response.content_type, .response = &x->response };
	struct MHD_Response *stream = NULL;
	enum err e = feeder_stream(x->ground->feeder, &x->response.stream, x->request.caller_key, x->request.entrance.link, x->connection, &stream);

	if (e == ERR_LIMIT)
		return queue_problem(x, 429, "too_many_streams", "at most 20 streams at once are yours");
	if (e != ERR_OK)
		return queue_problem(x, 503, "busy", "too many streams: try again");
	return queue_answer(x, &a, stream);
}

static bool queue_response(struct exchange *x)
{
	const struct api_response *response = &x->response;
	struct answer a = { .status = response->status, .content_type = response->content_type, .response = response, .varies = may_gzip(x) };

	if (response->stream)
		return queue_stream(x);
	a.gzip = x->gzip.len > 0;
	a.body = buf_span(a.gzip ? &x->gzip : &x->response.body);
	return queue_answer(x, &a, NULL);
}

/* The body did not find room. */
static bool queue_no_room(struct exchange *x, enum err why)
{
	if (why == ERR_LIMIT)
		return queue_problem(x, 413, "too_large", "the body is over the limit");
	if (why == ERR_STATE)
		return queue_problem(x, 507, "disk_full", "there is no room for the upload on the disk");
	return queue_problem(x, 503, "busy", "too many requests wait, or the daemon stops: try again");
}

static bool begin(struct exchange *x, const char *method)
{
	struct request *r = &x->request;

	request_read(r, x->connection, method, &x->ground->rules);
	x->at = AT_BODY;
	x->is_page = true;
	if (r->fault == REQUEST_MISDIRECTED)
		answer_problem(&x->page, r, 421, "misdirected", "this server does not answer under that name");
	else if (r->fault == REQUEST_CODED)
		answer_problem(&x->page, r, 415, "content_encoding", "bodies are read as they are, not compressed");
	else
		x->is_page = pages_answer(x->ground->pages, r, &x->page);
	if (!r->has_body)
		return true;
	return x->is_page ? queue_answer(x, &x->page, NULL) : begin_job(x, run_admission, AT_ADMISSION);
}

static bool admitted(struct exchange *x)
{
	if (x->refused)
		return queue_response(x);
	if (x->no_room != ERR_OK)
		return queue_no_room(x, x->no_room);
	x->at = AT_BODY;
	return true;
}

static bool end_of_body(struct exchange *x)
{
	if (x->is_page)
		return queue_answer(x, &x->page, NULL);
	body_end(&x->body);
	return x->body.state == ERR_OK ? begin_job(x, run_work, AT_WORK) : queue_no_room(x, x->body.state);
}

bool exchange_go_on(struct exchange *x, struct MHD_Connection *c, const char *method, struct span part, size_t *size)
{
	switch (x->at) {
	case AT_HEAD:
		x->connection = c;
		return begin(x, method);
	case AT_ADMISSION:
		return admitted(x);
	case AT_BODY:
		if (part.len == 0)
			return end_of_body(x);
		body_add(&x->body, part);
		*size = 0;
		return true;
	case AT_WORK:
		return x->no_room == ERR_OK ? queue_response(x) : queue_no_room(x, x->no_room);
	case AT_ANSWERED:
		*size = 0; /* of a body that nobody wants */
		return true;
	}
	return false;
}
