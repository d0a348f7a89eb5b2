/* queue/sending_life.c: see sending_life.h.
 *
 * The thread does what must not be done on the committer's: it writes down who was stopped and holds its mail, writes failures once a minute, and once
 * an hour forgets what is old. It sleeps until the first of these is due.
 */
#include "daemon/queue/sending_life.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/wait.h"
#include "daemon/directory/directory.h"
#include "daemon/events/events.h"
#include "daemon/queue/sender.h"
#include "daemon/queue/steer_account.h"
#include "db/queue_sending.h"

#define WRITE_EVERY_MS 60000
#define AGAIN_MS 10000 /* after a failure of the disk */
#define BUSY_MS 1000
#define TRIM_ROWS 1000
#define IDLE_MS 600000
#define LOOK_AT 256
#define ROW_BYTES 1024u
#define ADDRESS_MAX_BYTES 512u

/* ---- telling ---- */

struct account_text {
	char text[ADDRESS_MAX_BYTES];
};

static struct span address_of(struct queue *q, uint64_t account_id, struct account_text *room)
{
	const struct snapshot *snapshot = directory_hold(q->config.directory);
	const struct account *account = snapshot_account(snapshot, account_id);
	struct span address = account ? span_take(account->address, sizeof(room->text)) : SPAN("");

	if (address.len > 0)
		memcpy(room->text, address.ptr, address.len);
	snapshot_release(&snapshot);
	return span_make(room->text, address.len);
}

static struct span domain_of(struct span address)
{
	size_t at;

	return span_find_char(address, '@', &at) ? span_skip(address, at + 1) : SPAN("");
}

static void tell_stopped(struct queue *q, const struct sending_stop_facts *facts, size_t held)
{
	struct account_text room;
	struct span address = address_of(q, facts->account_id, &room);
	char count[24];

	(void)snprintf(count, sizeof(count), "%zu", held);
	log_event(LOG_WARN, "queue", "sending_stopped", "account=%llu address=%s reason=%s detail=%s held=%zu", (unsigned long long)facts->account_id, log_quote(address).text, facts->reason, log_quote(span_str(facts->detail)).text, held);
	events_raise(q->config.events, &(struct event){
					       .type = EVENT_SENDING_STOPPED,
					       .subject = address,
					       .domain = domain_of(address),
					       .fields = { { "reason", span_str(facts->reason) }, { "detail", span_str(facts->detail) }, { "held", span_str(count) } },
					       .field_count = 3,
				       });
}

void sending_tell_released(struct queue *q, uint64_t account_id, bool purged, uint64_t messages)
{
	struct account_text room;
	struct span address = address_of(q, account_id, &room);
	char count[24];

	(void)snprintf(count, sizeof(count), "%llu", (unsigned long long)messages);
	log_event(LOG_INFO, "queue", "sending_released", "account=%llu address=%s purged=%d messages=%s", (unsigned long long)account_id, log_quote(address).text, purged, count);
	events_raise(q->config.events, &(struct event){
					       .type = EVENT_SENDING_RELEASED,
					       .subject = address,
					       .domain = domain_of(address),
					       .fields = { { "purged", purged ? SPAN("true") : SPAN("false") }, { "messages", span_str(count) } },
					       .field_count = 2,
				       });
}

/* ---- writing down ---- */

static enum err run_stop(struct db *db, void *arg)
{
	const struct sending_stop_facts *facts = arg;
	const struct breaker_row row = { facts->account_id, span_str(facts->reason), span_str(facts->detail), facts->since_ms };

	return db_breaker_set(db, &row);
}

enum err sending_make_durable(struct queue *q, const struct sending_stop_facts *facts)
{
	struct sending_stop_facts copy = *facts;
	/* The row first: mail that is held and belongs to nobody who is stopped would never be released. */
	enum err e = db_group_run(q->group, run_stop, &copy, ROW_BYTES);

	if (e == ERR_OK)
		tell_stopped(q, facts, steer_account_hold(q, facts->account_id));
	return e;
}

/* With the lock held: somebody who was stopped and is not written down (*written_out false), or has mail that came in meanwhile. False: nobody that
 * something can be done about now. */
