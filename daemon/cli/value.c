/* cli/value.c: values of arguments: what they may be, and where they go. */
#include "daemon/cli/value.h"

#include <jansson.h>

#include "daemon/base/clock.h"
#include "daemon/cli/input.h"
#include "daemon/mime/date.h"

#define TEXT_FILE_MAX (1024u * 1024u) /* of a file that becomes a field */
#define FIELD_MAX 64

void value_escape(struct buf *out, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (ascii_is_alpha(c) || ascii_is_digit(c) || (c && strchr("-._~@", c)))
			buf_add_char(out, c);
		else
			buf_addf(out, "%%%02X", (unsigned)(unsigned char)c);
	}
}

static enum err bad(struct note *why, const struct argument *g, const char *what, const char *word)
{
	note_set(why, "%s: %s: '%.40s'", g->name, what, word);
	return ERR_SYNTAX;
}

static bool is_choice(const char *choices, const char *word)
{
	struct span rest = span_str(choices), choice;

	while (span_split(&rest, ' ', &choice))
		if (span_equals(choice, span_str(word)))
			return true;
	return false;
}

/* "90d": seconds, minutes, hours, days or weeks. False: not of that form. */
static bool read_period(const char *word, int64_t *ms_out)
{
	static const struct {
		char unit;
		int64_t ms;
	} units[] = { { 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 }, { 'd', 86400000 }, { 'w', 604800000 } };
	struct span text = span_str(word);
	uint64_t count;

	if (text.len < 2 || span_to_u64(span_take(text, text.len - 1), 1000000, &count) != ERR_OK)
		return false;
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		if (units[i].unit == text.ptr[text.len - 1]) {
			*ms_out = (int64_t)count * units[i].ms;
			return true;
		}
	}
	return false;
}

/* RFC 3339, UTC. */
static enum err read_time(const struct argument *g, const char *word, struct buf *out, struct note *why)
{
	struct span text = span_str(word);
	int64_t period, at;

	if (read_period(word, &period)) {
		date_write_rfc3339(clock_real_ms() + (g->kind == ARGUMENT_AHEAD ? period : -period), out);
		return ERR_OK;
	}
	buf_add(out, text);
	if (text.len == 10)
		buf_add_str(out, "T00:00:00Z");
	if (date_parse_rfc3339(buf_span(out), &at) == ERR_OK)
		return ERR_OK;
	return bad(why, g, "a time is 2027-01-31, 2027-01-31T12:00:00Z, or a period like 90d, 12h, 30m", word);
}

/* The object that a dotted field leads into, made on the way; *name_out is its last part. */
static json_t *object_of(json_t *body, const char *field, const char **name_out)
{
	char part[FIELD_MAX];
	const char *dot;

	while ((dot = strchr(field, '.'))) {
		json_t *inner;

		snprintf(part, sizeof part, "%.*s", (int)(dot - field), field);
		inner = json_object_get(body, part);
		if (!inner) {
			inner = json_object();
			json_object_set_new(body, part, inner);
		}
		body = inner;
		field = dot + 1;
	}
	*name_out = field;
	return body;
}

/* Takes the value. */
static enum err set_field(struct arguments *a, const struct argument *g, json_t *value, struct note *why)
{
	const char *name;
	json_t *object;

	if (!a->body)
		a->body = json_object();
	object = object_of(a->body, g->field, &name);
	if (json_object_set_new(object, name, value) == 0)
		return ERR_OK;
	note_set(why, "%s: not UTF-8 text", g->name);
	return ERR_SYNTAX;
}

/* Words with commas between, behind those that are there already. */
static enum err add_to_list(struct arguments *a, const struct argument *g, const char *word, struct note *why)
{
	struct span rest = span_str(word), item;
	const char *name;
	json_t *object, *list;

	if (!a->body)
		a->body = json_object();
	object = object_of(a->body, g->field, &name);
	list = json_object_get(object, name);
	if (!list) {
		list = json_array();
		json_object_set_new(object, name, list);
	}
	while (span_split(&rest, ',', &item)) {
		struct span trimmed = span_trim(item);

		if (trimmed.len > 0 && json_array_append_new(list, json_stringn(trimmed.ptr, trimmed.len)) != 0) {
			note_set(why, "%s: not UTF-8 text", g->name);
			return ERR_SYNTAX;
		}
	}
	return ERR_OK;
}

/* Bytes. */
static enum err read_size(const struct argument *g, const char *word, uint64_t *out, struct note *why)
{
	static const char units[] = "KMGT";
	struct span text = span_str(word);
	const char *unit = text.len > 0 ? strchr(units, ascii_upper(text.ptr[text.len - 1])) : NULL;
	unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;

	if (span_to_u64(span_take(text, text.len - (unit != NULL)), (uint64_t)INT64_MAX >> shift, out) != ERR_OK)
		return bad(why, g, "a size is a number of bytes, or like 512K, 20M, 2G, 1T", word);
	*out <<= shift;
	return ERR_OK;
}

