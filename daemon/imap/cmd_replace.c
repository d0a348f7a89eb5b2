/* imap/cmd_replace.c: REPLACE and UID REPLACE (RFC 8508): APPEND that takes a message of the selected mailbox away in the same commit.
 *
 * replace = "REPLACE" SP seq-number SP mailbox append-message
 */
#include "daemon/imap/append.h"
#include "daemon/imap/commands.h"
#include "daemon/imap/reply.h"
#include "daemon/imap/table.h"

/* seq-number = nz-number / "*"; uniqueid = nz-number */
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

bool imap_replace_begin(struct imap_session *s)
{
	uint32_t number = s->run.args.append.number, sequence;
	const struct span why = refusal(s);

	if (why.len) {
		imap_append_refuse(s, IMAP_NO, why);
	} else if (s->run.command->law & BY_UID) {
		if (number && s->service->view_sequence_of(s->view, number, &sequence)) {
			s->append->replaced = number;
			return true;
		}
		imap_append_refuse(s, number ? IMAP_NO : IMAP_BAD, number ? SPAN("[NONEXISTENT] No such message") : SPAN("The arguments are not right"));
	} else {
		number = number ? number : s->service->view_count(s->view);
		if (number && number <= s->service->view_count(s->view)) {
			s->append->replaced = s->service->view_uid_of(s->view, number);
			return true;
		}
		imap_append_refuse(s, IMAP_BAD, SPAN("No such message"));
	}
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
