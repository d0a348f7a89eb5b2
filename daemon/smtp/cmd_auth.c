/* smtp/cmd_auth.c: AUTH PLAIN and LOGIN (RFC 4954, RFC 4616, draft-murchison-sasl-login).
 *
 *   AUTH [initial] --> response ... --> question PASSWORD --> 235 | 535
 *
 * What the client sends is decoded into `sasl`, which is wiped as soon as the exchange is over, whichever way.
 */
#include "daemon/auth/auth.h"
#include "daemon/base/encode.h"
#include "daemon/base/log.h"
#include "daemon/smtp/commands.h"

static enum step over(struct smtp_session *s, enum smtp_reply_id id, struct smtp_reply *reply)
{
	buf_wipe(&s->sasl);
	smtp_set_state(s, AT_READY);
	reply->id = id;
	return STEP_REPLY;
}

static struct span login_given(const struct smtp_session *s)
{
	struct span all = buf_span(&s->sasl), login, password;

	if (!s->sasl_plain)
		return span_take(all, s->sasl_login_len);
	return auth_sasl_plain(all, &login, &password) == ERR_OK ? login : SPAN("");
}

static enum step failed(struct smtp_session *s, enum smtp_reply_id id, struct smtp_reply *reply)
{
	enum step step;

	log_event(LOG_WARN, "smtp", "auth_failed", "sid=%llu peer=%s login=%s", (unsigned long long)s->peer->sid,
		  net_ip_text(&s->peer->remote).text, log_quote(login_given(s)).text);
	step = over(s, id, reply);
	if (++s->auth_failures < SMTP_AUTH_FAILURES_MAX)
		return step;
	*reply = (struct smtp_reply){ REPLY_TOO_MANY_FAILURES, smtp_hostname(s) };
	return STEP_CLOSE;
}

static enum step challenge(struct smtp_session *s, struct span text, struct smtp_reply *reply)
{
	smtp_set_state(s, AT_AUTH);
	*reply = (struct smtp_reply){ REPLY_AUTH_CONTINUE, text };
	return STEP_REPLY;
}

static enum step ask(struct smtp_session *s, struct span login, struct span password, struct smtp_reply *reply)
{
	if (login.len == 0 || login.len > ADDRESS_MAX || password.len == 0 || password.len > AUTH_PASSWORD_MAX)
		return failed(s, REPLY_AUTH_WRONG, reply);
	s->ask = (struct smtp_question){ .kind = SMTP_ASK_PASSWORD, .login = login, .password = password, .remote = &s->peer->remote };
	smtp_set_state(s, AT_WAIT);
	return STEP_WAIT;
}

static enum step take_response(struct smtp_session *s, struct span base64, struct smtp_reply *reply)
{
	struct span login, password, all;

	if (base64_decode(base64, &s->sasl) != ERR_OK)
		return over(s, REPLY_BAD_BASE64, reply);
	all = buf_span(&s->sasl);
	if (s->sasl_plain) {
		enum err e = auth_sasl_plain(all, &login, &password);

		if (e == ERR_SYNTAX)
			return over(s, REPLY_BAD_BASE64, reply);
		return e == ERR_OK ? ask(s, login, password, reply) : failed(s, REPLY_AUTH_WRONG, reply);
	}
	if (!s->sasl_has_login) {
		s->sasl_has_login = true;
		s->sasl_login_len = all.len;
		return challenge(s, SPAN("UGFzc3dvcmQ6"), reply);
	}
	return ask(s, span_take(all, s->sasl_login_len), span_skip(all, s->sasl_login_len), reply);
}

enum step smtp_run_auth(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply)
{
	s->sasl_plain = span_iequals(args->auth.mechanism, SPAN("PLAIN"));
	s->sasl_has_login = false;
	s->sasl_login_len = 0;
	buf_wipe(&s->sasl);
	if (s->account_id != 0 || !(s->sasl_plain || span_iequals(args->auth.mechanism, SPAN("LOGIN")))) {
		reply->id = s->account_id != 0 ? REPLY_BAD_SEQUENCE : REPLY_UNKNOWN_MECHANISM;
		return STEP_REPLY;
	}
	if (!args->auth.has_initial)
		return challenge(s, s->sasl_plain ? SPAN("") : SPAN("VXNlcm5hbWU6"), reply);
	/* RFC 4954 section 4: a lone "=" is an initial response of no octets. */
	return take_response(s, span_equals(args->auth.initial, SPAN("=")) ? SPAN("") : args->auth.initial, reply);
}

enum step smtp_auth_response(struct smtp_session *s, struct span line, struct smtp_reply *reply)
{
	if (span_equals(line, SPAN("*")))
		return over(s, REPLY_AUTH_CANCELLED, reply);
	return take_response(s, line, reply);
}

enum step smtp_auth_answer(struct smtp_session *s, const struct smtp_answer *answer, struct smtp_reply *reply)
{
	switch (answer->verdict) {
	case SMTP_YES:
		s->account_id = answer->account_id;
		s->credential = answer->credential;
		s->auth_failures = 0;
		return over(s, REPLY_AUTH_OK, reply);
	case SMTP_NO: return failed(s, REPLY_AUTH_WRONG, reply);
	case SMTP_SUSPENDED: return failed(s, REPLY_AUTH_SUSPENDED, reply);
	case SMTP_LATER: return over(s, REPLY_AUTH_BUSY, reply);
	}
	return over(s, REPLY_AUTH_BUSY, reply);
}
