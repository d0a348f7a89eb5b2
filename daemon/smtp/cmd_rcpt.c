/* smtp/cmd_rcpt.c: RCPT: whom we take mail for (RFC 5321 4.1.1.3).
 *
 * No open relay by construction: a remote recipient is taken on submission, where MAIL needed an authenticated account, and over
 * submit.sock from a uid that an administrator has allowed it.
 */
#include "daemon/smtp/commands.h"
#include "daemon/smtp/refusal.h"

static enum smtp_reply_id judge(const struct smtp_session *s, const struct address *path)
{
	struct smtp_recipient_verdict verdict;

	s->services->recipient(s->world, path, s->reverse_path.len == 0, &verdict);
	switch (verdict.kind) {
	case SMTP_RECIPIENT_OK: return REPLY_RECIPIENT_OK;
	case SMTP_RECIPIENT_UNKNOWN: return REPLY_UNKNOWN_RECIPIENT;
	case SMTP_RECIPIENT_REFUSED:
	case SMTP_RECIPIENT_SUSPENDED: return REPLY_SUSPENDED_RECIPIENT;
	case SMTP_RECIPIENT_LATER:
	case SMTP_RECIPIENT_OVER_QUOTA: return REPLY_TRY_LATER;
	case SMTP_RECIPIENT_NO_MAIL:
	case SMTP_RECIPIENT_SUPPRESSED:
	case SMTP_RECIPIENT_REMOTE:
		/* An address literal names a machine, not a domain: none is ours, and to relay to one lets a client
		 * reach into our network. */
		if (s->profile == SMTP_LOCAL && !s->sends_outside)
			return REPLY_NOT_OUTSIDE;
		if (s->profile == SMTP_MX || path->domain.len == 0 || path->domain.ptr[0] == '[')
			return REPLY_RELAY_DENIED;
		return REPLY_RECIPIENT_OK;
	}
	return REPLY_TRY_LATER;
}

/* Doubles in the arena: at most twice what is needed stays there. */
static bool make_room(struct smtp_session *s)
{
	size_t room = s->recipient_room ? s->recipient_room * 2 : 8;
	struct span *wider;

	if (s->recipient_count < s->recipient_room)
		return true;
	wider = arena_array(&s->transaction, room, sizeof(*wider));
	if (!wider)
		return false;
	if (s->recipient_count > 0)
		memcpy(wider, s->recipients, s->recipient_count * sizeof(*wider));
	s->recipients = wider;
	s->recipient_room = room;
	return true;
}

enum step smtp_run_rcpt(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply)
{
	const struct address *path = &args->rcpt.path;
	struct span text;

	if (args->rcpt.has_8bit && !s->utf8) {
		reply->id = REPLY_BAD_RECIPIENT;
		return STEP_REPLY;
	}
	/* RFC 5321 4.5.3.1.10: the ones before stay good. */
	if (s->recipient_count >= s->limits.recipients_max) {
		reply->id = REPLY_TOO_MANY_RECIPIENTS;
		return STEP_REPLY;
	}
	reply->id = judge(s, path);
	if (reply->id != REPLY_RECIPIENT_OK) {
		smtp_refused(s, reply, NULL, path);
		return STEP_REPLY;
	}
	if (smtp_address_text(s, path, &text) != ERR_OK || !make_room(s)) {
		reply->id = REPLY_TOO_MANY_RECIPIENTS;
		return STEP_REPLY;
	}
	smtp_set_state(s, AT_RCPT);
	s->recipients[s->recipient_count++] = text;
	return STEP_REPLY;
}
