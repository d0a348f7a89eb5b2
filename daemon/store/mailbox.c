/* store/mailbox.c: names, and the mailboxes behind them.
 *
 * (1) A mailbox has all its parents: creating and renaming make what is missing. Only deleting one with children leaves a name without a mailbox,
 *     which goes with the last child.
 * (2) INBOX is always there, under the same id.
 * (3) Ids and UIDVALIDITYs are given once in an account's life.
 */
#include "daemon/store/mailbox.h"

#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/mime/text.h"
#include "daemon/store/annotation.h"
#include "daemon/store/expunge.h"
#include "daemon/store/mailbox_row.h"
#include "daemon/store/notice.h"
#include "daemon/store/state.h"
#include "db/mail_account.h"
#include "db/mail_mailbox.h"
#include "db/mail_seen.h"

#define NAMES_ARENA (64u * 1024u)
#define WRITE_WEIGHT 16384 /* pages that a small write touches, in bytes */

/* ---- names ---- */

/* C0, DEL and C1; U+2028 and U+2029 are line ends to some clients. The text is UTF-8. */
static bool has_control(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		const unsigned char c = (unsigned char)s.ptr[i], next = i + 1 < s.len ? (unsigned char)s.ptr[i + 1] : 0;

		if (c < 0x20 || c == 0x7f || (c == 0xc2 && next < 0xa0))
			return true;
		if (c == 0xe2 && next == 0x80 && i + 2 < s.len && ((unsigned char)s.ptr[i + 2] & 0xfe) == 0xa8)
			return true;
	}
	return false;
}

static enum err check_levels(struct span name)
{
	struct span rest = name, level;
	unsigned depth = 0;

	if (!name.len)
		return ERR_SYNTAX;
	while (span_split(&rest, '/', &level)) {
		if (!level.len || span_equals(level, SPAN(".")) || span_equals(level, SPAN("..")))
			return ERR_SYNTAX;
		depth++;
	}
	return depth > MAILBOX_DEPTH_MAX ? ERR_LIMIT : ERR_OK;
}

enum err mailbox_name_normal(struct span name, struct arena *a, struct span *out)
{
	struct buf normal;
	enum err e;

	if (name.len > MAILBOX_NAME_MAX)
		return ERR_LIMIT;
	if (!span_is_utf8(name) || has_control(name))
		return ERR_SYNTAX;
	buf_init(&normal, MAILBOX_NAME_MAX);
	e = text_nfc(name, &normal);
	if (!e && normal.failed)
		e = ERR_LIMIT;
	/* INBOX is INBOX in any case, as a parent too. */
	if (!e && span_istarts(buf_span(&normal), MAILSTORE_INBOX) && (normal.len == 5 || normal.ptr[5] == '/'))
		memcpy(normal.ptr, MAILSTORE_INBOX.ptr, 5);
	if (!e)
		e = check_levels(buf_span(&normal));
	if (!e) {
		*out = arena_copy(a, buf_span(&normal));
		if (!out->ptr)
			e = ERR_LIMIT;
	}
	buf_clear(&normal);
	return e;
}

static bool parent_of(struct span name, struct span *out)
{
	for (size_t i = name.len; i-- > 0;) {
		if (name.ptr[i] == '/') {
			*out = span_take(name, i);
			return true;
		}
	}
	return false;
}

static bool is_below(struct span name, struct span parent)
{
	return name.len > parent.len && name.ptr[parent.len] == '/' && span_starts(name, parent);
}

/* ---- listing ---- */

struct listing {
	struct arena *arena;
	struct mailbox_info *rows;
	size_t count, cap;
};

static struct mailbox_info *listing_add(struct listing *l, struct span name)
{
	struct mailbox_info *row;

	if (l->count == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 32;
		struct mailbox_info *rows = realloc(l->rows, cap * sizeof(*rows));

		if (!rows)
			return NULL;
		l->rows = rows;
		l->cap = cap;
	}
	row = &l->rows[l->count];
	*row = (struct mailbox_info){ .name = arena_copy(l->arena, name) };
	if (!row->name.ptr)
		return NULL;
	l->count++;
	return row;
}

