/* pop3/cmd_login.c: USER, PASS, and AUTH with PLAIN, SCRAM-SHA-256 and -PLUS (RFC 1939, RFC 5034).
 *
 * The password is a slow question; the session waits without a thread. After a right one the maildrop is opened, and is this session's alone.
 */
#include "daemon/mime/address.h"
#include "daemon/pop3/commands.h"
#include "daemon/pop3/reply.h"

/* All that was said of who it is. */
static void forget(struct pop3_session *s)
{
	if (exchange_is_scram(&s->exchange))
		s->service->scram_end(s->ctx);
	exchange_clear(&s->exchange);
	arena_wipe(&s->secret);
	s->user = span_make(NULL, 0);
	s->ask = (struct pop3_ask){ .kind = POP3_ASK_PASSWORD };
	s->in_exchange = false;
}

static enum step refuse(struct pop3_session *s, const char *text, struct out *out)
{
	forget(s);
	pop3_reply_err(out, text);
	return STEP_REPLY;
}

static enum step failed(struct pop3_session *s, struct out *out)
{
	forget(s);
	return ++s->login_failures < POP3_LOGIN_FAILURES_MAX ? STEP_REPLY : pop3_bye(s, out, NULL);
}

static enum step wrong(struct pop3_session *s, struct out *out)
{
	pop3_reply_err(out, "[AUTH] Wrong user or password");
	return failed(s, out);
}

/* RFC 3206 5: an account that may not log in is a matter of credentials too, whatever the password; SYS is for what is wrong with the server. */
static enum step suspended(struct pop3_session *s, struct out *out)
{
	pop3_reply_err(out, "[AUTH] The account is suspended");
	return failed(s, out);
}

static enum step accepted(struct pop3_session *s, uint64_t account_id, struct out *out)
{
	enum err e = s->service->account_open(s->ctx, account_id, &s->store);

	if (e == ERR_EXISTS)
		return refuse(s, "[IN-USE] Another session has the mailbox", out);
	if (e == ERR_DENIED)
		return suspended(s, out);
	if (!e) {
		e = s->service->drop_open(s->store, &s->drop);
		if (e)
			s->service->account_close(s->ctx, &s->store);
	}
	if (e)
		return refuse(s, e == ERR_CORRUPT ? "[SYS/PERM] The mailbox needs its administrator" : "[SYS/TEMP] The mailbox can't be opened now, try again later", out);
	forget(s);
	s->account_id = account_id;
	s->bad_count = 0;
	pop3_set_state(s, POP3_TRANSACTION);
	pop3_reply_ok(out, "Logged in");
	return STEP_REPLY;
}

static enum step ask_password(struct pop3_session *s, struct span login, struct span password, struct out *out)
{
	if (!login.len || login.len > ADDRESS_MAX || !password.len || password.len > AUTH_PASSWORD_MAX)
		return wrong(s, out);
	s->ask = (struct pop3_ask){ .kind = POP3_ASK_PASSWORD, .login = login, .password = password };
	return STEP_WAIT;
}

/* Whoever is named, the answer is the same. What is no name takes back the one before: PASS is for after a USER that was taken (RFC 1939 7). */
enum step pop3_run_user(struct pop3_session *s, const union pop3_args *args, struct out *out)
{
	arena_wipe(&s->secret);
	s->user = span_make(NULL, 0);
	if (!args->text.len || !span_is_utf8(args->text)) /* RFC 6856 2.2 */
		return pop3_bad(s, out, "That is not a name");
	s->user = arena_copy(&s->secret, args->text);
	if (!s->user.ptr)
		return refuse(s, "[SYS/TEMP] Busy, try again later", out);
	pop3_reply_ok(out, "Send your password");
	return STEP_REPLY;
}

enum step pop3_run_pass(struct pop3_session *s, const union pop3_args *args, struct out *out)
{
	struct span password;

	if (!s->user.ptr)
		return pop3_bad(s, out, "USER comes first");
	if (!args->text.len || !span_is_utf8(args->text)) /* RFC 6856 2.2 */
		return wrong(s, out);
	password = arena_copy(&s->secret, args->text);
	if (!password.ptr)
		return refuse(s, "[SYS/TEMP] Busy, try again later", out);
	return ask_password(s, s->user, password, out);
}

