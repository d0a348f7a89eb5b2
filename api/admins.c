/* api/admins.c: /admins: users with a role. Only owners give and take roles; a change ends the user's sessions. */
#include <jansson.h>

#include "api/given.h"
#include "api/listing.h"
#include "api/resources.h"
#include "api/user.h"
#include "daemon/auth/web_session.h"
#include "daemon/directory/manage.h"
#include "daemon/events/events.h"

/* ---- looking ---- */

struct admin_list {
	const struct account *const *accounts;
	struct span needle;
	int role; /* -1: any but user */
};

static bool fits(void *arg, size_t i)
{
	const struct admin_list *l = arg;
	const struct account *a = l->accounts[i];

	return a->role != ROLE_USER && (l->role < 0 || (int)a->role == l->role) && (given_holds(a->address, l->needle) || given_holds(a->name, l->needle));
}

static struct span key(void *arg, size_t i)
{
	return ((const struct admin_list *)arg)->accounts[i]->address;
}

static int compare(void *arg, size_t i, struct span after)
{
	return span_compare(key(arg, i), after);
}

static json_t *show(void *arg, size_t i)
{
	return user_json(((const struct admin_list *)arg)->accounts[i]);
}

void api_admins_list(struct api_call *c)
{
	const struct snapshot *s = call_directory(c);
	struct admin_list l = { .needle = given_fold(c, call_query(c, "q")), .role = call_has_query(c, "role") ? user_role_of(call_query(c, "role")) : -1 };
	struct listing listing = { .arg = &l, .fits = fits, .key = key, .compare = compare, .show = show };

	listing.count = snapshot_accounts(s, &l.accounts);
	listing_reply(c, &listing);
	call_release(c, &s);
}

static enum err find(const struct api_call *c, const struct snapshot *s, const struct account **out, struct note *why)
{
	enum err e = user_find(c, s, c->args[0], out, why);

	if (!e && (*out)->role == ROLE_USER) {
		note_set(why, "the user has no role");
		e = ERR_NOT_FOUND;
	}
	return e;
}

void api_admin_get(struct api_call *c)
{
	const struct snapshot *s = call_directory(c);
	const struct account *a;
	struct note why = { "" };
	enum err e = find(c, s, &a, &why);
	json_t *out = e ? NULL : user_json(a);

	call_release(c, &s);
	if (out)
		call_reply_json(c, 200, &out);
	else
		call_reply_error(c, e, &why);
}

/* ---- changing: in the batch ---- */

struct subject {
	uint64_t id;
	struct span address;
	enum role role;
	const struct span *domains;
	size_t domain_count;
	json_t *before;
};

static void take(struct api_call *c, const struct account *a, struct subject *out)
{
	struct span *domains = arena_array(&c->arena, a->granted_count + 1, sizeof *domains);

	*out = (struct subject){ .id = a->id, .address = arena_copy(&c->arena, a->address), .role = a->role, .domains = domains, .before = user_json(a) };
	for (size_t i = 0; domains && i < a->granted_count; i++)
		domains[out->domain_count++] = arena_copy(&c->arena, a->granted[i]);
}

/* Whose session it is that makes the change, keeps that one: the next request finds the new role. */
static void set_role(struct api_call *c, struct subject *subject, const char *verb, int status)
{
	struct change change = { .verb = verb, .subject = subject->address, .event = EVENT_ADMIN_CHANGED };
	const bool own = subject->id == c->caller.account_id;
	const struct snapshot *s;
	struct note why = { "" };
	json_t *out;
	enum err e = directory_account_set_role(c->context->directory, subject->id, subject->role, subject->domains, subject->domain_count, &why);

	if (!e)
		e = web_session_remove_others(c->context->auth, subject->id, own ? c->caller.session_id : 0);
	if (e) {
		json_decref(subject->before);
		given_is_wrong(c, e, "domains", &why);
		return;
	}
	s = call_directory(c);
	out = user_json(snapshot_account(s, subject->id));
	call_release(c, &s);
	change.before = subject->before;
	change.after = json_incref(out);
	if (status == 201)
		call_location(c, "admins", subject->address);
	if (status == 204) {
		json_decref(out);
		out = NULL;
	}
	(void)call_finish(c, status, out ? &out : NULL, &change);
}

/* What the body says; a domain admin has domains, the others have none. */
static void read_role(struct api_call *c, struct subject *subject)
{
	struct span *domains;
	const struct span *given;
	size_t count;

	if (body_has(c, "role"))
		subject->role = (enum role)user_role_of(body_text(c, "role"));
	if (body_has(c, "domains")) {
		given = body_texts(c, "domains", &count);
		domains = arena_array(&c->arena, count + 1, sizeof *domains);
		for (size_t i = 0; domains && i < count; i++)
			domains[i] = given_domain(c, given[i]);
		subject->domains = domains;
		subject->domain_count = domains ? count : 0;
	} else if (subject->role != ROLE_DOMAIN_ADMIN) {
		subject->domain_count = 0;
	}
}

static bool domains_fit(struct api_call *c, struct subject *subject)
{
	if ((subject->role == ROLE_DOMAIN_ADMIN) == (subject->domain_count > 0))
		return true;
	json_decref(subject->before);
	call_abandon(c, ERR_SYNTAX, NULL);
	call_reply_problem(c, 422, "invalid", "domains", "a domain admin has domains, and nobody else has");
	return false;
}

void api_admin_create(struct api_call *c)
{
	const struct account *a;
	const struct snapshot *s;
	struct subject subject;
	struct note why = { "" };
	enum err e;

	if (!call_begin(c))
		return;
	s = call_directory(c);
	e = user_find(c, s, body_text(c, "user"), &a, &why);
	if (!e && a->role != ROLE_USER) {
		note_set(&why, "the user has a role already");
		e = ERR_EXISTS;
	}
	if (!e)
		take(c, a, &subject);
	call_release(c, &s);
	if (e) {
		call_abandon(c, e, &why);
		if (e == ERR_NOT_FOUND)
			call_reply_problem(c, 422, "no_such_user", "user", "%s", why.text);
		return;
	}
	read_role(c, &subject);
	if (domains_fit(c, &subject))
		set_role(c, &subject, "create", 201);
}

/* False: answered. */
static bool begin(struct api_call *c, struct subject *subject)
{
	const struct account *a;
	const struct snapshot *s;
	struct note why = { "" };
	enum err e;

	if (!call_begin(c))
		return false;
	s = call_directory(c);
	e = find(c, s, &a, &why);
	if (!e)
		take(c, a, subject);
	call_release(c, &s);
	if (e) {
		call_abandon(c, e, &why);
		return false;
	}
	if (call_if_match(c, subject->before))
		return true;
	json_decref(subject->before);
	return false;
}

void api_admin_update(struct api_call *c)
{
	struct subject subject;

	if (!begin(c, &subject))
		return;
	read_role(c, &subject);
	if (domains_fit(c, &subject))
		set_role(c, &subject, "update", 200);
}

void api_admin_delete(struct api_call *c)
{
	struct subject subject;

	if (!begin(c, &subject))
		return;
	subject.role = ROLE_USER;
	subject.domain_count = 0;
	set_role(c, &subject, "delete", 204);
}
