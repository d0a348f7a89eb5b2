/* imap/notify_tell.c: telling, a turn at a time, while no command runs or in IDLE.
 *
 *   SYNC: the selected mailbox ──▶ NEW: what MessageNew asks for ──▶ NAMES: LIST lines ──▶ CHANGES: STATUS lines, account by account
 *                                                                                            ──▶ OTHERS: LIST lines of other accounts ──▶ rest
 *
 * (1) Nothing is kept of what is to be told: the view and the journal's mark say what the client knows. A session that can't tell now forgets nothing,
 *     and many changes of a mailbox become one line.
 * (2) Only names come one by one. Where more of them changed than the journal keeps, the client is told so and is mute from then on (RFC 5465 5.8).
 * (3) Messages that are told of are not marked as seen.
 */
#include "daemon/imap/notify_tell.h"

#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/imap/commands.h"
#include "daemon/imap/fetch.h"
#include "daemon/imap/metadata.h"
#include "daemon/imap/notify.h"
#include "daemon/imap/notify_follow.h"
#include "daemon/imap/place.h"
#include "daemon/imap/reply.h"
#include "daemon/imap/reply_mailbox.h"
#include "daemon/imap/sync.h"

struct telling {
	enum { TELL_SYNC,
	       TELL_NEW,
	       TELL_NAMES,
	       TELL_CHANGES,
	       TELL_OTHERS } phase;
	unsigned want; /* of NEW; 0: not begun */
	uint32_t after_uid;
	struct fetch_row row;
	struct notify_account *account; /* whose news these are; null: all are told */
	struct journal_news news;
	size_t name_at, change_at;
	bool others_named;                 /* names of other accounts' mailboxes may have changed */
	struct notify_name_change *others; /* null: not looked for yet */
	size_t other_count, other_at;
	struct mailbox_info *all; /* null: not read; INBOX first, then by name */
	size_t all_count, all_at;
};

struct turn {
	struct imap_session *s;
	struct telling *t;
	struct out *out;
	int64_t start_us;
	bool paused; /* in the middle of a message */
};

/* ---- new messages of the selected mailbox ---- */

/* RFC 5465 5.2: UID is always told, MODSEQ to who has enabled CONDSTORE. */
static bool begin_new(struct imap_session *s, struct telling *t)
{
	const struct imap_notify *n = s->notify;
	struct fetch_item *items = arena_array(&s->run.arena, n->item_count + 2, sizeof *items);
	bool has_modseq = !(s->enabled & ENABLED_CONDSTORE), has_uid = s->enabled & ENABLED_UIDONLY;
	size_t count = 0;

	if (!items)
		return false;
	for (size_t i = 0; i < n->item_count; i++) {
		has_modseq = has_modseq || n->items[i].kind == FETCH_MODSEQ;
		has_uid = has_uid || n->items[i].kind == FETCH_UID;
	}
	if (!has_uid)
		items[count++] = (struct fetch_item){ .kind = FETCH_UID };
	memcpy(items + count, n->items, n->item_count * sizeof *items);
	count += n->item_count;
	if (!has_modseq)
		items[count++] = (struct fetch_item){ .kind = FETCH_MODSEQ };
	s->run.args.fetch.items = items;
	s->run.args.fetch.count = count;
	t->want = fetch_want(items, count);
	for (size_t i = 0; i < count; i++)
		if (items[i].kind == FETCH_PREVIEW)
			t->want |= WANT_PARTS | WANT_BODY;
	t->after_uid = n->next_uid - 1;
	return true;
}

static bool each_new(void *arg, const struct message_row *row)
{
	struct turn *turn = arg;
	struct telling *t = turn->t;
	uint32_t sequence;

	if (t->row.begun && row->uid != t->row.uid)
		fetch_abandon(turn->s, &t->row, turn->out);
	if (!turn->s->service->view_sequence_of(turn->s->view, row->uid, &sequence))
		return true;
	turn->paused = true;
	t->row.uid = row->uid;
	if (!fetch_render(turn->s, &t->row, row, sequence, row->flags, false, turn->out))
		return false;
	turn->paused = false;
	return !out_is_full(turn->out) && clock_mono_us() - turn->start_us <= IMAP_TURN_US;
}

/* What was begun in the turn before. False: it goes on in the next. */
static bool stream_new(struct imap_session *s, struct telling *t, struct out *out)
{
	if (t->row.stream.phase == STREAM_NONE)
		return true;
	if (!fetch_stream_run(s, &t->row.stream, out))
		return false;
	arena_reset(&s->run.batch);
	t->row.item_at++;
	return !out_is_full(out);
}

