/* queue/sender.c: see sender.h. Windows slide: of the oldest hour that they reach into counts the part that they still cover. */
#include "daemon/queue/sender.h"

#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/directory/setting.h"
#include "daemon/queue/state.h"
#include "db/queue_sending.h"

#define READ_AGAIN_MAX 8

static struct sender **place_of(struct sending *x, uint64_t account_id)
{
	struct sender **at = &x->buckets[account_id % SENDING_BUCKETS];

	while (*at && (*at)->account_id != account_id)
		at = &(*at)->next;
	return at;
}

struct sender *sender_find(struct sending *x, uint64_t account_id)
{
	return *place_of(x, account_id);
}

struct sender *sender_make(struct sending *x, uint64_t account_id)
{
	struct sender **at = place_of(x, account_id);

	if (!*at && (*at = calloc(1, sizeof(**at)))) {
		(*at)->account_id = account_id;
		(*at)->reason = "";
	}
	return *at;
}

uint32_t *sender_changes(struct sending *x, uint64_t account_id)
{
	return &x->changes[account_id % SENDING_BUCKETS];
}

static struct sent_count *count_of(struct sender *s, int64_t hour)
{
	return &s->ring[(uint64_t)hour % SENDING_HOURS];
}

struct sent_count *sender_count(struct sender *s, int64_t hour)
{
	return hour <= s->hour && hour > s->hour - SENDING_HOURS ? count_of(s, hour) : NULL;
}

static void reset(struct sender *s)
{
	memset(s->ring, 0, sizeof(s->ring));
	s->unwritten = 0;
}

void sender_unload(struct sender *s)
{
	reset(s);
	s->loaded = false;
}

void sender_advance(struct sender *s, int64_t hour)
{
	/* A clock that was set back: hours to come would count for good. */
	if (hour >= s->hour + SENDING_HOURS || hour < s->hour - SENDING_HOURS) {
		reset(s);
		s->hour = hour;
	}
	while (s->hour < hour) {
		struct sent_count *oldest = count_of(s, ++s->hour);

		s->unwritten -= oldest->unwritten;
		*oldest = (struct sent_count){ .recipients = 0 };
	}
}

/* ---- reading ---- */

struct history {
	int64_t now_hour;
	struct sender *to;
	int64_t day; /* of past_new */
	uint64_t past_new;
};

static void read_hour(void *arg, const struct sent_hour *row)
{
	struct history *h = arg;
	struct sender *s = h->to;

	if (row->hour > h->now_hour)
		return;
	if (row->hour > h->now_hour - SENDING_HOURS) {
		*count_of(s, row->hour) = (struct sent_count){ .recipients = (uint32_t)row->recipients, .first_time = (uint32_t)row->first_time, .failed = (uint32_t)row->failed };
		return;
	}
	if (row->hour / 24 != h->day)
		h->past_new = 0;
	h->day = row->hour / 24;
	h->past_new += row->first_time;
	if (row->recipients > s->peak_hour)
		s->peak_hour = row->recipients;
	if (h->past_new > s->peak_new_day)
		s->peak_new_day = h->past_new;
}

static enum err read_sender(struct sending *x, uint64_t account_id, struct sender *out)
{
	struct history h = { .now_hour = clock_real_ms() / HOUR_MS, .to = out };
	enum err e;

	*out = (struct sender){ .account_id = account_id, .loaded = true, .hour = h.now_hour, .loaded_hour = h.now_hour };
	pthread_mutex_lock(&x->load_lock);
	pthread_mutex_lock(&x->reader_lock);
	e = db_sent_hours(x->reader, account_id, h.now_hour - SENDING_PAST_HOURS, read_hour, &h);
	pthread_mutex_unlock(&x->reader_lock);
	pthread_mutex_unlock(&x->load_lock);
	return e;
}

/* What was read joins what is known already: failures, and that it is stopped. */
static void take_read(struct sender *s, struct sender *read)
{
	int64_t hour = s->hour > read->hour ? s->hour : read->hour;

	sender_advance(s, hour);
	sender_advance(read, hour);
	for (size_t i = 0; i < SENDING_HOURS; i++) {
		uint32_t unwritten = s->ring[i].unwritten;

		s->ring[i] = read->ring[i];
		s->ring[i].failed += unwritten;
		s->ring[i].unwritten = unwritten;
	}
	s->loaded_hour = read->loaded_hour;
	s->peak_hour = read->peak_hour;
	s->peak_new_day = read->peak_new_day;
	s->loaded = true;
}

/* ---- windows ---- */

static uint64_t part_of(uint64_t count, int64_t covered_ms)
{
	return count * (uint64_t)covered_ms / HOUR_MS;
}

