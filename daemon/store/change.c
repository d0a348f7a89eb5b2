/* store/change.c: what sessions change through a view: flags, expunges, copies, moves. Each is one transaction, and touches only
 * messages that the view knows.
 *
 * (1) STORE looks first and writes then, with the same condition, in the same transaction: what it reports is what it wrote.
 * (2) A change of ours on top of one by others that this view has not told yet is not kept as our own: the next sync tells both.
 */
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/store/expunge.h"
#include "daemon/store/gone.h"
#include "daemon/store/inside_view.h"
#include "daemon/store/notice.h"
#include "daemon/store/room.h"
#include "daemon/store/view.h"
#include "db/mail_account.h"
#include "db/mail_mailbox.h"
#include "db/mail_message.h"
#include "db/mail_seen.h"

#define ROW_WEIGHT 64 /* bytes that a changed row costs in the WAL, about */
#define WRITE_WEIGHT 16384

/* What a change of these messages may write. */
static size_t weight_of(const struct view *v, const struct uid_set *set)
{
	return WRITE_WEIGHT + view_count_of(v, set) * ROW_WEIGHT;
}

/* ---- STORE ---- */

struct storing {
	struct view *v;
	const struct uid_set *set;
	uint64_t keep, add;       /* flags = (flags & keep) | add */
	uint64_t since;           /* only messages that are not newer, */
	uint64_t absent;          /* or that have none of these: what is not there has no modseq to be newer (RFC 7162 3.1.3) */
	struct changed_list rows; /* all messages of the set that are not newer, with the flags they have then */
	size_t newer;
	struct db_mailbox_delta delta;
	uint64_t modseq, audience;
	uint32_t first, last; /* of what changes */
	uint32_t unseen;      /* the first that loses \Seen; 0: none */
	bool is_on_news;      /* something that changes was changed by others since the last sync */

	/* Of a viewer, who changes two things: his \Seen, and the messages. Rows that follow each other in the mailbox are a range. */
	struct gone_list seen, shared;
	uint32_t looked_at; /* the row before */
};

static bool add_row(struct gone_list *list, uint32_t uid, uint32_t before)
{
	if (!before || !list->count || list->ranges[list->count - 1].last != before)
		return gone_add(list, uid, uid);
	list->ranges[list->count - 1].last = uid;
	return true;
}

/* What a change of this row is to others. */
static bool note_one(struct storing *s, const struct db_message_row *row, uint64_t was, uint64_t is, uint32_t before)
{
	const uint64_t differs = was ^ is;

	if (differs & ~(uint64_t)FLAG_SEEN)
		s->audience = 0;
	s->delta.deleted += !!(is & FLAG_DELETED) - !!(was & FLAG_DELETED);
	if (!s->unseen && (was & differs & FLAG_SEEN))
		s->unseen = row->message.uid;
	if (!s->v->viewer) {
		s->delta.unseen += !(is & FLAG_SEEN) - !(was & FLAG_SEEN);
		return true;
	}
	return (!(differs & FLAG_SEEN) || add_row(&s->seen, row->message.uid, before)) &&
	       (!(differs & ~(uint64_t)FLAG_SEEN) || add_row(&s->shared, row->message.uid, before));
}

static bool store_one(void *arg, const struct db_message_row *row)
{
	struct storing *s = arg;
	const uint64_t was = row->message.flags, is = (was & s->keep) | s->add;
	const uint32_t before = s->looked_at;

	s->looked_at = row->message.uid;
	if (view_row_modseq(row) > s->since && (!s->absent || (was & s->absent))) {
		s->newer++;
		return true;
	}
	if (was == is)
		return changed_list_add(&s->rows, row->message.uid, is, view_row_modseq(row));
	s->is_on_news = s->is_on_news || view_is_news(s->v, row);
	if (!note_one(s, row, was, is, before)) {
		s->rows.failed = true;
		return false;
	}
	if (!s->first)
		s->first = row->message.uid;
	s->last = row->message.uid;
	return changed_list_add(&s->rows, row->message.uid, is, 0);
}

/* For each range of the set, cut to what the view knows. */
static enum err store_ranges(struct db *db, struct storing *s, bool is_writing)
{
	const struct view *v = s->v;
	enum err e = ERR_OK;

