/* api/check.c: is the request what the document says? */
#include "api/check.h"

#include <jansson.h>

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

#define PARAMETERS_MAX 16

/* Letters and digits need no decoding. */
static bool read_query(struct api_call *c)
{
	struct span rest = c->request->query, pair;
	size_t equals;

	c->query.values = arena_array(&c->arena, PARAMETERS_MAX, sizeof *c->query.values);
	while (c->query.values && rest.len > 0 && c->query.count < PARAMETERS_MAX && span_split(&rest, '&', &pair)) {
		struct query_value *v = &c->query.values[c->query.count];

		if (!span_find_char(pair, '=', &equals) || span_cstr(&c->arena, span_take(pair, equals), &v->name) != ERR_OK)
			continue;
		v->text = span_skip(pair, equals + 1);
		v->given = true;
		c->query.count++;
	}
	return true;
}

bool check_target(struct api_call *c)
{
	for (size_t i = 0; i < CALL_MAX_ARGS; i++) {
		if (c->args[i].len && !percent_decode(&c->arena, c->args[i], &c->args[i])) {
			call_reply_problem(c, 400, "bad_path", NULL, "a percent escape in the path is malformed");
			return false;
		}
	}
	return read_query(c);
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

bool check_body(struct api_call *c)
{
	struct span text = c->request->body, method = c->request->method;
	json_error_t error;

	if (span_equals(method, SPAN("GET")) || span_equals(method, SPAN("DELETE")))
		return true;
	if (!is_json(c->request->content_type)) {
		call_reply_problem(c, 415, "not_json", NULL, "send application/json");
		return false;
	}
	if (text.len == 0)
		return true;
	c->body = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &error);
	if (!c->body || !json_is_object(c->body)) {
		call_reply_problem(c, 400, "bad_json", NULL, "the body is not a JSON object: %s", c->body ? "another value" : error.text);
		return false;
	}
	return true;
}
