/* api/pending.c: operations whose handler is still to come. Each resource takes its lines away. */
#include "api/pending.h"

#include <jansson.h>

#include "api/resources.h"

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

	if (!c->body) {
		call_reply_problem(c, 400, "bad_json", NULL, "the body is not a JSON object: it is empty");
		return false;
	}
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

#define PENDING(name)                                                                       \
	void api_##name(struct api_call *c)                                                 \
	{                                                                                   \
		call_reply_problem(c, 501, "not_there_yet", NULL, "this is still to come"); \
	}