static enum err read_number(const struct argument *g, const char *word, uint64_t *out, struct note *why)
{
	struct span text = span_str(word);
	uint64_t max = g->kind == ARGUMENT_PORT ? 65535 : INT64_MAX;

	if (g->kind == ARGUMENT_SIZE)
		return read_size(g, word, out, why);
	if (span_to_u64(text, max, out) != ERR_OK || (g->kind == ARGUMENT_PORT && *out == 0))
		return bad(why, g, g->kind == ARGUMENT_PORT ? "not a port" : "not a number", word);
	return ERR_OK;
}

static enum err set_file(struct arguments *a, const struct argument *g, const char *path, struct note *why)
{
	struct buf text;
	enum err e;

	if (strcmp(path, "-") == 0 && a->stdin_taken)
		return bad(why, g, "standard input is read already", path);
	a->stdin_taken |= strcmp(path, "-") == 0;
	buf_init(&text, TEXT_FILE_MAX + 65536);
	e = input_file(path, &text, why);
	if (e == ERR_OK)
		e = set_field(a, g, json_stringn(text.ptr ? text.ptr : "", text.len), why);
	buf_wipe(&text);
	return e;
}

static enum err set_time(struct arguments *a, const struct argument *g, const char *word, struct note *why)
{
	struct buf time;
	enum err e;

	buf_init(&time, 64);
	e = read_time(g, word, &time, why);
	if (e == ERR_OK)
		e = set_field(a, g, json_stringn(time.ptr, time.len), why);
	buf_clear(&time);
	return e;
}

static enum err put_in_body(struct arguments *a, const struct argument *g, const char *word, struct note *why)
{
	uint64_t number = 0;
	enum err e = ERR_OK;

	switch (g->kind) {
	case ARGUMENT_TEXT:
	case ARGUMENT_PASSWORD: return set_field(a, g, json_string(word), why);
	case ARGUMENT_NUMBER:
	case ARGUMENT_PORT:
	case ARGUMENT_SIZE:
		e = read_number(g, word, &number, why);
		return e == ERR_OK ? set_field(a, g, json_integer((json_int_t)number), why) : e;
	case ARGUMENT_YES_NO:
		if (strcmp(word, "yes") != 0 && strcmp(word, "no") != 0)
			return bad(why, g, "yes or no, not", word);
		return set_field(a, g, json_boolean(strcmp(word, "yes") == 0), why);
	case ARGUMENT_FLAG: return set_field(a, g, json_true(), why);
	case ARGUMENT_LIST: return add_to_list(a, g, word, why);
	case ARGUMENT_FILE: return set_file(a, g, word, why);
	case ARGUMENT_AHEAD:
	case ARGUMENT_AGO: return set_time(a, g, word, why);
	}
	return e;
}

static enum err put_in_query(struct arguments *a, const struct argument *g, const char *word, struct note *why)
{
	struct buf time;
	uint64_t number;
	enum err e = ERR_OK;

	if (g->kind == ARGUMENT_NUMBER)
		e = read_number(g, word, &number, why);
	if (g->kind == ARGUMENT_YES_NO && strcmp(word, "yes") != 0 && strcmp(word, "no") != 0)
		return bad(why, g, "yes or no, not", word);
	if (e != ERR_OK)
		return e;
	if (g->kind == ARGUMENT_AHEAD || g->kind == ARGUMENT_AGO) {
		buf_init(&time, 64);
		e = read_time(g, word, &time, why);
		if (e == ERR_OK)
			arguments_add_query(a, g->field, buf_span(&time));
		buf_clear(&time);
		return e;
	}
	if (g->kind == ARGUMENT_FLAG)
		word = "true";
	else if (g->kind == ARGUMENT_YES_NO)
		word = strcmp(word, "yes") == 0 ? "true" : "false";
	arguments_add_query(a, g->field, span_str(word));
	return a->query.failed ? bad(why, g, "too long", word) : ERR_OK;
}

enum err value_put(struct arguments *a, const struct argument *g, const char *word, struct note *why)
{
	if (!word)
		word = ""; /* of a flag */
	else if (g->choices && !is_choice(g->choices, word)) {
		note_set(why, "%s is one of: %s; not '%.40s'", g->name, g->choices, word);
		return ERR_SYNTAX;
	}
	switch (g->place) {
	case PLACE_BODY: return put_in_body(a, g, word, why);
	case PLACE_QUERY: return put_in_query(a, g, word, why);
	case PLACE_PATH:
		if (a->hole_count == ARGUMENTS_MAX_HOLES || word[0] == '\0')
			return bad(why, g, "not a name", word);
		a->holes[a->hole_count++] = span_str(word);
		return ERR_OK;
	case PLACE_HAND: break;
	}
	return ERR_OK;
}
