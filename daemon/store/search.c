/* store/search.c: which texts have a key.
 *
 *   for each piece of the key:  VOCABULARY ──which terms hold it──▶ POSTINGS, FRESH ──which texts have one of these──▶ and with the pieces before ──▶ done
 *        any stage ──the index was made anew, or fails──▶ lost: every content counts as not indexed
 *
 * (1) A slice is one reading transaction. Between two of them texts may have been added, which are not asked about (their contents are above `indexed`
 *     of the first slice), and fresh ones may have become posted: then postings are looked through from the start. What was found stays true.
 * (2) Of FUZZY a piece is a word of the key; its terms have grades, and so have contents, both texts of one together.
 * (3) Numbers that the index gives are checked against its own bounds; one that is past them makes it damaged, never a wrong answer or a large allocation.
 */
#include "daemon/store/search.h"

#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/store/search_bits.h"
#include "daemon/store/search_file.h"
#include "daemon/store/search_grades.h"
#include "daemon/store/search_indexer.h"
#include "daemon/store/search_limits.h"
#include "daemon/store/search_words.h"
#include "db/search_source.h"

#define KEY_MAX (64u * 1024u) /* of a key more is not looked at: it narrows nothing any more */
#define CLOCK_EVERY 16
#define BLOCK 1024     /* terms */
#define BLOCK_DENSE 64 /* so many of them wanted, and all of the block is read rather than each looked up */

enum stage { STAGE_VOCABULARY,
	     STAGE_POSTINGS,
	     STAGE_FRESH };

struct search_hits {
	struct mailstore *m;
	unsigned where;
	char *key;
	struct search_pieces pieces;
	struct fuzzy_key *fuzzy; /* null: as it stands */
	size_t piece_count;
	struct db_search_state begun; /* as the first slice saw it */
	bool is_done, is_lost;

	size_t piece;
	enum stage stage;
	uint64_t at;    /* the next chunk, term or text of the stage */
	uint64_t moves; /* when the postings were begun */
	struct bits terms;
	struct bits found;                               /* texts with this piece */
	struct bits docs;                                /* texts with all pieces before it */
	struct bits partly;                              /* texts that are not in the index whole */
	struct grades term_grades, found_grades, grades; /* of FUZZY: of terms; of contents with this piece; with all before it, together */

	/* Of the slice. */
	struct db *db;
	int64_t deadline_us;
	unsigned steps;
	bool is_over;
	enum err e;
};

static bool is_over(struct search_hits *h)
{
	if (h->steps++ % CLOCK_EVERY == 0)
		h->is_over = h->is_over || clock_mono_us() >= h->deadline_us;
	return h->is_over;
}

static bool is_wanted(const struct search_hits *h, uint64_t doc)
{
	return h->where & (doc & 1 ? SEARCH_IN_BODY : SEARCH_IN_HEADER);
}

static enum err match_fuzzily(struct search_hits *h, uint64_t term, struct span words)
{
	enum err e = ERR_OK;

	for (struct span word; !e && words.len && span_split(&words, 0, &word); term++) {
		const unsigned grade = fuzzy_grade(h->fuzzy, h->piece, word);

		if (!grade)
			continue;
		e = term == 0 || term > SEARCH_TERMS_MAX ? ERR_CORRUPT : bits_set(&h->terms, term);
		if (!e)
			e = grades_raise(&h->term_grades, term, (uint8_t)grade);
	}
	return e;
}

static bool match_chunk(void *arg, uint64_t first, struct span words)
{
	struct search_hits *h = arg;
	const struct search_piece *piece = &h->pieces.list[h->piece];
	size_t at = 0, counted = 0;
	uint64_t term = first;

	if (is_over(h)) {
		h->at = first;
		return false;
	}
	if (h->fuzzy)
		h->e = match_fuzzily(h, first, words);
	while (!h->fuzzy && !h->e && search_piece_find(piece, words, &at)) {
		const char *end = memchr(words.ptr + at, 0, words.len - at);

		for (; counted < at; counted++)
			term += words.ptr[counted] == 0;
		if (!end || term == 0 || term > SEARCH_TERMS_MAX)
			h->e = ERR_CORRUPT;
		else
			h->e = bits_set(&h->terms, term);
		at = end ? (size_t)(end - words.ptr) : words.len;
	}
	h->at = first + 1;
	return !h->e;
}

/* A text has the term. */
static enum err take_term(struct search_hits *h, uint64_t doc, uint64_t term)
{
	if (term == 0)
		return bits_set(&h->partly, doc);
	return h->fuzzy ? grades_raise(&h->found_grades, doc / 2, grades_of(&h->term_grades, term)) : bits_set(&h->found, doc);
}

