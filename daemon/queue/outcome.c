/* queue/outcome.c: outcomes become states.
 *
 * (1) The notices that tell of them are made first (inform.h), attached to the entry, and stored in the transaction of the states.
 * (2) A temporary failure past the message's expiry is a failure (4.4.7), as one past the time of BY with R (5.4.7). What an operator holds
 *     meanwhile is neither.
 */
#include "daemon/queue/outcome.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/counter.h"
#include "daemon/base/log.h"
#include "daemon/base/rng.h"
#include "daemon/directory/directory.h"
#include "daemon/directory/setting.h"
#include "daemon/queue/accept.h"
#include "daemon/queue/chore.h"
#include "daemon/queue/flush.h"
#include "daemon/queue/inform.h"
#include "daemon/queue/lane.h"
#include "daemon/queue/sent.h"
#include "daemon/queue/suppression.h"
#include "daemon/queue/tell.h"

#define REPLY_MAX 500u
#define AGAIN_MS 60000

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

static void keep_words(struct rcpt *r, const struct outcome *o)
{
	struct span words = span_take(o->reply, REPLY_MAX);
	char *copy;

	memcpy(r->status, o->status, sizeof(r->status));
	if (words.ptr == r->reply.ptr)
		return;
	copy = words.len ? malloc(words.len + 1) : NULL;
	if (!copy)
		return;
	for (size_t i = 0; i < words.len; i++)
		copy[i] = words.ptr[i] ? words.ptr[i] : ' ';
	copy[words.len] = '\0';
	free(r->own_reply);
	r->own_reply = copy;
	r->reply = span_make(copy, words.len);
}

static void log_outcome(const struct entry *e, const struct rcpt *r, const struct outcome *o)
{
	static const char *const names[] = { [OUTCOME_UNTRIED] = "untried", [OUTCOME_DELIVERED] = "relayed", [OUTCOME_RETRY] = "deferred", [OUTCOME_FAILED] = "failed", [OUTCOME_REMOVED] = "removed" };
	char id[QUEUE_ID_TEXT];

	queue_id_text(&e->id, id);
	log_event(LOG_INFO, "queue", names[o->kind], "qid=%s to=%s host=%s status=%s reply=%s", id, log_quote(r->address).text, log_quote(o->host).text, o->status, log_quote(o->reply).text);
}

/* Of those that are open, when the apply began; and what is over becomes a failure. Only this part's owner changes the states of its
 * recipients while it is active. */
static void begin(struct queue *q, const struct part *p, struct outcome *outcomes)
{
	const struct entry *e = p->entry;
	int64_t now_ms = clock_mono_ms();
	bool expired = now_ms >= e->expires_mono_ms, by_is_over = e->deliver_by_mono_ms && now_ms >= e->deliver_by_mono_ms && (e->detail->deliver_by & BY_RETURN);

	pthread_mutex_lock(&q->lock);
	for (uint32_t i = 0; i < p->count; i++) {
		const struct rcpt *r = &e->detail->rcpts[p->first + i];
		struct outcome *o = &outcomes[i];

		o->open = r->state == RECIPIENT_WAITING;
		o->held = r->hold != HOLD_NONE;
		if (o->kind != OUTCOME_RETRY || o->held || !(expired || by_is_over))
			continue;
		o->kind = OUTCOME_FAILED;
		(void)snprintf(o->status, sizeof(o->status), "%s", expired ? "4.4.7" : "5.4.7");
	}
	pthread_mutex_unlock(&q->lock);
}

static void count(const struct rcpt *r, const struct outcome *o)
{
	switch (o->kind) {
	case OUTCOME_UNTRIED:
	case OUTCOME_REMOVED: return;
	case OUTCOME_DELIVERED:
		if (r->kind == RCPT_REMOTE)
			counter_add(COUNTER_RELAYED, 1);
		return;
	case OUTCOME_RETRY: counter_add(o->remote ? COUNTER_DEFERRED_REMOTE : COUNTER_DEFERRED_UNREACHABLE, 1); return;
	case OUTCOME_FAILED:
		counter_add(span_equals(span_str(o->status), SPAN("4.4.7")) ? COUNTER_BOUNCED_EXPIRED : o->remote ? COUNTER_BOUNCED_REMOTE
														  : COUNTER_BOUNCED_UNROUTABLE,
			    1);
		return;
	}
}

