/* imap/cmd_expunge.c: EXPUNGE, UID EXPUNGE (RFC 4315), CLOSE. The replies come with the sync that ends the command. */
#include "daemon/imap/commands.h"
#include "daemon/imap/sync.h"

/* RFC 7162 3.2.7: with messages gone, the client is told how far it is up to date. */
static enum step expunged(struct imap_session *s, struct out *out, enum err e, size_t count, struct span text)
{
	s->run.tell_modseq = count && (s->enabled & ENABLED_CONDSTORE);
	return imap_finish_err(s, out, e, text);
}

enum step imap_run_expunge(struct imap_session *s, const union imap_args *args, struct out *out)
{
	size_t count = 0;
	enum err e = s->service->view_expunge(s->view, NULL, &count);

	(void)args;
	return expunged(s, out, e, count, SPAN("Done"));
}

enum step imap_run_uid_expunge(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct uid_set set;
	struct span text = SPAN("Done");
	uint32_t lowest;
	size_t count = 0;
	enum err e = imap_set_resolve(s, &args->expunge.set, true, false, &s->run.arena, &set);

	if (!e && imap_set_limit(s, &set, &lowest))
		text = imap_limit_text(s, out, lowest, s->enabled & ENABLED_CONDSTORE);
	if (!e && set.count)
		e = s->service->view_expunge(s->view, &set, &count);
	return expunged(s, out, e, count, text);
}

/* RFC 7162 3.2.8: HIGHESTMODSEQ of a mailbox that is being closed. It is told only when these expunges are all that happened since the
 * client was last told: of anything else it would never hear. */
static struct span closed_text(struct imap_session *s, size_t count)
{
	const struct view_changes *c = &s->run.changes;

	if (!count || !(s->enabled & ENABLED_CONDSTORE) || !imap_sync_begin(s, true))
		return SPAN("Done");
	if (c->gone || c->changed_count || c->count_changed || c->expunged_count != count)
		return SPAN("Done");
	return arena_printf(&s->run.arena, "[HIGHESTMODSEQ %llu] Done", (unsigned long long)s->service->view_modseq(s->view));
}

/* RFC 3501 6.4.2: removes what is \Deleted, without EXPUNGE replies; read-only: nothing. */
enum step imap_run_close(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct span text;
	size_t count = 0;
	enum err e = s->read_only ? ERR_OK : s->service->view_expunge(s->view, NULL, &count);

	(void)args;
	if (e)
		return imap_finish_err(s, out, e, SPAN(""));
	text = closed_text(s, count);
	imap_unselect(s);
	return imap_finish(s, out, IMAP_OK, text);
}
