/* api/dispatch.c: from method and path to a handler.
 *
 * The route table is the law: method, path, who may call, whether a JSON body is read. A handler starts where that holds.
 */
#include <jansson.h>
#include <stdio.h>

#include "api/call.h"
#include "api/resources.h"

enum route_flags {
	ROUTE_BODY = 1,    /* a JSON object is read */
	ROUTE_RUNNING = 2, /* needs the running daemon's parts (queue, store) */
};

static const struct route {
	const char *method, *path; /* {} stands for one segment; ":verb" ends the last */
	unsigned flags;
	void (*run)(struct api_call *c);
} routes[] = {
	{ "GET", "/api/v1/status", ROUTE_RUNNING, api_status_get },
	{ "POST", "/api/v1/setup", ROUTE_BODY, api_setup_post },
	{ "GET", "/api/v1/domains", 0, api_domains_list },
	{ "POST", "/api/v1/domains", ROUTE_BODY, api_domains_add },
	{ "DELETE", "/api/v1/domains/{}", 0, api_domains_remove },
	{ "GET", "/api/v1/users", 0, api_users_list },
	{ "POST", "/api/v1/users", ROUTE_BODY, api_users_add },
	{ "PATCH", "/api/v1/users/{}", ROUTE_BODY, api_users_change },
	{ "PUT", "/api/v1/users/{}/password", ROUTE_BODY, api_users_password },
	{ "DELETE", "/api/v1/users/{}", ROUTE_RUNNING, api_users_remove },
	{ "GET", "/api/v1/aliases", 0, api_aliases_list },
	{ "POST", "/api/v1/aliases", ROUTE_BODY, api_aliases_add },
	{ "DELETE", "/api/v1/aliases/{}", 0, api_aliases_remove },
	{ "GET", "/api/v1/relays", 0, api_relays_list },
	{ "PUT", "/api/v1/relays/{}", ROUTE_BODY, api_relays_set },
	{ "DELETE", "/api/v1/relays/{}", 0, api_relays_remove },
	{ "GET", "/api/v1/queue", ROUTE_RUNNING, api_queue_list },
	{ "GET", "/api/v1/queue/{}", ROUTE_RUNNING, api_queue_get },
	{ "POST", "/api/v1/queue/{}:retry", ROUTE_RUNNING, api_queue_retry },
	{ "DELETE", "/api/v1/queue/{}", ROUTE_RUNNING, api_queue_remove },
};

/* RFC 3986 2.1; a malformed escape or a NUL is refused. */
static bool percent_decode(struct arena *a, struct span in, struct span *out)
{
	char *to = arena_alloc(a, in.len);
	size_t len = 0;

	if (!to)
		return false;
	for (size_t i = 0; i < in.len; i++) {
		unsigned value = 0;

		if (in.ptr[i] != '%') {
			to[len++] = in.ptr[i];
			continue;
		}
		for (int digit = 0; digit < 2; digit++) {
			char c = ++i < in.len ? ascii_lower(in.ptr[i]) : '?';

			if (!ascii_is_digit(c) && !(c >= 'a' && c <= 'f'))
				return false;
			value = value * 16 + (unsigned)(ascii_is_digit(c) ? c - '0' : c - 'a' + 10);
		}
		if (value == 0)
			return false;
		to[len++] = (char)value;
	}
	*out = span_make(to, len);
	return true;
}

/* Matches segment by segment; what {} covered comes raw in args. */
static bool path_matches(const char *pattern, struct span path, struct span args[CALL_MAX_ARGS])
{
	struct span pattern_rest = span_str(pattern), path_rest = path, want, got;
	size_t count = 0;

	while (span_split(&pattern_rest, '/', &want)) {
		struct span verb;

		if (!span_split(&path_rest, '/', &got))
			return false;
		if (!span_starts(want, SPAN("{}"))) {
			if (!span_equals(want, got))
				return false;
			continue;
		}
		verb = span_skip(want, 2);
		if (!span_ends(got, verb) || got.len <= verb.len || count == CALL_MAX_ARGS)
			return false;
		args[count++] = span_take(got, got.len - verb.len);
	}
	return !span_split(&path_rest, '/', &got);
}

static bool may_call(struct api_call *c)
{
	switch (c->request->caller) {
	case API_LOCAL_OWNER: return true;
	case API_NOBODY: break;
	}
	call_reply_problem(c, 401, "not_authenticated", NULL, "the API is open to the local administrator on the admin socket");
	return false;
}

/* Nothing said counts as JSON. Parameters (RFC 9110 8.3.1) change nothing. */
static bool is_json(struct span type)
{
	struct span rest = type, essence;

	if (!span_split(&rest, ';', &essence))
		return true;
	essence = span_trim(essence);
	return essence.len == 0 || span_iequals(essence, SPAN("application/json")) || span_iequals(essence, SPAN("application/merge-patch+json"));
}

static bool read_body(struct api_call *c)
{
	struct span text = c->request->body;
	json_error_t error;

	if (!is_json(c->request->content_type)) {
		call_reply_problem(c, 415, "not_json", NULL, "send application/json");
		return false;
	}
	c->body = json_loadb(text.ptr ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES, &error);
	if (!c->body || !json_is_object(c->body)) {
		call_reply_problem(c, 400, "bad_json", NULL, "the body is not a JSON object: %s", c->body ? "another value" : error.text);
		return false;
	}
	return true;
}

static void run_route(struct api_call *c, const struct route *route)
{
	for (size_t i = 0; i < CALL_MAX_ARGS; i++) {
		if (c->args[i].len && !percent_decode(&c->arena, c->args[i], &c->args[i])) {
			call_reply_problem(c, 400, "bad_path", NULL, "a percent escape in the path is malformed");
			return;
		}
	}
	if ((route->flags & ROUTE_RUNNING) && !c->context->queue) {
		call_reply_problem(c, 503, "not_running", NULL, "this needs the running daemon");
		return;
	}
	if ((route->flags & ROUTE_BODY) && !read_body(c))
		return;
	route->run(c);
}

/* RFC 9110 15.5.6: a 405 says what is allowed. */
static void allow(struct api_response *r, const char *method)
{
	size_t len = strlen(r->allow);

	snprintf(r->allow + len, sizeof r->allow - len, "%s%s%s", len ? ", " : "", method, strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

static const struct route *find_route(struct api_call *c)
{
	for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
		struct span args[CALL_MAX_ARGS] = { { NULL, 0 } };

		if (!path_matches(routes[i].path, c->request->path, args))
			continue;
		if (span_equals(c->request->method, span_str(routes[i].method))) {
			memcpy(c->args, args, sizeof args);
			c->response->allow[0] = '\0';
			return &routes[i];
		}
		allow(c->response, routes[i].method);
	}
	return NULL;
}

void api_dispatch(const struct api_context *context, const struct api_request *request, struct api_response *response)
{
	struct api_call call = { .context = context, .request = request, .response = response };
	const struct route *route;

	arena_init(&call.arena, CALL_ARENA_MAX);
	response->allow[0] = '\0';
	if (may_call(&call)) {
		route = find_route(&call);
		if (route)
			run_route(&call, route);
		else if (response->allow[0])
			call_reply_problem(&call, 405, "method_not_allowed", NULL, "the resource takes %s", response->allow);
		else
			call_reply_problem(&call, 404, "no_such_resource", NULL, "there is no such resource");
	}
	json_decref(call.body);
	arena_clear(&call.arena);
}
