/* webui/feeder.c: streams without a thread of their own.
 *
 *   news ──▶ ready ──feeder: stream_read()──▶ pending ──library: read_stream()──▶ socketpair ──▶ pump ──▶ client
 *
 * (1) A connection that is suspended belongs to the feeder, any other one to the library's thread: only who clears `suspended` resumes it,
 *     under the lock.
 * (2) The feeder asks a stream without the lock; `busy` keeps the watcher alive meanwhile.
 * (3) The list of watchers is in the order of their next heartbeats: all wait equally long. A heartbeat comes whatever else was said: with
 *     it the stream looks whether its caller still may.
 */
#include "webui/feeder.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdlib.h>

#include "api/stream.h"
#include "daemon/base/clock.h"
#include "daemon/base/wait.h"

#define BLOCK_SIZE 4096 /* of the library, for one read */

struct watcher {
	struct feeder *feeder;
	struct api_stream *stream;
	struct MHD_Connection *connection;
	uint64_t caller, link;
	struct buf pending;
	struct watcher *prev, *next, *ready_next;
	int64_t beat_ms;  /* monotonic: the next heartbeat */
	int64_t taken_ms; /* when something of `pending` was taken last, or it was empty */
	bool suspended, ready, busy;
	bool more;  /* what was read may not have been all */
	bool ended; /* nothing more will be read */
	bool gone;  /* the library has let it go */
};

struct feeder {
	pthread_mutex_t lock; /* guards all below, and the watchers but for their streams */
	pthread_cond_t changed;
	struct watcher watchers; /* head of the ring */
	struct watcher *ready, **ready_last;
	struct delayed *delayed; /* by due_ms */
	unsigned count;
	bool ending, stopping;
	pthread_t thread;
};

static void push_ready(struct feeder *f, struct watcher *w)
{
	if (w->ready || w->gone)
		return;
	w->ready = true;
	w->ready_next = NULL;
	*f->ready_last = w;
	f->ready_last = &w->ready_next;
	pthread_cond_signal(&f->changed);
}

static void unlist(struct watcher *w)
{
	w->prev->next = w->next;
	w->next->prev = w->prev;
}

static void list_last(struct feeder *f, struct watcher *w)
{
	w->next = &f->watchers;
	w->prev = f->watchers.prev;
	w->prev->next = w;
	f->watchers.prev = w;
}

static void resume(struct watcher *w)
{
	if (!w->suspended || w->gone)
		return;
	w->suspended = false;
	MHD_resume_connection(w->connection);
}

static void end_watcher(struct watcher *w)
{
	w->ended = true;
	buf_clear(&w->pending);
	resume(w);
}

static void free_watcher(struct watcher *w)
{
	stream_free(&w->stream); /* news() does not run any more */
	buf_clear(&w->pending);
	free(w);
}

/* ---- where the library is ---- */

static ssize_t read_stream(void *arg, uint64_t at, char *to, size_t size)
{
	struct watcher *w = arg;
	struct feeder *f = w->feeder;
	ssize_t count = 0;

	(void)at;
	pthread_mutex_lock(&f->lock);
	if (w->pending.len > 0) {
		count = (ssize_t)(w->pending.len < size ? w->pending.len : size);
		memcpy(to, w->pending.ptr, (size_t)count);
		buf_drop(&w->pending, (size_t)count);
		w->taken_ms = clock_mono_ms();
		if (w->pending.len == 0)
			buf_clear(&w->pending);
	} else if (w->ended) {
		count = MHD_CONTENT_READER_END_OF_STREAM;
	} else {
		if (w->more)
			push_ready(f, w);
		w->suspended = true;
		MHD_suspend_connection(w->connection);
	}
	pthread_mutex_unlock(&f->lock);
	return count;
}

static void remove_ready(struct feeder *f, struct watcher *w)
{
	struct watcher **at = &f->ready;

	while (*at && *at != w)
		at = &(*at)->ready_next;
	if (!*at)
		return;
	*at = w->ready_next;
	if (!*at)
		f->ready_last = at;
}

