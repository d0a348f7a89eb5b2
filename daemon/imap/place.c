/* imap/place.c: see the header.
 *
 * "Shared/info@example.org/INBOX/x": behind the first level the owner's address, in which '/' stands as "%2F" and '%' as "%25"; behind that the name in the
 * owner's account. A mailbox of the session's own that has such a name, made before there were shared ones, is found where no shared one is.
 */
#include "daemon/imap/place.h"

#include <stdlib.h>

#include "daemon/imap/metadata.h"
#include "daemon/imap/watch.h"

#define SHARED SPAN("Shared/")

/* ---- names ---- */

/* False: not below "Shared/", or the next level is no address. `rest`: behind the owner's level; empty: the name ends there. */
static bool split_shared(struct span name, struct span *owner, struct span *rest)
{
	size_t at;

	if (!span_starts(name, SHARED))
		return false;
	*owner = span_skip(name, SHARED.len);
	*rest = SPAN("");
	if (span_find_char(*owner, '/', &at)) {
		*rest = span_skip(*owner, at + 1);
		*owner = span_take(*owner, at);
	}
	return span_find_char(*owner, '@', &at);
}

bool imap_is_shared_name(const struct imap_session *s, struct span name)
{
	struct span owner, rest;

	return imap_has(s, CAP_ACL) && split_shared(name, &owner, &rest);
}

/* "%2F" and "%25"; another '%' is one of no owner. */
static bool unescape(struct span level, char out[ADDRESS_MAX], struct span *address_out)
{
	size_t n = 0;

	for (size_t i = 0; i < level.len; i++) {
		char c = level.ptr[i];

		if (c == '%') {
			struct span code = span_take(span_skip(level, i), 3);

			if (!span_iequals(code, SPAN("%2f")) && !span_equals(code, SPAN("%25")))
				return false;
			c = code.ptr[2] == '5' ? '%' : '/';
			i += 2;
		}
		if (n == ADDRESS_MAX)
			return false;
		out[n++] = c;
	}
	*address_out = span_make(out, n);
	return true;
}

static struct span escape(struct span address, struct arena *a)
{
	struct buf level;
	struct span out;

	buf_init(&level, 3 * ADDRESS_MAX);
	for (size_t i = 0; i < address.len; i++) {
		const char c = address.ptr[i];

		if (c == '/')
			buf_add_str(&level, "%2F");
		else if (c == '%')
			buf_add_str(&level, "%25");
		else
			buf_add_char(&level, c);
	}
	out = level.failed ? span_make(NULL, 0) : arena_copy(a, buf_span(&level));
	buf_clear(&level);
	return out;
}

struct span imap_owner_name(struct imap_session *s, uint64_t owner, struct arena *a)
{
	struct span address = s->service->share_address(s->shares, owner, a), level;

	if (!address.ptr)
		return address;
	level = escape(address, a);
	return level.ptr ? arena_printf(a, "Shared/%.*s", (int)level.len, level.ptr) : level;
}

struct span imap_place_name(struct imap_session *s, uint64_t owner, struct span name, struct arena *a)
{
	struct span above;

	if (owner == s->account_id)
		return arena_copy(a, name);
	above = imap_owner_name(s, owner, a);
	return above.ptr ? arena_printf(a, "%.*s/%.*s", (int)above.len, above.ptr, (int)name.len, name.ptr) : above;
}

/* ---- opening ---- */

static enum err open_owner(struct imap_session *s, uint64_t owner, struct mailstore **out)
{
	struct imap_opened *o = s->opened;
	enum err e;

	while (o && o->owner != owner)
		o = o->next;
	if (!o) {
		o = calloc(1, sizeof *o);
		if (!o)
			return ERR_TEMP;
		e = s->service->share_open(s->shares, owner, &o->store);
		if (e) {
			free(o);
			return e;
		}
		o->owner = owner;
		o->next = s->opened;
		s->opened = o;
	}
	*out = o->store;
	return ERR_OK;
}

enum err imap_owner_named(struct imap_session *s, struct span name, uint64_t *owner_out)
{
	struct span level, rest, address;
	char room[ADDRESS_MAX];
	enum err e;

	if (!split_shared(name, &level, &rest) || rest.len || !unescape(level, room, &address))
		return ERR_NOT_FOUND;
	e = s->service->share_find(s->shares, address, owner_out);
	return !e && *owner_out == s->account_id ? ERR_NOT_FOUND : e;
}

