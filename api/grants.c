/* api/grants.c: /users/{}/grants, /users/{}/granted, and the same of /me: who may do what in whose mailboxes (RFC 4314).
 *
 * Whoever manages an account manages what it grants; whom it grants it to need not be theirs.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "api/given.h"
#include "api/grant.h"
#include "api/listing.h"
#include "api/reply.h"
#include "api/resources.h"
#include "api/user.h"
#include "daemon/events/events.h"

/* ---- lists ---- */

struct rows {
	struct api_call *c;
	const struct snapshot *s;
	const struct grant *list; /* by owner, mailbox, grantee */
	struct grant_names names;
};

/* A grant whose mailbox is gone gives nothing. */
static bool fits(void *arg, size_t i)
{
	struct rows *r = arg;
	struct span name;

	return grant_name_of(&r->names, r->list[i].owner, r->list[i].mailbox, &name) == ERR_OK;
}

static struct span key(void *arg, size_t i)
{
	const struct rows *r = arg;
	const struct grant *g = &r->list[i];

	return arena_printf(&r->c->arena, "%" PRIu64 "_%" PRIu64 "_%" PRIu64, g->owner, g->mailbox, g->grantee);
}

/* "7_12" to its numbers. False: another form. */
static bool read_numbers(struct span text, uint64_t *out, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t end = text.len;

		if (i + 1 < count && !span_find_char(text, '_', &end))
			return false;
		if (span_to_u64(span_take(text, end), INT64_MAX, &out[i]))
			return false;
		text = span_skip(text, end + 1 < text.len ? end + 1 : text.len);
	}
	return true;
}

static int compare(void *arg, size_t i, struct span after)
{
	const struct rows *r = arg;
	const uint64_t is[3] = { r->list[i].owner, r->list[i].mailbox, r->list[i].grantee };
	uint64_t than[3] = { 0 };

	(void)read_numbers(after, than, 3); /* a cursor is one of key() */
	for (size_t k = 0; k < 3; k++)
		if (is[k] != than[k])
			return is[k] < than[k] ? -1 : 1;
	return 0;
}

static json_t *show(void *arg, size_t i)
{
	struct rows *r = arg;
	struct span name;

	return grant_name_of(&r->names, r->list[i].owner, r->list[i].mailbox, &name) ? json_null() : grant_json(r->s, &r->list[i], name);
}

static void list(struct api_call *c, const struct snapshot *s, const struct grant *all, size_t count)
{
	struct rows rows = { .c = c, .s = s, .list = all };
	const struct listing listing = { .arg = &rows, .count = count, .fits = fits, .key = key, .compare = compare, .show = show };

	grant_names_init(&rows.names, c->context);
	listing_reply(c, &listing);
	if (rows.names.error) {
		reply_reset(c->response);
		call_reply_error(c, rows.names.error, NULL);
	}
	grant_names_clear(&rows.names);
}

static void list_own(struct api_call *c, const struct snapshot *s, uint64_t owner)
{
	const struct grants *g = grants_hold(c->context->directory);
	const struct grant *all;
	const size_t count = grants_of(g, owner, &all);

	list(c, s, all, count);
	grants_release(&g);
}

/* Those that name the account, and those to anyone of its domain. */
static size_t choose(const struct grants *g, const struct snapshot *s, const struct account *a, uint64_t owner, struct grant *out)
{
	const struct account *of = snapshot_account(s, owner);
	const struct grant *all;
	const size_t count = grants_of(g, owner, &all);
	size_t n = 0;

	for (size_t i = 0; of && i < count; i++) {
		if (all[i].grantee != a->id && (all[i].grantee != GRANTEE_ANYONE || !span_equals(given_domain_of(of->address), given_domain_of(a->address))))
			continue;
		if (out)
			out[n] = all[i];
		n++;
	}
	return n;
}

static void list_granted(struct api_call *c, const struct snapshot *s, const struct account *a)
{
	const struct grants *g = grants_hold(c->context->directory);
	struct grant *all = NULL;
	uint64_t *owners;
	size_t owner_count, room = 0, count = 0;
	enum err e = grants_owners(g, s, a->id, &c->arena, &owners, &owner_count);

	for (size_t i = 0; !e && i < owner_count; i++)
		room += choose(g, s, a, owners[i], NULL);
	if (!e)
		all = arena_array(&c->arena, room + 1, sizeof *all);
	e = !e && !all ? ERR_LIMIT : e;
	for (size_t i = 0; !e && i < owner_count; i++)
		count += choose(g, s, a, owners[i], all + count);
	grants_release(&g);
	if (e)
		call_reply_error(c, e, NULL);
	else
		list(c, s, all, count);
}

