/* imap/set_batch.c: parts are cut by the messages of the view, so that none is larger than wanted however the set was written. */
#include "daemon/imap/set_batch.h"

enum err set_batch_next(struct imap_session *s, struct set_batches *b, uint32_t messages, struct uid_set *out)
{
	const uint32_t first = s->service->view_first_from(s->view, b->next_uid), count = s->service->view_count(s->view);
	uint32_t last_uid;

	*out = (struct uid_set){ NULL, 0 };
	if (first > count) {
		b->end = true;
		return ERR_OK;
	}
	last_uid = count - first >= messages ? s->service->view_uid_of(s->view, first + messages - 1) : UINT32_MAX;
	out->ranges = arena_array(&s->run.batch, b->set.count, sizeof *out->ranges);
	if (!out->ranges)
		return ERR_LIMIT;
	for (size_t i = 0; i < b->set.count; i++) {
		struct uid_range r = b->set.ranges[i];

		if (r.last < b->next_uid || r.first > last_uid)
			continue;
		out->ranges[out->count].first = r.first > b->next_uid ? r.first : b->next_uid;
		out->ranges[out->count++].last = r.last < last_uid ? r.last : last_uid;
	}
	b->end = last_uid == UINT32_MAX;
	b->next_uid = b->end ? last_uid : last_uid + 1;
	return ERR_OK;
}
