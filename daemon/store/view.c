/* store/view.c: views: opening, syncing, reading, and the changes made through them.
 *
 *   mailbox at modseq M ──shared map──▶ view (map, uid_next, modseq)
 *
 * (1) The map of a view is what its client knows: it changes in view_open() and view_sync() only.
 * (2) With may_expunge the view takes the shared map. Without it, when messages are missing there, it keeps a map of its own with
 *     the missing ones, and `is_behind`, until a sync that may tell.
 * (3) A row with a UID below uid_next is in the map or was expunged from it: UIDs are given once.
 * (4) The modseqs of the view's own changes are kept until the next sync, which then does not repeat them.
 */
#include "daemon/store/view.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/store/gone.h"
#include "daemon/store/inside_view.h"
#include "db/mail_mailbox.h"
#include "db/mail_message.h"
#include "db/mail_seen.h"

#define READ_ROWS 1000
#define READ_BYTES (1024u * 1024u)
#define RECENT_RANGES 64 /* past this the oldest are forgotten */

/* ---- the mailbox as a map ---- */

static bool add_uid(void *arg, const struct db_message_row *row)
{
	uidmap_add(arg, row->message.uid, row->message.uid);
	return true;
}

/* The map of the snapshot that `row` came from: from an older one and the log, from the log alone, or from all rows. */
static enum err build_map(struct db *db, const struct db_mailbox *row, const struct uidmap *old, uint64_t modseq, uint64_t uid_next, struct uidmap **out)
{
	struct uidmap_builder b = { .ranges = NULL };
	const bool is_based = old && modseq >= row->expunged_floor;
	enum err e = is_based ? gone_survivors(db, row->id, old, modseq, &b) : gone_map(db, row, out);

	if (!e && !is_based && *out)
		return ERR_OK;
	if (!is_based)
		uid_next = 1;
	if (!e && uid_next < row->uid_next)
		e = db_message_scan(db, row->id, (uint32_t)uid_next, UINT32_MAX, DB_ROW_THIN, add_uid, &b);
	b.failed = b.failed || e;
	*out = uidmap_build(&b);
	return *out ? ERR_OK : e ? e
				 : ERR_TEMP;
}

/* The map of the snapshot that `db` reads and `row` came from, or a newer one. */
static enum err current_map(struct view *v, struct db *db, const struct db_mailbox *row, struct uidmap **out, uint64_t *uid_next_out)
{
	uint64_t modseq, uid_next;
	struct uidmap *old = state_map(v->m, v->state, &modseq, &uid_next);
	enum err e;

	*uid_next_out = uid_next;
	*out = old;
	if (old && modseq >= row->modseq)
		return ERR_OK;
	e = build_map(db, row, old, modseq, uid_next, out);
	uidmap_release(&old);
	if (e)
		return e;
	*uid_next_out = row->uid_next;
	state_set_map(v->m, v->state, *out, row->modseq, row->uid_next);
	return ERR_OK;
}

/* ---- \Recent ---- */

static void take_recent(struct view *v, uint64_t from, uint64_t uid_next)
{
	struct uid_range range;

	if (!state_take_recent(v->m, v->state, from, uid_next, !v->is_readonly, &range))
		return;
	if (v->recent_count && v->recent[v->recent_count - 1].last + 1 >= range.first) {
		v->recent[v->recent_count - 1].last = range.last;
		return;
	}
	if (v->recent_count == RECENT_RANGES) {
		v->recent_count--;
		memmove(v->recent, v->recent + 1, v->recent_count * sizeof(*v->recent));
	}
	if (v->recent_count == v->recent_cap) {
		size_t cap = v->recent_cap ? v->recent_cap * 2 : 2;
		struct uid_range *recent = realloc(v->recent, cap * sizeof(*recent));

		/* \Recent is a hint: without memory there is none. */
		if (!recent)
			return;
		v->recent = recent;
		v->recent_cap = cap;
	}
	v->recent[v->recent_count++] = range;
}

uint32_t view_recent_count(const struct view *v)
{
	uint32_t count = 0;

	for (size_t i = 0; i < v->recent_count; i++) {
		uint32_t after = v->recent[i].last == UINT32_MAX ? v->map->messages + 1 : uidmap_first_from(v->map, v->recent[i].last + 1);

		count += after - uidmap_first_from(v->map, v->recent[i].first);
	}
	return count;
}