static bool take_news(struct sending *x, struct sending_stop_facts *out, bool *written_out)
{
	bool later = false;

	for (size_t i = 0; x->news && i < SENDING_BUCKETS; i++) {
		for (struct sender *s = x->buckets[i]; s; s = s->next) {
			if (!s->news && !s->more)
				continue;
			later |= s->busy;
			if (s->busy)
				continue;
			*out = (struct sending_stop_facts){ .account_id = s->account_id, .reason = s->reason, .since_ms = s->since_ms };
			memcpy(out->detail, s->detail, sizeof(out->detail));
			*written_out = !s->news;
			s->busy = true;
			s->more = false;
			return true;
		}
	}
	x->news = later;
	x->news_at_ms = clock_mono_ms() + BUSY_MS;
	return false;
}

/* With the lock held, which is given back meanwhile. */
static void stop_senders(struct queue *q, struct sending *x)
{
	struct sending_stop_facts facts;
	bool written;

	while (!x->quit && take_news(x, &facts, &written)) {
		struct sender *s;
		enum err e = ERR_OK;

		pthread_mutex_unlock(&x->lock);
		if (written)
			(void)steer_account_hold(q, facts.account_id);
		else
			e = sending_make_durable(q, &facts);
		pthread_mutex_lock(&x->lock);
		s = sender_find(x, facts.account_id);
		if (s) {
			s->busy = false;
			s->news = s->news && e != ERR_OK;
		}
		if (e != ERR_OK) {
			/* Stopped it is; with the disk the row comes. */
			x->news_at_ms = clock_mono_ms() + AGAIN_MS;
			return;
		}
	}
}

struct failures {
	size_t count;
	struct {
		uint64_t account_id;
		struct sent_hour more;
	} of[LOOK_AT];
};

static enum err run_failures(struct db *db, void *arg)
{
	const struct failures *f = arg;
	enum err e = ERR_OK;

	for (size_t i = 0; e == ERR_OK && i < f->count; i++)
		e = db_sent_add(db, f->of[i].account_id, &f->of[i].more);
	return e;
}

/* With the lock held. False: there is no more room. */
static bool take_of(struct sender *s, struct failures *f)
{
	for (int64_t hour = s->hour; s->unwritten > 0 && hour > s->hour - SENDING_HOURS; hour--) {
		struct sent_count *count = sender_count(s, hour);

		if (count->unwritten == 0)
			continue;
		if (f->count == LOOK_AT)
			return false;
		f->of[f->count].account_id = s->account_id;
		f->of[f->count++].more = (struct sent_hour){ .hour = hour, .failed = count->unwritten };
		s->unwritten -= count->unwritten;
		count->unwritten = 0;
	}
	return true;
}

/* With the lock held. What does not fit comes with the next. */
static void take_failures(struct sending *x, struct failures *f)
{
	bool all = true;

	for (size_t i = 0; all && i < SENDING_BUCKETS; i++)
		for (struct sender *s = x->buckets[i]; all && s; s = s->next)
			all = take_of(s, f);
	x->unwritten = !all;
}

/* With the lock held: they were not written. */
static void put_back(struct sending *x, const struct failures *f)
{
	for (size_t i = 0; i < f->count; i++) {
		struct sender *s = sender_find(x, f->of[i].account_id);
		struct sent_count *count = s ? sender_count(s, f->of[i].more.hour) : NULL;

		if (!count)
			continue;
		count->unwritten += (uint32_t)f->of[i].more.failed;
		s->unwritten += f->of[i].more.failed;
		x->unwritten = true;
	}
}

