/* queue/deliver.c: filing into accounts, one account at a time, all that waits for it in one transaction.
 *
 * (1) The account's ledger knows the queue ids that were filed; filing again is a success (ERR_EXISTS). So a result may be lost by a
 *     crash, and is written to queue.db lazily.
 * (2) A full disk or a damaged file is a reason to wait, never to bounce, until the message expires. The lane is held back, and
 *     its messages come one by one until one has succeeded: one that cannot be filed does not stop the others.
 */
#include "daemon/queue/deliver.h"

#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/counter.h"
#include "daemon/base/log.h"
#include "daemon/directory/directory.h"
#include "daemon/queue/chore.h"
#include "daemon/queue/content.h"
#include "daemon/queue/detail.h"
#include "daemon/queue/entry.h"
#include "daemon/queue/flush.h"
#include "daemon/queue/lane.h"
#include "daemon/queue/notice.h"
#include "daemon/queue/outcome.h"
#include "daemon/queue/tell.h"

#define BATCH_BYTES (4u * 1024u * 1024u)
#define PREFIX_MAX 1024u /* of one message */
#define HOLD_MS 1000
#define HOLD_MAX_MS 60000
#define CLEAN_FIRST 512 /* finished messages in memory before cleaning goes first */

struct batch {
	struct queue *q;
	struct lane *lane;
	size_t count; /* parts that have their content */
	struct part *parts[LOCAL_BATCH_MAX];
	struct content *contents[LOCAL_BATCH_MAX];
	struct new_delivery items[LOCAL_BATCH_MAX];
	enum err results[LOCAL_BATCH_MAX];
	struct buf prefixes;
	bool chore_was_last;
};

static void put_back(struct queue *q, struct part *p)
{
	pthread_mutex_lock(&q->lock);
	part_wait(q, p, clock_mono_ms() + HOLD_MAX_MS);
	pthread_mutex_unlock(&q->lock);
}

/* What became of one that has no mailbox. */
static void judge_unfiled(const struct rcpt *r, struct outcome *o)
{
	switch (r->kind) {
	case RCPT_LOCAL:
	case RCPT_REMOTE:
	case RCPT_UNKNOWN: outcome_set_words(o, OUTCOME_FAILED, "5.1.1", SPAN("no such user here")); return;
	case RCPT_LOOP: outcome_set_words(o, OUTCOME_FAILED, "5.4.6", SPAN("the alias leads back to itself")); return;
	case RCPT_SUSPENDED: outcome_set_words(o, OUTCOME_FAILED, "5.2.1", SPAN("the mailbox is disabled")); return;
	case RCPT_REFUSED: outcome_set_words(o, OUTCOME_FAILED, "5.2.1", SPAN("the domain takes no mail")); return;
	case RCPT_SUPPRESSED: outcome_set_words(o, OUTCOME_FAILED, r->status[0] ? r->status : "5.1.1", r->reply.len ? r->reply : SPAN("mail to this address failed for good lately")); return;
	case RCPT_EXPANDED: outcome_set_words(o, OUTCOME_DELIVERED, "2.0.0", SPAN("")); return;
	}
}

static void finish_unfiled(struct queue *q, struct part *p)
{
	struct outcome *outcomes = calloc(p->count, sizeof(*outcomes));

	if (!outcomes || detail_need(q, p->entry)) {
		put_back(q, p);
		free(outcomes);
		return;
	}
	pthread_mutex_lock(&q->lock);
	for (uint32_t i = 0; i < p->count; i++) {
		const struct rcpt *r = &p->entry->detail->rcpts[p->first + i];

		if (!r->hold)
			judge_unfiled(r, &outcomes[i]);
	}
	pthread_mutex_unlock(&q->lock);
	(void)outcome_apply(q, p, outcomes);
	free(outcomes);
}

/* Not now: back to the end of the lane, unless its time is over. */
static void try_later(struct queue *q, struct part *p, enum err why)
{
	struct entry *e = p->entry;

	if (clock_mono_ms() >= e->expires_mono_ms) {
		outcome_fail_all(q, p, "4.4.7", "the mailbox could not be written until the message was too old");
		return;
	}
	counter_add(COUNTER_DEFERRED_MAILBOX, 1);
	tell_not_filed(q, p, why);
	pthread_mutex_lock(&q->lock);
	for (uint32_t i = 0; i < p->count; i++) {
		e->detail->rcpts[p->first + i].attempts++;
		e->detail->rcpts[p->first + i].last_ms = clock_real_ms();
		e->detail->rcpts[p->first + i].dirty = true;
	}
	flush_mark(q, e, false);
	part_wait(q, p, 0);
	pthread_mutex_unlock(&q->lock);
}

