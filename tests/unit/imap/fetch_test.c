#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/imap/commands.h"
#include "daemon/imap/fetch.h"

static enum err parse(const char *text, uint64_t off, struct arena *a, union imap_args *out)
{
	struct imap_parser p = { .rest = span_str(text), .arena = a, .off = off };
	enum err e;

	arena_init(a, 1 << 22);
	*out = (union imap_args){ .fetch.count = 0 };
	e = imap_parse_fetch(&p, out);
	return !e && p.rest.len ? ERR_SYNTAX : e;
}

static void expect_bad(const char *text, uint64_t off)
{
	union imap_args args;
	struct arena a;

	if (!parse(text, off, &a, &args))
		fail_msg("taken: %s", text);
	arena_clear(&a);
}

static void items_are_read(void **state)
{
	union imap_args args;
	struct arena a;

	(void)state;
	assert_int_equal(parse(" 1 (PREVIEW (LAZY) EMAILID modseq BINARY.PEEK[1.2]<5.7> BINARY.SIZE[] BINARY[TEXT]<9>) (PARTIAL -5:-2 CHANGEDSINCE 12 VANISHED)", 0, &a, &args),
			 ERR_OK);
	assert_int_equal(args.fetch.count, 6);
	assert_int_equal(args.fetch.items[0].kind, FETCH_PREVIEW);
	assert_int_equal(args.fetch.items[1].kind, FETCH_EMAILID);
	assert_int_equal(args.fetch.items[2].kind, FETCH_MODSEQ);
	assert_int_equal(args.fetch.items[3].kind, FETCH_BINARY);
	assert_true(args.fetch.items[3].peek && args.fetch.items[3].partial);
	assert_int_equal(args.fetch.items[3].offset, 5);
	assert_int_equal(args.fetch.items[3].length, 7);
	assert_true(span_equals(args.fetch.items[3].label, SPAN("BINARY[1.2]<5>")));
	assert_true(span_equals(args.fetch.items[4].label, SPAN("BINARY.SIZE[]")));
	assert_int_equal(args.fetch.items[5].length, UINT64_MAX);
	assert_true(args.fetch.has_since && args.fetch.vanished && args.fetch.partial.given && args.fetch.partial.from_end);
	assert_int_equal(args.fetch.since, 12);
	assert_int_equal(args.fetch.partial.first, 2);
	assert_int_equal(args.fetch.partial.last, 5);
	arena_clear(&a);
}

static void modifiers_follow_macros_and_single_items(void **state)
{
	union imap_args args;
	struct arena a;

	(void)state;
	assert_int_equal(parse(" 1:* ALL (CHANGEDSINCE 7)", 0, &a, &args), ERR_OK);
	assert_int_equal(args.fetch.count, 4);
	assert_int_equal(args.fetch.since, 7);
	arena_clear(&a);
	assert_int_equal(parse(" 1:* PREVIEW (CHANGEDSINCE 7)", 0, &a, &args), ERR_OK);
	assert_int_equal(args.fetch.since, 7);
	arena_clear(&a);
	assert_int_equal(parse(" 1:* PREVIEW (LAZY) (CHANGEDSINCE 7)", 0, &a, &args), ERR_OK);
	assert_int_equal(args.fetch.since, 7);
	arena_clear(&a);
}

static void what_is_off_is_not_of_the_grammar(void **state)
{
	(void)state;
	expect_bad(" 1 PREVIEW", CAP_BIT(CAP_PREVIEW));
	expect_bad(" 1 BINARY[1]", CAP_BIT(CAP_BINARY));
	expect_bad(" 1 EMAILID", CAP_BIT(CAP_OBJECTID));
	expect_bad(" 1 SAVEDATE", CAP_BIT(CAP_SAVEDATE));
	expect_bad(" 1 MODSEQ", CAP_BIT(CAP_CONDSTORE));
	expect_bad(" 1 UID (CHANGEDSINCE 1)", CAP_BIT(CAP_CONDSTORE));
	expect_bad(" 1 UID (PARTIAL 1:2)", CAP_BIT(CAP_PARTIAL));
}

