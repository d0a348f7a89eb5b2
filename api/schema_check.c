/* api/schema_check.c: a walk down value and schema; the way down is a list on the stack, written out as a pointer when something is wrong.
 *
 * The walk ends at SCHEMA_DEPTH_MAX and with the last error that fits: what a hostile body costs is bounded by its size.
 */
#include "api/schema_check.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>

#include "daemon/mime/date.h"

#define SHOWN_MAX 100u /* bytes of a name from outside that an error repeats */
#define DETAIL_MAX 400u

struct step {
	const struct step *up; /* null: the root, whose name is what pointers begin with */
	struct span name;
	size_t index; /* where name.ptr is null */
	unsigned depth;
};

/* RFC 6901 3. Never cuts a character in two. */
static void add_name(struct buf *to, struct span name)
{
	struct span rest = span_take(name, SHOWN_MAX);

	while (rest.len > 0 && !span_is_utf8(rest))
		rest.len--;
	for (size_t i = 0; i < rest.len; i++) {
		if (rest.ptr[i] == '~')
			buf_add_str(to, "~0");
		else if (rest.ptr[i] == '/')
			buf_add_str(to, "~1");
		else
			buf_add_char(to, rest.ptr[i]);
	}
}

static struct span pointer_to(struct arena *a, const struct step *at)
{
	const struct step *way[SCHEMA_DEPTH_MAX + 2];
	struct buf text;
	struct span out;
	size_t count = 0;

	buf_init(&text, sizeof way / sizeof way[0] * (2 * SHOWN_MAX + 1));
	for (; at && count < sizeof way / sizeof way[0]; at = at->up)
		way[count++] = at;
	while (count-- > 0) {
		if (way[count]->up)
			buf_add_char(&text, '/');
		if (way[count]->name.ptr)
			add_name(&text, way[count]->name);
		else
			buf_addf(&text, "%zu", way[count]->index);
	}
	out = text.len ? arena_copy(a, buf_span(&text)) : SPAN("");
	buf_clear(&text);
	return out;
}

static void PRINTF_LIKE(4, 0) fail_va(struct schema_errors *errors, struct span pointer, const char *code, const char *format, va_list args)
{
	char detail[DETAIL_MAX];

	if (errors->count == SCHEMA_ERRORS_MAX)
		return;
	vsnprintf(detail, sizeof detail, format, args);
	errors->list[errors->count].pointer = pointer;
	errors->list[errors->count].code = code;
	errors->list[errors->count].detail = arena_copy(errors->arena, span_str(detail));
	errors->count++;
}

void schema_fail(struct schema_errors *errors, struct span pointer, const char *code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fail_va(errors, arena_copy(errors->arena, pointer), code, format, args);
	va_end(args);
}

static void PRINTF_LIKE(4, 5) fail(struct schema_errors *errors, const struct step *at, const char *code, const char *format, ...)
{
	va_list args;

	if (errors->count == SCHEMA_ERRORS_MAX)
		return;
	va_start(args, format);
	fail_va(errors, pointer_to(errors->arena, at), code, format, args);
	va_end(args);
}

static unsigned type_of(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT: return SCHEMA_OBJECT;
	case JSON_ARRAY: return SCHEMA_ARRAY;
	case JSON_STRING: return SCHEMA_STRING;
	case JSON_INTEGER: return SCHEMA_INTEGER;
	case JSON_REAL: return SCHEMA_NUMBER;
	case JSON_TRUE:
	case JSON_FALSE: return SCHEMA_BOOLEAN;
	case JSON_NULL: return SCHEMA_NULL;
	}
	return 0;
}

static void fail_type(struct schema_errors *errors, const struct step *at, unsigned types)
{
	static const struct {
		unsigned bit;
		const char *name;
	} names[] = { { SCHEMA_STRING, "a string" }, { SCHEMA_INTEGER, "an integer" }, { SCHEMA_NUMBER, "a number" }, { SCHEMA_BOOLEAN, "a boolean" }, { SCHEMA_ARRAY, "a list" }, { SCHEMA_OBJECT, "an object" }, { SCHEMA_NULL, "null" } };
	char words[100] = "";
	size_t len = 0;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (types & names[i].bit)
			len += (size_t)snprintf(words + len, sizeof words - len, "%s%s", len ? " or " : "", names[i].name);
	fail(errors, at, "wrong_type", "this has to be %s", words);
}

