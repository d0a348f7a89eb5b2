/* queue/remote.c: mail to other servers.
 *
 * (1) At most RELAY_BRISK_MAX attempts that are younger than SLOW_MS, and at most half as many for lanes whose last attempt failed or took
 *     longer, or where one is taking longer: a big provider that is down does not stop the mail to all others, and neither do peers who
 *     answer as slowly as they may; RELAY_THREADS_MAX is the end.
 * (2) A lane begins with two attempts at a time, gains one with each success and halves with each failure; after some failures in
 *     a row it is held back, whatever number of messages wait for it, and then one of them finds out whether it is there.
 * (3) A thread that finds nothing to do for a while ends.
 */
#include "daemon/queue/remote.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/directory/directory.h"
#include "daemon/directory/setting.h"
#include "daemon/mime/header.h"
#include "daemon/queue/content.h"
#include "daemon/queue/detail.h"
#include "daemon/queue/hop.h"
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
#define SLOW_MS 10000
#define WORDS_MAX 120 /* of a lane's last error */
#define AGAIN_MS 60000

struct job {
	struct relay_job relay;
	struct relay_recipient recipients[JOB_RECIPIENTS_MAX];
	uint32_t index[JOB_RECIPIENTS_MAX]; /* in the part */
	struct relay_host route;            /* of an operator */
	struct arena arena;
	struct content_reader reader;
	struct outcome *outcomes; /* one for each recipient of the part */
};

/* What a relay thread learns of a destination. */
struct verdict {
	bool tried; /* without an attempt nothing is known */
	bool alive;
	char words[WORDS_MAX + 1];
};

/* Where a recipient goes: an operator's route, a relay host, or (both null) his domain. */
struct way {
	const struct relay_host *via;
	struct span route, domain, reverse_path, delivered_to;
};

static void find_way(const struct snapshot *s, const struct entry *e, const struct rcpt *r, struct way *out)
{
	*out = (struct way){ .route = r->route, .domain = route_domain(r->address), .reverse_path = r->reverse_path.ptr ? r->reverse_path : e->detail->reverse_path };
	if (!r->route.len)
		out->via = snapshot_relay_for(s, out->domain, route_domain(e->detail->reverse_path));
	/* A copy that an address of ours passes on says so: what comes back by another way is a loop. */
	if (!span_iequals(r->address, r->original))
		out->delivered_to = r->original;
}

static bool is_same_way(const struct way *a, const struct way *b)
{
	if (a->via != b->via || !span_equals(a->route, b->route) || !span_equals(a->reverse_path, b->reverse_path) || !span_equals(a->delivered_to, b->delivered_to))
		return false;
	return a->via || a->route.len || span_iequals(a->domain, b->domain);
}

/* As many recipients as share the way of the first that this round has not tried: the directory may have changed since the part was made. */
static void choose_recipients(const struct snapshot *s, const struct part *p, struct job *job, struct way *way)
{
	const struct entry *e = p->entry;
	struct relay_job *relay = &job->relay;

	for (uint32_t i = 0; i < p->count && relay->recipient_count < JOB_RECIPIENTS_MAX; i++) {
		const struct rcpt *r = &e->detail->rcpts[p->first + i];
		struct way its;

		if (r->state != RECIPIENT_WAITING || r->hold || r->tried)
			continue;
		find_way(s, e, r, &its);
		if (relay->recipient_count == 0)
			*way = its;
		else if (!is_same_way(way, &its))
			continue;
		job->index[relay->recipient_count] = i;
		job->recipients[relay->recipient_count++] = (struct relay_recipient){ .address = r->address, .notify = r->notify, .orcpt = r->orcpt };
	}
}

/* From where: the sender's domain says, else the settings, else the kernel. */
static struct net_addr source_of(const struct snapshot *s, const struct net_addr *own, enum setting which)
{
	struct net_addr addr = { .family = NET_NONE };

