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
#include "daemon/queue/content.h"
#include "daemon/queue/entry.h"
#include "daemon/queue/flush.h"
#include "daemon/queue/lane.h"
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
};

static void fail_unknown(struct queue *q, struct part *p)
{
	struct outcome *outcomes = calloc(p->count, sizeof(*outcomes));

	if (!outcomes) {
		pthread_mutex_lock(&q->lock);
		part_wait(q, p, clock_mono_ms() + HOLD_MAX_MS);
		pthread_mutex_unlock(&q->lock);
		return;
	}
	for (uint32_t i = 0; i < p->count; i++) {
		const char *status = "5.1.1";
		const char *words = "no such user here";

		switch (p->entry->rcpts[p->first + i].kind) {
		case RCPT_LOOP:
			status = "5.4.6";
			words = "the alias leads back to itself";
			break;
		case RCPT_SUSPENDED:
			status = "5.2.1";
			words = "the mailbox is disabled";
			break;
		case RCPT_LOCAL:
		case RCPT_REMOTE:
		case RCPT_UNKNOWN: break;
		}
		outcomes[i].kind = OUTCOME_FAILED;
		memcpy(outcomes[i].status, status, strlen(status) + 1);
		outcomes[i].reply = span_str(words);
	}
	outcome_apply(q, p, outcomes);
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
		e->rcpts[p->first + i].attempts++;
		e->rcpts[p->first + i].last_ms = clock_real_ms();
	}
	part_ready(q, p);
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
	buf_add(&b->prefixes, e->reverse_path);
	buf_add_str(&b->prefixes, ">\r\nDelivered-To: ");
	buf_add(&b->prefixes, e->rcpts[p->first].original);
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
		enum err e = content_get(b->q, p->entry, true, &b->contents[b->count]);

		list = p->next;
		p->next = NULL;
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
	log_event(LOG_INFO, "queue", "delivered", "qid=%s to=%s account=%llu", id, log_quote(p->entry->rcpts[p->first].address).text, (unsigned long long)p->entry->rcpts[p->first].account_id);
}

static void finish_batch(struct batch *b, enum err filed)
{
	struct queue *q = b->q;
	struct flush *f;
	size_t done = 0;
	enum err worst = filed;
	const struct snapshot *s = directory_hold(q->config.directory);
	const struct account *account = snapshot_account(s, b->lane->account_id);
	struct span address = account ? account->address : SPAN("");

	for (size_t i = 0; i < b->count; i++) {
		bool kept = !filed && (b->results[i] == ERR_OK || b->results[i] == ERR_EXISTS);

		if (kept) {
			log_delivered(b->parts[i]);
			tell_filed(q, b->parts[i], address);
			b->parts[done++] = b->parts[i];
			continue;
		}
		if (!filed)
			worst = b->results[i];
		try_later(q, b->parts[i], filed ? filed : b->results[i]);
	}
	snapshot_release(&s);
	counter_add(COUNTER_DELIVERED_LOCAL, done);
	pthread_mutex_lock(&q->lock);
	for (size_t i = 0; i < done; i++)
		outcome_delivered(q, b->parts[i]);
	if (done && !worst) {
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
			fail_unknown(b->q, p);
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

/* One batch or one cleaning; with queue.lock held at both ends. */
static bool work_once(struct queue *q, struct batch *b)
{
	struct lane *lane = q->finished_count >= CLEAN_FIRST ? NULL : lane_next(q, LIST_LOCAL);
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

static void *deliver_main(void *arg)
{
	struct batch *b = arg;
	struct queue *q = b->q;

	pthread_mutex_lock(&q->lock);
	while (!q->stopping)
		if (!work_once(q, b))
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