bool view_is_recent(const struct view *v, uint32_t uid)
{
	for (size_t i = 0; i < v->recent_count; i++) {
		if (uid >= v->recent[i].first && uid <= v->recent[i].last)
			return true;
	}
	return false;
}

static bool count_row(void *arg, const struct db_message_row *row)
{
	(void)row;
	++*(uint32_t *)arg;
	return true;
}

enum err view_recent_waiting(struct mailstore *m, uint64_t mailbox_id, uint32_t *count_out)
{
	uint64_t from;
	struct db *db;
	enum err e;

	*count_out = 0;
	if (!state_recent_from(m, mailbox_id, &from) || from > UINT32_MAX)
		return ERR_OK;
	e = mailstore_reader_take(m, &db);
	if (e)
		return e;
	e = db_message_scan(db, mailbox_id, (uint32_t)from, UINT32_MAX, DB_ROW_THIN, count_row, count_out);
	mailstore_reader_give(m, &db);
	return e;
}

/* ---- opening ---- */

static enum err open_at_now(struct view *v, uint64_t mailbox_id)
{
	struct db_mailbox row = { .id = 0 };
	struct db *db;
	enum err e = mailstore_reader_take(v->m, &db);

	if (e)
		return e;
	e = db_begin(db);
	if (!e)
		e = db_mailbox_by_id(db, mailbox_id, &row);
	if (!e) {
		/* A new state: what is there was there before, not recent. */
		v->state = state_get(v->m, mailbox_id, row.uid_next);
		e = v->state && state_add_viewer(v->m, v->state, v->viewer) ? ERR_OK : ERR_TEMP;
	}
	if (!e) {
		db_rollback(db);
		e = db_begin(db);
	}
	if (!e)
		e = db_mailbox_by_id(db, mailbox_id, &row); /* it may have been deleted before the state was held */
	if (!e)
		e = current_map(v, db, &row, &v->map, &v->uid_next);
	mailstore_reader_give(v->m, &db);
	if (e)
		return e;
	v->modseq = v->told = row.modseq;
	state_announce(v->state, row.modseq);
	take_recent(v, 1, v->uid_next);
	return ERR_OK;
}

static enum err open_view(struct mailstore *m, uint64_t mailbox_id, uint64_t viewer, bool is_readonly, struct view **out)
{
	struct view *v = calloc(1, sizeof(*v));
	enum err e;

	*out = NULL;
	if (!v)
		return ERR_TEMP;
	v->m = m;
	v->viewer = viewer == m->account_id ? 0 : viewer;
	v->allowed = UINT64_MAX;
	v->is_readonly = is_readonly;
	e = open_at_now(v, mailbox_id);
	if (e)
		view_close(&v);
	*out = v;
	return e;
}

enum err view_open(struct mailstore *m, uint64_t mailbox_id, uint64_t viewer, struct view **out)
{
	return open_view(m, mailbox_id, viewer, false, out);
}

enum err view_open_readonly(struct mailstore *m, uint64_t mailbox_id, uint64_t viewer, struct view **out)
{
	return open_view(m, mailbox_id, viewer, true, out);
}

void view_close(struct view **view)
{
	struct view *v = *view;

	if (!v)
		return;
	uidmap_release(&v->map);
	state_release(v->m, &v->state);
	free(v->recent);
	free(v->own);
	free(v);
	*view = NULL;
}

void view_allow(struct view *v, uint64_t flags)
{
	v->allowed = flags;
}

uint64_t view_modseq(const struct view *v)
{
	return v->told;
}

uint32_t view_count(const struct view *v)
{
	return v->map->messages;
}

uint32_t view_uid_of(const struct view *v, uint32_t sequence)
{
	return uidmap_uid(v->map, sequence);
}

bool view_sequence_of(const struct view *v, uint32_t uid, uint32_t *sequence_out)
{
	return uidmap_find(v->map, uid, sequence_out);
}

uint32_t view_last_uid(const struct view *v)
{
	return uidmap_last(v->map);
}

uint32_t view_first_from(const struct view *v, uint32_t uid)
{
	return uidmap_first_from(v->map, uid);
}

