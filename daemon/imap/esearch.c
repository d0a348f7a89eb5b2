/* imap/esearch.c: the answers of SEARCH and SORT: a line of numbers, or ESEARCH (RFC 4731) with its pieces in this order:
 *
 *   (TAG MAILBOX UIDVALIDITY) UID MIN MAX ALL PARTIAL RELEVANCY COUNT MODSEQ
 *
 * A million numbers do not fit the output at once: writing goes on where it stopped when the peer has read.
 */
#include "daemon/imap/esearch.h"

#include "daemon/imap/context.h"
#include "daemon/imap/reply.h"
#include "daemon/imap/reply_mailbox.h"
#include "daemon/imap/table.h"

/* Not of what is found. */
#define RETURN_BESIDE (RETURN_SAVE | RETURN_UPDATE | RETURN_RELEVANCY)

struct search_telling {
	const struct search_found *found;
	struct search_return wants;
	struct search_mailbox where;
	uint64_t modseq;      /* 0: not told */
	uint32_t first, last; /* positions from 1 that are told as a set or list; first 0: none */
	uint32_t score_first, score_last;
	uint32_t at, position;
	uint32_t run_first, run_last; /* a range that may still grow; 0: none */
	bool begun, some, has_numbers;
	struct span text; /* of the tagged OK */
};

/* PARTIAL as positions from the front; false: there is nothing (RFC 9394 3.1). */
static bool positions(const struct imap_partial *p, uint32_t count, uint32_t *first_out, uint32_t *last_out)
{
	if (p->first > count)
		return false;
	*first_out = p->first;
	*last_out = p->last < count ? p->last : count;
	if (p->from_end) {
		uint32_t first = count - *last_out + 1;

		*last_out = count - *first_out + 1;
		*first_out = first;
	}
	return true;
}

static void forget_saved(struct imap_session *s)
{
	arena_clear(&s->saved_arena);
	s->saved = (struct uid_set){ NULL, 0 };
}

/* RFC 5182 2.1, 2.4 and RFC 9394 3.2: with ALL or COUNT, or alone, SAVE keeps all; else what MIN, MAX and PARTIAL name. */
enum err search_save(struct imap_session *s, const struct search_found *f, const struct search_return *wants)
{
	struct search_found chosen = *f;
	unsigned what = wants->what & ~(unsigned)RETURN_BESIDE;
	uint32_t first = 1, last = 0, at = 0, sequence;
	bool all = !what || (what & (RETURN_ALL | RETURN_COUNT));
	enum err e;

	chosen.sorted = NULL;
	if (!all) {
		chosen.bits = arena_array(&s->run.arena, (size_t)f->size / 64 + 1, sizeof *chosen.bits);
		if (!chosen.bits)
			return ERR_LIMIT;
		if ((what & RETURN_PARTIAL) && !positions(&wants->partial, f->count, &first, &last))
			last = 0;
		for (uint32_t i = 1; search_found_next(f, &at, &sequence); i++)
			if ((i >= first && i <= last) || ((what & RETURN_MIN) && i == 1) || ((what & RETURN_MAX) && i == f->count))
				chosen.bits[(sequence - 1) / 64] |= (uint64_t)1 << (sequence - 1) % 64;
	}
	forget_saved(s);
	e = search_found_set(s, &chosen, &s->saved_arena, &s->saved);
	if (e)
		forget_saved(s);
	return e;
}

/* RFC 7162 3.1.10, RFC 4731 3.2: of MIN and MAX alone, theirs; else the highest of all. */
static uint64_t modseq_of(const struct search_found *f, unsigned what)
{
	what &= ~(unsigned)RETURN_BESIDE;
	if (!f->count)
		return 0;
	if (!what || (what & ~(unsigned)(RETURN_MIN | RETURN_MAX)))
		return f->modseq;
	if (what == RETURN_MIN)
		return f->first_modseq;
	return what == RETURN_MAX || f->last_modseq > f->first_modseq ? f->last_modseq : f->first_modseq;
}

static uint32_t number_of(const struct imap_session *s, const struct search_found *f, uint32_t sequence)
{
	return (s->run.command->law & BY_UID) ? s->service->view_uid_of(f->view, sequence) : sequence;
}

