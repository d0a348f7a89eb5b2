/* ops/webhooks.c: the thread that makes events into rows, and rows into requests.
 *
 *   events ──collect──▶ WAITING row ──due──▶ flying ──2xx──▶ DONE
 *                          ^                   |──else──▶ GIVEN_UP after the last try
 *                          +---- later --------+
 *
 * (1) A row is WAITING until its result is durable: a crash sends it again.
 * (2) Of each subject only the oldest waiting row may fly.
 * (3) `last_event` of a webhook moves in the transaction that makes the rows.
 * (4) A result that cannot be written (a full disk) is kept and its row stays in flight: a receiver does not get it again for that.
 * (5) Only the thread touches hooks and the database; the fetcher's thread hands over results under the lock.
 */
#include "daemon/ops/webhooks.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/counter.h"
#include "daemon/base/log.h"
#include "daemon/base/rng.h"
#include "daemon/base/version.h"
#include "daemon/base/wait.h"
#include "daemon/directory/setting.h"
#include "daemon/events/events.h"
#include "daemon/net/fetch.h"
#include "daemon/ops/webhook_sign.h"
#include "daemon/ops/webhook_state.h"
#include "db/control_webhook.h"

#define DUE_BYTES (4u * 1024u * 1024u)
#define TIMEOUT_MS 15000
#define ANSWER_MAX 1024
#define KEPT_DAYS 30
#define KEPT_FINISHED 10000
#define TRIM_EVERY_MS 3600000
#define TRIM_AGAIN_MS 1000 /* there was more than a slice */
#define TRIM_ROWS 2000
#define WRITE_AGAIN_MS 10000 /* after a write that failed: a full disk is not asked all the time */
#define IDLE_MAX_MS 600000
#define GATHER_MS 100 /* news come at most so often; results gather as long */
#define DAY_MS 86400000LL
#define HOOKS_ARENA_MAX (2u * 1024u * 1024u)
#define HEADER_ROOM 512u
#define NEVER (-1)

/* ---- hooks ---- */

static struct hook *hook_of(struct webhooks *w, uint64_t id)
{
	for (size_t i = 0; i < w->hook_count; i++)
		if (w->hooks[i].row.id == id)
			return &w->hooks[i];
	return NULL;
}

/* Anew from the rows; what flies goes on flying. */
static void reload(struct webhooks *w)
{
	struct hook before[WEBHOOKS_MAX];
	size_t before_count = w->hook_count, count = 0;
	struct webhook *list = NULL;
	bool wanted = false;
	enum err e;

	memcpy(before, w->hooks, sizeof(before));
	arena_wipe(&w->arena);
	e = webhook_list(w->config.directory, WEBHOOK_SECRETS, &w->arena, &list, &count);
	if (e)
		log_event(LOG_ERROR, "webhooks", "not_read", "error=%s", err_name(e));
	w->hook_count = count;
	for (size_t i = 0; i < count; i++) {
		w->hooks[i] = (struct hook){ .row = list[i] };
		wanted |= list[i].enabled;
		for (size_t k = 0; k < before_count; k++) {
			if (before[k].row.id != list[i].id)
				continue;
			memcpy(w->hooks[i].flying, before[k].flying, sizeof(before[k].flying));
			w->hooks[i].flying_count = before[k].flying_count;
		}
	}
	atomic_store(&w->wanted, wanted);
}

void webhooks_tell_failing(struct webhooks *w, uint64_t hook, struct span reason)
{
	struct event event = { .type = EVENT_WEBHOOK_FAILING, .fields = { { "reason", reason } }, .field_count = 1 };
	char subject[40];

	(void)snprintf(subject, sizeof(subject), "whk_%llu", (unsigned long long)hook);
	event.subject = span_str(subject);
	log_event(LOG_WARN, "webhooks", "failing", "webhook=%s reason=%s", subject, log_quote(reason).text);
	events_raise(w->config.events, &event);
}

/* ---- rows become requests ---- */

static bool may_connect(void *arg, const struct net_addr *addr)
{
	const struct flight *f = arg;
	const struct snapshot *s;
	bool anywhere;

	if (net_is_public(addr))
		return true;
	s = directory_hold(f->w->config.directory);
	anywhere = snapshot_number(s, SETTING_WEBHOOKS_TO_PRIVATE_ADDRESSES) != 0;
	snapshot_release(&s);
	return anywhere;
}

static void landed(void *arg, const struct fetch_result *result)
{
	struct flight *f = arg;
	struct webhooks *w = f->w;

	f->result = *result;
	f->result.body = SPAN("");
	f->ended_ms = clock_real_ms();
	pthread_mutex_lock(&w->lock);
	f->next = w->landed;
	w->landed = f;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
}