	if (own && own->family != NET_NONE)
		return *own;
	if (net_ip_parse(snapshot_text(s, which), &addr))
		addr.family = NET_NONE;
	return addr;
}

static void choose_source(const struct snapshot *s, struct relay_job *relay)
{
	const struct domain *domain = NULL;
	struct address sender;

	if (relay->reverse_path.len && !address_parse(relay->reverse_path, relay->arena, &sender))
		domain = snapshot_domain(s, sender.domain);
	relay->source4 = source_of(s, domain ? &domain->source4 : NULL, SETTING_RELAY_SOURCE_IPV4);
	relay->source6 = source_of(s, domain ? &domain->source6 : NULL, SETTING_RELAY_SOURCE_IPV6);
}

static bool is_tls_optional(const struct content *c)
{
	struct header_field field;

	return header_find(buf_span(&c->head), SPAN("TLS-Required"), 0, &field) && span_iequals(span_trim(field.value), SPAN("No"));
}

static void describe_message(struct job *job, const struct entry *e)
{
	static const char ret[] = { [RETURN_UNSAID] = 0, [RETURN_FULL] = 'F', [RETURN_HEADERS] = 'H' };
	struct relay_job *relay = &job->relay;

	relay->smtputf8 = e->smtputf8;
	relay->body_8bit = e->body_8bit;
	relay->body_binary = e->body_binary;
	relay->require_tls = e->require_tls;
	relay->tls_optional = !e->require_tls && is_tls_optional(job->reader.content);
	relay->envid = e->detail->envid;
	relay->ret = ret[e->detail->ret];
	relay->priority = e->priority;
	relay->deliver_by_ms = e->detail->deliver_by_ms;
	relay->deliver_by = e->detail->deliver_by;
	relay->size = content_reader_size(&job->reader);
	relay->read = content_read;
	relay->arg = &job->reader;
}

