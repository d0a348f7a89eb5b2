/* api/import.h: rows becoming things of the directory: as a job in batches, or planned. Internal to api/. */
#ifndef POSTROOM_API_IMPORT_H
#define POSTROOM_API_IMPORT_H

#include "api/reach.h"
#include "api/rows.h"

/* Of one row: its first member in each kind's own struct. */
struct import_item {
	struct span subject; /* the address as it was given */
	enum err error;      /* found while preparing */
	struct note why;
	bool updates; /* of what is there: the query's update */
};

struct import_kind {
	const char *list; /* of the JSON body */
	const char *const *columns;
	size_t column_count;
	size_t item_size;
	/* Outside of any batch: checks, and does what is slow; with `is_plan` only checks. Texts are copied to `a`. Returns what it cost, in about 50 ms. */
	unsigned (*prepare)(const struct api_context *context, const struct reach *reach, const struct row *row, bool is_plan, struct arena *a, struct import_item *item);
	/* In the batch. ERR_OK: *status_out is 200 or 201, and `change` says what it was (subject and domain live in the item's arena); without a verb: it is so
	 * already. An error has changed nothing. */
	enum err (*apply)(const struct api_context *context, const struct reach *reach, struct import_item *item, struct arena *a, struct change *change, int *status_out, struct note *why);
	/* Behind the commit; may be null. Each item once. */
	void (*committed)(const struct api_context *context, const struct import_item *item);
};

/* Answers the call. */
void import_reply(struct api_call *c, const struct import_kind *kind);
/* What an error of one item is to people: status and code. */
int import_status(enum err e, const char **code_out);

/* Blanks, commas and line feeds part addresses, but not inside of a quoted local part. False: there is no other one. */
bool import_next_address(struct span *rest, struct span *out);

#endif
