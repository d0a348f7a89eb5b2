#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/mime/date.h"

static void expect_header(const char *in, int64_t seconds, int offset)
{
	struct date d;

	if (date_parse_header(span_str(in), &d) != ERR_OK)
		fail_msg("%s", in);
	assert_int_equal(d.unix_ms, seconds * 1000);
	assert_int_equal(d.offset_minutes, offset);
}

static void header_dates_are_read_with_their_obsolete_forms(void **state)
{
	(void)state;
	expect_header("Fri, 21 Nov 1997 09:55:06 -0600", 880127706, -360);
	expect_header("21 Nov 97 09:55:06 GMT", 880106106, 0);
	expect_header("Thu, 01 Jan 1970 00:00:00 +0000", 0, 0);
	expect_header("1 Jan 1970 01:00 +0100", 0, 60);
	expect_header("Tue, 29 Feb 2000 12:00:00 EST", 951843600, -300);
	expect_header("Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n               -0330 (Newfoundland Time)", -27723480, -210);
	expect_header("Fri, 21 Nov 1997 09(comment (nested) \\)):   55  :  06 -0600", 880127706, -360);
	expect_header("Sat, 31 Dec 2016 23:59:60 +0000", 1483228800, 0);
	expect_header("1 jan 49 00:00:00 Z", 2493072000, 0);
	expect_header("1 Jan 50 00:00:00 UT", -631152000, 0);
	expect_header("1 Jan 101 00:00:00 UT", 978307200, 0);
	expect_header("1 Jan 2001 00:00:00", 978307200, 0);
	expect_header("Mon, 1 Jan 2001 00:00:00 PDT", 978332400, -420);
}

static void header_dates_that_cannot_be_are_refused(void **state)
{
	static const char *const bad[] = { "", "x", "Fri, 32 Nov 1997 09:55:06 -0600", "29 Feb 1999 00:00:00 +0000", "29 Feb 1900 00:00:00 +0000", "1 Foo 2000 00:00:00 +0000", "1 Jan 2000 24:00:00 +0000",
					   "1 Jan 2000 00:60:00 +0000", "1 Jan 2000 00:00:61 +0000", "1 Jan 20000 00:00:00 +0000", "1 Jan 0000 00:00:00 +0000", "1 Jan 2000 00:00:00 +00", "1 Jan 2000 00:00:00 +0060",
					   "1 Jan 2000", "((((((", "1 Jan 0001 00:00:00 +0100" };
	struct date d;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(date_parse_header(span_str(bad[i]), &d), ERR_SYNTAX);
}

static void expect_text(void (*write)(int64_t, struct buf *), int64_t ms, const char *want)
{
	struct buf b;

	buf_init(&b, 100);
	write(ms, &b);
	assert_string_equal(buf_cstr(&b), want);
	buf_clear(&b);
}

static void dates_are_written(void **state)
{
	struct buf b;

	(void)state;
	expect_text(date_write_header, 1795330254000, "Sun, 22 Nov 2026 06:50:54 +0000");
	expect_text(date_write_header, 0, "Thu, 1 Jan 1970 00:00:00 +0000");
	expect_text(date_write_header, -1, "Wed, 31 Dec 1969 23:59:59 +0000");
	expect_text(date_write_header, 951782400000, "Tue, 29 Feb 2000 00:00:00 +0000");
	expect_text(date_write_rfc3339, 1795330254007, "2026-11-22T06:50:54.007Z");
	expect_text(date_write_rfc3339, -1, "1969-12-31T23:59:59.999Z");
	expect_text(date_write_rfc3339, 978307199999, "2000-12-31T23:59:59.999Z");
	buf_init(&b, 200);
	date_write_imap(837596665000, -420, &b);
	assert_string_equal(buf_cstr(&b), "17-Jul-1996 02:44:25 -0700");
	buf_reset(&b);
	date_write_imap(INT64_MAX, 0, &b);
	assert_int_equal(b.len, 26);
	buf_reset(&b);
	date_write_imap(INT64_MIN, 5999, &b);
	assert_int_equal(b.len, 26);
	buf_clear(&b);
}

