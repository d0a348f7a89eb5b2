/* imap/cmd_replace.c: REPLACE and UID REPLACE (RFC 8508): APPEND that takes a message of the selected mailbox away in the same commit.
 *
 * replace = "REPLACE" SP seq-number SP mailbox append-message
 */
#include "daemon/imap/append.h"
#include "daemon/imap/commands.h"
#include "daemon/imap/reply.h"
#include "daemon/imap/table.h"

/* seq-number = nz-number / "*", of UID REPLACE too (RFC 8508 5) */
enum err imap_parse_replace(struct imap_parser *p, union imap_args *out)
{
	enum err e = parse_expect(p, ' ');

	if (!e && !parse_char(p, '*')) {
		e = parse_number(p, &out->append.number);
		if (!e && !out->append.number)
			e = ERR_SYNTAX;
	}
	return e ? e : imap_parse_append(p, out);
}

/* What is replaced goes as by MOVE; both stand in one account, for one commit. */
static struct span refusal(const struct imap_session *s)
{
	const unsigned rights = RIGHT_DELETE_MESSAGES | RIGHT_EXPUNGE;

	if (s->append->owner != s->at.owner)
		return SPAN("[CANNOT] A message can't be replaced by one in another account");
	return (s->at.rights & rights) == rights ? SPAN("") : SPAN("[NOPERM] Messages may not be removed from this mailbox");
}

/* The UID of what is meant; 0: there is no such message. */
static uint32_t meant(const struct imap_session *s)
{
	const uint32_t count = s->service->view_count(s->view), number = s->run.args.append.number;
	uint32_t sequence = number ? number : count;

	if (number && (s->run.command->law & BY_UID) && !s->service->view_sequence_of(s->view, number, &sequence))
		return 0;
	return sequence && sequence <= count ? s->service->view_uid_of(s->view, sequence) : 0;
}

bool imap_replace_begin(struct imap_session *s)
{
	const struct span why = refusal(s);
	const bool by_uid = s->run.command->law & BY_UID;

	s->append->replaced = why.len ? 0 : meant(s);
	if (s->append->replaced)
		return true;
	if (why.len)
		imap_append_refuse(s, IMAP_NO, why);
	else
		imap_append_refuse(s, by_uid ? IMAP_NO : IMAP_BAD, by_uid ? SPAN("[NONEXISTENT] No such message") : SPAN("No such message"));
	imap_append_drop(s);
	return false;
}

enum step imap_run_replace(struct imap_session *s, const union imap_args *args, struct out *out)
{
	const bool tells_uids = imap_append_tells_uids(s);
	struct append_result result = { 0, 0 };
	enum err e = imap_append_file(s, &result);

	(void)args;
	if (e == ERR_STATE)
		return imap_finish(s, out, IMAP_NO, SPAN("[EXPUNGEISSUED] The message no longer exists"));
	if (e)
		return imap_append_failed(s, out, e);
	if (tells_uids) /* RFC 8508 3.4: before EXPUNGE */
		reply_ok_code(out, arena_printf(&s->run.arena, "[APPENDUID %u %u] The new message is there", result.uid_validity, result.uid));
	s->run.tell_modseq = s->enabled & ENABLED_CONDSTORE;
	return imap_finish(s, out, IMAP_OK, SPAN("Done"));
}
