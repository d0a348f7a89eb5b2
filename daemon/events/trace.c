/* events/trace.c: notes gather in memory, a thread writes them each second.
 *
 *   trace_arrived, trace_turned ──copy──▶ notes ──each second, or when half full──▶ one transaction in trace.db
 *
 * (1) Who notes never waits: what does not fit is dropped and counted.
 * (2) With nothing noted the thread sleeps, but for a look at what is too old once an hour.
 * (3) Old rows go in slices with a pause between them, so that the writer's lock is free for events and the file for checkpoints.
 */
#include "daemon/events/trace.h"

#include <stdlib.h>
#include <time.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/wait.h"
#include "daemon/directory/setting.h"
#include "daemon/events/trace_batch.h"
#include "daemon/events/trace_note.h"
#include "daemon/events/trace_state.h"
#include "db/aside.h"
#include "db/checkpointer.h"
#include "db/trace_event.h"
#include "db/trace_message.h"

#define NOTES_MAX (8u * 1024u * 1024u)
#define NOTES_ENOUGH (2u * 1024u * 1024u)
#define NOTES_KEPT (256u * 1024u) /* of an empty buffer's memory */
#define GATHER_MS 1000
#define IDLE_MS 3600000
#define SETTLE_MS 5000
#define WAL_PAGES_MAX 8192 /* 32 MiB */
#define REFUSED_PER_S 200
#define REFUSED_BURST 5000
#define REJECTED_ROWS_MAX 500000
#define TRIM_EVERY_MS 60000
#define TRIM_SLICE 500u
#define TRIM_SLICES 200 /* in one go: 100,000 messages a minute */
#define TELL_EVERY_MS 60000
#define DAY_MS 86400000LL

const char *trace_state_name(enum trace_state state)
{
	switch (state) {
	case TRACE_QUEUED: return "queued";
	case TRACE_DEFERRED: return "deferred";
	case TRACE_DELIVERED: return "delivered";
	case TRACE_RELAYED: return "relayed";
	case TRACE_BOUNCED: return "bounced";
	case TRACE_REMOVED: return "removed";
	case TRACE_REJECTED: return "rejected";
	}
	return "";
}

/* ---- noting ---- */

/* With the lock held, after a note was added or refused by the buffer. */
static void noted(struct trace *t, size_t before)
{
	if (t->notes.failed) {
		t->notes.failed = false;
		atomic_fetch_add_explicit(&t->dropped_count, 1, memory_order_relaxed);
		return;
	}
	t->noted_notes++;
	if (before == 0 || (before < NOTES_ENOUGH && t->notes.len >= NOTES_ENOUGH))
		pthread_cond_signal(&t->work);
}

/* Strangers decide how often they are refused. With the lock held. */
static bool may_note_refusal(struct trace *t)
{
	int64_t now_ms = clock_mono_ms(), gained = (now_ms - t->refused_ms) * REFUSED_PER_S / 1000;

	if (gained > 0) {
		t->refused_room = t->refused_room + gained < REFUSED_BURST ? t->refused_room + gained : REFUSED_BURST;
		t->refused_ms = now_ms;
	}
	if (t->refused_room == 0)
		return false;
	t->refused_room--;
	return true;
}

void trace_arrived(struct trace *t, const struct trace_arrival *a)
{
	size_t size;

	if (!t)
		return;
	size = note_arrival_size(a);
	pthread_mutex_lock(&t->lock);
	if (a->queue_id || may_note_refusal(t)) {
		size_t before = t->notes.len;

		note_add_arrival(&t->notes, a, size);
		noted(t, before);
	} else {
		atomic_fetch_add_explicit(&t->dropped_count, 1, memory_order_relaxed);
	}
	pthread_mutex_unlock(&t->lock);
}

void trace_turned(struct trace *t, const struct trace_turn *turn)
{
	size_t size, before;

	if (!t)
		return;
	size = note_turn_size(turn);
	pthread_mutex_lock(&t->lock);
	before = t->notes.len;
	note_add_turn(&t->notes, turn, size);
	noted(t, before);
	pthread_mutex_unlock(&t->lock);
}

struct trace_stats trace_stats(struct trace *t)
{
	return (struct trace_stats){
		.written = atomic_load_explicit(&t->written_count, memory_order_relaxed),
		.dropped = atomic_load_explicit(&t->dropped_count, memory_order_relaxed),
	};
}

void trace_settle(struct trace *t)
{
	uint64_t upto;

	pthread_mutex_lock(&t->lock);
	upto = t->noted_notes;
	if (t->written_notes < upto) {
		t->urgent = true;
		pthread_cond_signal(&t->work);
	}
	while (t->runs && t->written_notes < upto)
		if (!wait_for(&t->written, &t->lock, SETTLE_MS))
			break;
	pthread_mutex_unlock(&t->lock);
}

/* ---- writing ---- */

