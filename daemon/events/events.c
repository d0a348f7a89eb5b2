/* events/events.c: the ring: pages in memory for the newest, pages in trace.db for the rest of SETTING_EVENT_HOURS.
 *
 *   events_raise ──copy──▶ last page ──each second──▶ trace.db          watchers: news(), at most ten times a second
 *
 * (1) A number is given away only below `reserved`, which trace.db knows durably: after a crash numbers go on behind it, so that none is
 *     seen twice. The numbers in between are a gap, and a gap is told as lost.
 * (2) Memory holds PAGES_MAX pages and trace.db DISK_MAX bytes, whatever the rush: then hours become fewer. A page that must go before it was
 *     written is counted as dropped.
 * (3) `lock` is a leaf: nothing is called and nothing is written with it held.
 */
#include "daemon/events/events.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/wait.h"
#include "daemon/directory/setting.h"
#include "daemon/events/event_record.h"
#include "daemon/events/trace_pages.h"

#define PAGE_BYTES 65536u
#define PAGES_MAX 64u
#define DISK_MAX (64LL * 1024 * 1024)
#define RESERVE_AHEAD 1000000u
#define RESERVE_LOW 500000u
#define STORE_MS 1000
#define STORE_PAGES 16u /* begun since: a rush does not wait for the second to end */
#define NEWS_MS 100
#define TRIM_EVERY_MS 60000
#define TELL_EVERY_MS 60000
#define HOUR_MS 3600000LL
#define TRIM_AT_ONCE 2000
#define STRANGERS_PER_S 100
#define STRANGERS_BURST 2000

struct page {
	struct page *next;
	uint64_t first, last; /* ids; first 0: empty */
	uint64_t stored_last; /* in trace.db up to here */
	int64_t last_ms;
	size_t len, stored; /* bytes */
	char bytes[PAGE_BYTES];
};

struct events_watch {
	struct events_watch *next;
	void (*news)(void *arg);
	void *arg;
};

struct events {
	struct events_config config;

	pthread_mutex_t lock; /* guards all below but what is the thread's */
	pthread_cond_t work, called;
	struct page *first, *last;
	size_t page_count, fresh_pages; /* fresh: begun since the last store */
	uint64_t last_id, reserved;
	uint64_t kept_first; /* the oldest in trace.db; 0: none */
	uint64_t dropped;
	int64_t strangers_room, strangers_ms; /* how many events that anybody can cause are still taken, as of then */
	bool unstored, news, stopping;
	struct events_watch *watches, *calling;

	pthread_t thread;
	bool runs;
	/* The thread's: */
	int64_t disk_bytes, stored_ms, told_ms, trimmed_ms; /* monotonic */
	int64_t dropped_told_ms;
	uint64_t dropped_told;
};

/* The system's clock, as waiting has it, whatever clock a test has put in. */
static int64_t now_mono_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- raising ---- */

/* With the lock held. The oldest goes, also when it is not stored yet. */
static void drop_first(struct events *e)
{
	struct page *gone = e->first;

	e->first = gone->next;
	if (!e->first)
		e->last = NULL;
	e->page_count--;
	if (e->config.trace && gone->stored_last < gone->last)
		e->dropped += gone->last - (gone->stored_last ? gone->stored_last : gone->first - 1);
	free(gone);
}

/* With the lock held; null without memory. */
static struct page *page_for(struct events *e, size_t size)
{
	struct page *p = e->last;

	if (p && PAGE_BYTES - p->len >= size)
		return p;
	p = malloc(sizeof(*p));
	if (!p)
		return NULL;
	if (e->page_count == PAGES_MAX)
		drop_first(e);
	p->next = NULL;
	p->first = p->last = p->stored_last = 0;
	p->len = p->stored = 0;
	if (e->last)
		e->last->next = p;
	else
		e->first = p;
	e->last = p;
	if (++e->fresh_pages == STORE_PAGES)
		pthread_cond_signal(&e->work);
	e->page_count++;
	return p;
}

static bool is_strangers(enum event_type type)
{
	return type == EVENT_MESSAGE_REJECTED || type == EVENT_LOGIN_FAILED;
}

