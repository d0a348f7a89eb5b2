/* queue/outcome.c: outcomes become states.
 *
 * (1) A recipient fails only together with a DSN that is sealed and attached, or for a null reverse-path with a line in the log.
 *     When the DSN cannot be made now, the recipient waits and fails later.
 * (2) A temporary failure past the message's expiry is a failure (4.4.7).
 */
#include "daemon/queue/outcome.h"

#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/counter.h"
#include "daemon/base/log.h"
#include "daemon/base/rng.h"
#include "daemon/queue/accept.h"
#include "daemon/queue/bounce.h"
#include "daemon/queue/entry.h"
#include "daemon/queue/flush.h"
#include "daemon/queue/lane.h"
#include "daemon/queue/tell.h"

#define REPLY_MAX 500u
#define BOUNCE_AGAIN_MS 60000
#define DSN_RECIPIENTS_MAX 500 /* their DSN has a ceiling: what could never be told could never end */

/* Milliseconds until the next attempt after so many. */
static int64_t retry_ms(unsigned attempts)
{
	static const int64_t minutes[] = { 5, 10, 20, 40, 60, 120, 240, 480 };
	const size_t count = sizeof(minutes) / sizeof(minutes[0]);
	int64_t ms = minutes[attempts == 0 ? 0 : attempts <= count ? attempts - 1
								   : count - 1] *
		     60000;

	/* ±10 %, so that what failed together does not come back together. */
	return ms - ms / 10 + (int64_t)rng_below((uint64_t)(ms / 5) + 1);
}

void outcome_set(struct queue *q, struct entry *e, struct rcpt *r, enum recipient_state state)
{
	bool was_open = r->state == RECIPIENT_WAITING || r->state == RECIPIENT_ACTIVE;
	bool stays_open = state == RECIPIENT_WAITING || state == RECIPIENT_ACTIVE;

	q->waiting -= r->state == RECIPIENT_WAITING;
	q->active -= r->state == RECIPIENT_ACTIVE;
	q->waiting += state == RECIPIENT_WAITING;
	q->active += state == RECIPIENT_ACTIVE;
	r->state = state;
	r->dirty = true;
	if (!was_open || stays_open)
		return;
	if (--e->open == 0)
		q->open_messages--;
}

static void keep_words(struct rcpt *r, const struct outcome *o)
{
	struct span words = span_take(o->reply, REPLY_MAX);
	char *copy;

	memcpy(r->status, o->status, sizeof(r->status));
	copy = words.len ? malloc(words.len + 1) : NULL;
	if (!copy)
		return;
	for (size_t i = 0; i < words.len; i++)
		copy[i] = words.ptr[i] ? words.ptr[i] : ' ';
	copy[words.len] = '\0';
	free(r->reply);
	r->reply = copy;
}

static void log_outcome(const struct entry *e, const struct rcpt *r, const struct outcome *o)
{
	static const char *const names[] = { [OUTCOME_UNTRIED] = "untried", [OUTCOME_DELIVERED] = "relayed", [OUTCOME_RETRY] = "deferred", [OUTCOME_FAILED] = "failed" };
	char id[QUEUE_ID_TEXT];

	queue_id_text(&e->id, id);
	log_event(LOG_INFO, "queue", names[o->kind], "qid=%s to=%s host=%s status=%s reply=%s", id, log_quote(r->address).text, log_quote(o->host).text, o->status, log_quote(o->reply).text);
}

static bool is_pending(const struct rcpt *r)
{
	return r->state == RECIPIENT_ACTIVE;
}

static bool is_open(const struct rcpt *r)
{
	return r->state == RECIPIENT_WAITING || r->state == RECIPIENT_ACTIVE;
}

