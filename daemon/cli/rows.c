/* cli/rows.c: lists as table, JSON, NDJSON (a value a line) and CSV (RFC 4180).
 *
 * A table's columns are as wide as the first page asks for; on a terminal the widest are cut until a row is a line.
 */
#include "daemon/cli/rows.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "daemon/cli/cell.h"
#include "daemon/mime/width.h"

#define GAP 2
#define NARROWEST 6

static size_t terminal_columns(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
		return 0;
	return size.ws_col;
}

enum err rows_begin(struct rows *r, enum output_form form, const char *columns)
{
	struct span rest = span_str(columns);

	*r = (struct rows){ .form = form, .terminal = terminal_columns(), .to_terminal = isatty(STDOUT_FILENO) };
	while (rest.len > 0) {
		size_t len = 0;

		while (len < rest.len && rest.ptr[len] != ' ' && rest.ptr[len] != ',')
			len++;
		if (len >= ROWS_NAME_MAX || (len > 0 && r->column_count == ROWS_MAX_COLUMNS))
			return ERR_LIMIT;
		if (len > 0)
			memcpy(r->columns[r->column_count++], rest.ptr, len);
		rest = span_skip(rest, len + 1);
	}
	return ERR_OK;
}

static void take_columns_of(struct rows *r, json_t *row)
{
	const char *name;
	json_t *value;

	json_object_foreach(row, name, value)
	{
		if (r->column_count < ROWS_MAX_COLUMNS && strlen(name) < ROWS_NAME_MAX)
			memcpy(r->columns[r->column_count++], name, strlen(name));
	}
}

/* ---- tables ---- */

static void write_cell(struct buf *out, json_t *row, const char *column)
{
	buf_reset(out);
	cell_write(out, cell_member(row, span_str(column)));
}

static void measure(struct rows *r, json_t *list)
{
	struct buf text;
	json_t *row;
	size_t i;

	buf_init(&text, CELL_MAX);
	for (size_t k = 0; k < r->column_count; k++) {
		r->widths[k] = width_columns(span_str(r->columns[k]));
		json_array_foreach(list, i, row)
		{
			size_t width;

			write_cell(&text, row, r->columns[k]);
			width = width_columns(buf_span(&text));
			if (width > r->widths[k])
				r->widths[k] = width;
		}
	}
	buf_clear(&text);
}

/* The widest gives way until all fit. */
static void fit(struct rows *r)
{
	for (;;) {
		size_t total = r->indent, widest = 0;

		for (size_t k = 0; k < r->column_count; k++) {
			total += r->widths[k] + (k > 0 ? GAP : 0);
			if (r->widths[k] > r->widths[widest])
				widest = k;
		}
		if (r->terminal == 0 || total <= r->terminal || r->widths[widest] <= NARROWEST)
			return;
		r->widths[widest]--;
	}
}

static void print_cell(const struct rows *r, size_t k, struct span text)
{
	size_t width = width_columns(text);
	bool last = k + 1 == r->column_count, cut = r->terminal > 0 && width > r->widths[k];

	if (cut) {
		text = width_take(text, r->widths[k] - 1);
		width = width_columns(text) + 1;
	}
	printf("%*s%.*s%s", k == 0 ? (int)r->indent : 0, "", (int)text.len, text.ptr ? text.ptr : "", cut ? "\xe2\x80\xa6" : "");
	if (last)
		putchar('\n');
	for (size_t i = width; !last && i < r->widths[k] + GAP; i++)
		putchar(' ');
	if (!last && width >= r->widths[k] + GAP)
		putchar(' ');
}

static void add_to_table(struct rows *r, json_t *list)
{
	struct buf text;
	json_t *row;
	size_t i;

	if (!r->begun) {
		measure(r, list);
		fit(r);
		for (size_t k = 0; k < r->column_count; k++)
			print_cell(r, k, span_str(r->columns[k]));
	}
	buf_init(&text, CELL_MAX);
	json_array_foreach(list, i, row)
	{
		for (size_t k = 0; k < r->column_count; k++) {
			write_cell(&text, row, r->columns[k]);
			print_cell(r, k, buf_span(&text));
		}
	}
	buf_clear(&text);
}

/* ---- the forms for programs ---- */

static void print_quoted(const char *before, struct span text)
{
	size_t at;

	if (!span_find_char(text, ',', &at) && !span_find_char(text, '"', &at) && !span_find_char(text, '\n', &at) && !span_find_char(text, '\r', &at)) {
		printf("%s%.*s", before, (int)text.len, text.ptr ? text.ptr : "");
		return;
	}
	printf("\"%s", before);
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '"')
			putchar('"');
		putchar(text.ptr[i]);
	}
	putchar('"');
}

