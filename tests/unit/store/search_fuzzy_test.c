/* tests/unit/store/search_fuzzy_test.c: what search.db says of words that are nearly those of a key is what reading says, scores too. */
#include "tests/unit/store/search_world.h"

#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/mime/text.h"
#include "daemon/store/search_words.h"

#define BOTH (SEARCH_IN_HEADER | SEARCH_IN_BODY)

static uint64_t seed;

static uint32_t below(uint32_t bound)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(seed >> 33) % bound;
}

static void add_word(struct buf *b)
{
	static const char *const known[] = { "Rechnung", "invoice", "Müller", "straße", "会議室", "received", "don't", "a.b@example.org", "x-y_z", "ﬁle", "İstanbul", "İ" };
	static const char *const odd[] = { "é", "ß", "日", "“", "—", "\xff", "\xc3", "́", "１", "½" };

	if (below(3) == 0) {
		buf_add_str(b, known[below(12)]);
		return;
	}
	for (uint32_t i = 0, n = 1 + below(below(30) ? 10 : 300); i < n; i++) {
		if (below(15) == 0)
			buf_add_str(b, odd[below(10)]);
		else
			buf_add_char(b, "aBcDeo1"[below(7)]);
	}
}

static void random_text(struct buf *b)
{
	static const char *const between[] = { " ", " ", " ", ",", ".", "-", "@", "; ", "\t", "'" };

	buf_reset(b);
	for (uint32_t i = 0, n = below(60); i < n; i++) {
		add_word(b);
		buf_add_str(b, between[below(10)]);
	}
}

/* A piece of some text, or some words, with slips. */
static void random_key(const struct world *w, struct buf *key)
{
	const uint64_t content = 1 + below((uint32_t)w->count);
	struct span text = buf_span(below(4) ? &w->bodies[content] : &w->heads[content]);
	size_t from = text.len ? below((uint32_t)text.len) : 0, to = from + 1 + below(below(6) ? 12 : 200);

	buf_reset(key);
	if (to > text.len)
		to = text.len;
	while (from < to && ((uint8_t)text.ptr[from] & 0xc0) == 0x80)
		from++;
	while (to < text.len && ((uint8_t)text.ptr[to] & 0xc0) == 0x80)
		to++;
	buf_add(key, span_make(text.ptr + from, to - from));
	for (uint32_t slips = below(4); slips > 0 && key->len > 1; slips--) {
		size_t at = below((uint32_t)key->len - 1);

		if ((uint8_t)key->ptr[at] < 0x80 && (uint8_t)key->ptr[at + 1] < 0x80) {
			char c = key->ptr[at];

			key->ptr[at] = below(2) ? key->ptr[at + 1] : 'E';
			key->ptr[at + 1] = below(2) ? c : key->ptr[at + 1];
		}
	}
}

static void look(const struct fuzzy_key *key, struct span text, uint8_t best[FUZZY_WORDS_MAX])
{
	struct search_words words = { .rest = text };
	struct span word;

	while (search_word_next(&words, &word))
		(void)fuzzy_look(key, word, best);
}

static uint8_t by_reading(const struct world *w, const struct fuzzy_key *key, unsigned where, uint64_t content)
{
	uint8_t best[FUZZY_WORDS_MAX] = { 0 };

	if (where & SEARCH_IN_HEADER)
		look(key, buf_span(&w->heads[content]), best);
	if (where & SEARCH_IN_BODY)
		look(key, buf_span(&w->bodies[content]), best);
	return fuzzy_score(key, best);
}

static unsigned found, found_exactly;

static void check_key(struct world *w, struct span mapped, unsigned where)
{
	struct fuzzy_key key;
	struct search_hits *h;
	bool done = false;
	enum err e;

	fuzzy_key_make(mapped, &key);
	e = search_fuzzy_begin(w->f->m, &key, where, &h);
	assert_int_equal(e, key.count ? ERR_OK : ERR_NOT_FOUND);
	while (!e && !done)
		assert_int_equal(search_find_more(h, clock_mono_us() + (int64_t)below(200), &done), ERR_OK);
	for (uint64_t content = 1; !e && content <= w->count; content++) {
		const enum search_verdict v = search_verdict_of(h, content);
		const uint8_t score = by_reading(w, &key, where, content);

		if (v != (score ? SEARCH_HAS : SEARCH_HAS_NOT) || search_score_of(h, content) != score)
			fail_msg("key \"%.*s\" content %u where %u: verdict %d score %u, reading says %u", (int)mapped.len, mapped.ptr, (unsigned)content, where, (int)v,
				 search_score_of(h, content), score);
		if (world_has(w, mapped, where, content) && !score)
			fail_msg("key \"%.*s\" is in content %u as it stands", (int)mapped.len, mapped.ptr, (unsigned)content);
		found += score > 0;
		found_exactly += world_has(w, mapped, where, content);
	}
	if (!e)
		search_find_end(&h);
}