static bool take_posting(void *arg, uint64_t term, uint64_t base, struct span docs)
{
	struct search_hits *h = arg;
	uint64_t doc = base, difference;

	if (term && !bits_has(&h->terms, term))
		return true;
	for (;;) {
		if (is_wanted(h, doc))
			h->e = take_term(h, doc, term);
		if (h->e || !docs.len)
			break;
		if (!bits_unpack(&docs, &difference) || difference >= BITS_LIMIT)
			h->e = ERR_CORRUPT;
		doc += difference;
	}
	if (h->e == ERR_LIMIT)
		h->e = ERR_CORRUPT;
	return !h->e;
}

static unsigned count_block(const struct search_hits *h, uint64_t from)
{
	unsigned count = 0;

	for (uint64_t term = from; term < from + BLOCK && bits_next(&h->terms, term, &term) && term < from + BLOCK; term++)
		count++;
	return count;
}

/* Term 0 first; then those that were found, one by one or, where they stand close, a block at a time. */
static enum err read_postings(struct search_hits *h)
{
	enum err e = ERR_OK;
	uint64_t term;

	if (h->at == 0) {
		e = db_search_posting_each(h->db, 0, 0, take_posting, h);
		h->at = 1;
	}
	while (!e && !h->e && !is_over(h) && bits_next(&h->terms, h->at, &term)) {
		const uint64_t last = count_block(h, term) >= BLOCK_DENSE ? term + BLOCK - 1 : term;

		if (last > term)
			h->steps = 0; /* long enough for a look at the clock */
		e = db_search_posting_each(h->db, term, last, take_posting, h);
		h->at = last + 1;
	}
	return e;
}

static bool take_fresh(void *arg, uint64_t doc, struct span terms)
{
	struct search_hits *h = arg;
	uint64_t term = 0, difference;

	if (is_over(h)) {
		h->at = doc;
		return false;
	}
	h->at = doc + 1;
	while (!h->e && terms.len && is_wanted(h, doc)) {
		if (!bits_unpack(&terms, &difference) || difference > SEARCH_TERMS_MAX) {
			h->e = ERR_CORRUPT;
			break;
		}
		term += difference;
		if (term && !bits_has(&h->terms, term))
			continue;
		h->e = take_term(h, doc, term);
		if (term && !h->fuzzy) /* one is as good as several */
			break;
	}
	if (h->e == ERR_LIMIT)
		h->e = ERR_CORRUPT;
	return !h->e;
}

static void enter(struct search_hits *h, enum stage stage)
{
	h->stage = stage;
	h->at = 0;
}

static void end_piece(struct search_hits *h)
{
	if (h->piece) {
		bits_and(&h->docs, &h->found);
		bits_clear(&h->found);
		grades_join(&h->grades, &h->found_grades, h->piece, fuzzy_join);
		grades_clear(&h->found_grades);
	} else {
		h->docs = h->found;
		h->grades = h->found_grades;
	}
	h->found = (struct bits){ NULL, 0 };
	h->found_grades = (struct grades){ NULL, 0 };
	bits_clear(&h->terms);
	grades_clear(&h->term_grades);
	enter(h, STAGE_VOCABULARY);
	h->is_done = ++h->piece == h->piece_count;
}

static enum err run_stage(struct search_hits *h, uint64_t moves)
{
	enum err e = ERR_OK;

	switch (h->stage) {
	case STAGE_VOCABULARY:
		e = db_search_vocabulary_each(h->db, h->at, match_chunk, h);
		if (!e && !h->e && !h->is_over) {
			enter(h, STAGE_POSTINGS);
			h->moves = moves;
		}
		break;
	case STAGE_POSTINGS:
		e = read_postings(h);
		if (!e && !h->e && !h->is_over)
			enter(h, STAGE_FRESH);
		break;
	case STAGE_FRESH:
		e = db_search_fresh_each(h->db, h->at, take_fresh, h);
		if (!e && !h->e && !h->is_over)
			end_piece(h);
		break;
	}
	return e ? e : h->e;
}

/* ---- of the contract ---- */

static bool is_behind(struct mailstore *m, const struct db_search_state *state)
{
	uint64_t last = 0;
	struct db *db;
	enum err e = mailstore_reader_take(m, &db);

	if (!e)
		e = db_source_last(db, &last);
	mailstore_reader_give(m, &db);
	return !e && last > state->indexed;
}

/* With a look at the index; *out null unless ERR_OK. */
static enum err begin(struct mailstore *m, unsigned where, struct search_hits **out)
{
	struct search_hits *h = calloc(1, sizeof(*h));
	struct db *db;
	enum err e;

