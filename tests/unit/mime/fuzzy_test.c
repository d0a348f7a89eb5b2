/* tests/unit/mime/fuzzy_test.c: which words are like which, and how much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "daemon/base/clock.h"
#include "daemon/mime/fuzzy.h"
#include "daemon/mime/text.h"

static uint8_t score(const char *key, const char *text)
{
	uint8_t best[FUZZY_WORDS_MAX] = { 0 };
	struct fuzzy_key made;
	struct buf a, b;
	uint8_t out;

	buf_init(&a, 1u << 16);
	buf_init(&b, 1u << 16);
	text_casemap(span_str(key), &a);
	text_casemap(span_str(text), &b);
	fuzzy_key_make(buf_span(&a), &made);
	(void)fuzzy_look(&made, buf_span(&b), best);
	out = fuzzy_score(&made, best);
	buf_clear(&a);
	buf_clear(&b);
	return out;
}

static void the_same_word_is_best(void **state)
{
	(void)state;
	assert_int_equal(score("invoice", "Your Invoice, at last"), 100);
	assert_int_equal(score("at last", "last: not first, at all"), 100);
	assert_int_equal(score("o'brien", "Brien O."), 100);
	assert_int_equal(score("2024", "in 2024."), 100);
}

static void case_marks_and_forms_make_no_difference(void **state)
{
	(void)state;
	assert_int_equal(score("angstrom", "Ångström"), 100);
	assert_int_equal(score("Ångström", "ANGSTROM"), 100);
	assert_int_equal(score("strasse", "Straße"), 100);
	assert_int_equal(score("STRAẞE", "strasse"), 100);
	assert_int_equal(score("file", "ﬁle"), 100);
	assert_int_equal(score("ｆｕｌｌ", "Full"), 100);
	assert_int_equal(score("привет", "ПРИВЕТ"), 100);
	assert_int_equal(score("الكتاب", "الكِتاب"), 100);
	assert_int_equal(score("İstanbul", "istanbul"), 100);
}

static void the_more_of_a_word_the_better(void **state)
{
	(void)state;
	assert_int_equal(score("invoice", "invoices"), 93);
	assert_int_equal(score("inv", "invoices"), 85);
	assert_int_equal(score("voice", "invoices"), 69);
	assert_int_equal(score("会議", "明日の会議は十時"), 63);
	assert_true(score("invoice", "invoiced") > score("invoice", "proinvoice"));
}

static void slips_are_overlooked(void **state)
{
	(void)state;
	assert_int_equal(score("mial", "mail"), 50);
	assert_int_equal(score("mal", "mail"), 0); /* three letters are too few */
	assert_int_equal(score("maail", "mail"), 50);
	assert_int_equal(score("meil", "mail"), 50);
	assert_int_equal(score("meal", "mail"), 0); /* two */
	assert_int_equal(score("invoice", "invocie"), 50);
	assert_int_equal(score("invoice", "invocei"), 0);
	assert_int_equal(score("recieved", "received"), 50);
	assert_int_equal(score("accomodate", "accommodated"), 30);
	assert_int_equal(score("acomodate", "accommodate"), 30);
	assert_int_equal(score("acomodat", "accommodate"), 0);
	assert_int_equal(score("Müler", "Müller"), 50);
	assert_int_equal(score("Jonh Smiht", "Smith, John"), 50);
	assert_int_equal(score("gmaal", "gmail"), 50);
}

static void numbers_are_meant_as_written(void **state)
{
	(void)state;
	assert_int_equal(score("2024", "2023"), 0);
	assert_int_equal(score("order4711", "order4712"), 0);
	assert_int_equal(score("4711", "order4711"), 66);
	assert_int_equal(score("٢٠٢٤", "٢٠٢٣"), 0);
}

static void all_words_must_be_there(void **state)
{
	(void)state;
	assert_int_equal(score("red fox", "a red dog"), 0);
	assert_int_equal(score("fox red", "a red fox"), 100);
	assert_int_equal(score("invoice mial", "mail: invoice"), 75);
	assert_int_equal(score("...", "..."), 0); /* no word at all: whoever asks looks at it as it stands */
	assert_int_equal(score("", ""), 0);
	assert_int_equal(score("\xcc\x81", "e\xcc\x81"), 0);
}

