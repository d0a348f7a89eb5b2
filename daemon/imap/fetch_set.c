/* imap/fetch_set.c: which messages of a set FETCH works on: those of the view, fewer by PARTIAL (RFC 9394). */
#include "daemon/imap/fetch.h"

/* Sequence numbers of each range of the set that holds a message. */
static uint32_t to_sequences(struct imap_session *s, const struct uid_set *set, struct uid_set *out)
{
	uint32_t count = s->service->view_count(s->view), total = 0;

	for (size_t i = 0; i < set->count; i++) {
		uint32_t first = s->service->view_first_from(s->view, set->ranges[i].first);
		uint32_t last = set->ranges[i].last == UINT32_MAX ? count : s->service->view_first_from(s->view, set->ranges[i].last + 1) - 1;

		if (first > last)
			continue;
		out->ranges[out->count++] = (struct uid_range){ first, last };
		total += last - first + 1;
	}
	return total;
}

/* Only the positions first..last of all, counted from 1. */
static void cut(struct uid_set *set, uint32_t first, uint32_t last)
{
	uint32_t position = 1;
	size_t count = 0;

	for (size_t i = 0; i < set->count; i++) {
		struct uid_range r = set->ranges[i];
		uint32_t length = r.last - r.first + 1, end = position + length - 1;

		if (end >= first && position <= last) {
			if (position < first)
				r.first += first - position;
			if (end > last)
				r.last -= end - last;
			set->ranges[count++] = r;
		}
		position = end + 1;
	}
	set->count = count;
}

static void take_partial(struct uid_set *set, const struct imap_partial *p, uint32_t total)
{
	uint32_t first = p->first, last = p->last;

	if (p->from_end) {
		first = p->last > total ? 1 : total - p->last + 1;
		last = p->first > total ? 0 : total - p->first + 1;
	}
	if (last > total)
		last = total;
	if (first > last)
		set->count = 0;
	else
		cut(set, first, last);
}

enum err fetch_slice(struct imap_session *s, const struct uid_set *set, const struct imap_partial *partial, struct fetch_slice *out)
{
	uint32_t total;

	*out = (struct fetch_slice){ .uids.count = 0 };
	out->sequences.ranges = arena_array(&s->run.arena, set->count, sizeof(struct uid_range));
	out->uids.ranges = arena_array(&s->run.arena, set->count, sizeof(struct uid_range));
	if (!out->sequences.ranges || !out->uids.ranges)
		return ERR_LIMIT;
	total = to_sequences(s, set, &out->sequences);
	if (partial->given)
		take_partial(&out->sequences, partial, total);
	for (size_t i = 0; i < out->sequences.count; i++)
		out->uids.ranges[out->uids.count++] = (struct uid_range){ s->service->view_uid_of(s->view, out->sequences.ranges[i].first),
									  s->service->view_uid_of(s->view, out->sequences.ranges[i].last) };
	return ERR_OK;
}
