/* imap/cmd_sort.c: SORT and UID SORT (RFC 5256):
 *
 *   search ──▶ read what is sorted by ──▶ merge ──▶ tell
 */
#include "daemon/base/clock.h"
#include "daemon/imap/commands.h"
#include "daemon/imap/esearch.h"
#include "daemon/imap/sort.h"

struct sort_work {
	struct search_work *search;
	struct sorter *sorter; /* once all is found */
	struct uid_set set;
	uint32_t after_uid;
	bool end;
};

struct reading {
	struct imap_session *s;
	struct sort_work *work;
	int64_t until_us;
	unsigned rows;
	enum err e;
};

static bool each_row(void *arg, const struct message_row *row)
{
	struct reading *r = arg;
	uint32_t sequence;

	if (r->s->service->view_sequence_of(r->s->view, row->uid, &sequence))
		r->e = sort_add(r->work->sorter, sequence, row);
	return !r->e && (++r->rows % 64 || clock_mono_us() < r->until_us);
}

static enum err read_rows(struct imap_session *s, struct sort_work *w, int64_t until_us)
{
	struct reading r = { .s = s, .work = w, .until_us = until_us };

	while (!r.e && !w->end && clock_mono_us() < until_us) {
		enum err e = s->service->view_read(s->view, &w->set, w->after_uid, sort_want(w->sorter), each_row, &r, &w->after_uid, &w->end);

		if (e)
			return e;
	}
	if (!r.e && w->end)
		sort_added(w->sorter);
	return r.e;
}

static enum step sort_found(struct imap_session *s, struct out *out)
{
	struct sort_work *w = s->run.work;
	struct search_found *found = search_found_of(w->search);
	int64_t until_us = clock_mono_us() + IMAP_TURN_US;
	enum err e = w->end ? ERR_OK : read_rows(s, w, until_us);

	if (e)
		return search_fail(s, out, e);
	if (!w->end || !sort_more(w->sorter, until_us)) {
		imap_in_progress(s, out, 0, 0);
		return STEP_MORE;
	}
	found->sorted = sort_result(w->sorter, &found->count);
	return search_tell(s, out, found);
}

static enum step sort_search(struct imap_session *s, struct out *out)
{
	struct sort_work *w = s->run.work;
	const struct search_found *found = search_found_of(w->search);
	bool done;
	enum err e = search_work_turn(s, w->search, clock_mono_us() + IMAP_TURN_US, out, &done);

	if (!e && !done)
		return STEP_MORE;
	if (!e && found->count > IMAP_MESSAGELIMIT)
		return search_too_many(s, out);
	if (!e)
		e = search_found_set(s, found, &s->run.arena, &w->set);
	if (!e) {
		w->end = !w->set.count;
		w->sorter = sort_begin(&s->run.args.search.sort, found->count, &s->run.arena);
		e = w->sorter ? ERR_OK : ERR_LIMIT;
		if (!e)
			sort_scores(w->sorter, found->scores);
	}
	if (e)
		return search_fail(s, out, e);
	s->run.more = sort_found;
	return sort_found(s, out);
}

enum step imap_run_sort(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct search_work *search;
	struct sort_work *w;
	enum step step;

	(void)args;
	search = search_work_begin(s, out, &step);
	if (!search) /* the command has ended, and its arena with it */
		return step;
	w = arena_alloc(&s->run.arena, sizeof *w);
	if (!w)
		return search_fail(s, out, ERR_LIMIT);
	w->search = search;
	s->run.work = w;
	s->run.more = sort_search;
	return sort_search(s, out);
}
