/* imap/cmd_status.c: STATUS (RFC 3501 6.3.10, RFC 9051 6.3.11). */
#include "daemon/imap/commands.h"
#include "daemon/imap/place.h"
#include "daemon/imap/reply.h"
#include "daemon/imap/reply_mailbox.h"
#include "daemon/imap/sync.h"

enum err imap_status_tell(struct imap_session *s, const struct imap_place *place, const struct mailbox_info *shown, unsigned items, struct out *out)
{
	const bool is_own = place->owner == s->account_id;
	struct mailbox_info copy = *shown, *m = &copy;
	struct status_values values = { .mailbox = m, .owner = place->owner };
	enum err e = ERR_OK;

	if (!is_own && (items & STATUS_UNSEEN))
		e = s->service->unseen_for(place->store, m->id, s->account_id, &m->unseen);
	if (e)
		return e;
	if (imap_place_is_selected(s, place->owner, m->id))
		values.recent = s->service->view_recent_count(s->view);
	else if (items & STATUS_RECENT)
		e = s->service->view_recent_waiting(place->store, m->id, &values.recent);
	if (!e && (items & STATUS_DELETED_STORAGE) && m->deleted)
		e = s->service->deleted_bytes(place->store, m->id, &values.deleted_bytes);
	if (!e && (items & STATUS_HIGHESTMODSEQ))
		imap_condstore_on(s, out);
	if (!e)
		reply_status(s, out, &values, items);
	return e;
}

enum step imap_run_status(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct mailbox_info shown;
	struct imap_place place;
	enum err e = imap_place_find(s, args->status.name, RIGHT_READ, &place);

	if (!e)
		e = imap_place_shown(s, &place, &shown);
	if (!e)
		e = imap_status_tell(s, &place, &shown, args->status.items, out);
	return imap_finish_err(s, out, e, SPAN("Done"));
}