static enum err first_unseen(struct view *v, struct db *db, const struct db_mailbox *row, uint32_t *uid_out)
{
	const uint32_t from = state_seen_below(v->m, v->state, v->viewer);
	enum err e;

	if (v->viewer)
		e = db_seen_first_unseen(db, row->id, v->viewer, from, view_last_known(v), uid_out);
	else
		e = row->unseen ? db_message_first_unseen(db, row->id, from, view_last_known(v), uid_out) : ERR_NOT_FOUND;
	/* How many a viewer has not seen is written nowhere: that there are none is worth remembering, too. */
	if (e == ERR_NOT_FOUND && v->viewer && view_last_known(v) < UINT32_MAX)
		state_set_seen_below(v->m, v->state, v->viewer, row->modseq, view_last_known(v) + 1);
	return e;
}

/* From where the last look ended: a mailbox that is read but for its newest messages is not gone through at each SELECT. */
enum err view_first_unseen(struct view *v, uint32_t *sequence_out)
{
	struct db_mailbox row;
	struct db *db;
	uint32_t uid = 0;
	enum err e = mailstore_reader_take(v->m, &db);

	*sequence_out = 0;
	if (e)
		return e;
	e = db_begin(db);
	if (!e)
		e = db_mailbox_by_id(db, v->state->id, &row);
	if (!e)
		e = first_unseen(v, db, &row, &uid);
	mailstore_reader_give(v->m, &db);
	if (e)
		return e == ERR_NOT_FOUND ? ERR_OK : e;
	state_set_seen_below(v->m, v->state, v->viewer, row.modseq, uid);
	if (!uidmap_find(v->map, uid, sequence_out))
		*sequence_out = 0;
	return ERR_OK;
}

/* ---- syncing ---- */

bool view_is_stale(const struct view *v)
{
	return v->is_behind || atomic_load_explicit(&v->state->modseq, memory_order_acquire) > v->modseq || atomic_load(&v->state->gone);
}

bool view_is_gone(const struct view *v)
{
	return atomic_load(&v->state->gone);
}

struct finding {
	const struct view *v;
	struct changed_list list;
};

static bool find_one(void *arg, const struct db_message_row *row)
{
	struct finding *f = arg;

	return !view_is_news(f->v, row) || changed_list_add(&f->list, row->message.uid, row->message.flags, view_row_modseq(row));
}

/* Messages that the client knows and whose flags changed since the last sync. */
static enum err find_changed(struct db *db, struct view *v, struct finding *f)
{
	struct uid_range ranges[STATE_CHANGES];
	size_t count;
	enum err e = ERR_OK;

	if (view_last_known(v) == 0)
		return ERR_OK;
	if (!state_changes(v->m, v->state, v->modseq, view_audience(v), v->own, v->own_count, ranges, &count)) {
		ranges[0] = (struct uid_range){ 1, UINT32_MAX };
		count = 1;
	}
	for (size_t i = 0; !e && !f->list.failed && i < count; i++) {
		uint32_t last = ranges[i].last < view_last_known(v) ? ranges[i].last : view_last_known(v);

		if (ranges[i].first <= last)
			e = view_scan(v, db, (struct uid_range){ ranges[i].first, last }, v->modseq, DB_ROW_THIN, find_one, f);
	}
	return !e && f->list.failed ? ERR_LIMIT : e;
}

struct listing {
	const struct uidmap *map;
	uint32_t *next;          /* sequence numbers, filled from the end: descending */
	struct uid_range *range; /* the next */
	size_t messages, ranges;
};

static void count_missing(void *arg, uint32_t first, uint32_t last)
{
	struct listing *l = arg;

	l->messages += last - first + 1;
	l->ranges++;
}

static void list_missing(void *arg, uint32_t first, uint32_t last)
{
	struct listing *l = arg;
	const uint32_t uid = uidmap_uid(l->map, first);

	*l->range++ = (struct uid_range){ uid, uid + (last - first) };
	for (uint32_t sequence = first; sequence <= last; sequence++)
		*--l->next = sequence;
}