/* With the lock held. */
static bool may_raise(struct events *e, enum event_type type)
{
	int64_t now_ms, gained;

	if (!is_strangers(type))
		return true;
	now_ms = clock_mono_ms();
	gained = (now_ms - e->strangers_ms) * STRANGERS_PER_S / 1000;
	if (gained > 0) {
		e->strangers_room = e->strangers_room + gained < STRANGERS_BURST ? e->strangers_room + gained : STRANGERS_BURST;
		e->strangers_ms = now_ms;
	}
	if (e->strangers_room == 0)
		return false;
	e->strangers_room--;
	return true;
}

void events_raise(struct events *e, const struct event *event)
{
	char record[EVENT_RECORD_MAX];
	struct event copy;
	struct page *p;
	size_t size;

	if (!e)
		return;
	copy = *event;
	copy.at_ms = clock_real_ms();
	size = event_encode(&copy, record);
	pthread_mutex_lock(&e->lock);
	p = e->last_id < e->reserved && may_raise(e, event->type) ? page_for(e, size) : NULL;
	if (p) {
		event_set_id(record, ++e->last_id);
		memcpy(p->bytes + p->len, record, size);
		p->len += size;
		p->last = e->last_id;
		p->last_ms = copy.at_ms;
		if (!p->first)
			p->first = e->last_id;
		/* Once for what is not seen yet: the thread looks at the rest when it wakes. */
		if ((!e->news && e->watches) || (!e->unstored && e->config.trace))
			pthread_cond_signal(&e->work);
		e->news = e->watches != NULL;
		e->unstored = e->config.trace != NULL;
	} else {
		e->dropped++;
		/* Also when numbers have run out: the thread then tries again to reserve some. */
		if (!e->unstored && e->config.trace)
			pthread_cond_signal(&e->work);
		e->unstored = e->config.trace != NULL;
	}
	pthread_mutex_unlock(&e->lock);
}

uint64_t events_last_id(struct events *e)
{
	uint64_t id;

	pthread_mutex_lock(&e->lock);
	id = e->last_id;
	pthread_mutex_unlock(&e->lock);
	return id;
}

uint64_t events_dropped(struct events *e)
{
	uint64_t dropped;

	pthread_mutex_lock(&e->lock);
	dropped = e->dropped;
	pthread_mutex_unlock(&e->lock);
	return dropped;
}

/* ---- reading ---- */

struct reading {
	uint64_t after;
	size_t left;
	bool (*each)(void *arg, const struct event *event);
	void *arg;
	bool lost, over;
	bool no_disk; /* trace.db has nothing behind `after` */
};

static enum err read_bytes(struct reading *r, struct span bytes)
{
	struct event event;
	enum err e = ERR_OK;