static void nonsense_is_refused(void **state)
{
	static const char *const bad[] = {
		" 1 (PREVIEW (LAZY)",
		" 1 PREVIEW (LAZY",
		" 1 BINARY",
		" 1 BINARY.SIZE",
		" 1 BINARY[1]<.5>",
		" 1 BINARY[1]<5.0>",
		" 1 UID (PARTIAL 1:0)",
		" 1 UID (PARTIAL -1:2)",
		" 1 UID (PARTIAL 4294967296:1)",
		" 1 UID (CHANGEDSINCE)",
		" 1 UID (CHANGEDSINCE 1 CHANGEDSINCE 2)",
		" 1 UID (VANISHED",
		" 1 UID (NONSENSE)",
		" 1 UID () ",
		" 1 ALL UID",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		expect_bad(bad[i], 0);
}

/* A view of 10 messages with the UIDs 10, 20, ... 100. */
static uint32_t count(const struct view *v)
{
	(void)v;
	return 10;
}

static uint32_t uid_of(const struct view *v, uint32_t sequence)
{
	(void)v;
	return sequence * 10;
}

static uint32_t first_from(const struct view *v, uint32_t uid)
{
	(void)v;
	return uid > 100 ? 11 : (uid + 9) / 10;
}

static void expect_slice(struct uid_set set, struct imap_partial partial, const struct uid_range *want, size_t want_count)
{
	static const struct imap_service service = { .view_count = count, .view_uid_of = uid_of, .view_first_from = first_from };
	struct imap_session s = { .service = &service };
	struct fetch_slice slice;

	arena_init(&s.run.arena, 1 << 20);
	assert_int_equal(fetch_slice(&s, &set, &partial, &slice), ERR_OK);
	assert_int_equal(slice.uids.count, want_count);
	for (size_t i = 0; i < want_count; i++) {
		assert_int_equal(slice.uids.ranges[i].first, want[i].first);
		assert_int_equal(slice.uids.ranges[i].last, want[i].last);
		assert_int_equal(slice.sequences.ranges[i].first * 10, want[i].first);
	}
	arena_clear(&s.run.arena);
}

static void partial_counts_what_is_there(void **state)
{
	struct uid_range ranges[] = { { 1, 25 }, { 26, 29 }, { 55, 70 }, { 95, UINT32_MAX } }; /* 10 20, none, 60 70, 100 */
	struct uid_set set = { ranges, 4 };

	(void)state;
	expect_slice(set, (struct imap_partial){ .given = false }, (struct uid_range[]){ { 10, 20 }, { 60, 70 }, { 100, 100 } }, 3);
	expect_slice(set, (struct imap_partial){ true, false, 1, 1 }, (struct uid_range[]){ { 10, 10 } }, 1);
	expect_slice(set, (struct imap_partial){ true, false, 2, 4 }, (struct uid_range[]){ { 20, 20 }, { 60, 70 } }, 2);
	expect_slice(set, (struct imap_partial){ true, false, 5, 500 }, (struct uid_range[]){ { 100, 100 } }, 1);
	expect_slice(set, (struct imap_partial){ true, false, 6, 500 }, NULL, 0);
	expect_slice(set, (struct imap_partial){ true, true, 1, 2 }, (struct uid_range[]){ { 70, 70 }, { 100, 100 } }, 2);
	expect_slice(set, (struct imap_partial){ true, true, 4, UINT32_MAX }, (struct uid_range[]){ { 10, 20 } }, 1);
	expect_slice(set, (struct imap_partial){ true, true, 6, 7 }, NULL, 0);
	expect_slice((struct uid_set){ ranges, 0 }, (struct imap_partial){ true, true, 1, 2 }, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_are_read),
		cmocka_unit_test(modifiers_follow_macros_and_single_items),
		cmocka_unit_test(what_is_off_is_not_of_the_grammar),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(partial_counts_what_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
