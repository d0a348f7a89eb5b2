/* queue/sending.c: what accounts may send outside, asked and steered.
 *
 *   sends --limits, breaker (sent.c, breaker.c)--> STOPPED --sending_release--> sends
 *         --sending_stop------------------------->
 *
 * (1) Who is stopped is so in memory first, at once; the row, the holding of its mail and the event follow (sending_life.c).
 * (2) A release frees or removes the mail first and the row last: a crash between leaves the account stopped, and the call can be made again.
 * (3) What was accepted before a release began is past: its failures do not count, however soon they come, and it is not held again.
 */
#include "daemon/queue/sending.h"

#include <stdio.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/directory/directory.h"
#include "daemon/queue/sender.h"
#include "daemon/queue/sending_life.h"
#include "daemon/queue/sent.h"
#include "daemon/queue/steer_account.h"
#include "db/queue_sending.h"

#define MINUTE_MS 60000
#define FORGET_BYTES 4096u

/* ---- asking ---- */

/* Recipients behind those of the tally that were never written to. A disk that can't be read stops nobody. */
static void look_up(struct queue *q, uint64_t account_id, const struct span *recipients, size_t count, struct sending_tally *tally)
{
	struct sending *x = q->sending;
	int64_t last;

	if (tally->count > count)
		*tally = (struct sending_tally){ .count = 0 };
	pthread_mutex_lock(&x->reader_lock);
	for (; tally->count < count; tally->count++) {
		tally->last_fresh = db_known_find(x->reader, account_id, sent_key(q, recipients[tally->count]), &last) == ERR_NOT_FOUND;
		tally->fresh += tally->last_fresh;
	}
	pthread_mutex_unlock(&x->reader_lock);
}

/* The last one is refused: another will stand in its place. */
static void take_back(struct sending_tally *tally)
{
	if (tally->count == 0)
		return;
	tally->count--;
	tally->fresh -= tally->last_fresh;
	tally->last_fresh = false;
}

static bool is_over(uint64_t have, uint64_t more, int64_t limit)
{
	return limit > 0 && more > 0 && have + more > (uint64_t)limit;
}

struct wish {
	const struct sender_limits *limits;
	uint64_t count, fresh;
};

static enum sending_verdict judge_at(const struct sender *s, const struct wish *w, int64_t real_ms)
{
	const struct sender_window now = sender_window_at(s, real_ms);

	if (is_over(now.hour + s->pending, w->count, w->limits->hour))
		return SENDING_HOUR;
	if (is_over(now.day + s->pending, w->count, w->limits->day))
		return SENDING_DAY;
	return is_over(now.day_new + s->pending_new, w->fresh, w->limits->fresh) ? SENDING_NEW : SENDING_OK;
}

/* When there is room if nothing else is sent; what is more than a limit at once never has. */
static int64_t when(const struct sender *s, const struct wish *w, int64_t now_ms)
{
	for (int64_t at_ms = now_ms + MINUTE_MS; at_ms <= now_ms + SENDING_HOURS * HOUR_MS; at_ms += at_ms < now_ms + 2 * HOUR_MS ? MINUTE_MS : 15 * MINUTE_MS)
		if (judge_at(s, w, at_ms) == SENDING_OK)
			return at_ms;
	return 0;
}

enum sending_verdict sending_check(struct queue *q, uint64_t account_id, const struct span *recipients, size_t count, struct sending_tally *tally, int64_t *again_ms_out)
{
	const struct sender_limits limits = sender_limits(q, account_id);
	/* Whoever may be new is taken for new first: most look-ups are for nothing. */
	struct wish wish = { &limits, count, count };
	enum sending_verdict verdict = SENDING_OK;
	const struct sender *s;
	int64_t now_ms = clock_real_ms();