/* With the lock held, which is given back meanwhile. Nobody reads an account while what it lacks is on its way: it would be missed, or counted twice. */
static void write_failures(struct queue *q, struct sending *x)
{
	struct failures f = { .count = 0 };
	enum err e = ERR_OK;

	pthread_mutex_unlock(&x->lock);
	pthread_mutex_lock(&x->load_lock);
	pthread_mutex_lock(&x->lock);
	take_failures(x, &f);
	pthread_mutex_unlock(&x->lock);
	if (f.count > 0)
		e = db_group_run(q->group, run_failures, &f, ROW_BYTES);
	pthread_mutex_lock(&x->lock);
	for (size_t i = 0; i < f.count; i++)
		(*sender_changes(x, f.of[i].account_id))++;
	if (e != ERR_OK)
		put_back(x, &f);
	pthread_mutex_unlock(&x->lock);
	pthread_mutex_unlock(&x->load_lock);
	/* One that is not in memory is read, and judged with that. */
	for (size_t i = 0; i < f.count && !x->quit; i++) {
		(void)sender_lock(q, f.of[i].account_id);
		pthread_mutex_unlock(&x->lock);
	}
	pthread_mutex_lock(&x->lock);
}

/* ---- forgetting ---- */

struct trim {
	uint64_t account_id; /* 0: rows by their age */
	size_t removed;
};

static enum err run_trim(struct db *db, void *arg)
{
	struct trim *t = arg;
	int64_t hour = clock_real_ms() / HOUR_MS;

	if (t->account_id)
		return db_known_trim(db, t->account_id, KNOWN_MAX, TRIM_ROWS, &t->removed);
	return db_sending_trim(db, hour - SENDING_PAST_HOURS, hour - KNOWN_HOURS, TRIM_ROWS, &t->removed);
}

static void trim_rows(struct queue *q, uint64_t account_id)
{
	struct trim t = { .account_id = account_id, .removed = TRIM_ROWS };

	/* Between two of them whoever waits for a commit has its turn. */
	while (t.removed == TRIM_ROWS && !q->sending->quit)
		if (db_group_run(q->group, run_trim, &t, ROW_BYTES) != ERR_OK)
			return;
}

/* Accounts that the directory does not have any more. */
static void forget_gone(struct queue *q)
{
	struct sending *x = q->sending;
	uint64_t ids[LOOK_AT], after = 0;
	size_t count;

	do {
		const struct snapshot *snapshot;
		enum err e;

		pthread_mutex_lock(&x->reader_lock);
		e = db_sent_accounts(x->reader, after, 0, false, LOOK_AT, ids, &count);
		pthread_mutex_unlock(&x->reader_lock);
		if (e != ERR_OK || count == 0)
			return;
		after = ids[count - 1];
		snapshot = directory_hold(q->config.directory);
		for (size_t i = 0; i < count; i++)
			if (!snapshot_account(snapshot, ids[i]))
				sending_forget(q, ids[i]);
		snapshot_release(&snapshot);
	} while (count == LOOK_AT);
}

/* With the lock held: nobody has sent with it for a day (it was only looked at), or its past is a day old. */
static bool may_go(const struct sender *s, int64_t hour)
{
	if (s->stopped || s->busy || s->pending > 0 || s->unwritten > 0)
		return false;
	if (s->released_ms > 0 && clock_real_ms() - s->released_ms < SENDING_HOURS * HOUR_MS)
		return false;
	if (!s->loaded || hour - s->loaded_hour >= 24 || hour < s->loaded_hour)
		return true;
	return clock_mono_ms() - s->used_ms > IDLE_MS && sender_window_at(s, clock_real_ms()).day == 0;
}

static void trim(struct queue *q, struct sending *x)
{
	int64_t hour = clock_real_ms() / HOUR_MS;
	uint64_t ids[LOOK_AT];
	size_t count = 0;

	for (size_t i = 0; i < SENDING_BUCKETS; i++) {
		for (struct sender **at = &x->buckets[i]; *at;) {
			struct sender *s = *at;

			if (!may_go(s, hour)) {
				at = &s->next;
				continue;
			}
			if (count < LOOK_AT)
				ids[count++] = s->account_id;
			*at = s->next;
			free(s);
		}
	}
	pthread_mutex_unlock(&x->lock);
	forget_gone(q);
	trim_rows(q, 0);
	for (size_t i = 0; i < count; i++)
		trim_rows(q, ids[i]);
	pthread_mutex_lock(&x->lock);
}

/* ---- the thread ---- */

