/* imap/search_run.c: a search (RFC 3501 6.4.4), in turns:
 *
 *   what the index knows ──▶ a batch of rows ──▶ yes, no, or unsure ──▶ the unsure are read with more ──▶ the found are marked ──▶ the next batch
 *                                                      ▲                        │ level by level
 *                                                      └────────────────────────┘
 *
 * (1) The view does not change while a command runs, so message numbers stay what they are.
 * (2) Rows of a batch rise by UID, as the store gives them.
 * (3) A batch begins at the level at which most rows of the one before it were read: they are not read in two steps.
 */
#include "daemon/imap/search_run.h"

#include "daemon/base/clock.h"
#include "daemon/imap/context.h"
#include "daemon/imap/esearch.h"
#include "daemon/imap/sort.h"
#include "daemon/imap/sync.h"
#include "daemon/imap/table.h"
#include "daemon/store/search.h"

/* Rows between two unsure ones that are rather read along than the scan begun anew; but not with their text. */
#define GAP_MAX 16

struct candidate {
	uint32_t uid;
	enum search_answer answer;
	uint8_t score;
	uint64_t modseq;
};

struct search_work {
	struct search_place place;
	struct search_needs needs;
	struct search_tree *tree;
	struct uid_set set;
	struct uid_range all;
	uint32_t after_uid;
	bool end;
	size_t asked; /* nodes whose hits are complete */
	int64_t now_ms;
	enum search_level level, from; /* of the batch, and where the next begins */
	size_t batch_rows;             /* looked at for the batch */
	struct candidate rows[IMAP_SEARCH_BATCH];
	size_t count, at;
	struct uid_range unsure[IMAP_SEARCH_BATCH];
	size_t unsure_count;
	uint32_t unsure_after;
	struct search_found found;
	uint64_t looked_at;
};

struct turn {
	struct imap_session *s;
	struct search_work *work;
	struct search_scratch *scratch;
	int64_t until_us;
	unsigned rows;
};

struct search_found *search_found_of(struct search_work *w)
{
	return &w->found;
}

bool search_found_next(const struct search_found *f, uint32_t *at, uint32_t *sequence_out)
{
	uint64_t word;

	if (f->sorted) {
		if (*at >= f->count)
			return false;
		*sequence_out = f->sorted[(*at)++];
		return true;
	}
	while (*at < f->size) {
		word = f->bits[*at / 64] >> (*at % 64);
		if (word) {
			*at += (uint32_t)__builtin_ctzll(word);
			*sequence_out = ++*at;
			return true;
		}
		*at = (*at / 64 + 1) * 64;
	}
	return false;
}

enum err search_found_set(const struct imap_session *s, const struct search_found *f, struct arena *a, struct uid_set *out)
{
	uint32_t at = 0, sequence;
	size_t runs = 0;

	for (size_t i = 0; i < ((size_t)f->size + 63) / 64; i++)
		runs += (size_t)__builtin_popcountll(f->bits[i] & ~(f->bits[i] << 1));
	*out = (struct uid_set){ arena_array(a, runs, sizeof *out->ranges), 0 };
	if (!out->ranges)
		return ERR_LIMIT;
	for (uint32_t last = 0; search_found_next(f, &at, &sequence); last = sequence) {
		uint32_t uid = s->service->view_uid_of(s->view, sequence);

		/* Between the UIDs of neighbours is no other message. */
		if (last && last + 1 == sequence && last % 64 != 0)
			out->ranges[out->count - 1].last = uid;
		else
			out->ranges[out->count++] = (struct uid_range){ uid, uid };
	}
	return ERR_OK;
}

/* A thousand keys on a row whose header is full of addresses take a turn alone; on a thin row, little. */
static bool is_over(struct turn *t)
{
	return (t->work->level >= SEARCH_AT_WORDS || ++t->rows % 64 == 0) && clock_mono_us() >= t->until_us;
}

static enum search_answer match(struct turn *t, const struct message_row *row, uint8_t *score_out)
{
	const struct search_work *w = t->work;
	struct search_message m = { t->s, w->place.view, row, w->level, w->now_ms, t->scratch };