static bool list_one(void *arg, const struct db_mailbox *row)
{
	struct mailbox_info *info = listing_add(arg, row->name);

	if (info)
		mailbox_row_show(row, info);
	return info;
}

static int compare_names(const void *a, const void *b)
{
	const struct mailbox_info *x = a, *y = b;
	const bool x_inbox = span_equals(x->name, MAILSTORE_INBOX), y_inbox = span_equals(y->name, MAILSTORE_INBOX);

	if (x_inbox != y_inbox)
		return x_inbox ? -1 : 1;
	return span_compare(x->name, y->name);
}

static struct mailbox_info *listing_find(struct listing *l, size_t sorted, struct span name)
{
	struct mailbox_info key = { .name = name };

	return sorted ? bsearch(&key, l->rows, sorted, sizeof(*l->rows), compare_names) : NULL;
}

struct subscriptions {
	struct listing *known; /* sorted */
	struct listing missing;
};

static bool mark_subscription(void *arg, struct span name)
{
	struct subscriptions *s = arg;
	struct mailbox_info *info = listing_find(s->known, s->known->count, name);

	if (!info)
		info = listing_add(&s->missing, name);
	if (info)
		info->subscribed = true;
	return info;
}

/* Names that only stand above others. */
static enum err add_parents(struct listing *l)
{
	const size_t sorted = l->count;

	for (size_t i = 0; i < l->count; i++) {
		struct span parent;
		struct mailbox_info *above;

		if (!(l->rows[i].exists || i >= sorted) || !parent_of(l->rows[i].name, &parent))
			continue;
		above = listing_find(l, sorted, parent);
		for (size_t k = sorted; !above && k < l->count; k++)
			above = span_equals(l->rows[k].name, parent) ? &l->rows[k] : NULL;
		if (!above)
			above = listing_add(l, parent);
		if (!above)
			return ERR_LIMIT;
		above->has_children = true;
	}
	return ERR_OK;
}

static enum err list_all(struct db *db, struct listing *l)
{
	struct subscriptions s = { l, { .arena = l->arena } };
	enum err e = db_begin(db);

	if (!e)
		e = db_mailbox_each(db, list_one, l);
	if (!e && l->count)
		qsort(l->rows, l->count, sizeof(*l->rows), compare_names);
	if (!e)
		e = db_mail_subscription_each(db, mark_subscription, &s);
	for (size_t i = 0; !e && i < s.missing.count; i++) {
		struct mailbox_info *info = listing_add(l, s.missing.rows[i].name);

		if (info)
			info->subscribed = true;
		else
			e = ERR_LIMIT;
	}
	free(s.missing.rows);
	if (!e && l->count)
		qsort(l->rows, l->count, sizeof(*l->rows), compare_names);
	if (!e)
		e = add_parents(l);
	if (!e && l->count)
		qsort(l->rows, l->count, sizeof(*l->rows), compare_names);
	return e;
}

enum err mailbox_list(struct mailstore *m, struct arena *a, struct mailbox_info **out, size_t *count_out)
{
	struct listing l = { .arena = a };
	struct db *db;
	enum err e = mailstore_reader_take(m, &db);

	if (e)
		return e;
	e = list_all(db, &l);
	mailstore_reader_give(m, &db);
	if (!e) {
		*out = arena_array(a, l.count, sizeof(**out));
		*count_out = l.count;
		if (!*out)
			e = ERR_LIMIT;
		else
			memcpy(*out, l.rows, l.count * sizeof(**out));
	}
	free(l.rows);
	return e;
}

static enum err read_info(struct db *db, struct mailbox_info *out)
{
	uint64_t longest, levels;
	struct db_mailbox row;
	enum err e = db_begin(db), found;

	if (e)
		return e;
	found = db_mailbox_by_name(db, out->name, &row);
	if (found && found != ERR_NOT_FOUND)
		return found;
	e = db_mailbox_below(db, out->name, &longest, &levels);
	if (!e)
		e = db_mail_is_subscribed(db, out->name, &out->subscribed);
	if (e)
		return e;
	out->has_children = longest > 0;
	if (found && !out->has_children)
		return ERR_NOT_FOUND;
	if (!found)
		mailbox_row_show(&row, out);
	return ERR_OK;
}