	*again_ms_out = 0;
	s = sender_lock(q, account_id);
	if (s)
		verdict = s->stopped ? SENDING_STOPPED : judge_at(s, &wish, now_ms);
	pthread_mutex_unlock(&q->sending->lock);
	if (verdict != SENDING_NEW && verdict != SENDING_HOUR && verdict != SENDING_DAY)
		return verdict;
	if (verdict == SENDING_NEW) {
		look_up(q, account_id, recipients, count, tally);
		wish.fresh = tally->fresh;
	}
	s = sender_lock(q, account_id);
	if (s) {
		verdict = judge_at(s, &wish, now_ms);
		if (verdict != SENDING_OK)
			*again_ms_out = when(s, &wish, now_ms);
	}
	pthread_mutex_unlock(&q->sending->lock);
	if (verdict != SENDING_OK)
		take_back(tally);
	return verdict;
}

/* ---- looking ---- */

enum err sending_find(struct queue *q, uint64_t account_id, struct arena *a, struct sending_state *out)
{
	const struct sender_limits limits = sender_limits(q, account_id);
	const struct snapshot *snapshot = directory_hold(q->config.directory);
	bool exists = snapshot_account(snapshot, account_id) != NULL;
	struct sender_window w;
	struct sender *s;

	snapshot_release(&snapshot);
	*out = (struct sending_state){ .account_id = account_id, .limit_hour = limits.hour, .limit_day = limits.day, .limit_new = limits.fresh };
	s = sender_lock(q, account_id);
	if (s) {
		w = sender_window_at(s, clock_real_ms());
		out->hour = w.hour;
		out->day = w.day;
		out->new_day = w.day_new;
		out->failed_day = w.failed_day;
		out->stopped = s->stopped;
		out->reason = s->stopped ? span_str(s->reason) : SPAN("");
		out->detail = arena_copy(a, s->stopped ? span_str(s->detail) : SPAN(""));
		out->since_ms = s->stopped ? s->since_ms : 0;
	}
	pthread_mutex_unlock(&q->sending->lock);
	if (!s)
		return ERR_TEMP;
	if (!exists)
		return ERR_NOT_FOUND;
	out->held = out->stopped ? steer_account_held(q, account_id) : 0;
	return a->failed ? ERR_LIMIT : ERR_OK;
}

enum err sending_list(struct queue *q, uint64_t after, size_t limit, bool stopped_only, struct arena *a, struct sending_state **out, size_t *count_out)
{
	uint64_t *ids = arena_array(a, limit, sizeof(*ids));
	struct sending *x = q->sending;
	size_t found = 0;
	enum err e;

	*count_out = 0;
	*out = arena_array(a, limit, sizeof(**out));
	if (!ids || !*out)
		return ERR_LIMIT;
	pthread_mutex_lock(&x->reader_lock);
	e = db_sent_accounts(x->reader, after, clock_real_ms() / HOUR_MS - SENDING_HOURS + 1, stopped_only, limit, ids, &found);
	pthread_mutex_unlock(&x->reader_lock);
	for (size_t i = 0; e == ERR_OK && i < found; i++) {
		e = sending_find(q, ids[i], a, &(*out)[*count_out]);
		if (e == ERR_OK)
			(*count_out)++;
		else if (e == ERR_NOT_FOUND) /* gone, and its rows are about to be */
			e = ERR_OK;
	}
	return e;
}

/* ---- steering ---- */

enum err sending_stop(struct queue *q, uint64_t account_id, struct span detail, struct note *why)
{
	struct sending_stop_facts facts = { .account_id = account_id, .reason = "operator", .since_ms = clock_real_ms() };
	struct sender *s = sender_lock(q, account_id);
	enum err e = !s ? ERR_TEMP : s->stopped ? ERR_EXISTS
			     : s->busy          ? ERR_TEMP
						: ERR_OK;

