/* api/users.c: /users: one user: made, changed, removed.
 *
 * A removal goes in three steps: suspended (durable: nothing new comes), the mailbox erased, then the row. A mailbox that is held too long leaves the
 * user as before; a failure later on leaves a suspended user who can be removed again. Never is there a mailbox that belongs to nobody.
 */
#include <inttypes.h>
#include <jansson.h>

#include "api/given.h"
#include "api/resources.h"
#include "api/user.h"
#include "api/user_mail.h"
#include "daemon/auth/web_session.h"
#include "daemon/directory/manage.h"
#include "daemon/events/events.h"

#define HASH_MAX 1024

void api_user_get(struct api_call *c)
{
	const struct snapshot *s = call_directory(c);
	const struct account *a;
	struct note why = { "" };
	enum err e = user_find(c, s, c->args[0], &a, &why);
	json_t *out = e ? NULL : user_json(a);
	uint64_t id = e ? 0 : a->id;

	call_release(c, &s);
	if (e)
		call_reply_error(c, e, &why);
	else
		call_reply_beside(c, &out, "usage", user_usage_json(c->context, id));
}

/* A user whose change is under way, inside the batch. */
struct subject {
	uint64_t id;
	json_t *before;
	struct span address, domain; /* the call's arena */
	struct user_mail mail;       /* as it was */
	bool was_suspended, is_shared;
};

/* False: answered, and the batch, if there was one, is over. `create`: one who is not there is no error; then id is 0. */
static bool look(struct api_call *c, bool create, struct subject *out)
{
	const struct account *a = NULL;
	const struct snapshot *s;
	struct note why = { "" };
	enum err e;

	*out = (struct subject){ .mail = user_mail_default() };
	s = call_directory(c);
	e = user_find(c, s, c->args[0], &a, &why);
	if (e == ERR_NOT_FOUND && create)
		e = ERR_OK;
	else if (!e)
		e = user_may_manage(c, a, &why);
	if (!e && a) {
		out->id = a->id;
		out->before = user_json(a);
		out->address = arena_copy(&c->arena, a->address);
		out->domain = given_domain_of(out->address);
		out->mail = user_mail_of(&c->arena, a);
		out->was_suspended = a->suspended;
		out->is_shared = a->is_shared;
	}
	call_release(c, &s);
	if (e) {
		call_abandon(c, e, &why);
		return false;
	}
	if (!out->before)
		out->before = json_null();
	if (call_if_match(c, out->before))
		return true;
	json_decref(out->before);
	return false;
}

static bool begin(struct api_call *c, bool create, struct subject *out)
{
	return call_begin(c) && look(c, create, out);
}

/* *field: that was not right, for the answer. */
static enum err set_secret(struct api_call *c, uint64_t id, const char **field, struct note *why)
{
	struct buf stored;
	enum err e;

	if (body_has(c, "password")) {
		*field = "password";
		e = auth_set_password(c->context->auth, id, body_text(c, "password"), why);
	} else if (body_has(c, "password_hash")) {
		*field = "password_hash";
		buf_init(&stored, HASH_MAX);
		e = auth_import_hash(body_text(c, "password_hash"), &stored, why);
		if (!e)
			e = auth_set_imported_hash(c->context->auth, id, buf_span(&stored), why);
		buf_wipe(&stored);
	} else {
		return ERR_OK;
	}
	return e ? e : web_session_remove_others(c->context->auth, id, 0);
}

/* PUT sets all that can be set, PATCH what is there. */
static enum err set_fields(struct api_call *c, const struct subject *subject, bool all, const char **field, struct note *why)
{
	struct directory *d = c->context->directory;
	struct user_mail mail = subject->mail;
	const uint64_t id = subject->id;
	enum err e = ERR_OK;

	*field = "name";
	if (all || body_has(c, "name") || body_is_null(c, "name"))
		e = directory_account_set_name(d, id, body_text(c, "name"), why);
	if (!e) {
		*field = "suspended";
		if (all || body_has(c, "suspended") || body_is_null(c, "suspended"))
			e = user_set_suspended(c->context, id, body_flag(c, "suspended"), why);
	}
	user_mail_read(c, c->body, all, &mail);
	if (!e)
		e = user_mail_set(c, id, &subject->mail, &mail, field, why);
	return e ? e : set_secret(c, id, field, why);
}

static bool has_secret(struct api_call *c)
{
	return body_has(c, "password") || body_has(c, "password_hash");
}

static json_t *with_secret(struct api_call *c, json_t *user)
{
	/* That there is a new one is no secret. */
	if (has_secret(c))
		json_object_set_new(user, "password", json_string("***"));
	return user;
}

/* Answers with the user as the batch has made it. */
static void finish(struct api_call *c, int status, const struct subject *subject)
{
	const struct snapshot *s = call_directory(c);
	const struct account *a = snapshot_account(s, subject->id);
	struct change change = { .verb = status == 201 ? "create" : "update", .event = EVENT_USER_CHANGED };
	const bool ends_all = has_secret(c) || (a && a->suspended && !subject->was_suspended);
	const unsigned ends = ends_all ? AUTH_EVERYWHERE : a ? a->protocols_off & ~subject->mail.protocols_off
							     : 0;
	json_t *out;

	if (!a) {
		call_release(c, &s);
		json_decref(subject->before);
		call_abandon(c, ERR_TEMP, NULL);
		return;
	}
	change.subject = arena_copy(&c->arena, a->address);
	change.domain = given_domain_of(change.subject);
	change.before = json_is_null(subject->before) ? NULL : subject->before;
	change.after = with_secret(c, user_json(a));
	out = user_json(a);
	call_release(c, &s);
	if (status == 201)
		call_location(c, "users", arena_printf(&c->arena, "usr_%" PRIu64, subject->id));
	if (call_finish(c, status, &out, given_real_change(&change)) && ends && status != 201)
		user_end_protocols(c->context, subject->id, ends);
}

