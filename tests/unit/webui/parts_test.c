/* Small judges of a request: names, browsers, forwarded addresses, encodings, entity tags, bodies. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "webui/body.h"
#include "webui/browser.h"
#include "webui/forwarded.h"
#include "webui/host.h"
#include "webui/negotiate.h"
#include "webui/request_id.h"

/* ---- hosts ---- */

static void check_host(const char *text, bool ours)
{
	const struct span domains[] = { SPAN("example.net"), SPAN("example.org") };
	struct host_rules rules = { .hostname = SPAN("mail.example.org"), .domains = domains, .domain_count = 2 };
	struct host host;
	bool is;

	assert_int_equal(net_ip_parse(SPAN("192.0.2.1"), &rules.local), ERR_OK);
	is = host_parse(span_str(text), &host) == ERR_OK && host_is_ours(&host, &rules);
	if (is != ours)
		print_error("%s\n", text);
	assert_int_equal(is, ours);
}

static void only_our_names_are_answered(void **state)
{
	static const char *const good[] = { "mail.example.org", "MAIL.Example.ORG", "mail.example.org:8443", "mail.example.org.", "mail.example.net", "autoconfig.example.net:443", "192.0.2.1", "192.0.2.1:8443", "192.0.2.2", "[2001:db8::1]", "127.0.0.1" };
	static const char *const bad[] = { "", "evil.test", "example.org", "mail.example.org.evil.test", "xmail.example.org", "mail.example.com", "autodiscover.example.org", "localhost", "127.1", "192.0.2.1.", "192.0.2.1.evil.test",
					   "mail.example.org:", "mail.example.org:0", "mail.example.org:65536", "mail.example.org:x", "mail.example.org/", "mail.example.org@evil.test", "mail. example.org", ".example.org", "[192.0.2.1]", "[::1", "[]", "a,b",
					   "mail.example.org..", "2001:db8::1" };

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		check_host(good[i], true);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		check_host(bad[i], false);
}

static void localhost_is_for_loopback(void **state)
{
	struct host_rules rules = { .hostname = SPAN("mail.example.org") };
	struct host host;

	(void)state;
	assert_int_equal(net_ip_parse(SPAN("::1"), &rules.local), ERR_OK);
	assert_int_equal(host_parse(SPAN("localhost:2443"), &host), ERR_OK);
	assert_true(host_is_ours(&host, &rules));
	assert_int_equal(host.port, 2443);
	assert_int_equal(host_parse(SPAN("[::1]:2443"), &host), ERR_OK);
	assert_true(host_is_ours(&host, &rules));
	assert_true(span_equals(host.name, SPAN("::1")));
}

/* ---- browsers ---- */

static void check_cookie(const char *field, const char *value)
{
	struct span got = browser_cookie(span_str(field));

	assert_int_equal(got.len, strlen(value));
	assert_memory_equal(got.len ? got.ptr : "", value, got.len);
}

static void the_cookie_is_read_strictly(void **state)
{
	char text[400] = BROWSER_COOKIE "=";

	(void)state;
	check_cookie("__Host-postroom=aZ09-_", "aZ09-_");
	check_cookie("a=b; __Host-postroom=x; c=d", "x");
	check_cookie("a=__Host-postroom=x", "");
	check_cookie("__host-postroom=x", "");
	check_cookie("x__Host-postroom=x", "");
	check_cookie("__Host-postroom=x; __Host-postroom=y", "");
	check_cookie("__Host-postroom=x; __Host-postroom=x", "");
	check_cookie("__Host-postroom=", "");
	check_cookie("__Host-postroom=\"x\"", "");
	check_cookie("__Host-postroom=x y", "");
	check_cookie("__Host-postroom=x%20", "");
	check_cookie("", "");
	memset(text + 16, 'x', BROWSER_COOKIE_MAX + 1);
	check_cookie(text, "");
}

