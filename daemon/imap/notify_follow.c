/* imap/notify_follow.c: following accounts.
 *
 * (1) The watch comes before the journal's mark: what happens between is in the journal or wakes, never neither.
 * (2) An account that grants nothing any more is left at the next wake-up, which a change of grants is: it is removed only when nobody holds it.
 */
#include "daemon/imap/notify_follow.h"

#include <stdlib.h>

#include "daemon/imap/limits.h"
#include "daemon/imap/mailbox_filter.h"
#include "daemon/imap/place.h"

static bool is_wanted(struct imap_session *s, const struct imap_notify *n, uint64_t owner)
{
	const struct span level = imap_owner_name(s, owner, &s->run.arena);

	for (size_t i = 0; level.ptr && i < n->count; i++)
		if (mailbox_filter_may_name(&n->groups[i].where, level))
			return true;
	return false;
}

static void leave(struct imap_session *s, struct notify_account *a)
{
	s->service->unwatch(s->ctx, a->store, &a->watch);
	s->service->journal_leave(a->store);
	if (a->owner != s->account_id)
		s->service->url_close(&a->store);
	free(a);
}

/* ERR_NOT_FOUND: it was withdrawn meanwhile. */
static enum err enter(struct imap_session *s, struct imap_notify *n, uint64_t owner)
{
	struct notify_account *a = calloc(1, sizeof *a), **end = &n->accounts;
	const bool is_own = owner == s->account_id;
	enum err e = ERR_OK;

	if (!a)
		return ERR_TEMP;
	a->owner = owner;
	a->store = s->store;
	if (!is_own)
		e = s->service->share_open(s->shares, owner, &a->store);
	if (e) {
		free(a);
		return e;
	}
	s->service->watch(s->ctx, a->store, 0, &a->watch);
	e = s->service->journal_follow(a->store, is_own ? 0 : s->account_id, &a->mark);
	if (e) {
		s->service->unwatch(s->ctx, a->store, &a->watch);
		if (!is_own)
			s->service->url_close(&a->store);
		free(a);
		return e;
	}
	a->annotated = s->service->annotation_mark(a->store);
	while (*end)
		end = &(*end)->next;
	*end = a;
	return ERR_OK;
}

static bool is_followed(const struct imap_notify *n, uint64_t owner)
{
	for (const struct notify_account *a = n->accounts; a; a = a->next)
		if (a->owner == owner)
			return true;
	return false;
}

static bool is_among(uint64_t owner, const uint64_t *owners, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (owners[i] == owner)
			return true;
	return false;
}

/* The own account stands first. */
static enum err wanted_owners(struct imap_session *s, const struct imap_notify *n, uint64_t **out, size_t *count_out)
{
	uint64_t *owners = NULL, *wanted;
	size_t count = 0;
	enum err e = imap_has(s, CAP_ACL) ? s->service->share_owners(s->shares, &s->run.arena, &owners, &count) : ERR_OK;

	*count_out = 0;
	wanted = e ? NULL : arena_array(&s->run.arena, count + 1, sizeof *wanted);
	if (!wanted)
		return e ? e : ERR_LIMIT;
	wanted[(*count_out)++] = s->account_id;
	for (size_t i = 0; i < count; i++)
		if (is_wanted(s, n, owners[i]))
			wanted[(*count_out)++] = owners[i];
	*out = wanted;
	return s->run.arena.failed || *count_out > IMAP_NOTIFY_ACCOUNTS_MAX + 1 ? ERR_LIMIT : ERR_OK;
}

enum err notify_follow_begin(struct imap_session *s, struct imap_notify *n, struct notify_following *f)
{
	enum err e;

	*f = (struct notify_following){ .count = 0 };
	if (!n->count)
		return ERR_OK;
	e = wanted_owners(s, n, &f->owners, &f->count);
	if (e)
		return e;
	for (struct notify_account **at = &n->accounts; *at;) {
		struct notify_account *a = *at;

		if (is_among(a->owner, f->owners, f->count)) {
			at = &a->next;
			continue;
		}
		*at = a->next;
		leave(s, a);
		n->names.version = 0; /* its names go, though its grants may stay: it may be suspended */
	}
	return ERR_OK;
}

bool notify_follow_more(struct imap_session *s, struct imap_notify *n, struct notify_following *f, enum err *e_out)
{
	*e_out = ERR_OK;
	while (f->at < f->count) {
		const uint64_t owner = f->owners[f->at++];

		if (is_followed(n, owner))
			continue;
		n->names.version = 0; /* its names are new */
		*e_out = enter(s, n, owner);
		if (*e_out == ERR_NOT_FOUND)
			*e_out = ERR_OK;
		return !*e_out;
	}
	return false;
}

void notify_unfollow(struct imap_session *s, struct imap_notify *n)
{
	while (n->accounts) {
		struct notify_account *a = n->accounts;

		n->accounts = a->next;
		leave(s, a);
	}
}
