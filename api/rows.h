/* api/rows.h: the rows of an import: CSV with a header row, or a JSON list; they outlive the call. Internal to api/. */
#ifndef POSTROOM_API_ROWS_H
#define POSTROOM_API_ROWS_H

#include "api/call.h"

#define ROWS_COLUMNS_MAX 16
#define ROWS_MAX 100000

struct rows;

struct row {
	struct span values[ROWS_COLUMNS_MAX]; /* by column; of a JSON list: its members, each followed by a line feed. Empty: not given */
};

/* `columns`: the names, that which has to be there first. `list`: of the JSON body. All is read once to see whether it can be read. False: answered. */
bool rows_open(struct api_call *c, const char *list, const char *const *columns, size_t column_count, struct rows **out);
size_t rows_total(const struct rows *r);
/* False: the end. Spans live until the next row. */
bool rows_next(struct rows *r, struct row *out);
void rows_free(struct rows **r);

#endif