static enum err begin(struct webhooks *w, struct flight *f, const struct hook *h, struct span payload, struct note *why)
{
	char id[40], timestamp[60], name[60];
	struct fetch_request q = { .url = h->row.url, .may_http = true, .post = true, .body = payload, .content_type = SPAN("application/json"), .timeout_ms = TIMEOUT_MS, .answer_max = ANSWER_MAX, .ca_file = w->config.ca_file, .may_connect = may_connect, .arg = f };
	int64_t now_s = clock_real_ms() / 1000;
	struct buf signature;
	enum err e;

	(void)snprintf(id, sizeof(id), "dlv_%llu", (unsigned long long)f->id);
	(void)snprintf(name, sizeof(name), "webhook-id: %s", id);
	(void)snprintf(timestamp, sizeof(timestamp), "webhook-timestamp: %lld", (long long)now_s);
	buf_init(&signature, HEADER_ROOM);
	buf_add_str(&signature, "webhook-signature: ");
	webhook_sign(h->row.secrets, 2, span_str(id), now_s, payload, &signature);
	q.headers[0] = span_str(name);
	q.headers[1] = span_str(timestamp);
	q.headers[2] = buf_span(&signature);
	q.headers[3] = SPAN("User-Agent: Postroom/" POSTROOM_VERSION);
	q.header_count = 4;
	e = signature.failed ? ERR_LIMIT : fetch_begin(w->fetcher, &q, landed, f, why);
	buf_clear(&signature);
	return e;
}

struct launching {
	struct webhooks *w;
	struct hook *hook;
	struct arena arena;
	struct db_delivery rows[2 * FLYING_MAX];
	size_t count;
};

static bool flies(const struct hook *h, uint64_t id)
{
	for (size_t i = 0; i < h->flying_count; i++)
		if (h->flying[i] == id)
			return true;
	return false;
}

static enum err take_due(void *arg, const struct db_delivery *row)
{
	struct launching *l = arg;

	if (flies(l->hook, row->id) || l->hook->flying_count + l->count >= FLYING_MAX)
		return ERR_OK;
	l->rows[l->count++] = (struct db_delivery){ .id = row->id, .attempts = row->attempts, .payload = arena_copy(&l->arena, row->payload) };
	return ERR_OK;
}

static enum err read_due(struct db *db, void *arg)
{
	struct launching *l = arg;

	return db_delivery_due(db, l->hook->row.id, clock_real_ms(), (int64_t)(l->hook->flying_count + FLYING_MAX), take_due, l);
}

static void launch_one(struct webhooks *w, struct hook *h, const struct db_delivery *row)
{
	struct flight *f = calloc(1, sizeof(*f));
	struct fetch_result failed = { .err = ERR_TEMP };

	if (!f)
		return;
	f->w = w;
	f->hook = h->row.id;
	f->id = row->id;
	f->attempts = row->attempts + 1;
	h->flying[h->flying_count++] = row->id;
	/* Lands at once, as an attempt that failed. */
	if (begin(w, f, h, row->payload, &failed.why) != ERR_OK)
		landed(f, &failed);
}

static bool is_outdated(struct webhooks *w)
{
	bool outdated;

	pthread_mutex_lock(&w->lock);
	outdated = w->changed || w->stopping;
	pthread_mutex_unlock(&w->lock);
	return outdated;
}

static void launch(struct webhooks *w)
{
	for (size_t i = 0; i < w->hook_count; i++) {
		struct launching l = { .w = w, .hook = &w->hooks[i] };

		if (!l.hook->row.enabled || l.hook->flying_count >= FLYING_MAX)
			continue;
		arena_init(&l.arena, DUE_BYTES);
		/* A row that was made after a change goes with what was changed: looked at anew first. */
		if (directory_read(w->config.directory, read_due, &l) == ERR_OK && !is_outdated(w))
			for (size_t k = 0; k < l.count; k++)
				launch_one(w, l.hook, &l.rows[k]);
		arena_clear(&l.arena);
	}
}

/* ---- results ---- */

/* Milliseconds until the next try after so many; NEVER: none is left. */
static int64_t retry_ms(unsigned attempts)
{
	static const int minutes[] = { 1, 2, 4, 8, 15, 30, 60, 120, 240, 480, 960 };
	int64_t ms;

	if (attempts == 0 || attempts > sizeof(minutes) / sizeof(minutes[0]))
		return NEVER;
	ms = minutes[attempts - 1] * 60000LL;
	return ms - ms / 10 + (int64_t)rng_below((uint64_t)(ms / 5) + 1);
}