	return w->found.scores ? search_scores(w->tree, &m, score_out) : search_matches(w->tree, &m);
}

static bool each_first(void *arg, const struct message_row *row)
{
	struct turn *t = arg;
	struct search_work *w = t->work;
	uint8_t score = 0;
	enum search_answer a = match(t, row, &score);

	w->looked_at++;
	w->batch_rows++;
	if (a != SEARCH_NO)
		w->rows[w->count++] = (struct candidate){ row->uid, a, score, row->modseq };
	if (w->level >= SEARCH_AT_WORDS)
		search_scratch_next(t->scratch);
	return w->count < IMAP_SEARCH_BATCH && !is_over(t);
}

static bool each_again(void *arg, const struct message_row *row)
{
	struct turn *t = arg;
	struct search_work *w = t->work;

	while (w->at < w->count && w->rows[w->at].uid < row->uid)
		w->at++;
	if (w->at < w->count && w->rows[w->at].uid == row->uid && w->rows[w->at].answer == SEARCH_UNSURE)
		w->rows[w->at].answer = match(t, row, &w->rows[w->at].score);
	search_scratch_next(t->scratch);
	return !is_over(t);
}

static void mark(struct imap_session *s, struct search_work *w)
{
	struct search_found *f = &w->found;

	for (size_t i = 0; i < w->count; i++) {
		const struct candidate *c = &w->rows[i];
		uint32_t sequence;

		if (c->answer != SEARCH_YES || !s->service->view_sequence_of(w->place.view, c->uid, &sequence) || sequence > f->size)
			continue;
		f->bits[(sequence - 1) / 64] |= (uint64_t)1 << (sequence - 1) % 64;
		if (f->scores)
			f->scores[sequence - 1] = c->score;
		if (!f->count++)
			f->first_modseq = c->modseq;
		f->last_modseq = c->modseq;
		if (c->modseq > f->modseq)
			f->modseq = c->modseq;
	}
	w->count = w->batch_rows = 0;
	w->level = w->from;
}

/* To the next level that there is, with those that are still unsure; false: none is, or there is no further level. */
static bool climb(struct search_work *w)
{
	uint64_t covered = 0;
	uint32_t gap;

	do
		w->level++;
	while (w->level < SEARCH_LEVELS && !w->needs.want[w->level]);
	w->unsure_count = 0;
	if (w->level == SEARCH_LEVELS)
		return false;
	gap = w->level == SEARCH_AT_TEXT ? 1 : GAP_MAX;
	for (size_t i = 0; i < w->count; i++) {
		uint32_t uid = w->rows[i].uid;

		if (w->rows[i].answer != SEARCH_UNSURE)
			continue;
		if (w->unsure_count && uid - w->unsure[w->unsure_count - 1].last <= gap)
			w->unsure[w->unsure_count - 1].last = uid;
		else
			w->unsure[w->unsure_count++] = (struct uid_range){ uid, uid };
	}
	for (size_t i = 0; i < w->unsure_count; i++)
		covered += w->unsure[i].last - w->unsure[i].first + 1;
	if (w->level < SEARCH_AT_TEXT && 2 * covered > w->batch_rows)
		w->from = w->level;
	w->unsure_after = 0;
	w->at = 0;
	return w->unsure_count;
}

/* One store call. */
static enum err look(struct turn *t)
{
	struct imap_session *s = t->s;
	struct search_work *w = t->work;
	struct uid_set unsure = { w->unsure, w->unsure_count };
	bool end = true;
	enum err e;

	if (w->unsure_count)
		e = s->service->view_read(w->place.view, &unsure, w->unsure_after, w->needs.want[w->level], each_again, t, &w->unsure_after, &end);
	else
		e = s->service->view_read(w->place.view, &w->set, w->after_uid, w->needs.want[w->level], each_first, t, &w->after_uid, &w->end);
	if (!e && end && !climb(w))
		mark(s, w);
	return e;
}

/* Index first; a key that it fails at is not answered by it. */
static bool ask(struct search_work *w, int64_t until_us)
{
	for (; w->asked < w->tree->count; w->asked++) {
		struct search_node *node = &w->tree->nodes[w->asked];
		bool done = false;

		if (!node->hits)
			continue;
		if (search_find_more(node->hits, until_us, &done))
			search_find_end(&node->hits);
		else if (!done)
			return false;
	}
	return true;
}

