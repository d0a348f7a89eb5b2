/* smtp/cmd_small.c: the commands of a few lines: EHLO LHLO HELO RSET NOOP QUIT VRFY HELP STARTTLS (RFC 5321 4.1.1, RFC 3207). */
#include "daemon/smtp/commands.h"

static void hello(struct smtp_session *s, struct span name, bool extended)
{
	/* RFC 5321 4.1.4: also a RSET. */
	smtp_transaction_clear(s);
	memcpy(s->helo, name.ptr, name.len);
	s->helo[name.len] = '\0';
	s->extended = extended;
	smtp_set_state(s, AT_READY);
}

enum step smtp_run_ehlo(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply)
{
	hello(s, args->text, true);
	reply->id = REPLY_EHLO;
	return STEP_REPLY;
}

enum step smtp_run_helo(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply)
{
	hello(s, args->text, false);
	*reply = (struct smtp_reply){ REPLY_HELO, smtp_hostname(s) };
	return STEP_REPLY;
}

enum step smtp_run_rset(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply)
{
	(void)args;
	smtp_transaction_clear(s);
	if (s->state != AT_START)
		smtp_set_state(s, AT_READY);
	reply->id = REPLY_RESET;
	return STEP_REPLY;
}

enum step smtp_run_noop(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply)
{
	(void)s;
	(void)args;
	reply->id = REPLY_NOOP;
	return STEP_REPLY;
}

enum step smtp_run_quit(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply)
{
	(void)s;
	(void)args;
	reply->id = REPLY_BYE;
	return STEP_CLOSE;
}

/* RFC 5321 3.5.3: the same words for everybody tell nobody who is here. */
enum step smtp_run_vrfy(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply)
{
	(void)s;
	/* RFC 6531 3.7.4: only who asks with SMTPUTF8 may name what is not ASCII. */
	reply->id = args->vrfy.utf8 || span_is_ascii(args->vrfy.text) ? REPLY_VRFY : REPLY_UTF8_VRFY;
	return STEP_REPLY;
}

enum step smtp_run_help(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply)
{
	(void)s;
	(void)args;
	reply->id = REPLY_HELP;
	return STEP_REPLY;
}

enum step smtp_run_not_implemented(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply)
{
	(void)s;
	(void)args;
	reply->id = REPLY_NOT_IMPLEMENTED;
	return STEP_REPLY;
}

enum step smtp_run_starttls(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply)
{
	(void)args;
	if (s->peer->tls || !s->start_tls) {
		reply->id = s->peer->tls ? REPLY_BAD_SEQUENCE : REPLY_NOT_IMPLEMENTED;
		return STEP_REPLY;
	}
	smtp_transaction_clear(s);
	smtp_set_state(s, AT_TLS);
	reply->id = REPLY_START_TLS;
	return STEP_STARTTLS;
}