void api_user_grants_list(struct api_call *c)
{
	const struct snapshot *s = call_directory(c);
	const struct account *a;
	struct note why = { "" };
	enum err e = user_find(c, s, c->args[0], &a, &why);

	if (e)
		call_reply_error(c, e, &why);
	else
		list_own(c, s, a->id);
	call_release(c, &s);
}

void api_user_granted_list(struct api_call *c)
{
	const struct snapshot *s = call_directory(c);
	const struct account *a;
	struct note why = { "" };
	enum err e = user_find(c, s, c->args[0], &a, &why);

	if (e)
		call_reply_error(c, e, &why);
	else
		list_granted(c, s, a);
	call_release(c, &s);
}

void api_me_grants_list(struct api_call *c)
{
	const struct snapshot *s = call_directory(c);

	list_own(c, s, c->caller.account_id);
	call_release(c, &s);
}

void api_me_granted_list(struct api_call *c)
{
	const struct snapshot *s = call_directory(c);
	const struct account *a = snapshot_account(s, c->caller.account_id);

	if (a)
		list_granted(c, s, a);
	else
		call_reply_error(c, ERR_NOT_FOUND, NULL);
	call_release(c, &s);
}

/* ---- changes ---- */

struct wanted {
	struct grant grant;
	struct span mailbox; /* its name as it was given; empty: every one */
};

/* Before the batch: an account's mailboxes may have to be opened for it. False: answered. */
static bool read_wanted(struct api_call *c, uint64_t owner, struct wanted *out)
{
	struct note why = { "" };
	enum err e;

	*out = (struct wanted){ .grant = { .owner = owner, .mailbox = GRANT_EVERY_MAILBOX }, .mailbox = body_text(c, "mailbox") };
	e = grant_rights(body_text(c, "rights"), &out->grant.rights, &why);
	if (e) {
		call_reply_problem(c, 422, "invalid", "rights", "%s", why.text);
		return false;
	}
	if (!body_has(c, "mailbox"))
		return true;
	e = grant_mailbox(c, owner, out->mailbox, false, &out->grant.mailbox, &why);
	if (e == ERR_NOT_FOUND || e == ERR_SYNTAX || e == ERR_LIMIT)
		call_reply_problem(c, 422, "invalid", "mailbox", "%s", why.text);
	else if (e)
		call_reply_error(c, e, &why);
	return e == ERR_OK;
}

/* The mailbox's own name, and what was granted until now. Null: nothing. */
static json_t *now_json(struct api_call *c, const struct grant *key, struct span *name_out, enum err *e_out)
{
	const struct snapshot *s = call_directory(c);
	const struct grants *g = grants_hold(c->context->directory); /* nobody else changes them in this batch */
	struct grant_names names;
	struct span name;
	struct grant found;
	json_t *out = NULL;

	grant_names_init(&names, c->context);
	*e_out = grant_name_of(&names, key->owner, key->mailbox, &name);
	*name_out = arena_copy(&c->arena, name);
	if (grant_find(g, key->owner, key->mailbox, key->grantee, &found))
		out = grant_json(s, &found, name);
	grant_names_clear(&names);
	grants_release(&g);
	call_release(c, &s);
	return out;
}

/* Taking back is there only where something is granted on all mailboxes. */
static enum err may_take_back(struct api_call *c, const struct grant *g, struct note *why)
{
	const struct grants *now = grants_hold(c->context->directory);
	struct grant every;
	const bool may = g->rights || (g->mailbox != GRANT_EVERY_MAILBOX && grant_find(now, g->owner, GRANT_EVERY_MAILBOX, g->grantee, &every) && every.rights);

	grants_release(&now);
	if (!may)
		note_set(why, "none: takes back on a mailbox what is granted on every one, and nothing is");
	return may ? ERR_OK : ERR_STATE;
}

static enum err find_grantee(struct api_call *c, uint64_t *out, struct note *why)
{
	const struct snapshot *s = call_directory(c);
	enum err e = grant_grantee(s, body_text(c, "grantee"), out, why);