static void end_run(struct search_telling *t, struct out *out)
{
	if (!t->run_first)
		return;
	reply_add(out, t->some ? SPAN(",") : SPAN(""));
	reply_number(out, t->run_first);
	if (t->run_last != t->run_first) {
		reply_add(out, SPAN(":"));
		reply_number(out, t->run_last);
	}
	t->some = true;
	t->run_first = 0;
}

/* The numbers at the wanted positions; false: the output is full. Ranges are of rising neighbours, in whatever order they come (RFC 5267 4.3). */
static bool tell_numbers(struct imap_session *s, struct search_telling *t, struct out *out)
{
	uint32_t sequence;

	while (t->position < t->last && search_found_next(t->found, &t->at, &sequence)) {
		uint32_t number;

		if (++t->position < t->first)
			continue;
		number = number_of(s, t->found, sequence);
		if (!t->wants.given) {
			reply_add(out, SPAN(" "));
			reply_number(out, number);
		} else if (t->run_first && number == t->run_last + 1) {
			t->run_last = number;
		} else {
			end_run(t, out);
			t->run_first = t->run_last = number;
		}
		if (t->position % 64 == 0 && out_is_full(out))
			return false;
	}
	end_run(t, out);
	if (t->wants.what & RETURN_PARTIAL)
		reply_add(out, t->first ? SPAN(")") : SPAN("NIL)"));
	t->has_numbers = true;
	t->at = t->position = 0;
	t->some = false;
	return true;
}

/* In the order of the numbers, of those that PARTIAL names or else of all (RFC 6203 4, 6). False: the output is full. */
static bool tell_scores(struct search_telling *t, struct out *out)
{
	uint32_t sequence;

	if (!(t->wants.what & RETURN_RELEVANCY))
		return true;
	while (t->position < t->score_last && search_found_next(t->found, &t->at, &sequence)) {
		if (++t->position < t->score_first)
			continue;
		reply_add(out, t->some ? SPAN(" ") : SPAN(" RELEVANCY ("));
		reply_number(out, t->found->scores[sequence - 1]);
		t->some = true;
		if (t->position % 64 == 0 && out_is_full(out))
			return false;
	}
	reply_add(out, t->some ? SPAN(")") : SPAN(" RELEVANCY ()"));
	return true;
}

static void tell_one(struct imap_session *s, const struct search_found *f, bool is_last, struct out *out)
{
	uint32_t at = 0, sequence = 0;

	if (is_last && f->sorted)
		at = f->count - 1;
	while (search_found_next(f, &at, &sequence) && is_last)
		;
	reply_add(out, is_last ? SPAN(" MAX ") : SPAN(" MIN "));
	reply_number(out, number_of(s, f, sequence));
}

static void tell_partial_range(const struct imap_partial *p, struct out *out)
{
	struct span minus = p->from_end ? SPAN("-") : SPAN("");

	reply_add(out, SPAN(" PARTIAL ("));
	reply_add(out, minus);
	reply_number(out, p->first);
	reply_add(out, SPAN(":"));
	reply_add(out, minus);
	reply_number(out, p->last);
	reply_add(out, SPAN(" "));
}

static void tell_begin(struct imap_session *s, struct search_telling *t, struct out *out)
{
	const struct search_found *f = t->found;

	s->run.mid_line = true;
	if (!t->wants.given) {
		reply_add(out, f->sorted ? SPAN("* SORT") : SPAN("* SEARCH"));
		return;
	}
	reply_add(out, SPAN("* ESEARCH (TAG \""));
	reply_add(out, span_str(s->run.tag));
	reply_add(out, SPAN("\""));
	if (t->where.mailbox.ptr) {
		reply_add(out, SPAN(" MAILBOX "));
		reply_mailbox_name(s, out, t->where.mailbox);
		reply_add(out, SPAN(" UIDVALIDITY "));
		reply_number(out, t->where.uid_validity);
	}
	reply_add(out, (s->run.command->law & BY_UID) ? SPAN(") UID") : SPAN(")"));
	if ((t->wants.what & RETURN_MIN) && f->count)
		tell_one(s, f, false, out);
	if ((t->wants.what & RETURN_MAX) && f->count)
		tell_one(s, f, true, out);
	if ((t->wants.what & RETURN_ALL) && f->count)
		reply_add(out, SPAN(" ALL "));
	if (t->wants.what & RETURN_PARTIAL)
		tell_partial_range(&t->wants.partial, out);
}