/* Up to `last`. False: there is more, in the next turn. */
static bool show_new(struct imap_session *s, struct telling *t, uint32_t last, struct out *out)
{
	struct turn turn = { .s = s, .t = t, .out = out, .start_us = clock_mono_us() };
	struct uid_range range = { s->notify->next_uid, last };
	const struct uid_set set = { &range, 1 };
	uint32_t read = 0;
	bool end = false;
	enum err e;

	if (!t->want && !begin_new(s, t))
		return true;
	if (!stream_new(s, t, out))
		return false;
	e = s->service->view_read(s->view, &set, t->after_uid, t->want, each_new, &turn, &read, &end);
	if (t->row.begun && !turn.paused)
		fetch_abandon(s, &t->row, out);
	t->after_uid = turn.paused ? t->row.uid - 1 : read;
	if (!e && (!end || turn.paused))
		return false;
	if (t->row.begun)
		fetch_abandon(s, &t->row, out);
	return true;
}

static bool tell_new(struct imap_session *s, struct telling *t, struct out *out)
{
	struct imap_notify *n = s->notify;
	const uint32_t last = s->view ? s->service->view_last_uid(s->view) : 0;

	if (!s->view || !n->next_uid || last < n->next_uid)
		return true;
	if (n->item_count && !show_new(s, t, last, out))
		return false;
	n->next_uid = last + 1;
	return true;
}

/* ---- names ---- */

static int compare_names(const void *key, const void *row)
{
	const struct span *name = key;
	const struct mailbox_info *m = row;
	const bool x = span_equals(*name, SPAN("INBOX")), y = span_equals(m->name, SPAN("INBOX"));

	if (x != y)
		return x ? -1 : 1;
	return span_compare(*name, m->name);
}

static struct mailbox_info *find_listed(struct telling *t, struct span name)
{
	return t->all_count ? bsearch(&name, t->all, t->all_count, sizeof *t->all, compare_names) : NULL;
}

/* By its name, or the one that it had; a subscription stays with that. */
static bool is_rename_wanted(const struct imap_notify *n, struct telling *t, const struct mailbox_info *m, struct span old_name)
{
	const struct mailbox_info *old = find_listed(t, old_name);

	return (imap_notify_events(n, m->name, true, m->subscribed) | imap_notify_events(n, old_name, true, old && old->subscribed)) & NOTIFY_NAME;
}

static bool is_at_or_below(struct span name, struct span top)
{
	return span_starts(name, top) && (name.len == top.len || name.ptr[top.len] == '/');
}

/* It and all that is below it, each with its old name (RFC 5465 5.4). False: the output is full. */
static bool tell_renamed(struct imap_session *s, struct telling *t, const struct journal_name *e, struct out *out)
{
	const struct mailbox_info gone = { .name = e->name };

	/* It has another name by now, which is told next. */
	if (!t->all_at && !find_listed(t, e->name) && is_rename_wanted(s->notify, t, &gone, e->old_name))
		imap_list_one(s, &gone, e->old_name, out);
	for (; t->all_at < t->all_count; t->all_at++) {
		const struct mailbox_info *m = &t->all[t->all_at];
		struct span old_name;

		if (!is_at_or_below(m->name, e->name))
			continue;
		if (out_is_full(out))
			return false;
		old_name = arena_printf(&s->run.arena, "%.*s%.*s", (int)e->old_name.len, e->old_name.ptr, (int)(m->name.len - e->name.len), m->name.ptr + e->name.len);
		if (old_name.ptr && is_rename_wanted(s->notify, t, m, old_name))
			imap_list_one(s, m, old_name, out);
	}
	t->all_at = 0;
	return true;
}

static void tell_name(struct imap_session *s, struct telling *t, const struct journal_name *e, struct out *out)
{
	const bool by_name = e->event == JOURNAL_CREATED || e->event == JOURNAL_DELETED;
	const struct mailbox_info *listed = find_listed(t, e->name);
	const struct mailbox_info m = listed ? *listed : (struct mailbox_info){ .name = e->name };
	const bool subscribed = m.subscribed || e->event == JOURNAL_UNSUBSCRIBED; /* of who watches what is subscribed, this takes it away */

	if (e->event == JOURNAL_CREATED && !m.exists)
		return; /* what became of it is told next */
	if (imap_notify_events(s->notify, m.name, true, subscribed) & (by_name ? NOTIFY_NAME : NOTIFY_SUBSCRIPTION))
		imap_list_one(s, &m, m.name, out);
}

