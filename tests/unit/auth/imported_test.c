/* Hashes of other programs: taken, compared, replaced at the first login; and those that are not taken. */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/auth/imported.h"
#include "daemon/auth/password.h"
#include "daemon/base/clock.h"
#include "tests/unit/auth/fixture.h"

/* All of "correct horse", made by libcrypt and by OpenSSL. */
static const char *const taken[] = {
	"$6$saltsaltsalt$Cy2drr8kDRji6smvDcT28wkqtq0R0VzVL5CkrjPQCITc5d/31j94knt9rGTcVSyjLXfjsiIsBh5ee8qR/3QDx1",
	"$6$rounds=1000$saltsaltsalt$Dt0JGUnDdc4DdUjlyySCHRPx7U2pABqWbPrinz5ntgKXqDPocxu0xlsHum4.yrEVleQdkaDZxTsKnM8ZF88Lz1",
	"$5$saltsaltsalt$7axwV9kT3PvvGXgJl1FcfUCHLdLFhWk/dIFhzsbucLB",
	"$y$j75$k2XAnEHBqQ1Ct2aMXFKNa/$E9XAySfP6N2THWdzNKesSVmhpcmhNusa8y5TMfT668.",
	"$y$j9T$k2XAnEHBqQ1Ct2aMXFKNa/$Ry7oZ9ThqkDutyuKduodO92iRCkOPEVA3D3cGUEN1J1",
	"$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
	"$2y$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
	"{CRYPT}$2y$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
	"{blf-crypt}$2y$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
	"{SHA512-CRYPT}$6$saltsaltsalt$Cy2drr8kDRji6smvDcT28wkqtq0R0VzVL5CkrjPQCITc5d/31j94knt9rGTcVSyjLXfjsiIsBh5ee8qR/3QDx1",
	"{PLAIN}correct horse",
	"{CLEARTEXT}correct horse",
	"{PLAIN.HEX}636f727265637420686f727365",
	"{PLAIN.b64}Y29ycmVjdCBob3JzZQ==",
	"{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=",
	"{SHA1}L55TUjtiq8FBorTWAZ0jy6g129A=",
	"{SHA}2f9e53523b62abc141a2b4d6019d23cba835dbd0",
	"{SSHA}/ZQqiNB0KY5DsMfhXruKYQL/lEABAgMEc2FsdA==",
	"{SSHA.HEX}fd942a88d074298e43b0c7e15ebb8a6102ff94400102030473616c74",
	"{SHA256}QQTTb42iwlQ0n4WDZ5Pr4CngyVcGOjTJHC6SAxh7VjE=",
	"{SHA256.hex}4104d36f8da2c254349f85836793ebe029e0c957063a34c91c2e9203187b5631",
	"{SSHA256}Vza+E+vCJkKPAonMCUUfHmQKII3Scy/uHWuBMJ5gYR4BAgMEc2FsdA==",
	"{SHA512}VraY3v7bWkNbY0r+MyC7rz/c2SC2xQOkRvx7endrKY1HnRumqLYXgI6wv1ec6aldZoNHvKtxSQhayTyyeZUZew==",
	"{ssha512.b64}XsxgEht7JsCz3QMOnxsxCj78be6nSkmmvmM9JMlFLvEt3nkQyfS8RqU9Bm0XVBsT4yIursfy+a0lNXT7BxAiUAECAwRzYWx0",
};

static enum err import(const char *given, char text[512])
{
	struct note why = { "" };
	struct buf out;
	enum err e;

	buf_init(&out, 511);
	e = auth_import_hash(span_str(given), &out, &why);
	(void)snprintf(text, 512, "%s", buf_cstr(&out));
	if (e)
		assert_true(why.text[0] && !text[0]);
	buf_clear(&out);
	return e;
}

static void each_form_is_taken_and_opens_with_its_password_only(void **state)
{
	char text[512];
	bool match;

	(void)state;
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		assert_int_equal(import(taken[i], text), ERR_OK);
		assert_true(imported_is(span_str(text)));
		assert_null(strstr(text, "horse"));
		assert_int_equal(imported_verify(span_str(text), SPAN("correct horse"), &match), ERR_OK);
		assert_true(match);
		assert_int_equal(imported_verify(span_str(text), SPAN("correct horsf"), &match), ERR_OK);
		assert_false(match);
		assert_int_equal(imported_verify(span_str(text), SPAN("correct horse\0x"), &match), ERR_OK);
		assert_false(match);
		assert_int_equal(imported_verify(span_str(text), SPAN(""), &match), ERR_OK);
		assert_false(match);
	}
}