static void fail_choice(struct schema_errors *errors, const struct step *at, const json_t *choices)
{
	char words[DETAIL_MAX - 50] = "";
	size_t len = 0;

	for (size_t i = 0; i < json_array_size(choices) && len < sizeof words; i++) {
		char *text = json_dumps(json_array_get(choices, i), JSON_ENCODE_ANY);

		len += (size_t)snprintf(words + len, sizeof words - len, "%s%s", len ? ", " : "", text ? text : "");
		free(text);
	}
	fail(errors, at, "not_allowed_value", "one of these is allowed: %s", words);
}

static void check_choices(const struct schema *s, const json_t *value, const struct step *at, struct schema_errors *errors)
{
	bool fits = s->choices == NULL;

	for (size_t i = 0; i < json_array_size(s->choices) && !fits; i++)
		fits = json_equal(json_array_get(s->choices, i), value);
	if (!fits)
		fail_choice(errors, at, s->choices);
	if (s->constant && !json_equal(s->constant, value))
		fail(errors, at, "not_allowed_value", "this has one value only");
}

/* Characters, not bytes. */
static size_t length_of(struct span text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		count += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
	return count;
}

static void check_string(const struct schema *s, struct span text, const struct step *at, struct schema_errors *errors)
{
	size_t length = length_of(text);
	int64_t time;

	if (length < s->min_length)
		fail(errors, at, "too_short", s->min_length == 1 ? "this may not be empty" : "this needs at least %zu characters", s->min_length);
	else if (length > s->max_length)
		fail(errors, at, "too_long", "this may have at most %zu characters", s->max_length);
	else if (s->format == FORMAT_DATE_TIME && date_parse_rfc3339(text, &time) != ERR_OK)
		fail(errors, at, "bad_format", "this has to be a time like 2026-11-22T06:50:54Z");
}

static void check_number(const struct schema *s, const json_t *value, const struct step *at, struct schema_errors *errors)
{
	bool below, above;

	if (json_is_integer(value)) {
		below = s->has_minimum && json_integer_value(value) < s->minimum;
		above = s->has_maximum && json_integer_value(value) > s->maximum;
	} else {
		below = s->has_minimum && json_real_value(value) < (double)s->minimum;
		above = s->has_maximum && json_real_value(value) > (double)s->maximum;
	}
	if (below)
		fail(errors, at, "too_small", "at least %lld", (long long)s->minimum);
	if (above)
		fail(errors, at, "too_big", "at most %lld", (long long)s->maximum);
}

static void check(const struct schema *s, json_t *value, const struct step *at, struct schema_errors *errors);

static bool is_first_of_its_kind(const json_t *list, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (json_equal(json_array_get(list, i), json_array_get(list, index)))
			return false;
	return true;
}

static void check_array(const struct schema *s, const json_t *value, const struct step *at, struct schema_errors *errors)
{
	size_t count = json_array_size(value);

	if (count < s->min_items)
		fail(errors, at, "too_few", "this needs at least %zu", s->min_items);
	if (count > s->max_items) {
		fail(errors, at, "too_many", "at most %zu are allowed", s->max_items);
		return;
	}
	for (size_t i = 0; i < count && s->items && errors->count < SCHEMA_ERRORS_MAX; i++) {
		struct step below = { .up = at, .index = i, .depth = at->depth + 1 };

		check(s->items, json_array_get(value, i), &below, errors);
		if (s->unique && !is_first_of_its_kind(value, i))
			fail(errors, &below, "duplicate", "this stands here twice");
	}
}

static void check_field(const struct schema *s, struct span name, json_t *value, const struct step *at, struct schema_errors *errors)
{
	const struct schema_field *field = schema_field(s, name);
	struct step below = { .up = at, .name = name, .depth = at->depth + 1 };

	if (field && field->schema->read_only)
		fail(errors, &below, "read_only", "this cannot be set");
	else if (field)
		check(field->schema, value, &below, errors);
	else if (s->others)
		check(s->others, value, &below, errors);
	else if (s->closed)
		fail(errors, &below, "unknown_field", "there is no such field");
}