static void overflow(struct imap_session *s, struct telling *t, struct out *out)
{
	reply_ok_code(out, SPAN("[NOTIFICATIONOVERFLOW] Too much has happened: NOTIFY is off"));
	imap_notify_mute(s);
	t->account = NULL;
	t->others_named = false;
	t->news = (struct journal_news){ .names = NULL };
}

static bool tell_names(struct imap_session *s, struct telling *t, struct out *out)
{
	if (!t->account || !imap_notify_wants(s->notify, NOTIFY_NAME | NOTIFY_SUBSCRIPTION))
		return true;
	if (t->news.names_lost) {
		overflow(s, t, out);
		return true;
	}
	if (t->news.name_count && !t->all && s->service->list(s->store, &s->run.arena, &t->all, &t->all_count))
		t->all_count = 0;
	for (; t->name_at < t->news.name_count; t->name_at++) {
		const struct journal_name *e = &t->news.names[t->name_at];

		if (out_is_full(out))
			return false;
		if (e->event != JOURNAL_RENAMED)
			tell_name(s, t, e, out);
		else if (!tell_renamed(s, t, e, out))
			return false;
	}
	return true;
}

/* ---- messages of other mailboxes ---- */

/* RFC 5465 3.1 and 5.1 to 5.3. UIDVALIDITY always: who gets a line needs no memory of an earlier one. */
unsigned imap_notify_items(const struct imap_session *s, unsigned events, bool first)
{
	unsigned items = 0;

	if (events & NOTIFY_NEW)
		items |= STATUS_MESSAGES | STATUS_UIDNEXT | STATUS_UIDVALIDITY;
	if (events & NOTIFY_EXPUNGE)
		items |= STATUS_MESSAGES | (first ? 0 : STATUS_UIDNEXT | STATUS_UIDVALIDITY);
	if (events & NOTIFY_FLAGS)
		items |= STATUS_UIDVALIDITY | (first ? 0 : STATUS_UNSEEN) | (imap_has(s, CAP_CONDSTORE) ? STATUS_HIGHESTMODSEQ : 0);
	if (items && !first)
		items |= STATUS_UNSEEN;
	if (items && (s->enabled & ENABLED_CONDSTORE))
		items |= STATUS_HIGHESTMODSEQ;
	return items;
}

static void tell_change(struct imap_session *s, uint64_t owner, const struct journal_change *c, struct out *out)
{
	static const struct {
		unsigned what, event;
	} pairs[] = {
		{ CHANGE_NEW, NOTIFY_NEW },
		{ CHANGE_EXPUNGED, NOTIFY_EXPUNGE },
		{ CHANGE_FLAGS, NOTIFY_FLAGS },
	};
	const bool is_own = owner == s->account_id;
	struct mailbox_info m = c->mailbox;
	const struct status_values values = { .mailbox = &m, .owner = owner };
	unsigned items = 0, events;

	if (imap_place_is_selected(s, owner, m.id)) /* the selected groups say what is told of it (RFC 5465 3.1) */
		return;
	if (!is_own) {
		if ((s->service->share_rights(s->shares, owner, m.id) & (RIGHT_LOOKUP | RIGHT_READ)) != (RIGHT_LOOKUP | RIGHT_READ))
			return;
		m.name = imap_place_name(s, owner, c->mailbox.name, &s->run.arena);
		m.subscribed = m.name.ptr && imap_is_subscribed(s, m.name);
	}
	events = m.name.ptr ? imap_notify_events(s->notify, m.name, is_own, m.subscribed) : 0;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		if ((c->what & pairs[i].what) && (events & pairs[i].event))
			items |= imap_notify_items(s, pairs[i].event, false);
	if (items)
		reply_status(s, out, &values, items);
}

static void read_news(struct imap_session *s, struct telling *t)
{
	struct imap_notify *n = s->notify;

	t->news = (struct journal_news){ .names = NULL };
	t->change_at = 0;
	if (t->account && s->service->journal_read(t->account->store, &t->account->mark, &s->run.arena, &t->news)) {
		t->news = (struct journal_news){ .names = NULL };
		n->pending = true;
	}
	if (t->account && t->account->owner != s->account_id)
		t->others_named = t->others_named || t->news.name_count || t->news.names_lost;
}

/* Account by account. */
static bool tell_changes(struct imap_session *s, struct telling *t, struct out *out)
{
	for (; t->account; t->account = t->account->next, read_news(s, t)) {
		for (; t->change_at < t->news.change_count; t->change_at++) {
			if (out_is_full(out))
				return false;
			tell_change(s, t->account->owner, &t->news.changes[t->change_at], out);
		}
	}
	return true;
}

