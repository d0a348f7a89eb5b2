/* api/listing.c: a page of a sorted array. */
#include "api/listing.h"

#include <jansson.h>

#include "api/given.h"

#define TOTAL_MAX 1000

/* Position in the order of the list to place in the array. */
static size_t place(const struct listing *l, size_t position)
{
	return l->descending ? l->count - 1 - position : position;
}

/* The first position behind the cursor's key, whether that is still there or not. */
static size_t begin(const struct listing *l, struct span after)
{
	size_t low = 0, high = l->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = l->compare(l->arg, place(l, middle), after);

		if (l->descending ? order >= 0 : order <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void listing_reply(struct api_call *c, const struct listing *l)
{
	struct page page = { .next_cursor = SPAN(""), .total = 0 };
	struct paging paging;
	size_t from, shown = 0, last = 0;
	bool more = false;

	if (!call_paging(c, &paging))
		return;
	from = paging.after.len ? begin(l, paging.after) : 0;
	page.list = json_array();
	for (size_t position = 0; position < l->count && (page.total < TOTAL_MAX || !more); position++) {
		size_t i;

		/* Past the cap only what is on the page counts. */
		if (page.total >= TOTAL_MAX && position < from)
			position = from;
		if (position == l->count)
			break;
		i = place(l, position);
		if (l->fits && !l->fits(l->arg, i))
			continue;
		page.total++;
		if (position < from || more)
			continue;
		if (shown == paging.limit) {
			more = true;
			continue;
		}
		json_array_append_new(page.list, given_fields(c, l->show(l->arg, i)));
		last = i;
		shown++;
	}
	if (more)
		page.next_cursor = cursor_make(c, l->key(l->arg, last));
	call_reply_page(c, &page);
}