enum err imap_owner_find(struct imap_session *s, struct span name, uint64_t *owner_out)
{
	struct mailstore *m;
	enum err e = imap_has(s, CAP_ACL) ? imap_owner_named(s, name, owner_out) : ERR_NOT_FOUND;

	return e ? e : open_owner(s, *owner_out, &m);
}

enum err imap_place_open(struct imap_session *s, struct imap_place *p)
{
	if (p->owner != s->account_id)
		return open_owner(s, p->owner, &p->store);
	p->store = s->store;
	return ERR_OK;
}

void imap_places_close(struct imap_session *s)
{
	while (s->opened) {
		struct imap_opened *o = s->opened;

		s->opened = o->next;
		s->service->url_close(&o->store);
		free(o);
	}
}

/* ---- finding ---- */

struct span imap_place_missing(struct imap_session *s, struct span name)
{
	struct span normal;
	enum err e = s->service->name_normal(name, &s->run.arena, &normal);

	return e == ERR_SYNTAX || e == ERR_LIMIT ? SPAN("[CANNOT] That name can't be used") : SPAN("[TRYCREATE] No such mailbox");
}

static enum err find_in(struct imap_session *s, struct mailstore *m, struct span name, struct mailbox_info *out)
{
	struct span normal;
	enum err e = s->service->name_normal(name, &s->run.arena, &normal);

	if (e)
		return e == ERR_TEMP ? e : ERR_NOT_FOUND;
	e = s->service->find(m, normal, &s->run.arena, out);
	return !e && !out->exists ? ERR_NOT_FOUND : e;
}

static enum err find_own(struct imap_session *s, struct span name, struct imap_place *out)
{
	*out = (struct imap_place){ .owner = s->account_id, .store = s->store, .rights = RIGHT_ALL };
	return find_in(s, s->store, name, &out->mailbox);
}

/* What the session has no right to know of takes as long as what is not there at all does, but for the look at its row. */
static enum err find_shared(struct imap_session *s, struct span level, struct span rest, unsigned known_by, struct imap_place *out)
{
	char room[ADDRESS_MAX];
	struct span address;
	enum err e;

	*out = (struct imap_place){ .owner = 0 };
	if (!rest.len || !unescape(level, room, &address) || s->service->share_find(s->shares, address, &out->owner) || out->owner == s->account_id)
		return ERR_NOT_FOUND;
	e = open_owner(s, out->owner, &out->store);
	if (!e)
		e = find_in(s, out->store, rest, &out->mailbox);
	if (e)
		return e;
	out->rights = s->service->share_rights(s->shares, out->owner, out->mailbox.id);
	return out->rights & known_by ? ERR_OK : ERR_NOT_FOUND;
}

enum err imap_place_known(struct imap_session *s, struct span name, unsigned any, struct imap_place *out)
{
	struct span owner, rest;
	enum err e = ERR_NOT_FOUND;

	if (imap_has(s, CAP_ACL) && split_shared(name, &owner, &rest))
		e = find_shared(s, owner, rest, any, out);
	return e == ERR_NOT_FOUND ? find_own(s, name, out) : e;
}

enum err imap_place_find(struct imap_session *s, struct span name, unsigned want, struct imap_place *out)
{
	enum err e = imap_place_known(s, name, RIGHT_LOOKUP | want, out);

	return !e && (out->rights & want) != want ? ERR_DENIED : e;
}

/* ---- what is to be made ---- */

static enum err find_parent(struct imap_session *s, struct imap_site *out)
{
	struct mailbox_info m;

	for (size_t i = out->name.len; i-- > 0;) {
		enum err e;

		if (out->name.ptr[i] != '/')
			continue;
		e = s->service->find(out->store, span_take(out->name, i), &s->run.arena, &m);
		if (e && e != ERR_NOT_FOUND)
			return e;
		if (!e && m.exists) {
			out->parent = m.id;
			out->parent_length = i;
			return ERR_OK;
		}
	}
	return ERR_OK;
}

/* Who may not make anything there is told the same whether there is such an account or not. */
static enum err site_shared(struct imap_session *s, struct span level, struct span rest, struct imap_site *out)
{
	char room[ADDRESS_MAX];
	struct span address;
	enum err e;

	if (!unescape(level, room, &address) || s->service->share_find(s->shares, address, &out->owner) || out->owner == s->account_id)
		return ERR_DENIED;
	e = open_owner(s, out->owner, &out->store);
	if (e)
		return e == ERR_NOT_FOUND ? ERR_DENIED : e;
	e = s->service->name_normal(rest, &s->run.arena, &out->name);
	if (!e)
		e = find_parent(s, out);
	if (e)
		return e;
	out->rights = s->service->share_rights(s->shares, out->owner, out->parent);
	out->full_name = imap_place_name(s, out->owner, out->name, &s->run.arena);
	return out->full_name.ptr ? ERR_OK : ERR_TEMP;
}

