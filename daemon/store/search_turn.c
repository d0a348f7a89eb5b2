/* store/search_turn.c: lists of terms of texts become lists of texts of terms.
 *
 * A row of `posting` a text and term would touch most of its pages with every message; many texts together touch each page once.
 */
#include "daemon/store/search_turn.h"

#include <stdlib.h>

#include "daemon/store/search_bits.h"
#include "daemon/store/search_limits.h"

/* A batch may have gone past the bound. */
#define PAIRS_MAX (SEARCH_FRESH_MAX + SEARCH_BATCH_PAIRS + 4u * (SEARCH_TEXT_TERMS_MAX + 1))
#define DOCS_MAX (10u * (SEARCH_FRESH_MAX + SEARCH_BATCH_PAIRS))
#define STOP_EVERY 256

struct turning {
	uint64_t *pairs; /* term, and text counted from the first: 32 bits each */
	size_t count, max;
	uint64_t base;
	enum err e;
};

bool search_turn_is_due(const struct db_search_state *state)
{
	const uint64_t part = state->posted / 8;

	return state->fresh >= (part < SEARCH_FRESH_MIN ? SEARCH_FRESH_MIN : part > SEARCH_FRESH_MAX ? SEARCH_FRESH_MAX
												     : part);
}

static bool take_text(void *arg, uint64_t doc, struct span terms)
{
	struct turning *t = arg;
	uint64_t term = 0, difference;

	if (!t->count)
		t->base = doc;
	t->e = doc - t->base > UINT32_MAX ? ERR_CORRUPT : ERR_OK;
	while (!t->e && terms.len) {
		if (!bits_unpack(&terms, &difference) || difference > UINT32_MAX - term || t->count == t->max) {
			t->e = ERR_CORRUPT;
			break;
		}
		term += difference;
		t->pairs[t->count++] = term << 32 | (doc - t->base);
	}
	return !t->e;
}

static int compare_pairs(const void *left, const void *right)
{
	const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

static enum err write_postings(struct turning *t, struct db *db, bool (*stop)(void *arg), void *arg)
{
	struct buf docs;
	size_t terms = 0, i = 0;
	enum err e = ERR_OK;

	buf_init(&docs, DOCS_MAX);
	while (!e && i < t->count) {
		const uint64_t term = t->pairs[i] >> 32, base = t->pairs[i] & UINT32_MAX;
		uint64_t last = base;

		buf_reset(&docs);
		for (i++; i < t->count && t->pairs[i] >> 32 == term; i++) {
			bits_pack(&docs, (t->pairs[i] & UINT32_MAX) - last);
			last = t->pairs[i] & UINT32_MAX;
		}
		e = docs.failed ? ERR_TEMP : db_search_posting_add(db, term, t->base + base, buf_span(&docs));
		if (!e && ++terms % STOP_EVERY == 0 && stop(arg))
			e = ERR_STATE;
	}
	buf_clear(&docs);
	return e;
}

enum err search_turn(struct db *db, struct db_search_state *state, bool (*stop)(void *arg), void *arg)
{
	struct turning t = { .max = (size_t)state->fresh };
	enum err e;

	if (state->fresh > PAIRS_MAX)
		return ERR_CORRUPT;
	t.pairs = malloc((t.max + 1) * sizeof(*t.pairs));
	if (!t.pairs)
		return ERR_TEMP;
	e = db_search_fresh_each(db, 0, take_text, &t);
	if (!e)
		e = t.e;
	if (!e) {
		qsort(t.pairs, t.count, sizeof(*t.pairs), compare_pairs);
		e = write_postings(&t, db, stop, arg);
	}
	free(t.pairs);
	if (!e)
		e = db_search_fresh_clear(db);
	state->posted += state->fresh;
	state->fresh = 0;
	state->moves++;
	return e;
}