static void tell_drops(struct trace *t)
{
	uint64_t dropped = atomic_load_explicit(&t->dropped_count, memory_order_relaxed);
	int64_t now_ms = clock_mono_ms();

	if (dropped == t->told_dropped || (t->told_ms && now_ms - t->told_ms < TELL_EVERY_MS))
		return;
	log_event(LOG_WARN, "events", "trace_dropped", "notes=%llu", (unsigned long long)(dropped - t->told_dropped));
	t->told_dropped = dropped;
	t->told_ms = now_ms;
}

static int64_t setting_now(struct trace *t, enum setting which)
{
	const struct snapshot *s = directory_hold(t->config.directory);
	int64_t value = snapshot_number(s, which);

	snapshot_release(&s);
	return value;
}

/* One transaction with the writer. */
static enum err transact(struct trace *t, enum err (*run)(struct trace *t, void *arg), void *arg)
{
	enum err e;

	pthread_mutex_lock(&t->writer_lock);
	e = db_begin(t->writer);
	if (!e)
		e = run(t, arg);
	t->damaged |= e && db_is_damaged(t->writer);
	if (!e)
		e = db_commit(t->writer);
	else
		db_rollback(t->writer);
	pthread_mutex_unlock(&t->writer_lock);
	return e;
}

static enum err run_batch(struct trace *t, void *arg)
{
	return trace_batch_write(t->writer, arg);
}

/* The checkpointer is told of an eighth of what is written: nobody waits for this file, and what is written again and again is copied back once.
 * Under a load that never rests it is this thread that lets the WAL begin anew. */
static void tend_wal(struct trace *t, size_t written)
{
	int left;

	checkpointer_touch(t->config.checkpointer, t->path, &db_schema_trace, written / 8);
	pthread_mutex_lock(&t->writer_lock);
	/* Another one is at work, or a reader is in the way: after the next batch then. */
	if (db_checkpoint(t->writer, WAL_PAGES_MAX, &left) != ERR_OK)
		left = 0;
	pthread_mutex_unlock(&t->writer_lock);
}

static void write_notes(struct trace *t, struct span notes, uint64_t count)
{
	struct trace_batch b = { .notes = notes, .keep_subjects = setting_now(t, SETTING_TRACE_SUBJECTS) != 0, .last_message = t->last_message };
	enum err e = transact(t, run_batch, &b);

	if (e) {
		atomic_fetch_add_explicit(&t->dropped_count, count, memory_order_relaxed);
		log_event(LOG_ERROR, "events", "trace_not_written", "notes=%llu error=%s", (unsigned long long)count, err_name(e));
		return;
	}
	t->last_message = b.last_message;
	t->rejected_rows += b.rejected_rows;
	atomic_fetch_add_explicit(&t->written_count, count, memory_order_relaxed);
	tend_wal(t, notes.len);
}

/* ---- trimming ---- */

struct trim {
	int64_t before_ms, after_ms;
	bool rejected;
	size_t removed; /* by the last slice */
	bool any;
};

static enum err run_trim(struct trace *t, void *arg)
{
	struct trim *trim = arg;

	if (trim->rejected)
		return db_trace_trim_rejected(t->writer, TRIM_SLICE, &trim->removed);
	return db_trace_trim(t->writer, trim->before_ms, trim->after_ms, TRIM_SLICE, &trim->removed);
}

static enum err run_count(struct trace *t, void *arg)
{
	(void)arg;
	return db_trace_count_state(t->writer, &t->rejected_rows);
}

static bool has_more_urgent(struct trace *t)
{
	bool urgent;

	pthread_mutex_lock(&t->lock);
	urgent = t->stopping || t->urgent || t->notes.len >= NOTES_ENOUGH;
	pthread_mutex_unlock(&t->lock);
	return urgent;
}

/* Slices, while there is something to remove and nothing more urgent. */
static void trim_all(struct trace *t, struct trim *trim)
{
	static const struct timespec pause = { 0, 5000000 };

	for (int i = 0; i < TRIM_SLICES; i++) {
		t->trim_left = has_more_urgent(t);
		if (t->trim_left || transact(t, run_trim, trim) != ERR_OK || trim->removed == 0)
			return;
		trim->any = true;
		checkpointer_touch(t->config.checkpointer, t->path, &db_schema_trace, trim->removed * 1024);
		if (trim->rejected) {
			t->rejected_rows -= (int64_t)trim->removed;
			if (t->rejected_rows <= REJECTED_ROWS_MAX)
				return;
		}
		(void)nanosleep(&pause, NULL);
	}
}

static void trim_old(struct trace *t)
{
	int64_t now_ms = clock_mono_ms(), real_ms = clock_real_ms(), keep_ms = setting_now(t, SETTING_TRACE_DAYS) * DAY_MS;
	struct trim old = { .before_ms = real_ms - keep_ms, .after_ms = real_ms + keep_ms }, rejected = { .rejected = true };

	if (t->trimmed_ms && now_ms - t->trimmed_ms < TRIM_EVERY_MS && !t->trim_left)
		return;
	t->trimmed_ms = now_ms;
	trim_all(t, &old);
	if (old.any && transact(t, run_count, NULL) != ERR_OK)
		return;
	if (t->rejected_rows > REJECTED_ROWS_MAX && !t->trim_left)
		trim_all(t, &rejected);
}

