/* smtp/cmd_mail.c: MAIL begins a transaction (RFC 5321 4.1.1.2, RFC 1870, RFC 6409 6.1). */
#include "daemon/smtp/commands.h"
#include "daemon/smtp/refusal.h"

enum err smtp_address_text(struct smtp_session *s, const struct address *address, struct span *out)
{
	struct buf text;
	enum err e = ERR_OK;

	buf_init(&text, 2 * ADDRESS_MAX + 2);
	address_write(address, &text);
	*out = arena_copy(&s->transaction, buf_span(&text));
	if (text.failed || s->transaction.failed)
		e = ERR_LIMIT;
	buf_clear(&text);
	return e;
}

/* SMTP_LOCAL: looked up anew for each message, so that what an administrator changes holds at once. */
static enum smtp_reply_id refused_locally(struct smtp_session *s)
{
	const struct smtp_local *local = s->services->local(s->world);

	if (!local)
		return REPLY_TRY_LATER;
	s->sends_outside = local->sends_outside;
	if (!local->allowed)
		return REPLY_NO_SUBMITTER;
	return s->services->local_may_send_now(s->world) ? REPLY_NONE : REPLY_TOO_MANY_MESSAGES;
}

enum step smtp_run_mail(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply)
{
	const struct address *path = &args->mail.path;

	smtp_transaction_clear(s);
	/* A password is changed, or a user suspended, to shut somebody out: who is in already sends nothing more. */
	if (s->profile == SMTP_SUBMISSION && !s->services->login_holds(s->world, s->account_id, s->credential)) {
		*reply = (struct smtp_reply){ REPLY_LOGIN_OVER, smtp_hostname(s) };
		return STEP_CLOSE;
	}
	s->services->limits(s->world, &s->limits);
	if (args->mail.size > s->limits.size_max) {
		reply->id = REPLY_TOO_LARGE;
		smtp_refused(s, reply, path, NULL);
		return STEP_REPLY;
	}
	if (s->profile == SMTP_LOCAL)
		reply->id = refused_locally(s);
	if (reply->id != REPLY_NONE) {
		smtp_refused(s, reply, path, NULL);
		return STEP_REPLY;
	}
	/* The null path stays free: a mail program's notices (RFC 8098) go out under it. The From field is checked all the same. */
	if (s->profile != SMTP_MX && path->local.len > 0 && !s->services->may_send_as(s->world, s->account_id, path)) {
		reply->id = REPLY_NOT_YOUR_SENDER;
		smtp_refused(s, reply, path, NULL);
		return STEP_REPLY;
	}
	if (smtp_address_text(s, path, &s->reverse_path) != ERR_OK) {
		reply->id = REPLY_TRY_LATER;
		return STEP_REPLY;
	}
	s->utf8 = args->mail.utf8;
	s->body_8bit = args->mail.body_8bit;
	smtp_set_state(s, AT_MAIL);
	reply->id = REPLY_SENDER_OK;
	return STEP_REPLY;
}
