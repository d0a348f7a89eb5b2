/* queue/remote.c: mail to other servers.
 *
 * (1) At most RELAY_THREADS_MAX threads, and at most half of them for lanes whose last attempt failed: a big provider that
 *     is down does not stop the mail to all others.
 * (2) A lane begins with two attempts at a time, gains one with each success and halves with each failure; after some failures in
 *     a row it is held back, whatever number of messages wait for it.
 * (3) A thread that finds nothing to do for a while ends.
 */
#include "daemon/queue/remote.h"

#include <stdlib.h>
#include <time.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/directory/directory.h"
#include "daemon/queue/content.h"
#include "daemon/queue/lane.h"
#include "daemon/queue/outcome.h"
#include "daemon/queue/route.h"
#include "daemon/base/wait.h"
#include "daemon/relay/relay.h"

#define IDLE_MS 30000
#define JOB_RECIPIENTS_MAX 100 /* RFC 5321 4.5.3.1.8: what every server takes */
#define JOB_ARENA_MAX (4u * 1024u * 1024u)
#define FAILING_TURN 4 /* every so many attempts a failing lane comes first */
#define HOLD_AFTER 3   /* failures in a row */
#define HOLD_MS 15000
#define HOLD_MAX_MS 300000

struct job {
	struct relay_job relay;
	struct relay_recipient recipients[JOB_RECIPIENTS_MAX];
	uint32_t index[JOB_RECIPIENTS_MAX]; /* in the part */
	struct arena arena;
	struct content_reader reader;
};

/* As many recipients as share the way of the first that this round has not tried: the directory may have changed since the part was made. */
static void choose_recipients(const struct snapshot *s, const struct part *p, struct job *job)
{
	const struct entry *e = p->entry;

	for (uint32_t i = 0; i < p->count && job->relay.recipient_count < JOB_RECIPIENTS_MAX; i++) {
		const struct rcpt *r = &e->rcpts[p->first + i];
		struct span domain = route_domain(r->address);

		if (r->state != RECIPIENT_ACTIVE || r->tried)
			continue;
		if (job->relay.recipient_count == 0) {
			job->relay.domain = domain;
			job->relay.via = snapshot_relay_for(s, domain, route_domain(e->reverse_path));
		} else if (job->relay.via ? snapshot_relay_for(s, domain, route_domain(e->reverse_path)) != job->relay.via : !span_iequals(domain, job->relay.domain)) {
			continue;
		}
		job->index[job->relay.recipient_count] = i;
		job->recipients[job->relay.recipient_count++].address = r->address;
	}
}

static void run_job(struct queue *q, const struct part *p, struct job *job)
{
	const struct snapshot *s = directory_hold(q->config.directory);
	const struct entry *e = p->entry;

	choose_recipients(s, p, job);
	job->relay.helo = snapshot_hostname(s);
	job->relay.reverse_path = e->reverse_path;
	job->relay.recipients = job->recipients;
	job->relay.smtputf8 = e->smtputf8;
	job->relay.body_8bit = e->body_8bit;
	job->relay.size = e->size;
	job->relay.read = content_read;
	job->relay.arg = &job->reader;
	job->relay.arena = &job->arena;
	relay_attempt(q->config.relay, &job->relay);
	snapshot_release(&s);
}

static void read_outcome(const struct relay_recipient *r, struct span tls, struct outcome *o)
{
	switch (r->outcome) {
	case RELAY_DELIVERED: o->kind = OUTCOME_DELIVERED; break;
	case RELAY_RETRY: o->kind = OUTCOME_RETRY; break;
	case RELAY_FAILED: o->kind = OUTCOME_FAILED; break;
	}
	memcpy(o->status, r->status, sizeof(o->status));
	o->status[sizeof(o->status) - 1] = '\0';
	o->reply = r->reply;
	o->host = r->host;
	o->remote = r->remote;
	o->tls = tls;
}

static bool is_stopping(struct queue *q)
{
	bool stopping;

	pthread_mutex_lock(&q->lock);
	stopping = q->stopping;
	pthread_mutex_unlock(&q->lock);
	return stopping;
}

static void put_back(struct queue *q, struct part *p, int64_t due_ms)
{
	pthread_mutex_lock(&q->lock);
	part_wait(q, p, due_ms);
	pthread_mutex_unlock(&q->lock);
}

/* True when the destination is alive: somebody there took or refused a recipient, or put off recipients and not all mail. */
static bool finish_job(struct queue *q, struct part *p, struct job *job)
{
	struct outcome *outcomes = calloc(p->count, sizeof(*outcomes));
	bool alive = job->relay.answered;

	for (size_t i = 0; i < job->relay.recipient_count; i++)
		alive |= job->recipients[i].outcome != RELAY_RETRY;
	/* A cancelled attempt says nothing about the destination. */
	if (!outcomes || (!alive && is_stopping(q))) {
		/* Without memory even for this: what was delivered may be sent again, which is better than lost. */
		put_back(q, p, clock_mono_ms() + 60000);
		free(outcomes);
		return alive;
	}
	for (size_t i = 0; i < job->relay.recipient_count; i++)
		read_outcome(&job->recipients[i], span_str(job->relay.tls_version), &outcomes[job->index[i]]);
	outcome_apply(q, p, outcomes);
	free(outcomes);
	return alive;
}

