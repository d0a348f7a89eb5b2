/* imap/cmd_copy.c: COPY (RFC 3501 6.4.7) and MOVE (RFC 6851), with COPYUID (RFC 4315). All or nothing; within an account one commit. */
#include "daemon/imap/commands.h"
#include "daemon/imap/notify_own.h"
#include "daemon/imap/place.h"
#include "daemon/imap/quota.h"
#include "daemon/imap/reply.h"
#include "daemon/imap/sync.h"
#include "daemon/imap/table.h"

struct copying {
	struct uid_set set;
	bool is_move;
	bool is_blind; /* the target may not be read: UIDs would tell of it (RFC 4315 3) */
	uint32_t uid_validity;
	struct uid_pair *pairs;
	size_t count;
	uint32_t lowest_uid; /* of those that are moved, when there are more; else 0 */
};

static enum step copied(struct imap_session *s, const struct copying *c, struct out *out)
{
	const bool tells_uids = imap_has(s, CAP_UIDPLUS) && !c->is_blind;
	struct span text = SPAN("Done"), uids = SPAN("Done");

	if (!c->count)
		return imap_finish(s, out, IMAP_OK, SPAN("Nothing to do"));
	if (tells_uids)
		uids = reply_copyuid(&s->run.arena, c->uid_validity, c->pairs, c->count);
	if (!c->is_move)
		return imap_finish(s, out, IMAP_OK, uids);
	if (tells_uids)
		reply_ok_code(out, uids);                /* RFC 6851 4.3: before the EXPUNGEs */
	s->run.tell_modseq = imap_has(s, CAP_CONDSTORE); /* RFC 6851 4.4: to everybody, whatever is enabled */
	if (c->lowest_uid)
		text = imap_limit_text(s, out, c->lowest_uid, s->run.tell_modseq);
	return imap_finish(s, out, IMAP_OK, text);
}

static enum step not_copied(struct imap_session *s, struct span name, enum err e, struct out *out)
{
	switch (e) {
	case ERR_NOT_FOUND: return imap_finish(s, out, IMAP_NO, imap_place_missing(s, name));
	case ERR_STATE: return imap_finish(s, out, IMAP_NO, SPAN("[EXPUNGEISSUED] Some of the messages no longer exist"));
	case ERR_LIMIT: return imap_finish(s, out, IMAP_NO, SPAN("[OVERQUOTA] There is no room for the copies"));
	case ERR_OK:
	case ERR_SYNTAX:
	case ERR_DENIED:
	case ERR_EXISTS:
	case ERR_TEMP:
	case ERR_CORRUPT: break;
	}
	return imap_finish_err(s, out, e, SPAN(""));
}

/* Into another account. New keywords are made in the own one, and where keywords may be set. */
static enum err copy_to(struct imap_session *s, struct copying *c, const struct imap_place *target, const struct store_room *room)
{
	const struct share_terms terms = {
		.is_move = c->is_move,
		.flags = imap_rights_flags(target->rights),
		.keywords = target->rights & RIGHT_WRITE ? SHARE_ALL_KEYWORDS : SHARE_NO_KEYWORDS,
		.room = room,
	};

	return s->service->view_copy_to(s->view, &c->set, target->store, target->mailbox.id, &terms, &s->run.arena, &c->uid_validity, &c->pairs, &c->count);
}

static enum err copy_set(struct imap_session *s, struct copying *c, struct span name)
{
	struct imap_place target;
	struct store_room room;
	enum err e = imap_place_find(s, name, RIGHT_INSERT, &target);
	const bool is_within = !e && target.owner == s->at.owner;
	const bool has_room = !e && !(c->is_move && is_within) && c->set.count && imap_room(s, target.owner, &room, NULL);

	if (e || !c->set.count)
		return e;
	c->is_blind = !(target.rights & RIGHT_READ);
	if (!is_within)
		return copy_to(s, c, &target, has_room ? &room : NULL);
	e = s->service->view_copy(s->view, &c->set, target.mailbox.id, c->is_move, imap_rights_flags(target.rights), has_room ? &room : NULL, &s->run.arena, &c->uid_validity, &c->pairs,
				  &c->count);
	for (size_t i = 0; !e && i < c->count; i++)
		notify_own_messages(s, target.owner, target.mailbox.id, c->pairs[i].to, c->pairs[i].to);
	return e;
}

static enum step copy(struct imap_session *s, const union imap_args *args, bool is_move, struct out *out)
{
	const unsigned removes = RIGHT_DELETE_MESSAGES | RIGHT_EXPUNGE;
	struct copying c = { .is_move = is_move };
	enum err e = imap_set_resolve(s, &args->copy.set, s->run.command->law & BY_UID, false, &s->run.arena, &c.set);

	if (e == ERR_SYNTAX)
		return imap_finish(s, out, IMAP_BAD, SPAN("No such message"));
	if (e)
		return imap_finish_err(s, out, e, SPAN(""));
	if (is_move && (s->at.rights & removes) != removes)
		return imap_finish(s, out, IMAP_NO, SPAN("[NOPERM] Messages may not be removed from this mailbox"));
	/* RFC 9738 3.1: too many to be copied is a failure, too many to be moved a beginning. */
	if (imap_set_limit(s, &c.set, &c.lowest_uid) && !is_move)
		return imap_finish(s, out, IMAP_NO, arena_printf(&s->run.arena, "[MESSAGELIMIT %u] Too many messages for one copy", IMAP_MESSAGELIMIT));
	e = copy_set(s, &c, args->copy.name);
	return e ? not_copied(s, args->copy.name, e, out) : copied(s, &c, out);
}

enum step imap_run_copy(struct imap_session *s, const union imap_args *args, struct out *out)
{
	return copy(s, args, false, out);
}

enum step imap_run_move(struct imap_session *s, const union imap_args *args, struct out *out)
{
	return copy(s, args, true, out);
}
