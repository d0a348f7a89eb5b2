/* queue/chore.c: chores are made by one delivery thread at a time: mailboxes do not wait for them.
 *
 * (1) What waits for its turn (a dead, busy or paused destination) is given up and told of like what was attempted, without counting as an attempt.
 * (2) Somewhat after a message's time is over: the attempt that is due at that time comes first.
 */
#include "daemon/queue/chore.h"

#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/queue/detail.h"
#include "daemon/queue/lane.h"
#include "daemon/queue/outcome.h"

#define GRACE_MS 60000
#define AGAIN_MS 60000

int64_t chore_due(const struct entry *e, int64_t notice_ms, bool by_is_open, int64_t after_ms)
{
	int64_t at_ms = e->expires_mono_ms + GRACE_MS;

	if (at_ms <= after_ms)
		at_ms = after_ms + AGAIN_MS;
	if (notice_ms && e->begun_mono_ms + notice_ms > after_ms && e->begun_mono_ms + notice_ms < at_ms)
		at_ms = e->begun_mono_ms + notice_ms;
	if (by_is_open && e->deliver_by_mono_ms > after_ms && e->deliver_by_mono_ms && e->deliver_by_mono_ms < at_ms)
		at_ms = e->deliver_by_mono_ms;
	return at_ms;
}

void chore_push(struct queue *q, struct part *p)
{
	part_claim(q, p);
	p->next = NULL;
	if (q->chores_last)
		q->chores_last->next = p;
	else
		q->chores = p;
	q->chores_last = p;
	pthread_cond_signal(&q->local_work);
}

static void judge(const struct entry *e, const struct rcpt *r, struct outcome *o)
{
	int64_t now_ms = clock_mono_ms();

	o->kind = OUTCOME_UNTRIED;
	if (now_ms >= e->expires_mono_ms + GRACE_MS)
		outcome_set_words(o, OUTCOME_FAILED, "4.4.7", r->reply.len ? r->reply : SPAN("the message was too old before its destination could be tried"));
	else if (e->deliver_by_mono_ms && now_ms >= e->deliver_by_mono_ms && (e->detail->deliver_by & BY_RETURN))
		outcome_set_words(o, OUTCOME_FAILED, "5.4.7", r->reply.len ? r->reply : SPAN("the time within which it was to be delivered is over"));
}

/* Without queue.lock. */
static void run(struct queue *q, struct part *p)
{
	struct outcome *outcomes = calloc(p->count, sizeof(*outcomes));
	struct entry *e = p->entry;

	if (!outcomes || detail_need(q, e)) {
		free(outcomes);
		pthread_mutex_lock(&q->lock);
		p->chore_ms = clock_mono_ms() + AGAIN_MS;
		part_place(q, p);
		pthread_mutex_unlock(&q->lock);
		return;
	}
	pthread_mutex_lock(&q->lock);
	for (uint32_t i = 0; i < p->count; i++) {
		const struct rcpt *r = &e->detail->rcpts[p->first + i];

		if (r->state == RECIPIENT_WAITING && !r->hold)
			judge(e, r, &outcomes[i]);
	}
	pthread_mutex_unlock(&q->lock);
	(void)outcome_chore(q, p, outcomes);
	free(outcomes);
}

bool chore_work(struct queue *q)
{
	struct part *p = q->chores;

	if (!p || q->chore_running)
		return false;
	q->chores = p->next;
	if (!q->chores)
		q->chores_last = NULL;
	p->next = NULL;
	q->chore_running = true;
	pthread_mutex_unlock(&q->lock);
	run(q, p);
	pthread_mutex_lock(&q->lock);
	q->chore_running = false;
	return true;
}
