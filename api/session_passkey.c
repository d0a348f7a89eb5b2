/* api/session_passkey.c: /session/passkey: logging in with a passkey, which is both factors. Nobody is named before: the browser shows what it has. */
#include <jansson.h>

#include "api/passkey_host.h"
#include "api/person.h"
#include "api/reply.h"
#include "api/resources.h"
#include "daemon/auth/passkey.h"
#include "daemon/base/log.h"

#define TIMEOUT_MS (5 * 60 * 1000)
#define BUSY_RETRY_S 60

void api_session_passkey_options(struct api_call *c)
{
	uint8_t challenge[PASSKEY_CHALLENGE_BYTES];
	struct span rp_id;
	json_t *out;

	if (!passkey_host(c, &rp_id))
		return;
	passkey_challenge(c->context->auth, 0, challenge);
	out = json_pack("{s:{s:o, s:o, s:i, s:s, s:[]}}", "public_key", "challenge", passkey_text(span_make((const char *)challenge, sizeof challenge)), "rpId", json_span(rp_id), "timeout", TIMEOUT_MS,
			"userVerification", "required", "allowCredentials");
	call_reply_json(c, 200, &out);
}

static void refuse(struct api_call *c, enum err e, const struct note *why)
{
	if (e == ERR_LIMIT) {
		call_reply_problem(c, 429, "too_many_requests", NULL, "too many logins with passkeys at once");
		reply_retry_after(c, BUSY_RETRY_S);
	} else if (e == ERR_DENIED) {
		log_event(LOG_WARN, "api", "passkey_refused", "peer=%s why=%s", net_ip_text(&c->request->peer).text, log_quote(span_str(why->text)).text);
		call_reply_problem(c, 401, "login_failed", NULL, "this passkey does not open anything here");
	} else {
		call_reply_error(c, e, NULL);
	}
}

void api_session_passkey_create(struct api_call *c)
{
	struct passkey_assertion given = { .origin = c->request->origin };
	struct note why = { "" };
	uint64_t account_id;
	int64_t delay_ms;
	enum err e;

	if (!passkey_host(c, &given.rp_id) || !passkey_bytes(c, "credential_id", &given.credential) || !passkey_bytes(c, "client_data", &given.client_data) ||
	    !passkey_bytes(c, "authenticator_data", &given.authenticator_data) || !passkey_bytes(c, "signature", &given.signature) || !passkey_bytes(c, "user_handle", &given.user_handle))
		return;
	e = passkey_login(c->context->auth, &given, &c->request->peer, &account_id, &delay_ms, &why);
	if (e) {
		refuse(c, e, &why);
		c->response->delay_ms = delay_ms;
		return;
	}
	person_log_in(c, account_id);
}
