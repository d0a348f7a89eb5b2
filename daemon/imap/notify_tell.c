/* imap/notify_tell.c: telling, a turn at a time, while no command runs or in IDLE.
 *
 *   SYNC: the selected mailbox ──▶ NEW: what MessageNew asks for ──▶ FOLLOW: who has come ──▶ NAMES: LIST lines ──▶ CHANGES: STATUS lines, account by account
 *                                                                          ──▶ LOOK: at other accounts' names ──▶ OTHERS: LIST lines of these ──▶ rest
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
#include "daemon/imap/metadata.h"
#include "daemon/imap/notify.h"
#include "daemon/imap/notify_follow.h"
#include "daemon/imap/notify_new.h"
#include "daemon/imap/place.h"
#include "daemon/imap/reply.h"
#include "daemon/imap/reply_mailbox.h"
#include "daemon/imap/sync.h"

struct telling {
	enum { TELL_SYNC,
	       TELL_NEW,
	       TELL_FOLLOW,
	       TELL_NAMES,
	       TELL_CHANGES,
	       TELL_LOOK,
	       TELL_OTHERS } phase;
	int64_t until_us; /* of this turn */
	struct notify_following following;
	struct notify_account *account; /* whose news these are; null: all are told */
	struct journal_news news;
	size_t name_at, change_at;
	bool *done;        /* each of news.names: it is not told again */
	bool others_named; /* names of other accounts' mailboxes may have changed */
	struct notify_look look;
	struct notify_name_change *others;
	size_t other_count, other_at;
	struct mailbox_info *all; /* null: not read; INBOX first, then by name */
	size_t all_count, all_at;
};

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

/* Has what stands above it been renamed with it, and is told? (RFC 5465 5.4) */
static bool goes_without_saying(struct imap_session *s, struct telling *t, const struct mailbox_info *m, const struct journal_name *e)
{
	for (size_t at = e->name.len; at < m->name.len; at++) {
		const struct mailbox_info *above = m->name.ptr[at] == '/' ? find_listed(t, span_take(m->name, at)) : NULL;
		struct span old_name;

		if (!above || !above->exists)
			continue;
		old_name = arena_printf(&s->run.arena, "%.*s%.*s", (int)e->old_name.len, e->old_name.ptr, (int)(at - e->name.len), m->name.ptr + e->name.len);
		if (old_name.ptr && is_rename_wanted(s->notify, t, above, old_name))
			return true;
	}
	return false;
}

static bool is_at_or_below(struct span name, struct span top)
{
	return span_starts(name, top) && (name.len == top.len || name.ptr[top.len] == '/');
}

/* Another mailbox has this name now, and so another UIDVALIDITY (RFC 5465 5.1). */
static void tell_validity(struct imap_session *s, const struct mailbox_info *m, struct out *out)
{
	const struct status_values values = { .mailbox = m, .owner = s->account_id };
	const unsigned events = imap_notify_events(s->notify, m->name, true, m->subscribed);

	if (m->exists && (events & NOTIFY_FLAGS) && !imap_place_is_selected(s, s->account_id, m->id))
		reply_status(s, out, &values, imap_notify_items(s, events, true));
}

/* Nobody knows whose it is. False: the output is full. */
static bool tell_validities(struct imap_session *s, struct telling *t, struct out *out)
{
	for (; t->all_at < t->all_count; t->all_at++) {
		if (out_is_full(out))
			return false;
		tell_validity(s, &t->all[t->all_at], out);
	}
	return true;
}

static void tell_moved(struct imap_session *s, struct telling *t, const struct mailbox_info *m, const struct journal_name *e, struct out *out)
{
	struct span old_name;

	if ((!m->exists && m->name.len != e->name.len) || goes_without_saying(s, t, m, e))
		return;
	old_name = arena_printf(&s->run.arena, "%.*s%.*s", (int)e->old_name.len, e->old_name.ptr, (int)(m->name.len - e->name.len), m->name.ptr + e->name.len);
	if (old_name.ptr && is_rename_wanted(s->notify, t, m, old_name))
		imap_list_one(s, m, old_name, out);
}

/* It, and of what is below it who would not hear of it otherwise, with the old name (RFC 5465 5.4). INBOX is another mailbox than what was made of it, and what
 * is below it stays there. False: the output is full. */