static enum recipient_state state_after(enum outcome_kind kind)
{
	switch (kind) {
	case OUTCOME_UNTRIED:
	case OUTCOME_RETRY: break;
	case OUTCOME_DELIVERED: return RECIPIENT_DELIVERED;
	case OUTCOME_FAILED:
	case OUTCOME_REMOVED: return RECIPIENT_FAILED;
	}
	return RECIPIENT_WAITING;
}

static void apply_one(struct queue *q, struct part *p, struct rcpt *r, const struct outcome *o, bool attempted)
{
	if (o->told) {
		r->told_ms = clock_real_ms();
		r->dirty = true;
	}
	if (o->kind == OUTCOME_UNTRIED)
		return;
	count(r, o);
	/* What was given up without another server's word says nothing of whom it was for. */
	if (attempted && o->kind == OUTCOME_FAILED && p->entry->counted && r->kind == RCPT_REMOTE && o->status[0] == '5' && sent_was_named(r->address, r->original))
		sent_failed(q, p->entry->account_id, p->entry->accepted_ms);
	r->attempts += attempted;
	r->last_ms = clock_real_ms();
	keep_words(r, o);
	r->tried = true;
	part_change(q, p, r, state_after(o->kind), r->hold);
}

/* When what is still open comes again: at once while the round has recipients that were not tried, else all in a later round. */
static int64_t next_attempt_ms(struct part *p, const struct outcome *outcomes, int64_t again_ms)
{
	struct rcpt *rcpts = p->entry->detail->rcpts + p->first;
	int64_t now_ms = clock_mono_ms(), due_ms;

	for (uint32_t i = 0; i < p->count; i++)
		if (outcomes[i].open && outcomes[i].kind == OUTCOME_UNTRIED && !rcpts[i].hold && !rcpts[i].tried)
			return 0;
	for (uint32_t i = 0; i < p->count; i++)
		rcpts[i].tried = false;
	p->attempts++;
	due_ms = now_ms + (again_ms ? again_ms : retry_ms(p->attempts));
	/* The last attempt comes when the time is over. */
	if (due_ms > p->entry->expires_mono_ms && now_ms < p->entry->expires_mono_ms)
		due_ms = p->entry->expires_mono_ms;
	return due_ms;
}

static bool is_told(const struct rcpt *r, const struct outcome *o)
{
	/* What was filed is told of by who filed it; an expanded alias is no delivery. */
	return o->open && o->kind != OUTCOME_UNTRIED && (o->kind != OUTCOME_DELIVERED || r->kind == RCPT_REMOTE);
}

/* What can no longer change, before anybody else may free it. */
static void tell_ends(struct queue *q, const struct part *p, const struct outcome *outcomes, bool attempted)
{
	for (uint32_t i = 0; i < p->count; i++) {
		const struct rcpt *r = &p->entry->detail->rcpts[p->first + i];

		if (!is_told(r, &outcomes[i]))
			continue;
		if (outcomes[i].kind == OUTCOME_REMOVED) {
			tell_removed(q, p->entry, p->first + i);
			continue;
		}
		log_outcome(p->entry, r, &outcomes[i]);
		if (outcomes[i].kind != OUTCOME_RETRY)
			tell_outcome(q, p->entry, p->first + i, &outcomes[i], r->attempts + attempted, 0);
	}
}

/* With queue.lock held: when it is tried again is known now. */
static void tell_retries(struct queue *q, const struct part *p, const struct outcome *outcomes)
{
	int64_t now_ms = clock_mono_ms(), next_ms = clock_real_ms() + (p->due_ms > now_ms ? p->due_ms - now_ms : 0);

	for (uint32_t i = 0; i < p->count; i++)
		if (outcomes[i].open && outcomes[i].kind == OUTCOME_RETRY)
			tell_outcome(q, p->entry, p->first + i, &outcomes[i], p->entry->detail->rcpts[p->first + i].attempts, next_ms);
}

