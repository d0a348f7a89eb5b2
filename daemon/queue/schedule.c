/* queue/schedule.c: waits for the earliest of: a part due for an attempt or a chore, a held lane free, a pause over, results to be written, an attempt that has become slow. It sleeps when there is none. */
#include "daemon/queue/schedule.h"

#include "daemon/base/clock.h"
#include "daemon/base/wait.h"
#include "daemon/queue/chore.h"
#include "daemon/queue/due.h"
#include "daemon/queue/flush.h"
#include "daemon/queue/lane.h"
#include "daemon/queue/pause.h"
#include "daemon/queue/remote.h"

#define SLEEP_MAX_MS 3600000

static void start_part(struct queue *q, struct part *p, int64_t now_ms)
{
	if (p->chore_ms && p->chore_ms <= now_ms)
		chore_push(q, p);
	else
		part_place(q, p);
}

static void start_due(struct queue *q, int64_t now_ms)
{
	struct timer *t;

	while ((t = due_first(q)) != NULL && t->at_ms <= now_ms) {
		due_remove(q, t);
		/* The timer is the first member of each. */
		switch (t->kind) {
		case TIMER_PART: start_part(q, (struct part *)t, now_ms); break;
		case TIMER_LANE: lane_update(q, (struct lane *)t); break;
		case TIMER_PAUSE: pause_over(q, (struct pause *)t); break;
		}
	}
}

static int64_t sleep_ms(struct queue *q, int64_t now_ms)
{
	const struct timer *t = due_first(q);
	int64_t flush_ms = flush_next_ms(q), slow_ms = remote_next_ms(q, now_ms), wait_ms = SLEEP_MAX_MS;

	if (t && t->at_ms - now_ms < wait_ms)
		wait_ms = t->at_ms - now_ms;
	if (flush_ms && flush_ms - now_ms < wait_ms)
		wait_ms = flush_ms - now_ms;
	if (slow_ms && slow_ms - now_ms < wait_ms)
		wait_ms = slow_ms - now_ms;
	return wait_ms < 1 ? 1 : wait_ms;
}

static void *schedule_main(void *arg)
{
	struct queue *q = arg;

	pthread_mutex_lock(&q->lock);
	while (!q->stopping) {
		struct flush *f;

		start_due(q, clock_mono_ms());
		remote_wake(q);
		f = flush_take(q, false);
		if (f) {
			pthread_mutex_unlock(&q->lock);
			flush_submit(f);
			pthread_mutex_lock(&q->lock);
			continue;
		}
		wait_for(&q->tick, &q->lock, sleep_ms(q, clock_mono_ms()));
	}
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

enum err schedule_start(struct queue *q)
{
	q->scheduler_runs = pthread_create(&q->scheduler, NULL, schedule_main, q) == 0;
	return q->scheduler_runs ? ERR_OK : ERR_TEMP;
}

void schedule_poke(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	pthread_cond_signal(&q->tick);
	pthread_mutex_unlock(&q->lock);
}