static bool attempt(struct queue *q, struct part *p)
{
	struct job *job = calloc(1, sizeof(*job));
	struct content *c = NULL;
	enum err e = job ? content_get(q, p->entry, false, &c) : ERR_TEMP;
	bool alive = true;

	if (!e)
		e = content_reader_open(c, &job->reader);
	if (e == ERR_CORRUPT) {
		outcome_fail_all(q, p, "5.3.0", "the stored message is damaged");
	} else if (e) {
		put_back(q, p, clock_mono_ms() + 60000);
	} else {
		arena_init(&job->arena, JOB_ARENA_MAX);
		run_job(q, p, job);
		content_reader_close(&job->reader);
		alive = finish_job(q, p, job);
		arena_clear(&job->arena);
	}
	content_release(&c);
	free(job);
	return alive;
}

static void judge_lane(struct queue *q, struct lane *lane, bool alive)
{
	int64_t hold_ms = HOLD_MS;

	if (alive) {
		lane->failures = 0;
		if (lane->limit < LANE_LIMIT_MAX)
			lane->limit++;
		lane_update(q, lane);
		return;
	}
	lane->failures++;
	lane->limit = lane->limit > 1 ? lane->limit / 2 : 1;
	if (lane->failures > HOLD_AFTER) {
		for (unsigned i = HOLD_AFTER + 1; i < lane->failures && hold_ms < HOLD_MAX_MS; i++)
			hold_ms *= 2;
		lane_hold_back(q, lane, clock_mono_ms() + (hold_ms < HOLD_MAX_MS ? hold_ms : HOLD_MAX_MS));
	} else {
		lane_update(q, lane);
	}
}

/* Null: nothing that this thread may do. */
static struct lane *choose_lane(struct queue *q)
{
	struct lane *healthy = lane_next(q, LIST_REMOTE);
	struct lane *failing = q->relay_failing < RELAY_FAILING_MAX ? lane_next(q, LIST_FAILING) : NULL;

	if (failing && (!healthy || ++q->relay_turn % FAILING_TURN == 0))
		return failing;
	return healthy;
}

/* One attempt, if there is one to make; with queue.lock held at both ends. */
static bool work_once(struct queue *q)
{
	struct lane *lane = choose_lane(q);
	bool failing, alive;
	struct part *p;

	if (!lane)
		return false;
	failing = lane->failures > 0;
	p = lane_take(q, lane, 1, 1);
	q->relay_failing += failing;
	remote_wake(q); /* there may be more */
	pthread_mutex_unlock(&q->lock);
	alive = attempt(q, p);
	pthread_mutex_lock(&q->lock);
	q->relay_failing -= failing;
	judge_lane(q, lane, alive);
	lane_give(q, lane);
	return true;
}

struct relay_start {
	struct queue *q;
	unsigned slot;
};

static void *relay_main(void *arg)
{
	struct relay_start *start = arg;
	struct queue *q = start->q;
	unsigned slot = start->slot;
	bool woken = true;

	free(start);
	pthread_mutex_lock(&q->lock);
	while (!q->stopping) {
		if (work_once(q)) {
			woken = true;
			continue;
		}
		if (!woken)
			break;
		q->relay_idle++;
		woken = wait_for(&q->remote_work, &q->lock, IDLE_MS);
		q->relay_idle--;
	}
	q->relay_slots[slot] = SLOT_ENDED;
	q->relay_count--;
	pthread_cond_broadcast(&q->settled);
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

static void start_thread(struct queue *q)
{
	struct relay_start *start;
	unsigned slot = 0;

	while (slot < RELAY_THREADS_MAX && q->relay_slots[slot] == SLOT_RUNNING)
		slot++;
	start = slot < RELAY_THREADS_MAX ? malloc(sizeof(*start)) : NULL;
	if (!start)
		return;
	/* Its last act was to let go of the lock, so this does not wait. */
	if (q->relay_slots[slot] == SLOT_ENDED)
		pthread_join(q->relay[slot], NULL);
	*start = (struct relay_start){ q, slot };
	q->relay_slots[slot] = SLOT_FREE;
	if (pthread_create(&q->relay[slot], NULL, relay_main, start) != 0) {
		free(start);
		log_event(LOG_ERROR, "queue", "thread_not_started", "running=%u", q->relay_count);
		return;
	}
	q->relay_slots[slot] = SLOT_RUNNING;
	q->relay_count++;
}

void remote_wake(struct queue *q)
{
	if (!q->started || q->stopping)
		return;
	if (!lane_next(q, LIST_REMOTE) && (!lane_next(q, LIST_FAILING) || q->relay_failing >= RELAY_FAILING_MAX))
		return;
	if (q->relay_idle)
		pthread_cond_signal(&q->remote_work);
	else if (q->relay_count < RELAY_THREADS_MAX)
		start_thread(q);
}

/* How long before the deadline running attempts are cut off. */
#define CANCEL_MS 1500

void remote_stop(struct queue *q, int64_t deadline_ms)
{
	int64_t left_ms;

	pthread_mutex_lock(&q->lock);
	pthread_cond_broadcast(&q->remote_work);
	while (q->relay_count && (left_ms = deadline_ms - CANCEL_MS - clock_mono_ms()) > 0)
		if (!wait_for(&q->settled, &q->lock, left_ms))
			break;
	pthread_mutex_unlock(&q->lock);
	if (q->config.relay)
		relay_cancel(q->config.relay);
	for (unsigned i = 0; i < RELAY_THREADS_MAX; i++) {
		if (q->relay_slots[i] != SLOT_FREE)
			pthread_join(q->relay[i], NULL);
		q->relay_slots[i] = SLOT_FREE;
	}
}
