/* cli/rows.h: a list in its four forms, page by page; internal to cli/. */
#ifndef POSTROOM_CLI_ROWS_H
#define POSTROOM_CLI_ROWS_H

#include "daemon/base/span.h"
#include "daemon/cli/arguments.h"

struct json_t;

#define ROWS_MAX_COLUMNS 24
#define ROWS_NAME_MAX 64

struct rows {
	enum output_form form;
	char columns[ROWS_MAX_COLUMNS][ROWS_NAME_MAX];
	size_t column_count;
	size_t widths[ROWS_MAX_COLUMNS];
	size_t terminal; /* columns of it; 0: none */
	bool to_terminal;
	size_t indent; /* blanks in front of a table's lines */
	bool begun;
	size_t count;      /* rows so far */
	bool named;        /* the columns were asked for by name: a wrong one is said */
	const char *empty; /* what a table without rows says; null: its head */
};

/* `columns`: names of fields, blanks or commas between; null or empty: those of the first row. ERR_LIMIT: too many, or too long. */
enum err rows_begin(struct rows *r, enum output_form form, const char *columns) MUST_CHECK;
/* Prints them to standard output. */
void rows_add(struct rows *r, struct json_t *list);
/* One value on a line without its end; a terminal gets ASCII only. */
void rows_print_json(struct json_t *value);
/* `next_cursor` may be null; total < 0: not known. */
void rows_end(struct rows *r, const char *next_cursor, long long total);

#endif
