/* imap/cmd_login.c: LOGIN and AUTHENTICATE PLAIN: the password is a slow question; the session waits without a thread. */
#include "daemon/base/encode.h"
#include "daemon/imap/commands.h"
#include "daemon/imap/reply.h"
#include "daemon/mime/address.h"

static enum step ask(struct imap_session *s, struct span login, struct span password, struct out *out)
{
	if (!login.len || login.len > ADDRESS_MAX || !password.len || password.len > AUTH_PASSWORD_MAX) {
		const struct auth_result wrong = { .verdict = AUTH_WRONG };

		return imap_login_answer(s, &wrong, out);
	}
	s->ask = (struct imap_ask){ login, password };
	return STEP_WAIT;
}

enum step imap_run_login(struct imap_session *s, const union imap_args *args, struct out *out)
{
	return ask(s, args->login.login, args->login.password, out);
}

/* The decoded message stays in the command's arena until the answer; run_clear() frees it. */
static enum step plain(struct imap_session *s, struct span base64, struct out *out)
{
	struct span login, password, message;
	struct buf text;
	enum err e;

	buf_init(&text, IMAP_LINE_START_MAX);
	e = base64_decode(base64, &text);
	message = e ? span_make(NULL, 0) : arena_copy(&s->run.arena, buf_span(&text));
	buf_wipe(&text);
	if (e || !message.ptr)
		return imap_finish(s, out, IMAP_BAD, SPAN("That is not base64"));
	e = auth_sasl_plain(message, &login, &password);
	if (e == ERR_DENIED)
		return imap_finish(s, out, IMAP_NO, SPAN("[AUTHORIZATIONFAILED] Acting for others is not possible"));
	if (e)
		return imap_finish(s, out, IMAP_BAD, SPAN("That is not a PLAIN message"));
	return ask(s, login, password, out);
}

enum step imap_run_authenticate(struct imap_session *s, const union imap_args *args, struct out *out)
{
	if (!span_iequals(args->authenticate.mechanism, SPAN("PLAIN")))
		return imap_finish(s, out, IMAP_NO, SPAN("[CANNOT] Unknown mechanism"));
	if (args->authenticate.has_initial)
		return plain(s, span_equals(args->authenticate.initial, SPAN("=")) ? SPAN("") : args->authenticate.initial, out);
	s->input = INPUT_SASL;
	s->line_start = s->line.len;
	reply_continue(out, "");
	return STEP_REPLY;
}

enum step imap_login_line(struct imap_session *s, struct span line, struct out *out)
{
	s->input = INPUT_LINE;
	if (span_equals(line, SPAN("*")))
		return imap_finish(s, out, IMAP_BAD, SPAN("Cancelled"));
	return plain(s, line, out);
}

static enum step failed(struct imap_session *s, struct span text, struct out *out)
{
	enum step step = imap_finish(s, out, IMAP_NO, text);

	if (++s->login_failures >= IMAP_LOGIN_FAILURES_MAX && step != STEP_CLOSE)
		return imap_bye(s, out, "Too many failed logins");
	return step;
}

static enum step accepted(struct imap_session *s, uint64_t account_id, struct out *out)
{
	enum err e = s->service->account_open(s->ctx, account_id, &s->store);

	if (e == ERR_LIMIT)
		return failed(s, SPAN("[LIMIT] Too many connections of this account"), out);
	if (e == ERR_DENIED)
		return failed(s, SPAN("[CONTACTADMIN] The account is suspended"), out);
	if (e)
		return failed(s, SPAN("[UNAVAILABLE] Temporary failure, try again later"), out);
	s->account_id = account_id;
	imap_set_state(s, IMAP_AUTHED);
	s->bad_count = 0;
	return imap_finish(s, out, IMAP_OK, reply_capability_text(s));
}

enum step imap_login_answer(struct imap_session *s, const struct auth_result *result, struct out *out)
{
	if (s->ask.password.len) /* in the line or in the command's arena: ours to erase */
		explicit_bzero((void *)(uintptr_t)s->ask.password.ptr, s->ask.password.len);
	s->ask = (struct imap_ask){ { NULL, 0 }, { NULL, 0 } };
	switch (result->verdict) {
	case AUTH_OK: return accepted(s, result->account_id, out);
	case AUTH_WRONG: return failed(s, SPAN("[AUTHENTICATIONFAILED] Wrong user or password"), out);
	case AUTH_SUSPENDED: return failed(s, SPAN("[CONTACTADMIN] The account is suspended"), out);
	case AUTH_BUSY: return failed(s, SPAN("[UNAVAILABLE] Busy, try again later"), out);
	}
	return imap_bye(s, out, "Internal error");
}