static void foreign_argon2_is_taken_within_its_ceilings(void **state)
{
	static const char *const good[] = { "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$ZVrRXqxlLcWfcXCnMyv0m4Rpvh/bnCi7",
					    "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$c29tZXNhbHQ$ZVrRXqxlLcWfcXCnMyv0m4Rpvh/bnCi7",
					    "{ARGON2I}$argon2i$v=19$m=65536,t=4,p=1$c29tZXNhbHQ$ZVrRXqxlLcWfcXCnMyv0m4Rpvh/bnCi7" };
	char text[512];
	bool match;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(import(good[i], text), ERR_OK);
		assert_false(password_is_ours(span_str(text)));
	}
	assert_int_equal(password_verify(SPAN("$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$ZVrRXqxlLcWfcXCnMyv0m4Rpvh/bnCi7"), SPAN("password"), &match), ERR_OK);
	assert_false(match);
}

static void what_costs_too_much_or_is_none_is_not_taken(void **state)
{
	static const char *const bad[] = {
		"", "x", "password", "{}", "{PLAIN}", "{MD5}X03MO1qnZdYdgyfeuILPmQ==", "$1$saltsalt$2vnaRpHa6Jxjz5n83ok8Z0", "{NTLM}8846f7eaee8fb117ad06bdd830b7586c",
		"$6$rounds=1000001$saltsaltsalt$Dt0JGUnDdc4DdUjlyySCHRPx7U2pABqWbPrinz5ntgKXqDPocxu0xlsHum4.yrEVleQdkaDZxTsKnM8ZF88Lz1",
		"$6$rounds=999999999$saltsaltsalt$Dt0JGUnDdc4DdUjlyySCHRPx7U2pABqWbPrinz5ntgKXqDPocxu0xlsHum4.yrEVleQdkaDZxTsKnM8ZF88Lz1",
		"$6$saltsaltsalt$short", "$6$saltsaltsalt", "$5$sa:t$7axwV9kT3PvvGXgJl1FcfUCHLdLFhWk/dIFhzsbucLB",
		"$y$jDT$k2XAnEHBqQ1Ct2aMXFKNa/$Ry7oZ9ThqkDutyuKduodO92iRCkOPEVA3D3cGUEN1J1",
		"$y$jFT$k2XAnEHBqQ1Ct2aMXFKNa/$Ry7oZ9ThqkDutyuKduodO92iRCkOPEVA3D3cGUEN1J1",
		"$y$j9z$k2XAnEHBqQ1Ct2aMXFKNa/$Ry7oZ9ThqkDutyuKduodO92iRCkOPEVA3D3cGUEN1J1",
		"$2b$15$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e", "$2b$31$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
		"$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc", "$2x$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
		"$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$ZVrRXqxlLcWfcXCnMyv0m4Rpvh/bnCi7",
		"$argon2id$v=19$m=262144,t=16,p=1$c29tZXNhbHQ$ZVrRXqxlLcWfcXCnMyv0m4Rpvh/bnCi7",
		"$argon2d$v=19$m=64,t=1,p=1$c29tZXNhbHQ$ZVrRXqxlLcWfcXCnMyv0m4Rpvh/bnCi7",
		"{SHA}xxxx", "{SSHA}L55TUjtiq8FBorTWAZ0jy6g129A=", "{SHA256.ROT13}abc", "{SHA512-CRYPT.HEX}2436", "{SHA256}Vza+E+vCJkKPAonMCUUfHmQKII3Scy/uHWuBMJ5gYR4BAgMEc2FsdA==",
		"{PLAIN.HEX}zz", "{CRYPT}{PLAIN}x", "{THISISNOTASCHEMEBUTALONGNAMEOFONE}x"
	};
	static char longest[4096];
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(import(bad[i], text), ERR_SYNTAX);
	memset(longest, 'x', sizeof(longest) - 1);
	memcpy(longest, "{PLAIN}", 7);
	assert_int_equal(import(longest, text), ERR_SYNTAX);
}

static void dearest_hashes_that_are_taken_end_soon(void **state)
{
	static const char *const dear[] = { "$2b$14$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
					    "$6$rounds=1000000$saltsaltsalt$Dt0JGUnDdc4DdUjlyySCHRPx7U2pABqWbPrinz5ntgKXqDPocxu0xlsHum4.yrEVleQdkaDZxTsKnM8ZF88Lz1" };
	static char longest[512];
	int64_t begun;
	bool match;

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	for (size_t i = 0; i < 2; i++) {
		begun = clock_mono_ms();
		assert_int_equal(imported_verify(span_str(dear[i]), span_str(longest), &match), ERR_OK);
		assert_false(match);
		assert_true(clock_mono_ms() - begun < 60000);
	}
}