static void check_site(const char *origin, const char *fetch_site, bool cross, bool same)
{
	struct browser_finding f = browser_site(span_str(origin), span_str(fetch_site), SPAN("https://mail.example.org:8443"));

	assert_int_equal(f.cross_site, cross);
	assert_int_equal(f.same_site, same);
}

static void another_site_is_seen(void **state)
{
	(void)state;
	check_site("", "", false, false);
	check_site("https://mail.example.org:8443", "", false, true);
	check_site("https://mail.example.org:8443", "same-origin", false, true);
	check_site("", "same-origin", false, true);
	check_site("", "none", false, false);
	check_site("https://mail.example.org", "", true, false);
	check_site("http://mail.example.org:8443", "", true, false);
	check_site("https://mail.example.org:8443.evil.test", "", true, false);
	check_site("null", "", true, false);
	check_site("https://evil.test", "same-origin", true, false);
	check_site("https://mail.example.org:8443", "cross-site", true, false);
	check_site("", "same-site", true, false);
	check_site("", "whatever", true, false);
	assert_true(browser_site(SPAN("https://a"), SPAN(""), SPAN("")).cross_site);
}

/* ---- proxies ---- */

static void check_forwarded(const char *field, const char *client)
{
	struct net_cidr proxies[2];
	struct net_addr peer, got;

	assert_int_equal(net_cidr_parse(SPAN("10.0.0.0/8"), &proxies[0]), ERR_OK);
	assert_int_equal(net_cidr_parse(SPAN("2001:db8::/32"), &proxies[1]), ERR_OK);
	assert_int_equal(net_ip_parse(SPAN("10.0.0.1"), &peer), ERR_OK);
	got = forwarded_client(&peer, span_str(field), proxies, 2);
	assert_string_equal(net_ip_text(&got).text, client);
}

static void the_rightmost_stranger_is_the_client(void **state)
{
	(void)state;
	check_forwarded("192.0.2.7", "192.0.2.7");
	check_forwarded("1.2.3.4, 192.0.2.7", "192.0.2.7");
	check_forwarded("192.0.2.7, 10.0.0.9", "192.0.2.7");
	check_forwarded("6.6.6.6,192.0.2.7,10.0.0.9 , 2001:db8::5", "192.0.2.7");
	check_forwarded("192.0.2.7:5000", "192.0.2.7");
	check_forwarded("[2002:1::1]:5000", "2002:1::1");
	check_forwarded("[2002:1::1]", "2002:1::1");
	check_forwarded("", "10.0.0.1");
	check_forwarded("unknown", "10.0.0.1");
	check_forwarded("192.0.2.7, _hidden, 10.0.0.9", "10.0.0.9");
	check_forwarded("10.0.0.5, 10.0.0.6", "10.0.0.5");
	check_forwarded("192.0.2.7,", "10.0.0.1");
}

/* ---- encodings and tags ---- */

static void gzip_goes_to_who_wants_it(void **state)
{
	static const char *const yes[] = { "gzip", "deflate, gzip;q=1.0, *;q=0.5", "*", "GZIP", "x-gzip", "gzip;q=0.001", "br, gzip ; q=0.5", "gzip;q=0.5, identity;q=0.5", "*;q=0.1" };
	static const char *const no[] = { "", "identity", "gzip;q=0", "gzip;q=0.0", "*;q=0", "br", "gzip;q=0, *", "gzip;q=0.5, identity;q=0.8", "gzip;q=2", "gzip;q=-1", "gzip;q=", "gzip;q=0.5555", "gzippy", "gzip;level=9" };

	(void)state;
	for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
		assert_true(accepts_gzip(span_str(yes[i])));
	for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
		assert_false(accepts_gzip(span_str(no[i])));
}

