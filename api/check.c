/* api/check.c: is the request what the document says? */
#include "api/check.h"

#include <jansson.h>

#include "api/reply.h"
#include "api/room.h"

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

static bool answer_faults(struct api_call *c, enum err e, int status, const char *code, const char *detail, const struct schema_errors *errors)
{
	if (e == ERR_SYNTAX)
		reply_faults(c, status, code, detail, errors);
	else if (e != ERR_OK)
		call_reply_error(c, e, NULL);
	return e == ERR_OK;
}

static bool check_headers(struct api_call *c)
{
	const struct {
		const char *name;
		struct span value;
	} headers[] = {
		{ "If-Match", c->request->if_match },
		{ "If-None-Match", c->request->if_none_match },
		{ "Idempotency-Key", c->request->idempotency_key },
		{ "Last-Event-ID", c->request->last_event_id },
	};
	struct schema_errors errors = { .arena = &c->arena };
	enum err e = ERR_OK;

	for (size_t i = 0; e == ERR_OK && i < sizeof headers / sizeof headers[0]; i++)
		if (headers[i].value.len > 0)
			e = openapi_check_header(c->operation, headers[i].name, headers[i].value, &errors);
	return answer_faults(c, e, 400, "bad_query", "a header field can't be read", &errors);
}

bool check_target(struct api_call *c)
{
	struct schema_errors errors = { .arena = &c->arena };
	enum err e;

	for (size_t i = 0; i < CALL_MAX_ARGS; i++) {
		if (c->args[i].len && !percent_decode(&c->arena, c->args[i], &c->args[i])) {
			call_reply_problem(c, 400, "bad_path", NULL, "a percent escape in the path is malformed");
			return false;
		}
	}
	if (!openapi_args_fit(c->operation, c->args)) {
		call_reply_error(c, ERR_NOT_FOUND, NULL);
		return false;
	}
	e = openapi_read_query(c->operation, c->request->query, &c->arena, &c->query, &errors);
	if (!answer_faults(c, e, 400, "bad_query", "the query can't be read", &errors))
		return false;
	c->dry_run = call_query_flag(c, "dry_run");
	return check_headers(c);
}

/* Without parameters (RFC 9110 8.3.1): they change nothing. */
static struct span essence_of(struct span type)
{
	struct span rest = type, essence;

	return span_split(&rest, ';', &essence) ? span_trim(essence) : SPAN("");
}

/* Nothing said counts as JSON. */
static bool is_json(struct span essence)
{
	return essence.len == 0 || span_iequals(essence, SPAN("application/json")) || span_iequals(essence, SPAN("application/merge-patch+json"));
}

/* A megabyte of "[],[],[]" would take a hundred of memory, from anybody who may call at all. */
static bool has_room(struct api_call *c, struct span text)
{
	const bool shared = c->upload.len > 0;
	const uint64_t bytes = room_of_json(text);

	if (bytes > (shared ? ROOM_SHARED_MAX : ROOM_SHORT_MAX)) {
		call_reply_problem(c, 413, "too_large", NULL, "the body holds more values than can be read at once: send it in parts");
		return false;
	}
	if (!shared)
		return true;
	if (room_take(bytes)) {
		c->room = bytes;
		return true;
	}
	call_reply_problem(c, 503, "busy", NULL, "other long requests are at work: try again");
	reply_retry_after(c, 10);
	return false;
}

static bool load_body(struct api_call *c, struct span text)
{
	struct schema_errors errors = { .arena = &c->arena };
	json_error_t error;
	enum err e;

	if (!has_room(c, text))
		return false;
	c->body = json_loadb(text.ptr ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES, &error);
	if (!c->body) {
		call_reply_problem(c, 400, "bad_json", NULL, "the body is not JSON: %s", error.text);
		return false;
	}
	if (!json_is_object(c->body)) {
		call_reply_problem(c, 400, "bad_json", NULL, "the body has to be a JSON object, and is another value");
		return false;
	}
	e = openapi_check_body(c->operation, c->body, &errors);
	return answer_faults(c, e, 422, "invalid", "fields of the body are not valid", &errors);
}

bool check_body(struct api_call *c)
{
	struct span essence = essence_of(c->request->content_type), text = c->upload.len ? c->upload : c->request->body;
	enum openapi_body kind;

	kind = openapi_body(c->operation);
	if (kind == BODY_NONE)
		return true;
	if (!openapi_takes_type(c->operation, is_json(essence) ? SPAN("application/json") : essence)) {
		struct span types = openapi_types(c->operation, &c->arena);

		call_reply_problem(c, 415, "not_json", NULL, "the body is of a media type that is not taken here: send %.*s", (int)types.len, types.ptr);
		return false;
	}
	if (text.len == 0 && !openapi_body_required(c->operation))
		return true;
	return !is_json(essence) || load_body(c, text);
}
