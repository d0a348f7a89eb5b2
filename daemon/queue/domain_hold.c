/* queue/domain_hold.c: mail of a domain that was disabled, when that is over. */
#include "daemon/base/arena.h"
#include "daemon/queue/queue.h"

#define PAGE_MESSAGES 100
#define PAGE_ARENA_MAX (64u * 1024u * 1024u)

struct walk {
	struct queue *q;
	struct queue_order order;
	struct queue_id last;
	bool begun, more;
	uint64_t done;
	enum err worst;
};

static enum err walk_page(struct walk *w, struct note *why)
{
	struct queue_entry *list = NULL;
	struct arena a;
	size_t count = 0;
	enum err e;

	arena_init(&a, PAGE_ARENA_MAX);
	e = queue_list(w->q, w->order.filter, w->begun ? &w->last : NULL, PAGE_MESSAGES, &a, &list, &count, &w->last, &w->more);
	w->begun = true;
	for (size_t i = 0; !e && i < count; i++) {
		enum err one = queue_steer(w->q, &list[i].id, &w->order, NULL, why);

		/* It may have ended meanwhile. */
		if (!one)
			w->done++;
		else if (one != ERR_NOT_FOUND && one != ERR_STATE)
			w->worst = one;
	}
	arena_clear(&a);
	return e;
}

enum err queue_domain_changed(struct queue *q, struct span domain, bool released, uint64_t *messages_out, struct note *why)
{
	struct queue_filter filter = { .domain = domain, .hold = HOLD_DOMAIN };
	struct walk w = { .q = q, .order = { .action = released ? QUEUE_RELEASE : QUEUE_BOUNCE, .filter = &filter, .words = SPAN("the domain takes no mail") }, .more = true };
	enum err e = ERR_OK;

	while (!e && w.more)
		e = walk_page(&w, why);
	*messages_out = w.done;
	return e ? e : w.worst;
}