enum err mailbox_find(struct mailstore *m, struct span name, struct arena *a, struct mailbox_info *out)
{
	struct span normal;
	struct db *db;
	enum err e = mailbox_name_normal(name, a, &normal);

	if (e)
		return ERR_NOT_FOUND;
	e = mailstore_reader_take(m, &db);
	if (e)
		return e;
	*out = (struct mailbox_info){ .name = normal };
	e = read_info(db, out);
	mailstore_reader_give(m, &db);
	return e;
}

enum err mailbox_deleted_bytes(struct mailstore *m, uint64_t mailbox_id, uint64_t *out)
{
	struct db *db;
	enum err e = mailstore_reader_take(m, &db);

	if (e)
		return e;
	e = db_mailbox_flagged_bytes(db, mailbox_id, FLAG_DELETED, out);
	mailstore_reader_give(m, &db);
	return e;
}

/* ---- creating, deleting, renaming ---- */

struct naming {
	struct span from, to; /* create and delete: `to` */
	enum special_use use;
	struct picked_list rows;
	struct file_list files;
	uint64_t account_id;
	uint64_t mailbox_id, other_id, modseq; /* other: the one that got INBOX's messages; of create: that lost its special use */
	size_t made[MAILBOX_DEPTH_MAX];        /* lengths of the parents of `to` that were made */
	size_t made_count;
};

static enum err create_one(struct db *db, struct span name, enum special_use use, uint64_t modseq, uint64_t *id_out)
{
	const uint32_t now_s = (uint32_t)(clock_real_ms() / 1000);
	uint32_t uid_validity;
	uint64_t count;
	enum err e = db_mailbox_count(db, &count);

	if (!e && count >= MAILBOX_COUNT_MAX)
		return ERR_LIMIT;
	if (!e)
		e = db_mail_allot_uid_validity(db, now_s, &uid_validity);
	return e ? e : db_mailbox_add(db, name, (int)use, uid_validity, modseq, id_out);
}

/* Each name above that is missing, from the top. A name that was deleted and stands only above others stays so. */
static enum err create_parents(struct db *db, struct naming *n)
{
	const struct span name = n->to;

	n->made_count = 0;
	for (size_t i = 0; i < name.len; i++) {
		uint64_t id, longest = 0, levels;
		struct db_mailbox row;
		enum err e;

		if (name.ptr[i] != '/')
			continue;
		e = db_mailbox_by_name(db, span_take(name, i), &row);
		if (e == ERR_NOT_FOUND)
			e = db_mailbox_below(db, span_take(name, i), &longest, &levels);
		else
			longest = e ? 0 : 1;
		if (!e && !longest) {
			e = create_one(db, span_take(name, i), USE_NONE, n->modseq, &id);
			n->made[n->made_count++] = i;
		}
		if (e)
			return e;
	}
	return ERR_OK;
}

static enum err run_create(struct db *db, void *arg)
{
	struct naming *n = arg;
	struct db_mailbox row;
	enum err e = db_mailbox_by_name(db, n->to, &row);

	if (e != ERR_NOT_FOUND)
		return e ? e : ERR_EXISTS;
	n->other_id = 0;
	e = n->use == USE_NONE ? ERR_NOT_FOUND : db_mailbox_by_use(db, (int)n->use, &row);
	if (!e) {
		n->other_id = row.id;
		e = db_mailbox_move_use(db, 0, (int)n->use);
	}
	if (!e || e == ERR_NOT_FOUND)
		e = db_mail_allot(db, 0, &n->modseq, NULL);
	if (!e)
		e = create_parents(db, n);
	return e ? e : create_one(db, n->to, n->use, n->modseq, &n->mailbox_id);
}

/* Parents first. */
static void announce_names(struct mailstore *m, const struct naming *n, enum journal_event event)
{
	for (size_t i = 0; i < n->made_count; i++)
		notice_name(m, JOURNAL_CREATED, span_take(n->to, n->made[i]), SPAN(""));
	notice_name(m, event, n->to, event == JOURNAL_RENAMED ? n->from : SPAN(""));
}

