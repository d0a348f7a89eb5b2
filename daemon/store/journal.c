/* store/journal.c: following the journal.
 *
 * (1) A writer adds its entry after its commit and before the watches are called: who was woken finds it, and rows read after that hold the change.
 * (2) The mark takes an entry once. A commit whose entry comes a moment later was perhaps read with the one before: then it is told twice, never not at all.
 * (3) Where the ring is too short, the mailboxes are asked instead: those whose modseq has risen since the mark. A commit may have been noticed
 *     after a later one, so the look goes back by some more.
 */
#include "daemon/store/journal.h"

#include <stdlib.h>

#include "daemon/store/mailbox_row.h"
#include "daemon/store/mailstore.h"
#include "daemon/store/notice.h"
#include "db/mail_account.h"
#include "db/mail_seen.h"

#define SLACK 1024 /* commits */

enum err journal_follow(struct mailstore *m, uint64_t viewer, struct journal_mark *out)
{
	enum err e = ERR_OK;
	struct db *db;

	pthread_mutex_lock(&m->watch_lock);
	if (!m->journal)
		m->journal = calloc(1, sizeof(*m->journal));
	if (m->journal) {
		m->journal->followers++;
		*out = (struct journal_mark){ .change = m->journal->change_count, .name = m->journal->name_count, .viewer = viewer == m->account_id ? 0 : viewer };
	} else {
		e = ERR_TEMP;
	}
	pthread_mutex_unlock(&m->watch_lock);
	if (e)
		return e;
	e = mailstore_reader_take(m, &db);
	if (!e) {
		e = db_mail_account_modseq(db, &out->modseq);
		mailstore_reader_give(m, &db);
	}
	if (e)
		journal_leave(m);
	return e;
}

void journal_leave(struct mailstore *m)
{
	struct journal *gone = NULL;

	pthread_mutex_lock(&m->watch_lock);
	if (--m->journal->followers == 0) {
		gone = m->journal;
		m->journal = NULL;
	}
	pthread_mutex_unlock(&m->watch_lock);
	for (size_t i = 0; gone && i < JOURNAL_NAMES; i++)
		free(gone->names[i].text);
	free(gone);
}

/* With watch_lock. */
static bool copy_names(const struct journal *j, uint64_t from, struct arena *a, struct journal_news *out)
{
	out->names_lost = j->name_count - from > JOURNAL_NAMES;
	if (out->names_lost || from == j->name_count)
		return true;
	out->names = arena_array(a, (size_t)(j->name_count - from), sizeof(*out->names));
	if (!out->names)
		return false;
	for (; from < j->name_count; from++) {
		const size_t at = (size_t)(from % JOURNAL_NAMES);
		struct span text = arena_copy(a, span_make(j->names[at].text, j->names[at].text ? j->names[at].name_len + j->names[at].old_len : 0));

		if (!j->names[at].text || !text.ptr) {
			*out = (struct journal_news){ .names_lost = true };
			return text.ptr;
		}
		out->names[out->name_count++] = (struct journal_name){
			.event = j->names[at].event,
			.name = span_take(text, j->names[at].name_len),
			.old_name = span_skip(text, j->names[at].name_len),
		};
	}
	return true;
}

/* With watch_lock. Each mailbox once; false in *whole_out: the ring was too short. */
static bool copy_changes(const struct journal *j, uint64_t from, uint64_t audience, struct arena *a, struct journal_news *out, bool *whole_out)
{
	*whole_out = j->change_count - from <= JOURNAL_CHANGES;
	if (!*whole_out || from == j->change_count)
		return true;
	out->changes = arena_array(a, (size_t)(j->change_count - from), sizeof(*out->changes));
	if (!out->changes)
		return false;
	for (; from < j->change_count; from++) {
		const size_t at = (size_t)(from % JOURNAL_CHANGES);
		size_t i = 0;

		if (j->changes[at].audience && j->changes[at].audience != audience)
			continue;
		while (i < out->change_count && out->changes[i].mailbox.id != j->changes[at].mailbox_id)
			i++;
		if (i == out->change_count)
			out->changes[out->change_count++] = (struct journal_change){ .mailbox.id = j->changes[at].mailbox_id };
		out->changes[i].what |= j->changes[at].what;
	}
	return true;
}