	while (r->left && !r->over && (e = event_decode(&bytes, &event)) == ERR_OK) {
		if (event.id <= r->after)
			continue;
		/* The first of all numbers is 1: who asks from the beginning has lost nothing with what was trimmed. */
		if (r->after && event.id > r->after + 1)
			r->lost = true;
		r->after = event.id;
		if (event.type == EVENT_COUNT)
			continue;
		r->left--;
		r->over = !r->each(r->arg, &event);
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* What memory has next, copied. ERR_NOT_FOUND: nothing newer; ERR_STATE: the disk has it first. */
static enum err copy_page(struct events *e, uint64_t after, bool no_disk, struct buf *bytes)
{
	enum err result = ERR_NOT_FOUND;

	pthread_mutex_lock(&e->lock);
	for (struct page *p = e->first; p; p = p->next) {
		if (p->last <= after)
			continue;
		if (!no_disk && p == e->first && p->first > after + 1 && e->kept_first && e->kept_first < p->first) {
			result = ERR_STATE;
			break;
		}
		buf_add(bytes, span_make(p->bytes, p->len));
		result = bytes->failed ? ERR_TEMP : ERR_OK;
		break;
	}
	if (!no_disk && !e->first && e->last_id > after && e->kept_first)
		result = ERR_STATE;
	pthread_mutex_unlock(&e->lock);
	return result;
}

static enum err read_stored(struct events *e, struct reading *r, struct buf *bytes)
{
	struct trace_event_page page;
	enum err result = trace_pages_get(e->config.trace, r->after, &page, bytes);

	if (!result)
		result = read_bytes(r, buf_span(bytes));
	/* A page whose events are all passed over must not be read again. */
	if (!result && r->left && !r->over && r->after < (uint64_t)page.last_id)
		r->after = (uint64_t)page.last_id;
	return result;
}

static enum err read_on(struct events *e, struct reading *r, struct buf *bytes)
{
	enum err result;

	buf_reset(bytes);
	result = copy_page(e, r->after, r->no_disk, bytes);
	if (!result)
		return read_bytes(r, buf_span(bytes));
	if (result != ERR_STATE)
		return result;
	result = read_stored(e, r, bytes);
	/* Numbers that were reserved when the daemon was killed, or trimmed between two looks. */
	if (result == ERR_NOT_FOUND) {
		r->no_disk = true;
		result = ERR_OK;
	}
	return result;
}

enum err events_read(struct events *e, uint64_t after_id, size_t max, bool (*each)(void *arg, const struct event *event), void *arg, bool *lost_out)
{
	struct reading r = { .after = after_id, .left = max, .each = each, .arg = arg };
	struct buf bytes;
	enum err result = ERR_OK;

	buf_init(&bytes, PAGE_BYTES);
	/* A number of another installation, or of a trace.db that is gone. */
	if (after_id > events_last_id(e))
		r.lost = r.over = true;
	while (!result && r.left && !r.over)
		result = read_on(e, &r, &bytes);
	buf_clear(&bytes);
	*lost_out = r.lost;
	return result == ERR_NOT_FOUND ? ERR_OK : result;
}

/* ---- watchers ---- */

enum err events_watch(struct events *e, void (*news)(void *arg), void *arg, struct events_watch **out)
{
	struct events_watch *w = malloc(sizeof(*w));

	*out = w;
	if (!w)
		return ERR_TEMP;
	*w = (struct events_watch){ .news = news, .arg = arg };
	pthread_mutex_lock(&e->lock);
	w->next = e->watches;
	e->watches = w;
	pthread_mutex_unlock(&e->lock);
	return ERR_OK;
}

void events_unwatch(struct events *e, struct events_watch **watch)
{
	struct events_watch *w = *watch, **link = &e->watches;

	*watch = NULL;
	if (!w)
		return;
	pthread_mutex_lock(&e->lock);
	while (e->calling == w)
		(void)wait_for(&e->called, &e->lock, -1);
	while (*link && *link != w)
		link = &(*link)->next;
	if (*link)
		*link = w->next;
	pthread_mutex_unlock(&e->lock);
	free(w);
}

/* With the lock held at both ends; not while one is called: who is called stays in the list until then. */
static void tell_watchers(struct events *e)
{
	e->news = false;
	for (struct events_watch *w = e->watches; w; w = w->next) {
		e->calling = w;
		pthread_mutex_unlock(&e->lock);
		w->news(w->arg);
		pthread_mutex_lock(&e->lock);
		e->calling = NULL;
		pthread_cond_broadcast(&e->called);
	}
}

/* ---- keeping ---- */

/* The next piece that trace.db does not have; false: none. Copied, so that it may be dropped from memory meanwhile. */
static bool take_unstored(struct events *e, struct trace_event_page *out, struct buf *bytes)
{
	struct page *p;
	bool found = false;

	buf_reset(bytes);
	pthread_mutex_lock(&e->lock);
	for (p = e->first; p && p->stored == p->len; p = p->next)
		;
	if (p) {
		buf_add(bytes, span_make(p->bytes + p->stored, p->len - p->stored));
		*out = (struct trace_event_page){ .first_id = (int64_t)(p->stored_last ? p->stored_last + 1 : p->first), .last_id = (int64_t)p->last, .at_ms = p->last_ms };
		found = !bytes->failed;
	}
	pthread_mutex_unlock(&e->lock);
	out->bytes = buf_span(bytes);
	return found;
}

/* Written, or lost for the disk: the page does not wait for it any more. */
static void mark_stored(struct events *e, const struct trace_event_page *piece, bool written)
{
	pthread_mutex_lock(&e->lock);
	for (struct page *p = e->first; p; p = p->next) {
		if (p->first > (uint64_t)piece->last_id || p->last < (uint64_t)piece->first_id)
			continue;
		p->stored += piece->bytes.len;
		p->stored_last = (uint64_t)piece->last_id;
	}
	if (written && !e->kept_first)
		e->kept_first = (uint64_t)piece->first_id;
	if (!written)
		e->dropped += (uint64_t)(piece->last_id - piece->first_id + 1);
	pthread_mutex_unlock(&e->lock);
}

static void store(struct events *e)
{
	struct trace_event_page piece;
	struct buf bytes;

	buf_init(&bytes, PAGE_BYTES);
	pthread_mutex_lock(&e->lock);
	e->unstored = false;
	e->fresh_pages = 0;
	pthread_mutex_unlock(&e->lock);
	while (take_unstored(e, &piece, &bytes)) {
		enum err result = trace_pages_add(e->config.trace, &piece);

		if (result)
			log_event(LOG_ERROR, "events", "not_written", "from=%lld to=%lld error=%s", (long long)piece.first_id, (long long)piece.last_id, err_name(result));
		else
			e->disk_bytes += (int64_t)piece.bytes.len;
		mark_stored(e, &piece, result == ERR_OK);
	}
	buf_clear(&bytes);
}

static void trim(struct events *e)
{
	int64_t now_ms = now_mono_ms(), gone = 1;
	const struct snapshot *s;
	int64_t before_ms;
	bool any = false;
	struct trace_event_span span;

	if (e->disk_bytes <= DISK_MAX && e->trimmed_ms && now_ms - e->trimmed_ms < TRIM_EVERY_MS)
		return;
	e->trimmed_ms = now_ms;
	s = directory_hold(e->config.directory);
	before_ms = clock_real_ms() - snapshot_number(s, SETTING_EVENT_HOURS) * HOUR_MS;
	snapshot_release(&s);
	for (int i = 0; gone && i < TRIM_AT_ONCE; i++) {
		if (trace_pages_trim(e->config.trace, before_ms, e->disk_bytes > DISK_MAX, &gone) != ERR_OK)
			break;
		e->disk_bytes -= gone;
		any |= gone > 0;
	}
	if (!any || trace_pages_span(e->config.trace, &span) != ERR_OK)
		return;
	e->disk_bytes = span.bytes;
	pthread_mutex_lock(&e->lock);
	e->kept_first = (uint64_t)span.first_id;
	pthread_mutex_unlock(&e->lock);
}

/* More numbers, long before they are needed. */
static void reserve(struct events *e)
{
	uint64_t last, upto;

	pthread_mutex_lock(&e->lock);
	last = e->last_id;
	upto = e->reserved;
	pthread_mutex_unlock(&e->lock);
	if (upto - last > RESERVE_LOW)
		return;
	upto = last + RESERVE_AHEAD;
	if (trace_pages_reserve(e->config.trace, upto) != ERR_OK)
		return;
	pthread_mutex_lock(&e->lock);
	e->reserved = upto;
	pthread_mutex_unlock(&e->lock);
}

/* At most once a minute. */
static void tell_drops(struct events *e)
{
	uint64_t dropped = events_dropped(e);
	int64_t now_ms = now_mono_ms();

	if (dropped == e->dropped_told || (e->dropped_told_ms && now_ms - e->dropped_told_ms < TELL_EVERY_MS))
		return;
	log_event(LOG_WARN, "events", "dropped", "events=%llu", (unsigned long long)(dropped - e->dropped_told));
	e->dropped_told = dropped;
	e->dropped_told_ms = now_ms;
}

static void keep(struct events *e)
{
	if (!e->config.trace)
		return;
	reserve(e);
	store(e);
	trim(e);
	tell_drops(e);
}

/* How long there is nothing to do; -1: until something is raised. With the lock held. */
static int64_t idle_ms(const struct events *e)
{
	int64_t now_ms = now_mono_ms(), tell = INT64_MAX, keep_in = INT64_MAX, next;

	if (e->news && e->watches)
		tell = e->told_ms + NEWS_MS - now_ms;
	if (e->unstored && e->config.trace)
		keep_in = e->fresh_pages >= STORE_PAGES ? 0 : e->stored_ms + STORE_MS - now_ms;
	next = tell < keep_in ? tell : keep_in;
	return next == INT64_MAX ? -1 : next > 0 ? next
						 : 0;
}

static void *run(void *arg)
{
	struct events *e = arg;

	pthread_mutex_lock(&e->lock);
	while (!e->stopping) {
		int64_t wait_ms = idle_ms(e);

		if (wait_ms != 0) {
			/* A first one after a rest waits for company too. */
			bool resting = !e->unstored;

			(void)wait_for(&e->work, &e->lock, wait_ms);
			if (resting && e->unstored)
				e->stored_ms = now_mono_ms();
			continue;
		}
		if (e->news && e->watches && now_mono_ms() - e->told_ms >= NEWS_MS) {
			e->told_ms = now_mono_ms();
			tell_watchers(e);
		}
		if (e->unstored && (e->fresh_pages >= STORE_PAGES || now_mono_ms() - e->stored_ms >= STORE_MS)) {
			e->stored_ms = now_mono_ms();
			pthread_mutex_unlock(&e->lock);
			keep(e);
			pthread_mutex_lock(&e->lock);
		}
	}
	pthread_mutex_unlock(&e->lock);
	return NULL;
}

/* ---- life ---- */

/* Behind all numbers that anybody may have seen. */
static enum err take_up(struct events *e)
{
	struct trace_event_span span;
	enum err result;

	if (!e->config.trace) {
		e->reserved = UINT64_MAX;
		return ERR_OK;
	}
	result = trace_pages_span(e->config.trace, &span);
	if (result)
		return result;
	e->last_id = (uint64_t)(span.reserved > span.last_id ? span.reserved : span.last_id);
	e->kept_first = (uint64_t)span.first_id;
	e->disk_bytes = span.bytes;
	e->reserved = e->last_id + RESERVE_AHEAD;
	result = trace_pages_reserve(e->config.trace, e->reserved);
	/* A full disk keeps no mail from being read: no event is raised until it works. */
	if (result == ERR_TEMP) {
		e->reserved = e->last_id;
		result = ERR_OK;
	}
	return result;
}

enum err events_new(const struct events_config *config, struct events **out, struct note *why)
{
	struct events *e = calloc(1, sizeof(*e));
	enum err result = ERR_TEMP;

	*out = NULL;
	if (!e)
		return ERR_TEMP;
	e->config = *config;
	e->strangers_room = STRANGERS_BURST;
	e->strangers_ms = clock_mono_ms();
	if (pthread_mutex_init(&e->lock, NULL) == 0)
		result = wait_init(&e->work);
	if (!result)
		result = wait_init(&e->called);
	if (!result)
		result = take_up(e);
	if (!result) {
		e->runs = pthread_create(&e->thread, NULL, run, e) == 0;
		result = e->runs ? ERR_OK : ERR_TEMP;
	}
	if (result)
		note_set(why, "events: %s", err_name(result));
	*out = e;
	if (result)
		events_free(out);
	return result;
}

void events_free(struct events **events)
{
	struct events *e = *events;

	*events = NULL;
	if (!e)
		return;
	if (e->runs) {
		pthread_mutex_lock(&e->lock);
		e->stopping = true;
		pthread_cond_signal(&e->work);
		pthread_mutex_unlock(&e->lock);
		pthread_join(e->thread, NULL);
		keep(e);
		/* After an orderly end no number is left out. */
		if (e->config.trace && trace_pages_reserve(e->config.trace, e->last_id) != ERR_OK)
			log_event(LOG_WARN, "events", "numbers_not_given_back", "reserved=%llu", (unsigned long long)e->reserved);
	}
	while (e->first)
		drop_first(e);
	free(e);
}
