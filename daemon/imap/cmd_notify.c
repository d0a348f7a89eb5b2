/* imap/cmd_notify.c: NOTIFY (RFC 5465 3.1). What it sets counts from the moment that the command ends in OK. */
#include <stdlib.h>

#include "daemon/imap/commands.h"
#include "daemon/imap/mailbox_filter.h"
#include "daemon/imap/metadata.h"
#include "daemon/imap/notify.h"
#include "daemon/imap/notify_follow.h"
#include "daemon/imap/notify_tell.h"
#include "daemon/imap/place.h"
#include "daemon/imap/reply_mailbox.h"

/* Of NOTIFY SET STATUS. */
struct status_work {
	struct mailbox_info *all; /* of the own account */
	struct imap_place *others;
	size_t count, at, other_count, other_at;
};

/* What the command holds goes with it: so it is read a second time, from a copy that stays. */
static enum err take(struct imap_session *s, const union imap_args *args, struct imap_notify *n)
{
	struct imap_parser p = { arena_copy(&n->arena, args->notify.text), &n->arena, s->off, s->enabled };
	union imap_args kept = { .notify = { .none = false } };
	struct notify_name_change *none;
	size_t count;
	enum err e = p.rest.ptr ? imap_parse_notify(&p, &kept) : ERR_LIMIT;

	if (e)
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
	if (!e)
		e = notify_follow(s, n);
	if (!e && n->accounts && imap_notify_wants(n, NOTIFY_NAME))
		e = notify_names_look(s, &n->names, &none, &count);
	return e;
}

static enum step finish(struct imap_session *s, struct out *out)
{
	return imap_finish(s, out, IMAP_OK, SPAN("Done"));
}

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
	struct mailbox_info m = p->mailbox;
	const struct status_values values = { .mailbox = &m, .owner = p->owner };
	unsigned items;

	m.subscribed = imap_is_subscribed(s, m.name);
	items = imap_notify_items(s, imap_notify_events(s->notify, m.name, false, m.subscribed), true);
	if (items && (p->rights & RIGHT_READ) && !imap_place_is_selected(s, p->owner, m.id))
		reply_status(s, out, &values, items);
}

static enum step status_more(struct imap_session *s, struct out *out)
{
	struct status_work *w = s->run.work;

	for (; w->at < w->count; w->at++) {
		if (out_is_full(out))
			return STEP_MORE;
		tell_own(s, &w->all[w->at], out);
	}
	for (; w->other_at < w->other_count; w->other_at++) {
		if (out_is_full(out))
			return STEP_MORE;
		tell_other(s, &w->others[w->other_at], out);
	}
	return finish(s, out);
}

static enum step tell_status(struct imap_session *s, struct out *out)
{
	struct status_work *w = arena_alloc(&s->run.arena, sizeof *w);
	enum err e = w ? s->service->list(s->store, &s->run.arena, &w->all, &w->count) : ERR_LIMIT;

	if (!e && s->notify->accounts->next)
		e = imap_places_shared(s, &s->run.arena, &w->others, &w->other_count);
	if (e)
		return imap_finish_err(s, out, e, SPAN(""));
	s->run.work = w;
	s->run.more = status_more;
	return status_more(s, out);
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
	struct imap_notify *n;
	enum err e = ERR_OK;

	if (args->notify.unserved)
		return imap_finish(s, out, IMAP_NO, bad_event(s));
	n = calloc(1, sizeof *n);
	if (!n)
		return imap_finish_err(s, out, ERR_TEMP, SPAN(""));
	arena_init(&n->arena, IMAP_NOTIFY_MEMORY_MAX);
	arena_charge(&n->arena, s->run.arena.budget);
	if (!args->notify.none)
		e = take(s, args, n);
	if (e) {
		imap_notify_drop(s, &n);
		return e == ERR_LIMIT ? imap_finish(s, out, IMAP_NO, SPAN("[NOTIFICATIONOVERFLOW] That is too much to watch")) : imap_finish_err(s, out, e, SPAN(""));
	}
	n->next_uid = s->notify ? s->notify->next_uid : 0;
	imap_notify_set(s, &n);
	if (imap_notify_wants(s->notify, NOTIFY_METADATA | NOTIFY_SERVER_METADATA))
		imap_metadata_use(s);
	return args->notify.status && s->notify->count ? tell_status(s, out) : finish(s, out);
}