enum err imap_site_find(struct imap_session *s, struct span name, struct imap_site *out)
{
	struct span owner, rest;
	enum err e;

	*out = (struct imap_site){ .owner = s->account_id, .store = s->store, .rights = RIGHT_ALL };
	if (imap_has(s, CAP_ACL) && split_shared(name, &owner, &rest))
		return site_shared(s, owner, rest, out);
	e = s->service->name_normal(name, &s->run.arena, &out->name);
	out->full_name = out->name;
	return e ? e : find_parent(s, out);
}

enum err imap_site_inherit(struct imap_session *s, const struct imap_site *site)
{
	uint64_t made[MAILBOX_DEPTH_MAX];
	size_t count = 0;

	for (size_t i = site->parent_length + 1; site->parent && i <= site->name.len && count < MAILBOX_DEPTH_MAX; i++) {
		struct mailbox_info m;
		enum err e;

		if (i < site->name.len && site->name.ptr[i] != '/')
			continue;
		e = s->service->find(site->store, span_take(site->name, i), &s->run.arena, &m);
		if (e && e != ERR_NOT_FOUND) /* deleted by now */
			return e;
		if (!e && m.exists)
			made[count++] = m.id;
	}
	return count ? s->service->share_inherit(s->shares, site->owner, site->parent, made, count) : ERR_OK;
}

bool imap_is_subscribed(struct imap_session *s, struct span name)
{
	struct mailbox_info listed = { .subscribed = false };
	const enum err e = s->service->find(s->store, name, &s->run.arena, &listed);

	return (!e || e == ERR_NOT_FOUND) && listed.subscribed; /* what is another's is not there */
}

enum err imap_place_shown(struct imap_session *s, const struct imap_place *p, struct mailbox_info *out)
{
	*out = p->mailbox;
	if (p->owner == s->account_id)
		return ERR_OK;
	out->name = imap_place_name(s, p->owner, p->mailbox.name, &s->run.arena);
	if (!out->name.ptr)
		return ERR_TEMP;
	out->use = USE_NONE;
	out->subscribed = imap_is_subscribed(s, out->name);
	return ERR_OK;
}

/* ---- the selected one ---- */

enum err imap_place_enter(struct imap_session *s, const struct imap_place *p)
{
	struct imap_place at = *p;
	enum err e = ERR_OK;

	if (at.owner != s->account_id)
		e = s->service->share_open(s->shares, at.owner, &at.store);
	if (e)
		return e;
	at.mailbox.name = SPAN("");
	s->at = at;
	imap_metadata_enter(s);
	imap_watch_update(s);
	return ERR_OK;
}

void imap_place_leave(struct imap_session *s)
{
	imap_watch_end(s);
	if (s->at.store && s->at.owner != s->account_id)
		s->service->url_close(&s->at.store);
	s->at = (struct imap_place){ .owner = 0 };
}

bool imap_place_is_selected(const struct imap_session *s, uint64_t owner, uint64_t mailbox_id)
{
	return s->view && s->at.owner == owner && s->at.mailbox.id == mailbox_id;
}

uint64_t imap_rights_flags(unsigned rights)
{
	uint64_t flags = 0;

	if (rights & RIGHT_SEEN)
		flags |= FLAG_SEEN;
	if (rights & RIGHT_DELETE_MESSAGES)
		flags |= FLAG_DELETED;
	if (rights & RIGHT_WRITE)
		flags |= ~(uint64_t)(FLAG_SEEN | FLAG_DELETED);
	return flags;
}

bool imap_may(struct imap_session *s, unsigned rights)
{
	unsigned now;

	if (s->at.owner != s->account_id) {
		now = s->service->share_rights(s->shares, s->at.owner, s->at.mailbox.id);
		if (now != s->at.rights) {
			const bool read_only = s->examined || !(now & RIGHTS_TO_CHANGE);

			s->service->view_allow(s->view, imap_rights_flags(now));
			s->access_changed = s->access_changed != (read_only != s->read_only); /* there and back is none */
			s->read_only = read_only;
			s->rights_changed = true;
		}
		s->at.rights = now;
	}
	return (s->at.rights & rights) == rights;
}
