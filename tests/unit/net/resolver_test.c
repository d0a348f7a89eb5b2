/* net/resolver.h against a DNS server of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/net/resolver.h"
#include "tests/unit/net/dns_server.h"

static const struct dns_record zone[] = {
	{ "example.test", DNS_MX, "\0\012\004mail\007example\004test", 21 },
	{ "example.test", DNS_MX, "\0\024\006backup\007example\004test", 23 },
	{ "mail.example.test", DNS_A, "\300\000\002\031", 4 },
	{ "mail.example.test", DNS_AAAA, "\040\001\015\270\0\0\0\0\0\0\0\0\0\0\0\1", 16 },
	{ "25.2.0.192.in-addr.arpa", DNS_PTR, "\004mail\007example\004test", 19 },
	{ "null.test", DNS_MX, "\0\0\0", 3 },
	{ "alias.test", DNS_CNAME, "\004mail\007example\004test", 19 },
	{ "text.test", DNS_TXT, "\003a b\002cd", 7 },
	{ "odd.test", DNS_MX, "\0\001\003a b\004test", 12 },
	{ "broken.test", 0xffff, "", 0 },
	{ "silent.test", 0xfffe, "", 0 },
	{ "example.com", DNS_A, "\300\000\002\063", 4 },
	{ NULL, 0, NULL, 0 },
};

static struct dns_server server;
static struct resolver *resolver;

static int start(void **state)
{
	char mode[64];
	struct note why = { "" };
	struct resolver_config config = { mode, NULL };

	(void)state;
	dns_server_start(&server, zone);
	snprintf(mode, sizeof(mode), "127.0.0.1@%u", server.port);
	if (resolver_new(&config, &resolver, &why) == ERR_OK)
		return 0;
	print_error("%s\n", why.text);
	return -1;
}

static int stop(void **state)
{
	(void)state;
	resolver_free(&resolver);
	assert_null(resolver);
	dns_server_stop(&server);
	return 0;
}

static struct dns_answer *ask(const char *name, enum dns_type type)
{
	return resolver_ask_wait(resolver, name, type, 5000);
}

static void mail_exchangers_are_found(void **state)
{
	struct dns_answer *a = ask("example.test", DNS_MX);
	struct dns_mx mx;
	unsigned seen = 0;

	(void)state;
	assert_int_equal(a->status, DNS_FOUND);
	assert_int_equal(a->count, 2);
	assert_false(a->secure);
	assert_in_range(a->ttl_s, 1, 60);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(dns_read_mx(a->records[i], &mx), ERR_OK);
		if (mx.preference == 10) {
			assert_string_equal(mx.host, "mail.example.test");
			seen |= 1;
		} else {
			assert_int_equal(mx.preference, 20);
			assert_string_equal(mx.host, "backup.example.test");
			seen |= 2;
		}
	}
	assert_int_equal(seen, 3);
	dns_answer_free(&a);
	assert_null(a);
	a = ask("null.test", DNS_MX);
	assert_int_equal(a->count, 1);
	assert_int_equal(dns_read_mx(a->records[0], &mx), ERR_OK);
	assert_string_equal(mx.host, "");
	dns_answer_free(&a);
}

static void addresses_of_both_families_and_names_are_found(void **state)
{
	struct dns_answer *a = ask("mail.example.test", DNS_A);
	struct net_addr ip;

	(void)state;
	assert_int_equal(a->count, 1);
	assert_int_equal(dns_read_ip(DNS_A, a->records[0], &ip), ERR_OK);
	assert_string_equal(net_ip_text(&ip).text, "192.0.2.25");
	dns_answer_free(&a);
	a = ask("mail.example.test", DNS_AAAA);
	assert_int_equal(a->count, 1);
	assert_int_equal(dns_read_ip(DNS_AAAA, a->records[0], &ip), ERR_OK);
	assert_string_equal(net_ip_text(&ip).text, "2001:db8::1");
	assert_int_equal(dns_read_ip(DNS_A, a->records[0], &ip), ERR_CORRUPT);
	dns_answer_free(&a);
	a = ask("25.2.0.192.in-addr.arpa", DNS_PTR);
	assert_int_equal(a->status, DNS_FOUND);
	assert_memory_equal(a->records[0].ptr, "\004mail\007example\004test", 19);
	dns_answer_free(&a);
	a = ask("example.com", DNS_A);
	assert_int_equal(a->status, DNS_FOUND);
	dns_answer_free(&a);
	a = ask("text.test", DNS_TXT);
	assert_int_equal(a->count, 1);
	assert_memory_equal(a->records[0].ptr, "\003a b\002cd", 7);
	dns_answer_free(&a);
}

static void what_is_not_there_differs_from_what_fails(void **state)
{
	static const struct {
		const char *name;
		enum dns_type type;
		enum dns_status status;
	} cases[] = {
		{ "nothing.test", DNS_A, DNS_NO_NAME },
		{ "example.test", DNS_A, DNS_NO_DATA },
		{ "broken.test", DNS_A, DNS_TEMP_FAILURE },
		{ "two..dots.test", DNS_A, DNS_TEMP_FAILURE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct dns_answer *a = ask(cases[i].name, cases[i].type);

		assert_int_equal(a->status, cases[i].status);
		assert_int_equal(a->count, 0);
		dns_answer_free(&a);
	}
}

static void a_silent_server_is_given_up_at_the_deadline(void **state)
{
	int64_t begin = clock_mono_ms();
	struct dns_answer *a = resolver_ask_wait(resolver, "silent.test", DNS_A, 200);

	(void)state;
	assert_int_equal(a->status, DNS_TEMP_FAILURE);
	assert_in_range(clock_mono_ms() - begin, 190, 2000);
	dns_answer_free(&a);
}

static void on_counted(void *arg, struct dns_answer *answer)
{
	_Atomic unsigned *count = arg;

	dns_answer_free(&answer);
	(*count)++;
}

static void open_questions_are_answered_at_the_end(void **state)
{
	static _Atomic unsigned answered;
	struct resolver *own;
	char mode[64];
	struct resolver_config config = { mode, NULL };

	(void)state;
	snprintf(mode, sizeof(mode), "127.0.0.1@%u", server.port);
	assert_int_equal(resolver_new(&config, &own, NULL), ERR_OK);
	for (int i = 0; i < 100; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%s%d.test", i % 2 ? "n" : "x.silent.test.y", i);
		resolver_ask(own, i % 4 ? name : "silent.test", DNS_A, on_counted, &answered);
	}
	resolver_free(&own);
	assert_int_equal(answered, 100);
}

static void names_from_outside_are_checked(void **state)
{
	static const struct span bad[] = { { "", 0 }, { "\0", 1 }, { "\0\1", 2 }, { "\0\1\003ab", 5 }, { "\0\1\003abc", 6 }, { "\0\1\0x", 4 }, { "\0\1\300\014", 4 }, { "\0\1\003a\nb", 7 }, { "\0\1\003a.b", 7 }, { "\0\1\001\0", 5 } };
	char wire[300] = "";
	struct dns_answer *a = ask("odd.test", DNS_MX);
	struct dns_mx mx;

	(void)state;
	assert_int_equal(a->status, DNS_FOUND);
	assert_int_equal(dns_read_mx(a->records[0], &mx), ERR_CORRUPT);
	dns_answer_free(&a);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(dns_read_mx(bad[i], &mx), ERR_CORRUPT);
	memset(wire + 2, 'a', sizeof(wire) - 2);
	for (size_t i = 2; i < 258; i += 64)
		wire[i] = 63;
	wire[258] = 0;
	assert_int_equal(dns_read_mx(span_make(wire, 259), &mx), ERR_CORRUPT);
	wire[194] = 61;
	wire[256] = 0;
	assert_int_equal(dns_read_mx(span_make(wire, 257), &mx), ERR_OK);
	assert_int_equal(strlen(mx.host), 253);
}

static void the_name_behind_an_alias_is_told(void **state)
{
	struct dns_answer *a = ask("alias.test", DNS_A);

	(void)state;
	assert_int_equal(a->status, DNS_FOUND);
	assert_int_equal(a->count, 1);
	assert_string_equal(a->alias_of, "mail.example.test");
	dns_answer_free(&a);
	a = ask("MAIL.example.test", DNS_A);
	assert_int_equal(a->status, DNS_FOUND);
	assert_null(a->alias_of);
	dns_answer_free(&a);
}

static void texts_and_certificate_records_are_read(void **state)
{
	struct dns_answer *a = ask("text.test", DNS_TXT);
	struct dns_tlsa tlsa;
	struct buf text;

	(void)state;
	buf_init(&text, 8);
	assert_int_equal(dns_read_txt(a->records[0], &text), ERR_OK);
	assert_string_equal(buf_cstr(&text), "a bcd");
	assert_int_equal(dns_read_txt(a->records[0], &text), ERR_LIMIT);
	buf_clear(&text);
	assert_int_equal(dns_read_txt(SPAN(""), &text), ERR_CORRUPT);
	assert_int_equal(dns_read_txt(SPAN("\003ab"), &text), ERR_CORRUPT);
	assert_int_equal(dns_read_txt(SPAN("\0"), &text), ERR_OK);
	buf_clear(&text);
	dns_answer_free(&a);
	assert_int_equal(dns_read_tlsa(SPAN("\003\001\002xyz"), &tlsa), ERR_OK);
	assert_int_equal(tlsa.usage, 3);
	assert_int_equal(tlsa.selector, 1);
	assert_int_equal(tlsa.matching, 2);
	assert_true(span_equals(tlsa.data, SPAN("xyz")));
	assert_int_equal(dns_read_tlsa(SPAN("\003\001\002"), &tlsa), ERR_CORRUPT);
}

static void modes_are_checked(void **state)
{
	static const char *const good[] = { "recursive", "system", "127.0.0.1@53", "::1@5353" };
	static const char *const bad[] = { "", "Recursive", "127.0.0.1", "127.0.0.1@", "127.0.0.1@0", "127.0.0.1@65536", "host@53", "@53", "127.0.0.1:53" };
	struct resolver_config config = { "recursive", "/nonexistent/root.key" };
	struct resolver *r;
	struct note why = { "" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_int_equal(resolver_mode_check(span_str(good[i])), ERR_OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(resolver_mode_check(span_str(bad[i])), ERR_SYNTAX);
	assert_int_not_equal(resolver_new(&config, &r, &why), ERR_OK);
	assert_non_null(strstr(why.text, "/nonexistent/root.key"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mail_exchangers_are_found),
		cmocka_unit_test(addresses_of_both_families_and_names_are_found),
		cmocka_unit_test(what_is_not_there_differs_from_what_fails),
		cmocka_unit_test(a_silent_server_is_given_up_at_the_deadline),
		cmocka_unit_test(open_questions_are_answered_at_the_end),
		cmocka_unit_test(names_from_outside_are_checked),
		cmocka_unit_test(the_name_behind_an_alias_is_told),
		cmocka_unit_test(texts_and_certificate_records_are_read),
		cmocka_unit_test(modes_are_checked),
	};

	return cmocka_run_group_tests_name("net/resolver", tests, start, stop);
}
