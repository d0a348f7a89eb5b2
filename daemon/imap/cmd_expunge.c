/* imap/cmd_expunge.c: EXPUNGE, UID EXPUNGE (RFC 4315). The replies come with the sync that ends the command. */
#include "daemon/imap/commands.h"
#include "daemon/imap/sync.h"

enum step imap_run_expunge(struct imap_session *s, const union imap_args *args, struct out *out)
{
	(void)args;
	return imap_finish_err(s, out, s->service->view_expunge(s->view, NULL), SPAN("Done"));
}

enum step imap_run_uid_expunge(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct uid_set set;
	enum err e = imap_set_resolve(s, &args->expunge.set, true, false, &s->run.arena, &set);

	if (!e && set.count)
		e = s->service->view_expunge(s->view, &set);
	return imap_finish_err(s, out, e, SPAN("Done"));
}
