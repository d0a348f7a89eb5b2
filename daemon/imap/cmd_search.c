/* imap/cmd_search.c: SEARCH and UID SEARCH. */
#include "daemon/base/clock.h"
#include "daemon/imap/commands.h"
#include "daemon/imap/esearch.h"

static enum step search_more(struct imap_session *s, struct out *out)
{
	struct search_work *w = s->run.work;
	bool done;
	enum err e = search_work_turn(s, w, clock_mono_us() + IMAP_TURN_US, out, &done);

	if (e)
		return search_fail(s, out, e);
	return done ? search_tell(s, out, search_found_of(w)) : STEP_MORE;
}

enum step imap_run_search(struct imap_session *s, const union imap_args *args, struct out *out)
{
	enum step step;

	(void)args;
	s->run.work = search_work_begin(s, out, &step);
	if (!s->run.work)
		return step;
	s->run.more = search_more;
	return search_more(s, out);
}
