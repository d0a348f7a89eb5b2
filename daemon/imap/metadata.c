/* imap/metadata.c: see the header.
 *
 * RFC 5464 4.1: nobody hears of changes who hasn't asked for it by ENABLE, or by NOTIFY. A session that has has a mark in the news of its own account's
 * annotations, and one in each of the accounts that NOTIFY follows for it; without NOTIFY in that of the selected mailbox, when that is another's. What it
 * changed itself is not told to it.
 */
#include "daemon/imap/metadata.h"

#include "daemon/imap/notify.h"
#include "daemon/imap/notify_follow.h"
#include "daemon/imap/place.h"
#include "daemon/imap/reply_metadata.h"
#include "daemon/imap/special_use.h"

bool imap_metadata_may(unsigned rights, bool change_shared)
{
	const unsigned any = RIGHT_READ | RIGHT_SEEN | RIGHT_WRITE | RIGHT_INSERT | RIGHT_POST;

	return (rights & RIGHT_LOOKUP) && (rights & (change_shared ? RIGHT_WRITE : any));
}

bool imap_metadata_is_use(const struct metadata_entry *entry)
{
	return entry->is_private && span_equals(entry->entry, ANNOTATION_USE);
}

struct span imap_metadata_use_of(const struct imap_session *s, const struct imap_place *place)
{
	const bool has = place->owner == s->account_id && place->mailbox.use != USE_NONE;

	return has ? special_use_name(place->mailbox.use) : span_make(NULL, 0);
}

uint64_t imap_metadata_reader(const struct imap_session *s, const struct metadata_entry *entry)
{
	return entry->is_private ? s->account_id : ANNOTATION_OF_ALL;
}

/* ---- LIST ---- */

struct listed {
	const struct metadata_entry *entry;
	struct out *out;
	bool first, found;
};

static bool list_value(void *arg, struct span entry, struct span value)
{
	struct listed *l = arg;

	l->found = span_equals(entry, l->entry->entry);
	if (l->found)
		reply_metadata_value(l->out, l->first, l->entry->written, SPAN(""), value);
	return false;
}

enum err imap_metadata_list(struct imap_session *s, const struct imap_place *place, struct span shown_name, struct out *out)
{
	const union imap_args *args = &s->run.args;
	struct listed l = { .out = out };
	enum err e = ERR_OK;

	if (!imap_metadata_may(place->rights, false))
		return ERR_OK;
	reply_metadata_begin(s, out, shown_name);
	for (size_t i = 0; !e && i < args->list.metadata_count; i++) {
		l = (struct listed){ .entry = &args->list.metadata[i], .out = out, .first = i == 0 };
		if (!imap_metadata_is_use(l.entry))
			e = s->service->annotation_each(place->store, place->mailbox.id, imap_metadata_reader(s, l.entry), l.entry->entry, SPAN(""), list_value, &l);
		if (!l.found) /* RFC 9590 3: what is not there is NIL */
			reply_metadata_value(out, l.first, l.entry->written, SPAN(""),
					     imap_metadata_is_use(l.entry) ? imap_metadata_use_of(s, place) : span_make(NULL, 0));
	}
	reply_metadata_end(out);
	return e;
}

/* ---- news ---- */

static void mark_at(struct imap_session *s)
{
	if (s->at.store && s->at.store != s->store)
		s->metadata.at = s->service->annotation_mark(s->at.store);
}

void imap_metadata_use(struct imap_session *s)
{
	if (s->metadata.used)
		return;
	s->metadata.used = true;
	s->metadata.home = s->service->annotation_mark(s->store);
	mark_at(s);
}

void imap_metadata_enter(struct imap_session *s)
{
	if (s->metadata.used)
		mark_at(s);
}

