/* imap/cmd_copy.c: COPY (RFC 3501 6.4.7) and MOVE (RFC 6851), with COPYUID (RFC 4315). All or nothing, one commit. */
#include "daemon/imap/commands.h"
#include "daemon/imap/reply.h"
#include "daemon/imap/sync.h"
#include "daemon/imap/table.h"

static enum step copied(struct imap_session *s, bool move, uint32_t uid_validity, const struct uid_pair *pairs, size_t count, struct out *out)
{
	struct span text;

	if (!count)
		return imap_finish(s, out, IMAP_OK, SPAN("Nothing to do"));
	text = reply_copyuid(&s->run.arena, uid_validity, pairs, count);
	if (!move)
		return imap_finish(s, out, IMAP_OK, text);
	reply_ok_code(out, text); /* RFC 6851 4.3: before the EXPUNGEs */
	return imap_finish(s, out, IMAP_OK, SPAN("Done"));
}

static enum step copy(struct imap_session *s, const union imap_args *args, bool move, struct out *out)
{
	struct mailbox_info target;
	struct uid_set set;
	struct uid_pair *pairs = NULL;
	size_t count = 0;
	uint32_t uid_validity = 0;
	enum err e = imap_set_resolve(s, &args->copy.set, s->run.command->law & BY_UID, false, &s->run.arena, &set);

	if (e == ERR_SYNTAX)
		return imap_finish(s, out, IMAP_BAD, SPAN("No such message"));
	if (!e)
		e = imap_mailbox_find(s, args->copy.name, &target);
	if (!e && set.count)
		e = s->service->view_copy(s->view, &set, target.id, move, NULL, &s->run.arena, &uid_validity, &pairs, &count);
	if (e == ERR_NOT_FOUND)
		return imap_finish(s, out, IMAP_NO, SPAN("[TRYCREATE] No such mailbox"));
	return e ? imap_finish_err(s, out, e, SPAN("")) : copied(s, move, uid_validity, pairs, count, out);
}

enum step imap_run_copy(struct imap_session *s, const union imap_args *args, struct out *out)
{
	return copy(s, args, false, out);
}

enum step imap_run_move(struct imap_session *s, const union imap_args *args, struct out *out)
{
	return copy(s, args, true, out);
}
