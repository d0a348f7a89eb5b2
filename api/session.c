/* api/session.c: /session: logging in and out, and proving again who one is.
 *
 *   POST /session ──password──▶ hash thread ──▶ no second factor ──────────▶ 201, cookie
 *                                            └▶ second factor ──code right──▶ 201, cookie
 *                                                              └ no code ──▶ 401 second_factor_required: the same again with "code"
 */
#include <jansson.h>

#include "api/person.h"
#include "api/resources.h"
#include "daemon/auth/totp.h"
#include "daemon/auth/web_session.h"

void api_session_get(struct api_call *c)
{
	person_reply_session(c, 200, c->caller.session_id, c->request->cookie, c->caller.proven, c->caller.account_id);
}

/* The code of the body, or a recovery code. False: answered. */
static bool code_is_right(struct api_call *c, uint64_t account_id)
{
	struct totp_result result;
	enum err e = totp_check(c->context->auth, account_id, &c->request->peer, body_text(c, "code"), &result);

	if (e)
		call_reply_error(c, e, NULL);
	else if (result.verdict != TOTP_OK)
		person_reply_code(c, &result, "code");
	return !e && result.verdict == TOTP_OK;
}

static void password_known(struct api_call *c)
{
	const struct auth_result *result = call_password_result(c);

	if (result->verdict != AUTH_OK)
		person_reply_verdict(c, result, NULL);
	else if (result->second_factor && !body_has(c, "code"))
		call_reply_problem(c, 401, "second_factor_required", "code", "the password is right; a code of your authenticator app, a recovery code, or a passkey is needed too");
	else if (!result->second_factor || code_is_right(c, result->account_id))
		person_log_in(c, result->account_id);
}

void api_session_create(struct api_call *c)
{
	call_park_password(c, body_text(c, "login"), body_text(c, "password"), password_known);
}

void api_session_delete(struct api_call *c)
{
	enum err e = web_session_remove(c->context->auth, c->caller.account_id, c->caller.session_id);

	if (e && e != ERR_NOT_FOUND) {
		call_reply_error(c, e, NULL);
		return;
	}
	call_reply_empty(c);
	person_forget_cookie(c);
}

static void prove(struct api_call *c)
{
	enum err e = web_session_prove(c->context->auth, c->caller.session_id);

	if (e)
		call_reply_error(c, e, NULL);
	else
		call_reply_empty(c);
}

static void proof_known(struct api_call *c)
{
	const struct auth_result *result = call_password_result(c);

	if (result->verdict == AUTH_OK && result->account_id == c->caller.account_id)
		prove(c);
	else
		person_reply_verdict(c, result, "password");
}

/* Whoever has the session and one of the two: the password, or the device that shows codes. */
void api_session_prove(struct api_call *c)
{
	if (body_has(c, "password") == body_has(c, "code"))
		call_reply_problem(c, 422, "invalid", "password", "either password or code is needed");
	else if (body_has(c, "password"))
		call_park_password(c, c->caller.name, body_text(c, "password"), proof_known);
	else if (code_is_right(c, c->caller.account_id))
		prove(c);
}
