/* store/annotation.c: see the header.
 *
 * (1) The limits hold after each change that adds something: counted within its commit.
 * (2) News is written after the commit and before the watches are called: who is woken finds it.
 */
#include "daemon/store/annotation.h"

#include <stdlib.h>

#include "daemon/store/mailstore.h"
#include "daemon/store/notice.h"
#include "db/mail_annotation.h"
#include "db/mail_mailbox.h"

#define WRITE_WEIGHT 16384 /* pages that a small write touches, in bytes */

struct annotation_ring {
	uint64_t count; /* of all time */
	struct {
		uint64_t mailbox_id, reader;
		const void *by;
		char *entry; /* null: there was no memory */
		size_t length;
	} news[ANNOTATION_NEWS_MAX];
};

enum err annotation_each(struct mailstore *m, uint64_t mailbox_id, uint64_t reader, struct span top, struct span after,
			 bool (*each)(void *arg, struct span entry, struct span value), void *arg)
{
	struct db *db;
	enum err e = mailstore_reader_take(m, &db);

	if (e)
		return e;
	e = db_annotation_each(db, mailbox_id, reader, top, after, each, arg);
	mailstore_reader_give(m, &db);
	return e;
}

/* ---- changing ---- */

struct annotating {
	uint64_t account_id, mailbox_id;
	const struct annotation *list;
	size_t count;
	uint64_t loser; /* the mailbox that had the special use; 0: none */
};

static enum err set_use(struct db *db, struct annotating *w, enum special_use use)
{
	struct db_mailbox row = { .id = 0 };
	enum err e = use == USE_NONE ? ERR_NOT_FOUND : db_mailbox_by_use(db, (int)use, &row);

	if (e && e != ERR_NOT_FOUND)
		return e;
	w->loser = row.id == w->mailbox_id ? 0 : row.id;
	return db_mailbox_move_use(db, w->mailbox_id, (int)use);
}

static enum err apply(struct db *db, struct annotating *w, const struct annotation *one)
{
	const uint64_t mailbox_id = w->mailbox_id;

	if (one->is_use)
		return set_use(db, w, one->use);
	if (one->removed)
		return db_annotation_remove(db, mailbox_id, one->reader, one->entry);
	return db_annotation_set(db, mailbox_id, one->reader, one->entry, one->value);
}

static enum err check_count(struct db *db, uint64_t mailbox_id, uint64_t reader)
{
	uint64_t count;
	enum err e = db_annotation_count(db, mailbox_id, reader, &count);

	return !e && count > ANNOTATION_ENTRIES_MAX ? ERR_LIMIT : e;
}

static bool is_guest(const struct annotating *w, uint64_t reader)
{
	return reader != ANNOTATION_OF_ALL && reader != w->account_id;
}

/* What is held for readers from other accounts is theirs, and is never counted against the owner. */
static enum err check_bytes(struct db *db, const struct annotating *w)
{
	uint64_t own = 0, others = 0;
	enum err e = db_annotation_bytes(db, w->account_id, &own, &others);

	if (!e && (own > ANNOTATION_BYTES_MAX || others > ANNOTATION_BYTES_MAX))
		e = ERR_LIMIT;
	for (size_t i = 0; !e && i < w->count; i++) {
		uint64_t bytes = 0;

		if (w->list[i].removed || !is_guest(w, w->list[i].reader) || (i > 0 && w->list[i - 1].reader == w->list[i].reader && !w->list[i - 1].removed))
			continue;
		e = db_annotation_bytes_of(db, w->list[i].reader, &bytes);
		if (!e && bytes > ANNOTATION_READER_BYTES_MAX)
			e = ERR_LIMIT;
	}
	return e;
}

static enum err run_set(struct db *db, void *arg)
{
	struct annotating *w = arg;
	struct db_mailbox row;
	bool adds = false;
	enum err e = w->mailbox_id == ANNOTATION_OF_ACCOUNT ? ERR_OK : db_mailbox_by_id(db, w->mailbox_id, &row);

	for (size_t i = 0; !e && i < w->count; i++) {
		e = apply(db, w, &w->list[i]);
		adds = adds || !w->list[i].removed;
	}
	for (size_t i = 0; !e && i < w->count; i++)
		if (!w->list[i].removed && (i == 0 || w->list[i - 1].removed || w->list[i - 1].reader != w->list[i].reader))
			e = check_count(db, w->mailbox_id, w->list[i].reader);
	return !e && adds ? check_bytes(db, w) : e;
}

