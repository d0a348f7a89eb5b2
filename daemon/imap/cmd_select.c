/* imap/cmd_select.c: SELECT and EXAMINE (RFC 3501 6.3.1, 6.3.2). */
#include "daemon/imap/commands.h"
#include "daemon/imap/reply.h"
#include "daemon/imap/sync.h"

static void tell(struct imap_session *s, const struct mailbox_info *m, struct out *out)
{
	uint32_t unseen = 0, last = s->service->view_last_uid(s->view);
	struct arena *a = &s->run.arena;

	reply_select_flags(s, out);
	reply_count(out, s->service->view_count(s->view), "EXISTS");
	reply_count(out, s->service->view_recent_count(s->view), "RECENT");
	if (!s->service->view_first_unseen(s->view, &unseen) && unseen)
		reply_ok_code(out, arena_printf(a, "[UNSEEN %u] First unseen message", unseen));
	reply_ok_code(out, arena_printf(a, "[UIDVALIDITY %u] UIDs are valid", m->uid_validity));
	/* A message may have come between reading the mailbox's row and opening the view. */
	reply_ok_code(out, arena_printf(a, "[UIDNEXT %u] Next UID", last >= m->uid_next ? last + 1 : m->uid_next));
}

static enum step select_mailbox(struct imap_session *s, struct span name, bool read_only, struct out *out)
{
	struct mailbox_info m;
	enum err e;

	if (s->state == IMAP_SELECTED) {
		imap_unselect(s); /* also when the new one can't be had */
		reply_untagged(out, "OK [CLOSED] The mailbox before is closed");
	}
	e = imap_mailbox_find(s, name, &m);
	if (!e)
		e = read_only ? s->service->view_open_readonly(s->store, m.id, &s->view) : s->service->view_open(s->store, m.id, &s->view);
	if (!e)
		e = imap_keywords_load(s);
	if (e) {
		imap_unselect(s);
		return imap_finish_err(s, out, e, SPAN(""));
	}
	s->read_only = read_only;
	imap_set_state(s, IMAP_SELECTED);
	tell(s, &m, out);
	return imap_finish(s, out, IMAP_OK, read_only ? SPAN("[READ-ONLY] Selected") : SPAN("[READ-WRITE] Selected"));
}

enum step imap_run_select(struct imap_session *s, const union imap_args *args, struct out *out)
{
	return select_mailbox(s, args->mailbox.name, false, out);
}

enum step imap_run_examine(struct imap_session *s, const union imap_args *args, struct out *out)
{
	return select_mailbox(s, args->mailbox.name, true, out);
}