/* Which events the session hears of: those of NOTIFY, or without it those of ENABLE. */
static unsigned events_heard(const struct imap_session *s)
{
	unsigned events = 0;

	if (!s->notify)
		return (s->enabled & ENABLED_METADATA ? NOTIFY_METADATA | NOTIFY_SERVER_METADATA : 0) |
		       (s->enabled & ENABLED_METADATA_SERVER ? NOTIFY_SERVER_METADATA : 0);
	for (size_t i = 0; i < s->notify->count; i++)
		events |= s->notify->groups[i].events;
	return events;
}

struct mailboxes {
	struct mailbox_info *all; /* null: not read */
	size_t count;
};

static const struct mailbox_info *find_mailbox(const struct mailboxes *m, uint64_t id)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->all[i].exists && m->all[i].id == id)
			return &m->all[i];
	return NULL;
}

/* Of a mailbox that is the session's own, or that it may see the annotations of. */
static struct span name_of(struct imap_session *s, uint64_t owner, const struct mailbox_info *mailbox)
{
	const bool is_own = owner == s->account_id;
	const struct span none = span_make(NULL, 0);
	struct span name;
	bool subscribed;

	if (!is_own && !imap_metadata_may(s->service->share_rights(s->shares, owner, mailbox->id), false))
		return none;
	name = imap_place_name(s, owner, mailbox->name, &s->run.arena);
	if (!name.ptr || !s->notify)
		return name;
	subscribed = is_own ? mailbox->subscribed : imap_is_subscribed(s, name);
	return imap_notify_events(s->notify, name, is_own, subscribed) & NOTIFY_METADATA ? name : none;
}

/* The name to tell it under; ptr null: it is not told to this session. */
static struct span name_told(struct imap_session *s, uint64_t owner, struct mailstore *store, const struct annotation_news *news, struct mailboxes *m)
{
	const struct mailbox_info *mailbox;
	const unsigned heard = events_heard(s);

	if (news->mailbox_id == ANNOTATION_OF_ACCOUNT)
		return owner == s->account_id && (heard & NOTIFY_SERVER_METADATA) ? SPAN("") : span_make(NULL, 0);
	if (!(heard & NOTIFY_METADATA) || (!s->notify && owner != s->account_id && !imap_place_is_selected(s, owner, news->mailbox_id)))
		return span_make(NULL, 0);
	if (!m->all && s->service->list(store, &s->run.arena, &m->all, &m->count))
		m->count = 0;
	mailbox = find_mailbox(m, news->mailbox_id);
	return mailbox ? name_of(s, owner, mailbox) : span_make(NULL, 0);
}

static void tell_from(struct imap_session *s, uint64_t owner, struct mailstore *store, uint64_t *mark, struct out *out)
{
	struct mailboxes mailboxes = { .count = 0 };
	struct annotation_news *news;
	size_t count;

	if (s->service->annotation_news(store, s->account_id, s, mark, &s->run.arena, &news, &count))
		return; /* no room now: what is lost can be asked for */
	for (size_t i = 0; i < count;) {
		const uint64_t id = news[i].mailbox_id;
		const struct span name = name_told(s, owner, store, &news[i], &mailboxes);

		if (name.ptr)
			reply_metadata_changed(s, out, name);
		for (; i < count && news[i].mailbox_id == id; i++)
			if (name.ptr)
				reply_metadata_name(out, news[i].reader == ANNOTATION_OF_ALL ? SPAN("/shared") : SPAN("/private"), news[i].entry);
		if (name.ptr)
			reply_metadata_changed_end(out);
	}
}

static void tell_followed(struct imap_session *s, struct out *out)
{
	for (struct notify_account *a = s->notify->accounts; a; a = a->next)
		if (a->owner != s->account_id)
			tell_from(s, a->owner, a->store, &a->annotated, out);
}

void imap_metadata_tell(struct imap_session *s, struct out *out)
{
	if (!s->metadata.used || !s->store || !imap_has(s, CAP_METADATA))
		return;
	tell_from(s, s->account_id, s->store, &s->metadata.home, out);
	if (s->notify)
		tell_followed(s, out);
	else if (s->view && s->at.store != s->store)
		tell_from(s, s->at.owner, s->at.store, &s->metadata.at, out);
}