	for (size_t i = 0; !e && !s->rows.failed && i < s->set->count && s->set->ranges[i].first <= view_last_known(v); i++) {
		uint32_t first = s->set->ranges[i].first, last = s->set->ranges[i].last < view_last_known(v) ? s->set->ranges[i].last : view_last_known(v);

		s->looked_at = 0;
		e = is_writing ? db_message_flag(db, v->state->id, first, last, s->keep, s->add, s->since, s->absent, s->modseq)
			       : view_scan(v, db, (struct uid_range){ first, last }, 0, DB_ROW_THIN, store_one, s);
	}
	return !e && s->rows.failed ? ERR_LIMIT : e;
}

/* The owner's flags stand all in the message: a statement for each range of the set. */
static enum err write_own(struct db *db, struct storing *s)
{
	struct view *v = s->v;

	state_note_change(v->m, v->state, s->modseq, s->audience, s->first, s->last);
	return store_ranges(db, s, true);
}

/* What a message is to a viewer is judged by two modseqs, which no statement knows: row by row as they were found. */
static enum err write_viewers(struct db *db, struct storing *s)
{
	const uint64_t seen = FLAG_SEEN, id = s->v->state->id;
	struct view *v = s->v;
	enum err e = ERR_OK;

	if (s->seen.count)
		state_note_change(v->m, v->state, s->modseq, v->viewer, s->seen.ranges[0].first, s->seen.ranges[s->seen.count - 1].last);
	if (s->shared.count)
		state_note_change(v->m, v->state, s->modseq, 0, s->shared.ranges[0].first, s->shared.ranges[s->shared.count - 1].last);
	for (size_t i = 0; !e && i < s->seen.count; i++)
		e = db_seen_set(db, id, v->viewer, s->seen.ranges[i].first, s->seen.ranges[i].last, s->add & seen, s->modseq);
	for (size_t i = 0; !e && i < s->shared.count; i++)
		e = db_message_flag(db, id, s->shared.ranges[i].first, s->shared.ranges[i].last, s->keep | seen, s->add & ~seen, UINT64_MAX, 0, s->modseq);
	return e;
}

static enum err run_store(struct db *db, void *arg)
{
	struct storing *s = arg;
	struct view *v = s->v;
	uint64_t modseq;
	enum err e;

	s->delta = (struct db_mailbox_delta){ .messages = 0 };
	s->rows.count = 0;
	s->newer = 0;
	s->first = 0;
	s->unseen = 0;
	s->modseq = 0;
	s->is_on_news = false;
	s->audience = view_audience(v);
	s->seen.count = s->shared.count = 0;
	e = store_ranges(db, s, false);
	if (e || !s->first)
		return e;
	e = db_mail_allot(db, 0, &modseq, NULL);
	if (e)
		return e;
	s->modseq = modseq;
	for (size_t i = 0; i < s->rows.count; i++)
		if (!s->rows.rows[i].modseq)
			s->rows.rows[i].modseq = modseq;
	if (s->unseen)
		state_note_unseen(v->m, v->state, v->viewer, modseq, s->unseen);
	e = v->viewer ? write_viewers(db, s) : write_own(db, s);
	return e ? e : db_mailbox_adjust(db, v->state->id, &s->delta, modseq);
}

static bool own_room(struct view *v)
{
	if (v->own_count == v->own_cap) {
		size_t cap = v->own_cap ? v->own_cap * 2 : 4;
		uint64_t *own = realloc(v->own, cap * sizeof(*own));

		if (!own)
			return false;
		v->own = own;
		v->own_cap = cap;
	}
	return true;
}

static enum err store_changed(struct view *v, const struct uid_set *set, uint64_t since, enum flag_change how, uint64_t flags, struct arena *a,
			      struct view_flags_changed **rows_out, size_t *count_out, size_t *newer_out)
{
	const uint64_t concerned = flags & v->allowed;
	struct storing s = {
		.v = v,
		.set = set,
		.since = since == 0 && how == FLAGS_REMOVE && !concerned ? UINT64_MAX : since, /* a keyword that no message has */
		.keep = ~v->allowed | (how == FLAGS_ADD ? UINT64_MAX : how == FLAGS_REMOVE ? ~flags
											   : 0),
		.add = how == FLAGS_REMOVE ? 0 : concerned,
		/* UNCHANGEDSINCE 0 asks for what is not there; a system flag always is. */
		.absent = since == 0 && how != FLAGS_REPLACE && !(concerned & FLAG_SYSTEM) ? concerned : 0,
		.rows = { .map = v->map, .arena = a },
	};
	enum err e;

