/* imap/cmd_status.c: STATUS (RFC 3501 6.3.10, RFC 9051 6.3.11). */
#include "daemon/imap/commands.h"
#include "daemon/imap/reply.h"
#include "daemon/imap/reply_mailbox.h"
#include "daemon/imap/sync.h"

enum err imap_status_tell(struct imap_session *s, const struct mailbox_info *m, unsigned items, struct out *out)
{
	struct status_values values = { .mailbox = m };
	enum err e = ERR_OK;

	if (s->view && s->service->view_mailbox_id(s->view) == m->id)
		values.recent = s->service->view_recent_count(s->view);
	else if (items & STATUS_RECENT)
		e = s->service->view_recent_waiting(s->store, m->id, &values.recent);
	if (!e && (items & STATUS_DELETED_STORAGE) && m->deleted)
		e = s->service->deleted_bytes(s->store, m->id, &values.deleted_bytes);
	if (!e && (items & STATUS_HIGHESTMODSEQ))
		imap_condstore_on(s, out);
	if (!e)
		reply_status(s, out, &values, items);
	return e;
}

enum step imap_run_status(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct mailbox_info m;
	enum err e = imap_mailbox_find(s, args->status.name, &m);

	if (!e)
		e = imap_status_tell(s, &m, args->status.items, out);
	return imap_finish_err(s, out, e, SPAN("Done"));
}
