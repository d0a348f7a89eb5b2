/* smtp/cmd_rcpt.c: RCPT: whom we take mail for (RFC 5321 4.1.1.3).
 *
 * No open relay by construction: a remote recipient is taken on submission, where MAIL needed an authenticated account, and over
 * submit.sock from a uid that an administrator has allowed it.
 */
#include <stdio.h>

#include "daemon/smtp/commands.h"
#include "daemon/smtp/refusal.h"

/* Another server's words, of which nothing leaves our line. */
static struct span quote(struct smtp_session *s, struct span words)
{
	struct span copy = arena_copy(&s->command, span_take(words, SMTP_QUOTED_MAX));
	char *text = arena_alloc(&s->command, copy.len);

	if (!copy.ptr || !text)
		return SPAN("");
	for (size_t i = 0; i < copy.len; i++)
		text[i] = copy.ptr[i] >= ' ' && copy.ptr[i] <= '~' ? copy.ptr[i] : '?';
	return span_make(text, copy.len);
}

/* Is the kind of recipient one that we send mail to, for this client? */
static enum smtp_reply_id judge_outside(const struct smtp_session *s, const struct address *path, enum smtp_recipient kind)
{
	if (s->profile == SMTP_LOCAL && !s->sends_outside)
		return REPLY_NOT_OUTSIDE;
	/* An address literal names a machine, not a domain: none is ours, and to relay to one lets a client reach into our network. */
	if (smtp_is_from_outside(s) || path->domain.len == 0 || path->domain.ptr[0] == '[')
		return REPLY_RELAY_DENIED;
	if (kind == SMTP_RECIPIENT_NO_MAIL)
		return REPLY_NO_MAIL_THERE;
	return kind == SMTP_RECIPIENT_SUPPRESSED ? REPLY_SUPPRESSED_RECIPIENT : REPLY_RECIPIENT_OK;
}

static enum smtp_reply_id judge(struct smtp_session *s, const struct address *path, struct smtp_recipient_verdict *verdict)
{
	s->services->recipient(s->world, path, s->reverse_path.len == 0, s->wish.size > 0 ? s->wish.size : 1, verdict);
	switch (verdict->kind) {
	case SMTP_RECIPIENT_OK: return REPLY_RECIPIENT_OK;
	case SMTP_RECIPIENT_UNKNOWN: return REPLY_UNKNOWN_RECIPIENT;
	case SMTP_RECIPIENT_REFUSED: return REPLY_REFUSED_DOMAIN;
	case SMTP_RECIPIENT_SUSPENDED: return REPLY_SUSPENDED_RECIPIENT;
	case SMTP_RECIPIENT_OVER_QUOTA: return REPLY_OVER_QUOTA;
	case SMTP_RECIPIENT_LATER: return REPLY_TRY_LATER;
	case SMTP_RECIPIENT_NO_MAIL:
	case SMTP_RECIPIENT_SUPPRESSED:
	case SMTP_RECIPIENT_REMOTE: return judge_outside(s, path, verdict->kind);
	}
	return REPLY_TRY_LATER;
}

static bool is_outside(enum smtp_recipient kind)
{
	return kind == SMTP_RECIPIENT_REMOTE;
}

/* What the account may send (queue/sending.h); `outside` has the new one already. */
static enum smtp_reply_id judge_sending(struct smtp_session *s, struct smtp_reply *reply)
{
	int64_t again_s = 0, minutes;
	const char *limit = "of an hour";

	switch (s->services->sending(s->world, s->account_id, s->outside, s->outside_count, &again_s)) {
	case SENDING_OK: return REPLY_RECIPIENT_OK;
	case SENDING_STOPPED: return REPLY_SENDING_STOPPED;
	case SENDING_HOUR: break;
	case SENDING_DAY: limit = "of a day"; break;
	case SENDING_NEW: limit = "of a day for new recipients"; break;
	}
	minutes = (again_s + 59) / 60;
	if (minutes > 0)
		reply->text = arena_printf(&s->command, "The limit %s of this account is reached, try again in %lld minute%s", limit, (long long)minutes, minutes > 1 ? "s" : "");
	else
		reply->text = arena_printf(&s->command, "The limit %s of this account is reached, try again later", limit);
	return REPLY_SENDING_LIMIT;
}

