/* api/apply_grants.c: the grants of a document. Accounts are found as the batch has left them; a mailbox that is not there yet is made, but not by a plan:
 * whoever moves to another server grants before the mail is there. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/apply.h"
#include "api/given.h"
#include "api/grant.h"
#include "daemon/events/events.h"

struct wanted {
	struct grant grant;
	size_t i;            /* of the document */
	bool is_new;         /* its mailbox would be made by this plan */
	struct span mailbox; /* as the document writes it */
};

static enum err fail_at(struct applying *a, size_t i, const char *field, enum err e)
{
	if (e)
		snprintf(a->pointer, sizeof a->pointer, "/grants/%zu/%s", i, field);
	return e;
}

static enum err find_mailbox(struct applying *a, const struct snapshot *s, struct wanted *w)
{
	const bool known = snapshot_account(a->s, w->grant.owner) != NULL;
	enum err e = ERR_NOT_FOUND;

	(void)s;
	if (w->mailbox.len == 0)
		return ERR_OK;
	if (known || !a->c->dry_run)
		e = grant_mailbox(a->c, w->grant.owner, w->mailbox, !a->c->dry_run, &w->grant.mailbox, &a->why);
	w->is_new = e == ERR_NOT_FOUND && a->c->dry_run;
	return w->is_new ? ERR_OK : e;
}

static enum err read_wanted(struct applying *a, const struct snapshot *s, size_t i, const json_t *entry, struct wanted *w)
{
	const struct account *owner = snapshot_account_by_login(s, apply_text(entry, "owner"));
	enum err e;

	*w = (struct wanted){ .i = i, .grant = { .owner = owner ? owner->id : 0, .mailbox = GRANT_EVERY_MAILBOX }, .mailbox = apply_text(entry, "mailbox") };
	if (!owner) {
		note_set(&a->why, "there is no such account");
		return fail_at(a, i, "owner", ERR_NOT_FOUND);
	}
	e = fail_at(a, i, "grantee", grant_grantee(s, apply_text(entry, "grantee"), &w->grant.grantee, &a->why));
	if (!e)
		e = fail_at(a, i, "rights", grant_rights(apply_text(entry, "rights"), &w->grant.rights, &a->why));
	return e ? e : fail_at(a, i, "mailbox", find_mailbox(a, s, w));
}

static int compare(const void *x, const void *y)
{
	const struct wanted *v = x, *w = y;

	if (v->grant.owner != w->grant.owner)
		return v->grant.owner < w->grant.owner ? -1 : 1;
	if (v->grant.mailbox != w->grant.mailbox)
		return v->grant.mailbox < w->grant.mailbox ? -1 : 1;
	if (v->grant.grantee != w->grant.grantee)
		return v->grant.grantee < w->grant.grantee ? -1 : 1;
	return 0;
}

static void note_change(struct applying *a, const struct snapshot *s, enum applied what, const struct grant *old, const struct grant *fresh, struct span mailbox)
{
	const struct account *owner = snapshot_account(s, fresh ? fresh->owner : old->owner);
	const struct span address = owner ? owner->address : SPAN("");

	apply_note(a, what, address, given_domain_of(address), old ? grant_json(s, old, mailbox) : NULL, fresh ? grant_json(s, fresh, mailbox) : NULL, EVENT_GRANT_CHANGED);
}

/* What every mailbox is granted comes first within an owner: what takes back finds it. */
static enum err set(struct applying *a, const struct snapshot *s, const struct grants *g, const struct wanted *w)
{
	struct grant old;
	const bool there = !w->is_new && grant_find(g, w->grant.owner, w->grant.mailbox, w->grant.grantee, &old);
	enum err e;

	if (there && old.rights == w->grant.rights)
		return ERR_OK;
	if (!w->is_new) {
		e = directory_grant_set(a->c->context->directory, &w->grant, &a->why);
		if (e)
			return fail_at(a, w->i, "grantee", e);
	}
	if (there || w->grant.rights)
		note_change(a, s, there ? APPLY_UPDATED : APPLY_CREATED, there ? &old : NULL, &w->grant, w->mailbox);
	a->granted = true;
	return ERR_OK;
}

static enum err prune_of(struct applying *a, const struct snapshot *s, const struct grant *all, size_t granted, const struct wanted *list, size_t count, struct grant_names *names)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < granted && !e; i++) {
		const struct wanted key = { .grant = all[i] };
		struct span mailbox;

		if (bsearch(&key, list, count, sizeof key, compare))
			continue;
		e = grant_name_of(names, all[i].owner, all[i].mailbox, &mailbox);
		if (e == ERR_NOT_FOUND) { /* a document cannot name it */
			e = ERR_OK;
			continue;
		}
		if (!e)
			e = directory_grant_remove(a->c->context->directory, all[i].owner, all[i].mailbox, all[i].grantee, &a->why);
		if (!e)
			note_change(a, s, APPLY_REMOVED, &all[i], NULL, mailbox);
		a->granted = true;
	}
	return e;
}

static enum err prune(struct applying *a, const struct snapshot *s, const struct grants *g, const struct wanted *list, size_t count)
{
	const struct account *const *accounts;
	const size_t account_count = snapshot_accounts(s, &accounts);
	struct grant_names names;
	enum err e = ERR_OK;

	grant_names_init(&names, a->c->context);
	for (size_t i = 0; i < account_count && !e; i++) {
		const struct grant *all;
		const size_t granted = grants_of(g, accounts[i]->id, &all);

		e = prune_of(a, s, all, granted, list, count, &names);
	}
	grant_names_clear(&names);
	return e;
}

enum err apply_grants(struct applying *a)
{
	const json_t *entries = json_object_get(a->c->body, "grants"), *entry;
	const size_t count = json_array_size(entries);
	struct wanted *list = arena_array(&a->c->arena, count + 1, sizeof *list);
	const struct snapshot *s;
	const struct grants *g;
	size_t i;
	enum err e = list ? ERR_OK : ERR_LIMIT;

	if (!entries || e)
		return e;
	s = call_directory(a->c); /* changes of grants leave it as it is */
	g = grants_hold(a->c->context->directory);
	json_array_foreach(entries, i, entry)
	{
		if (!e)
			e = read_wanted(a, s, i, entry, &list[i]);
	}
	if (!e)
		qsort(list, count, sizeof *list, compare);
	if (!e && a->prune)
		e = prune(a, s, g, list, count);
	for (i = 0; i < count && !e; i++)
		e = set(a, s, g, &list[i]);
	grants_release(&g);
	call_release(a->c, &s);
	return e;
}