struct showing {
	struct arena *arena;
	struct journal_change *to; /* of each_changed: the rows, growing */
	size_t count, cap;
};

static bool show(struct showing *s, const struct db_mailbox *row, struct mailbox_info *info)
{
	mailbox_row_show(row, info);
	info->name = arena_copy(s->arena, row->name);
	return info->name.ptr;
}

static bool show_one(void *arg, const struct db_mailbox *row)
{
	struct showing *s = arg;

	return show(s, row, &s->to->mailbox);
}

static bool show_each(void *arg, const struct db_mailbox *row)
{
	struct showing *s = arg;

	if (s->count == s->cap) {
		struct journal_change *more = arena_array(s->arena, s->cap ? s->cap * 2 : 64, sizeof(*more));

		if (!more)
			return false;
		if (s->count)
			memcpy(more, s->to, s->count * sizeof(*more));
		s->to = more;
		s->cap = s->cap ? s->cap * 2 : 64;
	}
	s->to[s->count] = (struct journal_change){ .what = CHANGE_NEW | CHANGE_EXPUNGED | CHANGE_FLAGS };
	return show(s, row, &s->to[s->count++].mailbox);
}

static enum err read_listed(struct db *db, struct arena *a, struct journal_news *out)
{
	size_t kept = 0;

	for (size_t i = 0; i < out->change_count; i++) {
		struct showing s = { .arena = a, .to = &out->changes[i] };
		enum err e = db_mailbox_show(db, out->changes[i].mailbox.id, show_one, &s);

		if (e == ERR_NOT_FOUND)
			continue;
		if (e)
			return e;
		out->changes[kept++] = out->changes[i];
	}
	out->change_count = kept;
	return ERR_OK;
}

static enum err read_all(struct db *db, uint64_t modseq, struct arena *a, struct journal_news *out)
{
	struct showing s = { .arena = a };
	enum err e = db_mailbox_each_since(db, modseq > SLACK ? modseq - SLACK : 0, show_each, &s);

	out->changes = s.to;
	out->change_count = e ? 0 : s.count;
	return e;
}

static enum err finish_row(struct db *db, uint64_t viewer, struct mailbox_info *info)
{
	uint32_t seen;
	enum err e = db_mail_is_subscribed(db, info->name, &info->subscribed);

	if (e || !viewer)
		return e;
	e = db_seen_count(db, info->id, viewer, &seen);
	if (!e)
		info->unseen = seen < info->messages ? info->messages - seen : 0;
	return e;
}

static enum err read_rows(struct mailstore *m, bool whole, struct journal_mark *mark, struct arena *a, struct journal_news *out)
{
	struct db *db;
	enum err e = mailstore_reader_take(m, &db);

	if (e)
		return e;
	e = db_begin(db);
	if (!e)
		e = whole ? read_listed(db, a, out) : read_all(db, mark->modseq, a, out);
	for (size_t i = 0; !e && i < out->change_count; i++)
		e = finish_row(db, mark->viewer, &out->changes[i].mailbox);
	if (!e)
		e = db_mail_account_modseq(db, &mark->modseq);
	mailstore_reader_give(m, &db);
	return e;
}

enum err journal_read(struct mailstore *m, struct journal_mark *mark, struct arena *a, struct journal_news *out)
{
	struct journal_mark next = *mark;
	bool whole = true, has_room;
	enum err e = ERR_OK;

	*out = (struct journal_news){ .names = NULL };
	pthread_mutex_lock(&m->watch_lock);
	has_room = copy_names(m->journal, mark->name, a, out) && copy_changes(m->journal, mark->change, mark->viewer ? mark->viewer : m->account_id, a, out, &whole);
	next.change = m->journal->change_count;
	next.name = m->journal->name_count;
	pthread_mutex_unlock(&m->watch_lock);
	if (!has_room)
		return ERR_LIMIT;
	if (out->change_count || !whole)
		e = read_rows(m, whole, &next, a, out);
	if (!e)
		*mark = next;
	return e;
}