/* All arrays double in the arena: at most twice what is needed stays there. */
static bool make_room(struct smtp_session *s)
{
	size_t room = s->recipient_room ? s->recipient_room * 2 : 8;
	struct span *wider, *outside;
	struct accept_wish *wishes;

	if (s->recipient_count < s->recipient_room)
		return true;
	wider = arena_array(&s->transaction, room, sizeof(*wider));
	outside = arena_array(&s->transaction, room, sizeof(*outside));
	wishes = arena_array(&s->transaction, room, sizeof(*wishes));
	if (!wider || !outside || !wishes)
		return false;
	if (s->recipient_count > 0) {
		memcpy(wider, s->recipients, s->recipient_count * sizeof(*wider));
		memcpy(outside, s->outside, s->outside_count * sizeof(*outside));
		memcpy(wishes, s->wishes, s->recipient_count * sizeof(*wishes));
	}
	s->recipients = wider;
	s->outside = outside;
	s->wishes = wishes;
	s->recipient_room = room;
	return true;
}

static enum smtp_reply_id take(struct smtp_session *s, const struct smtp_rcpt *rcpt, enum smtp_recipient kind, struct smtp_reply *reply)
{
	struct accept_wish wish = { .notify = rcpt->notify, .orcpt = arena_copy(&s->transaction, rcpt->orcpt) };
	enum smtp_reply_id refusal = REPLY_RECIPIENT_OK;
	struct span text;

	if (smtp_address_text(s, &rcpt->path, &text) != ERR_OK || !make_room(s))
		return REPLY_TOO_MANY_RECIPIENTS;
	if (is_outside(kind)) {
		s->outside[s->outside_count++] = text;
		if (smtp_is_limited(s))
			refusal = judge_sending(s, reply);
		if (refusal != REPLY_RECIPIENT_OK) {
			s->outside_count--;
			return refusal;
		}
	}
	smtp_set_state(s, AT_RCPT);
	s->wishes[s->recipient_count] = wish;
	s->recipients[s->recipient_count++] = text;
	return REPLY_RECIPIENT_OK;
}

/* Guessing names: a mistake or three is answered at once, then each costs twice the time of the one before. */
static int64_t pause_ms(struct smtp_session *s)
{
	unsigned named = ++s->unknown_named, here;
	int64_t pause = SMTP_PAUSE_MS;

	if (smtp_peer_is_near(s))
		return 0;
	if (s->services->unknown_named) {
		here = s->services->unknown_named(s->world);
		if (here > named)
			named = here;
	}
	if (named <= SMTP_UNKNOWN_FREE)
		return 0;
	for (unsigned i = SMTP_UNKNOWN_FREE + 1; i < named && pause < SMTP_PAUSE_MAX_MS; i++)
		pause *= 2;
	return pause < SMTP_PAUSE_MAX_MS ? pause : SMTP_PAUSE_MAX_MS;
}

static enum step refuse(struct smtp_session *s, const struct address *path, struct smtp_reply *reply)
{
	int64_t delay_ms = reply->id == REPLY_UNKNOWN_RECIPIENT ? pause_ms(s) : 0;

	smtp_refused(s, reply, NULL, path);
	if (delay_ms == 0)
		return STEP_REPLY;
	s->ask = (struct smtp_question){ .kind = SMTP_ASK_PAUSE, .delay_ms = delay_ms };
	s->paused_at = s->state;
	s->paused = reply->id;
	reply->id = REPLY_NONE;
	smtp_set_state(s, AT_WAIT);
	return STEP_WAIT;
}

enum step smtp_run_rcpt(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply)
{
	const struct smtp_rcpt *rcpt = &args->rcpt;
	struct smtp_recipient_verdict verdict = { .kind = SMTP_RECIPIENT_LATER };

	if (rcpt->has_8bit && !s->wish.utf8) {
		reply->id = REPLY_UTF8_RECIPIENT;
		return STEP_REPLY;
	}
	/* RFC 5321 4.5.3.1.10: the ones before stay good. */
	if (s->recipient_count >= s->limits.recipients_max) {
		reply->id = REPLY_TOO_MANY_RECIPIENTS;
		return STEP_REPLY;
	}
	reply->id = judge(s, &rcpt->path, &verdict);
	if (reply->id == REPLY_SUPPRESSED_RECIPIENT)
		reply->text = quote(s, verdict.words);
	if (reply->id == REPLY_RECIPIENT_OK)
		reply->id = take(s, rcpt, verdict.kind, reply);
	if (reply->id == REPLY_RECIPIENT_OK || reply->id == REPLY_TOO_MANY_RECIPIENTS)
		return STEP_REPLY;
	return refuse(s, &rcpt->path, reply);
}