static bool tell_renamed(struct imap_session *s, struct telling *t, const struct journal_name *e, struct out *out)
{
	const bool is_alone = span_equals(e->old_name, SPAN("INBOX"));
	const struct mailbox_info gone = { .name = e->name };

	/* It has another name by now, which is told next. */
	if (!t->all_at && !find_listed(t, e->name) && is_rename_wanted(s->notify, t, &gone, e->old_name))
		imap_list_one(s, &gone, e->old_name, out);
	for (; t->all_at < t->all_count; t->all_at++) {
		const struct mailbox_info *m = &t->all[t->all_at];

		if (!is_at_or_below(m->name, e->name) || (is_alone && m->name.len != e->name.len))
			continue;
		if (out_is_full(out))
			return false;
		tell_moved(s, t, m, e, out);
		tell_validity(s, m, out);
	}
	t->all_at = 0;
	return true;
}

/* As it is now: of the own account, or a subscription to what is another's. */
static struct mailbox_info as_it_is(struct imap_session *s, struct telling *t, struct span name, bool *personal_out)
{
	const struct mailbox_info *listed = find_listed(t, name);
	struct mailbox_info m = listed ? *listed : (struct mailbox_info){ .name = name }, shown;
	struct imap_place place;

	*personal_out = m.exists || !imap_is_shared_name(s, name);
	if (!*personal_out && imap_place_known(s, name, RIGHT_LOOKUP, &place) == ERR_OK && imap_place_shown(s, &place, &shown) == ERR_OK)
		m = shown;
	imap_places_close(s);
	return m;
}

static bool is_by_name(const struct journal_name *e)
{
	return e->event == JOURNAL_CREATED || e->event == JOURNAL_DELETED;
}

static struct span parent_of(struct span name)
{
	while (name.len && name.ptr[name.len - 1] != '/')
		name.len--;
	return span_take(name, name.len ? name.len - 1 : 0);
}

/* Its parent is told for itself, or later for another. */
static bool has_told_parent(const struct telling *t, size_t at)
{
	const struct span parent = parent_of(t->news.names[at].name);

	for (size_t i = 0; i < t->news.name_count; i++) {
		const struct journal_name *e = &t->news.names[i];

		if (is_by_name(e) && !t->done[i] && (span_equals(e->name, parent) || (i > at && span_equals(parent_of(e->name), parent))))
			return true;
	}
	return !parent.len;
}

/* RFC 5465 5.4: what is made or removed changes its parent, too, be that a mailbox or not. */
static void tell_parent(struct imap_session *s, struct telling *t, struct span name, struct out *out)
{
	bool personal;
	const struct mailbox_info m = as_it_is(s, t, parent_of(name), &personal);

	if (imap_notify_events(s->notify, m.name, personal, m.subscribed) & NOTIFY_NAME)
		imap_list_one(s, &m, m.name, out);
}

static void tell_name(struct imap_session *s, struct telling *t, size_t at, struct out *out)
{
	const struct journal_name *e = &t->news.names[at];
	bool personal;
	const struct mailbox_info m = as_it_is(s, t, e->name, &personal);
	const bool subscribed = m.subscribed || e->event == JOURNAL_UNSUBSCRIBED; /* of who watches what is subscribed, this takes it away */

	if (e->event == JOURNAL_CREATED && !m.exists)
		return; /* what became of it is told next */
	if (imap_notify_events(s->notify, m.name, personal, subscribed) & (is_by_name(e) ? NOTIFY_NAME : NOTIFY_SUBSCRIPTION))
		imap_list_one(s, &m, m.name, out);
	if (e->event == JOURNAL_CREATED)
		tell_validity(s, &m, out);
	if (is_by_name(e) && !has_told_parent(t, at))
		tell_parent(s, t, e->name, out);
}

static void overflow(struct imap_session *s, struct telling *t, struct out *out)
{
	reply_ok_code(out, SPAN("[NOTIFICATIONOVERFLOW] Too much has happened: NOTIFY is off"));
	imap_notify_mute(s);
	t->account = NULL;
	t->others_named = false;
	t->news = (struct journal_news){ .names = NULL };
}

/* What the session has done itself is left out (RFC 5465 5). */
static bool begin_names(struct imap_session *s, struct telling *t)
{
	t->done = arena_array(&s->run.arena, t->news.name_count + 1, sizeof *t->done);
	for (size_t i = 0; t->done && i < t->news.name_count; i++)
		t->done[i] = notify_own_has_name(&s->notify->own, t->news.names[i].event, t->news.names[i].name);
	return t->done && s->service->list(s->store, &s->run.arena, &t->all, &t->all_count) == ERR_OK;
}

