/* api/call.c: what all handlers need: reading a body's fields, answering. */
#include "api/call.h"

#include <jansson.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/mime/date.h"

static void free_wiped(void *memory)
{
	if (memory)
		explicit_bzero(memory, malloc_usable_size(memory));
	free(memory);
}

void api_init(void)
{
	json_set_alloc_funcs(malloc, free_wiped);
}

static bool read_strings(struct api_call *c, json_t *value, const struct body_field *f)
{
	size_t count = json_array_size(value);
	struct span *list;

	if (!json_is_array(value) || count > FIELD_STRINGS_MAX)
		return false;
	list = arena_array(&c->arena, count ? count : 1, sizeof *list);
	if (!list)
		return false;
	for (size_t i = 0; i < count; i++) {
		json_t *item = json_array_get(value, i);

		if (!json_is_string(item))
			return false;
		list[i] = span_make(json_string_value(item), json_string_length(item));
	}
	*f->strings = list;
	*f->strings_count = count;
	return true;
}

static bool read_field(struct api_call *c, json_t *value, const struct body_field *f)
{
	switch (f->kind) {
	case FIELD_STRING:
		if (!json_is_string(value))
			return false;
		*f->string = span_make(json_string_value(value), json_string_length(value));
		return true;
	case FIELD_STRINGS:
		return read_strings(c, value, f);
	case FIELD_PORT:
		if (!json_is_integer(value) || json_integer_value(value) < 1 || json_integer_value(value) > 65535)
			return false;
		*f->port = (uint16_t)json_integer_value(value);
		return true;
	case FIELD_BOOL:
		if (!json_is_boolean(value))
			return false;
		*f->boolean = json_is_true(value);
		return true;
	}
	return false;
}