static void hold_lane(struct batch *b, enum err why)
{
	struct queue *q = b->q;
	int64_t hold_ms;

	pthread_mutex_lock(&q->lock);
	hold_ms = b->lane->failures < 6 ? HOLD_MS << b->lane->failures : HOLD_MAX_MS;
	b->lane->failures++;
	b->lane->batch_max = 1;
	lane_hold_back(q, b->lane, clock_mono_ms() + hold_ms);
	pthread_mutex_unlock(&q->lock);
	log_event(LOG_ERROR, "queue", "delivery_deferred", "account=%llu error=%s wait_ms=%lld", (unsigned long long)b->lane->account_id, err_name(why), (long long)hold_ms);
}

static size_t add_prefix(struct batch *b, const struct part *p)
{
	const struct entry *e = p->entry;
	size_t before = b->prefixes.len;

	buf_add_str(&b->prefixes, "Return-Path: <");
	buf_add(&b->prefixes, e->detail->reverse_path);
	buf_add_str(&b->prefixes, ">\r\nDelivered-To: ");
	buf_add(&b->prefixes, e->detail->rcpts[p->first].original);
	buf_add_str(&b->prefixes, "\r\n");
	return b->prefixes.len - before;
}

/* The parts that can be filed stay in the batch. */
static enum err load_batch(struct batch *b, struct part *list)
{
	enum err worst = ERR_OK;

	b->count = 0;
	while (list) {
		struct part *p = list;
		enum err e = detail_need(b->q, p->entry);

		list = p->next;
		p->next = NULL;
		if (e) {
			put_back(b->q, p);
			continue;
		}
		e = content_get(b->q, p->entry, true, &b->contents[b->count]);
		if (!e) {
			b->parts[b->count++] = p;
		} else if (e == ERR_TEMP) {
			worst = e;
			try_later(b->q, p, e);
		} else {
			outcome_fail_all(b->q, p, "5.3.0", "the stored message is damaged");
		}
	}
	return worst;
}

static void describe_batch(struct batch *b)
{
	size_t at = 0;

	buf_reset(&b->prefixes);
	for (size_t i = 0; i < b->count; i++) {
		struct new_delivery *item = &b->items[i];
		const struct entry *e = b->parts[i]->entry;

		content_describe(b->contents[i], &item->message);
		memcpy(item->queue_id, e->id.bytes, sizeof(item->queue_id));
		item->message.internal_ms = e->accepted_ms;
		item->message.prefix.len = add_prefix(b, b->parts[i]);
	}
	/* The buffer no longer moves. */
	for (size_t i = 0; i < b->count; i++) {
		b->items[i].message.prefix.ptr = b->prefixes.ptr + at;
		at += b->items[i].message.prefix.len;
	}
}

/* Whether a ledger row of an earlier run is still needed. */
static bool is_live(void *arg, const uint8_t queue_id[16])
{
	struct queue *q = arg;
	struct queue_id id;
	bool live;

	memcpy(id.bytes, queue_id, sizeof(id.bytes));
	pthread_mutex_lock(&q->lock);
	live = entry_find(q, &id) != NULL;
	pthread_mutex_unlock(&q->lock);
	return live;
}

static enum err file_batch(struct batch *b)
{
	struct mailstore *m = NULL;
	struct note why = { "" };
	enum err e;

	describe_batch(b);
	if (b->prefixes.failed)
		return ERR_TEMP;
	e = store_open(b->q->config.store, b->lane->account_id, &m, &why);
	if (e) {
		log_event(LOG_ERROR, "queue", "account_not_opened", "account=%llu error=%s why=%s", (unsigned long long)b->lane->account_id, err_name(e), log_quote(span_str(why.text)).text);
		return e;
	}
	e = message_ledger_review(m, is_live, b->q);
	if (!e)
		e = message_deliver(m, b->items, b->count, b->results);
	store_close(&m);
	return e;
}

static void log_delivered(const struct part *p)
{
	char id[QUEUE_ID_TEXT];

	if (!log_enabled(LOG_INFO))
		return;
	queue_id_text(&p->entry->id, id);
	log_event(LOG_INFO, "queue", "delivered", "qid=%s to=%s account=%llu", id, log_quote(p->entry->detail->rcpts[p->first].address).text, (unsigned long long)p->entry->detail->rcpts[p->first].account_id);
}

/* Filed, and its sender has asked to hear of it: with the notice it is finished, and without it filed again in a minute, which is nothing. */
static bool finish_told(struct queue *q, struct part *p)
{
	struct outcome *outcomes;
	bool wanted = false;

	for (uint32_t i = 0; i < p->count; i++)
		wanted |= p->entry->detail->rcpts[p->first + i].notify & NOTIFY_SUCCESS && notice_is_wanted(p->entry, p->first + i, NOTICE_DELIVERED);
	outcomes = wanted ? calloc(p->count, sizeof(*outcomes)) : NULL;
	if (wanted && !outcomes)
		put_back(q, p);
	if (!outcomes)
		return wanted;
	for (uint32_t i = 0; i < p->count; i++)
		outcome_set_words(&outcomes[i], OUTCOME_DELIVERED, "2.0.0", SPAN(""));
	(void)outcome_apply(q, p, outcomes);
	free(outcomes);
	return true;
}