static void let_go(void *arg)
{
	struct watcher *w = arg;
	struct feeder *f = w->feeder;
	bool busy;

	pthread_mutex_lock(&f->lock);
	w->gone = true;
	if (w->ready)
		remove_ready(f, w);
	busy = w->busy;
	if (!busy)
		unlist(w);
	f->count--;
	pthread_mutex_unlock(&f->lock);
	if (!busy)
		free_watcher(w);
}

static void on_news(void *arg)
{
	struct watcher *w = arg;

	pthread_mutex_lock(&w->feeder->lock);
	push_ready(w->feeder, w);
	pthread_mutex_unlock(&w->feeder->lock);
}

static enum err may_enter(const struct feeder *f, uint64_t caller)
{
	unsigned same = 0;

	if (f->ending || f->count >= FEEDER_MAX_STREAMS)
		return ERR_TEMP;
	for (const struct watcher *w = f->watchers.next; w != &f->watchers; w = w->next)
		same += w->caller == caller && !w->ended;
	return same < FEEDER_MAX_PER_CALLER ? ERR_OK : ERR_LIMIT;
}

enum err feeder_stream(struct feeder *f, struct api_stream **stream, uint64_t caller, uint64_t link, struct MHD_Connection *connection, struct MHD_Response **out)
{
	struct watcher *w = calloc(1, sizeof *w);
	int64_t now = clock_mono_ms();
	enum err e = ERR_TEMP;

	if (w) {
		*w = (struct watcher){ .feeder = f, .stream = *stream, .connection = connection, .caller = caller, .link = link, .beat_ms = now + STREAM_HEARTBEAT_MS, .taken_ms = now, .more = true };
		*stream = NULL;
		buf_init(&w->pending, 2 * FEEDER_PENDING_MAX);
		pthread_mutex_lock(&f->lock);
		e = may_enter(f, caller);
		if (e == ERR_OK) {
			list_last(f, w);
			f->count++;
		}
		pthread_mutex_unlock(&f->lock);
	}
	if (e != ERR_OK) {
		if (w)
			free_watcher(w);
		else
			stream_free(stream);
		return e;
	}
	*out = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_SIZE, read_stream, w, let_go);
	if (!*out) {
		let_go(w);
		return ERR_TEMP;
	}
	stream_on_news(w->stream, on_news, w);
	return ERR_OK;
}

/* ---- the thread ---- */

/* What is to be told next; false: the stream is over. Without the lock. */
static bool ask_stream(struct watcher *w, size_t room, bool beat, struct buf *fresh)
{
	enum err e = room > 0 ? stream_read(w->stream, room, fresh) : ERR_OK;

	if (e == ERR_OK && beat)
		e = stream_heartbeat(w->stream, fresh);
	return e == ERR_OK && !fresh->failed;
}

/* What was heard goes to `pending`. */
static void take_in(struct watcher *w, struct span fresh, bool goes_on, int64_t now)
{
	if (w->pending.len == 0)
		w->taken_ms = now;
	if (!w->ended)
		buf_add(&w->pending, fresh);
	w->ended = w->ended || !goes_on || w->pending.failed;
	if (w->pending.len > 0 || w->ended)
		resume(w);
}

/* With the lock, which it gives up in between. */
static void serve(struct feeder *f, struct watcher *w, int64_t now)
{
	size_t room = w->pending.len < FEEDER_PENDING_MAX ? FEEDER_PENDING_MAX - w->pending.len : 0;
	bool beat = w->beat_ms <= now, goes_on;
	struct buf fresh;

	if (w->pending.len > 0 && now - w->taken_ms >= STREAM_HEARTBEAT_MS)
		end_watcher(w);
	w->busy = true;
	goes_on = !w->ended;
	pthread_mutex_unlock(&f->lock);
	buf_init(&fresh, 2 * FEEDER_PENDING_MAX);
	if (goes_on)
		goes_on = ask_stream(w, room, beat, &fresh);
	pthread_mutex_lock(&f->lock);
	w->busy = false;
	if (w->gone) {
		unlist(w);
		pthread_mutex_unlock(&f->lock);
		free_watcher(w);
		pthread_mutex_lock(&f->lock);
	} else {
		if (beat) {
			unlist(w);
			list_last(f, w);
			w->beat_ms = now + STREAM_HEARTBEAT_MS;
		}
		w->more = fresh.len > 0 || room == 0;
		take_in(w, buf_span(&fresh), goes_on, now);
	}
	buf_clear(&fresh);
}