enum err mailbox_create(struct mailstore *m, struct span name, enum special_use use)
{
	struct naming n = { .use = use };
	struct arena a;
	enum err e;

	arena_init(&a, NAMES_ARENA);
	/* RFC 9051 6.3.4: a last separator says that names below will follow; it is not part of the name. */
	if (name.len > 1 && span_ends(name, SPAN("/")))
		name.len--;
	e = mailbox_name_normal(name, &a, &n.to);
	if (!e && span_equals(n.to, MAILSTORE_INBOX))
		e = ERR_DENIED;
	if (!e)
		e = mailstore_write(m, run_create, &n, WRITE_WEIGHT);
	if (!e)
		announce_names(m, &n, JOURNAL_CREATED);
	if (!e && n.other_id)
		annotation_use_lost(m, n.other_id);
	arena_clear(&a);
	return e;
}

static enum err run_delete(struct db *db, void *arg)
{
	struct naming *n = arg;
	struct db_mailbox row;
	uint64_t longest, levels;
	enum err e = db_mailbox_by_name(db, n->to, &row);

	if (e == ERR_NOT_FOUND) {
		e = db_mailbox_below(db, n->to, &longest, &levels);
		return e ? e : longest ? ERR_STATE
				       : ERR_NOT_FOUND;
	}
	if (!e)
		e = db_mail_allot(db, 0, &n->modseq, NULL);
	if (!e)
		e = picked_read(db, row.id, NULL, UINT32_MAX, 0, &n->rows);
	if (!e)
		e = expunge_rows(db, row.id, &n->rows, n->modseq);
	if (!e)
		e = expunge_contents(db, &n->rows, &n->files);
	if (e)
		return e;
	n->mailbox_id = row.id;
	return db_mailbox_remove(db, row.id);
}

enum err mailbox_delete(struct mailstore *m, struct span name)
{
	struct naming n = { .use = USE_NONE };
	struct arena a;
	enum err e;

	arena_init(&a, NAMES_ARENA);
	e = mailbox_name_normal(name, &a, &n.to);
	if (e)
		e = ERR_NOT_FOUND;
	else if (span_equals(n.to, MAILSTORE_INBOX))
		e = ERR_DENIED;
	if (!e)
		e = mailstore_write(m, run_delete, &n, WRITE_WEIGHT);
	if (!e) {
		state_gone(m, n.mailbox_id);
		expunge_files(m, &n.files);
		notice_changed(m, n.mailbox_id, 0, 0);
		notice_name(m, JOURNAL_DELETED, n.to, SPAN(""));
	}
	file_list_clear(&n.files);
	picked_clear(&n.rows);
	arena_clear(&a);
	return e;
}

/* RFC 9051 6.3.6: the messages go to a new mailbox, INBOX stays, empty. The new one has a UIDVALIDITY of its own, so UIDs may stay. */
static enum err rename_inbox(struct db *db, struct naming *n, const struct db_mailbox *inbox)
{
	const struct db_mailbox_delta delta = { inbox->messages, inbox->unseen, inbox->deleted, (int64_t)inbox->size_bytes, inbox->uid_next - 1 };
	enum err e = create_one(db, n->to, USE_NONE, n->modseq, &n->other_id);

	n->mailbox_id = inbox->id;
	if (!e)
		e = picked_read(db, inbox->id, NULL, UINT32_MAX, 0, &n->rows);
	if (!e)
		e = db_message_move_all(db, inbox->id, n->other_id, n->modseq, clock_real_ms());
	if (!e)
		e = db_seen_move_all(db, inbox->id, n->other_id, n->modseq);
	if (!e)
		e = db_mailbox_adjust(db, n->other_id, &delta, n->modseq);
	if (!e) /* RFC 5464 4.1 */
		e = annotation_copy(db, n->account_id, inbox->id, n->other_id);
	return e ? e : expunge_rows(db, inbox->id, &n->rows, n->modseq);
}

static enum err rename_tree(struct db *db, const struct naming *n)
{
	uint64_t longest, levels, below;
	struct span rest = n->to, level;
	enum err e = db_mailbox_below(db, n->from, &longest, &levels);

