/* What a right lets change, and where LIST has to look. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/imap/list_match.h"
#include "daemon/imap/place.h"

static void each_flag_has_its_right(void **state)
{
	const uint64_t keyword = (uint64_t)1 << FLAG_KEYWORD_SHIFT, last = (uint64_t)1 << (FLAG_KEYWORD_SHIFT + FLAG_KEYWORDS_MAX - 1);

	(void)state;
	assert_int_equal(imap_rights_flags(0), 0);
	assert_int_equal(imap_rights_flags(RIGHT_SEEN), FLAG_SEEN);
	assert_int_equal(imap_rights_flags(RIGHT_DELETE_MESSAGES), FLAG_DELETED);
	assert_int_equal(imap_rights_flags(RIGHT_WRITE) & FLAG_SYSTEM, FLAG_ANSWERED | FLAG_FLAGGED | FLAG_DRAFT);
	assert_true(imap_rights_flags(RIGHT_WRITE) & keyword);
	assert_true(imap_rights_flags(RIGHT_WRITE) & last);
	assert_int_equal(imap_rights_flags(RIGHT_LOOKUP | RIGHT_READ | RIGHT_INSERT | RIGHT_POST | RIGHT_CREATE | RIGHT_DELETE_MAILBOX | RIGHT_EXPUNGE | RIGHT_ADMIN), 0);
	assert_true(imap_rights_flags(RIGHT_ALL) == UINT64_MAX);
}

static bool goes_below(const char *pattern, const char *name)
{
	struct list_pattern p;
	struct arena a;
	bool goes;

	arena_init(&a, 1 << 16);
	assert_int_equal(list_pattern_make(&a, SPAN(""), span_str(pattern), &p), ERR_OK);
	goes = list_pattern_goes_below(&p, span_str(name));
	arena_clear(&a);
	return goes;
}

static void a_pattern_that_cant_match_below_a_name_is_known(void **state)
{
	(void)state;
	assert_true(goes_below("*", "Shared/a@b"));
	assert_true(goes_below("Shared/*", "Shared/a@b"));
	assert_true(goes_below("*X", "Shared/a@b"));
	assert_true(goes_below("%/%/INBOX", "Shared/a@b"));
	assert_true(goes_below("Shared/a@b/INBOX", "Shared/a@b"));
	assert_false(goes_below("%", "Shared/a@b"));
	assert_false(goes_below("Shared/%", "Shared/a@b"));
	assert_false(goes_below("Shared/a@b", "Shared/a@b"));
	assert_false(goes_below("Shared/a@bc/INBOX", "Shared/a@b"));
	assert_false(goes_below("INBOX*", "Shared/a@b"));
	assert_false(goes_below("", "Shared/a@b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_flag_has_its_right),
		cmocka_unit_test(a_pattern_that_cant_match_below_a_name_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