/* Subjects come from strangers, and a spreadsheet calculates with what begins like this: as /users:export, a quote goes before it. */
static bool is_formula(json_t *value, struct span text)
{
	return (json_is_string(value) || json_is_array(value)) && text.len > 0 && memchr("=+-@\t\r", text.ptr[0], 6);
}

static void print_csv_cell(const struct rows *r, json_t *value, struct buf *text)
{
	buf_reset(text);
	if (r->to_terminal)
		cell_write(text, value);
	else
		cell_write_raw(text, value);
	print_quoted(is_formula(value, buf_span(text)) ? "'" : "", buf_span(text));
}

static void add_to_csv(struct rows *r, json_t *list)
{
	struct buf text;
	json_t *row;
	size_t i;

	buf_init(&text, CELL_MAX);
	for (size_t k = 0; !r->begun && k < r->column_count; k++) {
		print_quoted("", span_str(r->columns[k]));
		fputs(k + 1 < r->column_count ? "," : "\r\n", stdout);
	}
	json_array_foreach(list, i, row)
	{
		for (size_t k = 0; k < r->column_count; k++) {
			print_csv_cell(r, cell_member(row, span_str(r->columns[k])), &text);
			fputs(k + 1 < r->column_count ? "," : "\r\n", stdout);
		}
	}
	buf_clear(&text);
}

void rows_print_json(json_t *value)
{
	json_dumpf(value, stdout, JSON_COMPACT | JSON_ENCODE_ANY | (isatty(STDOUT_FILENO) ? JSON_ENSURE_ASCII : 0));
}

static void add_json(struct rows *r, json_t *list, bool lines)
{
	json_t *row;
	size_t i;

	if (!r->begun && !lines)
		fputs("{\"data\":[", stdout);
	json_array_foreach(list, i, row)
	{
		if (!lines && (r->count > 0 || i > 0))
			fputs(",\n", stdout);
		rows_print_json(row);
		if (lines)
			putchar('\n');
	}
}

/* A name that no field has gives a column of "-": that is said, once. */
static void say_unknown_columns(const struct rows *r, json_t *row)
{
	struct buf text;
	const char *name;
	json_t *value;
	size_t k = 0;

	while (k < r->column_count && cell_member(row, span_str(r->columns[k])))
		k++;
	if (!row || k == r->column_count)
		return;
	buf_init(&text, CELL_MAX);
	buf_add_str(&text, "--columns: there is no field ");
	cell_clean(&text, span_str(r->columns[k]));
	buf_add_str(&text, "; there are:");
	json_object_foreach(row, name, value)
	{
		buf_add_char(&text, ' ');
		cell_clean(&text, span_str(name));
	}
	fprintf(stderr, "postroom: %.*s\n", (int)text.len, text.ptr ? text.ptr : "");
	buf_clear(&text);
}

void rows_add(struct rows *r, json_t *list)
{
	if (r->form == OUTPUT_TABLE && r->empty && !r->begun && json_array_size(list) == 0) {
		puts(r->empty);
		return;
	}
	if (r->column_count == 0)
		take_columns_of(r, json_array_get(list, 0));
	if (r->named && !r->begun)
		say_unknown_columns(r, json_array_get(list, 0));
	switch (r->form) {
	case OUTPUT_TABLE: add_to_table(r, list); break;
	case OUTPUT_CSV: add_to_csv(r, list); break;
	case OUTPUT_JSON: add_json(r, list, false); break;
	case OUTPUT_NDJSON: add_json(r, list, true); break;
	}
	r->begun = true;
	r->count += json_array_size(list);
	fflush(stdout);
}

void rows_end(struct rows *r, const char *next_cursor, long long total)
{
	json_t *cursor = next_cursor ? json_string(next_cursor) : json_null();

	if (r->form == OUTPUT_JSON) {
		fputs("],\"next_cursor\":", stdout);
		json_dumpf(cursor, stdout, JSON_ENCODE_ANY);
		if (total >= 0)
			printf(",\"total_estimate\":%lld", total);
		fputs("}\n", stdout);
	} else if (next_cursor) {
		fprintf(stderr, "postroom: there are more than these %zu: --all, or a larger --limit\n", r->count);
	}
	json_decref(cursor);
}