static void index_and_reading_agree(void **state)
{
	struct world *w = *state;
	const char *given = getenv("SEED");
	struct buf text, subject, key, mapped;

	seed = given ? strtoull(given, NULL, 10) : (uint64_t)clock_real_ms();
	print_message("SEED=%llu\n", (unsigned long long)seed);
	buf_init(&text, 1u << 20);
	buf_init(&subject, 1u << 20);
	buf_init(&key, 1u << 20);
	buf_init(&mapped, 1u << 20);
	for (unsigned round = 0; round < 5; round++) {
		for (unsigned i = 0; i < 30; i++) {
			random_text(&text);
			random_text(&subject);
			(void)world_add_text(w, buf_span(&subject), buf_span(&text));
		}
		world_index(w);
		for (unsigned i = 0; i < 200; i++) {
			random_key(w, &key);
			buf_reset(&mapped);
			text_casemap(buf_span(&key), &mapped);
			check_key(w, buf_span(&mapped), 1 + below(3));
		}
	}
	assert_true(found_exactly > 500 && found > found_exactly + 500);
	buf_clear(&text);
	buf_clear(&subject);
	buf_clear(&key);
	buf_clear(&mapped);
}

static struct search_hits *ask(struct world *w, const char *mapped, unsigned where)
{
	struct search_hits *h;
	struct fuzzy_key key;
	bool done = false;

	fuzzy_key_make(span_str(mapped), &key);
	assert_int_equal(search_fuzzy_begin(w->f->m, &key, where, &h), ERR_OK);
	while (!done)
		assert_int_equal(search_find_more(h, 0, &done), ERR_OK);
	return h;
}

static void words_of_header_and_body_count_together(void **state)
{
	struct world *w = *state;
	struct search_hits *h;

	(void)world_add_text(w, SPAN("From Alice"), SPAN("Your invoice"));
	world_index(w);
	h = ask(w, "ALICE INVOIEC", BOTH);
	assert_int_equal(search_verdict_of(h, 1), SEARCH_HAS);
	assert_int_equal(search_score_of(h, 1), 75);
	search_find_end(&h);
	h = ask(w, "ALICE INVOICE", SEARCH_IN_BODY);
	assert_int_equal(search_verdict_of(h, 1), SEARCH_HAS_NOT);
	search_find_end(&h);
}

static void what_came_since_is_not_known(void **state)
{
	struct world *w = *state;
	struct search_hits *h;

	(void)world_add_text(w, SPAN("one"), SPAN("x"));
	world_index(w);
	(void)world_add_text(w, SPAN("one"), SPAN("x"));
	h = ask(w, "ONE", BOTH);
	assert_int_equal(search_verdict_of(h, 1), SEARCH_HAS);
	assert_int_equal(search_verdict_of(h, 2), SEARCH_NOT_INDEXED);
	search_find_end(&h);
}

/* 2 MiB and more are not taken in whole. */
static void a_text_that_is_not_whole_has_to_be_read(void **state)
{
	struct world *w = *state;
	struct search_hits *h;
	struct buf text;

	buf_init(&text, 4u << 20);
	while (text.len < (3u << 20))
		buf_add_str(&text, "word and again\r\n");
	(void)world_add_text(w, SPAN("again"), buf_span(&text));
	world_index(w);
	buf_clear(&text);
	h = ask(w, "AGIAN", BOTH);
	assert_int_equal(search_verdict_of(h, 1), SEARCH_MAY_HAVE);
	search_find_end(&h);
}

#define ON_A_STORE(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_A_STORE(index_and_reading_agree),
		ON_A_STORE(words_of_header_and_body_count_together),
		ON_A_STORE(what_came_since_is_not_known),
		ON_A_STORE(a_text_that_is_not_whole_has_to_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