/* Only this part's owner changes the states of its recipients while it is active. */
static void expire(const struct entry *e, const struct part *p, struct outcome *outcomes)
{
	if (clock_mono_ms() < e->expires_mono_ms)
		return;
	for (uint32_t i = 0; i < p->count; i++) {
		if (outcomes[i].kind != OUTCOME_RETRY)
			continue;
		outcomes[i].kind = OUTCOME_FAILED;
		memcpy(outcomes[i].status, "4.4.7", sizeof("4.4.7"));
	}
}

/* Those that one DSN can tell of; the others fail at once after them, with the next. */
static size_t limit_failures(const struct part *p, struct outcome *outcomes)
{
	size_t fails = 0;

	for (uint32_t i = 0; i < p->count; i++) {
		if (!is_pending(&p->entry->rcpts[p->first + i]) || outcomes[i].kind != OUTCOME_FAILED)
			continue;
		if (fails < DSN_RECIPIENTS_MAX)
			fails++;
		else
			outcomes[i].kind = OUTCOME_UNTRIED;
	}
	return fails;
}

/* The DSN of the failures among the outcomes; they become retries when it cannot be made. True: they did. */
static bool make_bounce(struct queue *q, struct part *p, struct outcome *outcomes, struct accept **dsn_out)
{
	struct note why = { "" };
	char id[QUEUE_ID_TEXT];
	enum err e;

	*dsn_out = NULL;
	if (limit_failures(p, outcomes) == 0)
		return false;
	queue_id_text(&p->entry->id, id);
	if (p->entry->reverse_path.len == 0) {
		log_event(LOG_WARN, "queue", "dropped", "qid=%s reason=null_reverse_path", id);
		return false;
	}
	e = bounce_make(q, p, outcomes, dsn_out, &why);
	if (!e)
		return false;
	log_event(LOG_ERROR, "queue", "dsn_not_made", "qid=%s error=%s why=%s", id, err_name(e), log_quote(span_str(why.text)).text);
	for (uint32_t i = 0; i < p->count; i++)
		if (outcomes[i].kind == OUTCOME_FAILED)
			outcomes[i].kind = OUTCOME_RETRY;
	return true;
}

static void apply_one(struct queue *q, struct entry *e, struct rcpt *r, const struct outcome *o)
{
	enum recipient_state state = RECIPIENT_WAITING;

	switch (o->kind) {
	case OUTCOME_UNTRIED: return;
	case OUTCOME_DELIVERED:
		state = RECIPIENT_DELIVERED;
		counter_add(COUNTER_RELAYED, 1);
		break;
	case OUTCOME_RETRY: counter_add(o->remote ? COUNTER_DEFERRED_REMOTE : COUNTER_DEFERRED_UNREACHABLE, 1); break;
	case OUTCOME_FAILED:
		state = RECIPIENT_FAILED;
		counter_add(span_equals(span_str(o->status), SPAN("4.4.7")) ? COUNTER_BOUNCED_EXPIRED : o->remote ? COUNTER_BOUNCED_REMOTE
														  : COUNTER_BOUNCED_UNROUTABLE,
			    1);
		break;
	}
	r->attempts++;
	r->last_ms = clock_real_ms();
	keep_words(r, o);
	r->tried = true;
	outcome_set(q, e, r, state == RECIPIENT_WAITING ? RECIPIENT_ACTIVE : state);
}

/* When what is still open comes again: at once while the round has recipients that were not tried, else all in a later round. */
static void settle_part(struct queue *q, struct part *p, int64_t again_ms)
{
	struct rcpt *rcpts = p->entry->rcpts + p->first;
	int64_t now_ms = clock_mono_ms(), due_ms;
	bool open = false, untried = false;

	for (uint32_t i = 0; i < p->count; i++) {
		open |= is_pending(&rcpts[i]);
		untried |= is_pending(&rcpts[i]) && !rcpts[i].tried;
	}
	if (!open) {
		part_end(q, p);
		return;
	}
	if (untried) {
		part_ready(q, p);
		return;
	}
	for (uint32_t i = 0; i < p->count; i++)
		rcpts[i].tried = false;
	p->attempts++;
	due_ms = now_ms + (again_ms ? again_ms : retry_ms(p->attempts));
	/* The last attempt comes when the time is over. */
	if (due_ms > p->entry->expires_mono_ms && now_ms < p->entry->expires_mono_ms)
		due_ms = p->entry->expires_mono_ms;
	part_wait(q, p, due_ms);
}