/* ---- the thread ---- */

/* Until there is something to write that has waited long enough; with the lock held. */
static void wait_for_notes(struct trace *t)
{
	if (t->notes.len == 0 && !t->stopping && !t->urgent)
		(void)wait_for(&t->work, &t->lock, t->trim_left ? GATHER_MS : IDLE_MS);
	/* The rest of the second comes along. A wake-up here is a half-full buffer, a search, or the end. */
	if (t->notes.len > 0 && t->notes.len < NOTES_ENOUGH && !t->stopping && !t->urgent)
		(void)wait_for(&t->work, &t->lock, GATHER_MS);
}

static void *run(void *arg)
{
	struct trace *t = arg;
	bool stopping = false;

	while (!stopping) {
		struct buf taken;
		uint64_t count;

		pthread_mutex_lock(&t->lock);
		wait_for_notes(t);
		taken = t->notes;
		buf_init(&t->notes, NOTES_MAX);
		count = t->noted_notes - t->taken_notes;
		t->taken_notes = t->noted_notes;
		t->urgent = false;
		stopping = t->stopping;
		pthread_mutex_unlock(&t->lock);
		if (taken.len)
			write_notes(t, buf_span(&taken), count);
		pthread_mutex_lock(&t->lock);
		t->written_notes += count;
		/* The memory serves again. */
		if (!t->notes.ptr && taken.cap <= NOTES_KEPT) {
			buf_reset(&taken);
			t->notes = taken;
			buf_init(&taken, NOTES_MAX);
		}
		pthread_cond_broadcast(&t->written);
		pthread_mutex_unlock(&t->lock);
		buf_clear(&taken);
		tell_drops(t);
		if (!stopping)
			trim_old(t);
	}
	return NULL;
}

static enum err open_file(struct trace *t, struct note *why)
{
	struct trace_event_span pages;
	enum err e = db_open(t->path, &db_schema_trace, DB_WRITE, &t->writer, why);

	if (!e)
		e = db_open(t->path, &db_schema_trace, DB_READ, &t->reader, why);
	if (!e)
		e = db_trace_last(t->writer, &t->last_message);
	if (!e)
		e = db_trace_count_state(t->writer, &t->rejected_rows);
	return e ? e : db_trace_event_span(t->reader, &pages);
}

static void close_file(struct trace *t)
{
	db_close(&t->reader);
	db_close(&t->writer);
}

/* Mail goes on without what happened: a damaged file is put aside, for whoever wants to look, and a new one is begun. */
static enum err begin_anew(struct trace *t, const struct note *damage, struct note *why)
{
	enum err e;

	close_file(t);
	log_event(LOG_ERROR, "events", "trace_put_aside", "why=%s file=%s", log_quote(span_str(damage->text)).text, log_quote(span_str(t->path)).text);
	e = db_put_aside(t->path, why);
	return e ? e : open_file(t, why);
}

static enum err start(struct trace *t, struct note *why)
{
	struct note damage = { "" };
	enum err e = open_file(t, &damage);

	if (e == ERR_CORRUPT)
		e = begin_anew(t, &damage, why);
	else if (e)
		note_set(why, "%s", damage.text);
	if (e)
		return e;
	t->runs = pthread_create(&t->thread, NULL, run, t) == 0;
	return t->runs ? ERR_OK : ERR_TEMP;
}

enum err trace_open(const struct trace_config *config, struct trace **out, struct note *why)
{
	struct trace *t = calloc(1, sizeof(*t));
	enum err e = ERR_TEMP;

	*out = NULL;
	if (!t)
		return ERR_TEMP;
	t->config = *config;
	t->path = strdup(config->path);
	t->refused_room = REFUSED_BURST;
	t->refused_ms = clock_mono_ms();
	buf_init(&t->notes, NOTES_MAX);
	if (t->path && pthread_mutex_init(&t->lock, NULL) == 0 && pthread_mutex_init(&t->writer_lock, NULL) == 0 && pthread_mutex_init(&t->reader_lock, NULL) == 0)
		e = wait_init(&t->work);
	if (!e)
		e = wait_init(&t->written);
	if (!e)
		e = start(t, why);
	*out = t;
	if (e)
		trace_close(out);
	return e;
}

void trace_close(struct trace **trace)
{
	struct trace *t = *trace;

	*trace = NULL;
	if (!t)
		return;
	if (t->runs) {
		pthread_mutex_lock(&t->lock);
		t->stopping = true;
		pthread_cond_signal(&t->work);
		pthread_mutex_unlock(&t->lock);
		pthread_join(t->thread, NULL);
		tell_drops(t);
	}
	close_file(t);
	if (t->damaged && db_put_aside(t->path, NULL) == ERR_OK)
		log_event(LOG_ERROR, "events", "trace_put_aside", "why=\"found damaged while writing\" file=%s", log_quote(span_str(t->path)).text);
	buf_clear(&t->notes);
	free(t->path);
	free(t);
}