/* Addresses that are not there are not tried again for a while. What a host that an operator chose says of them is nobody else's word. */
static void learn(struct queue *q, const struct part *p, const struct outcome *outcomes)
{
	for (uint32_t i = 0; i < p->count; i++) {
		const struct rcpt *r = &p->entry->detail->rcpts[p->first + i];
		const struct outcome *o = &outcomes[i];

		if (o->open && o->kind == OUTCOME_FAILED && r->kind == RCPT_REMOTE && !r->route.len)
			suppression_learn(q, r->address, span_str(o->status), o->reply, o->remote, o->at_rcpt);
	}
}

static int64_t notice_ms(struct queue *q)
{
	const struct snapshot *s = directory_hold(q->config.directory);
	int64_t ms = snapshot_number(s, SETTING_QUEUE_NOTICE_HOURS) * 3600000;

	snapshot_release(&s);
	return ms;
}

static bool apply(struct queue *q, struct part *p, struct outcome *outcomes, bool attempted)
{
	int64_t told_after_ms = notice_ms(q);
	struct entry *e = p->entry;
	struct informed informed;
	struct accept *notice;
	struct flush *f;

	begin(q, p, outcomes);
	inform(q, p, outcomes, told_after_ms, attempted, &informed);
	tell_ends(q, p, outcomes, attempted);
	if (attempted)
		learn(q, p, outcomes);
	pthread_mutex_lock(&q->lock);
	for (uint32_t i = 0; i < p->count; i++)
		if (outcomes[i].open)
			apply_one(q, p, &e->detail->rcpts[p->first + i], &outcomes[i], attempted);
	while ((notice = accept_pop(&informed.notices)) != NULL)
		accept_push(&e->dsns, notice);
	if (attempted)
		p->due_ms = next_attempt_ms(p, outcomes, informed.put_off ? AGAIN_MS : 0);
	p->chore_ms = chore_due(e, informed.untold ? told_after_ms : 0, true, clock_mono_ms());
	if (informed.late || (informed.put_off && !attempted))
		p->chore_ms = clock_mono_ms() + AGAIN_MS;
	tell_retries(q, p, outcomes);
	/* Before the part lets go of the entry: what has news stays. */
	flush_mark(q, e, true);
	part_place(q, p);
	f = flush_take(q, false);
	pthread_mutex_unlock(&q->lock);
	flush_submit(f);
	return !informed.put_off;
}

bool outcome_apply(struct queue *q, struct part *p, struct outcome *outcomes)
{
	return apply(q, p, outcomes, true);
}

bool outcome_chore(struct queue *q, struct part *p, struct outcome *outcomes)
{
	return apply(q, p, outcomes, false);
}

void outcome_set_words(struct outcome *o, enum outcome_kind kind, const char *status, struct span words)
{
	o->kind = kind;
	(void)snprintf(o->status, sizeof(o->status), "%s", status);
	o->reply = words;
}

void outcome_fail_all(struct queue *q, struct part *p, const char *status, const char *words)
{
	struct outcome *outcomes = calloc(p->count, sizeof(*outcomes));

	if (!outcomes) {
		pthread_mutex_lock(&q->lock);
		part_wait(q, p, clock_mono_ms() + AGAIN_MS);
		pthread_mutex_unlock(&q->lock);
		return;
	}
	for (uint32_t i = 0; i < p->count; i++)
		outcome_set_words(&outcomes[i], OUTCOME_FAILED, status, span_str(words));
	(void)outcome_apply(q, p, outcomes);
	free(outcomes);
}

void outcome_delivered(struct queue *q, struct part *p)
{
	struct entry *e = p->entry;

	for (uint32_t i = 0; i < p->count; i++) {
		struct rcpt *r = &e->detail->rcpts[p->first + i];

		if (r->state != RECIPIENT_WAITING)
			continue;
		r->attempts++;
		r->last_ms = clock_real_ms();
		part_change(q, p, r, RECIPIENT_DELIVERED, r->hold);
	}
	flush_mark(q, e, false);
	part_place(q, p);
}
