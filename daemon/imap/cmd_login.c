/* imap/cmd_login.c: LOGIN, AUTHENTICATE PLAIN, SCRAM-SHA-256 and -PLUS (RFC 3501, RFC 4616, RFC 7677), UNAUTHENTICATE (RFC 8437).
 *
 * The password is a slow question; the session waits without a thread. SCRAM asks twice, and its last challenge, the proof of the server,
 * is answered by an empty response before the tagged OK, which carries no data.
 */
#include "daemon/imap/commands.h"
#include "daemon/imap/notify.h"
#include "daemon/imap/place.h"
#include "daemon/imap/reply.h"
#include "daemon/mime/address.h"

static enum step ask(struct imap_session *s, struct span login, struct span password, struct out *out)
{
	if (!login.len || login.len > ADDRESS_MAX || !password.len || password.len > AUTH_PASSWORD_MAX) {
		const struct imap_answer wrong = { .result = { .verdict = AUTH_WRONG } };

		return imap_login_answer(s, &wrong, out);
	}
	s->ask = (struct imap_ask){ .kind = IMAP_ASK_PASSWORD, .login = login, .password = password };
	return STEP_WAIT;
}

enum step imap_run_login(struct imap_session *s, const union imap_args *args, struct out *out)
{
	return ask(s, args->login.login, args->login.password, out);
}

/* An exchange is over, whichever way. */
static enum step over(struct imap_session *s, enum imap_status status, struct span text, struct out *out)
{
	if (exchange_is_scram(&s->exchange))
		s->service->scram_end(s->ctx);
	exchange_clear(&s->exchange);
	return imap_finish(s, out, status, text);
}

static enum step failed(struct imap_session *s, struct span text, struct out *out)
{
	enum step step = over(s, IMAP_NO, text, out);

	if (++s->login_failures >= IMAP_LOGIN_FAILURES_MAX && step != STEP_CLOSE)
		return imap_bye(s, out, "Too many failed logins");
	return step;
}

static enum step accepted(struct imap_session *s, uint64_t account_id, struct out *out)
{
	struct imap_account account;
	enum err e = s->service->account_open(s->ctx, account_id, &account);

	if (e == ERR_LIMIT)
		return failed(s, SPAN("[LIMIT] Too many connections of this account"), out);
	if (e == ERR_DENIED)
		return failed(s, SPAN("[CONTACTADMIN] The account is suspended"), out);
	if (e)
		return failed(s, SPAN("[UNAVAILABLE] Temporary failure, try again later"), out);
	s->account_id = account_id;
	s->store = account.store;
	s->shares = account.shares;
	s->off = imap_capability_closure(account.off);
	imap_set_state(s, IMAP_AUTHED);
	s->bad_count = 0;
	return over(s, IMAP_OK, reply_capability_text(s, "Logged in"), out);
}

/* RFC 8437: all that belongs to the account ends, what belongs to the connection (TLS, the failed logins) stays. COMPRESS ends, too. */
enum step imap_run_unauthenticate(struct imap_session *s, const union imap_args *args, struct out *out)
{
	(void)args;
	imap_unselect(s);
	imap_notify_free(s);
	imap_places_close(s);
	s->service->account_close(s->ctx, &s->store);
	s->shares = NULL;
	s->account_id = 0;
	s->off = 0;
	s->enabled = 0;
	s->metadata.used = false;
	imap_set_state(s, IMAP_START);
	if (s->compressed)
		s->run.then = STEP_UNCOMPRESS;
	s->compressed = false;
	return imap_finish(s, out, IMAP_OK, reply_capability_text(s, "Log in again"));
}

static enum step scram(struct imap_session *s, enum imap_ask_kind kind)
{
	s->ask = (struct imap_ask){ .kind = kind, .scram = buf_span(&s->exchange.message), .scram_plus = s->exchange.mechanism == EXCHANGE_SCRAM_PLUS };
	return STEP_WAIT;
}

static enum step challenge(struct imap_session *s, struct out *out)
{
	const char *base64 = buf_cstr(&s->exchange.text);

	if (!base64)
		return over(s, IMAP_NO, SPAN("[UNAVAILABLE] Temporary failure, try again later"), out);
	s->input = INPUT_SASL;
	s->line_start = s->line.len;
	reply_continue(out, base64);
	return STEP_REPLY;
}

/* What is no response of the mechanism is told by how far the dialogue was. */
static struct span malformed(const struct imap_session *s)
{
	if (!exchange_is_scram(&s->exchange))
		return s->exchange.round ? SPAN("That is not a PLAIN message") : SPAN("That is not base64");
	return s->exchange.round > 2 ? SPAN("An empty response is expected") : SPAN("That is not base64");
}

