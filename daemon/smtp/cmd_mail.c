/* smtp/cmd_mail.c: MAIL begins a transaction (RFC 5321 4.1.1.2, RFC 1870, RFC 6409 6.1), and what its parameters ask for holds. */
#include <stdio.h>

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

/* ---- parameters ---- */

/* FUTURERELEASE (RFC 4865 section 4) and DELIVERBY (RFC 2852): a message that has to be there before it may leave is refused. */
static enum smtp_reply_id take_times(struct smtp_session *s, const struct smtp_mail *mail, struct smtp_wish *wish)
{
	int64_t now_ms = s->services->real_ms(s->world);

	if (mail->hold_for_s > 0)
		wish->release_ms = now_ms + mail->hold_for_s * 1000;
	else if (mail->hold_until_ms != 0)
		wish->release_ms = mail->hold_until_ms;
	if (mail->by != 0) {
		wish->deliver_by = mail->by;
		wish->deliver_by_ms = now_ms + mail->by_s * 1000;
	}
	if (wish->release_ms == 0)
		return REPLY_NONE;
	if (wish->release_ms < now_ms || wish->release_ms - now_ms > SMTP_HOLD_MAX_S * (int64_t)1000)
		return REPLY_BAD_RELEASE;
	return mail->by != 0 && wish->deliver_by_ms <= wish->release_ms ? REPLY_BAD_RELEASE : REPLY_NONE;
}

static enum smtp_reply_id take_wish(struct smtp_session *s, const struct smtp_mail *mail, struct smtp_wish *wish)
{
	/* What EHLO has not offered here. */
	if (mail->of_submission && smtp_is_from_outside(s))
		return REPLY_UNKNOWN_PARAMETER;
	if (mail->has_8bit && !mail->utf8)
		return REPLY_UTF8_SENDER;
	if (mail->require_tls && !s->peer->tls)
		return REPLY_NEED_TLS_FOR_THAT;
	*wish = (struct smtp_wish){
		.utf8 = mail->utf8,
		.body_8bit = mail->body_8bit,
		.body_binary = mail->body_binary,
		.require_tls = mail->require_tls,
		.has_priority = mail->has_priority,
		.ret = mail->ret,
		.envid = arena_copy(&s->transaction, mail->envid),
		.priority = mail->priority,
		.size = mail->size,
	};
	return take_times(s, mail, wish);
}

/* ---- whose it is, and whether there is room ---- */

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

/* By the breaker or an administrator: that holds wherever it writes from. */
static bool is_stopped(struct smtp_session *s)
{
	int64_t again_s;

	return s->account_id != 0 && s->services->sending && s->services->sending(s->world, s->account_id, NULL, 0, &again_s) == SENDING_STOPPED;
}

static enum smtp_reply_id refused_now(struct smtp_session *s, const struct smtp_mail *mail)
{
	const struct address *path = &mail->path;

	if (mail->size > s->limits.size_max)
		return REPLY_TOO_LARGE;
	if (s->services->has_room && !s->services->has_room(s->world))
		return REPLY_NO_ROOM;
	if (s->profile == SMTP_LOCAL) {
		enum smtp_reply_id refusal = refused_locally(s);

		if (refusal != REPLY_NONE)
			return refusal;
	}
	/* The null path stays free: a mail program's notices (RFC 8098) go out under it. The From field is checked all the same. */
	if (!smtp_is_from_outside(s) && path->local.len > 0 && !s->services->may_send_as(s->world, s->account_id, path))
		return REPLY_NOT_YOUR_SENDER;
	return is_stopped(s) ? REPLY_SENDING_STOPPED : REPLY_NONE;
}

enum step smtp_run_mail(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply)
{
	const struct smtp_mail *mail = &args->mail;

	smtp_transaction_clear(s);
	/* A password is changed, or a user suspended, to shut somebody out: who is in already sends nothing more. */
	if (s->profile == SMTP_SUBMISSION && !s->services->login_holds(s->world, s->account_id, s->credential)) {
		*reply = (struct smtp_reply){ REPLY_LOGIN_OVER, smtp_hostname(s) };
		return STEP_CLOSE;
	}
	s->services->limits(s->world, &s->limits);
	/* What EHLO announced as MAILMAX (RFC 9422 section 4). */
	if (s->messages >= s->limits.commands_max) {
		*reply = (struct smtp_reply){ REPLY_SESSION_FULL, smtp_hostname(s) };
		return STEP_CLOSE;
	}
	reply->id = take_wish(s, mail, &s->wish);
	if (reply->id != REPLY_NONE) {
		(void)snprintf(s->text, sizeof(s->text), "%d", SMTP_HOLD_MAX_S);
		reply->text = span_str(s->text);
		return STEP_REPLY;
	}
	reply->id = refused_now(s, mail);
	if (reply->id != REPLY_NONE) {
		smtp_refused(s, reply, &mail->path, NULL);
		return STEP_REPLY;
	}
	if (smtp_address_text(s, &mail->path, &s->reverse_path) != ERR_OK) {
		reply->id = REPLY_TRY_LATER;
		return STEP_REPLY;
	}
	s->messages++;
	s->commands_before = s->commands - 1;
	smtp_set_state(s, AT_MAIL);
	reply->id = REPLY_SENDER_OK;
	return STEP_REPLY;
}
