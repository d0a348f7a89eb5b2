/* mime/fuzzy.c: letters are folded one by one, without a look at their neighbours: what is a piece of a text is a piece of its folded letters.
 *
 * Nearly all words are ruled out by which letters they have: a slip brings one letter at most that was not there, and takes one at most away.
 */
#include "daemon/mime/fuzzy.h"

#include <utf8proc.h>

#define PARTS_MAX 32
#define TEXT_LETTERS_MAX (FUZZY_TERM_MAX / 3 * 18 + 64) /* no character has more than 18 in its compatibility form; those are of three bytes */

#define GRADE_SAME 100
#define GRADE_BEGINS 80
#define GRADE_INSIDE 60
#define GRADE_SHARE 15 /* for how much of the word it is */
#define GRADE_ONE_SLIP 50
#define GRADE_TWO_SLIPS 30

#define ONE_SLIP_FROM 4 /* letters */
#define TWO_SLIPS_FROM 8
#define SLIPS_MAX 2

/* A word of a text. */
struct letters {
	uint64_t signature;
	size_t count;
	uint32_t list[TEXT_LETTERS_MAX];
};

static void add(struct letters *to, uint32_t letter)
{
	if (to->count == TEXT_LETTERS_MAX)
		return;
	to->list[to->count++] = letter;
	to->signature |= UINT64_C(1) << (letter & 63);
}

static bool is_letter(utf8proc_int32_t point)
{
	switch ((int)utf8proc_category(point)) {
	case UTF8PROC_CATEGORY_LU:
	case UTF8PROC_CATEGORY_LL:
	case UTF8PROC_CATEGORY_LT:
	case UTF8PROC_CATEGORY_LM:
	case UTF8PROC_CATEGORY_LO:
	case UTF8PROC_CATEGORY_ND:
	case UTF8PROC_CATEGORY_NL:
	case UTF8PROC_CATEGORY_NO: return true;
	}
	return false;
}

static bool is_mark(utf8proc_int32_t point)
{
	const utf8proc_category_t c = utf8proc_category(point);

	return c == UTF8PROC_CATEGORY_MN || c == UTF8PROC_CATEGORY_MC || c == UTF8PROC_CATEGORY_ME;
}

/* False: it stands between words. */
static bool add_point(struct letters *to, utf8proc_int32_t point)
{
	const utf8proc_option_t how = (utf8proc_option_t)(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_STRIPMARK);
	utf8proc_int32_t parts[PARTS_MAX];
	int boundclass = UTF8PROC_BOUNDCLASS_START;
	utf8proc_ssize_t n;

	if (is_mark(point))
		return true;
	if (!is_letter(point))
		return false;
	n = utf8proc_decompose_char(point, parts, PARTS_MAX, how, &boundclass);
	if (n < 0 || n > PARTS_MAX) {
		add(to, (uint32_t)point);
		return true;
	}
	for (utf8proc_ssize_t i = 0; i < n; i++)
		if (is_letter(parts[i]))
			add(to, parts[i] < 0x80 ? (uint32_t)(uint8_t)ascii_upper((char)parts[i]) : (uint32_t)parts[i]);
	return true;
}

/* The character at the front, of *length bytes, into the word; false: it is in none. */
static bool take(struct span rest, struct letters *to, size_t *length)
{
	utf8proc_int32_t point;
	utf8proc_ssize_t n;
	const char c = rest.ptr[0];

	*length = 1;
	if (!(c & 0x80)) {
		if (!ascii_is_alpha(c) && !ascii_is_digit(c))
			return false;
		add(to, (uint32_t)(uint8_t)ascii_upper(c));
		return true;
	}
	n = utf8proc_iterate((const utf8proc_uint8_t *)rest.ptr, (utf8proc_ssize_t)rest.len, &point);
	if (n <= 0)
		return false;
	*length = (size_t)n;
	return add_point(to, point);
}

/* The next word of *rest, which is cut off; bytes of it past `most` are left out. False: none. */
static bool next_word(struct span *rest, size_t most, struct letters *out, bool *cut_out)
{
	out->count = 0;
	out->signature = 0;
	while (rest->len && !out->count) {
		size_t bytes = 0, length;
		bool in_word = true;

		*cut_out = false;
		while (rest->len && in_word) {
			const size_t before = out->count;
			const uint64_t signature = out->signature;

			in_word = take(*rest, out, &length);
			if (in_word && (*cut_out || bytes + length > most)) {
				*cut_out = true;
				out->count = before;
				out->signature = signature;
			}
			bytes += length;
			*rest = span_skip(*rest, length);
		}
	}
	return out->count;
}

static bool has_digit(const struct letters *l)
{
	for (size_t i = 0; i < l->count; i++)
		if (utf8proc_category((utf8proc_int32_t)l->list[i]) == UTF8PROC_CATEGORY_ND)
			return true;
	return false;
}

void fuzzy_key_make(struct span mapped, struct fuzzy_key *out)
{
	struct letters l;
	bool cut;

	out->count = 0;
	while (out->count < FUZZY_WORDS_MAX && next_word(&mapped, FUZZY_LETTERS_MAX, &l, &cut)) {
		struct fuzzy_word *w = &out->words[out->count++];

		w->is_cut = cut || l.count > FUZZY_LETTERS_MAX;
		w->count = (uint8_t)(l.count < FUZZY_LETTERS_MAX ? l.count : FUZZY_LETTERS_MAX);
		w->slips = w->is_cut || w->count < ONE_SLIP_FROM || has_digit(&l) ? 0 : w->count < TWO_SLIPS_FROM ? 1
														  : SLIPS_MAX;
		w->signature = 0;
		for (size_t i = 0; i < w->count; i++) {
			w->letters[i] = l.list[i];
			w->signature |= UINT64_C(1) << (l.list[i] & 63);
		}
	}
}

