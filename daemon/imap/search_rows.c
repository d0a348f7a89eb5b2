/* imap/search_rows.c: see the header. More messages than a command may hold in memory are refused before the first is read. */
#include "daemon/imap/search_rows.h"

#include "daemon/base/clock.h"
#include "daemon/imap/esearch.h"
#include "daemon/imap/table.h"

static enum step search_more(struct imap_session *s, struct out *out)
{
	struct search_rows *rows = s->run.work;
	const struct search_found *found = search_found_of(rows->search);
	bool done;
	enum err e = search_work_turn(s, rows->search, clock_mono_us() + IMAP_TURN_US, out, &done);

	if (!e && !done)
		return STEP_MORE;
	if (!e && found->count > IMAP_MESSAGELIMIT)
		return search_too_many(s, out);
	if (!e)
		e = search_found_set(s, found, &s->run.arena, &rows->set);
	if (e)
		return search_fail(s, out, e);
	rows->end = !rows->set.count;
	s->run.more = rows->found;
	return rows->found(s, out);
}

enum step search_rows_begin(struct imap_session *s, size_t size, enum step (*found)(struct imap_session *s, struct out *out), struct out *out)
{
	struct search_work *search;
	struct search_rows *rows;
	enum step step;

	search = search_work_begin(s, out, &step);
	if (!search) /* the command has ended, and its arena with it */
		return step;
	rows = arena_alloc(&s->run.arena, size);
	if (!rows)
		return search_fail(s, out, ERR_LIMIT);
	rows->search = search;
	rows->found = found;
	s->run.work = rows;
	s->run.more = search_more;
	return search_more(s, out);
}
