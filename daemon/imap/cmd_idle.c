/* imap/cmd_idle.c: IDLE (RFC 2177): between "+" and DONE the client hears of each change when it happens. */
#include "daemon/imap/commands.h"
#include "daemon/imap/metadata.h"
#include "daemon/imap/notify_tell.h"
#include "daemon/imap/reply.h"
#include "daemon/imap/sync.h"
#include "daemon/imap/watch.h"

/* What has changed is told; then the session sleeps and holds nothing of it. */
static enum step idle_more(struct imap_session *s, struct out *out)
{
	if (!imap_sync_emit(s, out))
		return STEP_MORE;
	if (s->run.changes.gone) {
		imap_idle_end(s);
		return imap_bye(s, out, imap_gone_text(s));
	}
	imap_metadata_tell(s, out);
	arena_clear(&s->run.arena);
	if (imap_sync_begin(s, true)) /* a wake-up that came while these were being told */
		return STEP_MORE;
	s->run.more = NULL;
	return STEP_REPLY;
}

enum step imap_idle_wake(struct imap_session *s, struct out *out)
{
	if (s->notify) /* the same events as without IDLE (RFC 5465 4) */
		return imap_notify_wake(s, out);
	(void)imap_sync_begin(s, true);
	s->run.more = idle_more;
	return idle_more(s, out);
}

enum step imap_run_idle(struct imap_session *s, const union imap_args *args, struct out *out)
{
	(void)args;
	s->input = INPUT_IDLE;
	imap_watch_update(s); /* first the watch, then the look: nothing falls between */
	buf_clear(&s->line);
	s->line_start = 0;
	reply_continue(out, "idling");
	return imap_idle_wake(s, out);
}

void imap_idle_end(struct imap_session *s)
{
	s->input = INPUT_LINE;
	imap_watch_update(s);
}

enum step imap_idle_line(struct imap_session *s, struct span line, struct out *out)
{
	imap_idle_end(s);
	if (!span_iequals(line, SPAN("DONE")))
		return imap_finish(s, out, IMAP_BAD, SPAN("DONE ends IDLE"));
	return imap_finish(s, out, IMAP_OK, SPAN("Done"));
}