static void fail(struct api_call *c, enum err e, const char *field, const struct note *why)
{
	if (e == ERR_LIMIT && strcmp(field, "password") == 0) {
		call_abandon(c, e, why);
		call_reply_problem(c, 422, "password_length", field, "%s", why->text);
	} else {
		given_is_wrong(c, e, field, why);
	}
}

/* In the batch. */
static void create(struct api_call *c, struct span address, const char *field)
{
	struct subject subject = { .before = json_null(), .mail = user_mail_default() };
	struct note why = { "" };
	enum err e = given_reaches(c, address, &why);

	if (!e)
		e = span_equals(body_text(c, "type"), SPAN("shared")) ? directory_account_add_shared(c->context->directory, address, &subject.id, &why)
								      : directory_account_add(c->context->directory, address, SPAN(""), ROLE_USER, &subject.id, &why);
	if (!e)
		e = set_fields(c, &subject, false, &field, &why);
	if (e)
		fail(c, e, field, &why);
	else
		finish(c, 201, &subject);
}

static bool has_one_secret(struct api_call *c)
{
	if (!body_has(c, "password") || !body_has(c, "password_hash"))
		return true;
	call_reply_problem(c, 422, "invalid", "password_hash", "a user has a password or the hash of one, not both");
	return false;
}

void api_user_create(struct api_call *c)
{
	if (has_one_secret(c) && call_begin(c))
		create(c, body_text(c, "address"), "address");
}

/* A secret of somebody who is there asks for the same proof as PUT /users/{}/password. */
static bool is_proven(struct api_call *c, const struct subject *subject)
{
	if (c->caller.proven || !has_secret(c))
		return true;
	json_decref(subject->before);
	call_abandon(c, ERR_DENIED, NULL);
	call_reply_problem(c, 403, "step_up_required", NULL, "another password needs a fresh proof of who you are");
	return false;
}

static void update(struct api_call *c, const struct subject *subject, bool all)
{
	const char *field = "";
	struct note why = { "" };
	enum err e;

	if (!is_proven(c, subject))
		return;
	e = set_fields(c, subject, all, &field, &why);
	if (!e) {
		finish(c, 200, subject);
		return;
	}
	json_decref(subject->before);
	fail(c, e, field, &why);
}

/* Whose mail a mailbox holds is no matter of a flag. */
static bool is_of_type(struct api_call *c, const struct subject *subject)
{
	if (span_equals(body_text(c, "type"), SPAN("shared")) == subject->is_shared)
		return true;
	json_decref(subject->before);
	call_abandon(c, ERR_STATE, NULL);
	call_reply_problem(c, 409, "conflict", "type", "the account is of type %s, and stays of it", user_type_name(subject->is_shared));
	return false;
}

void api_user_put(struct api_call *c)
{
	struct subject subject;

	if (!has_one_secret(c) || !begin(c, true, &subject))
		return;
	if (!subject.id)
		create(c, c->args[0], "");
	else if (is_of_type(c, &subject))
		update(c, &subject, true);
}

void api_user_update(struct api_call *c)
{
	struct subject subject;

	if (begin(c, false, &subject))
		update(c, &subject, false);
}

void api_user_password_set(struct api_call *c)
{
	struct change change = { .verb = "set_password", .event = EVENT_USER_CHANGED };
	struct subject subject;
	const char *field = "password";
	struct note why = { "" };
	enum err e;

	if (!has_one_secret(c))
		return;
	if (!has_secret(c)) {
		call_reply_problem(c, 422, "invalid", "password", "a password, or the hash of one, is needed");
		return;
	}
	if (!begin(c, false, &subject))
		return;
	json_decref(subject.before);
	e = set_secret(c, subject.id, &field, &why);
	if (e) {
		fail(c, e, field, &why);
		return;
	}
	change.subject = subject.address;
	change.domain = subject.domain;
	change.after = with_secret(c, json_object());
	if (call_finish(c, 204, NULL, &change))
		user_end_sessions(c->context, subject.id);
}

/* Without a trace in the audit: the removal that follows has one. False: answered. */
static bool make_way(struct api_call *c, const struct subject *subject)
{
	struct note why = { "" };
	enum err e = directory_account_set_suspended(c->context->directory, subject->id, true, &why);

	if (!e)
		e = user_erase_mailbox(c->context, subject->id, subject->was_suspended, &why);
	if (e)
		call_reply_error(c, e, &why);
	return e == ERR_OK;
}

void api_user_delete(struct api_call *c)
{
	struct subject subject;
	struct change change = { .verb = "delete", .event = EVENT_USER_CHANGED };
	struct note why = { "" };
	enum err e;

	if ((c->dry_run && !call_begin(c)) || !look(c, false, &subject))
		return;
	if (!c->dry_run && (!make_way(c, &subject) || !call_begin(c))) {
		json_decref(subject.before);
		return;
	}
	change.subject = subject.address;
	change.domain = subject.domain;
	change.before = subject.before;
	e = directory_account_remove(c->context->directory, subject.id, &why);
	if (!e) {
		(void)call_finish(c, 204, NULL, &change);
		return;
	}
	json_decref(subject.before);
	call_abandon(c, e, &why);
}
