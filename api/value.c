/* api/value.c: JSON values: made of spans and times, written as text, and the fields of a body. */
#include "api/value.h"

#include <jansson.h>

#include "api/call.h"
#include "daemon/mime/date.h"

static int add_to_buf(const char *bytes, size_t len, void *arg)
{
	struct buf *out = arg;

	buf_add(out, span_make(bytes, len));
	return out->failed ? -1 : 0; /* jansson's callback says failure so */
}

bool json_write(const struct json_t *value, struct buf *out)
{
	return value && json_dump_callback(value, add_to_buf, out, JSON_COMPACT | JSON_ENCODE_ANY) == 0 && !out->failed;
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

json_t *json_span_or_null(struct span s)
{
	return s.len ? json_span(s) : json_null();
}

json_t *json_spans(const struct span *list, size_t count)
{
	json_t *out = json_array();

	for (size_t i = 0; i < count && out; i++)
		json_array_append_new(out, json_span(list[i]));
	return out;
}

/* ---- fields of the body ---- */

static struct span text_of(const json_t *value)
{
	return json_is_string(value) ? span_make(json_string_value(value), json_string_length(value)) : SPAN("");
}

struct span body_text(struct api_call *c, const char *field)
{
	return text_of(json_object_get(c->body, field));
}

bool body_has(struct api_call *c, const char *field)
{
	const json_t *value = json_object_get(c->body, field);

	return value && !json_is_null(value);
}

bool body_is_null(struct api_call *c, const char *field)
{
	return json_is_null(json_object_get(c->body, field));
}

bool body_flag(struct api_call *c, const char *field)
{
	return json_is_true(json_object_get(c->body, field));
}

int64_t body_number(struct api_call *c, const char *field)
{
	return (int64_t)json_integer_value(json_object_get(c->body, field));
}

int64_t body_time(struct api_call *c, const char *field)
{
	int64_t unix_ms = 0;

	return date_parse_rfc3339(body_text(c, field), &unix_ms) == ERR_OK ? unix_ms : 0;
}

const struct span *body_texts(struct api_call *c, const char *field, size_t *count_out)
{
	const json_t *value = json_object_get(c->body, field);
	size_t count = json_array_size(value);
	struct span *list = arena_array(&c->arena, count ? count : 1, sizeof *list);

	*count_out = list ? count : 0;
	for (size_t i = 0; i < *count_out; i++)
		list[i] = text_of(json_array_get(value, i));
	return list;
}
