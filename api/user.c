/* api/user.c: users as the handlers of /users share them. */
#include "api/user.h"

#include <jansson.h>
#include <time.h>

#include "api/given.h"
#include "api/user_mail.h"
#include "daemon/auth/web_session.h"
#include "daemon/base/clock.h"
#include "daemon/directory/manage.h"
#include "daemon/directory/role.h"
#include "daemon/store/store.h"

#define ERASE_WAIT_MS 5000

const char *const user_role_names[] = {
	[ROLE_USER] = "user",
	[ROLE_OWNER] = "owner",
	[ROLE_ADMIN] = "admin",
	[ROLE_DOMAIN_ADMIN] = "domain_admin",
	[ROLE_AUDITOR] = "auditor",
};

const char *user_type_name(bool is_shared)
{
	return is_shared ? "shared" : "user";
}

int user_role_of(struct span name)
{
	for (int role = ROLE_USER; role <= ROLE_AUDITOR; role++)
		if (span_equals(name, span_str(user_role_names[role])))
			return role;
	return USER_ROLE_NONE;
}

json_t *user_json(const struct account *a)
{
	char id[32];
	json_t *out;

	(void)snprintf(id, sizeof(id), "usr_%llu", (unsigned long long)a->id);
	out = json_pack("{s:s, s:o, s:s, s:o, s:s, s:o, s:b, s:o}", "id", id, "address", json_span(a->address), "type", user_type_name(a->is_shared), "name", json_span(a->name), "role", user_role_names[a->role], "domains",
			json_spans(a->granted, a->granted_count), "suspended", (int)a->suspended, "created_at", json_time(a->created_ms));
	if (out)
		user_mail_show(out, a, false);
	return out;
}

json_t *user_usage_json(const struct api_context *context, uint64_t id)
{
	uint64_t bytes, messages;

	if (!context->store || store_usage(context->store, id, &bytes, &messages) != ERR_OK)
		return json_null();
	return json_pack("{s:I, s:I}", "bytes", (json_int_t)bytes, "messages", (json_int_t)messages);
}

enum err user_find(const struct api_call *c, const struct snapshot *s, struct span name, const struct account **out, struct note *why)
{
	uint64_t id;

	if (span_starts(name, SPAN("usr_")) && span_to_u64(span_skip(name, 4), INT64_MAX, &id) == ERR_OK)
		*out = snapshot_account(s, id);
	else
		*out = snapshot_account_by_login(s, name);
	if (*out && call_reaches_domain(c, given_domain_of((*out)->address)))
		return ERR_OK;
	*out = NULL;
	note_set(why, "there is no such user");
	return ERR_NOT_FOUND;
}

enum err user_may_manage(const struct api_call *c, const struct account *a, struct note *why)
{
	if (a->role == ROLE_USER)
		return ERR_OK;
	if (c->caller.kind == CALLER_TOKEN) {
		note_set(why, "%s: has a role of its own, which no token manages: log in", user_role_names[a->role]);
		return ERR_DENIED;
	}
	if (role_manages(c->caller.role, a->role))
		return ERR_OK;
	note_set(why, "%s: has a role of its own, that only %s manages", user_role_names[a->role], a->role == ROLE_OWNER ? "an owner" : "an admin");
	return ERR_DENIED;
}

bool user_begin(struct api_call *c, uint64_t *id_out, struct span *address_out)
{
	const struct snapshot *s;
	const struct account *a;
	struct note why = { "" };
	enum err e;

	if (!call_begin(c))
		return false;
	s = call_directory(c);
	e = user_find(c, s, c->args[0], &a, &why);
	if (!e)
		e = user_may_manage(c, a, &why);
	if (!e) {
		*id_out = a->id;
		*address_out = arena_copy(&c->arena, a->address);
	}
	call_release(c, &s);
	if (e)
		call_abandon(c, e, &why);
	return e == ERR_OK;
}

struct user_filter user_filter_of_query(struct api_call *c)
{
	return (struct user_filter){
		.q = given_fold(c, call_query(c, "q")),
		.domain = given_domain(c, call_query(c, "domain")),
		.role = call_has_query(c, "role") ? user_role_of(call_query(c, "role")) : -1,
		.suspended = call_has_query(c, "suspended") ? call_query_flag(c, "suspended") : -1,
	};
}

bool user_fits(const struct api_call *c, const struct user_filter *f, const struct account *a)
{
	if ((f->role >= 0 && (int)a->role != f->role) || (f->suspended >= 0 && (int)a->suspended != f->suspended))
		return false;
	if (f->domain.len > 0 && !span_equals(given_domain_of(a->address), f->domain))
		return false;
	if (!c->caller.all_domains && !call_reaches_domain(c, given_domain_of(a->address)))
		return false;
	return f->q.len == 0 || given_holds(a->address, f->q) || given_holds(a->name, f->q);
}

enum err user_set_suspended(const struct api_context *context, uint64_t id, bool suspended, struct note *why)
{
	enum err e = directory_account_set_suspended(context->directory, id, suspended, why);

	return e || !suspended || !context->auth ? e : web_session_remove_others(context->auth, id, 0);
}

void user_end_protocols(const struct api_context *context, uint64_t id, unsigned protocols)
{
	if (context->auth)
		auth_forget(context->auth, id);
	if (context->end_sessions)
		context->end_sessions(context->arg, id, protocols);
}

void user_end_sessions(const struct api_context *context, uint64_t id)
{
	user_end_protocols(context, id, AUTH_EVERYWHERE);
}

enum err user_erase_mailbox(const struct api_context *context, uint64_t id, bool was_suspended, struct note *why)
{
	int64_t until = clock_mono_ms() + ERASE_WAIT_MS;
	enum err e, undone;

	user_end_sessions(context, id);
	while ((e = store_erase(context->store, id, why)) == ERR_STATE && clock_mono_ms() < until)
		(void)nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	if (e == ERR_STATE && !was_suspended) {
		undone = directory_account_set_suspended(context->directory, id, false, NULL);
		if (undone)
			e = undone;
	}
	return e;
}