/* With watch_lock. */
static void note(struct annotation_ring *ring, uint64_t mailbox_id, const struct annotation *one, const void *by)
{
	const size_t at = (size_t)(ring->count++ % ANNOTATION_NEWS_MAX);

	free(ring->news[at].entry);
	ring->news[at].mailbox_id = mailbox_id;
	ring->news[at].reader = one->reader;
	ring->news[at].by = by;
	ring->news[at].length = one->entry.len;
	ring->news[at].entry = malloc(one->entry.len + 1);
	if (ring->news[at].entry)
		memcpy(ring->news[at].entry, one->entry.ptr, one->entry.len);
}

static void note_all(struct mailstore *m, uint64_t mailbox_id, const struct annotation *list, size_t count, const void *by)
{
	pthread_mutex_lock(&m->watch_lock);
	if (!m->annotated)
		m->annotated = calloc(1, sizeof *m->annotated);
	for (size_t i = 0; m->annotated && i < count; i++)
		note(m->annotated, mailbox_id, &list[i], by);
	pthread_mutex_unlock(&m->watch_lock);
	notice_changed(m, mailbox_id, 0, 0);
}

enum err annotation_set(struct mailstore *m, uint64_t mailbox_id, const struct annotation *list, size_t count, const void *by)
{
	struct annotating w = { .account_id = m->account_id, .mailbox_id = mailbox_id, .list = list, .count = count };
	size_t weight = WRITE_WEIGHT;
	enum err e;

	for (size_t i = 0; i < count; i++)
		weight += list[i].entry.len + list[i].value.len;
	e = mailstore_write(m, run_set, &w, weight);
	if (e)
		return e;
	note_all(m, mailbox_id, list, count, by);
	if (w.loser)
		annotation_use_lost(m, w.loser);
	return ERR_OK;
}

enum err annotation_copy(struct db *db, uint64_t account_id, uint64_t from, uint64_t to)
{
	const struct annotating w = { .account_id = account_id, .mailbox_id = to };
	enum err e = db_annotation_copy(db, from, to, account_id);

	return e ? e : check_bytes(db, &w);
}

void annotation_use_lost(struct mailstore *m, uint64_t mailbox_id)
{
	const struct annotation use = { .reader = m->account_id, .entry = ANNOTATION_USE };

	note_all(m, mailbox_id, &use, 1, NULL);
}

/* ---- news ---- */

void annotation_ring_free(struct annotation_ring **ring)
{
	for (size_t i = 0; *ring && i < ANNOTATION_NEWS_MAX; i++)
		free((*ring)->news[i].entry);
	free(*ring);
	*ring = NULL;
}

uint64_t annotation_mark(struct mailstore *m)
{
	uint64_t mark;

	pthread_mutex_lock(&m->watch_lock);
	mark = m->annotated ? m->annotated->count : 0;
	pthread_mutex_unlock(&m->watch_lock);
	return mark;
}

/* With watch_lock. */
static enum err copy_news(const struct annotation_ring *ring, uint64_t from, uint64_t viewer, const void *by, struct arena *a, struct annotation_news **out,
			  size_t *count_out)
{
	if (ring->count - from > ANNOTATION_NEWS_MAX)
		from = ring->count - ANNOTATION_NEWS_MAX;
	*out = arena_array(a, (size_t)(ring->count - from), sizeof **out);
	if (!*out)
		return ERR_LIMIT;
	for (; from < ring->count; from++) {
		const size_t at = (size_t)(from % ANNOTATION_NEWS_MAX);
		const uint64_t reader = ring->news[at].reader;
		struct annotation_news *to = &(*out)[*count_out];

		if (!ring->news[at].entry || ring->news[at].by == by || (reader != ANNOTATION_OF_ALL && reader != viewer))
			continue;
		*to = (struct annotation_news){ ring->news[at].mailbox_id, reader, arena_copy(a, span_make(ring->news[at].entry, ring->news[at].length)) };
		if (!to->entry.ptr)
			return ERR_LIMIT;
		++*count_out;
	}
	return ERR_OK;
}

enum err annotation_news(struct mailstore *m, uint64_t viewer, const void *by, uint64_t *mark, struct arena *a, struct annotation_news **out, size_t *count_out)
{
	enum err e = ERR_OK;

	*out = NULL;
	*count_out = 0;
	pthread_mutex_lock(&m->watch_lock);
	if (m->annotated && m->annotated->count != *mark) {
		e = copy_news(m->annotated, *mark, viewer, by, a, out, count_out);
		*mark = m->annotated->count;
	}
	pthread_mutex_unlock(&m->watch_lock);
	return e;
}
