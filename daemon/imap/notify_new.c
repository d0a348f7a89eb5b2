/* imap/notify_new.c: see the header. */
#include "daemon/imap/notify_new.h"

#include "daemon/imap/notify.h"

/* Own messages have rising UIDs. */
static bool begin(struct imap_session *s, uint32_t last)
{
	struct imap_notify *n = s->notify;
	struct uid_set set = { arena_array(&s->run.arena, n->own.message_count + 1, sizeof *set.ranges), 0 };
	uint32_t from = n->next_uid;

	if (!set.ranges)
		return false;
	for (size_t i = 0; i < n->own.message_count; i++) {
		const struct uid_range own = n->own.messages[i];

		if (own.first > from)
			set.ranges[set.count++] = (struct uid_range){ from, own.first - 1 };
		if (own.last >= from)
			from = own.last + 1;
	}
	if (from <= last)
		set.ranges[set.count++] = (struct uid_range){ from, last };
	return fetch_news_begin(s, &n->news, &set, n->items, n->item_count);
}

bool notify_new_tell(struct imap_session *s, struct out *out)
{
	struct imap_notify *n = s->notify;
	const uint32_t last = n && s->view ? s->service->view_last_uid(s->view) : 0;

	if (!last || !n->next_uid || last < n->next_uid)
		return true;
	if (n->item_count && (n->news.begun || begin(s, last)) && !fetch_news_more(s, &n->news, out))
		return false;
	n->next_uid = last + 1;
	n->own.message_count = 0;
	return true;
}
