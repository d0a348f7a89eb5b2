/* api/csv.h: comma-separated values (RFC 4180), read strictly and written so that no spreadsheet runs them. Internal to api/. */
#ifndef POSTROOM_API_CSV_H
#define POSTROOM_API_CSV_H

#include "daemon/base/arena.h"
#include "daemon/base/buf.h"

#define CSV_FIELDS_MAX 32
#define CSV_FIELD_BYTES_MAX 65536

struct csv_reader {
	struct span rest;
	size_t line;         /* where the record begins that was read last; from 1 */
	size_t lines_before; /* csv.c's */
};

void csv_reader_init(struct csv_reader *r, struct span text); /* a byte order mark is skipped */
/* The next record that is not an empty line. Fields point into the text, those with quotes inside into the arena. Lines end with CRLF or LF.
 * ERR_NOT_FOUND: the end; ERR_SYNTAX, ERR_LIMIT with why. */
enum err csv_next(struct csv_reader *r, struct arena *a, struct span fields[CSV_FIELDS_MAX], size_t *count_out, struct note *why) MUST_CHECK;

/* A field; after it a comma or, `last`, the line's end. One that a spreadsheet would take for a formula gets an apostrophe in front. */
void csv_add(struct buf *out, struct span field, bool last);
/* Without the apostrophe that csv_add() puts there. */
struct span csv_plain(struct span field);

#endif
