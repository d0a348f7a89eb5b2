/* imap/context_order.c: a binary search whose comparisons read the two messages: what a message is sorted by never changes, and
 * holding it for all of them would cost more memory than a session is worth.
 */
#include "daemon/imap/context_order.h"

#include "daemon/imap/sort.h"

struct comparing {
	struct sorter *sorter;
	uint32_t uid;
	bool is_there;
	enum err e;
};

static bool each_row(void *arg, const struct message_row *row)
{
	struct comparing *c = arg;

	c->is_there = c->is_there || row->uid == c->uid;
	c->e = sort_add(c->sorter, row->uid, row); /* in the order of UIDs, as of message numbers */
	return !c->e;
}

enum order {
	ORDER_BEFORE,
	ORDER_BEHIND,
	ORDER_UNKNOWN, /* the other is there no more */
};

/* Where `uid` stands to `other`. */
static enum err compare(struct imap_session *s, const struct imap_context *c, uint32_t uid, uint32_t other, struct arena *a, enum order *out)
{
	struct uid_range ranges[2] = { { uid < other ? uid : other, uid < other ? uid : other }, { uid < other ? other : uid, uid < other ? other : uid } };
	struct uid_set both = { ranges, 2 };
	struct comparing x = { .sorter = sort_begin(&c->sort, 2, a), .uid = uid };
	const uint32_t *order;
	uint32_t count, after = 0;
	bool end = false;
	enum err e = x.sorter ? ERR_OK : ERR_LIMIT;

	while (!e && !x.e && !end)
		e = s->service->view_read(s->view, &both, after, sort_want(x.sorter), each_row, &x, &after, &end);
	if (e || x.e)
		return e ? e : x.e;
	if (!x.is_there)
		return ERR_NOT_FOUND;
	sort_added(x.sorter);
	(void)sort_more(x.sorter, INT64_MAX);
	order = sort_result(x.sorter, &count);
	*out = count < 2 ? ORDER_UNKNOWN : order[0] == uid ? ORDER_BEFORE
							   : ORDER_BEHIND;
	return ERR_OK;
}

enum err context_place(struct imap_session *s, const struct imap_context *c, uint32_t uid, size_t *place_out)
{
	size_t low = 0, high = c->count;
	struct arena a;
	enum err e = ERR_OK;

	arena_init(&a, IMAP_CONTEXT_SORT_MAX);
	while (!e && low < high) {
		size_t middle = low + (high - low) / 2, probe = middle;
		enum order order = ORDER_UNKNOWN;

		for (; !e && order == ORDER_UNKNOWN && probe < high; probe++) {
			arena_reset(&a);
			e = compare(s, c, uid, c->order[probe], &a, &order);
		}
		if (order == ORDER_BEHIND)
			low = probe; /* behind the one that was compared */
		else
			high = middle; /* before it, and those between are there no more */
	}
	arena_clear(&a);
	*place_out = low;
	return e;
}
