/* tests/unit/imap/imap_url_test.c: URLs of messages (RFC 5092), and who may follow them (RFC 4467). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/imap/imap_url.h"

static struct arena arena;

static struct imap_url good(const char *text)
{
	struct imap_url url;

	if (imap_url_parse(span_str(text), &arena, &url))
		fail_msg("%s", text);
	return url;
}

static void is(struct span got, const char *want)
{
	if (!span_equals(got, span_str(want)))
		fail_msg("\"%.*s\" is not \"%s\"", (int)got.len, got.ptr, want);
}

static void whole_and_relative(void **state)
{
	struct imap_url url = good("imap://joe%40example.com;AUTH=*@example.com:143/a/b%20c;UIDVALIDITY=385759045/;UID=20/;SECTION=1.2/;PARTIAL=5.1024");

	(void)state;
	assert_true(url.has_host && url.has_mailbox && url.is_partial);
	is(url.user, "joe@example.com");
	is(url.host, "example.com");
	is(url.mailbox, "a/b c");
	is(url.section, "1.2");
	assert_int_equal(url.uid_validity, 385759045);
	assert_int_equal(url.uid, 20);
	assert_int_equal(url.offset, 5);
	assert_int_equal(url.length, 1024);
	url = good("//example.com/INBOX/;uid=4294967295");
	assert_true(url.has_host && !url.user.len);
	assert_int_equal(url.uid, 4294967295);
	url = good("/INBOX/;UID=7/;PARTIAL=3");
	assert_true(!url.has_host && url.has_mailbox && url.is_partial && !url.section.len);
	assert_int_equal(url.length, UINT32_MAX);
	url = good(";UID=7/;section=HEADER.FIELDS%20(From%20To)");
	assert_true(!url.has_mailbox);
	is(url.section, "HEADER.FIELDS (From To)");
	is(good("/%C3%A4%2F/;UID=1").mailbox, "\xc3\xa4/");
}

static void with_leave(void **state)
{
	struct imap_url url = good("imap://joe@h/INBOX/;uid=20/;section=1.2;expire=2026-01-01T00:00:01Z;urlauth=submit+fred%40h:internal:91354a473744909de610943775f92038");

	(void)state;
	is(url.user, "joe");
	is(url.section, "1.2");
	is(url.access_user, "fred@h");
	is(url.rump, "imap://joe@h/INBOX/;uid=20/;section=1.2;expire=2026-01-01T00:00:01Z;urlauth=submit+fred%40h");
	is(url.mechanism, "internal");
	is(url.token, "91354a473744909de610943775f92038");
	assert_int_equal(url.access, URL_ACCESS_SUBMIT);
	assert_int_equal(url.expire_ms, INT64_C(1767225601000));
	url = good("imap://joe@h/INBOX/;UID=20;URLAUTH=user+fred@h");
	assert_true(url.access == URL_ACCESS_USER && url.expire_ms == INT64_MAX && !url.token.len);
	is(url.access_user, "fred@h");
	is(url.rump, "imap://joe@h/INBOX/;UID=20;URLAUTH=user+fred@h");
	assert_int_equal(good("imap://joe@h/INBOX/;UID=20/;PARTIAL=1.2;URLAUTH=AuthUser").access, URL_ACCESS_AUTHUSER);
	assert_int_equal(good("imap://joe@h/INBOX/;UID=20/;SECTION=TEXT;URLAUTH=anonymous").access, URL_ACCESS_ANONYMOUS);
	assert_int_equal(good("imap://joe@h:/INBOX/;UID=20;URLAUTH=Stream").access, URL_ACCESS_STREAM);
	assert_int_equal(good("imap://joe@h/INBOX/;UID=20").access, URL_ACCESS_NONE);
}

static void refuses(const char *const *bad, size_t count)
{
	struct imap_url url;

	for (size_t i = 0; i < count; i++)
		if (imap_url_parse(span_str(bad[i]), &arena, &url) != ERR_SYNTAX)
			fail_msg("taken: %s", bad[i]);
}

static void not_of_a_message(void **state)
{
	static const char *const bad[] = {
		"",
		"/",
		"INBOX",
		"/INBOX",
		"/INBOX/",
		"/INBOX;UID=1",
		"/;UID=1",
		"/INBOX/;UID=0",
		"/INBOX/;UID=",
		"/INBOX/;UID=4294967296",
		"/INBOX/;UID=1x",
		"/INBOX/;UID=1/",
		"/INBOX/;UID=1;SECTION=1",
		"/INBOX/;UID=1/;SECTION=",
		"/INBOX/;UID=1/;PARTIAL=",
		"/INBOX/;UID=1/;PARTIAL=1.0",
		"/INBOX/;UID=1/;PARTIAL=1.2/;SECTION=1",
		"/INBOX;UIDVALIDITY=0/;UID=1",
		"/INBOX;UIDVALIDITY=1;UID=1",
		"/IN BOX/;UID=1",
		"/IN%2/;UID=1",
		"/IN%zz/;UID=1",
		"/IN%00/;UID=1",
		"/IN%0A/;UID=1",
		"/IN%7F/;UID=1",
		"/%FF/;UID=1",
		"/INBOX?TEXT",
		"/INBOX/;UID=1;URLAUTH=anonymous:internal:00",
		"imap:/INBOX/;UID=1",
		"imap://",
		"imap:///INBOX/;UID=1",
		"imap://@h/INBOX/;UID=1",
		"imap://a;x@h/INBOX/;UID=1",
		"imap://h",
		"imap://h;UID=1",
		"http://h/INBOX/;UID=1",
		"../INBOX/;UID=1",
		"/IN\xc3\xa4/;UID=1",
	};

	(void)state;
	refuses(bad, sizeof bad / sizeof *bad);
}

static void with_odd_leave(void **state)
{
	static const char *const bad[] = {
		"imap://a@h/INBOX/;UID=1;URLAUTH=",
		"imap://a@h/INBOX/;UID=1;URLAUTH=nobody",
		"imap://a@h/INBOX/;UID=1;URLAUTH=stream+a",
		"imap://a@h:imap/INBOX/;UID=1;URLAUTH=anonymous",
		"imap://a@h:14:3/INBOX/;UID=1;URLAUTH=anonymous",
		"imap://a;AUTH=@h/INBOX/;UID=1;URLAUTH=anonymous",
		"imap://a@h/INBOX/;UID=1;URLAUTH=user+",
		"imap://a@h/INBOX/;UID=1;URLAUTH=user+a b",
		"imap://a@h/INBOX/;UID=1;URLAUTH=user+%0A",
		"imap://h/INBOX/;UID=1;URLAUTH=anonymous",
		"imap://a@h/INBOX/;UID=1;URLAUTH=anonymous:",
		"imap://a@h/INBOX/;UID=1;URLAUTH=anonymous:INTERNAL",
		"imap://a@h/INBOX/;UID=1;URLAUTH=anonymous:INTERNAL:",
		"imap://a@h/INBOX/;UID=1;URLAUTH=anonymous:INTERNAL:0011223344556677889900112233445",
		"imap://a@h/INBOX/;UID=1;URLAUTH=anonymous:INTERNAL:0011223344556677889900112233445x",
		"imap://a@h/INBOX/;UID=1;URLAUTH=anonymous:IN_T:00112233445566778899001122334455",
		"imap://a@h/INBOX/;UID=1;URLAUTH=anonymous::00112233445566778899001122334455",
		"imap://a@h/INBOX/;UID=1;EXPIRE=2026-01-01T00:00:00Z",
		"imap://a@h/INBOX/;UID=1;EXPIRE=soon;URLAUTH=anonymous",
		"imap://a@h/INBOX/;UID=1;URLAUTH=anonymous;EXPIRE=2026-01-01T00:00:00Z",
		"imap://a@h/INBOX/;UID=1/;URLAUTH=anonymous",
		"imap://a@h/INBOX;URLAUTH=anonymous",
	};

	(void)state;
	refuses(bad, sizeof bad / sizeof *bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_and_relative),
		cmocka_unit_test(with_leave),
		cmocka_unit_test(not_of_a_message),
		cmocka_unit_test(with_odd_leave),
	};
	int failed;

	arena_init(&arena, 1024 * 1024);
	failed = cmocka_run_group_tests_name("imap/imap_url", tests, NULL, NULL);
	arena_clear(&arena);
	return failed;
}