static enum err list_expunged(const struct view *v, const struct uidmap *now, struct listing *l, struct arena *a, struct view_changes *out)
{
	out->expunged = arena_array(a, l->messages, sizeof(*out->expunged));
	out->vanished = arena_array(a, l->ranges, sizeof(*out->vanished));
	if (!out->expunged || !out->vanished)
		return ERR_LIMIT;
	out->expunged_count = l->messages;
	out->vanished_count = l->ranges;
	l->next = out->expunged + l->messages;
	l->range = out->vanished;
	uidmap_missing(v->map, now, list_missing, l);
	return ERR_OK;
}

/* What the client is to know next; *map is taken or replaced. */
static enum err next_map(struct view *v, bool may_expunge, struct uidmap **map, uint64_t uid_next, struct arena *a, struct view_changes *out, bool *behind_out)
{
	struct uidmap_builder b = { .ranges = NULL };
	struct listing missing = { .map = v->map };

	uidmap_missing(v->map, *map, count_missing, &missing);
	*behind_out = missing.messages && !may_expunge;
	if (missing.messages && may_expunge) {
		enum err e = list_expunged(v, *map, &missing, a, out);

		if (e)
			return e;
	} else if (missing.messages) {
		uidmap_add_part(&b, v->map, 1, UINT32_MAX);
		if (uid_next > v->uid_next)
			uidmap_add_part(&b, *map, (uint32_t)v->uid_next, UINT32_MAX);
		uidmap_release(map);
		*map = uidmap_build(&b);
		if (!*map)
			return ERR_TEMP;
	}
	out->count_changed = v->map->messages - out->expunged_count != (*map)->messages;
	return ERR_OK;
}

static enum err sync_now(struct view *v, bool may_expunge, struct db *db, struct arena *a, struct view_changes *out)
{
	struct finding f = { .v = v, .list.arena = a };
	struct db_mailbox row;
	struct uidmap *map = NULL;
	uint64_t uid_next, old_uid_next = v->uid_next;
	bool is_behind;
	enum err e = db_begin(db);

	if (!e)
		e = db_mailbox_by_id(db, v->state->id, &row);
	if (e == ERR_NOT_FOUND) {
		out->gone = true;
		return ERR_OK;
	}
	if (!e)
		e = current_map(v, db, &row, &map, &uid_next);
	if (!e)
		e = next_map(v, may_expunge, &map, uid_next, a, out, &is_behind);
	if (!e && row.modseq > v->modseq) {
		f.list.map = map;
		e = find_changed(db, v, &f);
	}
	if (e) {
		uidmap_release(&map);
		*out = (struct view_changes){ .expunged = NULL };
		return e;
	}
	out->changed = f.list.rows;
	out->changed_count = f.list.count;
	uidmap_release(&v->map);
	v->map = map;
	v->modseq = row.modseq;
	v->uid_next = uid_next;
	v->is_behind = is_behind;
	if (!is_behind)
		v->told = row.modseq;
	v->own_count = 0;
	state_announce(v->state, row.modseq);
	if (uid_next > old_uid_next)
		take_recent(v, old_uid_next, uid_next);
	return ERR_OK;
}

enum err view_sync(struct view *v, bool may_expunge, struct arena *a, struct view_changes *out)
{
	struct db *db;
	enum err e;

	*out = (struct view_changes){ .expunged = NULL };
	if (atomic_load(&v->state->gone)) {
		out->gone = true;
		return ERR_OK;
	}
	if (atomic_load_explicit(&v->state->modseq, memory_order_acquire) <= v->modseq && !(v->is_behind && may_expunge))
		return ERR_OK;
	e = mailstore_reader_take(v->m, &db);
	if (e)
		return e;
	e = sync_now(v, may_expunge, db, a, out);
	mailstore_reader_give(v->m, &db);
	return e;
}

/* ---- reading ---- */

struct reading {
	struct mailstore *m;
	bool (*each)(void *arg, const struct message_row *row);
	void *arg;
	enum db_message_level level;
	uint32_t last_uid;
	size_t rows, bytes;
	bool has_stopped;
	char path[PATH_MAX];
};

static enum db_message_level level_for(unsigned want)
{
	const bool bare = !(want & (WANT_ENVELOPE | WANT_STRUCTURE | WANT_WORDS | WANT_SUBJECT));