static void run_job(struct queue *q, const struct part *p, struct job *job)
{
	const struct snapshot *s = directory_hold(q->config.directory);
	struct relay_job *relay = &job->relay;
	struct way way = { 0 };

	relay->recipients = job->recipients;
	relay->arena = &job->arena;
	pthread_mutex_lock(&q->lock); /* of holds and states; words do not change while it is active */
	choose_recipients(s, p, job, &way);
	pthread_mutex_unlock(&q->lock);
	relay->domain = way.domain;
	relay->via = way.via;
	if (way.route.len && !hop_parse(way.route, &job->route))
		relay->via = &job->route;
	relay->rule = snapshot_tls_rule(s, way.domain);
	relay->helo = snapshot_hostname(s);
	relay->reverse_path = way.reverse_path;
	content_reader_mark(&job->reader, way.delivered_to);
	describe_message(job, p->entry);
	choose_source(s, relay);
	if (relay->recipient_count)
		relay_attempt(q->config.relay, relay);
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
	o->passed_on = r->passed_on;
	o->by_lost = r->by_lost;
	o->at_rcpt = r->at_rcpt;
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

/* Alive: somebody there took or refused a recipient, or put off recipients and not all mail. */
static void judge_destination(const struct job *job, struct verdict *v)
{
	v->tried = job->relay.recipient_count > 0;
	v->alive = job->relay.answered;
	for (size_t i = 0; i < job->relay.recipient_count; i++)
		v->alive |= job->recipients[i].outcome != RELAY_RETRY;
	if (v->tried && !v->alive)
		(void)snprintf(v->words, sizeof(v->words), "%.*s", (int)span_take(job->recipients[0].reply, WORDS_MAX).len, job->recipients[0].reply.ptr);
}

static void finish_job(struct queue *q, struct part *p, struct job *job, struct verdict *v)
{
	judge_destination(job, v);
	/* A cancelled attempt says nothing about the destination. */
	if (v->tried && !v->alive && is_stopping(q)) {
		put_back(q, p, clock_mono_ms() + AGAIN_MS);
		return;
	}
	for (size_t i = 0; i < job->relay.recipient_count; i++)
		read_outcome(&job->recipients[i], span_str(job->relay.tls_version), &job->outcomes[job->index[i]]);
	(void)outcome_apply(q, p, job->outcomes);
}

/* With room for what will have become of each recipient: when another server has taken the message, nothing may fail for memory. */
static struct job *job_new(const struct part *p)
{
	struct job *job = calloc(1, sizeof(*job));

	if (job)
		job->outcomes = calloc(p->count, sizeof(*job->outcomes));
	if (job && !job->outcomes) {
		free(job);
		return NULL;
	}
	return job;
}

static void job_free(struct job *job)
{
	if (job)
		free(job->outcomes);
	free(job);
}

static void attempt(struct queue *q, struct part *p, struct verdict *v)
{
	struct job *job = job_new(p);
	struct content *c = NULL;
	enum err e = job ? detail_need(q, p->entry) : ERR_TEMP;

	if (e) {
		put_back(q, p, clock_mono_ms() + AGAIN_MS);
		job_free(job);
		return;
	}
	e = content_get(q, p->entry, false, &c);
	if (!e)
		e = content_reader_open(c, &job->reader);
	if (e == ERR_CORRUPT) {
		outcome_fail_all(q, p, "5.3.0", "the stored message is damaged");
	} else if (e) {
		put_back(q, p, clock_mono_ms() + AGAIN_MS);
	} else {
		arena_init(&job->arena, JOB_ARENA_MAX);
		run_job(q, p, job);
		content_reader_close(&job->reader);
		finish_job(q, p, job, v);
		arena_clear(&job->arena);
	}
	content_release(&c);
	job_free(job);
}

static void judge_lane(struct queue *q, struct lane *lane, const struct verdict *v, bool slow)
{
	int64_t hold_ms = HOLD_MS;

	lane->slow = slow;
	if (!v->tried) {
		lane_update(q, lane);
		return;
	}
	free(lane->last_error);
	lane->last_error = v->words[0] ? strdup(v->words) : NULL;
	if (v->alive) {
		lane->failures = 0;
		if (lane->limit < LANE_LIMIT_MAX)
			lane->limit++;
		lane_update(q, lane);
		return;
	}
	lane->failures++;
	lane->limit = lane->limit > 1 ? lane->limit / 2 : 1;
	if (lane->failures <= HOLD_AFTER) {
		lane_update(q, lane);
		return;
	}
	lane->limit = 1; /* one probe */
	for (unsigned i = HOLD_AFTER + 1; i < lane->failures && hold_ms < HOLD_MAX_MS; i++)
		hold_ms *= 2;
	lane_hold_back(q, lane, clock_mono_ms() + (hold_ms < HOLD_MAX_MS ? hold_ms : HOLD_MAX_MS));
	lane_cool(q, lane);
}

static bool has_work(struct queue *q)
{
	return lane_next(q, LIST_REMOTE) || (lane_next(q, LIST_FAILING) && q->relay_failing < RELAY_FAILING_MAX);
}

static bool is_slow(const struct queue *q, unsigned slot, int64_t now_ms)
{
	return now_ms - q->relay_since_ms[slot] >= SLOW_MS;
}

/* Attempts that are not slow yet; the lanes of those that have become so are marked. */
static unsigned count_brisk(struct queue *q, int64_t now_ms)
{
	unsigned brisk = 0;

	for (unsigned i = 0; i < q->relay_top; i++) {
		struct lane *lane = q->relay_lanes[i];

		if (!lane)
			continue;
		brisk += !is_slow(q, i, now_ms);
		if (is_slow(q, i, now_ms) && !lane->slow) {
			lane->slow = true;
			lane_update(q, lane);
		}
	}
	return brisk;
}

int64_t remote_next_ms(struct queue *q, int64_t now_ms)
{
	int64_t next_ms = 0;

	q->relay_watched = has_work(q) && count_brisk(q, now_ms) >= RELAY_BRISK_MAX;
	for (unsigned i = 0; q->relay_watched && i < q->relay_top; i++)
		if (q->relay_lanes[i] && !is_slow(q, i, now_ms) && (!next_ms || q->relay_since_ms[i] + SLOW_MS < next_ms))
			next_ms = q->relay_since_ms[i] + SLOW_MS;
	return next_ms;
}

/* Null: nothing that this thread may do. */
static struct lane *choose_lane(struct queue *q)
{
	bool busy = count_brisk(q, clock_mono_ms()) >= RELAY_BRISK_MAX;
	struct lane *healthy = lane_next(q, LIST_REMOTE);
	struct lane *failing = q->relay_failing < RELAY_FAILING_MAX ? lane_next(q, LIST_FAILING) : NULL;

	if (busy)
		return NULL;
	if (failing && (!healthy || ++q->relay_turn % FAILING_TURN == 0))
		return failing;
	return healthy;
}

/* One attempt, if there is one to make; with queue.lock held at both ends. */
static bool work_once(struct queue *q, unsigned slot)
{
	struct lane *lane = choose_lane(q);
	struct verdict v = { 0 };
	bool failing;
	struct part *p;

	if (!lane)
		return false;
	failing = lane->list == LIST_FAILING;
	p = lane_take(q, lane, 1, 1);
	q->relay_failing += failing;
	q->relay_since_ms[slot] = clock_mono_ms();
	q->relay_lanes[slot] = lane;
	remote_wake(q); /* there may be more */
	pthread_mutex_unlock(&q->lock);
	attempt(q, p, &v);
	pthread_mutex_lock(&q->lock);
	q->relay_lanes[slot] = NULL;
	q->relay_failing -= failing;
	judge_lane(q, lane, &v, is_slow(q, slot, clock_mono_ms()));
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
		if (work_once(q, slot)) {
			woken = true;
			continue;
		}
		if (!woken)
			break;
		q->relay_idle++;
		woken = wait_for(&q->remote_work, &q->lock, IDLE_MS);
		q->relay_idle--;
		q->relay_woken = false;
	}
	q->relay_slots[slot] = SLOT_ENDED;
	q->relay_count--;
	pthread_cond_broadcast(&q->settled);
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

static bool is_full(const struct queue *q)
{
	int64_t now_ms = clock_mono_ms();
	unsigned brisk = 0;

	if (q->relay_count < RELAY_BRISK_MAX)
		return false;
	for (unsigned i = 0; i < q->relay_top; i++)
		brisk += q->relay_lanes[i] && !is_slow(q, i, now_ms);
	return brisk >= RELAY_BRISK_MAX;
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
	if (slot >= q->relay_top)
		q->relay_top = slot + 1;
}

void remote_wake(struct queue *q)
{
	if (!q->started || q->stopping || !has_work(q))
		return;
	if (is_full(q)) {
		/* It looks again when the oldest of them has become slow. */
		if (!q->relay_watched)
			pthread_cond_signal(&q->tick);
		return;
	}
	if (q->relay_idle && !q->relay_woken) {
		q->relay_woken = true;
		pthread_cond_signal(&q->remote_work);
	}
	if (!q->relay_idle && q->relay_count < RELAY_THREADS_MAX)
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
	/* No more are started; who still runs writes its own end with the lock held. */
	for (unsigned i = 0; i < RELAY_THREADS_MAX; i++) {
		bool started;

		pthread_mutex_lock(&q->lock);
		started = q->relay_slots[i] != SLOT_FREE;
		pthread_mutex_unlock(&q->lock);
		if (started)
			pthread_join(q->relay[i], NULL);
		q->relay_slots[i] = SLOT_FREE;
	}
}