	*out = h;
	if (!h)
		return ERR_TEMP;
	h->m = m;
	h->where = where;
	e = search_file_read(m, &db, &h->begun);
	if (!e)
		search_file_read_end(m, &db, ERR_OK);
	if (e == ERR_NOT_FOUND || (!e && is_behind(m, &h->begun)))
		search_indexer_wake(m);
	if (e)
		search_find_end(out);
	return e;
}

enum err search_find_begin(struct mailstore *m, struct span key, unsigned where, struct search_hits **out)
{
	struct search_hits *h;
	enum err e = begin(m, where, out);

	if (e)
		return e;
	h = *out;
	key = span_take(key, KEY_MAX);
	h->key = malloc(key.len + 1);
	e = h->key ? ERR_OK : ERR_TEMP;
	if (!e) {
		if (key.len)
			memcpy(h->key, key.ptr, key.len);
		search_key_pieces(span_make(h->key, key.len), &h->pieces);
		h->piece_count = h->pieces.count;
		e = h->piece_count ? ERR_OK : ERR_NOT_FOUND;
	}
	if (e)
		search_find_end(out);
	return e;
}

enum err search_fuzzy_begin(struct mailstore *m, const struct fuzzy_key *key, unsigned where, struct search_hits **out)
{
	struct search_hits *h;
	enum err e = begin(m, where, out);

	if (e)
		return e;
	h = *out;
	h->fuzzy = malloc(sizeof(*h->fuzzy));
	h->piece_count = key->count;
	e = !h->fuzzy ? ERR_TEMP : key->count ? ERR_OK
					      : ERR_NOT_FOUND;
	if (e)
		search_find_end(out);
	else
		*h->fuzzy = *key;
	return e;
}

/* Frees what it found: everything counts as not indexed. */
static void lose(struct search_hits *h)
{
	bits_clear(&h->terms);
	bits_clear(&h->found);
	bits_clear(&h->docs);
	bits_clear(&h->partly);
	grades_clear(&h->term_grades);
	grades_clear(&h->found_grades);
	grades_clear(&h->grades);
	h->is_lost = h->is_done = true;
}

enum err search_find_more(struct search_hits *h, int64_t deadline_us, bool *done_out)
{
	struct db_search_state now;
	enum err e = h->is_done ? ERR_OK : search_file_read(h->m, &h->db, &now);

	*done_out = true;
	if (h->is_done)
		return ERR_OK;
	if (e || now.epoch != h->begun.epoch) {
		if (!e)
			search_file_read_end(h->m, &h->db, ERR_OK);
		lose(h);
		return ERR_OK;
	}
	if (h->stage != STAGE_VOCABULARY && now.moves != h->moves) {
		enter(h, STAGE_POSTINGS);
		h->moves = now.moves;
	}
	h->deadline_us = deadline_us;
	h->is_over = false;
	h->e = ERR_OK;
	h->steps = 1; /* some work is done before the first look at the clock */
	while (!e && !h->is_done && !h->is_over)
		e = run_stage(h, now.moves);
	search_file_read_end(h->m, &h->db, e);
	if (e) {
		lose(h);
		search_indexer_wake(h->m);
	}
	*done_out = h->is_done;
	return ERR_OK;
}

enum search_verdict search_verdict_of(const struct search_hits *h, uint64_t content)
{
	const uint64_t head = 2 * content, body = head + 1;

	if (h->is_lost || content > h->begun.indexed)
		return SEARCH_NOT_INDEXED;
	/* A text that isn't whole in there may have a word that is more like it. */
	if (h->fuzzy)
		return bits_has(&h->partly, head) || bits_has(&h->partly, body) ? SEARCH_MAY_HAVE : grades_of(&h->grades, content) ? SEARCH_HAS
																   : SEARCH_HAS_NOT;
	if (bits_has(&h->docs, head) || bits_has(&h->docs, body))
		return h->pieces.is_exact ? SEARCH_HAS : SEARCH_MAY_HAVE;
	return bits_has(&h->partly, head) || bits_has(&h->partly, body) ? SEARCH_MAY_HAVE : SEARCH_HAS_NOT;
}

uint8_t search_score_of(const struct search_hits *h, uint64_t content)
{
	return grades_of(&h->grades, content);
}

void search_find_end(struct search_hits **hits)
{
	struct search_hits *h = *hits;

	if (!h)
		return;
	lose(h);
	free(h->key);
	free(h->fuzzy);
	free(h);
	*hits = NULL;
}
