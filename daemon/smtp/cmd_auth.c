/* smtp/cmd_auth.c: AUTH PLAIN, LOGIN, SCRAM-SHA-256 and -PLUS (RFC 4954, RFC 4616, draft-murchison-sasl-login, RFC 7677): the dialogue of auth/exchange.h.
 *
 * What the client sends lies decoded in the exchange, which is wiped as soon as it is over, whichever way.
 */
#include "daemon/auth/auth.h"
#include "daemon/base/log.h"
#include "daemon/smtp/commands.h"

void smtp_auth_forget(struct smtp_session *s)
{
	if (exchange_is_scram(&s->exchange))
		s->services->scram_end(s->world);
	exchange_clear(&s->exchange);
}

static enum step over(struct smtp_session *s, enum smtp_reply_id id, struct smtp_reply *reply)
{
	smtp_auth_forget(s);
	smtp_set_state(s, AT_READY);
	reply->id = id;
	return STEP_REPLY;
}

static struct span login_given(const struct smtp_session *s, const struct smtp_answer *answer)
{
	return s->exchange.login.len > 0 || !answer ? s->exchange.login : answer->login;
}

/* `answer` may be null. */
static enum step failed(struct smtp_session *s, const struct smtp_answer *answer, enum smtp_reply_id id, struct smtp_reply *reply)
{
	enum step step;

	log_event(LOG_WARN, "smtp", "auth_failed", "sid=%llu peer=%s login=%s", (unsigned long long)s->peer->sid,
		  net_ip_text(&s->peer->remote).text, log_quote(login_given(s, answer)).text);
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
		return failed(s, NULL, REPLY_AUTH_WRONG, reply);
	s->ask = (struct smtp_question){ .kind = SMTP_ASK_PASSWORD, .login = login, .password = password, .remote = &s->peer->remote };
	smtp_set_state(s, AT_WAIT);
	return STEP_WAIT;
}

static enum step ask_scram(struct smtp_session *s, enum smtp_ask kind)
{
	s->ask = (struct smtp_question){
		.kind = kind,
		.scram = buf_span(&s->exchange.message),
		.scram_plus = s->exchange.mechanism == EXCHANGE_SCRAM_PLUS,
		.remote = &s->peer->remote,
	};
	smtp_set_state(s, AT_WAIT);
	return STEP_WAIT;
}

static enum step accepted(struct smtp_session *s, uint64_t account_id, uint64_t credential, struct smtp_reply *reply)
{
	s->account_id = account_id;
	s->credential = credential;
	s->auth_failures = 0;
	return over(s, REPLY_AUTH_OK, reply);
}

static enum step follow(struct smtp_session *s, enum exchange_next next, struct smtp_reply *reply)
{
	switch (next) {
	case EXCHANGE_CHALLENGE: return challenge(s, buf_span(&s->exchange.text), reply);
	case EXCHANGE_ASK_PASSWORD: return ask(s, s->exchange.login, s->exchange.password, reply);
	case EXCHANGE_ASK_SCRAM_FIRST: return ask_scram(s, SMTP_ASK_SCRAM_FIRST);
	case EXCHANGE_ASK_SCRAM_FINAL: return ask_scram(s, SMTP_ASK_SCRAM_FINAL);
	case EXCHANGE_PASSED: return accepted(s, s->exchange.account_id, s->exchange.credential, reply);
	case EXCHANGE_MALFORMED: return over(s, REPLY_BAD_BASE64, reply);
	case EXCHANGE_DENIED: return failed(s, NULL, REPLY_AUTH_WRONG, reply);
	case EXCHANGE_FAILED: break;
	}
	return over(s, REPLY_AUTH_BUSY, reply);
}

enum step smtp_run_auth(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply)
{
	if (s->account_id != 0 || !exchange_begin(&s->exchange, args->auth.mechanism, s->services->may_bind(s->world), true)) {
		reply->id = s->account_id != 0 ? REPLY_BAD_SEQUENCE : REPLY_UNKNOWN_MECHANISM;
		return STEP_REPLY;
	}
	return follow(s, exchange_start(&s->exchange, args->auth.has_initial, args->auth.initial), reply);
}

enum step smtp_auth_response(struct smtp_session *s, struct span line, struct smtp_reply *reply)
{
	if (span_equals(line, SPAN("*")))
		return over(s, REPLY_AUTH_CANCELLED, reply);
	return follow(s, exchange_response(&s->exchange, line), reply);
}

static enum step agreed(struct smtp_session *s, const struct smtp_answer *answer, struct smtp_reply *reply)
{
	if (!exchange_is_scram(&s->exchange))
		return accepted(s, answer->account_id, answer->credential, reply);
	return follow(s, exchange_says(&s->exchange, answer->text, answer->account_id, answer->credential), reply);
}

static struct span minutes_text(struct smtp_session *s, int64_t ms)
{
	int64_t minutes = (ms + 59999) / 60000;

	return arena_printf(&s->command, "%lld minute%s", (long long)(minutes > 1 ? minutes : 1), minutes > 1 ? "s" : "");
}

enum step smtp_auth_answer(struct smtp_session *s, const struct smtp_answer *answer, struct smtp_reply *reply)
{
	enum step step;

	switch (answer->verdict) {
	case SMTP_YES: return agreed(s, answer, reply);
	case SMTP_NO: return failed(s, answer, REPLY_AUTH_WRONG, reply);
	case SMTP_SUSPENDED: return failed(s, answer, REPLY_AUTH_SUSPENDED, reply);
	case SMTP_PROTOCOL_OFF: return failed(s, answer, REPLY_AUTH_OFF, reply);
	case SMTP_WANTS_APP_PASSWORD: return failed(s, answer, REPLY_WANTS_APP_PASSWORD, reply);
	case SMTP_REFUSED:
		step = failed(s, answer, REPLY_AUTH_REFUSED, reply);
		if (reply->id == REPLY_AUTH_REFUSED)
			reply->text = minutes_text(s, answer->retry_after_ms);
		return step;
	case SMTP_MALFORMED: return over(s, REPLY_BAD_BASE64, reply);
	case SMTP_LIMITED:
	case SMTP_STOPPED:
	case SMTP_LATER: return over(s, REPLY_AUTH_BUSY, reply);
	}
	return over(s, REPLY_AUTH_BUSY, reply);
}
