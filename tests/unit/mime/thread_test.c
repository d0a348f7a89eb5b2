#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "daemon/mime/subject.h"
#include "daemon/mime/thread.h"

/* A message of a test: ids without <>, refs with blanks between. */
struct told {
	int64_t date;
	const char *subject, *id, *refs;
};

static enum err run(enum thread_algorithm algorithm, const struct told *told, size_t count, size_t memory, struct buf *out)
{
	struct threading *t;
	struct arena a;
	struct buf room, refs;
	enum err e;

	arena_init(&a, memory);
	buf_init(&room, 100000);
	buf_init(&refs, 100000);
	e = thread_begin(algorithm, 12345, &a, &t);
	for (size_t i = 0; !e && i < count; i++) {
		struct base_subject base;
		struct thread_message m = { .number = (uint32_t)i + 1, .date = told[i].date, .message_id = span_str(told[i].id) };
		struct span rest = span_str(told[i].refs), id;

		buf_reset(&refs);
		while (span_split(&rest, ' ', &id)) {
			buf_add(&refs, id);
			buf_add_char(&refs, '\0');
		}
		m.refs = buf_span(&refs);
		subject_base(span_str(told[i].subject), &room, &base);
		m.base = base.text;
		m.is_reply = base.is_reply;
		e = thread_add(t, &m);
	}
	if (!e)
		e = thread_finish(t, out);
	buf_clear(&room);
	buf_clear(&refs);
	arena_clear(&a);
	return e;
}

static void expect_of(enum thread_algorithm algorithm, const struct told *told, size_t count, const char *expected)
{
	struct buf out;

	buf_init(&out, 1000000);
	assert_int_equal(run(algorithm, told, count, 64 << 20, &out), ERR_OK);
	assert_string_equal(buf_cstr(&out), expected);
	buf_clear(&out);
}
#define EXPECT(algorithm, told, expected) expect_of(algorithm, told, sizeof(told) / sizeof(told)[0], expected)

static void no_message_is_no_thread(void **state)
{
	(void)state;
	expect_of(THREAD_REFERENCES, NULL, 0, "");
	expect_of(THREAD_ORDEREDSUBJECT, NULL, 0, "");
	expect_of(THREAD_REFS, NULL, 0, "");
}

static void replies_stand_below_what_they_reply_to(void **state)
{
	static const struct told told[] = {
		{ 1, "x", "a@x", "" },
		{ 3, "Re: x", "c@x", "a@x" },
		{ 2, "Re: x", "b@x", "a@x" },
		{ 4, "Re: x", "d@x", "a@x b@x" },
		{ 5, "y", "e@x", "" },
	};

	(void)state;
	EXPECT(THREAD_REFERENCES, told, "(1 (3 4)(2))(5)");
	EXPECT(THREAD_REFS, told, "(1 (3 4)(2))(5)");
	EXPECT(THREAD_ORDEREDSUBJECT, told, "(1 (3)(2)(4))(5)");
}

static void a_circle_of_references_is_cut_where_it_would_close(void **state)
{
	static const struct told told[] = { { 1, "", "a@b", "" }, { 2, "", "b@b", "c@b a@b" }, { 3, "", "c@b", "b@b" } };
	static const struct told self[] = { { 1, "", "a@b", "a@b" }, { 2, "", "b@b", "b@b b@b" } };

	(void)state;
	EXPECT(THREAD_REFERENCES, told, "(3 1 2)");
	EXPECT(THREAD_REFS, told, "(3 1 2)");
	EXPECT(THREAD_REFERENCES, self, "(1)(2)");
}

static void siblings_of_a_message_that_is_not_there_stand_together(void **state)
{
	static const struct told two[] = { { 2, "p", "a@b", "gone@b" }, { 1, "q", "b@b", "gone@b" } };
	static const struct told one[] = { { 2, "p", "a@b", "older@b gone@b" }, { 3, "q", "b@b", "gone@b a@b" } };

	(void)state;
	EXPECT(THREAD_REFERENCES, two, "((2)(1))");
	EXPECT(THREAD_REFS, two, "((2)(1))");
	EXPECT(THREAD_REFERENCES, one, "(1 2)");
}

static void the_second_of_a_message_id_stands_for_itself(void **state)
{
	static const struct told told[] = { { 1, "p", "a@b", "" }, { 2, "q", "a@b", "" }, { 3, "r", "b@b", "a@b" } };

	(void)state;
	EXPECT(THREAD_REFERENCES, told, "(1 3)(2)");
}

static void the_message_itself_knows_best_whose_reply_it_is(void **state)
{
	static const struct told told[] = { { 1, "p", "c@b", "a@b b@b" }, { 2, "q", "b@b", "" }, { 3, "r", "a@b", "" } };

	(void)state;
	EXPECT(THREAD_REFERENCES, told, "(2 1)(3)");
}

static void threads_of_one_subject_are_joined(void **state)
{
	static const struct told reply[] = { { 1, "Re: x", "a@b", "" }, { 2, "x", "b@b", "" } };
	static const struct told both[] = { { 1, "x", "a@b", "" }, { 2, "X", "b@b", "" }, { 3, "re: x", "c@b", "" } };
	static const struct told empty[] = { { 1, "", "a@b", "" }, { 2, "Re:", "b@b", "" } };
	static const struct told dummies[] = { { 1, "x", "a@b", "g@b" }, { 2, "y", "b@b", "g@b" }, { 3, "x", "c@b", "h@b" }, { 4, "z", "d@b", "h@b" } };

	(void)state;
	EXPECT(THREAD_REFERENCES, reply, "(2 1)");
	EXPECT(THREAD_REFERENCES, both, "((1)(2)(3))");
	EXPECT(THREAD_REFERENCES, empty, "(1)(2)");
	EXPECT(THREAD_REFERENCES, dummies, "((1)(2)(3)(4))");
	EXPECT(THREAD_REFS, both, "(1)(2)(3)");
}