static void tags_of_both_forms_are_known(void **state)
{
	struct arena a;
	bool had;

	(void)state;
	arena_init(&a, 4096);
	assert_true(etags_have(SPAN("\"x\", W/\"y\""), SPAN("\"y\"")));
	assert_true(etags_have(SPAN(" * "), SPAN("\"y\"")));
	assert_false(etags_have(SPAN("\"x\""), SPAN("\"y\"")));
	assert_false(etags_have(SPAN(""), SPAN("\"y\"")));
	assert_true(span_equals(etags_plain(&a, SPAN("\"x~gz\", \"y\", \"z~gz\""), &had), SPAN("\"x\", \"y\", \"z\"")) && had);
	assert_true(span_equals(etags_plain(&a, SPAN("\"x\""), &had), SPAN("\"x\"")) && !had);
	assert_true(span_equals(etag_gzip(&a, SPAN("\"x\"")), SPAN("\"x~gz\"")));
	arena_clear(&a);
}

/* ---- bodies ---- */

static void a_body_in_memory_has_an_end(void **state)
{
	struct body b;

	(void)state;
	body_init(&b);
	assert_int_equal(body_begin(&b, 0, 10, NULL), ERR_OK);
	body_add(&b, SPAN("0123456789"));
	assert_int_equal(b.state, ERR_OK);
	body_add(&b, SPAN("0"));
	assert_int_equal(b.state, ERR_LIMIT);
	body_clear(&b);
	body_clear(&b);
}

static void an_upload_is_a_file_without_a_name(void **state)
{
	struct body b[BODY_UPLOADS_MAX + 1];
	char text[16];

	(void)state;
	for (int i = 0; i <= BODY_UPLOADS_MAX; i++) {
		body_init(&b[i]);
		assert_int_equal(body_begin(&b[i], i == 1 ? 5 : 0, 8, "/tmp"), i < BODY_UPLOADS_MAX ? ERR_OK : ERR_TEMP);
	}
	body_add(&b[1], SPAN("he"));
	body_add(&b[1], SPAN("llo"));
	body_end(&b[1]);
	assert_int_equal(b[1].state, ERR_OK);
	assert_int_equal(read(b[1].fd, text, sizeof text), 5);
	assert_memory_equal(text, "hello", 5);
	body_add(&b[0], SPAN("123456789"));
	assert_int_equal(b[0].state, ERR_LIMIT);
	for (int i = 0; i <= BODY_UPLOADS_MAX; i++)
		body_clear(&b[i]);
	assert_int_equal(body_begin(&b[0], 0, 8, "/nowhere/at/all"), ERR_STATE);
	body_clear(&b[0]);
}

/* A limit of the process stands for a full disk: write() and posix_fallocate() fail alike. */
static void a_full_disk_is_no_surprise(void **state)
{
	struct rlimit before, small = { 4096, 4096 };
	static char text[8192];
	struct body b;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	body_init(&b);
	assert_int_equal(body_begin(&b, sizeof text, 1 << 20, "/tmp"), ERR_STATE);
	body_clear(&b);
	assert_int_equal(body_begin(&b, 0, 1 << 20, "/tmp"), ERR_OK);
	body_add(&b, span_make(text, sizeof text));
	assert_int_equal(b.state, ERR_STATE);
	body_clear(&b);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
}

static void no_two_requests_have_one_name(void **state)
{
	struct request_id a = request_id_new(), b = request_id_new();

	(void)state;
	assert_int_equal(strlen(a.text), REQUEST_ID_LEN);
	assert_memory_equal(a.text, "req_", 4);
	assert_string_not_equal(a.text, b.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_our_names_are_answered),
		cmocka_unit_test(localhost_is_for_loopback),
		cmocka_unit_test(the_cookie_is_read_strictly),
		cmocka_unit_test(another_site_is_seen),
		cmocka_unit_test(the_rightmost_stranger_is_the_client),
		cmocka_unit_test(gzip_goes_to_who_wants_it),
		cmocka_unit_test(tags_of_both_forms_are_known),
		cmocka_unit_test(a_body_in_memory_has_an_end),
		cmocka_unit_test(an_upload_is_a_file_without_a_name),
		cmocka_unit_test(a_full_disk_is_no_surprise),
		cmocka_unit_test(no_two_requests_have_one_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
