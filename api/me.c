/* api/me.c: /me: one's own name, password, sessions and devices. */
#include <inttypes.h>
#include <jansson.h>

#include "api/given.h"
#include "api/person.h"
#include "api/resources.h"
#include "api/user.h"
#include "daemon/auth/app_password.h"
#include "daemon/auth/passkey.h"
#include "daemon/auth/refusals.h"
#include "daemon/auth/totp.h"
#include "daemon/auth/web_session.h"
#include "daemon/directory/manage.h"
#include "daemon/events/events.h"

/* Null: *e_out says why not. */
static json_t *me_json(struct api_call *c, enum err *e_out)
{
	struct auth *auth = c->context->auth;
	const uint64_t id = c->caller.account_id;
	const struct snapshot *s;
	const struct account *a;
	struct passkey *passkeys;
	struct app_password *apps;
	size_t passkey_count, app_count;
	unsigned recovery;
	json_t *out = NULL;
	bool totp;

	*e_out = totp_state(auth, id, &totp, &recovery);
	if (!*e_out)
		*e_out = passkey_list(auth, id, &c->arena, &passkeys, &passkey_count);
	if (!*e_out)
		*e_out = app_password_list(auth, id, &c->arena, &apps, &app_count);
	if (*e_out)
		return NULL;
	s = call_directory(c);
	a = snapshot_account(s, id);
	if (a) {
		out = user_json(a);
		json_object_set_new(out, "totp", json_boolean(totp));
		json_object_set_new(out, "recovery_codes_left", json_integer((json_int_t)recovery));
		json_object_set_new(out, "passkeys", json_integer((json_int_t)passkey_count));
		json_object_set_new(out, "app_passwords", json_integer((json_int_t)app_count));
	} else {
		*e_out = ERR_NOT_FOUND;
	}
	call_release(c, &s);
	return out;
}

void api_me_get(struct api_call *c)
{
	enum err e;
	json_t *out = me_json(c, &e);

	if (out)
		call_reply_beside(c, &out, "usage", user_usage_json(c->context, c->caller.account_id));
	else
		call_reply_error(c, e, NULL);
}

void api_me_update(struct api_call *c)
{
	struct change change = { .verb = "update", .subject = c->caller.name, .domain = given_domain_of(c->caller.name), .event = EVENT_USER_CHANGED };
	struct note why = { "" };
	json_t *before, *after;
	enum err e;

	if (!call_begin(c))
		return;
	before = me_json(c, &e);
	if (!before) {
		call_abandon(c, e, NULL);
		return;
	}
	if (!call_if_match(c, before)) {
		json_decref(before);
		return;
	}
	if (body_has(c, "name") || body_is_null(c, "name"))
		e = directory_account_set_name(c->context->directory, c->caller.account_id, body_text(c, "name"), &why);
	after = e ? NULL : me_json(c, &e);
	if (e) {
		json_decref(before);
		given_is_wrong(c, e, "name", &why);
		return;
	}
	change.before = before;
	change.after = json_incref(after);
	(void)call_finish(c, 200, &after, &change);
}

/* ---- the password ---- */

static void set_password(struct api_call *c)
{
	struct change change = { .verb = "set_password", .subject = c->caller.name, .domain = given_domain_of(c->caller.name), .event = EVENT_USER_CHANGED };
	const uint64_t id = c->caller.account_id;
	struct note why = { "" };
	enum err e;

	if (!call_begin(c))
		return;
	e = auth_set_password(c->context->auth, id, body_text(c, "password"), &why);
	if (!e)
		e = web_session_remove_others(c->context->auth, id, c->caller.session_id);
	if (e) {
		call_abandon(c, e, &why);
		if (e == ERR_LIMIT)
			call_reply_problem(c, 422, "password_length", "password", "%s", why.text);
		return;
	}
	change.after = json_pack("{s:s}", "password", "***");
	if (call_finish(c, 204, NULL, &change))
		user_end_sessions(c->context, id);
}

static void current_password_known(struct api_call *c)
{
	const struct auth_result *result = call_password_result(c);

	if (result->verdict == AUTH_OK && result->account_id == c->caller.account_id)
		set_password(c);
	else
		person_reply_verdict(c, result, "current_password");
}

void api_me_password_set(struct api_call *c)
{
	call_park_password(c, c->caller.name, body_text(c, "current_password"), current_password_known);
}

/* ---- sessions and devices ---- */

static json_t *session_json(struct api_call *c, const struct web_session *s)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:b}", "id", json_span(person_id_text(c, "ses_", s->id)), "created_at", json_time(s->created_ms), "seen_at", json_time(s->seen_ms),
			 "seen_from", json_span(s->seen_from), "agent", json_span(s->agent), "current", (int)(s->id == c->caller.session_id));
}

void api_me_sessions_list(struct api_call *c)
{
	struct page page = { .next_cursor = SPAN(""), .total = -1 };
	struct web_session *list;
	size_t count;
	enum err e = web_session_list(c->context->auth, c->caller.account_id, &c->arena, &list, &count);

	if (e) {
		call_reply_error(c, e, NULL);
		return;
	}
	page.list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(page.list, session_json(c, &list[i]));
	call_reply_page(c, &page);
}

void api_me_sessions_revoke(struct api_call *c)
{
	struct change change = { .verb = "revoke_sessions", .subject = c->caller.name, .domain = given_domain_of(c->caller.name), .event = EVENT_USER_CHANGED };
	enum err e;

	if (!call_begin(c))
		return;
	e = web_session_remove_others(c->context->auth, c->caller.account_id, c->caller.session_id);
	if (e)
		call_abandon(c, e, NULL);
	else
		(void)call_finish(c, 204, NULL, &change);
}

void api_me_session_delete(struct api_call *c)
{
	struct change change = { .verb = "revoke_session", .subject = c->caller.name, .domain = given_domain_of(c->caller.name), .event = EVENT_USER_CHANGED };
	const struct note why = { "there is no such session" };
	enum err e = ERR_NOT_FOUND;
	uint64_t id = 0;

	if (!call_begin(c))
		return;
	if (person_id(c->args[0], SPAN("ses_"), &id))
		e = web_session_remove(c->context->auth, c->caller.account_id, id);
	if (e) {
		call_abandon(c, e, e == ERR_NOT_FOUND ? &why : NULL);
		return;
	}
	change.before = json_pack("{s:o}", "session", json_span(c->args[0]));
	if (call_finish(c, 204, NULL, &change) && id == c->caller.session_id)
		person_forget_cookie(c);
}

void api_me_devices_list(struct api_call *c)
{
	struct page page = { .next_cursor = SPAN(""), .total = -1 };
	struct known_device *list;
	size_t count;
	enum err e = known_devices_list(c->context->auth, c->caller.account_id, &c->arena, &list, &count);

	if (e) {
		call_reply_error(c, e, NULL);
		return;
	}
	page.list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(page.list, json_pack("{s:o, s:o, s:o, s:o}", "network", json_span(list[i].network), "first_at", json_time(list[i].first_ms), "seen_at",
							   json_time(list[i].seen_ms), "protocols", person_protocols_json(list[i].protocols)));
	call_reply_page(c, &page);
}