static struct watcher *take_ready(struct feeder *f)
{
	struct watcher *w = f->ready;

	if (w) {
		f->ready = w->ready_next;
		if (!f->ready)
			f->ready_last = &f->ready;
		w->ready = false;
	}
	return w;
}

static void end_delays(struct feeder *f, int64_t now)
{
	while (f->delayed && (f->ending || f->delayed->due_ms <= now)) {
		struct MHD_Connection *c = f->delayed->connection;

		f->delayed = f->delayed->next; /* the entry is gone with the connection */
		MHD_resume_connection(c);
	}
}

static void wait_for_work(struct feeder *f)
{
	const struct watcher *first = f->watchers.next;
	int64_t until_ms = f->delayed ? f->delayed->due_ms : INT64_MAX;
	int64_t left_ms = -1;

	if (first != &f->watchers && first->beat_ms < until_ms)
		until_ms = first->beat_ms;
	if (until_ms != INT64_MAX) {
		left_ms = until_ms - clock_mono_ms();
		if (left_ms < 0)
			left_ms = 0;
	}
	(void)wait_for(&f->changed, &f->lock, left_ms);
}

static void *run(void *arg)
{
	struct feeder *f = arg;

	pthread_mutex_lock(&f->lock);
	while (!f->stopping) {
		int64_t now = clock_mono_ms();
		struct watcher *w = take_ready(f);

		end_delays(f, now);
		if (!w && f->watchers.next != &f->watchers && f->watchers.next->beat_ms <= now)
			w = f->watchers.next;
		if (w)
			serve(f, w, now);
		else
			wait_for_work(f);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

/* ---- from elsewhere ---- */

void feeder_delay(struct feeder *f, struct delayed *d, int64_t ms)
{
	struct delayed **at = &f->delayed;

	pthread_mutex_lock(&f->lock);
	d->due_ms = clock_mono_ms() + ms;
	while (*at && (*at)->due_ms <= d->due_ms)
		at = &(*at)->next;
	d->next = *at;
	*at = d;
	pthread_cond_signal(&f->changed);
	pthread_mutex_unlock(&f->lock);
}

void feeder_gone(struct feeder *f, uint64_t link)
{
	pthread_mutex_lock(&f->lock);
	for (struct watcher *w = f->watchers.next; w != &f->watchers; w = w->next)
		if (w->link == link && !w->gone)
			end_watcher(w);
	pthread_mutex_unlock(&f->lock);
}

void feeder_end(struct feeder *f)
{
	pthread_mutex_lock(&f->lock);
	f->ending = true;
	for (struct watcher *w = f->watchers.next; w != &f->watchers; w = w->next)
		if (!w->gone)
			end_watcher(w);
	pthread_cond_signal(&f->changed);
	pthread_mutex_unlock(&f->lock);
}

enum err feeder_start(struct feeder **out)
{
	struct feeder *f = calloc(1, sizeof *f);

	if (!f || wait_init(&f->changed) != ERR_OK) {
		free(f);
		return ERR_TEMP;
	}
	pthread_mutex_init(&f->lock, NULL);
	f->watchers.next = f->watchers.prev = &f->watchers;
	f->ready_last = &f->ready;
	if (pthread_create(&f->thread, NULL, run, f) != 0) {
		pthread_cond_destroy(&f->changed);
		pthread_mutex_destroy(&f->lock);
		free(f);
		return ERR_TEMP;
	}
	*out = f;
	return ERR_OK;
}

void feeder_stop(struct feeder **f)
{
	if (!*f)
		return;
	pthread_mutex_lock(&(*f)->lock);
	(*f)->stopping = true;
	pthread_cond_signal(&(*f)->changed);
	pthread_mutex_unlock(&(*f)->lock);
	pthread_join((*f)->thread, NULL);
	pthread_cond_destroy(&(*f)->changed);
	pthread_mutex_destroy(&(*f)->lock);
	free(*f);
	*f = NULL;
}
