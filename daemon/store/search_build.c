/* store/search_build.c: from mail.db into search.db.
 *
 *   contents of mail.db above `indexed`, in their order ──text.c──▶ batch in memory ══ one transaction: terms, texts, `indexed` ══▶ search.db
 *
 * (1) Content ids rise in the order of commits and are never used again: `indexed` says all about what is in the index.
 * (2) Nothing is deleted: a search asks for contents that are there. When a third of what is in the index is not, all of it is made anew.
 */
#include "daemon/store/search_build.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include "daemon/base/log.h"
#include "daemon/store/search_batch.h"
#include "daemon/store/search_file.h"
#include "daemon/store/search_limits.h"
#include "daemon/store/search_turn.h"
#include "daemon/store/text.h"
#include "db/checkpointer.h"
#include "db/search_source.h"

#define KEEP_MAX (1024u * 1024u) /* of memory from one message to the next */
#define COUNT_EVERY 1024         /* contents */
#define COUNT_FROM 1000
#define DISK_FREE_MIN (128u * 1024u * 1024u)

struct search_build {
	struct search_batch *batch;
	struct message_text text;

	/* Of one run. */
	struct mailstore *m;
	bool (*stop)(void *arg);
	void *arg;
	uint64_t last, contents;
	enum err e;
};

enum err search_build_new(struct search_build **out)
{
	struct search_build *b = calloc(1, sizeof(*b));
	enum err e = b ? search_batch_new(&b->batch) : ERR_TEMP;

	if (b)
		message_text_init(&b->text, SEARCH_TEXT_MAX);
	if (e)
		search_build_free(&b);
	*out = b;
	return e;
}

void search_build_free(struct search_build **build)
{
	struct search_build *b = *build;

	if (!b)
		return;
	search_batch_free(&b->batch);
	message_text_clear(&b->text);
	free(b);
	*build = NULL;
}

static enum err add_content(struct search_build *b, const struct db_source *source)
{
	struct message_text *t = &b->text;
	struct message_body body = { .bytes = source->body, .size = source->body_size };
	char path[PATH_MAX];
	struct span text;
	enum err e;
	int n = snprintf(path, sizeof(path), "%s/%.*s", b->m->files_dir, (int)source->file.len, source->file.ptr);

	if (n <= 0 || n >= (int)sizeof(path))
		return ERR_LIMIT;
	if (source->file.len)
		body.path = path;
	message_text_next(t);
	text = message_text_headers(t, source->prefix, source->head, source->parts, &body);
	e = search_batch_add(b->batch, 2 * source->id, text, t->is_head_whole);
	text = message_text_body(t, source->parts, &body);
	if (!e)
		e = search_batch_add(b->batch, 2 * source->id + 1, text, t->is_body_whole);
	message_text_next(t);
	if (t->body.cap + t->utf8.cap + t->room.cap > KEEP_MAX) {
		message_text_clear(t);
		message_text_init(t, SEARCH_TEXT_MAX);
	}
	return e;
}

static bool gather_one(void *arg, const struct db_source *source)
{
	struct search_build *b = arg;

	if (source->id > INT32_MAX)
		return false;
	b->e = b->stop(b->arg) ? ERR_STATE : add_content(b, source);
	if (b->e)
		return false;
	b->last = source->id;
	b->contents++;
	return !search_batch_is_full(b->batch);
}

static enum err gather(struct search_build *b, uint64_t after, bool *more_out)
{
	uint64_t last = 0;
	struct db *db;
	enum err e = mailstore_reader_take(b->m, &db);

	search_batch_reset(b->batch);
	b->e = ERR_OK;
	b->last = after;
	b->contents = 0;
	if (!e)
		e = db_source_each(db, after, gather_one, b);
	if (!e)
		e = b->e;
	if (!e)
		e = db_source_last(db, &last);
	mailstore_reader_give(b->m, &db);
	*more_out = b->contents && last > b->last;
	return e;
}

static enum err write_batch(struct search_build *b, struct db *db, struct db_search_state *state)
{
	enum err e = search_batch_write(b->batch, db, state, b->stop, b->arg);

	if (!e && search_turn_is_due(state))
		e = search_turn(db, state, b->stop, b->arg);
	state->indexed = b->last;
	state->contents += b->contents;
	return e ? e : db_search_set_state(db, state);
}

static enum err commit(struct search_build *b, struct db *db, const struct db_search_state *state, struct note *why)
{
	struct db_search_state next = *state;
	enum err e = db_begin(db);

	if (!e) {
		e = write_batch(b, db, &next);
		if (!e)
			e = db_commit(db);
		if (e && e != ERR_STATE)
			db_explain(db, why);
		db_rollback(db);
	}
	if (!e)
		checkpointer_touch(b->m->checkpointer, b->m->search_path, &db_schema_search, search_batch_bytes(b->batch) / 4 + 65536);
	return e;
}

/* Of what is in the index, a third is not there any more. */
static enum err is_stale(struct mailstore *m, const struct db_search_state *state, bool *out)
{
	uint64_t live = 0;
	struct db *db;
	enum err e;

	*out = false;
	if (state->contents < COUNT_FROM || (m->search_counted && state->contents - m->search_counted < COUNT_EVERY))
		return ERR_OK;
	m->search_counted = state->contents;
	e = mailstore_reader_take(m, &db);
	if (!e)
		e = db_source_count(db, state->indexed, &live);
	mailstore_reader_give(m, &db);
	*out = !e && live * 3 < state->contents * 2;
	return e;
}

static enum err begin_anew(struct search_build *b, struct db *db, struct db_search_state *state)
{
	enum err e = db_begin(db);

	if (e)
		return e;
	log_event(LOG_INFO, "store", "search_rebuilt", "account=%" PRIu64 " contents=%" PRIu64, b->m->account_id, state->contents);
	b->m->search_counted = 0;
	e = search_file_empty(b->m, db, state);
	if (!e)
		return db_commit(db);
	db_rollback(db);
	return e;
}

/* What the disk has left is for mail. */
static bool has_room(const struct mailstore *m)
{
	struct statvfs v;

	return statvfs(m->dir, &v) == 0 && (uint64_t)v.f_bavail * v.f_frsize >= DISK_FREE_MIN;
}

enum err search_build_run(struct search_build *b, struct mailstore *m, bool (*stop)(void *arg), void *arg, bool *more_out, struct note *why)
{
	struct db_search_state state;
	struct db *db;
	bool stale = false;
	enum err e, mail;

	*more_out = false;
	if (!has_room(m)) {
		note_set(why, "the disk has less than %u MiB left", DISK_FREE_MIN >> 20);
		return ERR_TEMP;
	}
	b->m = m;
	b->stop = stop;
	b->arg = arg;
	e = search_file_write(m, &db, &state, why);
	if (e)
		return e;
	mail = is_stale(m, &state, &stale);
	if (!mail && stale)
		e = begin_anew(b, db, &state);
	if (!e && !mail)
		mail = gather(b, state.indexed, more_out);
	if (!e && !mail && b->contents)
		e = commit(b, db, &state, why);
	search_file_write_end(m, &db, e);
	return e ? e : mail;
}