static void long_keys_are_cut(void **state)
{
	char key[400], text[400];
	struct fuzzy_key made;

	(void)state;
	memset(key, 'a', 70);
	key[70] = 0;
	memset(text, 'a', 66);
	text[66] = 0;
	assert_in_range(score(key, text), 80, 94); /* what stands behind 64 letters is not looked at */
	text[63] = 0;
	assert_int_equal(score(key, text), 0);
	for (size_t i = 0; i < 200; i += 2)
		memcpy(key + i, "A ", 2);
	fuzzy_key_make(span_make(key, 200), &made);
	assert_int_equal(made.count, FUZZY_WORDS_MAX);
	/* One character of eighteen letters, many times. */
	for (size_t i = 0; i < 63; i += 3)
		memcpy(key + i, "\xef\xb7\xba", 3);
	fuzzy_key_make(span_make(key, 63), &made);
	assert_true(made.count >= 1 && made.words[0].count <= FUZZY_LETTERS_MAX);
	for (size_t i = 0; i < 255; i += 3)
		memcpy(text + i, "\xef\xb7\xba", 3);
	assert_true(fuzzy_grade(&made, 0, span_make(text, 255)) > 0);
}

/* ---- distances, beside the whole table ---- */

static unsigned whole_distance(const char *a, size_t n, const char *b, size_t m)
{
	unsigned d[20][20];

	for (size_t i = 0; i <= n; i++)
		for (size_t j = 0; j <= m; j++) {
			d[i][j] = !i ? (unsigned)j : !j ? (unsigned)i
							: d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			if (i && d[i - 1][j] + 1 < d[i][j])
				d[i][j] = d[i - 1][j] + 1;
			if (j && d[i][j - 1] + 1 < d[i][j])
				d[i][j] = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	return d[n][m];
}

static uint64_t seed;

static uint32_t below(uint32_t bound)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(seed >> 33) % bound;
}

/* One slip, perhaps; the new length. */
static size_t spoil(char b[16], size_t m)
{
	const size_t at = below((uint32_t)m);

	if (below(3) == 0 && m > 1) {
		memmove(b + at, b + at + 1, m - at - 1);
		return m - 1;
	}
	if (below(2) && m < 16) {
		memmove(b + at + 1, b + at, m - at);
		b[at] = (char)('A' + below(5));
		return m + 1;
	}
	if (at + 1 < m) {
		const char c = b[at];

		b[at] = b[at + 1];
		b[at + 1] = c;
	}
	return m;
}

static void slips_are_counted_as_the_whole_table_counts(void **state)
{
	unsigned likes = 0;

	(void)state;
	seed = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 10) : (uint64_t)clock_real_ms();
	print_message("SEED=%llu\n", (unsigned long long)seed);
	for (unsigned round = 0; round < 200000; round++) {
		char a[16], b[16];
		size_t n = 1 + below(14), m;
		struct fuzzy_key key;
		unsigned grade, d, slips;

		for (size_t i = 0; i < n; i++)
			a[i] = (char)('A' + below(5));
		memcpy(b, a, n);
		m = n;
		for (uint32_t k = below(4); k > 0; k--)
			m = spoil(b, m);
		fuzzy_key_make(span_make(a, n), &key);
		grade = fuzzy_grade(&key, 0, span_make(b, m));
		d = whole_distance(a, n, b, m);
		slips = n < 4 ? 0 : n < 8 ? 1
					  : 2;
		if (memmem(b, m, a, n))
			assert_true(n == m ? grade == 100 : grade >= 60 && grade < 95);
		else
			assert_int_equal(grade, d > slips ? 0 : d == 1 ? 50
								       : 30);
		likes += grade == 50 || grade == 30;
	}
	assert_true(likes > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_word_is_best),
		cmocka_unit_test(case_marks_and_forms_make_no_difference),
		cmocka_unit_test(the_more_of_a_word_the_better),
		cmocka_unit_test(slips_are_overlooked),
		cmocka_unit_test(numbers_are_meant_as_written),
		cmocka_unit_test(all_words_must_be_there),
		cmocka_unit_test(long_keys_are_cut),
		cmocka_unit_test(slips_are_counted_as_the_whole_table_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