static void refs_puts_the_thread_with_the_newest_message_last(void **state)
{
	static const struct told told[] = { { 1, "x", "a@b", "" }, { 2, "y", "b@b", "" }, { 3, "x", "c@b", "a@b" } };

	(void)state;
	EXPECT(THREAD_REFS, told, "(2)(1 3)");
	EXPECT(THREAD_REFERENCES, told, "(1 3)(2)");
}

static void messages_of_one_second_are_in_the_order_of_their_numbers(void **state)
{
	static const struct told told[] = { { 5, "x", "", "" }, { 5, "y", "", "" }, { 5, "x", "", "" }, { 1, "y", "", "" } };

	(void)state;
	EXPECT(THREAD_ORDEREDSUBJECT, told, "(4 2)(1 3)");
}

/* A chain, and then every message of it asked again whether it is below the last: linear where it counts. */
static void a_hundred_thousand_replies_are_one_thread(void **state)
{
	enum { COUNT = 100000 };
	struct threading *t;
	struct arena a;
	struct buf out;
	char id[32], refs[96];

	(void)state;
	for (enum thread_algorithm algorithm = THREAD_ORDEREDSUBJECT; algorithm <= THREAD_REFS; algorithm++) {
		arena_init(&a, 64 << 20);
		buf_init(&out, 4000000);
		assert_int_equal(thread_begin(algorithm, 99, &a, &t), ERR_OK);
		for (uint32_t i = 1; i <= COUNT; i++) {
			int len = snprintf(refs, sizeof refs, "%u@x%c%u@x", COUNT + 1, 0, i - 1) + 1;
			struct thread_message m = { .number = i, .date = 5, .base = SPAN("X"), .refs = span_make(refs, (size_t)len) };

			(void)snprintf(id, sizeof id, "%u@x", i);
			m.message_id = span_str(id);
			assert_int_equal(thread_add(t, &m), ERR_OK);
		}
		assert_int_equal(thread_finish(t, &out), ERR_OK);
		assert_true(out.len > 588894);
		buf_clear(&out);
		arena_clear(&a);
	}
}

static void a_full_arena_is_a_limit(void **state)
{
	static const struct told told[] = { { 1, "x", "a@b", "b@b c@b d@b e@b" }, { 1, "x", "a@c", "b@c c@c d@c e@c" } };
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	for (size_t memory = 0; memory < 8192; memory += 256)
		if (!run(THREAD_REFERENCES, told, 2, memory, &out))
			assert_string_equal(buf_cstr(&out), "((1)(2))");
	buf_clear(&out);
}

static void expect_base(const char *subject, const char *base, bool is_reply)
{
	struct base_subject b;
	struct buf room;

	buf_init(&room, 10000);
	subject_base(span_str(subject), &room, &b);
	if (b.text.len != strlen(base) || (b.text.len && memcmp(b.text.ptr, base, b.text.len)) || b.is_reply != is_reply)
		fail_msg("'%s' gives '%.*s'", subject, (int)b.text.len, b.text.ptr);
	buf_clear(&room);
}

static void base_subjects_are_what_rfc_5256_makes_of_them(void **state)
{
	(void)state;
	expect_base("", "", false);
	expect_base("b", "B", false);
	expect_base("Re: b", "B", true);
	expect_base("rE \t: b", "B", true);
	expect_base("Fwd: b", "B", true);
	expect_base("fw: b", "B", true);
	expect_base("fwx: b", "FWX: B", false);
	expect_base("Re[2]: b", "B", true);
	expect_base("Re [2] : b", "B", true);
	expect_base("b (fwd)", "B", true);
	expect_base("b (fwd)  (FWD) ", "B", true);
	expect_base("[foo] Fwd: [bar] Re: fw: b (fWd)  (fwd)", "B", true);
	expect_base("b (a)", "B (A)", false);
	expect_base("Re: [FWD: c]", "C", true);
	expect_base("[fwd: [fwd: c (fwd)]]", "C", true);
	expect_base("[xyz]", "[XYZ]", false);
	expect_base("[list] [xyz]", "[XYZ]", false);
	expect_base("[a[b] c", "[A[B] C", false);
	expect_base("[list] x\t\r\n  y", "X Y", false);
	expect_base("Re:", "", true);
	expect_base("Re: (fwd)", "", true);
	expect_base("gr\xc3\xbc", "GRU\xcc\x88", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_message_is_no_thread),
		cmocka_unit_test(replies_stand_below_what_they_reply_to),
		cmocka_unit_test(a_circle_of_references_is_cut_where_it_would_close),
		cmocka_unit_test(siblings_of_a_message_that_is_not_there_stand_together),
		cmocka_unit_test(the_second_of_a_message_id_stands_for_itself),
		cmocka_unit_test(the_message_itself_knows_best_whose_reply_it_is),
		cmocka_unit_test(threads_of_one_subject_are_joined),
		cmocka_unit_test(refs_puts_the_thread_with_the_newest_message_last),
		cmocka_unit_test(messages_of_one_second_are_in_the_order_of_their_numbers),
		cmocka_unit_test(a_hundred_thousand_replies_are_one_thread),
		cmocka_unit_test(a_full_arena_is_a_limit),
		cmocka_unit_test(base_subjects_are_what_rfc_5256_makes_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
