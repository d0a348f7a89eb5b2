/* cli/print.c: JSON to text. Values from outside pass through here to a terminal: control characters are shown as '?'. */
#include "daemon/cli/print.h"

#include <jansson.h>
#include <stdio.h>

#include "daemon/base/buf.h"

#define CELL_MAX (256u * 1024u)
#define COLUMNS_MAX 8

static void add_clean(struct buf *out, const char *text)
{
	for (; *text; text++) {
		bool c1 = (unsigned char)text[0] == 0xc2 && (unsigned char)text[1] >= 0x80 && (unsigned char)text[1] < 0xa0; /* terminals obey these too */

		buf_add_char(out, (unsigned char)*text < 0x20 || *text == 0x7f || c1 ? '?' : *text);
		text += c1;
	}
}

static void add_value(struct buf *out, json_t *value);

/* A list in a cell: its strings, or of objects (recipients) the address and the state. */
static void add_list(struct buf *out, json_t *list)
{
	size_t i;
	json_t *item;

	json_array_foreach(list, i, item)
	{
		if (i > 0)
			buf_add_str(out, ", ");
		if (json_is_object(item)) {
			add_value(out, json_object_get(item, "address"));
			buf_add_str(out, " ");
			add_value(out, json_object_get(item, "state"));
		} else if (json_is_string(item)) {
			add_clean(out, json_string_value(item));
		}
	}
}

static void add_value(struct buf *out, json_t *value)
{
	if (json_is_string(value))
		add_clean(out, json_string_value(value));
	else if (json_is_integer(value))
		buf_addf(out, "%lld", (long long)json_integer_value(value));
	else if (json_is_boolean(value))
		buf_add_str(out, json_is_true(value) ? "yes" : "no");
	else if (json_is_array(value))
		add_list(out, value);
	else
		buf_add_str(out, "-");
}

static void print_cell(json_t *value, int width)
{
	struct buf cell;

	buf_init(&cell, CELL_MAX);
	add_value(&cell, value);
	printf("%-*.*s", width, (int)cell.len, cell.ptr ? cell.ptr : "");
	buf_clear(&cell);
}

static int cell_width(json_t *value)
{
	struct buf cell;
	int width;

	buf_init(&cell, CELL_MAX);
	add_value(&cell, value);
	width = (int)cell.len;
	buf_clear(&cell);
	return width;
}

static size_t split_columns(const char *columns, char names[COLUMNS_MAX][32])
{
	struct span rest = span_str(columns), name;
	size_t count = 0;

	while (count < COLUMNS_MAX && span_split(&rest, ' ', &name))
		snprintf(names[count++], 32, "%.*s", (int)name.len, name.ptr);
	return count;
}

static void print_table(const char *columns, json_t *list)
{
	char names[COLUMNS_MAX][32];
	int widths[COLUMNS_MAX];
	size_t count = split_columns(columns, names), i;
	json_t *row;

	for (size_t k = 0; k < count; k++) {
		widths[k] = (int)strlen(names[k]);
		json_array_foreach(list, i, row)
		{
			int width = cell_width(json_object_get(row, names[k]));

			if (width > widths[k])
				widths[k] = width;
		}
	}
	for (size_t k = 0; k < count; k++)
		printf("%-*s%s", k + 1 < count ? widths[k] : 0, names[k], k + 1 < count ? "  " : "\n");
	json_array_foreach(list, i, row)
	{
		for (size_t k = 0; k < count; k++) {
			print_cell(json_object_get(row, names[k]), k + 1 < count ? widths[k] : 0);
			fputs(k + 1 < count ? "  " : "\n", stdout);
		}
	}
}

static void print_page(const char *columns, json_t *page)
{
	print_table(columns, json_object_get(page, "data"));
	if (json_is_string(json_object_get(page, "next_cursor")))
		fprintf(stderr, "postroom: there are more than these %zu\n", json_array_size(json_object_get(page, "data")));
}

static void print_object(json_t *object, int depth)
{
	const char *name;
	json_t *value, *item;
	size_t i;

	json_object_foreach(object, name, value)
	{
		printf("%*s%s:", depth * 2, "", name);
		if (json_is_object(value)) {
			putchar('\n');
			print_object(value, depth + 1);
		} else if (json_is_array(value) && json_is_object(json_array_get(value, 0))) {
			putchar('\n');
			json_array_foreach(value, i, item)
			{
				print_object(item, depth + 1);
				putchar('\n');
			}
		} else {
			putchar(' ');
			print_cell(value, 0);
			putchar('\n');
		}
	}
}

bool print_answer(const struct verb *v, bool as_json, struct span body)
{
	json_t *answer;
	bool ok = true;

	if (body.len == 0) {
		if (v->done && !as_json)
			puts(v->done);
		return true;
	}
	answer = json_loadb(body.ptr, body.len, 0, NULL);
	if (!answer)
		return false;
	if (as_json)
		printf("%.*s", (int)body.len, body.ptr);
	else if (v->columns && json_is_array(json_object_get(answer, "data")))
		print_page(v->columns, answer);
	else if (v->done)
		puts(v->done);
	else if (json_is_object(answer))
		print_object(answer, 0);
	else
		ok = false;
	json_decref(answer);
	return ok;
}

void print_problem(int status, struct span body)
{
	json_t *problem = json_loadb(body.ptr ? body.ptr : "", body.len, 0, NULL);
	struct buf text;

	buf_init(&text, CELL_MAX);
	if (json_is_string(json_object_get(problem, "detail")))
		add_value(&text, json_object_get(problem, "detail"));
	else
		buf_addf(&text, "the daemon answered %d", status);
	if (json_is_array(json_object_get(problem, "errors"))) {
		buf_add_str(&text, " (");
		add_value(&text, json_object_get(json_array_get(json_object_get(problem, "errors"), 0), "pointer"));
		buf_add_str(&text, ")");
	}
	fprintf(stderr, "postroom: %.*s\n", (int)text.len, text.ptr);
	buf_clear(&text);
	json_decref(problem);
}