static enum step follow(struct imap_session *s, enum exchange_next next, struct out *out)
{
	switch (next) {
	case EXCHANGE_CHALLENGE: return challenge(s, out);
	case EXCHANGE_ASK_PASSWORD: return ask(s, s->exchange.login, s->exchange.password, out);
	case EXCHANGE_ASK_SCRAM_FIRST: return scram(s, IMAP_ASK_SCRAM_FIRST);
	case EXCHANGE_ASK_SCRAM_FINAL: return scram(s, IMAP_ASK_SCRAM_FINAL);
	case EXCHANGE_PASSED: return accepted(s, s->exchange.account_id, out);
	case EXCHANGE_DENIED: return over(s, IMAP_NO, SPAN("[AUTHORIZATIONFAILED] Acting for others is not possible"), out);
	case EXCHANGE_MALFORMED: return over(s, IMAP_BAD, malformed(s), out);
	case EXCHANGE_FAILED: break;
	}
	return over(s, IMAP_NO, SPAN("[UNAVAILABLE] Temporary failure, try again later"), out);
}

enum step imap_run_authenticate(struct imap_session *s, const union imap_args *args, struct out *out)
{
	if (!exchange_begin(&s->exchange, args->authenticate.mechanism, s->service->may_bind(s->ctx), false))
		return imap_finish(s, out, IMAP_NO, SPAN("[CANNOT] Unknown mechanism"));
	return follow(s, exchange_start(&s->exchange, args->authenticate.has_initial, args->authenticate.initial), out);
}

enum step imap_login_line(struct imap_session *s, struct span line, struct out *out)
{
	s->input = INPUT_LINE;
	if (span_equals(line, SPAN("*")))
		return over(s, IMAP_BAD, SPAN("Cancelled"), out);
	return follow(s, exchange_response(&s->exchange, line), out);
}

static enum step refused(struct imap_session *s, int64_t retry_after_ms, struct out *out)
{
	int64_t minutes = (retry_after_ms + 59999) / 60000;

	return failed(s, arena_printf(&s->run.arena, "[UNAVAILABLE] Too many failed logins, try again in %lld minute%s", (long long)(minutes > 1 ? minutes : 1), minutes > 1 ? "s" : ""), out);
}

/* An ALERT is shown to people (RFC 3501 7.1), the tagged reply often is not. */
static enum step wants_app_password(struct imap_session *s, struct out *out)
{
	reply_untagged(out, "NO [ALERT] Two-factor login is on: mail programs need an app password, made in the web panel");
	return failed(s, SPAN("[AUTHENTICATIONFAILED] An app password is needed"), out);
}

static enum step judged(struct imap_session *s, const struct auth_result *result, struct out *out)
{
	switch (result->verdict) {
	case AUTH_OK: return accepted(s, result->account_id, out);
	case AUTH_WRONG: return failed(s, SPAN("[AUTHENTICATIONFAILED] Wrong user or password"), out);
	case AUTH_SUSPENDED: return failed(s, SPAN("[CONTACTADMIN] The account is suspended"), out);
	case AUTH_PROTOCOL_OFF: return failed(s, SPAN("[CONTACTADMIN] IMAP is switched off for this account"), out);
	case AUTH_BUSY: return failed(s, SPAN("[UNAVAILABLE] Busy, try again later"), out);
	case AUTH_REFUSED: return refused(s, result->retry_after_ms, out);
	case AUTH_WANTS_APP_PASSWORD: return wants_app_password(s, out);
	}
	return imap_bye(s, out, "Internal error");
}

enum step imap_login_answer(struct imap_session *s, const struct imap_answer *answer, struct out *out)
{
	enum imap_ask_kind asked = s->ask.kind;

	if (s->ask.password.len) /* in the line or in the command's arena: ours to erase */
		explicit_bzero((void *)(uintptr_t)s->ask.password.ptr, s->ask.password.len);
	s->ask = (struct imap_ask){ .kind = IMAP_ASK_PASSWORD };
	switch (asked) {
	case IMAP_ASK_PASSWORD: return judged(s, &answer->result, out);
	case IMAP_ASK_SCRAM_FIRST:
	case IMAP_ASK_SCRAM_FINAL: break;
	}
	if (answer->error == ERR_SYNTAX)
		return over(s, IMAP_BAD, SPAN("That is not a SCRAM message"), out);
	if (answer->error == ERR_OK)
		return follow(s, exchange_says(&s->exchange, answer->text, answer->result.account_id, answer->result.credential), out);
	return judged(s, &answer->result, out);
}