static void judge(struct flight *f)
{
	int64_t wait_ms = retry_ms(f->attempts);

	f->end = FLIGHT_DELIVERED;
	if (f->result.err == ERR_OK && f->result.status >= 200 && f->result.status < 300)
		return;
	f->end = wait_ms < 0 ? FLIGHT_GIVEN_UP : FLIGHT_LATER;
	f->next_ms = f->ended_ms + wait_ms;
	if (f->result.err == ERR_OK)
		note_set(&f->result.why, "the receiver answered %d", f->result.status);
}

struct results {
	struct webhooks *w;
	struct flight *list;
};

static enum err write_result(struct db *db, const struct flight *f)
{
	const struct db_delivery row = {
		.id = f->id,
		.state = f->end == FLIGHT_DELIVERED ? DB_DELIVERY_DONE : f->end == FLIGHT_LATER ? DB_DELIVERY_WAITING
												: DB_DELIVERY_GIVEN_UP,
		.attempts = f->attempts,
		.next_ms = f->end == FLIGHT_LATER ? f->next_ms : 0,
		.last_ms = f->ended_ms,
		.last_status = f->result.status,
		.last_error = f->end == FLIGHT_DELIVERED ? SPAN("") : span_str(f->result.why.text),
	};

	return db_delivery_update(db, &row);
}

static enum err write_results(struct db *db, void *arg)
{
	const struct results *r = arg;
	enum err e = ERR_OK;

	for (const struct flight *f = r->list; f && !e; f = f->next) {
		const struct hook *h = hook_of(r->w, f->hook);

		e = write_result(db, f);
		if (!e && h && h->row.failing != (f->end != FLIGHT_DELIVERED))
			e = db_webhook_set_failing(db, f->hook, f->end != FLIGHT_DELIVERED);
		if (e == ERR_NOT_FOUND)
			e = ERR_OK;
	}
	return e;
}

static void count_result(const struct flight *f)
{
	switch (f->end) {
	case FLIGHT_DELIVERED: counter_add(COUNTER_WEBHOOK_DELIVERED, 1); break;
	case FLIGHT_LATER: counter_add(COUNTER_WEBHOOK_FAILED, 1); break;
	case FLIGHT_GIVEN_UP: counter_add(COUNTER_WEBHOOK_GIVEN_UP, 1); break;
	}
}

static void land_one(struct webhooks *w, struct flight *f)
{
	struct hook *h = hook_of(w, f->hook);

	for (size_t i = 0; h && i < h->flying_count; i++) {
		if (h->flying[i] != f->id)
			continue;
		h->flying[i] = h->flying[--h->flying_count];
		break;
	}
	if (h) {
		bool failing = f->end != FLIGHT_DELIVERED;

		count_result(f);
		if ((failing && !h->row.failing) || f->end == FLIGHT_GIVEN_UP)
			webhooks_tell_failing(w, f->hook, span_str(f->result.why.text));
		h->row.failing = failing;
	}
	free(f);
}

/* Behind those that could not be written, oldest first. */
static void take_landed(struct webhooks *w, struct flight *list)
{
	struct flight **end = &w->unwritten, *next;

	while (*end)
		end = &(*end)->next;
	for (; list; list = next) {
		next = list->next;
		/* Cancelled ones wait as before. */
		if (list->result.err == ERR_STATE) {
			free(list);
			continue;
		}
		judge(list);
		list->next = *end; /* they landed newest first */
		*end = list;
	}
}

static void free_flights(struct flight **list)
{
	struct flight *f;

	while ((f = *list)) {
		*list = f->next;
		free(f);
	}
}

/* Not for a while after a write that failed. */
static bool may_write(const struct webhooks *w)
{
	return clock_mono_ms() >= w->write_after_ms;
}

void webhooks_wrote(struct webhooks *w, enum err e, const char *what)
{
	w->write_after_ms = e ? clock_mono_ms() + WRITE_AGAIN_MS : 0;
	if (e)
		log_event(LOG_ERROR, "webhooks", "not_written", "what=%s error=%s", what, err_name(e));
}

static void write_landed(struct webhooks *w)
{
	struct results r = { w, w->unwritten };
	struct flight *f;
	enum err e;

	if (!r.list)
		return;
	e = directory_write(w->config.directory, write_results, &r, NULL);
	webhooks_wrote(w, e, "results");
	while (!e && (f = w->unwritten)) {
		w->unwritten = f->next;
		land_one(w, f);
	}
}

/* ---- the thread ---- */

static enum err run_trim(struct db *db, void *arg)
{
	return db_delivery_trim(db, clock_real_ms() - KEPT_DAYS * DAY_MS, KEPT_FINISHED, TRIM_ROWS, arg);
}

