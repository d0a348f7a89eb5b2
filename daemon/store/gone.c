/* store/gone.c: the expunge log read.
 *
 * (1) A UID is given once. One that left is in the log, unless the log was cut since; one that is there is not in it.
 */
#include "daemon/store/gone.h"

#include <stdlib.h>

#define LOG_WORTH 4 /* a row of the log may stand for so few messages: more of them, and reading the messages is as fast */

bool gone_add(void *arg, uint32_t first, uint32_t last)
{
	struct gone_list *list = arg;

	if (list->count == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 64;
		struct uid_range *ranges = realloc(list->ranges, cap * sizeof(*ranges));

		if (!ranges)
			return false;
		list->ranges = ranges;
		list->cap = cap;
	}
	list->ranges[list->count++] = (struct uid_range){ first, last };
	return true;
}

void gone_clear(struct gone_list *list)
{
	free(list->ranges);
	*list = (struct gone_list){ .ranges = NULL };
}

static int compare_ranges(const void *a, const void *b)
{
	const struct uid_range *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

enum err gone_read(struct db *db, uint64_t mailbox_id, uint64_t since, struct gone_list *list)
{
	enum err e = db_expunged_each(db, mailbox_id, since, gone_add, list);

	if (!e && list->count)
		qsort(list->ranges, list->count, sizeof(*list->ranges), compare_ranges);
	return e;
}

enum err gone_survivors(struct db *db, uint64_t mailbox_id, const struct uidmap *old, uint64_t old_modseq, struct uidmap_builder *b)
{
	struct gone_list gone = { .ranges = NULL };
	uint32_t from = 1;
	enum err e = gone_read(db, mailbox_id, old_modseq, &gone);

	for (size_t i = 0; !e && i < gone.count; i++) {
		if (gone.ranges[i].first > from)
			uidmap_add_part(b, old, from, gone.ranges[i].first - 1);
		if (gone.ranges[i].last >= from)
			from = gone.ranges[i].last + 1;
	}
	if (!e && from)
		uidmap_add_part(b, old, from, UINT32_MAX);
	gone_clear(&gone);
	return e;
}

enum err gone_map(struct db *db, const struct db_mailbox *row, struct uidmap **out)
{
	struct uidmap_builder all = { .ranges = NULL }, b = { .ranges = NULL };
	struct uidmap *given;
	enum err e;

	*out = NULL;
	if (row->expunged_floor || row->uid_next > UINT32_MAX || row->expunged_rows > row->messages / LOG_WORTH)
		return ERR_OK;
	uidmap_add(&all, 1, (uint32_t)(row->uid_next - 1));
	given = uidmap_build(&all);
	if (!given)
		return ERR_TEMP;
	e = row->expunged_rows ? gone_survivors(db, row->id, given, 0, &b) : ERR_OK;
	if (!row->expunged_rows)
		uidmap_add_part(&b, given, 1, UINT32_MAX);
	uidmap_release(&given);
	*out = uidmap_build(&b);
	if (!e && !*out)
		return ERR_TEMP;
	/* What remains holds all that are there: as many as there are messages, and it is they. It is more where messages came with UIDs of their own (a renamed
	 * INBOX). */
	if (e || (*out)->messages != row->messages)
		uidmap_release(out);
	return e;
}
