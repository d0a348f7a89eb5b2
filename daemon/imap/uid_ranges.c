/* imap/uid_ranges.c: each operation is one walk along both sets. */
#include "daemon/imap/uid_ranges.h"

#include <stdlib.h>

void uid_ranges_clear(struct uid_ranges *r)
{
	free(r->set.ranges);
	*r = (struct uid_ranges){ .room = 0 };
}

void uid_ranges_add(struct uid_ranges *r, uint32_t first, uint32_t last)
{
	struct uid_range *end = r->set.count ? &r->set.ranges[r->set.count - 1] : NULL;

	if (end && first <= (uint64_t)end->last + 1) {
		if (last > end->last)
			end->last = last;
		return;
	}
	if (!r->set.ranges || r->set.count == r->room) {
		size_t room = r->room ? r->room * 2 : 4;
		struct uid_range *ranges = realloc(r->set.ranges, room * sizeof *ranges);

		if (!ranges) {
			r->failed = true;
			return;
		}
		r->set.ranges = ranges;
		r->room = room;
	}
	r->set.ranges[r->set.count++] = (struct uid_range){ first, last };
}

/* What was made takes the place of what it was made from. */
static void become(struct uid_ranges *r, struct uid_ranges *made)
{
	made->failed = made->failed || r->failed;
	uid_ranges_clear(r);
	*r = *made;
}

void uid_ranges_unite(struct uid_ranges *r, const struct uid_set *more)
{
	struct uid_ranges all = { .room = 0 };
	size_t i = 0, j = 0;

	if (!more->count)
		return;
	while (i < r->set.count || j < more->count) {
		bool is_ours = j == more->count || (i < r->set.count && r->set.ranges[i].first <= more->ranges[j].first);
		struct uid_range next = is_ours ? r->set.ranges[i++] : more->ranges[j++];

		uid_ranges_add(&all, next.first, next.last);
	}
	become(r, &all);
}

/* The parts of one range that are not in the set; `at` is its first range that may matter. */
static void add_rest(struct uid_ranges *to, struct uid_range from, const struct uid_set *less, size_t *at)
{
	uint64_t first = from.first;

	while (*at < less->count && less->ranges[*at].last < from.first)
		++*at;
	for (size_t j = *at; j < less->count && less->ranges[j].first <= from.last; j++) {
		if (less->ranges[j].first > first)
			uid_ranges_add(to, (uint32_t)first, less->ranges[j].first - 1);
		first = (uint64_t)less->ranges[j].last + 1;
	}
	if (first <= from.last)
		uid_ranges_add(to, (uint32_t)first, from.last);
}

void uid_ranges_subtract(struct uid_ranges *r, const struct uid_set *less)
{
	struct uid_ranges left = { .room = 0 };
	size_t at = 0;

	if (!less->count)
		return;
	for (size_t i = 0; i < r->set.count; i++)
		add_rest(&left, r->set.ranges[i], less, &at);
	become(r, &left);
}

void uid_ranges_common(const struct uid_set *a, const struct uid_set *b, struct uid_ranges *out)
{
	size_t i = 0, j = 0;

	while (i < a->count && j < b->count) {
		const struct uid_range *x = &a->ranges[i], *y = &b->ranges[j];
		uint32_t first = x->first > y->first ? x->first : y->first, last = x->last < y->last ? x->last : y->last;

		if (first <= last)
			uid_ranges_add(out, first, last);
		if (x->last < y->last)
			i++;
		else
			j++;
	}
}