static void trim(struct webhooks *w)
{
	int64_t now_ms = clock_mono_ms(), removed = 0;

	if (w->hook_count == 0 || now_ms < w->trim_ms)
		return;
	if (directory_write(w->config.directory, run_trim, &removed, NULL) != ERR_OK)
		log_event(LOG_WARN, "webhooks", "not_trimmed", "older_than_days=%d", KEPT_DAYS);
	w->trim_ms = now_ms + (removed < TRIM_ROWS ? TRIM_EVERY_MS : TRIM_AGAIN_MS);
}

static enum err read_next(struct db *db, void *arg)
{
	return db_delivery_next(db, clock_real_ms(), arg);
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Until the next row is due; NEVER: nothing can. */
static int64_t idle_ms(struct webhooks *w)
{
	int64_t now_ms = clock_mono_ms(), next_ms = 0, wait_ms = IDLE_MAX_MS; /* the wall clock may be stepped meanwhile */
	enum err e;

	if (w->hook_count == 0 && !w->unwritten)
		return NEVER;
	e = directory_read(w->config.directory, read_next, &next_ms);
	if (!e)
		wait_ms = sooner(wait_ms, next_ms - clock_real_ms());
	else if (e != ERR_NOT_FOUND)
		wait_ms = WRITE_AGAIN_MS;
	wait_ms = sooner(wait_ms, w->trim_ms - now_ms);
	if (w->write_after_ms > now_ms)
		wait_ms = sooner(wait_ms, w->write_after_ms - now_ms);
	return wait_ms < 1 ? 1 : wait_ms;
}

/* One look at everything; true: there is more to do at once. */
static bool work(struct webhooks *w, struct flight *list, bool changed)
{
	bool more;

	if (changed)
		reload(w);
	take_landed(w, list);
	if (may_write(w))
		write_landed(w);
	more = may_write(w) && webhooks_collect(w);
	launch(w);
	trim(w);
	return more;
}

static void *run(void *arg)
{
	struct webhooks *w = arg;
	bool more = true;

	pthread_mutex_lock(&w->lock);
	while (!w->stopping) {
		struct flight *list;
		bool changed;

		if (!more && !w->news && !w->changed && !w->landed) {
			int64_t ms;

			pthread_mutex_unlock(&w->lock);
			ms = idle_ms(w);
			pthread_mutex_lock(&w->lock);
			if (!w->news && !w->changed && !w->landed && !w->stopping)
				(void)wait_for(&w->work, &w->lock, ms);
			if (w->stopping)
				break;
		}
		list = w->landed;
		changed = w->changed;
		w->landed = NULL;
		w->news = w->changed = false;
		pthread_mutex_unlock(&w->lock);
		more = work(w, list, changed);
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static void poke(struct webhooks *w, bool *what)
{
	pthread_mutex_lock(&w->lock);
	*what = true;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
}

static void on_news(void *arg)
{
	struct webhooks *w = arg;

	if (atomic_load(&w->wanted))
		poke(w, &w->news);
}

void webhooks_kick(struct webhooks *w)
{
	if (w)
		poke(w, &w->changed);
}

enum err webhooks_new(const struct webhooks_config *config, struct webhooks **out, struct note *why)
{
	struct webhooks *w = calloc(1, sizeof(*w));
	enum err e = ERR_TEMP;

	*out = NULL;
	if (!w)
		return ERR_TEMP;
	w->config = *config;
	w->changed = true;
	arena_init(&w->arena, HOOKS_ARENA_MAX);
	if (pthread_mutex_init(&w->lock, NULL) == 0)
		e = wait_init(&w->work);
	if (!e)
		e = fetcher_new(&w->fetcher);
	if (!e) {
		w->runs = pthread_create(&w->thread, NULL, run, w) == 0;
		e = w->runs ? ERR_OK : ERR_TEMP;
	}
	if (!e)
		e = events_watch(w->config.events, on_news, w, &w->watch);
	if (e)
		note_set(why, "webhooks: %s", err_name(e));
	*out = w;
	if (e)
		webhooks_free(out);
	return e;
}

void webhooks_free(struct webhooks **webhooks)
{
	struct webhooks *w = *webhooks;

	*webhooks = NULL;
	if (!w)
		return;
	events_unwatch(w->config.events, &w->watch);
	if (w->runs) {
		pthread_mutex_lock(&w->lock);
		w->stopping = true;
		pthread_cond_signal(&w->work);
		pthread_mutex_unlock(&w->lock);
		pthread_join(w->thread, NULL);
	}
	/* What runs is cancelled; what has landed is written. */
	fetcher_free(&w->fetcher);
	take_landed(w, w->landed);
	write_landed(w);
	free_flights(&w->unwritten);
	arena_wipe(&w->arena);
	free(w);
}
