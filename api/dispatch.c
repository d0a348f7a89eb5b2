/* api/dispatch.c: the life of a call.
 *
 *   route ─▶ who calls ─▶ policy ─▶ limits ─▶ path, query, body as the document says ─▶ handler ─▶ answer
 *                                                                                         │
 *                                               api_continue() ◀── resume() ◀── parked ◀──┘
 *
 * (1) A call that is parked is touched by nobody until resume() was called.
 * (2) A handler's batch is over when it has answered: what was left open is rolled back.
 */
#include <jansson.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "api/access.h"
#include "api/check.h"
#include "api/idempotency.h"
#include "api/limits.h"
#include "api/park.h"
#include "api/reply.h"
#include "api/room.h"
#include "api/routes.h"
#include "daemon/base/log.h"

static void free_wiped(void *memory)
{
	if (memory)
		explicit_bzero(memory, malloc_usable_size(memory));
	free(memory);
}

void api_init_memory(void)
{
	json_set_alloc_funcs(malloc, free_wiped);
}

enum err api_init(struct note *why)
{
	api_init_memory();
	return openapi_init(why);
}

/* ---- before the handler ---- */

static bool find_operation(struct api_call *c)
{
	char allow[ROUTE_ALLOW_MAX];

	if (routes_find(c->request->method, c->request->path, &c->operation, c->args, allow)) {
		c->response->operation = routes[c->operation].name;
		return true;
	}
	if (allow[0]) {
		call_reply_problem(c, 405, "method_not_allowed", NULL, "the resource takes %s", allow);
		call_header(c, "Allow", span_str(allow));
	} else {
		call_reply_problem(c, 404, "no_such_resource", NULL, "there is no such resource");
	}
	return false;
}

static bool is_running(struct api_call *c)
{
	unsigned flags = route_flags(c->operation);
	const struct api_context *here = c->context;

	if ((!(flags & ROUTE_RUNNING) || (here->queue && here->store)) && (!(flags & ROUTE_TRACE) || here->trace) && (!(flags & ROUTE_EVENTS) || here->events) && (!(flags & ROUTE_WEBHOOKS) || here->webhooks) &&
	    (!(flags & ROUTE_RELAY) || here->relay))
		return true;
	call_reply_problem(c, 503, "not_running", NULL, "this needs the running daemon");
	return false;
}

/* Long bodies take a multiple of their size while they are read: so many bytes at once, or one. */
#define UPLOADS_MAX (2u * API_UPLOAD_MAX)
static _Atomic uint64_t mapped_bytes;

/* The file is ours and unlinked: nobody cuts it while it is mapped. */
static bool may_map(struct api_call *c, uint64_t size)
{
	uint64_t before = atomic_fetch_add(&mapped_bytes, size);

	c->mapped_bytes = size;
	if (before == 0 || before + size <= UPLOADS_MAX)
		return true;
	call_reply_problem(c, 503, "busy", NULL, "other long requests are at work: try again");
	reply_retry_after(c, 2);
	return false;
}

static bool map_upload(struct api_call *c)
{
	const struct api_request *q = c->request;
	void *bytes;

	if (!(route_flags(c->operation) & ROUTE_UPLOAD))
		return true;
	if (q->upload_fd < 0 || q->upload_size == 0) {
		c->upload = q->body;
		return true;
	}
	if (!may_map(c, q->upload_size))
		return false;
	bytes = q->upload_size > API_UPLOAD_MAX ? MAP_FAILED : mmap(NULL, (size_t)q->upload_size, PROT_READ, MAP_PRIVATE, q->upload_fd, 0);
	if (bytes == MAP_FAILED) {
		call_reply_error(c, ERR_TEMP, NULL);
		return false;
	}
	c->upload = span_make(bytes, (size_t)q->upload_size);
	return true;
}

static bool is_prepared(struct api_call *c)
{
	return find_operation(c) && access_identify(c) && limits_take(c, false) && access_judge(c) && check_target(c) && is_running(c) && map_upload(c) && check_body(c) && idempotency_enter(c);
}

