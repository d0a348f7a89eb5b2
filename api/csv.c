/* api/csv.c: comma-separated values.
 *
 *   record = field *( "," field ) ( CRLF / LF )
 *   field  = *( any but , " CR LF )  |  DQUOTE *( any but " | 2DQUOTE ) DQUOTE
 */
#include "api/csv.h"

void csv_reader_init(struct csv_reader *r, struct span text)
{
	*r = (struct csv_reader){ .rest = span_starts(text, SPAN("\xEF\xBB\xBF")) ? span_skip(text, 3) : text };
}

/* Behind the opening quote. *end_out: of the field, behind the closing one. */
static enum err read_quoted(struct csv_reader *r, struct arena *a, struct span *out, size_t *end_out, struct note *why)
{
	struct span text = r->rest;
	size_t i = 1, doubled = 0;

	for (; i < text.len; i++) {
		if (text.ptr[i] == '\n')
			r->lines_before++;
		if (text.ptr[i] != '"')
			continue;
		if (i + 1 == text.len || text.ptr[i + 1] != '"')
			break;
		doubled++;
		i++;
	}
	if (i >= text.len) {
		note_set(why, "line %zu: a quote is not closed", r->line);
		return ERR_SYNTAX;
	}
	*end_out = i + 1;
	*out = span_make(text.ptr + 1, i - 1);
	if (doubled > 0) {
		char *to = arena_alloc(a, out->len);
		size_t len = 0;

		if (!to)
			return ERR_TEMP;
		for (size_t from = 0; from < out->len; from++) {
			to[len++] = out->ptr[from];
			if (out->ptr[from] == '"')
				from++;
		}
		*out = span_make(to, len);
	}
	return ERR_OK;
}

static enum err read_bare(struct csv_reader *r, struct span *out, size_t *end_out, struct note *why)
{
	size_t i = 0;

	for (; i < r->rest.len; i++) {
		char ch = r->rest.ptr[i];

		if (ch == ',' || ch == '\n' || (ch == '\r' && i + 1 < r->rest.len && r->rest.ptr[i + 1] == '\n'))
			break;
		if (ch == '"' || ch == '\r') {
			note_set(why, "line %zu: a field with a quote or a line break stands in quotes", r->line);
			return ERR_SYNTAX;
		}
	}
	*out = span_take(r->rest, i);
	*end_out = i;
	return ERR_OK;
}

/* True: the record goes on. */
static bool end_field(struct csv_reader *r, size_t end, enum err *e, struct note *why)
{
	r->rest = span_skip(r->rest, end);
	if (r->rest.len == 0)
		return false;
	if (r->rest.ptr[0] == ',') {
		r->rest = span_skip(r->rest, 1);
		return true;
	}
	if (span_starts(r->rest, SPAN("\r\n")) || r->rest.ptr[0] == '\n') {
		r->rest = span_skip(r->rest, r->rest.ptr[0] == '\r' ? 2 : 1);
		r->lines_before++;
		return false;
	}
	note_set(why, "line %zu: after a closing quote comes a comma or the end of the line", r->line);
	*e = ERR_SYNTAX;
	return false;
}

static void skip_empty_lines(struct csv_reader *r)
{
	while (span_starts(r->rest, SPAN("\n")) || span_starts(r->rest, SPAN("\r\n"))) {
		r->rest = span_skip(r->rest, r->rest.ptr[0] == '\r' ? 2 : 1);
		r->lines_before++;
	}
}

enum err csv_next(struct csv_reader *r, struct arena *a, struct span fields[CSV_FIELDS_MAX], size_t *count_out, struct note *why)
{
	size_t count = 0, end = 0;
	enum err e = ERR_OK;
	bool more = true;

	skip_empty_lines(r);
	r->line = r->lines_before + 1;
	*count_out = 0;
	if (r->rest.len == 0)
		return ERR_NOT_FOUND;
	while (more) {
		if (count == CSV_FIELDS_MAX) {
			note_set(why, "line %zu: more than %d fields", r->line, CSV_FIELDS_MAX);
			return ERR_LIMIT;
		}
		e = span_starts(r->rest, SPAN("\"")) ? read_quoted(r, a, &fields[count], &end, why) : read_bare(r, &fields[count], &end, why);
		if (!e && fields[count].len > CSV_FIELD_BYTES_MAX) {
			note_set(why, "line %zu: a field is longer than %d bytes", r->line, CSV_FIELD_BYTES_MAX);
			e = ERR_LIMIT;
		}
		if (e)
			return e;
		count++;
		more = end_field(r, end, &e, why);
	}
	*count_out = count;
	return e;
}

/* What Excel, LibreOffice and Sheets begin to calculate with; a tab or CR in front of it is skipped there. */
static bool is_formula(struct span field)
{
	return field.len > 0 && memchr("=+-@\t\r", field.ptr[0], 6);
}

void csv_add(struct buf *out, struct span field, bool last)
{
	bool quoted = false;

	for (size_t i = 0; i < field.len && !quoted; i++)
		quoted = memchr(",\"\r\n", field.ptr[i], 4) != NULL;
	if (quoted)
		buf_add_char(out, '"');
	if (is_formula(field))
		buf_add_char(out, '\'');
	for (size_t i = 0; i < field.len; i++) {
		if (field.ptr[i] == '"')
			buf_add_char(out, '"');
		buf_add_char(out, field.ptr[i]);
	}
	if (quoted)
		buf_add_char(out, '"');
	buf_add_str(out, last ? "\r\n" : ",");
}

struct span csv_plain(struct span field)
{
	return field.len > 1 && field.ptr[0] == '\'' && is_formula(span_skip(field, 1)) ? span_skip(field, 1) : field;
}
