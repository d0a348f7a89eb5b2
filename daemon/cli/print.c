/* cli/print.c: single answers: name and value lines for people; JSON and CSV for programs. */
#include "daemon/cli/print.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "daemon/cli/cell.h"
#include "daemon/cli/rows.h"

#define DEPTH_MAX 16

static void print_text(json_t *value)
{
	struct buf text;

	buf_init(&text, CELL_MAX);
	cell_write(&text, value);
	printf("%.*s\n", (int)text.len, text.ptr ? text.ptr : "");
	buf_clear(&text);
}

/* A text of several lines (PEM) stands below its name, a line each. */
static void print_lines(struct span text, int depth)
{
	struct span line;
	struct buf clean;

	buf_init(&clean, CELL_MAX);
	putchar('\n');
	while (text.len > 0 && span_split(&text, '\n', &line)) {
		buf_reset(&clean);
		cell_clean(&clean, line);
		printf("%*s%.*s\n", (depth + 1) * 2, "", (int)clean.len, clean.ptr ? clean.ptr : "");
	}
	buf_clear(&clean);
}

static bool has_lines(json_t *value)
{
	return json_is_string(value) && memchr(json_string_value(value), '\n', json_string_length(value));
}

static void print_name(const char *name, int depth)
{
	struct buf text;

	buf_init(&text, CELL_MAX);
	cell_clean(&text, span_str(name));
	printf("%*s%.*s:", depth * 2, "", (int)text.len, text.ptr ? text.ptr : "");
	buf_clear(&text);
}

static bool holds_objects(json_t *value)
{
	return json_is_array(value) && json_is_object(json_array_get(value, 0));
}

static void print_table(json_t *list, int depth)
{
	struct rows rows;

	if (rows_begin(&rows, OUTPUT_TABLE, NULL) != ERR_OK)
		return;
	rows.indent = (size_t)depth * 2;
	rows_add(&rows, list);
}

/* `counters`: those that count nothing yet are left out. */
static void print_object(json_t *object, int depth, bool counters)
{
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value)
	{
		if (counters && json_is_integer(value) && json_integer_value(value) == 0)
			continue;
		print_name(name, depth);
		if (json_is_object(value) && json_object_size(value) > 0 && depth < DEPTH_MAX) {
			putchar('\n');
			print_object(value, depth + 1, strcmp(name, "counters") == 0);
		} else if (holds_objects(value)) {
			putchar('\n');
			print_table(value, depth + 1);
		} else if (has_lines(value)) {
			print_lines(span_make(json_string_value(value), json_string_length(value)), depth);
		} else {
			putchar(' ');
			print_text(value);
		}
	}
}

/* ---- dry runs ---- */

static void print_difference(const char *name, json_t *before, json_t *after)
{
	struct buf text;

	if (json_equal(before, after))
		return;
	buf_init(&text, CELL_MAX);
	cell_clean(&text, span_str(name));
	buf_add_str(&text, ": ");
	cell_write(&text, before);
	buf_add_str(&text, " -> ");
	cell_write(&text, after);
	printf("    %.*s\n", (int)text.len, text.ptr ? text.ptr : "");
	buf_clear(&text);
}

static void print_change(json_t *change)
{
	json_t *before = json_object_get(change, "before"), *after = json_object_get(change, "after"), *value;
	const char *name, *verb = json_string_value(json_object_get(change, "verb"));
	bool fails = verb && strcmp(verb, "fail") == 0 && json_is_string(json_object_get(after, "detail"));
	struct buf text;

	buf_init(&text, CELL_MAX);
	cell_write(&text, json_object_get(change, "verb"));
	buf_add_char(&text, ' ');
	cell_write(&text, json_object_get(change, "subject"));
	if (fails) {
		buf_add_str(&text, " (");
		cell_write(&text, json_object_get(after, "detail"));
		buf_add_char(&text, ')');
	}
	printf("would %.*s\n", (int)text.len, text.ptr ? text.ptr : "");
	buf_clear(&text);
	if (!json_is_object(after))
		return;
	json_object_foreach(after, name, value)
	{
		if (json_is_object(before))
			print_difference(name, json_object_get(before, name), value);
	}
}

void print_plan(json_t *changes)
{
	json_t *change;
	size_t i;

	if (json_array_size(changes) == 0)
		puts("nothing would change");
	json_array_foreach(changes, i, change) print_change(change);
}

/* Of a long plan only the first are told. */
static void print_rest(json_t *plan)
{
	long long total = (long long)json_integer_value(json_object_get(plan, "total")), shown = (long long)json_array_size(json_object_get(plan, "changes"));

	if (total > shown)
		printf("and %lld more: %lld in all\n", total - shown, total);
}

/* ---- answers ---- */

static void print_for_people(const struct arguments *a, json_t *value)
{
	struct rows rows;

	if (json_is_true(json_object_get(value, "dry_run"))) {
		print_plan(json_object_get(value, "changes"));
		print_rest(value);
	} else if (a->verb->done) {
		puts(a->verb->done);
	} else if (json_is_array(json_object_get(value, "data")) && rows_begin(&rows, OUTPUT_TABLE, a->columns ? a->columns : a->verb->columns) == ERR_OK) {
		rows_add(&rows, json_object_get(value, "data"));
		rows_end(&rows, json_string_value(json_object_get(value, "next_cursor")), -1);
	} else if (json_is_object(value)) {
		print_object(value, 0, false);
	} else {
		print_text(value);
	}
}

/* One row with the object's members, or the rows of its list. */
static void print_rows(const struct arguments *a, json_t *value)
{
	json_t *list = json_is_array(json_object_get(value, "data")) ? json_incref(json_object_get(value, "data")) : json_pack("[O]", value);
	struct rows rows;

	if (rows_begin(&rows, a->form, a->columns) == ERR_OK) {
		rows_add(&rows, list);
		rows_end(&rows, json_string_value(json_object_get(value, "next_cursor")), -1);
	}
	json_decref(list);
}

void print_value(const struct arguments *a, json_t *value)
{
	switch (a->form) {
	case OUTPUT_TABLE: print_for_people(a, value); break;
	case OUTPUT_JSON:
		rows_print_json(value);
		putchar('\n');
		break;
	case OUTPUT_NDJSON:
	case OUTPUT_CSV: print_rows(a, value); break;
	}
}

bool print_answer(const struct arguments *a, struct span body)
{
	json_t *answer;

	if (body.len == 0) {
		if (a->verb->done && a->form == OUTPUT_TABLE)
			puts(a->verb->done);
		return true;
	}
	answer = json_loadb(body.ptr, body.len, JSON_DECODE_ANY, NULL);
	if (!answer)
		return false;
	print_value(a, answer);
	json_decref(answer);
	return true;
}