	if (e)
		return e;
	if (longest) {
		uint64_t depth = 0;

		while (span_split(&rest, '/', &level))
			depth++;
		rest = n->from;
		below = levels + 1;
		while (span_split(&rest, '/', &level))
			below--;
		if (longest - n->from.len + n->to.len > MAILBOX_NAME_MAX || depth + below > MAILBOX_DEPTH_MAX)
			return ERR_LIMIT;
	}
	return db_mailbox_rename(db, n->from, n->to);
}

/* Something stands below both names: it might meet. */
static enum err check_target(struct db *db, const struct naming *n, bool is_tree)
{
	uint64_t longest, levels;
	struct db_mailbox row;
	enum err e = db_mailbox_by_name(db, n->to, &row);

	if (e != ERR_NOT_FOUND)
		return e ? e : ERR_EXISTS;
	e = db_mailbox_below(db, n->to, &longest, &levels);
	return !e && longest && is_tree ? ERR_EXISTS : e;
}

static enum err run_rename(struct db *db, void *arg)
{
	struct naming *n = arg;
	const bool is_inbox = span_equals(n->from, MAILSTORE_INBOX);
	struct db_mailbox row;
	uint64_t longest, levels;
	enum err found = db_mailbox_by_name(db, n->from, &row), e;

	if (found && found != ERR_NOT_FOUND)
		return found;
	e = db_mailbox_below(db, n->from, &longest, &levels);
	if (!e && found && !longest)
		return ERR_NOT_FOUND;
	if (!e)
		e = check_target(db, n, longest && !is_inbox);
	if (!e)
		e = db_mail_allot(db, 0, &n->modseq, NULL);
	if (!e)
		e = create_parents(db, n);
	if (e)
		return e;
	return is_inbox ? rename_inbox(db, n, &row) : rename_tree(db, n);
}

static void announce(struct mailstore *m, uint64_t mailbox_id, uint64_t modseq, unsigned what)
{
	state_announce_at(m, mailbox_id, 1, modseq);
	notice_changed(m, mailbox_id, what, 0);
}

enum err mailbox_rename(struct mailstore *m, struct span from, struct span to)
{
	struct naming n = { .use = USE_NONE, .account_id = m->account_id };
	struct arena a;
	enum err e;

	arena_init(&a, NAMES_ARENA);
	e = mailbox_name_normal(from, &a, &n.from);
	if (e)
		e = ERR_NOT_FOUND;
	else
		e = mailbox_name_normal(to, &a, &n.to);
	if (!e && is_below(n.to, n.from) && !span_equals(n.from, MAILSTORE_INBOX))
		e = ERR_DENIED;
	if (!e)
		e = mailstore_write(m, run_rename, &n, WRITE_WEIGHT);
	if (!e)
		announce_names(m, &n, JOURNAL_RENAMED);
	if (!e && n.mailbox_id) { /* INBOX */
		announce(m, n.mailbox_id, n.modseq, CHANGE_EXPUNGED);
		announce(m, n.other_id, n.modseq, CHANGE_NEW);
	}
	picked_clear(&n.rows);
	arena_clear(&a);
	return e;
}

/* ---- subscriptions ---- */

struct subscribing {
	struct span name;
	bool on, was_on;
};

static enum err run_subscribe(struct db *db, void *arg)
{
	struct subscribing *s = arg;
	enum err e = db_mail_is_subscribed(db, s->name, &s->was_on);

	if (e)
		return e;
	return s->on ? db_mail_subscribe(db, s->name, MAILBOX_COUNT_MAX) : db_mail_unsubscribe(db, s->name);
}

enum err mailbox_subscribe(struct mailstore *m, struct span name, bool on)
{
	struct subscribing s = { .on = on };
	struct arena a;
	enum err e;

	arena_init(&a, NAMES_ARENA);
	e = mailbox_name_normal(name, &a, &s.name);
	if (!e)
		e = mailstore_write(m, run_subscribe, &s, WRITE_WEIGHT);
	if (!e && s.on != s.was_on)
		notice_name(m, on ? JOURNAL_SUBSCRIBED : JOURNAL_UNSUBSCRIBED, s.name, SPAN(""));
	arena_clear(&a);
	return e;
}
