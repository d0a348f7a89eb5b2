/* imap/cmd_search.c: SEARCH (RFC 3501 6.4.4), in turns:
 *
 *   a batch of thin rows ──▶ yes, no, or unsure ──▶ the unsure are read with their text ──▶ the batch is told ──▶ the next
 */
#include "daemon/base/clock.h"
#include "daemon/imap/commands.h"
#include "daemon/imap/reply.h"
#include "daemon/imap/search.h"
#include "daemon/imap/table.h"

struct candidate {
	uint32_t uid;
	enum search_answer answer;
};

struct search_work {
	struct search_needs needs;
	struct uid_set set;
	struct uid_range all;
	uint32_t after_uid;
	bool end, told;
	struct candidate rows[IMAP_SEARCH_BATCH];
	size_t count;
	struct uid_range unsure[IMAP_SEARCH_BATCH];
	size_t unsure_count; /* not 0: their text is being read */
	uint32_t unsure_after;
	size_t unsure_at; /* in rows */
};

struct turn {
	struct imap_session *s;
	struct search_work *work;
	struct search_scratch *scratch;
	int64_t start_us;
	unsigned rows;
};

static bool is_over(struct turn *t, unsigned each)
{
	return ++t->rows % each == 0 && clock_mono_us() - t->start_us > IMAP_TURN_US;
}

static bool each_thin(void *arg, const struct message_row *row)
{
	struct turn *t = arg;
	struct search_work *w = t->work;
	struct search_message m = { t->s, row, NULL };
	enum search_answer a = search_matches(&t->s->run.args.search.tree, &m);

	if (a != SEARCH_NO)
		w->rows[w->count++] = (struct candidate){ row->uid, a };
	if (a == SEARCH_UNSURE)
		w->unsure[w->unsure_count++] = (struct uid_range){ row->uid, row->uid };
	return w->count < IMAP_SEARCH_BATCH && !is_over(t, 64);
}

static bool each_unsure(void *arg, const struct message_row *row)
{
	struct turn *t = arg;
	struct search_work *w = t->work;
	struct search_message m = { t->s, row, t->scratch };

	while (w->unsure_at < w->count && w->rows[w->unsure_at].uid < row->uid)
		w->unsure_at++;
	if (w->unsure_at < w->count && w->rows[w->unsure_at].uid == row->uid)
		w->rows[w->unsure_at].answer = search_matches(&t->s->run.args.search.tree, &m);
	search_scratch_next(t->scratch);
	return !is_over(t, 1);
}

static void tell(struct imap_session *s, struct search_work *w, struct out *out)
{
	bool by_uid = s->run.command->law & BY_UID;

	for (size_t i = 0; i < w->count; i++) {
		uint32_t number = w->rows[i].uid;

		if (w->rows[i].answer != SEARCH_YES || (!by_uid && !s->service->view_sequence_of(s->view, number, &number)))
			continue;
		reply_add(out, SPAN(" "));
		reply_number(out, number);
	}
	w->count = w->unsure_count = w->unsure_at = 0;
	w->unsure_after = 0;
}

/* One store call; *whole: the batch can be told. */
static enum err look(struct turn *t, bool *whole)
{
	struct imap_session *s = t->s;
	struct search_work *w = t->work;
	struct uid_set unsure = { w->unsure, w->unsure_count };
	enum err e;

	if (w->unsure_count)
		return s->service->view_read(s->view, &unsure, w->unsure_after, w->needs.text, each_unsure, t, &w->unsure_after, whole);
	e = s->service->view_read(s->view, &w->set, w->after_uid, w->needs.thin, each_thin, t, &w->after_uid, &w->end);
	*whole = !w->unsure_count;
	return e;
}

static enum step search_more(struct imap_session *s, struct out *out)
{
	struct search_work *w = s->run.work;
	struct search_scratch scratch;
	struct turn t = { s, w, &scratch, clock_mono_us(), 0 };
	enum err e = ERR_OK;

	search_scratch_init(&scratch);
	if (!w->told)
		reply_add(out, SPAN("* SEARCH"));
	w->told = s->run.mid_line = true;
	while (!e && !(w->end && !w->count)) {
		bool whole = false;

		if (out_is_full(out) || clock_mono_us() - t.start_us > IMAP_TURN_US)
			break;
		e = look(&t, &whole);
		if (!e && whole)
			tell(s, w, out);
	}
	search_scratch_clear(&scratch);
	if (!e && !(w->end && !w->count))
		return STEP_MORE;
	reply_add(out, SPAN("\r\n"));
	s->run.mid_line = false;
	return imap_finish_err(s, out, e, SPAN("Done"));
}

/* A set that all must be in spares reading the others. */
static void narrow(const struct search_tree *tree, struct search_work *w)
{
	for (uint32_t child = tree->nodes[0].first_child; child; child = tree->nodes[child].next)
		if (tree->nodes[child].op == SEARCH_UID || tree->nodes[child].op == SEARCH_SEQUENCE) {
			w->set = tree->nodes[child].uids;
			w->end = !w->set.count;
			return;
		}
	w->all = (struct uid_range){ 1, UINT32_MAX };
	w->set = (struct uid_set){ &w->all, 1 };
}

enum step imap_run_search(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct search_work *w = arena_alloc(&s->run.arena, sizeof *w);
	enum err e = w ? search_prepare(s, &s->run.args.search.tree, &w->needs) : ERR_LIMIT;

	if (e == ERR_SYNTAX)
		return imap_finish(s, out, IMAP_NO, SPAN("[BADCHARSET (US-ASCII UTF-8)] Unknown charset"));
	if (e)
		return imap_finish_err(s, out, e, SPAN(""));
	narrow(&args->search.tree, w);
	s->run.work = w;
	s->run.more = search_more;
	return search_more(s, out);
}
