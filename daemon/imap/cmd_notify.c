/* imap/cmd_notify.c: NOTIFY (RFC 5465 3.1):
 *
 *   FOLLOW: the accounts ──▶ LOOK: the names in them ──set──▶ TELL: STATUS lines, and what can't be read
 *
 * (1) What is asked for counts from the moment that all of it is there; what it holds goes with it, and until then with the command.
 * (2) Other accounts are opened one after the other; between them the session yields.
 */
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/imap/commands.h"
#include "daemon/imap/mailbox_filter.h"
#include "daemon/imap/metadata.h"
#include "daemon/imap/notify.h"
#include "daemon/imap/notify_follow.h"
#include "daemon/imap/notify_tell.h"
#include "daemon/imap/reply_mailbox.h"

struct notify_work {
	enum { NOTIFY_FOLLOW,
	       NOTIFY_LOOK,
	       NOTIFY_TELL } phase;
	struct imap_notify *n; /* until it is set */
	struct notify_following following;
	struct notify_look look;
	struct notify_name_change *changes; /* what can't be read */
	size_t change_count, change_at;
	struct mailbox_info *own; /* of NOTIFY SET STATUS, as look.places */
	size_t own_count, own_at, other_at;
};

static void drop(struct imap_session *s)
{
	struct notify_work *w = s->run.work;

	if (w)
		imap_notify_drop(s, &w->n);
}

/* It is read a second time, from a copy that stays. */
static enum err take(struct imap_session *s, const union imap_args *args, struct imap_notify *n)
{
	struct imap_parser p = { arena_copy(&n->arena, args->notify.text), &n->arena, s->off, s->enabled };
	union imap_args kept = { .notify = { .none = false } };
	enum err e = p.rest.ptr ? imap_parse_notify(&p, &kept) : ERR_LIMIT;

	if (e || kept.notify.too_much)
		return ERR_LIMIT;
	n->groups = kept.notify.groups;
	for (size_t i = 0; !e && i < kept.notify.count; i++) {
		struct notify_group g = n->groups[i];

		if (g.where.kind == FILTER_SELECTED || g.where.kind == FILTER_SELECTED_DELAYED) {
			n->selected = g.events;
			n->delayed = g.where.kind == FILTER_SELECTED_DELAYED;
			n->items = g.items;
			n->item_count = g.item_count;
		} else if (g.events) {
			e = mailbox_filter_normal(s, &g.where, &n->arena);
			n->groups[n->count++] = g;
		}
	}
	return e;
}

/* ---- telling ---- */

static void tell_own(struct imap_session *s, const struct mailbox_info *m, struct out *out)
{
	const struct status_values values = { .mailbox = m, .owner = s->account_id };
	unsigned items;

	if (!m->exists || imap_place_is_selected(s, s->account_id, m->id))
		return;
	items = imap_notify_items(s, imap_notify_events(s->notify, m->name, true, m->subscribed), true);
	if (items)
		reply_status(s, out, &values, items);
}

/* No count that is the reader's own is told at first. */
static void tell_other(struct imap_session *s, const struct imap_place *p, struct out *out)
{
	const struct status_values values = { .mailbox = &p->mailbox, .owner = p->owner };
	unsigned items;

	if (!(p->rights & RIGHT_READ) || imap_place_is_selected(s, p->owner, p->mailbox.id))
		return;
	items = imap_notify_items(s, imap_notify_events(s->notify, p->mailbox.name, false, imap_is_subscribed(s, p->mailbox.name)), true);
	if (items)
		reply_status(s, out, &values, items);
}

static bool tell_one(struct imap_session *s, struct notify_work *w, struct out *out)
{
	if (w->own_at < w->own_count)
		tell_own(s, &w->own[w->own_at++], out);
	else if (s->run.args.notify.status && w->other_at < w->look.places.count)
		tell_other(s, &w->look.places.all[w->other_at++], out);
	else if (w->change_at < w->change_count)
		notify_names_tell(s, w->changes, w->change_count, w->change_at++, out);
	else
		return false;
	return true;
}

static enum step tell(struct imap_session *s, struct notify_work *w, int64_t until_us, struct out *out)
{
	while (tell_one(s, w, out))
		if (out_is_full(out) || clock_mono_us() >= until_us)
			return STEP_MORE;
	return imap_finish(s, out, IMAP_OK, SPAN("Done"));
}

/* ---- until it is set ---- */

static enum step fail(struct imap_session *s, enum err e, struct out *out)
{
	if (e == ERR_LIMIT)
		return imap_finish(s, out, IMAP_NO, SPAN("[NOTIFICATIONOVERFLOW] That is too much to watch"));
	return imap_finish_err(s, out, e, SPAN(""));
}

static enum err set(struct imap_session *s, struct notify_work *w)
{
	enum err e = ERR_OK;

	if (s->run.args.notify.status && w->n->count)
		e = s->service->list(s->store, &s->run.arena, &w->own, &w->own_count);
	if (!e && w->n->accounts)
		e = notify_names_end(s, w->n, &w->look, &w->changes, &w->change_count);
	if (e == ERR_LIMIT && !imap_notify_wants(w->n, NOTIFY_NAME)) /* then only what is lost and given back later is not told */
		e = ERR_OK;
	if (e)
		return e;
	w->n->next_uid = s->notify ? s->notify->next_uid : 0;
	imap_notify_set(s, &w->n);
	if (imap_notify_wants(s->notify, NOTIFY_METADATA | NOTIFY_SERVER_METADATA))
		imap_metadata_use(s);
	return ERR_OK;
}

static enum step notify_more(struct imap_session *s, struct out *out)
{
	struct notify_work *w = s->run.work;
	const int64_t until_us = clock_mono_us() + IMAP_TURN_US;
	enum err e = ERR_OK;

	if (w->phase == NOTIFY_FOLLOW) {
		while (notify_follow_more(s, w->n, &w->following, &e))
			if (clock_mono_us() >= until_us)
				return STEP_MORE;
		w->phase = NOTIFY_LOOK;
		if (!e && w->n->accounts)
			e = notify_names_begin(s, w->n, &w->look);
	}
	if (!e && w->phase == NOTIFY_LOOK) {
		while (shared_places_more(s, &w->look.places, &e))
			if (clock_mono_us() >= until_us)
				return STEP_MORE;
		w->phase = NOTIFY_TELL;
		if (!e)
			e = set(s, w);
	}
	return e ? fail(s, e, out) : tell(s, w, until_us, out);
}

static struct span bad_event(const struct imap_session *s)
{
	if (!imap_has(s, CAP_METADATA))
		return SPAN("[BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange)] Only these are told");
	return SPAN("[BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange)]"
		    " Only these are told");
}

enum step imap_run_notify(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct notify_work *w;
	enum err e = ERR_OK;

	if (args->notify.unserved)
		return imap_finish(s, out, IMAP_NO, bad_event(s));
	w = s->run.work = arena_alloc(&s->run.arena, sizeof *w);
	s->run.drop = drop;
	if (w)
		w->n = calloc(1, sizeof *w->n);
	if (!w || !w->n)
		return imap_finish_err(s, out, ERR_TEMP, SPAN(""));
	arena_init(&w->n->arena, IMAP_NOTIFY_MEMORY_MAX);
	arena_charge(&w->n->arena, s->run.arena.budget);
	if (args->notify.too_much)
		e = ERR_LIMIT;
	else if (!args->notify.none)
		e = take(s, args, w->n);
	if (!e)
		e = notify_follow_begin(s, w->n, &w->following);
	if (e)
		return fail(s, e, out);
	s->run.more = notify_more;
	return notify_more(s, out);
}