static bool find(const struct fuzzy_word *w, const struct letters *t, size_t *at)
{
	for (size_t i = 0; i + w->count <= t->count; i++)
		/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): all below `count` are set */
		if (t->list[i] == w->letters[0] && memcmp(t->list + i, w->letters, w->count * sizeof *w->letters) == 0) {
			*at = i;
			return true;
		}
	return false;
}

struct rows {
	unsigned *before, *above, *row;
};

/* Position (i, j) of the table: `a` up to i, `b` up to j. */
static unsigned cell(const struct rows *r, const uint32_t *a, size_t i, const uint32_t *b, size_t j, unsigned most)
{
	const bool same = a[i - 1] == b[j - 1];
	unsigned d = r->above[j - 1] + !same; /* NOLINT(clang-analyzer-core.UndefinedBinaryOperatorResult): the band above is one to the left */

	if (r->row[j - 1] + 1 < d)
		d = r->row[j - 1] + 1;
	if (j < i + most && r->above[j] + 1 < d)
		d = r->above[j] + 1;
	if (!same && i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && r->before[j - 2] + 1 < d)
		d = r->before[j - 2] + 1;
	return d;
}

/* Of the smallest number of slips (optimal string alignment), or anything above `most`; in a band, since what is further from the diagonal is above. */
static unsigned distance(const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count, unsigned most)
{
	unsigned room[3][FUZZY_LETTERS_MAX + SLIPS_MAX + 1];
	struct rows r = { room[0], room[1], room[2] };

	for (size_t j = 0; j <= b_count; j++)
		r.above[j] = (unsigned)j;
	for (size_t i = 1; i <= a_count; i++) {
		const size_t from = i > most ? i - most : 1, to = i + most < b_count ? i + most : b_count;
		unsigned least = from == 1 ? (unsigned)i : most + 1, *next = r.before;

		r.row[from - 1] = least;
		for (size_t j = from; j <= to; j++) {
			r.row[j] = cell(&r, a, i, b, j, most);
			least = r.row[j] < least ? r.row[j] : least;
		}
		if (least > most)
			return most + 1;
		r.before = r.above;
		r.above = r.row;
		r.row = next;
	}
	return r.above[b_count];
}

static unsigned slips_grade(const struct fuzzy_word *w, const struct letters *t)
{
	size_t same = 0;
	unsigned d;

	if (t->count > w->count + w->slips || t->count + w->slips < w->count || __builtin_popcountll(t->signature & ~w->signature) > w->slips)
		return 0;
	while (same < w->count && same < t->count && w->letters[same] == t->list[same])
		same++;
	d = distance(w->letters + same, w->count - same, t->list + same, t->count - same, w->slips);
	return d > w->slips ? 0 : d == 1 ? GRADE_ONE_SLIP
					 : GRADE_TWO_SLIPS;
}

static unsigned grade(const struct fuzzy_word *w, const struct letters *t)
{
	const int missing = __builtin_popcountll(w->signature & ~t->signature);
	size_t at;

	if (missing > w->slips)
		return 0;
	if (!missing && t->count >= w->count && find(w, t, &at)) {
		const unsigned share = (unsigned)(GRADE_SHARE * w->count / t->count);

		return at ? GRADE_INSIDE + share : t->count > w->count || w->is_cut ? GRADE_BEGINS + share - (t->count == w->count)
										    : GRADE_SAME;
	}
	return w->slips ? slips_grade(w, t) : 0;
}

unsigned fuzzy_grade(const struct fuzzy_key *key, size_t word, struct span term)
{
	struct letters t;
	unsigned best = 0;
	bool cut;

	while (next_word(&term, SIZE_MAX, &t, &cut)) {
		const unsigned g = grade(&key->words[word], &t);

		if (g > best)
			best = g;
	}
	return best;
}

bool fuzzy_look(const struct fuzzy_key *key, struct span term, uint8_t best[FUZZY_WORDS_MAX])
{
	struct letters t;
	bool more = true, cut;

	while (next_word(&term, SIZE_MAX, &t, &cut)) {
		more = false;
		for (size_t i = 0; i < key->count; i++) {
			const unsigned g = best[i] < GRADE_SAME ? grade(&key->words[i], &t) : 0;

			if (g > best[i])
				best[i] = (uint8_t)g;
			more = more || best[i] < GRADE_SAME;
		}
		if (!more)
			return false;
	}
	return true;
}

uint8_t fuzzy_join(size_t before, uint8_t score, uint8_t grade_of_next)
{
	return (uint8_t)((before * score + grade_of_next) / (before + 1));
}

uint8_t fuzzy_score(const struct fuzzy_key *key, const uint8_t best[FUZZY_WORDS_MAX])
{
	uint8_t score = 0;

	for (size_t i = 0; i < key->count; i++) {
		if (!best[i])
			return 0;
		score = fuzzy_join(i, score, best[i]);
	}
	return score;
}
