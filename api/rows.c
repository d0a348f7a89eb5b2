/* api/rows.c: the rows of an import.
 *
 * An upload is mapped once more, so that the rows stay when the call is over: the file has no name, it goes with the last mapping.
 */
#include "api/rows.h"

#include <jansson.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "api/csv.h"
#include "api/room.h"

#define ROW_BYTES_MAX ((size_t)8 << 20)

struct rows {
	const char *const *columns;
	size_t column_count, total;
	json_t *list; /* of JSON */
	size_t at;
	uint64_t room;    /* that it takes */
	struct span text; /* of CSV */
	bool is_mapped;
	struct csv_reader csv;
	size_t places[CSV_FIELDS_MAX]; /* of each field: its column */
	size_t field_count;
	struct arena row;
};

void rows_free(struct rows **rows)
{
	struct rows *r = *rows;

	if (!r)
		return;
	json_decref(r->list);
	if (r->room > 0)
		room_give_back(r->room);
	if (r->is_mapped) {
		(void)munmap((void *)(uintptr_t)r->text.ptr, r->text.len);
	} else if (r->text.ptr) {
		/* Passwords may stand in it. */
		explicit_bzero((void *)(uintptr_t)r->text.ptr, r->text.len);
		free((void *)(uintptr_t)r->text.ptr);
	}
	arena_wipe(&r->row);
	free(r);
	*rows = NULL;
}

static enum err keep_text(struct api_call *c, struct rows *r)
{
	const struct api_request *q = c->request;
	void *bytes;

	if (q->upload_fd >= 0 && q->upload_size > 0) {
		bytes = mmap(NULL, (size_t)q->upload_size, PROT_READ, MAP_PRIVATE, q->upload_fd, 0);
		if (bytes == MAP_FAILED)
			return ERR_TEMP;
		r->is_mapped = true;
		r->text = span_make(bytes, (size_t)q->upload_size);
		return ERR_OK;
	}
	bytes = malloc(c->upload.len + 1);
	if (!bytes)
		return ERR_TEMP;
	if (c->upload.len > 0)
		memcpy(bytes, c->upload.ptr, c->upload.len);
	r->text = span_make(bytes, c->upload.len);
	return ERR_OK;
}

static size_t column_of(const struct rows *r, struct span name)
{
	size_t i = 0;

	while (i < r->column_count && !span_equals(name, span_str(r->columns[i])))
		i++;
	return i;
}

/* "line 1: mail: not a column (address name role)" */
static enum err refuse_column(const struct rows *r, struct span name, bool twice, struct note *why)
{
	char columns[200] = "";
	size_t len = 0;

	if (twice) {
		note_set(why, "line 1: %.*s: this column stands there twice", (int)(name.len < 60 ? name.len : 60), name.ptr);
		return ERR_SYNTAX;
	}
	for (size_t i = 0; i < r->column_count && len < sizeof columns; i++)
		len += (size_t)snprintf(columns + len, sizeof columns - len, "%s%s", i > 0 ? ", " : "", r->columns[i]);
	note_set(why, "line 1: %.*s: not a column; with commas between they are %s", (int)(name.len < 60 ? name.len : 60), name.ptr, columns);
	return ERR_SYNTAX;
}

static enum err read_header(struct rows *r, struct note *why)
{
	struct span names[CSV_FIELDS_MAX];
	unsigned seen = 0;
	enum err e = csv_next(&r->csv, &r->row, names, &r->field_count, why);

	if (e == ERR_NOT_FOUND) {
		note_set(why, "line 1: the first line names the columns");
		return ERR_SYNTAX;
	}
	for (size_t i = 0; i < r->field_count && !e; i++) {
		struct span name = span_trim(names[i]);

		r->places[i] = column_of(r, name);
		if (r->places[i] == r->column_count || (seen & 1u << r->places[i]))
			return refuse_column(r, name, r->places[i] < r->column_count, why);
		seen |= 1u << r->places[i];
	}
	if (!e && !(seen & 1)) {
		note_set(why, "line 1: the column %s is missing", r->columns[0]);
		e = ERR_SYNTAX;
	}
	return e;
}

/* Reads to the end, then stands behind the header again. */
static enum err look_through(struct rows *r, struct note *why)
{
	struct csv_reader begin;
	struct span fields[CSV_FIELDS_MAX];
	size_t count;
	enum err e;

	if (!span_is_utf8(r->text)) {
		note_set(why, "the file is not UTF-8");
		return ERR_SYNTAX;
	}
	csv_reader_init(&r->csv, r->text);
	e = read_header(r, why);
	begin = r->csv;
	while (!e) {
		arena_reset(&r->row);
		e = csv_next(&r->csv, &r->row, fields, &count, why);
		if (e)
			break;
		if (count != r->field_count) {
			note_set(why, "line %zu: %zu fields, but %zu columns", r->csv.line, count, r->field_count);
			e = ERR_SYNTAX;
		} else if (++r->total > ROWS_MAX) {
			note_set(why, "more than %d rows: import them in parts", ROWS_MAX);
			e = ERR_LIMIT;
		}
	}
	r->csv = begin;
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

bool rows_open(struct api_call *c, const char *list, const char *const *columns, size_t column_count, struct rows **out)
{
	struct rows *r = calloc(1, sizeof(*r));
	struct note why = { "" };
	enum err e = ERR_OK;

	*out = r;
	if (!r) {
		call_reply_error(c, ERR_TEMP, NULL);
		return false;
	}
	r->columns = columns;
	r->column_count = column_count;
	arena_init(&r->row, ROW_BYTES_MAX);
	if (c->body) {
		r->list = json_incref(json_object_get(c->body, list));
		r->room = c->room;
		c->room = 0;
		r->total = json_array_size(r->list);
	} else {
		e = keep_text(c, r);
		if (!e)
			e = look_through(r, &why);
	}
	if (!e)
		return true;
	rows_free(out);
	call_reply_error(c, e, &why);
	return false;
}

size_t rows_total(const struct rows *r)
{
	return r->total;
}

/* As CSV has it. */
static struct span text_of(struct rows *r, const json_t *value)
{
	struct buf joined;
	struct span out;

	if (json_is_boolean(value))
		return json_is_true(value) ? SPAN("true") : SPAN("false");
	if (json_is_string(value))
		return span_make(json_string_value(value), json_string_length(value));
	if (!json_is_array(value))
		return SPAN("");
	buf_init(&joined, ROW_BYTES_MAX);
	for (size_t i = 0; i < json_array_size(value); i++) {
		const json_t *member = json_array_get(value, i);

		buf_add(&joined, span_make(json_string_value(member), json_string_length(member)));
		buf_add_char(&joined, '\n');
	}
	out = arena_copy(&r->row, buf_span(&joined));
	buf_clear(&joined);
	return out;
}

bool rows_next(struct rows *r, struct row *out)
{
	struct span fields[CSV_FIELDS_MAX];
	const json_t *item;
	size_t count;

	*out = (struct row){ 0 };
	arena_reset(&r->row);
	if (r->list) {
		item = json_array_get(r->list, r->at++);
		for (size_t i = 0; i < r->column_count && item; i++)
			out->values[i] = text_of(r, json_object_get(item, r->columns[i]));
		return item != NULL;
	}
	if (csv_next(&r->csv, &r->row, fields, &count, NULL) != ERR_OK)
		return false;
	for (size_t i = 0; i < count; i++)
		out->values[r->places[i]] = csv_plain(fields[i]);
	return true;
}