	*rows_out = NULL;
	*count_out = 0;
	if (!own_room(v))
		return ERR_TEMP;
	e = mailstore_write(v->m, run_store, &s, weight_of(v, set));
	gone_clear(&s.seen);
	gone_clear(&s.shared);
	if (e)
		return e;
	*rows_out = s.rows.rows;
	*count_out = s.rows.count;
	*newer_out = s.newer;
	if (!s.modseq)
		return ERR_OK;
	if (!s.is_on_news)
		v->own[v->own_count++] = s.modseq;
	state_announce(v->state, s.modseq);
	notice_changed(v->m, v->state->id, CHANGE_FLAGS, s.audience);
	return ERR_OK;
}

enum err view_store(struct view *v, const struct uid_set *set, enum flag_change how, uint64_t flags, struct arena *a,
		    struct view_flags_changed **rows_out, size_t *count_out)
{
	size_t newer;

	return store_changed(v, set, UINT64_MAX, how, flags, a, rows_out, count_out, &newer);
}

struct leaving {
	const struct uidmap *asked;
	struct uid_set *set;
};

static void add_missing(void *arg, uint32_t first, uint32_t last)
{
	const struct leaving *l = arg;
	const uint32_t first_uid = uidmap_uid(l->asked, first);

	l->set->ranges[l->set->count++] = (struct uid_range){ first_uid, first_uid + (last - first) };
}

/* Those of the set that the view holds and that are not in `rows`. */
static enum err others(const struct view *v, const struct uid_set *set, const struct view_flags_changed *rows, size_t count, struct arena *a,
		       struct uid_set *out)
{
	struct uidmap_builder asked = { .ranges = NULL }, done = { .ranges = NULL };
	struct uidmap *all, *stored;
	enum err e = ERR_TEMP;

	for (size_t i = 0; i < set->count; i++)
		uidmap_add_part(&asked, v->map, set->ranges[i].first, set->ranges[i].last);
	for (size_t i = 0; i < count; i++)
		uidmap_add(&done, rows[i].uid, rows[i].uid);
	all = uidmap_build(&asked);
	stored = uidmap_build(&done);
	if (all && stored) {
		/* Each range of the one is cut into at most as many more pieces as the other has ranges. */
		out->ranges = arena_array(a, all->count + stored->count, sizeof(*out->ranges));
		e = out->ranges ? ERR_OK : ERR_LIMIT;
	}
	if (!e)
		uidmap_missing(all, stored, add_missing, &(struct leaving){ all, out });
	uidmap_release(&all);
	uidmap_release(&stored);
	return e;
}

enum err view_store_unchanged(struct view *v, const struct uid_set *set, uint64_t since, enum flag_change how, uint64_t flags, struct arena *a,
			      struct view_flags_changed **rows_out, size_t *count_out, struct uid_set *modified, bool *gone_out)
{
	const size_t asked = view_count_of(v, set);
	size_t newer;
	enum err e = store_changed(v, set, since, how, flags, a, rows_out, count_out, &newer);

	*modified = (struct uid_set){ NULL, 0 };
	*gone_out = !e && *count_out + newer < asked;
	if (e || *count_out == asked)
		return e;
	return others(v, set, *rows_out, *count_out, a, modified);
}

/* ---- EXPUNGE, COPY, MOVE ---- */

struct moving {
	struct view *v;
	const struct uid_set *set;
	struct picked_list rows;
	struct file_list files;
	uint64_t modseq, target_id, first_uid;
	uint32_t uid_validity;
	bool is_move;
	uint64_t flags; /* that the copies may have */
	const struct store_room *room;
};

static enum err run_expunge(struct db *db, void *arg)
{
	struct moving *x = arg;
	const uint64_t id = x->v->state->id;
	enum err e = picked_read(db, id, x->set, view_last_known(x->v), FLAG_DELETED, &x->rows);

	if (e || x->rows.count == 0)
		return e;
	e = db_mail_allot(db, 0, &x->modseq, NULL);
	if (!e)
		e = expunge_rows(db, id, &x->rows, x->modseq);
	return e ? e : expunge_contents(db, &x->rows, &x->files);
}

enum err view_expunge(struct view *v, const struct uid_set *set, size_t *count_out)
{
	struct moving x = { .v = v, .set = set };
	enum err e = mailstore_write(v->m, run_expunge, &x, set ? weight_of(v, set) : WRITE_WEIGHT);

	if (!e && x.rows.count) {
		state_announce(v->state, x.modseq);
		expunge_files(v->m, &x.files);
		notice_changed(v->m, v->state->id, CHANGE_EXPUNGED, 0);
	}
	if (count_out)
		*count_out = e ? 0 : x.rows.count;
	file_list_clear(&x.files);
	picked_clear(&x.rows);
	return e;
}