static void store_imported(struct fixture *p, const char *given)
{
	char text[512];

	assert_int_equal(import(given, text), ERR_OK);
	assert_int_equal(auth_set_imported_hash(p->auth, p->bob, span_str(text), NULL), ERR_OK);
}

static void imported_hash_opens_and_becomes_ours(void **state)
{
	struct fixture *p = *state;
	struct auth_result r;

	store_imported(p, "{SSHA256}Vza+E+vCJkKPAonMCUUfHmQKII3Scy/uHWuBMJ5gYR4BAgMEc2FsdA==");
	assert_int_equal(fixture_check(p, AUTH_IMAP, "bob@example.test", "secret password", "192.0.2.1").verdict, AUTH_WRONG);
	r = fixture_check(p, AUTH_IMAP, "bob@example.test", "correct horse", "192.0.2.1");
	assert_int_equal(r.verdict, AUTH_OK);
	assert_true(auth_still_holds(p->auth, AUTH_IMAP, p->bob, r.credential));
	/* Ours now, with SCRAM keys: only then does this constraint hold. */
	fixture_sql(p, "CREATE TABLE proof (hash TEXT CHECK (hash LIKE '$argon2id$v=19$m=19456,t=2,p=1$%'), keys BLOB CHECK (length(keys) > 64)) STRICT;"
		       "INSERT INTO proof SELECT password_hash, keys_sealed FROM account JOIN account_scram ON account_id = id WHERE address = 'bob@example.test';");
	assert_int_equal(fixture_check(p, AUTH_SMTP, "bob@example.test", "correct horse", "192.0.2.1").credential, r.credential);
	auth_forget(p->auth, 0);
	assert_true(auth_still_holds(p->auth, AUTH_IMAP, p->bob, r.credential));
}

static void imported_hash_ends_what_was_before(void **state)
{
	struct fixture *p = *state;
	struct auth_result r = fixture_check(p, AUTH_IMAP, "bob@example.test", "secret password", "192.0.2.1");

	assert_int_equal(r.verdict, AUTH_OK);
	store_imported(p, "{PLAIN}correct horse");
	assert_false(auth_still_holds(p->auth, AUTH_IMAP, p->bob, r.credential));
	assert_int_equal(fixture_check(p, AUTH_IMAP, "bob@example.test", "secret password", "192.0.2.1").verdict, AUTH_WRONG);
	assert_int_equal(auth_set_imported_hash(p->auth, p->bob, SPAN("$1$no"), NULL), ERR_SYNTAX);
	assert_int_equal(auth_set_imported_hash(p->auth, p->bob + 100, SPAN("$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"), NULL), ERR_NOT_FOUND);
}

static void short_imported_password_opens_without_being_rehashed(void **state)
{
	struct fixture *p = *state;

	store_imported(p, "{PLAIN}abc");
	assert_int_equal(fixture_check(p, AUTH_IMAP, "bob@example.test", "abc", "192.0.2.1").verdict, AUTH_OK);
	assert_int_equal(fixture_check(p, AUTH_IMAP, "bob@example.test", "abd", "192.0.2.1").verdict, AUTH_WRONG);
}

static void two_first_logins_at_once_both_hold(void **state)
{
	struct fixture *p = *state;
	struct fixture_asked one, two;

	store_imported(p, "{PLAIN}correct horse");
	fixture_ask(p, AUTH_IMAP, &one, "bob@example.test", "correct horse", "198.51.100.1");
	fixture_ask(p, AUTH_SMTP, &two, "bob@example.test", "correct horse", "198.51.100.2");
	fixture_await(&one);
	fixture_await(&two);
	assert_int_equal(one.result.verdict, AUTH_OK);
	assert_int_equal(two.result.verdict, AUTH_OK);
	assert_true(auth_still_holds(p->auth, AUTH_IMAP, p->bob, one.result.credential));
	assert_true(auth_still_holds(p->auth, AUTH_IMAP, p->bob, two.result.credential));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_make, fixture_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_is_taken_and_opens_with_its_password_only),
		cmocka_unit_test(foreign_argon2_is_taken_within_its_ceilings),
		cmocka_unit_test(what_costs_too_much_or_is_none_is_not_taken),
		cmocka_unit_test(dearest_hashes_that_are_taken_end_soon),
		CASE(imported_hash_opens_and_becomes_ours),
		CASE(imported_hash_ends_what_was_before),
		CASE(short_imported_password_opens_without_being_rehashed),
		CASE(two_first_logins_at_once_both_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