/* What can no longer change, before anybody else may free it. */
static void tell_ends(struct queue *q, const struct part *p, const struct outcome *outcomes)
{
	for (uint32_t i = 0; i < p->count; i++) {
		const struct rcpt *r = &p->entry->rcpts[p->first + i];

		if (!is_pending(r) || outcomes[i].kind == OUTCOME_UNTRIED)
			continue;
		log_outcome(p->entry, r, &outcomes[i]);
		if (outcomes[i].kind != OUTCOME_RETRY)
			tell_outcome(q, p->entry, p->first + i, &outcomes[i], r->attempts + 1, 0);
	}
}

/* With queue.lock held: when it is tried again is known now. */
static void tell_retries(struct queue *q, const struct part *p, const struct outcome *outcomes)
{
	int64_t next_ms = p->state == PART_WAITING && p->timer.slot ? clock_real_ms() + (p->timer.at_ms - clock_mono_ms()) : clock_real_ms();

	for (uint32_t i = 0; i < p->count; i++) {
		const struct rcpt *r = &p->entry->rcpts[p->first + i];

		if (is_open(r) && outcomes[i].kind == OUTCOME_RETRY)
			tell_outcome(q, p->entry, p->first + i, &outcomes[i], r->attempts, next_ms);
	}
}

void outcome_apply(struct queue *q, struct part *p, struct outcome *outcomes)
{
	struct entry *e = p->entry;
	struct accept *dsn;
	struct flush *f;
	bool put_off;

	expire(e, p, outcomes);
	put_off = make_bounce(q, p, outcomes, &dsn);
	tell_ends(q, p, outcomes);
	pthread_mutex_lock(&q->lock);
	for (uint32_t i = 0; i < p->count; i++) {
		struct rcpt *r = &e->rcpts[p->first + i];

		if (is_pending(r))
			apply_one(q, e, r, &outcomes[i]);
	}
	if (dsn)
		accept_push(&e->dsns, dsn);
	settle_part(q, p, put_off ? BOUNCE_AGAIN_MS : 0);
	tell_retries(q, p, outcomes);
	entry_settle(q, e);
	flush_mark(q, e, true);
	f = flush_take(q, false);
	pthread_mutex_unlock(&q->lock);
	flush_submit(f);
}

void outcome_fail_all(struct queue *q, struct part *p, const char *status, const char *words)
{
	struct outcome *outcomes = calloc(p->count, sizeof(*outcomes));

	if (!outcomes) {
		pthread_mutex_lock(&q->lock);
		part_wait(q, p, clock_mono_ms() + BOUNCE_AGAIN_MS);
		pthread_mutex_unlock(&q->lock);
		return;
	}
	for (uint32_t i = 0; i < p->count; i++) {
		outcomes[i].kind = OUTCOME_FAILED;
		memcpy(outcomes[i].status, status, strnlen(status, sizeof(outcomes[i].status) - 1));
		outcomes[i].reply = span_str(words);
	}
	outcome_apply(q, p, outcomes);
	free(outcomes);
}

void outcome_delivered(struct queue *q, struct part *p)
{
	struct entry *e = p->entry;

	for (uint32_t i = 0; i < p->count; i++) {
		struct rcpt *r = &e->rcpts[p->first + i];

		if (!is_pending(r))
			continue;
		r->attempts++;
		r->last_ms = clock_real_ms();
		outcome_set(q, e, r, RECIPIENT_DELIVERED);
	}
	part_end(q, p);
	entry_settle(q, e);
	flush_mark(q, e, false);
}