	call_release(c, &s);
	return e;
}

static void refuse(struct api_call *c, enum err e, const char *field, const struct note *why)
{
	call_abandon(c, e, why);
	if (e == ERR_NOT_FOUND || e == ERR_LIMIT) {
		reply_reset(c->response);
		call_reply_problem(c, 422, "invalid", field, "%s", why->text);
	}
}

/* In the batch. */
static void set(struct api_call *c, struct wanted *w, struct span address, const char *collection)
{
	struct change change = { .verb = "grant", .subject = address, .domain = given_domain_of(address), .event = EVENT_GRANT_CHANGED };
	struct grant *g = &w->grant;
	struct note why = { "" };
	const struct snapshot *s;
	json_t *out;
	enum err e = find_grantee(c, &g->grantee, &why);

	if (!e)
		e = may_take_back(c, g, &why);
	if (e) {
		refuse(c, e, "grantee", &why);
		return;
	}
	change.before = now_json(c, g, &w->mailbox, &e);
	if (!e)
		e = directory_grant_set(c->context->directory, g, &why);
	if (e) {
		json_decref(change.before);
		refuse(c, e, "grantee", &why);
		return;
	}
	s = call_directory(c);
	out = grant_json(s, g, w->mailbox);
	call_release(c, &s);
	change.after = json_incref(out);
	if (!change.before)
		call_location(c, collection, span_str(json_string_value(json_object_get(out, "id"))));
	if (call_finish(c, change.before ? 200 : 201, &out, given_real_change(&change)))
		grants_tell(c->context);
}

/* In the batch. */
static void remove_grant(struct api_call *c, uint64_t owner, struct span address, struct span id)
{
	struct change change = { .verb = "revoke", .subject = address, .domain = given_domain_of(address), .event = EVENT_GRANT_CHANGED };
	struct note why = { "there is no such grant" };
	uint64_t numbers[2];
	enum err e = span_starts(id, SPAN("grt_")) && read_numbers(span_skip(id, 4), numbers, 2) ? ERR_OK : ERR_NOT_FOUND;
	struct span name;

	if (!e) {
		change.before = now_json(c, &(struct grant){ .owner = owner, .mailbox = numbers[0], .grantee = numbers[1] }, &name, &e);
		e = !change.before ? ERR_NOT_FOUND : e == ERR_NOT_FOUND ? ERR_OK
									: e; /* the mailbox may be gone */
	}
	if (!e)
		e = directory_grant_remove(c->context->directory, owner, numbers[0], numbers[1], &why);
	if (e) {
		json_decref(change.before);
		call_abandon(c, e, e == ERR_NOT_FOUND ? &why : NULL);
	} else if (call_finish(c, 204, NULL, &change)) {
		grants_tell(c->context);
	}
}

void api_user_grant_set(struct api_call *c)
{
	const struct snapshot *s = call_directory(c);
	struct note why = { "" };
	const struct account *a;
	struct wanted wanted;
	struct span address;
	char collection[48];
	uint64_t id = 0, now;
	enum err e = user_find(c, s, c->args[0], &a, &why);

	if (!e)
		e = user_may_manage(c, a, &why);
	if (!e)
		id = a->id;
	call_release(c, &s);
	if (e)
		call_reply_error(c, e, &why);
	if (e || !read_wanted(c, id, &wanted) || !user_begin(c, &now, &address))
		return;
	snprintf(collection, sizeof collection, "users/usr_%" PRIu64 "/grants", id);
	if (now == id)
		set(c, &wanted, address, collection);
	else /* removed and made again meanwhile */
		call_abandon(c, ERR_TEMP, NULL);
}

void api_me_grant_set(struct api_call *c)
{
	struct wanted wanted;

	if (read_wanted(c, c->caller.account_id, &wanted) && call_begin(c))
		set(c, &wanted, c->caller.name, "me/grants");
}

void api_user_grant_delete(struct api_call *c)
{
	struct span address;
	uint64_t id;

	if (user_begin(c, &id, &address))
		remove_grant(c, id, address, c->args[1]);
}

void api_me_grant_delete(struct api_call *c)
{
	if (call_begin(c))
		remove_grant(c, c->caller.account_id, c->caller.name, c->args[0]);
}
