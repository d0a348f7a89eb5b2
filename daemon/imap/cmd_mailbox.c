/* imap/cmd_mailbox.c: CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 3501 and RFC 9051 6.3). */
#include "daemon/imap/commands.h"
#include "daemon/imap/notify_own.h"
#include "daemon/imap/objectid.h"
#include "daemon/imap/place.h"

/* RFC 3501 6.3.3: a separator at the end of CREATE's name only says what is to come. */
static struct span without_end(struct span name)
{
	return name.len > 1 && span_ends(name, SPAN("/")) ? span_take(name, name.len - 1) : name;
}

static enum step create_failed(struct imap_session *s, enum err e, struct out *out)
{
	if (e == ERR_LIMIT)
		return imap_finish(s, out, IMAP_NO, SPAN("[LIMIT] Too long, too deep, or too many mailboxes"));
	return imap_finish_err(s, out, e, SPAN(""));
}

/* With those above it that were made for it; what somebody uses by now stays. */
static void unmake(struct imap_session *s, const struct imap_site *site)
{
	for (size_t i = site->name.len; i > site->parent_length; i--) {
		const struct span name = span_take(site->name, i);
		struct mailbox_info m;

		if (i < site->name.len && site->name.ptr[i] != '/')
			continue;
		if (s->service->find(site->store, name, &s->run.arena, &m) || !m.exists || m.has_children || m.messages || s->service->remove(site->store, name))
			return;
	}
}

/* RFC 4314 4: what is made below a shared mailbox is shared as that is, or not made; the owner needs no grants to find it again, where there is no room for more. */
static enum err inherit(struct imap_session *s, const struct imap_site *site)
{
	const enum err e = imap_site_inherit(s, site);

	if (!e || (e == ERR_LIMIT && site->owner == s->account_id))
		return ERR_OK;
	unmake(s, site);
	return e;
}

static enum err create(struct imap_session *s, const struct imap_site *site, enum special_use use)
{
	enum err e = site->rights & RIGHT_CREATE ? s->service->create(site->store, site->name, use) : ERR_DENIED;

	if (e == ERR_DENIED && (site->rights & RIGHT_CREATE)) /* INBOX */
		return ERR_EXISTS;
	return e;
}

enum step imap_run_create(struct imap_session *s, const union imap_args *args, struct out *out)
{
	const struct span written = without_end(args->create.name);
	struct imap_place place = { .rights = RIGHT_ALL };
	struct mailbox_info shown = { .id = 0 };
	struct imap_site site;
	enum err e = imap_site_find(s, written, &site);

	if (!e && (args->create.impossible || (args->create.use != USE_NONE && site.owner != s->account_id))) /* RFC 6154 3 */
		return imap_finish(s, out, IMAP_NO, SPAN("[USEATTR] Not a use that a mailbox can have here"));
	if (!e)
		e = create(s, &site, args->create.use);
	if (e)
		return create_failed(s, e, out);
	e = inherit(s, &site);
	if (e)
		return e == ERR_STATE ? imap_finish(s, out, IMAP_NO, SPAN("[INUSE] Other changes are under way, try again later")) : imap_finish_err(s, out, e, SPAN(""));
	notify_own_made(s, site.full_name);
	place.owner = site.owner;
	place.store = site.store;
	if (s->service->find(site.store, site.name, &s->run.arena, &place.mailbox) || !place.mailbox.exists || imap_place_shown(s, &place, &shown)) /* somebody was quicker */
		return imap_finish(s, out, IMAP_OK, SPAN("Done"));
	if ((s->enabled & ENABLED_REV2) && !span_equals(shown.name, written)) /* RFC 9051 6.3.4 */
		imap_list_one(s, &shown, written, out);
	if (!imap_has(s, CAP_OBJECTID))
		return imap_finish(s, out, IMAP_OK, SPAN("Done"));
	return imap_finish(s, out, IMAP_OK,
			   arena_printf(&s->run.arena, "[MAILBOXID (%s)] Done", objectid_make(OBJECTID_MAILBOX, place.owner, place.mailbox.uid_validity).text)); /* RFC 8474 4.1 */
}

/* As CREATE takes them, names with a separator at the end mean what stands before it. A name of the session's own that only stands above others is found too,
 * with exists = false. */
static enum err find(struct imap_session *s, struct span name, unsigned want, struct imap_place *out)
{
	struct span known;
	enum err e = imap_place_find(s, without_end(name), want, out);

	if (e != ERR_NOT_FOUND)
		return e;
	*out = (struct imap_place){ .owner = s->account_id, .store = s->store, .rights = RIGHT_ALL };
	e = s->service->name_normal(without_end(name), &s->run.arena, &known);
	if (e == ERR_SYNTAX || e == ERR_LIMIT)
		return ERR_NOT_FOUND;
	return e ? e : s->service->find(s->store, known, &s->run.arena, &out->mailbox);
}

/* RFC 9051 6.3.5: what is gone, if the client has another name for it. */
static void tell_deleted(struct imap_session *s, struct mailbox_info *shown, struct span written, struct out *out)
{
	if (!(s->enabled & ENABLED_REV2) || span_equals(shown->name, written))
		return;
	shown->exists = false;
	imap_list_one(s, shown, written, out);
}