	if (e == ERR_OK) {
		(void)snprintf(s->detail, sizeof(s->detail), "%.*s", (int)span_take(detail, sizeof(s->detail) - 1).len, detail.ptr ? detail.ptr : "");
		s->stopped = s->busy = true;
		s->reason = facts.reason;
		s->since_ms = facts.since_ms;
		memcpy(facts.detail, s->detail, sizeof(facts.detail));
	}
	pthread_mutex_unlock(&q->sending->lock);
	if (e == ERR_EXISTS)
		note_set(why, "it is stopped already");
	if (e != ERR_OK)
		return e;
	e = sending_make_durable(q, &facts);
	pthread_mutex_lock(&q->sending->lock);
	s = sender_find(q->sending, account_id);
	if (s) {
		s->busy = false;
		s->stopped = e == ERR_OK;
	}
	pthread_mutex_unlock(&q->sending->lock);
	return e;
}

struct release {
	uint64_t account_id;
	bool purge;
	int64_t hour;
	struct sent_hour past; /* what was released is of the account's own past from now on */
};

static enum err run_release(struct db *db, void *arg)
{
	const struct release *r = arg;
	enum err e = db_breaker_remove(db, r->account_id);

	if (e == ERR_OK)
		e = db_sent_reset(db, r->account_id, r->hour - SENDING_HOURS + 1);
	if (e == ERR_OK && !r->purge && r->past.recipients > 0)
		e = db_sent_add(db, r->account_id, &r->past);
	return e;
}

static enum err begin_release(struct queue *q, uint64_t account_id, struct release *r)
{
	struct sender *s = sender_lock(q, account_id);
	enum err e = !s ? ERR_TEMP : !s->stopped  ? ERR_STATE
			     : s->busy || s->news ? ERR_TEMP
						  : ERR_OK;

	if (e == ERR_OK) {
		const struct sender_window w = sender_window_at(s, clock_real_ms());

		s->busy = true;
		s->released_ms = clock_real_ms();
		r->hour = s->released_ms / HOUR_MS;
		r->past = (struct sent_hour){ .hour = r->hour - SENDING_HOURS, .recipients = w.hour, .first_time = w.day_new };
	}
	pthread_mutex_unlock(&q->sending->lock);
	return e;
}

static void end_release(struct queue *q, const struct release *r, enum err result)
{
	struct sender *s;

	pthread_mutex_lock(&q->sending->lock);
	s = sender_find(q->sending, r->account_id);
	if (s) {
		s->busy = false;
		if (result == ERR_OK) {
			s->stopped = s->more = false;
			sender_unload(s); /* its counts and its past are others now */
		}
	}
	pthread_mutex_unlock(&q->sending->lock);
}

enum err sending_release(struct queue *q, uint64_t account_id, bool purge, uint64_t *messages_out, struct note *why)
{
	struct release r = { .account_id = account_id, .purge = purge };
	enum err e = begin_release(q, account_id, &r);

	*messages_out = 0;
	if (e != ERR_OK) {
		note_set(why, "%s", e == ERR_STATE ? "it is not stopped" : "it is being stopped or released right now");
		return e;
	}
	e = steer_account_release(q, account_id, purge, messages_out, why);
	/* Failures on their way to the disk are there before, and go with the rest. */
	pthread_mutex_lock(&q->sending->load_lock);
	if (e == ERR_OK)
		e = db_group_run(q->group, run_release, &r, FORGET_BYTES);
	end_release(q, &r, e);
	pthread_mutex_unlock(&q->sending->load_lock);
	if (e == ERR_OK)
		sending_tell_released(q, account_id, purge, *messages_out);
	return e;
}

static enum err run_forget(struct db *db, void *arg)
{
	return db_sending_forget(db, *(const uint64_t *)arg);
}

void sending_forget(struct queue *q, uint64_t account_id)
{
	struct sending *x = q->sending;
	uint64_t id = account_id;
	enum err e = db_group_run(q->group, run_forget, &id, FORGET_BYTES);
	struct sender *s;

	if (e != ERR_OK)
		log_event(LOG_WARN, "queue", "sending_not_forgotten", "account=%llu error=%s", (unsigned long long)account_id, err_name(e));
	pthread_mutex_lock(&x->lock);
	s = sender_find(x, account_id);
	if (s) {
		s->stopped = s->news = false;
		sender_unload(s);
	}
	pthread_mutex_unlock(&x->lock);
}
