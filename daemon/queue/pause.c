/* queue/pause.c: pauses in memory, sorted by name; written first, then obeyed.
 *
 * A pause with an end stands in the heap of times. The wall clock says when it ends only where it is told of: while the daemon runs the monotonic
 * one decides.
 */
#include "daemon/queue/pause.h"

#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/queue/due.h"
#include "daemon/queue/lane.h"
#include "db/queue_pause.h"

#define NAME_MAX_BYTES 300u
#define REASON_MAX_BYTES 500u

struct pause {
	struct timer timer; /* its end */
	int64_t created_ms, until_ms;
	struct span name, reason; /* behind it */
};

static struct span keep(char *at, struct span s)
{
	if (s.len)
		memcpy(at, s.ptr, s.len);
	return span_make(at, s.len);
}

/* Where it is, or would be. */
static size_t find(const struct queue *q, struct span name, bool *found)
{
	size_t low = 0, high = q->pause_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (span_compare(q->pauses[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*found = low < q->pause_count && span_equals(q->pauses[low]->name, name);
	return low;
}

bool pause_is_set(const struct queue *q, struct span destination)
{
	bool found;

	(void)find(q, destination, &found);
	return found;
}

static void tell_lane(struct queue *q, struct span name, bool paused)
{
	struct lane *lane = lane_find(q, name);

	if (!lane)
		return;
	lane->paused = paused;
	lane_update(q, lane);
}

static void take_out(struct queue *q, size_t at)
{
	struct pause *p = q->pauses[at];

	due_remove(q, &p->timer);
	due_unreserve(q, 1);
	memmove(&q->pauses[at], &q->pauses[at + 1], (q->pause_count - at - 1) * sizeof(struct pause *));
	q->pause_count--;
}

void pause_over(struct queue *q, struct pause *p)
{
	bool found;
	size_t at = find(q, p->name, &found);

	if (!found)
		return;
	take_out(q, at);
	tell_lane(q, p->name, false);
	free(p);
}

void pause_forget(struct queue *q)
{
	while (q->pause_count) {
		struct pause *p = q->pauses[q->pause_count - 1];

		take_out(q, q->pause_count - 1);
		free(p);
	}
	free(q->pauses);
	q->pauses = NULL;
}

/* With queue.lock held. Room for it in all places: what follows cannot fail. */
static struct pause *make(struct queue *q, const struct queue_pause *from)
{
	struct pause *p = calloc(1, sizeof(*p) + from->destination.len + from->reason.len);

	/* Those whose rows are being written count, too. */
	if (p && q->pause_count + q->pauses_coming >= q->pause_cap) {
		size_t cap = q->pause_cap ? q->pause_cap * 2 : 16;
		struct pause **more = realloc(q->pauses, cap * sizeof(struct pause *));

		if (!more) {
			free(p);
			return NULL;
		}
		q->pauses = more;
		q->pause_cap = cap;
	}
	if (!p || due_reserve(q, 1)) {
		free(p);
		return NULL;
	}
	q->pauses_coming++;
	p->timer.kind = TIMER_PAUSE;
	p->created_ms = from->created_ms;
	p->until_ms = from->until_ms;
	p->name = keep((char *)(p + 1), from->destination);
	p->reason = keep((char *)(p + 1) + from->destination.len, from->reason);
	return p;
}

static void put_in(struct queue *q, struct pause *p)
{
	bool found;
	size_t at = find(q, p->name, &found);

	q->pauses_coming--;
	if (found) {
		struct pause *old = q->pauses[at];

		take_out(q, at);
		free(old);
	}
	memmove(&q->pauses[at + 1], &q->pauses[at], (q->pause_count - at) * sizeof(struct pause *));
	q->pauses[at] = p;
	q->pause_count++;
	if (p->until_ms)
		due_add(q, &p->timer, clock_mono_ms() + (p->until_ms > clock_real_ms() ? p->until_ms - clock_real_ms() : 0));
	tell_lane(q, p->name, true);
}

struct loader {
	struct queue *q;
	int64_t now_ms;
};

static enum err load_one(void *arg, const struct queue_pause_row *row)
{
	struct loader *l = arg;
	struct queue_pause pause = { row->destination, row->reason, row->created_ms, row->until_ms };
	struct pause *p;

	if (row->until_ms && row->until_ms <= l->now_ms)
		return ERR_OK;
	pthread_mutex_lock(&l->q->lock);
	p = make(l->q, &pause);
	if (p)
		put_in(l->q, p);
	pthread_mutex_unlock(&l->q->lock);
	return p ? ERR_OK : ERR_TEMP;
}

enum err pause_load(struct queue *q, struct note *why)
{
	struct loader l = { q, clock_real_ms() };
	enum err e;

	pthread_mutex_lock(&q->reader_lock);
	e = db_queue_pauses(q->reader, load_one, &l);
	pthread_mutex_unlock(&q->reader_lock);
	if (e)
		note_set(why, "cannot read %s", q->config.path);
	return e;
}

/* As lanes are named: no spaces, no capitals. */
static bool is_name(struct span name)
{
	for (size_t i = 0; i < name.len; i++)
		if ((uint8_t)name.ptr[i] <= ' ' || name.ptr[i] == 0x7f || (name.ptr[i] >= 'A' && name.ptr[i] <= 'Z') || name.ptr[i] == '@')
			return false;
	return name.len > 0 && name.len <= NAME_MAX_BYTES;
}

static enum err run_put(struct db *db, void *arg)
{
	return db_queue_pause_put(db, arg);
}

enum err queue_pause_check(const struct queue_pause *pause, struct note *why)
{
	if (!is_name(pause->destination))
		note_set(why, "a destination is a domain, or host:port");
	else if (pause->reason.len > REASON_MAX_BYTES)
		note_set(why, "a reason has at most %d bytes", (int)REASON_MAX_BYTES);
	else if (pause->until_ms && pause->until_ms <= clock_real_ms())
		note_set(why, "that time is over");
	else
		return ERR_OK;
	return ERR_SYNTAX;
}

enum err queue_pause_set(struct queue *q, const struct queue_pause *pause, struct note *why)
{
	struct queue_pause_row row = { pause->destination, pause->reason, pause->created_ms, pause->until_ms };
	struct pause *p;
	bool found;
	enum err e = queue_pause_check(pause, why);

	if (e)
		return e;
	pthread_mutex_lock(&q->lock);
	(void)find(q, pause->destination, &found);
	e = !found && q->pause_count >= PAUSES_MAX ? ERR_LIMIT : ERR_OK;
	p = e ? NULL : make(q, pause);
	pthread_mutex_unlock(&q->lock);
	if (e) {
		note_set(why, "%d destinations are paused", PAUSES_MAX);
		return e;
	}
	if (!p)
		return ERR_TEMP;
	e = db_group_run(q->group, run_put, &row, row.destination.len + row.reason.len + 64);
	pthread_mutex_lock(&q->lock);
	if (!e) {
		put_in(q, p);
		p = NULL;
	} else {
		q->pauses_coming--;
		due_unreserve(q, 1);
	}
	pthread_mutex_unlock(&q->lock);
	free(p);
	return e;
}

static enum err run_delete(struct db *db, void *arg)
{
	return db_queue_pause_delete(db, *(const struct span *)arg);
}

enum err queue_pause_end(struct queue *q, struct span destination)
{
	struct pause *p = NULL;
	bool found;
	size_t at;
	enum err e;

	pthread_mutex_lock(&q->lock);
	found = pause_is_set(q, destination);
	pthread_mutex_unlock(&q->lock);
	if (!found)
		return ERR_NOT_FOUND;
	e = db_group_run(q->group, run_delete, &destination, 64);
	if (e)
		return e;
	pthread_mutex_lock(&q->lock);
	at = find(q, destination, &found);
	if (found) {
		p = q->pauses[at];
		take_out(q, at);
		tell_lane(q, p->name, false);
	}
	pthread_mutex_unlock(&q->lock);
	free(p);
	return ERR_OK;
}

size_t pause_count(const struct queue *q)
{
	return q->pause_count;
}

void pause_at(const struct queue *q, size_t i, struct queue_pause *out)
{
	const struct pause *p = q->pauses[i];

	*out = (struct queue_pause){ p->name, p->reason, p->created_ms, p->until_ms };
}
