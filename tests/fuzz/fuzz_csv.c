/* The CSV reader and writer: what is read and written again reads the same, and no cell is a formula. */
#include <stdint.h>
#include <stdlib.h>

#include "api/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
	if (!condition)
		abort();
}

static void check_record(struct arena *a, const struct span *fields, size_t count)
{
	struct span again[CSV_FIELDS_MAX];
	struct csv_reader r;
	struct note why = { "" };
	struct buf text;
	size_t number = 0;
	bool is_empty = count == 1 && fields[0].len == 0;

	buf_init(&text, 16 << 20);
	for (size_t i = 0; i < count; i++)
		csv_add(&text, fields[i], i + 1 == count);
	must(!text.failed);
	csv_reader_init(&r, buf_span(&text));
	/* A byte order mark in front is none of the first field's; an empty line is no record; the apostrophe may be one byte too many. */
	if (!is_empty && !span_starts(buf_span(&text), SPAN("\xEF\xBB\xBF"))) {
		enum err e = csv_next(&r, a, again, &number, &why);

		must(e == ERR_OK || e == ERR_LIMIT);
		must(e != ERR_OK || number == count);
		for (size_t i = 0; e == ERR_OK && i < count; i++) {
			must(again[i].len == 0 || !memchr("=+-@\t\r", again[i].ptr[0], 6));
			must(span_equals(csv_plain(again[i]), csv_plain(fields[i])));
		}
		must(r.rest.len == 0);
	}
	buf_clear(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span fields[CSV_FIELDS_MAX];
	struct csv_reader r;
	struct arena a;
	struct note why = { "" };
	size_t count = 0, line = 0;

	arena_init(&a, 64 << 20);
	csv_reader_init(&r, span_make((const char *)data, size));
	while (csv_next(&r, &a, fields, &count, &why) == ERR_OK) {
		must(count > 0 && count <= CSV_FIELDS_MAX && r.line > line);
		line = r.line;
		check_record(&a, fields, count);
	}
	arena_clear(&a);
	return 0;
}
