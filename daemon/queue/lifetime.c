/* queue/lifetime.c: see lifetime.h. */
#include "daemon/queue/lifetime.h"

#include "daemon/base/clock.h"
#include "daemon/queue/chore.h"
#include "daemon/queue/lane.h"
#include "db/queue_message.h"

#define RELEASED_LEFT_MS DAY_MS

struct end {
	uint8_t id[QUEUE_ROW_ID];
	int64_t expires_ms;
};

static enum err run_expire(struct db *db, void *arg)
{
	const struct end *end = arg;

	return db_queue_expire(db, end->id, end->expires_ms);
}

/* With queue.lock held. */
static void set(struct queue *q, struct entry *e, int64_t expires_ms)
{
	int64_t now_ms = clock_mono_ms(), left_ms = expires_ms - clock_real_ms();

	e->expires_mono_ms = now_ms + (left_ms > 0 ? left_ms : 0);
	for (struct part *p = e->parts; p; p = p->sibling) {
		int64_t chore_ms = chore_due(e, 0, true, now_ms);

		if (p->state == PART_DONE)
			continue;
		/* One that tells the sender may come before. */
		if (p->chore_ms <= now_ms || chore_ms < p->chore_ms || p->chore_ms > e->expires_mono_ms)
			p->chore_ms = chore_ms;
		if (p->due_ms > e->expires_mono_ms)
			p->due_ms = e->expires_mono_ms;
		if (p->state != PART_ACTIVE)
			part_place(q, p);
	}
}

enum err lifetime_set(struct queue *q, struct entry *e, int64_t expires_ms)
{
	struct end end = { .expires_ms = expires_ms };
	enum err err;

	memcpy(end.id, e->id.bytes, sizeof(end.id));
	err = db_group_run(q->group, run_expire, &end, 256);
	if (err)
		return err;
	pthread_mutex_lock(&q->lock);
	set(q, e, expires_ms);
	pthread_mutex_unlock(&q->lock);
	return ERR_OK;
}

enum err lifetime_after_hold(struct queue *q, struct entry *e)
{
	if (e->expires_mono_ms >= clock_mono_ms() + RELEASED_LEFT_MS)
		return ERR_OK;
	return lifetime_set(q, e, clock_real_ms() + RELEASED_LEFT_MS);
}

int64_t lifetime_begin_ms(const struct entry *e)
{
	return e->detail->release_ms && e->begun_mono_ms > clock_mono_ms() ? e->begun_mono_ms : 0;
}
