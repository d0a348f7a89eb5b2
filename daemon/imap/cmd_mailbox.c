/* imap/cmd_mailbox.c: CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, STATUS. */
#include "daemon/imap/commands.h"
#include "daemon/imap/reply.h"
#include "daemon/imap/sync.h"

/* A name in the store's form. RFC 3501 6.3.3: a separator at the end of CREATE's name only says what is to come. */
static enum err normal(struct imap_session *s, struct span name, struct span *out)
{
	if (name.len > 1 && span_ends(name, SPAN("/")))
		name.len--;
	return s->service->name_normal(name, &s->run.arena, out);
}

enum step imap_run_create(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct span name;
	enum err e = normal(s, args->mailbox.name, &name);

	if (!e)
		e = s->service->create(s->store, name, USE_NONE);
	if (e == ERR_DENIED) /* INBOX */
		e = ERR_EXISTS;
	return e == ERR_LIMIT ? imap_finish(s, out, IMAP_NO, SPAN("[LIMIT] Too long, too deep, or too many mailboxes")) : imap_finish_err(s, out, e, SPAN("Done"));
}

enum step imap_run_delete(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct mailbox_info m;
	enum err e = imap_mailbox_find(s, args->mailbox.name, &m);

	if (!e)
		e = s->service->remove(s->store, m.name);
	/* Who deletes what it has selected knows; only others are sent away. */
	if (!e && s->view && s->service->view_mailbox_id(s->view) == m.id)
		imap_unselect(s);
	if (e == ERR_DENIED)
		return imap_finish(s, out, IMAP_NO, SPAN("[CANNOT] INBOX stays"));
	if (e == ERR_STATE)
		return imap_finish(s, out, IMAP_NO, SPAN("[HASCHILDREN] Delete the mailboxes below it first"));
	return imap_finish_err(s, out, e, SPAN("Done"));
}

enum step imap_run_rename(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct span from, to;
	enum err e = s->service->name_normal(args->rename.from, &s->run.arena, &from);

	if (e == ERR_SYNTAX || e == ERR_LIMIT)
		e = ERR_NOT_FOUND;
	if (!e)
		e = normal(s, args->rename.to, &to);
	if (!e)
		e = s->service->rename(s->store, from, to);
	return imap_finish_err(s, out, e, SPAN("Done"));
}

enum step imap_run_subscribe(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct span name;
	enum err e = normal(s, args->mailbox.name, &name);

	if (!e)
		e = s->service->subscribe(s->store, name, true);
	return imap_finish_err(s, out, e, SPAN("Done"));
}

enum step imap_run_unsubscribe(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct span name;
	enum err e = normal(s, args->mailbox.name, &name);

	if (!e)
		e = s->service->subscribe(s->store, name, false);
	if (e == ERR_NOT_FOUND)
		return imap_finish(s, out, IMAP_NO, SPAN("[NONEXISTENT] Not subscribed"));
	return imap_finish_err(s, out, e, SPAN("Done"));
}

enum step imap_run_status(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct mailbox_info m;
	enum err e = imap_mailbox_find(s, args->status.name, &m);
	uint32_t recent = 0;

	if (e)
		return imap_finish_err(s, out, e, SPAN(""));
	if (s->view && s->service->view_mailbox_id(s->view) == m.id)
		recent = s->service->view_recent_count(s->view);
	else if (args->status.items & STATUS_RECENT)
		e = s->service->view_recent_waiting(s->store, m.id, &recent);
	if (e)
		return imap_finish_err(s, out, e, SPAN(""));
	reply_status(out, &m, recent, args->status.items);
	return imap_finish(s, out, IMAP_OK, SPAN("Done"));
}