static bool tell_names(struct imap_session *s, struct telling *t, struct out *out)
{
	if (!t->account || !imap_notify_wants(s->notify, NOTIFY_NAME | NOTIFY_SUBSCRIPTION | NOTIFY_FLAGS))
		return true;
	if ((t->news.names_lost && imap_notify_wants(s->notify, NOTIFY_NAME | NOTIFY_SUBSCRIPTION)) ||
	    ((t->news.name_count || t->news.names_lost) && !t->done && !begin_names(s, t))) {
		overflow(s, t, out);
		return true;
	}
	if (t->news.names_lost)
		return tell_validities(s, t, out);
	for (; t->name_at < t->news.name_count; t->name_at++) {
		const struct journal_name *e = &t->news.names[t->name_at];

		if (out_is_full(out))
			return false;
		if (t->done[t->name_at])
			continue;
		if (e->event != JOURNAL_RENAMED)
			tell_name(s, t, t->name_at, out);
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

/* Are they to be looked at? */
static bool begin_look(struct imap_session *s, struct telling *t, struct out *out)
{
	struct imap_notify *n = s->notify;

	if (!n->names.known || (!t->others_named && n->names.version == s->service->share_version(s->shares)))
		return false;
	if (notify_names_begin(s, n, &t->look)) {
		overflow(s, t, out);
		return false;
	}
	return true;
}

/* An account at a time. False: the turn is over. */
static bool look(struct imap_session *s, struct telling *t, struct out *out)
{
	enum err e;

	while (shared_places_more(s, &t->look.places, &e))
		if (clock_mono_us() >= t->until_us)
			return false;
	if (!e)
		e = notify_names_end(s, s->notify, &t->look, &t->others, &t->other_count);
	if (e)
		overflow(s, t, out);
	return true;
}

static bool tell_others(struct imap_session *s, struct telling *t, struct out *out)
{
	for (; t->other_at < t->other_count; t->other_at++) {
		if (out_is_full(out) || clock_mono_us() >= t->until_us)
			return false;
		notify_names_tell(s, t->others, t->other_count, t->other_at, out);
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

/* Who grants and who is asked for may have changed. False: the turn is over. */
static bool follow(struct imap_session *s, struct telling *t, struct out *out)
{
	enum err e = ERR_OK;

	while (notify_follow_more(s, s->notify, &t->following, &e))
		if (clock_mono_us() >= t->until_us)
			return false;
	if (e) {
		overflow(s, t, out);
	} else {
		t->account = s->notify->accounts;
		read_news(s, t);
	}
	return true;
}

/* A step. False: the output is full, or the turn is over. */
static bool step(struct imap_session *s, struct telling *t, struct out *out)
{
	switch (t->phase) {
	case TELL_SYNC: return imap_sync_emit(s, out);
	case TELL_NEW:
		if (!notify_new_tell(s, out))
			return false;
		if (notify_follow_begin(s, s->notify, &t->following))
			overflow(s, t, out);
		return true;
	case TELL_FOLLOW: return follow(s, t, out);
	case TELL_NAMES: return tell_names(s, t, out);
	case TELL_CHANGES:
		if (!tell_changes(s, t, out))
			return false;
		if (!begin_look(s, t, out))
			t->phase = TELL_LOOK; /* which is left out */
		return true;
	case TELL_LOOK: return look(s, t, out);
	case TELL_OTHERS: return tell_others(s, t, out);
	}
	return true;
}

static bool tell(struct imap_session *s, struct telling *t, struct out *out)
{
	t->until_us = clock_mono_us() + IMAP_TURN_US;
	while (step(s, t, out)) {
		if (s->run.changes.gone || t->phase == TELL_OTHERS)
			return true;
		t->phase++;
	}
	return false;
}

static enum step tell_more(struct imap_session *s, struct out *out)
{
	if (!tell(s, s->run.work, out))
		return STEP_MORE;
	if (s->run.changes.gone)
		return end(s, out);
	imap_metadata_tell(s, out);
	notify_own_forget(&s->notify->own);
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
	return s->notify->pending ? imap_notify_wake(s, out) : STEP_REPLY;
}