static void check_object(const struct schema *s, json_t *value, const struct step *at, struct schema_errors *errors)
{
	/* An empty schema takes anything. */
	bool is_free = s->types == SCHEMA_ANY && !s->fields && !s->others;

	for (void *i = json_object_iter(value); i && !is_free && errors->count < SCHEMA_ERRORS_MAX; i = json_object_iter_next(value, i))
		check_field(s, span_make(json_object_iter_key(i), json_object_iter_key_len(i)), json_object_iter_value(i), at, errors);
	for (size_t i = 0; s->fields && i < s->field_count; i++) {
		const struct schema_field *field = &s->fields[i];
		struct step below = { .up = at, .name = field->name, .depth = at->depth + 1 };

		if (field->required && !field->schema->read_only && !json_object_getn(value, field->name.ptr, field->name.len))
			fail(errors, &below, "missing_field", "this field is required");
	}
}

static void check(const struct schema *s, json_t *value, const struct step *at, struct schema_errors *errors)
{
	unsigned type = type_of(value);

	if (at->depth > SCHEMA_DEPTH_MAX) {
		fail(errors, at, "too_deep", "nested too deeply");
		return;
	}
	if (!(s->types & type)) {
		fail_type(errors, at, s->types);
		return;
	}
	check_choices(s, value, at, errors);
	if (type == SCHEMA_STRING)
		check_string(s, span_make(json_string_value(value), json_string_length(value)), at, errors);
	else if (type == SCHEMA_INTEGER || type == SCHEMA_NUMBER)
		check_number(s, value, at, errors);
	else if (type == SCHEMA_ARRAY)
		check_array(s, value, at, errors);
	else if (type == SCHEMA_OBJECT)
		check_object(s, value, at, errors);
}

static enum err outcome(const struct schema_errors *errors, size_t before)
{
	if (errors->arena->failed)
		return ERR_TEMP;
	return errors->count == before ? ERR_OK : ERR_SYNTAX;
}

enum err schema_check(const struct schema *s, const json_t *value, struct schema_errors *errors)
{
	struct step root = { .name = SPAN("") };
	size_t before = errors->count;

	check(s, (json_t *)value, &root, errors); /* reads only: jansson's iterators want it so */
	return outcome(errors, before);
}

/* ---- text ---- */

static json_t *read_integer(struct span text)
{
	bool negative = text.len > 0 && text.ptr[0] == '-';
	uint64_t number;

	if (span_to_u64(span_skip(text, negative), INT64_MAX, &number) != ERR_OK)
		return NULL;
	return json_integer(negative ? -(json_int_t)number : (json_int_t)number);
}

static json_t *read_boolean(struct span text)
{
	bool yes = span_equals(text, SPAN("true")) || span_equals(text, SPAN("1"));

	return yes || span_equals(text, SPAN("false")) || span_equals(text, SPAN("0")) ? json_boolean(yes) : NULL;
}

static json_t *read_text(const struct schema *s, struct span text);

static json_t *read_list(const struct schema *s, struct span text)
{
	json_t *list = json_array();
	struct span rest = text, item;

	while (list && text.len > 0 && span_split(&rest, ',', &item)) {
		if (json_array_append_new(list, read_text(s->items, item)) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* Null: the text is nothing of the kind. */
static json_t *read_text(const struct schema *s, struct span text)
{
	if (s->types == SCHEMA_ANY || (s->types & SCHEMA_STRING))
		return json_stringn(text.ptr ? text.ptr : "", text.len); /* null for what is not UTF-8 */
	if (s->types & SCHEMA_INTEGER)
		return read_integer(text);
	if (s->types & SCHEMA_BOOLEAN)
		return read_boolean(text);
	return (s->types & SCHEMA_ARRAY) ? read_list(s, text) : NULL;
}

enum err schema_check_text(const struct schema *s, struct span text, const char *name, struct schema_errors *errors)
{
	struct step root = { .name = span_str(name) };
	size_t before = errors->count;
	json_t *value = read_text(s, text);

	if (value)
		check(s, value, &root, errors);
	else if (!span_is_utf8(text))
		fail(errors, &root, "bad_format", "this is not UTF-8");
	else
		fail_type(errors, &root, s->types);
	json_decref(value);
	for (size_t i = before; i < errors->count; i++)
		errors->list[i].pointer = root.name; /* of a list's member too */
	return outcome(errors, before);
}