static enum err copy_rows(struct db *db, struct moving *x, uint64_t uid_next)
{
	struct db_mailbox_delta delta = { .messages = (int64_t)x->rows.count, .uids = x->rows.count };
	struct db_message row = { .mailbox = x->target_id, .modseq = x->modseq, .saved_ms = clock_real_ms() };
	const uint64_t viewer = x->v->viewer;
	/* A viewer's \Seen is in rows of its own: that of the message is the owner's, and stays. */
	const uint64_t flags = viewer ? x->flags | FLAG_SEEN : x->flags;
	bool has_readers;
	enum err e = db_seen_is_used(db, x->v->state->id, &has_readers);

	if (uid_next + x->rows.count - 1 > UINT32_MAX)
		return ERR_LIMIT;
	for (size_t i = 0; !e && i < x->rows.count; i++) {
		const struct picked *p = &x->rows.rows[i];

		row.uid = (uint32_t)(uid_next + i);
		row.flags = p->flags & flags;
		row.content = p->content;
		e = db_message_add(db, &row);
		if (!e && has_readers)
			e = db_seen_copy(db, x->v->state->id, p->uid, x->target_id, row.uid, x->flags & FLAG_SEEN ? 0 : viewer, x->modseq);
		delta.unseen += !(row.flags & FLAG_SEEN);
		delta.deleted += !!(row.flags & FLAG_DELETED);
		delta.size_bytes += (int64_t)p->size;
	}
	if (!e)
		e = room_check(db, x->room, delta.size_bytes, delta.messages);
	return e ? e : db_mailbox_adjust(db, x->target_id, &delta, x->modseq);
}

static enum err run_copy(struct db *db, void *arg)
{
	struct moving *x = arg;
	const uint64_t id = x->v->state->id;
	struct db_mailbox target;
	enum err e = db_mailbox_by_id(db, x->target_id, &target);

	if (!e)
		e = picked_read(db, id, x->set, view_last_known(x->v), 0, &x->rows);
	if (!e && x->rows.count < view_count_of(x->v, x->set))
		e = ERR_STATE;
	if (e)
		return e;
	x->uid_validity = target.uid_validity;
	x->first_uid = target.uid_next;
	if (x->rows.count == 0)
		return ERR_OK;
	e = db_mail_allot(db, 0, &x->modseq, NULL);
	if (!e)
		e = copy_rows(db, x, target.uid_next);
	if (!e && x->is_move)
		e = expunge_rows(db, id, &x->rows, x->modseq);
	return e;
}

static enum err copied(struct moving *x, struct arena *a, struct uid_pair **out, size_t *count_out)
{
	struct mailstore *m = x->v->m;

	state_announce_at(m, x->target_id, x->first_uid, x->modseq);
	notice_changed(m, x->target_id, x->is_move && x->target_id == x->v->state->id ? CHANGE_NEW | CHANGE_EXPUNGED : CHANGE_NEW, 0);
	if (x->is_move && x->target_id != x->v->state->id) {
		state_announce(x->v->state, x->modseq);
		notice_changed(m, x->v->state->id, CHANGE_EXPUNGED, 0);
	}
	*out = arena_array(a, x->rows.count, sizeof(**out));
	/* It is done and durable: without room for the pairs the client learns no UIDs, that is all. */
	if (!*out)
		return ERR_OK;
	for (size_t i = 0; i < x->rows.count; i++)
		(*out)[i] = (struct uid_pair){ x->rows.rows[i].uid, (uint32_t)(x->first_uid + i) };
	*count_out = x->rows.count;
	return ERR_OK;
}

enum err view_copy(struct view *v, const struct uid_set *set, uint64_t target_mailbox_id, bool move, uint64_t flags, const struct store_room *room,
		   struct arena *a, uint32_t *uid_validity_out, struct uid_pair **out, size_t *count_out)
{
	struct moving x = { .v = v, .set = set, .target_id = target_mailbox_id, .is_move = move, .flags = flags, .room = room };
	enum err e = mailstore_write(v->m, run_copy, &x, weight_of(v, set));

	*out = NULL;
	*count_out = 0;
	if (!e) {
		*uid_validity_out = x.uid_validity;
		if (x.rows.count)
			e = copied(&x, a, out, count_out);
	}
	picked_clear(&x.rows);
	return e;
}