static enum step ask_scram(struct pop3_session *s, enum pop3_ask_kind kind)
{
	s->ask = (struct pop3_ask){ .kind = kind, .scram = buf_span(&s->exchange.message), .scram_plus = s->exchange.mechanism == EXCHANGE_SCRAM_PLUS };
	return STEP_WAIT;
}

static enum step follow(struct pop3_session *s, enum exchange_next next, struct out *out)
{
	s->in_exchange = next == EXCHANGE_CHALLENGE;
	switch (next) {
	case EXCHANGE_CHALLENGE:
		pop3_reply_continue(out, buf_span(&s->exchange.text));
		return STEP_REPLY;
	case EXCHANGE_ASK_PASSWORD: return ask_password(s, s->exchange.login, s->exchange.password, out);
	case EXCHANGE_ASK_SCRAM_FIRST: return ask_scram(s, POP3_ASK_SCRAM_FIRST);
	case EXCHANGE_ASK_SCRAM_FINAL: return ask_scram(s, POP3_ASK_SCRAM_FINAL);
	case EXCHANGE_PASSED: return accepted(s, s->exchange.account_id, out);
	case EXCHANGE_DENIED: return refuse(s, "[AUTH] Acting for others is not possible", out);
	case EXCHANGE_FAILED: return refuse(s, "[SYS/TEMP] Busy, try again later", out);
	case EXCHANGE_MALFORMED: break;
	}
	forget(s);
	return pop3_bad(s, out, "That is not a response of the mechanism");
}

enum step pop3_run_auth(struct pop3_session *s, const union pop3_args *args, struct out *out)
{
	if (!args->auth.mechanism.len) {
		pop3_reply_ok(out, "These mechanisms are known");
		if (pop3_may_login(s))
			pop3_reply_mechanisms(s, out);
		pop3_reply_end(out);
		return STEP_REPLY;
	}
	if (!pop3_may_login(s))
		return refuse(s, "[AUTH] TLS is needed first", out);
	forget(s);
	if (!exchange_begin(&s->exchange, args->auth.mechanism, s->service->may_bind(s->ctx), false))
		return pop3_bad(s, out, "Unknown mechanism");
	return follow(s, exchange_start(&s->exchange, args->auth.has_initial, args->auth.initial), out);
}

enum step pop3_login_line(struct pop3_session *s, struct span line, struct out *out)
{
	if (!span_equals(line, SPAN("*")))
		return follow(s, exchange_response(&s->exchange, line), out);
	forget(s);
	return pop3_bad(s, out, "Cancelled");
}

static enum step judged(struct pop3_session *s, const struct auth_result *result, struct out *out)
{
	switch (result->verdict) {
	case AUTH_OK: return accepted(s, result->account_id, out);
	case AUTH_WRONG: return wrong(s, out);
	case AUTH_SUSPENDED: return suspended(s, out);
	case AUTH_PROTOCOL_OFF:
		pop3_reply_err(out, "[AUTH] POP3 is switched off for this account");
		return failed(s, out);
	case AUTH_BUSY:
		pop3_reply_err(out, "[SYS/TEMP] Busy, try again later");
		return failed(s, out);
	case AUTH_REFUSED:
		pop3_reply_wait(out, result->retry_after_ms);
		return failed(s, out);
	case AUTH_WANTS_APP_PASSWORD:
		pop3_reply_err(out, "[AUTH] Two-factor login is on: mail programs need an app password, made in the web panel");
		return failed(s, out);
	}
	return pop3_bye(s, out, "[SYS/TEMP] Internal error");
}

enum step pop3_login_answer(struct pop3_session *s, const struct pop3_answer *answer, struct out *out)
{
	switch (s->ask.kind) {
	case POP3_ASK_PASSWORD: return judged(s, &answer->result, out);
	case POP3_ASK_SCRAM_FIRST:
	case POP3_ASK_SCRAM_FINAL: break;
	}
	if (answer->error == ERR_SYNTAX)
		return follow(s, EXCHANGE_MALFORMED, out);
	if (answer->error)
		return judged(s, &answer->result, out);
	return follow(s, exchange_says(&s->exchange, answer->text, answer->result.account_id, answer->result.credential), out);
}
