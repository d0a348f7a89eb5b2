/* imap/cmd_sort.c: SORT and UID SORT (RFC 5256):
 *
 *   search ──▶ read what is sorted by ──▶ merge ──▶ tell
 */
#include "daemon/base/clock.h"
#include "daemon/imap/commands.h"
#include "daemon/imap/esearch.h"
#include "daemon/imap/search_rows.h"
#include "daemon/imap/sort.h"

struct sort_work {
	struct search_rows rows;
	struct sorter *sorter; /* once all is found */
	uint64_t *modseqs;     /* by message number; null: not to be told */
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
	struct sort_work *w = r->work;
	uint32_t sequence;

	if (r->s->service->view_sequence_of(r->s->view, row->uid, &sequence)) {
		r->e = sort_add(w->sorter, sequence, row);
		if (w->modseqs)
			w->modseqs[sequence - 1] = row->modseq;
	}
	return !r->e && (++r->rows % 64 || clock_mono_us() < r->until_us);
}

static enum err read_rows(struct imap_session *s, struct sort_work *w, int64_t until_us)
{
	struct reading r = { .s = s, .work = w, .until_us = until_us };
	struct search_rows *rows = &w->rows;

	while (!r.e && !rows->end && clock_mono_us() < until_us) {
		enum err e = s->service->view_read(s->view, &rows->set, rows->after_uid, sort_want(w->sorter), each_row, &r, &rows->after_uid, &rows->end);

		if (e)
			return e;
	}
	if (!r.e && rows->end)
		sort_added(w->sorter);
	return r.e;
}

static enum err begin(struct imap_session *s, struct sort_work *w, const struct search_found *found)
{
	struct arena *a = &s->run.arena;

	w->sorter = sort_begin(&s->run.args.search.sort, found->count, a);
	if (!w->sorter)
		return ERR_LIMIT;
	sort_scores(w->sorter, found->scores);
	if (s->run.args.search.tree.has_modseq)
		w->modseqs = arena_array(a, found->size, sizeof *w->modseqs);
	return a->failed ? ERR_LIMIT : ERR_OK;
}

/* MIN and MAX are the first and the last as they are sorted, and so is what MODSEQ says of them (RFC 5267 3.1, RFC 7162 3.1.10). */
static void put_in_order(const struct sort_work *w, struct search_found *found)
{
	found->sorted = sort_result(w->sorter, &found->count);
	if (!w->modseqs || !found->count)
		return;
	found->first_modseq = w->modseqs[found->sorted[0] - 1];
	found->last_modseq = w->modseqs[found->sorted[found->count - 1] - 1];
}

static enum step sort_found(struct imap_session *s, struct out *out)
{
	struct sort_work *w = s->run.work;
	struct search_found *found = search_found_of(w->rows.search);
	int64_t until_us = clock_mono_us() + IMAP_TURN_US;
	enum err e = w->sorter ? ERR_OK : begin(s, w, found);

	if (!e && !w->rows.end)
		e = read_rows(s, w, until_us);
	if (e)
		return search_fail(s, out, e);
	if (!w->rows.end || !sort_more(w->sorter, until_us)) {
		imap_in_progress(s, out, 0, 0);
		return STEP_MORE;
	}
	put_in_order(w, found);
	return search_tell(s, out, found);
}

enum step imap_run_sort(struct imap_session *s, const union imap_args *args, struct out *out)
{
	(void)args;
	return search_rows_begin(s, sizeof(struct sort_work), sort_found, out);
}
