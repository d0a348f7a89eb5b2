/* Stored hashes, SASL PLAIN and the memory of proven passwords, each alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "daemon/auth/auth.h"
#include "daemon/auth/password.h"
#include "daemon/auth/proven.h"

/* Of the password "password" with the salt "somesalt", by the reference implementation: 1 pass, 64 KiB, 1 lane, 24 bytes. */
#define REFERENCE "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$ZVrRXqxlLcWfcXCnMyv0m4Rpvh/bnCi7"

static void reference_hash_matches(void **state)
{
	bool match;

	(void)state;
	assert_int_equal(password_verify(SPAN(REFERENCE), SPAN("password"), &match), ERR_OK);
	assert_true(match);
	assert_int_equal(password_verify(SPAN(REFERENCE), SPAN("Password"), &match), ERR_OK);
	assert_false(match);
}

static void hash_of_nobody_costs_a_hash_and_matches_nothing(void **state)
{
	bool match;

	(void)state;
	assert_int_equal(password_verify(password_nobody, SPAN(""), &match), ERR_OK);
	assert_false(match);
}

static void made_hash_matches_and_has_its_own_salt(void **state)
{
	struct buf one, two;
	bool match;

	(void)state;
	buf_init(&one, 256);
	buf_init(&two, 256);
	assert_int_equal(auth_hash_password(SPAN("p\xc3\xa4ssword"), &one), ERR_OK);
	assert_int_equal(auth_hash_password(SPAN("p\xc3\xa4ssword"), &two), ERR_OK);
	assert_false(span_equals(buf_span(&one), buf_span(&two)));
	assert_int_equal(password_verify(buf_span(&one), SPAN("p\xc3\xa4ssword"), &match), ERR_OK);
	assert_true(match);
	buf_clear(&one);
	buf_clear(&two);
}

static void hashes_that_we_do_not_make_are_corrupt(void **state)
{
	static const char *const bad[] = {
		"", "x", "$argon2d$v=19$m=64,t=1,p=1$c29tZXNhbHQ$5BQ6OUOdF8ZcPvoGVSK2k6ct+V4ISEnG",
		"$argon2id$v=19$m=262144,t=5,p=1$c29tZXNhbHQ$5BQ6OUOdF8ZcPvoGVSK2k6ct+V4ISEnG", "$argon2id$v=19$m=8,t=1,p=2$c29tZXNhbHQ$5BQ6OUOdF8ZcPvoGVSK2k6ct+V4ISEnG",
		"$argon2id$v=19$m=0,t=1,p=1$c29tZXNhbHQ$5BQ6OUOdF8ZcPvoGVSK2k6ct+V4ISEnG",
		"$argon2id$v=19$m=99999999,t=1,p=1$c29tZXNhbHQ$5BQ6OUOdF8ZcPvoGVSK2k6ct+V4ISEnG",
		"$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ", "$argon2id$v=19$m=64,t=1,p=1$$", "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$",
		"$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$====", "$argon2id$v=19$m=4294967360,t=1,p=1$c29tZXNhbHQ$5BQ6OUOdF8Zc"
	};
	bool match;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(password_verify(span_str(bad[i]), SPAN("password"), &match), ERR_CORRUPT);
		assert_false(match);
	}
}

static void sasl_plain_follows_its_grammar(void **state)
{
	struct span login, password;

	(void)state;
	assert_int_equal(auth_sasl_plain(SPAN("\0bob\0pass word"), &login, &password), ERR_OK);
	assert_true(span_equals(login, SPAN("bob")));
	assert_true(span_equals(password, SPAN("pass word")));
	assert_int_equal(auth_sasl_plain(SPAN("bob\0bob\0x"), &login, &password), ERR_OK);
	assert_int_equal(auth_sasl_plain(SPAN("ann\0bob\0x"), &login, &password), ERR_DENIED);
	assert_int_equal(auth_sasl_plain(SPAN(""), &login, &password), ERR_SYNTAX);
	assert_int_equal(auth_sasl_plain(SPAN("bob"), &login, &password), ERR_SYNTAX);
	assert_int_equal(auth_sasl_plain(SPAN("\0bob"), &login, &password), ERR_SYNTAX);
	assert_int_equal(auth_sasl_plain(SPAN("\0\0x"), &login, &password), ERR_SYNTAX);
	assert_int_equal(auth_sasl_plain(SPAN("\0bob\0"), &login, &password), ERR_SYNTAX);
	assert_int_equal(auth_sasl_plain(SPAN("\0bob\0x\0y"), &login, &password), ERR_SYNTAX);
	assert_int_equal(auth_sasl_plain(SPAN("\0b\xff\0x"), &login, &password), ERR_SYNTAX);
}

static void tag_covers_account_hash_and_password(void **state)
{
	static struct proven p;
	struct proven_tag tag, other;

	(void)state;
	proven_init(&p);
	proven_make_tag(&p, 1, SPAN("hash"), SPAN("password"), &tag);
	assert_false(proven_has(&p, &tag));
	proven_add(&p, &tag);
	assert_true(proven_has(&p, &tag));
	proven_make_tag(&p, 1, SPAN("hash"), SPAN("password"), &other);
	assert_true(proven_has(&p, &other));
	proven_make_tag(&p, 2, SPAN("hash"), SPAN("password"), &other);
	assert_false(proven_has(&p, &other));
	proven_make_tag(&p, 1, SPAN("hashp"), SPAN("assword"), &other);
	assert_false(proven_has(&p, &other));
	proven_make_tag(&p, 1, SPAN("hash2"), SPAN("password"), &other);
	assert_false(proven_has(&p, &other));
}

static void proven_table_forgets_the_oldest_of_a_row(void **state)
{
	static struct proven p;
	struct proven_tag tag = { { 0 } };

	(void)state;
	proven_init(&p);
	for (uint8_t i = 1; i <= PROVEN_WAYS + 1; i++) {
		tag.bytes[31] = i;
		proven_add(&p, &tag);
		tag.bytes[31] = 1;
		assert_true(proven_has(&p, &tag));
	}
	tag.bytes[31] = 2;
	assert_false(proven_has(&p, &tag));
	tag.bytes[31] = PROVEN_WAYS + 1;
	assert_true(proven_has(&p, &tag));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reference_hash_matches),
		cmocka_unit_test(hash_of_nobody_costs_a_hash_and_matches_nothing),
		cmocka_unit_test(made_hash_matches_and_has_its_own_salt),
		cmocka_unit_test(hashes_that_we_do_not_make_are_corrupt),
		cmocka_unit_test(sasl_plain_follows_its_grammar),
		cmocka_unit_test(tag_covers_account_hash_and_password),
		cmocka_unit_test(proven_table_forgets_the_oldest_of_a_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