static const struct body_field *field_named(const struct body_field *fields, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

bool call_read_body(struct api_call *c, const struct body_field *fields, size_t count)
{
	const char *key;
	json_t *value;

	json_object_foreach(c->body, key, value)
	{
		const struct body_field *f = field_named(fields, count, key);

		if (!f) {
			call_reply_problem(c, 422, "unknown_field", key, "there is no such field");
			return false;
		}
		if (!read_field(c, value, f)) {
			call_reply_problem(c, 422, "invalid_field", key, "the value is not of the field's type or range");
			return false;
		}
		if (f->given)
			*f->given = true;
	}
	for (size_t i = 0; i < count; i++) {
		if (fields[i].required && !json_object_get(c->body, fields[i].name)) {
			call_reply_problem(c, 422, "missing_field", fields[i].name, "the field is required");
			return false;
		}
	}
	return true;
}

static int add_to_body(const char *bytes, size_t len, void *arg)
{
	struct buf *body = arg;

	buf_add(body, span_make(bytes, len));
	return body->failed ? -1 : 0; /* jansson's callback says failure so */
}

static void put_json(struct api_call *c, int status, const char *content_type, json_t *value)
{
	struct api_response *r = c->response;

	buf_reset(&r->body);
	r->status = status;
	r->content_type = content_type;
	if (!value || json_dump_callback(value, add_to_body, &r->body, JSON_COMPACT) != 0 || r->body.failed) {
		buf_reset(&r->body);
		buf_add_str(&r->body, "{\"title\":\"Internal error\",\"status\":500,\"code\":\"internal\"}");
		r->status = 500;
		r->content_type = "application/problem+json";
	}
	buf_add_char(&r->body, '\n');
}

void call_reply_json(struct api_call *c, int status, json_t **value)
{
	put_json(c, status, "application/json", *value);
	json_decref(*value);
	*value = NULL;
}

void call_reply_empty(struct api_call *c)
{
	buf_reset(&c->response->body);
	c->response->status = 204;
	c->response->content_type = NULL;
}

void call_reply_list(struct api_call *c, json_t **list, struct span next_cursor)
{
	json_t *cursor = next_cursor.len ? json_span(next_cursor) : json_null();
	json_t *page = json_pack("{s:o, s:o}", "data", *list, "next_cursor", cursor);

	*list = NULL;
	call_reply_json(c, 200, &page);
}

static const char *status_title(int status)
{
	switch (status) {
	case 400: return "Bad request";
	case 401: return "Not authenticated";
	case 403: return "Not allowed";
	case 404: return "Not found";
	case 405: return "Method not allowed";
	case 409: return "Conflict";
	case 413: return "Too large";
	case 415: return "Unsupported media type";
	case 422: return "Not valid";
	case 503: return "Not available now";
	default: return "Internal error";
	}
}

/* RFC 6901 3: the name as a step of a pointer. */
static struct span pointer_to(struct arena *a, const char *name)
{
	char *to = arena_alloc(a, 2 * strlen(name) + 1);
	size_t len = 0;

	if (!to)
		return SPAN("");
	to[len++] = '/';
	for (; *name; name++) {
		if (*name == '~' || *name == '/') {
			to[len++] = '~';
			to[len++] = *name == '~' ? '0' : '1';
		} else {
			to[len++] = *name;
		}
	}
	return span_make(to, len);
}

void call_reply_problem(struct api_call *c, int status, const char *code, const char *pointer, const char *format, ...)
{
	char detail[400];
	va_list args;
	json_t *problem;

	va_start(args, format);
	vsnprintf(detail, sizeof detail, format, args);
	va_end(args);
	problem = json_pack("{s:s, s:i, s:s, s:o}", "title", status_title(status), "status", status, "code", code, "detail", json_span(span_str(detail)));
	if (problem && pointer) {
		struct span at = pointer_to(&c->arena, pointer);
		json_t *errors = json_pack("[{s:o, s:s, s:o}]", "pointer", json_span(at), "code", code, "detail", json_span(span_str(detail)));

		json_object_set_new(problem, "errors", errors);
	}
	put_json(c, status, "application/problem+json", problem);
	json_decref(problem);
}

void call_reply_error(struct api_call *c, enum err e, const struct note *why)
{
	static const struct {
		int status;
		const char *code, *words;
	} answers[] = {
		[ERR_OK] = { 500, "internal", "an error without a cause" },
		[ERR_SYNTAX] = { 422, "invalid", "the value is not valid" },
		[ERR_STATE] = { 409, "conflict", "this can't be done as things are" },
		[ERR_DENIED] = { 403, "not_allowed", "this is not allowed" },
		[ERR_NOT_FOUND] = { 404, "not_found", "there is no such thing" },
		[ERR_EXISTS] = { 409, "exists", "it exists already" },
		[ERR_LIMIT] = { 422, "limit", "a limit was met" },
		[ERR_TEMP] = { 503, "temporary", "a temporary failure: nothing changed, try again" },
		[ERR_CORRUPT] = { 500, "corrupt", "stored data is damaged" },
	};
	bool has_words = why && why->text[0];

	call_reply_problem(c, answers[e].status, answers[e].code, NULL, "%s", has_words ? why->text : answers[e].words);
}

json_t *json_span(struct span s)
{
	struct buf clean;
	json_t *out;

	if (s.len == 0)
		return json_string("");
	if (span_is_utf8(s))
		return json_stringn(s.ptr, s.len);
	buf_init(&clean, API_RESPONSE_MAX);
	for (size_t i = 0; i < s.len; i++) {
		if ((unsigned char)s.ptr[i] < 0x80)
			buf_add_char(&clean, s.ptr[i]);
		else
			buf_add_str(&clean, "\xEF\xBF\xBD");
	}
	out = clean.failed ? NULL : json_stringn(clean.ptr, clean.len);
	buf_clear(&clean);
	return out;
}

json_t *json_time(int64_t unix_ms)
{
	struct buf text;
	json_t *out;

	if (unix_ms == 0)
		return json_null();
	buf_init(&text, 64);
	date_write_rfc3339(unix_ms, &text);
	out = json_span(buf_span(&text));
	buf_clear(&text);
	return out;
}

json_t *json_spans(const struct span *list, size_t count)
{
	json_t *out = json_array();

	for (size_t i = 0; i < count && out; i++)
		json_array_append_new(out, json_span(list[i]));
	return out;
}