static int64_t sleep_ms(const struct sending *x, int64_t now_ms)
{
	int64_t until_ms = x->trim_at_ms;

	if (x->unwritten && x->write_at_ms < until_ms)
		until_ms = x->write_at_ms;
	if (x->news && x->news_at_ms < until_ms)
		until_ms = x->news_at_ms;
	return until_ms > now_ms ? until_ms - now_ms : 0;
}

static void *work(void *arg)
{
	struct queue *q = arg;
	struct sending *x = q->sending;

	pthread_mutex_lock(&x->lock);
	while (!x->quit) {
		int64_t now_ms = clock_mono_ms();

		if (x->news && now_ms >= x->news_at_ms)
			stop_senders(q, x);
		if (x->unwritten && now_ms >= x->write_at_ms) {
			x->write_at_ms = now_ms + WRITE_EVERY_MS;
			write_failures(q, x);
		}
		if (now_ms >= x->trim_at_ms) {
			x->trim_at_ms = now_ms + HOUR_MS;
			trim(q, x);
		}
		if (!x->quit)
			(void)wait_for(&x->work, &x->lock, sleep_ms(x, clock_mono_ms()));
	}
	if (x->unwritten)
		write_failures(q, x);
	pthread_mutex_unlock(&x->lock);
	return NULL;
}

/* ---- life ---- */

static const char *reason_of(struct span text)
{
	static const char *const reasons[] = { "rate", "bounces", "new_recipients" };

	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
		if (span_equals(text, span_str(reasons[i])))
			return reasons[i];
	return "operator";
}

static enum err load_stopped(void *arg, const struct breaker_row *row)
{
	struct sender *s = sender_make(arg, row->account_id);

	if (!s)
		return ERR_TEMP;
	s->stopped = true;
	s->reason = reason_of(row->reason);
	s->since_ms = row->since_ms;
	(void)snprintf(s->detail, sizeof(s->detail), "%.*s", (int)row->detail.len, row->detail.ptr);
	return ERR_OK;
}

enum err sending_open(struct queue *q, struct note *why)
{
	struct sending *x = calloc(1, sizeof(*x));
	enum err e;

	if (!x)
		return ERR_TEMP;
	q->sending = x;
	pthread_mutex_init(&x->lock, NULL);
	pthread_mutex_init(&x->reader_lock, NULL);
	pthread_mutex_init(&x->load_lock, NULL);
	e = wait_init(&x->work);
	directory_derive_key(q->config.directory, SPAN("known recipients"), x->key);
	if (e == ERR_OK)
		e = db_open(q->config.path, &db_schema_queue, DB_READ, &x->reader, why);
	return e == ERR_OK ? db_breaker_all(x->reader, load_stopped, x) : e;
}

enum err sending_start(struct queue *q)
{
	struct sending *x = q->sending;

	for (size_t i = 0; i < SENDING_BUCKETS; i++)
		for (const struct sender *s = x->buckets[i]; s; s = s->next)
			if (s->stopped)
				(void)steer_account_hold(q, s->account_id);
	x->trim_at_ms = clock_mono_ms();
	if (pthread_create(&x->thread, NULL, work, q) != 0)
		return ERR_TEMP;
	x->runs = true;
	return ERR_OK;
}

void sending_halt(struct queue *q)
{
	struct sending *x = q->sending;

	if (!x || !x->runs)
		return;
	pthread_mutex_lock(&x->lock);
	x->quit = true;
	pthread_cond_signal(&x->work);
	pthread_mutex_unlock(&x->lock);
	pthread_join(x->thread, NULL);
	x->runs = false;
}

void sending_close(struct queue *q)
{
	struct sending *x = q->sending;

	q->sending = NULL;
	if (!x)
		return;
	for (size_t i = 0; i < SENDING_BUCKETS; i++) {
		for (struct sender *s = x->buckets[i], *next; s; s = next) {
			next = s->next;
			free(s);
		}
	}
	db_close(&x->reader);
	pthread_cond_destroy(&x->work);
	pthread_mutex_destroy(&x->reader_lock);
	pthread_mutex_destroy(&x->load_lock);
	pthread_mutex_destroy(&x->lock);
	free(x);
}