	if (want & WANT_BODY)
		return bare ? DB_ROW_BARE_BODY : DB_ROW_BODY;
	if (want & WANT_HEAD)
		return bare ? DB_ROW_BARE_HEAD : DB_ROW_HEAD;
	if (want & (WANT_PARTS | WANT_STRUCTURE))
		return DB_ROW_STRUCTURE;
	if (want & WANT_WORDS)
		return DB_ROW_WORDS;
	if (want & WANT_ENVELOPE)
		return DB_ROW_ENVELOPE;
	if (want & WANT_SUBJECT)
		return DB_ROW_SUBJECT;
	return want & WANT_META ? DB_ROW_META : DB_ROW_THIN;
}

static bool show(void *arg, const struct db_message_row *row)
{
	struct reading *r = arg;
	const struct db_content *c = &row->content;
	struct message_row shown = {
		.uid = row->message.uid,
		.flags = row->message.flags,
		.modseq = view_row_modseq(row),
		.content = row->message.content,
		.saved_ms = row->message.saved_ms,
		.internal_ms = c->internal_ms,
		.internal_offset_minutes = c->internal_offset,
		.size = c->size,
		.sent_ms = c->sent_ms,
		.thread = c->thread ? c->thread : row->message.content,
		.envelope = c->envelope,
		.body_structure = c->body_structure,
		.body_text_structure = c->body_text_structure,
		.parts = c->parts,
		.prefix = c->prefix,
		.head = c->head,
		.preview = c->preview,
		.refs = c->refs,
		.subject = c->subject,
		.message_id = c->message_id,
		.body = { .bytes = c->body, .size = c->body_size },
	};

	if ((r->level == DB_ROW_BODY || r->level == DB_ROW_BARE_BODY) && c->file.len) {
		(void)snprintf(r->path, sizeof(r->path), "%s/%.*s", r->m->files_dir, (int)c->file.len, c->file.ptr);
		shown.body.path = r->path;
	}
	r->last_uid = shown.uid;
	r->rows++;
	r->bytes += c->head.len + c->body.len;
	r->has_stopped = !r->each(r->arg, &shown) || r->rows >= READ_ROWS || r->bytes >= READ_BYTES;
	return !r->has_stopped;
}

/* Index of the first range that reaches past `uid`. */
static size_t range_after(const struct uid_set *set, uint32_t uid)
{
	size_t low = 0, high = set->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (set->ranges[middle].last <= uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Messages with a modseq above `since`; 0: all. */
static enum err read_rows(struct view *v, const struct uid_set *set, uint64_t since, uint32_t after_uid, unsigned want,
			  bool (*each)(void *arg, const struct message_row *row), void *arg, uint32_t *last_uid_out, bool *end_out)
{
	struct reading r = { .m = v->m, .each = each, .arg = arg, .level = level_for(want), .last_uid = after_uid };
	struct db *db;
	enum err e = mailstore_reader_take(v->m, &db);

	*last_uid_out = after_uid;
	*end_out = false;
	if (e)
		return e;
	e = db_begin(db);
	for (size_t i = range_after(set, after_uid); !e && !r.has_stopped && i < set->count; i++) {
		uint32_t first = set->ranges[i].first > after_uid ? set->ranges[i].first : after_uid + 1;
		uint32_t last = set->ranges[i].last < view_last_known(v) ? set->ranges[i].last : view_last_known(v);

		if (first > last)
			break;
		e = view_scan(v, db, (struct uid_range){ first, last }, since, r.level, show, &r);
	}
	mailstore_reader_give(v->m, &db);
	*last_uid_out = r.last_uid;
	*end_out = !e && !r.has_stopped;
	return e;
}

enum err view_read(struct view *v, const struct uid_set *set, uint32_t after_uid, unsigned want,
		   bool (*each)(void *arg, const struct message_row *row), void *arg, uint32_t *last_uid_out, bool *end_out)
{
	return read_rows(v, set, 0, after_uid, want, each, arg, last_uid_out, end_out);
}

enum err view_read_since(struct view *v, const struct uid_set *set, uint64_t since, uint32_t after_uid, unsigned want,
			 bool (*each)(void *arg, const struct message_row *row), void *arg, uint32_t *last_uid_out, bool *end_out)
{
	return read_rows(v, set, since, after_uid, want, each, arg, last_uid_out, end_out);
}