/* ---- names in other accounts ---- */

static void tell_other(struct imap_session *s, struct notify_name_change *c, struct out *out)
{
	const struct imap_notify *n = s->notify;
	unsigned events;

	c->mailbox.subscribed = imap_is_subscribed(s, c->mailbox.name);
	events = imap_notify_events(n, c->mailbox.name, false, c->mailbox.subscribed);
	if (c->old_name.len)
		events |= imap_notify_events(n, c->old_name, false, imap_is_subscribed(s, c->old_name));
	if (!(events & NOTIFY_NAME))
		return;
	if (c->no_access)
		imap_list_no_access(s, &c->mailbox, out);
	else
		imap_list_one(s, &c->mailbox, c->old_name.len ? c->old_name : c->mailbox.name, out);
}

static bool tell_others(struct imap_session *s, struct telling *t, struct out *out)
{
	struct imap_notify *n = s->notify;

	if (!n->names.known)
		return true;
	if (!t->others) {
		if (!t->others_named && n->names.version == s->service->share_version(s->shares))
			return true;
		if (notify_names_look(s, &n->names, &t->others, &t->other_count)) {
			overflow(s, t, out);
			return true;
		}
	}
	for (; t->other_at < t->other_count; t->other_at++) {
		if (out_is_full(out))
			return false;
		tell_other(s, &t->others[t->other_at], out);
	}
	return true;
}

/* ---- turns ---- */

static void rest(struct imap_session *s)
{
	struct imap_run *run = &s->run;

	run->more = NULL;
	run->work = NULL;
	run->changes = (struct view_changes){ 0 };
	run->args = (union imap_args){ .fetch = { .count = 0 } };
	imap_places_close(s);
	arena_clear(&run->arena);
	arena_clear(&run->batch);
}

static enum step end(struct imap_session *s, struct out *out)
{
	rest(s);
	if (s->input == INPUT_IDLE)
		imap_idle_end(s);
	return imap_bye(s, out, imap_gone_text(s));
}

/* Who grants and who is asked for may have changed. */
static void begin_news(struct imap_session *s, struct telling *t, struct out *out)
{
	if (notify_follow(s, s->notify)) {
		overflow(s, t, out);
		return;
	}
	t->account = s->notify->accounts;
	read_news(s, t);
}

/* False: the output is full, or the turn is over. */
static bool tell(struct imap_session *s, struct telling *t, struct out *out)
{
	switch (t->phase) {
	case TELL_SYNC:
		if (!imap_sync_emit(s, out))
			return false;
		t->phase = TELL_NEW;
		return s->run.changes.gone || tell(s, t, out);
	case TELL_NEW:
		if (!tell_new(s, t, out))
			return false;
		begin_news(s, t, out);
		t->phase = TELL_NAMES;
		return tell(s, t, out);
	case TELL_NAMES:
		if (!tell_names(s, t, out))
			return false;
		t->phase = TELL_CHANGES;
		return tell(s, t, out);
	case TELL_CHANGES:
		if (!tell_changes(s, t, out))
			return false;
		t->phase = TELL_OTHERS;
		return tell(s, t, out);
	case TELL_OTHERS: return tell_others(s, t, out);
	}
	return true;
}

static enum step tell_more(struct imap_session *s, struct out *out)
{
	if (!tell(s, s->run.work, out))
		return STEP_MORE;
	if (s->run.changes.gone)
		return end(s, out);
	imap_metadata_tell(s, out);
	rest(s);
	return STEP_REPLY;
}

/* No command runs, and none stands half in the input in a way that uses s->run. */
static bool is_free(const struct imap_session *s)
{
	return (s->input == INPUT_LINE && !s->append && !s->run.command) || s->input == INPUT_IDLE;
}

enum step imap_notify_wake(struct imap_session *s, struct out *out)
{
	struct telling *t;

	s->notify->pending = true;
	if (!is_free(s) || !(s->state & (IMAP_AUTHED | IMAP_SELECTED)))
		return STEP_REPLY;
	t = arena_alloc(&s->run.arena, sizeof *t);
	if (!t)
		return STEP_REPLY;
	s->notify->pending = false;
	(void)imap_sync_begin(s, true);
	s->run.work = t;
	s->run.more = tell_more;
	return tell_more(s, out);
}

enum step imap_notify_after(struct imap_session *s, struct out *out)
{
	const struct imap_notify *n = s->notify;
	const bool has_new = s->view && n->item_count && n->next_uid && s->service->view_last_uid(s->view) >= n->next_uid;

	return n->pending || has_new ? imap_notify_wake(s, out) : STEP_REPLY;
}