enum step imap_run_delete(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct mailbox_info shown = { .id = 0 };
	struct imap_place place;
	enum err e = find(s, args->mailbox.name, RIGHT_DELETE_MAILBOX, &place);

	if (!e)
		e = imap_place_shown(s, &place, &shown);
	if (e)
		return imap_finish_err(s, out, e, SPAN(""));
	e = s->service->remove(place.store, place.mailbox.name);
	if (!e)
		notify_own_name(s, JOURNAL_DELETED, imap_place_name(s, place.owner, place.mailbox.name, &s->run.arena));
	if (!e && place.mailbox.exists)
		s->service->share_forget(s->shares, place.owner, place.mailbox.id);
	/* Who deletes what it has selected knows; only others are sent away. */
	if (!e && imap_place_is_selected(s, place.owner, place.mailbox.id))
		imap_unselect(s);
	if (!e)
		tell_deleted(s, &shown, without_end(args->mailbox.name), out);
	if (e == ERR_DENIED)
		return imap_finish(s, out, IMAP_NO, SPAN("[CANNOT] INBOX stays"));
	if (e == ERR_STATE)
		return imap_finish(s, out, IMAP_NO, SPAN("[HASCHILDREN] It is only a name above others"));
	return imap_finish_err(s, out, e, SPAN("Done"));
}

/* RFC 4314 4: "x" of what gets another name, "k" where it goes; all that INBOX holds is moved out of it. */
static enum err find_both(struct imap_session *s, const union imap_args *args, struct imap_place *from, struct imap_site *to)
{
	const unsigned empties = RIGHT_READ | RIGHT_DELETE_MESSAGES | RIGHT_EXPUNGE;
	enum err e = find(s, args->rename.from, RIGHT_DELETE_MAILBOX, from);

	*to = (struct imap_site){ .owner = 0 };
	if (!e)
		e = imap_site_find(s, without_end(args->rename.to), to);
	if (!e && !(to->rights & RIGHT_CREATE))
		e = ERR_DENIED;
	if (!e && span_equals(from->mailbox.name, SPAN("INBOX")) && (from->rights & empties) != empties)
		e = ERR_DENIED;
	return e;
}

/* Those above the new name that were made with it; INBOX leaves its own grants to INBOX, what is made of it has its parent's. It is renamed, whatever becomes
 * of this: then only the owner sees those. */
static void new_parents(struct imap_session *s, const struct imap_place *from, const struct imap_site *to)
{
	struct imap_site made = *to;
	enum err e;

	if (!span_equals(from->mailbox.name, SPAN("INBOX")))
		while (made.name.len && made.name.ptr[--made.name.len] != '/')
			;
	e = made.name.len > made.parent_length ? imap_site_inherit(s, &made) : ERR_OK;
	(void)e;
}

enum step imap_run_rename(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct mailbox_info was, is;
	struct imap_place from;
	struct imap_site to;
	enum err e = find_both(s, args, &from, &to);

	if (!e && from.owner != to.owner)
		return imap_finish(s, out, IMAP_NO, SPAN("[CANNOT] A mailbox stays in its account: its messages can be moved"));
	if (!e)
		e = imap_place_shown(s, &from, &was);
	if (!e)
		e = s->service->rename(from.store, from.mailbox.name, to.name);
	if (e == ERR_DENIED && (to.rights & RIGHT_CREATE) && from.owner == s->account_id)
		return imap_finish(s, out, IMAP_NO, SPAN("[CANNOT] Not into itself"));
	if (!e) {
		notify_own_made(s, to.full_name);
		notify_own_name(s, JOURNAL_RENAMED, to.full_name);
		new_parents(s, &from, &to);
	}
	if (!e && (s->enabled & ENABLED_REV2) && !s->service->find(to.store, to.name, &s->run.arena, &from.mailbox) && !imap_place_shown(s, &from, &is))
		imap_list_one(s, &is, was.name, out); /* RFC 9051 6.3.6 */
	return imap_finish_err(s, out, e, SPAN("Done"));
}

/* RFC 3501 6.3.6 lets a server ask that there is such a name. */
enum step imap_run_subscribe(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct mailbox_info shown = { .id = 0 };
	struct imap_place place;
	enum err e = find(s, args->mailbox.name, RIGHT_LOOKUP, &place);

	if (!e)
		e = imap_place_shown(s, &place, &shown);
	if (!e)
		e = s->service->subscribe(s->store, shown.name, true);
	if (!e)
		notify_own_name(s, JOURNAL_SUBSCRIBED, shown.name);
	return imap_finish_err(s, out, e, SPAN("Done"));
}

/* Not subscribed, or no possible name: as wanted. What is not shared any more is unsubscribed from by the name that LSUB shows. */
enum step imap_run_unsubscribe(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct mailbox_info shown = { .id = 0 };
	struct imap_place place;
	struct span name;
	enum err e = s->service->name_normal(without_end(args->mailbox.name), &s->run.arena, &name);

	if (!e && !imap_place_find(s, name, RIGHT_LOOKUP, &place) && !imap_place_shown(s, &place, &shown))
		name = shown.name;
	if (!e)
		e = s->service->subscribe(s->store, name, false);
	if (!e)
		notify_own_name(s, JOURNAL_UNSUBSCRIBED, name);
	return imap_finish_err(s, out, e == ERR_NOT_FOUND ? ERR_OK : e, SPAN("Done"));
}