struct sender_window sender_window_at(const struct sender *s, int64_t real_ms)
{
	int64_t now = real_ms / HOUR_MS < s->hour ? s->hour : real_ms / HOUR_MS;
	int64_t left_ms = real_ms / HOUR_MS < s->hour ? HOUR_MS : HOUR_MS - real_ms % HOUR_MS;
	struct sender_window w = { 0 };

	for (int64_t age = 0; age < SENDING_HOURS; age++) {
		const struct sent_count *c = &s->ring[(uint64_t)(now - age) % SENDING_HOURS];
		/* More only of mail whose counts began anew. */
		uint64_t failed = c->failed < c->recipients ? c->failed : c->recipients;
		bool last = age == SENDING_HOURS - 1;

		if (now - age > s->hour || now - age <= s->hour - SENDING_HOURS)
			continue;
		w.day += last ? part_of(c->recipients, left_ms) : c->recipients;
		w.day_new += last ? part_of(c->first_time, left_ms) : c->first_time;
		w.failed_day += last ? part_of(failed, left_ms) : failed;
		if (age > 1)
			continue;
		w.hour += age == 1 ? part_of(c->recipients, left_ms) : c->recipients;
		w.hour_new += age == 1 ? part_of(c->first_time, left_ms) : c->first_time;
		w.failed += failed;
		w.failed_of += c->recipients;
	}
	return w;
}

static int64_t limit_of(int32_t own, const struct snapshot *snapshot, enum setting general)
{
	return own >= 0 ? own : snapshot_number(snapshot, general);
}

struct sender_limits sender_limits(struct queue *q, uint64_t account_id)
{
	const struct snapshot *snapshot = directory_hold(q->config.directory);
	const struct account *account = snapshot_account(snapshot, account_id);
	struct sender_limits limits = {
		.hour = limit_of(account ? account->send_hour : -1, snapshot, SETTING_SENDING_PER_HOUR),
		.day = limit_of(account ? account->send_day : -1, snapshot, SETTING_SENDING_PER_DAY),
		.fresh = limit_of(account ? account->send_new : -1, snapshot, SETTING_SENDING_NEW_PER_DAY),
		.own = account && (account->send_hour >= 0 || account->send_day >= 0 || account->send_new >= 0),
		.breaker = snapshot_number(snapshot, SETTING_BREAKER) != 0,
	};

	snapshot_release(&snapshot);
	return limits;
}

void sender_judge(struct sending *x, struct sender *s, const struct sender_limits *limits)
{
	const struct sender_window w = sender_window_at(s, clock_real_ms());
	const struct breaker_facts facts = {
		.hour = w.hour,
		.hour_new = w.hour_new,
		.day = w.day,
		.day_new = w.day_new,
		.failed = w.failed,
		.failed_of = w.failed_of,
		.peak_hour = s->peak_hour,
		.peak_new_day = s->peak_new_day,
		.limit_hour = limits->hour,
		.limit_new = limits->fresh,
		.own_limits = limits->own,
	};
	const char *reason = limits->breaker && !s->stopped && !s->busy ? breaker_judge(&facts, s->detail, sizeof(s->detail)) : NULL;

	if (!reason)
		return;
	s->stopped = s->news = x->news = true;
	x->news_at_ms = 0;
	s->reason = reason;
	s->since_ms = clock_real_ms();
	pthread_cond_signal(&x->work);
}

struct sender *sender_lock(struct queue *q, uint64_t account_id)
{
	const struct sender_limits limits = sender_limits(q, account_id);
	struct sending *x = q->sending;
	struct sender *s, read;
	bool loaded = false;

	pthread_mutex_lock(&x->lock);
	for (unsigned round = 0;; round++) {
		uint32_t before = *sender_changes(x, account_id);

		s = sender_find(x, account_id);
		if (s && s->loaded)
			break;
		pthread_mutex_unlock(&x->lock);
		if (read_sender(x, account_id, &read) != ERR_OK) {
			pthread_mutex_lock(&x->lock);
			return NULL;
		}
		pthread_mutex_lock(&x->lock);
		/* One message more or less is nothing; waiting for quiet could last. */
		if (before != *sender_changes(x, account_id) && round < READ_AGAIN_MAX)
			continue;
		s = sender_make(x, account_id);
		loaded = s && !s->loaded;
		if (loaded)
			take_read(s, &read);
		break;
	}
	if (s) {
		sender_advance(s, clock_real_ms() / HOUR_MS);
		s->used_ms = clock_mono_ms();
	}
	/* What happened while it was not in memory was judged by nobody. */
	if (loaded)
		sender_judge(x, s, &limits);
	return s;
}
