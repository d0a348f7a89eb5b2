/* smtp/cmd_auth.c: AUTH PLAIN, LOGIN, SCRAM-SHA-256 and -PLUS (RFC 4954, RFC 4616, draft-murchison-sasl-login, RFC 7677).
 *
 *   PLAIN   AUTH [initial] --> message          --> question PASSWORD --> 235 | 535
 *   LOGIN   AUTH [initial] --> name --> password --> question PASSWORD --> 235 | 535
 *   SCRAM   AUTH [initial] --> client-first --> question SCRAM_FIRST --> 334 server-first
 *                              client-final --> question SCRAM_FINAL --> 334 server-final | 535
 *                              an empty response                     --> 235
 *
 * What the client sends is decoded into `sasl`, which is wiped as soon as the exchange is over, whichever way. A 235 carries no data
 * (RFC 4954 section 4), so the proof of the server is a challenge of its own.
 */
#include "daemon/auth/auth.h"
#include "daemon/base/encode.h"
#include "daemon/base/log.h"
#include "daemon/smtp/commands.h"

static bool is_scram(const struct smtp_session *s)
{
	return s->mechanism == MECHANISM_SCRAM || s->mechanism == MECHANISM_SCRAM_PLUS;
}

void smtp_auth_forget(struct smtp_session *s)
{
	buf_wipe(&s->sasl);
	s->sasl_account_id = s->sasl_credential = 0;
	if (is_scram(s))
		s->services->scram_end(s->world);
	s->mechanism = MECHANISM_PLAIN;
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
	struct span all = buf_span(&s->sasl), login, password;

	switch (s->mechanism) {
	case MECHANISM_PLAIN: return auth_sasl_plain(all, &login, &password) == ERR_OK ? login : SPAN("");
	case MECHANISM_LOGIN: return span_take(all, s->sasl_login_len);
	case MECHANISM_SCRAM:
	case MECHANISM_SCRAM_PLUS: break;
	}
	return answer ? answer->login : SPAN("");
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
		.scram = buf_span(&s->sasl),
		.scram_plus = s->mechanism == MECHANISM_SCRAM_PLUS,
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

static enum step take_plain(struct smtp_session *s, struct smtp_reply *reply)
{
	struct span login, password;
	enum err e = auth_sasl_plain(buf_span(&s->sasl), &login, &password);

	if (e == ERR_SYNTAX)
		return over(s, REPLY_BAD_BASE64, reply);
	return e == ERR_OK ? ask(s, login, password, reply) : failed(s, NULL, REPLY_AUTH_WRONG, reply);
}

static enum step take_login(struct smtp_session *s, struct smtp_reply *reply)
{
	struct span all = buf_span(&s->sasl);

	if (s->sasl_round == 1) {
		s->sasl_login_len = all.len;
		return challenge(s, SPAN("UGFzc3dvcmQ6"), reply);
	}
	return ask(s, span_take(all, s->sasl_login_len), span_skip(all, s->sasl_login_len), reply);
}

static enum step take_scram(struct smtp_session *s, struct smtp_reply *reply)
{
	if (s->sasl_round < 3)
		return ask_scram(s, s->sasl_round == 1 ? SMTP_ASK_SCRAM_FIRST : SMTP_ASK_SCRAM_FINAL);
	if (s->sasl.len > 0)
		return over(s, REPLY_BAD_BASE64, reply);
	return accepted(s, s->sasl_account_id, s->sasl_credential, reply);
}

static enum step take_response(struct smtp_session *s, struct span base64, struct smtp_reply *reply)
{
	if (base64_decode(base64, &s->sasl) != ERR_OK)
		return over(s, REPLY_BAD_BASE64, reply);
	s->sasl_round++;
	switch (s->mechanism) {
	case MECHANISM_PLAIN: return take_plain(s, reply);
	case MECHANISM_LOGIN: return take_login(s, reply);
	case MECHANISM_SCRAM:
	case MECHANISM_SCRAM_PLUS: return take_scram(s, reply);
	}
	return over(s, REPLY_BAD_BASE64, reply);
}

static bool find_mechanism(const struct smtp_session *s, struct span name, enum smtp_mechanism *out)
{
	static const struct {
		struct span name;
		enum smtp_mechanism mechanism;
	} mechanisms[] = {
		{ { "PLAIN", 5 }, MECHANISM_PLAIN },
		{ { "LOGIN", 5 }, MECHANISM_LOGIN },
		{ { "SCRAM-SHA-256", 13 }, MECHANISM_SCRAM },
		{ { "SCRAM-SHA-256-PLUS", 18 }, MECHANISM_SCRAM_PLUS },
	};

	for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++) {
		if (span_iequals(name, mechanisms[i].name)) {
			*out = mechanisms[i].mechanism;
			return *out != MECHANISM_SCRAM_PLUS || s->services->may_bind(s->world);
		}
	}
	return false;
}

enum step smtp_run_auth(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply)
{
	enum smtp_mechanism mechanism;

	if (s->account_id != 0 || !find_mechanism(s, args->auth.mechanism, &mechanism)) {
		reply->id = s->account_id != 0 ? REPLY_BAD_SEQUENCE : REPLY_UNKNOWN_MECHANISM;
		return STEP_REPLY;
	}
	s->mechanism = mechanism;
	s->sasl_round = 0;
	s->sasl_login_len = 0;
	buf_wipe(&s->sasl);
	if (!args->auth.has_initial)
		return challenge(s, s->mechanism == MECHANISM_LOGIN ? SPAN("VXNlcm5hbWU6") : SPAN(""), reply);
	/* RFC 4954 section 4: a lone "=" is an initial response of no octets. */
	return take_response(s, span_equals(args->auth.initial, SPAN("=")) ? SPAN("") : args->auth.initial, reply);
}

enum step smtp_auth_response(struct smtp_session *s, struct span line, struct smtp_reply *reply)
{
	if (span_equals(line, SPAN("*")))
		return over(s, REPLY_AUTH_CANCELLED, reply);
	return take_response(s, line, reply);
}

/* What the server says, in the command's arena: it is written before that is reset. */
static enum step say_scram(struct smtp_session *s, struct span text, struct smtp_reply *reply)
{
	struct buf base64;
	struct span copy;

	buf_init(&base64, SMTP_AUTH_LINE_MAX);
	base64_encode(text, &base64);
	copy = arena_copy(&s->command, buf_span(&base64));
	buf_clear(&base64);
	buf_wipe(&s->sasl);
	return copy.ptr ? challenge(s, copy, reply) : over(s, REPLY_AUTH_BUSY, reply);
}

static enum step agreed(struct smtp_session *s, enum smtp_ask asked, const struct smtp_answer *answer, struct smtp_reply *reply)
{
	if (!is_scram(s))
		return accepted(s, answer->account_id, answer->credential, reply);
	if (asked == SMTP_ASK_SCRAM_FINAL) {
		s->sasl_account_id = answer->account_id;
		s->sasl_credential = answer->credential;
	}
	return say_scram(s, answer->text, reply);
}

static struct span minutes_text(struct smtp_session *s, int64_t ms)
{
	int64_t minutes = (ms + 59999) / 60000;

	return arena_printf(&s->command, "%lld minute%s", (long long)(minutes > 1 ? minutes : 1), minutes > 1 ? "s" : "");
}

enum step smtp_auth_answer(struct smtp_session *s, enum smtp_ask asked, const struct smtp_answer *answer, struct smtp_reply *reply)
{
	enum step step;

	switch (answer->verdict) {
	case SMTP_YES: return agreed(s, asked, answer, reply);
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