static void tell_end(struct imap_session *s, struct search_telling *t, struct out *out)
{
	if (t->wants.what & RETURN_COUNT) {
		reply_add(out, SPAN(" COUNT "));
		reply_number(out, t->found->count);
	}
	if (t->modseq) {
		reply_add(out, t->wants.given ? SPAN(" MODSEQ ") : SPAN(" (MODSEQ "));
		reply_number(out, t->modseq);
		reply_add(out, t->wants.given ? SPAN("") : SPAN(")"));
	}
	reply_add(out, SPAN("\r\n"));
	s->run.mid_line = false;
}

bool search_telling_more(struct imap_session *s, struct search_telling *t, struct out *out)
{
	if (!t->begun)
		tell_begin(s, t, out);
	t->begun = true;
	if ((!t->has_numbers && !tell_numbers(s, t, out)) || !tell_scores(t, out))
		return false;
	tell_end(s, t, out);
	return true;
}

struct search_telling *search_telling_begin(struct imap_session *s, const struct search_found *f, const struct search_return *wants, const struct search_mailbox *where,
					    struct arena *a)
{
	struct search_telling *t = arena_alloc(a, sizeof *t);

	if (!t)
		return NULL;
	t->found = f;
	t->text = SPAN("Done");
	t->wants = *wants;
	t->where = *where;
	t->score_first = 1;
	/* RFC 9051 6.4.4: there SEARCH alone is answered as RETURN (ALL). */
	if (!wants->given && (s->enabled & ENABLED_REV2) && !f->sorted)
		t->wants = (struct search_return){ .given = true, .what = RETURN_ALL };
	t->score_last = f->count;
	if ((t->wants.what & RETURN_PARTIAL) && !positions(&t->wants.partial, f->count, &t->score_first, &t->score_last))
		t->score_first = t->score_last = 0;
	if (!t->wants.given || (t->wants.what & (RETURN_ALL | RETURN_PARTIAL))) {
		t->first = t->score_first;
		t->last = t->score_last;
	}
	t->modseq = s->run.args.search.tree.has_modseq ? modseq_of(f, t->wants.given ? t->wants.what : 0) : 0;
	return t;
}

static enum step tell_more(struct imap_session *s, struct out *out)
{
	struct search_telling *t = s->run.work;

	return search_telling_more(s, t, out) ? imap_finish(s, out, IMAP_OK, t->text) : STEP_MORE;
}

enum step search_fail(struct imap_session *s, struct out *out, enum err e)
{
	if (s->run.args.search.wants.what & RETURN_SAVE)
		forget_saved(s);
	if (e == ERR_SYNTAX)
		return imap_finish(s, out, IMAP_NO, SPAN("[BADCHARSET (US-ASCII UTF-8)] Unknown charset"));
	return imap_finish_err(s, out, e, SPAN(""));
}

enum step search_too_many(struct imap_session *s, struct out *out)
{
	if (s->run.args.search.wants.what & RETURN_SAVE)
		forget_saved(s);
	return imap_finish(s, out, IMAP_NO,
			   arena_printf(&s->run.arena, "[MESSAGELIMIT %u] Too many messages to be put in order", (unsigned)IMAP_MESSAGELIMIT));
}

enum step search_tell(struct imap_session *s, struct out *out, const struct search_found *f)
{
	const struct search_return *wants = &s->run.args.search.wants;
	struct search_telling *t = search_telling_begin(s, f, wants, &(struct search_mailbox){ .uid_validity = 0 }, &s->run.arena);

	if (!t)
		return search_fail(s, out, ERR_LIMIT);
	if ((wants->what & RETURN_SAVE) && search_save(s, f, wants))
		return imap_finish(s, out, IMAP_NO, SPAN("[NOTSAVED] Too many to remember"));
	if ((wants->what & RETURN_UPDATE) && !context_begin(s, f, out))
		t->text = SPAN("Done, and not kept up to date");
	if ((wants->what & ~(unsigned)RETURN_UPDATE) == RETURN_SAVE)
		return imap_finish(s, out, IMAP_OK, SPAN("Saved"));
	s->run.work = t;
	s->run.more = tell_more;
	return tell_more(s, out);
}