/* ---- its life ---- */

static void end_call(struct api_call **call)
{
	struct api_call *c = *call;

	idempotency_leave(c);
	json_decref(c->body);
	if (c->room > 0)
		room_give_back(c->room);
	if (c->upload.len > 0 && c->upload.ptr != c->request->body.ptr)
		munmap((void *)(uintptr_t)c->upload.ptr, c->upload.len);
	atomic_fetch_sub(&mapped_bytes, c->mapped_bytes);
	arena_clear(&c->arena);
	free(c);
	*call = NULL;
}

/* Runs handlers until one has answered, or has to wait. */
static enum api_progress run(struct api_call **call, void (*handler)(struct api_call *c))
{
	struct api_call *c = *call;

	do {
		c->then = NULL;
		handler(c);
		if (park_waits(c))
			return API_PARKED;
		if (c->open) { /* a handler's slip */
			log_event(LOG_ERROR, "api", "batch_left_open", "operation=%s", routes[c->operation].name);
			call_abandon(c, ERR_TEMP, NULL);
		}
		handler = c->then;
	} while (handler);
	end_call(call);
	return API_ANSWERED;
}

enum api_progress api_dispatch(const struct api_context *context, const struct api_request *request, struct api_response *response, void (*resume)(void *resume_arg), void *resume_arg, struct api_call **parked_out)
{
	struct api_call *c = calloc(1, sizeof *c);

	*parked_out = NULL;
	if (!c) {
		response->status = 503;
		response->content_type = NULL;
		return API_ANSWERED;
	}
	c->context = context;
	c->request = request;
	c->response = response;
	c->resume = resume;
	c->resume_arg = resume_arg;
	arena_init(&c->arena, CALL_ARENA_MAX);
	if (!is_prepared(c)) {
		end_call(&c);
		return API_ANSWERED;
	}
	*parked_out = c; /* before it may be resumed */
	return run(parked_out, routes[c->operation].run);
}

enum api_progress api_continue(struct api_call **call)
{
	return run(call, (*call)->then);
}

/* ---- for callers that wait ---- */

struct waiter {
	pthread_mutex_t lock; /* guards `resumed` */
	pthread_cond_t changed;
	bool resumed;
};

static void wake(void *arg)
{
	struct waiter *w = arg;

	pthread_mutex_lock(&w->lock);
	w->resumed = true;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

void api_run(const struct api_context *context, const struct api_request *request, struct api_response *response)
{
	struct waiter w = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false };
	struct api_call *call;
	enum api_progress progress = api_dispatch(context, request, response, wake, &w, &call);

	while (progress == API_PARKED) {
		pthread_mutex_lock(&w.lock);
		while (!w.resumed)
			pthread_cond_wait(&w.changed, &w.lock);
		w.resumed = false;
		pthread_mutex_unlock(&w.lock);
		progress = api_continue(&call);
	}
	pthread_cond_destroy(&w.changed);
	pthread_mutex_destroy(&w.lock);
}

/* ---- before the body is there ---- */

enum err api_admit(const struct api_context *context, const struct api_request *request, uint64_t body_length, uint64_t *body_max_out, bool *upload_out, struct api_response *response)
{
	struct api_call c = { .context = context, .request = request, .response = response };
	enum err e = ERR_DENIED;

	arena_init(&c.arena, CALL_ARENA_MAX);
	if (find_operation(&c) && access_identify(&c) && limits_take(&c, true) && access_judge(&c)) {
		*upload_out = (route_flags(c.operation) & ROUTE_UPLOAD) != 0;
		*body_max_out = *upload_out ? API_UPLOAD_MAX : API_BODY_MAX;
		if (body_length <= *body_max_out)
			e = ERR_OK;
		else
			call_reply_problem(&c, 413, "too_large", NULL, "the body has %llu bytes, %llu are the most here", (unsigned long long)body_length, (unsigned long long)*body_max_out);
	}
	arena_clear(&c.arena);
	return e;
}
