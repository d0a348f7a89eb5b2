/* crypto/x509.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/base/clock.h"
#include "daemon/crypto/x509.h"

#define PEM_MAX 16384

static struct buf chain, key;

static int make_pair(void **state)
{
	static const char *const names[] = { "mx.first.test", "127.0.0.1", "::1" };
	struct note why = { "" };

	(void)state;
	buf_init(&chain, PEM_MAX);
	buf_init(&key, PEM_MAX);
	return x509_self_signed(names, 3, 30, &chain, &key, &why) != ERR_OK;
}

static int clear_pair(void **state)
{
	(void)state;
	buf_clear(&chain);
	buf_wipe(&key);
	return 0;
}

static void a_made_certificate_tells_its_name_and_days(void **state)
{
	struct x509_info info;
	struct note why = { "" };
	int64_t now_ms = clock_real_ms();

	(void)state;
	assert_int_equal(x509_check(buf_span(&chain), buf_span(&key), &info, &why), ERR_OK);
	assert_true(info.self_signed);
	assert_string_equal(info.subject, "CN = mx.first.test");
	assert_in_range((now_ms - info.not_before_ms) / 1000, 3590, 3660);
	assert_in_range((info.not_after_ms - now_ms) / 1000, INT64_C(30) * 86400 - 60, INT64_C(30) * 86400);
}

static void a_key_of_another_certificate_is_refused(void **state)
{
	static const char *const names[] = { "other.test" };
	struct buf other_chain, other_key;
	struct x509_info info;
	struct note why = { "" };

	(void)state;
	buf_init(&other_chain, PEM_MAX);
	buf_init(&other_key, PEM_MAX);
	assert_int_equal(x509_self_signed(names, 1, 30, &other_chain, &other_key, &why), ERR_OK);
	assert_int_equal(x509_check(buf_span(&chain), buf_span(&other_key), &info, &why), ERR_SYNTAX);
	assert_non_null(strstr(why.text, "does not belong"));
	buf_clear(&other_chain);
	buf_wipe(&other_key);
}

static void what_is_no_certificate_or_no_key_is_refused(void **state)
{
	struct x509_info info;
	struct note why = { "" };

	(void)state;
	assert_int_equal(x509_check(span_make(NULL, 0), buf_span(&key), &info, &why), ERR_SYNTAX);
	assert_int_equal(x509_check(buf_span(&key), buf_span(&key), &info, &why), ERR_SYNTAX);
	assert_int_equal(x509_check(buf_span(&chain), buf_span(&chain), &info, &why), ERR_SYNTAX);
	assert_int_equal(x509_check(buf_span(&chain), span_make(NULL, 0), &info, &why), ERR_SYNTAX);
	assert_int_equal(x509_check(span_take(buf_span(&chain), chain.len / 2), buf_span(&key), &info, &why), ERR_SYNTAX);
}

static void a_broken_certificate_behind_the_leaf_is_noticed(void **state)
{
	struct x509_info info;
	struct buf two;

	(void)state;
	buf_init(&two, PEM_MAX);
	buf_add(&two, buf_span(&chain));
	buf_add(&two, buf_span(&chain));
	assert_int_equal(x509_check(buf_span(&two), buf_span(&key), &info, NULL), ERR_OK);
	two.ptr[two.len - 60] = '!';
	assert_int_equal(x509_check(buf_span(&two), buf_span(&key), &info, NULL), ERR_SYNTAX);
	buf_clear(&two);
}

static void an_encrypted_key_is_refused_without_asking(void **state)
{
	static const char encrypted[] = "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
					"DEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\nAAAAAAAAAAAAAAAAAAAAAA==\n"
					"-----END EC PRIVATE KEY-----\n";
	struct x509_info info;

	(void)state;
	assert_int_equal(x509_check(buf_span(&chain), span_str(encrypted), &info, NULL), ERR_SYNTAX);
}

static void names_that_are_no_host_are_refused(void **state)
{
	static const char *const wrong[] = { "", "a b", "a,DNS:evil.test", "a\nb", "-\xc3\xbc" };
	struct buf a, b;
	struct note why = { "" };

	(void)state;
	buf_init(&a, PEM_MAX);
	buf_init(&b, PEM_MAX);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(x509_self_signed(&wrong[i], 1, 30, &a, &b, &why), ERR_SYNTAX);
	assert_int_equal(x509_self_signed(wrong, 0, 30, &a, &b, &why), ERR_SYNTAX);
	assert_int_equal(a.len + b.len, 0);
	buf_clear(&a);
	buf_clear(&b);
}

static void a_name_too_long_for_a_common_name_still_gets_a_certificate(void **state)
{
	static const char *const names[] = {
		"a-rather-long-label-of-a-host.in-a-rather-long-subdomain.of-a-rather-long-domain.example"
	};
	struct x509_info info;
	struct buf a, b;

	(void)state;
	buf_init(&a, PEM_MAX);
	buf_init(&b, PEM_MAX);
	assert_int_equal(x509_self_signed(names, 1, 30, &a, &b, NULL), ERR_OK);
	assert_int_equal(x509_check(buf_span(&a), buf_span(&b), &info, NULL), ERR_OK);
	buf_clear(&a);
	buf_wipe(&b);
}

static void full_buffers_are_a_limit(void **state)
{
	static const char *const names[] = { "a.test" };
	struct buf a, b;

	(void)state;
	buf_init(&a, 100);
	buf_init(&b, PEM_MAX);
	assert_int_equal(x509_self_signed(names, 1, 30, &a, &b, NULL), ERR_LIMIT);
	buf_clear(&a);
	buf_wipe(&b);
}

static void a_certificate_covers_its_alternative_names_alone(void **state)
{
	static const char *const names[] = { "*.wild.test", "Mail.First.test", "192.0.2.7", "2001:db8::7" };
	static const char *const covered[] = { "a.wild.test", "mail.first.test", "192.0.2.7", "2001:db8:0::7" };
	static const char *const others[] = { "wild.test", "a.b.wild.test", "first.test", "x.mail.first.test", ".first.test", "192.0.2.8", "2001:db8::8", "" };
	struct note why = { "" };
	struct buf a, b;

	(void)state;
	buf_init(&a, PEM_MAX);
	buf_init(&b, PEM_MAX);
	assert_int_equal(x509_self_signed(names, 4, 30, &a, &b, NULL), ERR_OK);
	for (size_t i = 0; i < sizeof covered / sizeof *covered; i++)
		assert_true(x509_covers(buf_span(&a), span_str(covered[i]), &why));
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_false(x509_covers(buf_span(&a), span_str(others[i]), &why));
	assert_false(x509_covers(buf_span(&a), SPAN("other.test"), &why));
	assert_string_equal(why.text, "*.wild.test, Mail.First.test, 192.0.2.7, 2001:db8::7");
	assert_false(x509_covers(buf_span(&b), SPAN("mail.first.test"), &why));
	assert_string_equal(why.text, "none");
	assert_true(x509_holds_key(buf_span(&b)));
	assert_false(x509_holds_key(buf_span(&a)));
	buf_clear(&a);
	buf_wipe(&b);
}

static void more_names_than_fit_are_cut(void **state)
{
	static const char *const names[] = { "a-rather-long-label-of-a-host-that-takes-its-room.in-a-domain.test", "b-rather-long-label-of-a-host-that-takes-its-room.in-a-domain.test",
					     "c-rather-long-label-of-a-host-that-takes-its-room.in-a-domain.test", "d-rather-long-label-of-a-host-that-takes-its-room.in-a-domain.test" };
	struct note why = { "" };
	struct buf a, b;

	(void)state;
	buf_init(&a, PEM_MAX);
	buf_init(&b, PEM_MAX);
	assert_int_equal(x509_self_signed(names, 4, 30, &a, &b, NULL), ERR_OK);
	assert_false(x509_covers(buf_span(&a), SPAN("other.test"), &why));
	assert_non_null(strstr(why.text, "c-rather-long-label-of-a-host-that-takes-its-room.in-a-domain.test and others"));
	buf_clear(&a);
	buf_wipe(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_made_certificate_tells_its_name_and_days),
		cmocka_unit_test(a_key_of_another_certificate_is_refused),
		cmocka_unit_test(what_is_no_certificate_or_no_key_is_refused),
		cmocka_unit_test(a_broken_certificate_behind_the_leaf_is_noticed),
		cmocka_unit_test(an_encrypted_key_is_refused_without_asking),
		cmocka_unit_test(names_that_are_no_host_are_refused),
		cmocka_unit_test(a_name_too_long_for_a_common_name_still_gets_a_certificate),
		cmocka_unit_test(full_buffers_are_a_limit),
		cmocka_unit_test(a_certificate_covers_its_alternative_names_alone),
		cmocka_unit_test(more_names_than_fit_are_cut),
	};

	return cmocka_run_group_tests(tests, make_pair, clear_pair);
}
