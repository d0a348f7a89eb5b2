#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/imap/objectid.h"

static void an_id_comes_back(void **state)
{
	uint64_t number = 0;

	(void)state;
	assert_string_equal(objectid_make(OBJECTID_EMAIL, 12, 345).text, "M12-345");
	assert_string_equal(objectid_make(OBJECTID_MAILBOX, 1, 2).text, "F1-2");
	assert_string_equal(objectid_make(OBJECTID_THREAD, UINT64_MAX, UINT64_MAX).text, "T18446744073709551615-18446744073709551615");
	assert_int_equal(objectid_parse(SPAN("M12-345"), OBJECTID_EMAIL, 12, &number), ERR_OK);
	assert_int_equal(number, 345);
}

static void what_is_no_id_of_ours_names_nothing(void **state)
{
	static const char *const foreign[] = { "T12-345", "M13-345", "M12-0345", "m12-345", "M12-", "M12", "x", "-", "M12-99999999999999999999" };
	static const char *const bad[] = { "", "M12 345", "M12.345", "(M12-345)", "\xC3\xA9" };
	uint64_t number;

	(void)state;
	for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
		assert_int_equal(objectid_parse(span_str(foreign[i]), OBJECTID_EMAIL, 12, &number), ERR_NOT_FOUND);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(objectid_parse(span_str(bad[i]), OBJECTID_EMAIL, 12, &number), ERR_NOT_FOUND);
		assert_false(objectid_is_one(span_str(bad[i])));
	}
	assert_true(objectid_is_one(SPAN("M12-345")) && objectid_is_one(SPAN("_Other-9")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_comes_back),
		cmocka_unit_test(what_is_no_id_of_ours_names_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