static void finish_batch(struct batch *b, enum err filed)
{
	struct queue *q = b->q;
	struct flush *f;
	size_t done = 0, told = 0;
	enum err worst = filed;
	const struct snapshot *s = directory_hold(q->config.directory);
	const struct account *account = snapshot_account(s, b->lane->account_id);
	struct span address = account ? account->address : SPAN("");

	for (size_t i = 0; i < b->count; i++) {
		bool kept = !filed && (b->results[i] == ERR_OK || b->results[i] == ERR_EXISTS);

		if (kept) {
			size_t before = told;

			log_delivered(b->parts[i]);
			tell_filed(q, b->parts[i], address);
			told += finish_told(q, b->parts[i]);
			if (told == before)
				b->parts[done++] = b->parts[i];
			continue;
		}
		if (!filed)
			worst = b->results[i];
		try_later(q, b->parts[i], filed ? filed : b->results[i]);
	}
	snapshot_release(&s);
	counter_add(COUNTER_DELIVERED_LOCAL, done + told);
	pthread_mutex_lock(&q->lock);
	for (size_t i = 0; i < done; i++)
		outcome_delivered(q, b->parts[i]);
	if (done + told && !worst) {
		b->lane->failures = 0;
		b->lane->batch_max = b->lane->batch_max * 4 < LOCAL_BATCH_MAX ? b->lane->batch_max * 4 : LOCAL_BATCH_MAX;
	}
	f = flush_take(q, false);
	pthread_mutex_unlock(&q->lock);
	flush_submit(f);
	if (worst)
		hold_lane(b, worst);
}

static bool account_exists(struct queue *q, uint64_t account_id)
{
	const struct snapshot *s = directory_hold(q->config.directory);
	bool exists = account_id && snapshot_account(s, account_id);

	snapshot_release(&s);
	return exists;
}

/* With a slot of the lane taken; without queue.lock. */
static void deliver_parts(struct batch *b, struct part *list)
{
	enum err e;

	if (!account_exists(b->q, b->lane->account_id)) {
		while (list) {
			struct part *p = list;

			list = p->next;
			p->next = NULL;
			finish_unfiled(b->q, p);
		}
		return;
	}
	e = load_batch(b, list);
	if (e)
		hold_lane(b, e);
	if (b->count)
		finish_batch(b, file_batch(b));
	for (size_t i = 0; i < b->count; i++)
		content_release(&b->contents[i]);
}

static bool file_or_clean(struct queue *q, struct batch *b, struct lane *lane)
{
	struct part *list;

	if (lane) {
		list = lane_take(q, lane, lane->batch_max, BATCH_BYTES);
		pthread_mutex_unlock(&q->lock);
		b->lane = lane;
		deliver_parts(b, list);
		pthread_mutex_lock(&q->lock);
		lane_give(q, lane);
		return true;
	}
	if (q->finished) {
		struct entry *finished = q->finished;

		q->finished = NULL;
		q->finished_count = 0;
		pthread_mutex_unlock(&q->lock);
		flush_clean(q, finished);
		pthread_mutex_lock(&q->lock);
		return true;
	}
	return false;
}

/* One chore, batch or cleaning; with queue.lock held at both ends. */
static bool work_once(struct queue *q, struct batch *b)
{
	struct lane *lane = q->finished_count >= CLEAN_FIRST ? NULL : lane_next(q, LIST_LOCAL);

	/* They take turns, on the one thread that does chores. */
	if (!b->chore_was_last && chore_work(q))
		return b->chore_was_last = true;
	b->chore_was_last = false;
	return file_or_clean(q, b, lane);
}

static void *deliver_main(void *arg)
{
	struct batch *b = arg;
	struct queue *q = b->q;

	pthread_mutex_lock(&q->lock);
	while (!q->stopping)
		if (!work_once(q, b) && (!q->chores || q->chore_running))
			pthread_cond_wait(&q->local_work, &q->lock);
	pthread_mutex_unlock(&q->lock);
	buf_clear(&b->prefixes);
	free(b);
	return NULL;
}

enum err deliver_start(struct queue *q, pthread_t *out)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (!b)
		return ERR_TEMP;
	b->q = q;
	buf_init(&b->prefixes, LOCAL_BATCH_MAX * PREFIX_MAX);
	if (pthread_create(out, NULL, deliver_main, b) == 0)
		return ERR_OK;
	free(b);
	return ERR_TEMP;
}
