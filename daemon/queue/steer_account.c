/* queue/steer_account.c: see steer_account.h.
 *
 * Messages are walked in the order of acceptance. Their words are read back one by one without the lock; the hold on the entry keeps its place in
 * the list meanwhile. A recipient whose attempt runs is held, or released, behind it; it is never removed under it.
 */
#include "daemon/queue/steer_account.h"

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/wait.h"
#include "daemon/queue/detail.h"
#include "daemon/queue/flush.h"
#include "daemon/queue/lane.h"
#include "daemon/queue/lifetime.h"
#include "daemon/queue/tell.h"

#define DURABLE_MS 10000
#define LOOK_MS 50

enum deed { DEED_HOLD,
	    DEED_RELEASE,
	    DEED_PURGE };

/* A recipient of the part. True: something was done to it. */
static bool change(struct queue *q, struct part *p, uint32_t n, enum deed deed)
{
	struct rcpt *r = &p->entry->detail->rcpts[n];

	if (r->state != RECIPIENT_WAITING || (r->hold == HOLD_BREAKER) == (deed == DEED_HOLD) || (deed == DEED_HOLD && r->hold))
		return false;
	switch (deed) {
	case DEED_HOLD: part_change(q, p, r, RECIPIENT_WAITING, HOLD_BREAKER); break;
	case DEED_RELEASE: part_change(q, p, r, RECIPIENT_WAITING, HOLD_NONE); break;
	case DEED_PURGE:
		part_change(q, p, r, RECIPIENT_FAILED, HOLD_NONE);
		tell_removed(q, p->entry, n);
		break;
	}
	return true;
}

/* With queue.lock held, and the detail in memory. True: something was done. *busy_out: something could not be. */
static bool change_entry(struct queue *q, struct entry *e, enum deed deed, bool *busy_out)
{
	bool changed = false;

	for (struct part *p = e->parts; p; p = p->sibling) {
		bool here = false;

		if (p->state == PART_DONE)
			continue;
		if (p->state == PART_ACTIVE && deed == DEED_PURGE) {
			*busy_out |= p->held > 0;
			continue;
		}
		for (uint32_t n = p->first; n < p->first + p->count; n++)
			here |= change(q, p, n, deed);
		changed |= here;
		if (here && deed == DEED_RELEASE)
			p->due_ms = lifetime_begin_ms(e);
	}
	if (!changed)
		return false;
	/* Before a part lets go of the entry: what has news stays. */
	flush_mark(q, e, true);
	for (struct part *p = e->parts; p; p = p->sibling)
		if (p->state != PART_DONE && p->state != PART_ACTIVE)
			part_place(q, p);
	return true;
}

static bool concerns(const struct entry *e, enum deed deed)
{
	bool held = false, unheld = false;

	if (e->open == 0)
		return false;
	for (const struct part *p = e->parts; p; p = p->sibling) {
		held |= p->held > 0;
		unheld |= p->open > p->held;
	}
	return deed == DEED_HOLD ? unheld : held;
}

/* Messages; *left_out: there were some to which it could not be done. */
static size_t change_all(struct queue *q, uint64_t account_id, enum deed deed, bool *left_out)
{
	struct entry *e, *next;
	size_t changed = 0;

	pthread_mutex_lock(&q->lock);
	for (e = q->first; e; e = next) {
		if (e->account_id != account_id || !concerns(e, deed)) {
			next = e->next;
			continue;
		}
		detail_hold(e);
		pthread_mutex_unlock(&q->lock);
		if (detail_need(q, e) == ERR_OK && (deed != DEED_RELEASE || lifetime_after_hold(q, e) == ERR_OK)) {
			pthread_mutex_lock(&q->lock);
			changed += change_entry(q, e, deed, left_out);
		} else {
			pthread_mutex_lock(&q->lock);
			*left_out = true;
		}
		next = e->next;
		detail_let_go(q, e);
	}
	pthread_mutex_unlock(&q->lock);
	flush_along(q);
	return changed;
}

size_t steer_account_hold(struct queue *q, uint64_t account_id)
{
	bool left = false;
	size_t count = change_all(q, account_id, DEED_HOLD, &left);

	if (left)
		log_event(LOG_ERROR, "queue", "not_all_held", "account=%llu", (unsigned long long)account_id);
	return count;
}

static bool is_written(const struct queue *q, uint64_t account_id)
{
	for (const struct entry *e = q->first; e; e = e->next)
		if (e->account_id == account_id && (!e->open || e->dirty || e->writing))
			return false;
	return true;
}

static bool wait_written(struct queue *q, uint64_t account_id)
{
	int64_t until_ms = clock_mono_ms() + DURABLE_MS;
	bool written;

	pthread_mutex_lock(&q->lock);
	while (!(written = is_written(q, account_id)) && clock_mono_ms() < until_ms) {
		pthread_mutex_unlock(&q->lock);
		flush_along(q);
		pthread_mutex_lock(&q->lock);
		(void)wait_for(&q->settled, &q->lock, LOOK_MS);
	}
	pthread_mutex_unlock(&q->lock);
	return written;
}

enum err steer_account_release(struct queue *q, uint64_t account_id, bool purge, uint64_t *messages_out, struct note *why)
{
	bool left = false;

	*messages_out = change_all(q, account_id, purge ? DEED_PURGE : DEED_RELEASE, &left);
	if (wait_written(q, account_id) && !left)
		return ERR_OK;
	note_set(why, left ? "some of its messages are in the middle of an attempt, or cannot be read now: try again" : "the disk does not take it now: try again");
	return ERR_TEMP;
}

uint64_t steer_account_held(struct queue *q, uint64_t account_id)
{
	uint64_t count = 0;

	pthread_mutex_lock(&q->lock);
	for (const struct entry *e = q->first; e; e = e->next)
		count += e->account_id == account_id && concerns(e, DEED_RELEASE);
	pthread_mutex_unlock(&q->lock);
	return count;
}