static void imap_dates_are_read_strictly(void **state)
{
	static const char *const bad[] = { "", "17-Jul-1996 02:44:25", "7-Jul-1996 02:44:25 -0700", "17-Jul-1996 02:44:25 -0700 ", "17 Jul 1996 02:44:25 -0700", "31-Jun-1996 02:44:25 -0700", "17-Jul-96 02:44:25 -0700",
					   "17-Jul-1996 2:44:25 -0700", "17-Jul-1996 02:44:25 0700", "17-Jul-1996 02:44:25 -0761", " 17-Jul-1996 02:44:25 -0700", "17-Jul-1996 24:00:00 +0000" };
	struct date d;

	(void)state;
	assert_int_equal(date_parse_imap(SPAN("17-Jul-1996 02:44:25 -0700"), &d), ERR_OK);
	assert_int_equal(d.unix_ms, 837596665000);
	assert_int_equal(d.offset_minutes, -420);
	assert_int_equal(date_parse_imap(SPAN(" 1-jan-1969 00:00:00 +0000"), &d), ERR_OK);
	assert_int_equal(d.unix_ms, -31536000000);
	assert_int_equal(date_parse_imap(SPAN("31-Dec-9999 23:59:59 +0000"), &d), ERR_OK);
	assert_int_equal(d.unix_ms, 253402300799000);
	assert_int_equal(date_parse_imap(SPAN("31-Dec-9999 23:59:59 -0001"), &d), ERR_LIMIT);
	assert_int_equal(date_parse_imap(SPAN("01-Jan-0001 00:00:00 +0001"), &d), ERR_LIMIT);
	assert_int_equal(date_parse_imap(SPAN("01-Jan-0000 00:00:00 +0000"), &d), ERR_LIMIT);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(date_parse_imap(span_str(bad[i]), &d), ERR_SYNTAX);
}

static void times_of_the_api_are_read_strictly(void **state)
{
	static const struct {
		const char *in;
		int64_t ms;
	} good[] = {
		{ "2026-11-22T06:50:54Z", 1795330254000 },
		{ "2026-11-22t06:50:54.007z", 1795330254007 },
		{ "2026-11-22T06:50:54.0079999Z", 1795330254007 },
		{ "2026-11-22T07:50:54+01:00", 1795330254000 },
		{ "2026-11-21T23:20:54.5-07:30", 1795330254500 },
		{ "1969-12-31T23:59:59.999Z", -1 },
	};
	static const char *const bad[] = { "", "2026-11-22", "2026-11-22T06:50Z", "2026-11-22T06:50:54", "2026-11-22 06:50:54Z", "2026-13-22T06:50:54Z", "2026-02-29T06:50:54Z", "2026-11-22T24:50:54Z",
					   "2026-11-22T06:50:54.Z", "2026-11-22T06:50:54+0100", "2026-11-22T06:50:54+24:00", "2026-11-22T06:50:54Zx", "0000-11-22T06:50:54Z", "20261-1-22T06:50:54Z" };
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_int_equal(date_parse_rfc3339(span_str(good[i].in), &ms), ERR_OK);
		assert_int_equal(ms, good[i].ms);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (date_parse_rfc3339(span_str(bad[i]), &ms) == ERR_OK)
			fail_msg("%s", bad[i]);
}

static void search_days_are_calendar_days(void **state)
{
	int64_t day;

	(void)state;
	assert_int_equal(date_parse_day(SPAN("1-Feb-1994"), &day), ERR_OK);
	assert_int_equal(day, 8797);
	assert_int_equal(date_parse_day(SPAN("01-Jan-1970"), &day), ERR_OK);
	assert_int_equal(day, 0);
	assert_int_equal(date_parse_day(SPAN("31-Dec-1969"), &day), ERR_OK);
	assert_int_equal(day, -1);
	assert_int_equal(date_parse_day(SPAN("30-Feb-1994"), &day), ERR_SYNTAX);
	assert_int_equal(date_parse_day(SPAN("1-Feb-94"), &day), ERR_SYNTAX);
	assert_int_equal(date_day_of(-1, 0), -1);
	assert_int_equal(date_day_of(-86400000, 0), -1);
	assert_int_equal(date_day_of(-86400001, 0), -2);
	assert_int_equal(date_day_of(0, -1), -1);
	assert_int_equal(date_day_of(86399999, 0), 0);
}

static void every_day_of_the_calendar_goes_there_and_back(void **state)
{
	struct buf b;
	struct date d;

	(void)state;
	buf_init(&b, 100);
	for (int64_t day = -719162 + 6; day <= 2932896 - 6; day += 1) {
		buf_reset(&b);
		if (day % 7 != 0 && day % 365 > 3)
			continue;
		date_write_imap(day * 86400000 + 12345000, 0, &b);
		assert_int_equal(date_parse_imap(buf_span(&b), &d), ERR_OK);
		assert_int_equal(d.unix_ms, day * 86400000 + 12345000);
	}
	buf_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_dates_are_read_with_their_obsolete_forms),
		cmocka_unit_test(header_dates_that_cannot_be_are_refused),
		cmocka_unit_test(dates_are_written),
		cmocka_unit_test(imap_dates_are_read_strictly),
		cmocka_unit_test(times_of_the_api_are_read_strictly),
		cmocka_unit_test(search_days_are_calendar_days),
		cmocka_unit_test(every_day_of_the_calendar_goes_there_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
