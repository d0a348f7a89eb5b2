/* api/users_access.c: /users/{}/app_passwords, :revoke_sessions, :reset_second_factor: what an admin does for somebody about logging in. */
#include <inttypes.h>
#include <jansson.h>

#include "api/given.h"
#include "api/person.h"
#include "api/resources.h"
#include "api/user.h"
#include "daemon/auth/app_password.h"
#include "daemon/auth/passkey.h"
#include "daemon/auth/totp.h"
#include "daemon/auth/web_session.h"
#include "daemon/events/events.h"

void api_user_app_passwords_list(struct api_call *c)
{
	const struct snapshot *s = call_directory(c);
	struct page page = { .next_cursor = SPAN(""), .total = -1 };
	struct app_password *list;
	const struct account *a;
	struct note why = { "" };
	size_t count;
	enum err e = user_find(c, s, c->args[0], &a, &why);

	if (!e)
		e = app_password_list(c->context->auth, a->id, &c->arena, &list, &count);
	call_release(c, &s);
	if (e) {
		call_reply_error(c, e, &why);
		return;
	}
	page.list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(page.list, person_app_password_json(c, &list[i]));
	call_reply_page(c, &page);
}

/* What was done for somebody; `before` is taken. */
static bool finish(struct api_call *c, const char *verb, struct span address, json_t *before)
{
	struct change change = { .verb = verb, .subject = address, .domain = given_domain_of(address), .before = before, .event = EVENT_USER_CHANGED };

	return call_finish(c, 204, NULL, &change);
}

void api_user_app_password_delete(struct api_call *c)
{
	struct note why = { "there is no such app password" };
	struct span address;
	uint64_t id, password = 0;
	enum err e = ERR_NOT_FOUND;

	if (!user_begin(c, &id, &address))
		return;
	if (span_starts(c->args[1], SPAN("app_")) && span_to_u64(span_skip(c->args[1], 4), INT64_MAX, &password) == ERR_OK)
		e = app_password_remove(c->context->auth, id, password);
	if (e)
		call_abandon(c, e, e == ERR_NOT_FOUND ? &why : NULL);
	else if (finish(c, "remove_app_password", address, json_pack("{s:o}", "app_password", json_span(c->args[1]))))
		user_end_sessions(c->context, id);
}

void api_user_sessions_revoke(struct api_call *c)
{
	struct span address;
	uint64_t id;
	enum err e;

	if (!user_begin(c, &id, &address))
		return;
	e = web_session_remove_others(c->context->auth, id, 0);
	if (e)
		call_abandon(c, e, NULL);
	else if (finish(c, "revoke_sessions", address, NULL))
		user_end_sessions(c->context, id);
}

static enum err remove_factors(struct api_call *c, uint64_t id, size_t *passkeys_out)
{
	struct auth *auth = c->context->auth;
	struct passkey *passkeys;
	enum err e = totp_remove(auth, id);

	if (e == ERR_NOT_FOUND)
		e = ERR_OK;
	if (!e)
		e = passkey_list(auth, id, &c->arena, &passkeys, passkeys_out);
	for (size_t i = 0; !e && i < *passkeys_out; i++)
		e = passkey_remove(auth, id, passkeys[i].id);
	return e ? e : web_session_remove_others(auth, id, 0);
}

void api_user_second_factor_reset(struct api_call *c)
{
	unsigned codes = 0;
	size_t passkeys = 0;
	struct span address;
	bool totp = false;
	uint64_t id;
	enum err e;

	if (!user_begin(c, &id, &address))
		return;
	e = totp_state(c->context->auth, id, &totp, &codes);
	if (!e)
		e = remove_factors(c, id, &passkeys);
	if (e)
		call_abandon(c, e, NULL);
	else if (finish(c, "reset_second_factor", address, json_pack("{s:b, s:I}", "totp", (int)totp, "passkeys", (json_int_t)passkeys)))
		user_end_sessions(c->context, id);
}