enum err search_work_turn(struct imap_session *s, struct search_work *w, int64_t until_us, struct out *out, bool *done_out)
{
	struct search_scratch scratch;
	struct turn t = { s, w, &scratch, until_us, 0 };
	bool ready = ask(w, until_us);
	enum err e = ERR_OK;

	*done_out = false;
	search_scratch_init(&scratch);
	while (!e && ready && !(w->end && !w->count) && clock_mono_us() < until_us)
		e = look(&t);
	search_scratch_clear(&scratch);
	*done_out = ready && w->end && !w->count;
	if (!*done_out && out)
		imap_in_progress(s, out, w->looked_at, w->found.size);
	return e;
}

/* A set that all must be in spares reading the others. */
static void narrow(struct search_work *w)
{
	const struct search_tree *tree = w->tree;

	for (uint32_t child = tree->nodes[0].first_child; child; child = tree->nodes[child].next)
		if (tree->nodes[child].op == SEARCH_UID || tree->nodes[child].op == SEARCH_SEQUENCE) {
			w->set = tree->nodes[child].uids;
			w->end = !w->set.count;
			return;
		}
	w->all = (struct uid_range){ 1, UINT32_MAX };
	w->set = (struct uid_set){ &w->all, 1 };
}

static void drop(struct imap_session *s)
{
	search_forget(&s->run.args.search.tree);
}

/* RELEVANCY of RETURN, and to sort by. */
static bool wants_scores(const struct imap_session *s)
{
	return (s->run.args.search.wants.what & RETURN_RELEVANCY) || sort_is_by_relevancy(&s->run.args.search.sort);
}

enum err search_work_new(struct imap_session *s, const struct search_place *place, struct arena *a, struct search_work **out)
{
	struct search_work *w = arena_alloc(a, sizeof *w);
	struct search_tree *tree = &s->run.args.search.tree;
	enum err e = w ? search_aim(s, place, tree, a, &w->needs) : ERR_LIMIT;

	if (e)
		return e;
	w->place = *place;
	w->tree = tree;
	w->now_ms = clock_real_ms();
	w->level = w->from = w->needs.from;
	w->found.needs = &w->needs;
	w->found.view = place->view;
	w->found.size = s->service->view_count(place->view);
	w->found.bits = arena_array(a, (size_t)w->found.size / 64 + 1, sizeof *w->found.bits);
	if (wants_scores(s))
		w->found.scores = arena_alloc(a, w->found.size);
	if (!w->found.bits || (wants_scores(s) && !w->found.scores))
		return ERR_LIMIT;
	narrow(w);
	*out = w;
	return ERR_OK;
}

bool search_is_refused(struct imap_session *s, struct out *out, enum step *step_out)
{
	const struct search_tree *tree = &s->run.args.search.tree;

	if (tree->has_sequences && (s->enabled & ENABLED_UIDONLY)) {
		*step_out = imap_finish(s, out, IMAP_BAD, SPAN("[UIDREQUIRED] Message numbers are not used here"));
		return true;
	}
	if ((s->run.args.search.wants.what & RETURN_UPDATE) && context_exists(s, span_str(s->run.tag))) {
		*step_out = imap_finish(s, out, IMAP_BAD, SPAN("[CLIENTBUG] The tag is that of another search that is kept up to date"));
		return true;
	}
	return false;
}

struct search_work *search_work_begin(struct imap_session *s, struct out *out, enum step *step_out)
{
	const struct search_place place = { s->at.owner, s->at.store, s->view };
	struct search_tree *tree = &s->run.args.search.tree;
	struct search_work *w;
	enum err e;

	if (search_is_refused(s, out, step_out))
		return NULL;
	s->run.drop = drop;
	e = search_prepare(s, tree);
	if (!e)
		e = search_work_new(s, &place, &s->run.arena, &w);
	if (e) {
		*step_out = search_fail(s, out, e);
		return NULL;
	}
	if (tree->has_modseq)
		imap_condstore_on(s, out);
	return w;
}
