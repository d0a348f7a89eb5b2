/* auth/passkey.h, against a software authenticator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/auth/challenge.h"
#include "daemon/auth/passkey.h"
#include "daemon/auth/passkey_cbor.h"
#include "daemon/auth/passkey_json.h"
#include "daemon/auth/totp.h"
#include "daemon/base/encode.h"
#include "tests/unit/auth/authenticator.h"
#include "tests/unit/auth/place.h"

#define ORIGIN "https://mail.example.test"

static struct span rp_id = { "mail.example.test", 17 };

/* What a test may have said differently. */
struct variation {
	const char *type, *origin, *rp_id; /* null: the right one */
	struct span challenge;             /* empty: a new one */
	uint8_t flags;                     /* 0: present and verified */
	uint64_t handle_of;                /* 0: the right one */
	bool break_signature;
};

static enum err enroll(struct place *p, struct authenticator *a, const struct variation *v, const char *label, uint64_t *id_out)
{
	struct passkey_registration given = { .rp_id = rp_id, .origin = SPAN(ORIGIN), .label = span_str(label) };
	uint8_t challenge[PASSKEY_CHALLENGE_BYTES];
	struct buf client, object;
	struct note why;
	enum err e;

	buf_init(&client, 1000);
	buf_init(&object, 2000);
	passkey_challenge(p->auth, p->bob, challenge);
	a->flags = v->flags ? v->flags : 5;
	a->rp_id = v->rp_id ? v->rp_id : "mail.example.test";
	authenticator_client_data(v->type ? v->type : "webauthn.create", v->origin ? v->origin : ORIGIN,
				  v->challenge.len ? v->challenge : span_make((const char *)challenge, sizeof(challenge)), &client);
	authenticator_attestation(a, &object);
	given.client_data = buf_span(&client);
	given.attestation_object = buf_span(&object);
	e = passkey_register(p->auth, p->bob, &given, id_out, &why);
	buf_clear(&client);
	buf_clear(&object);
	return e;
}

static enum err log_in(struct place *p, struct authenticator *a, const struct variation *v, uint64_t *account_out)
{
	uint8_t challenge[PASSKEY_CHALLENGE_BYTES], handle[PASSKEY_USER_BYTES];
	struct passkey_assertion given = { .rp_id = rp_id, .origin = SPAN(ORIGIN) };
	struct buf client, data, signature;
	struct note why;
	int64_t delay_ms;
	enum err e;

	buf_init(&client, 1000);
	buf_init(&data, 1000);
	buf_init(&signature, 1000);
	passkey_challenge(p->auth, 0, challenge);
	passkey_user_handle(p->auth, v->handle_of ? v->handle_of : p->bob, handle);
	a->flags = v->flags ? v->flags : 5;
	a->rp_id = v->rp_id ? v->rp_id : "mail.example.test";
	authenticator_client_data(v->type ? v->type : "webauthn.get", v->origin ? v->origin : ORIGIN,
				  v->challenge.len ? v->challenge : span_make((const char *)challenge, sizeof(challenge)), &client);
	authenticator_assert(a, buf_span(&client), &data, &signature);
	if (v->break_signature)
		data.ptr[data.len - 1] ^= 1;
	given.credential = span_make((const char *)a->credential, sizeof(a->credential));
	given.client_data = buf_span(&client);
	given.authenticator_data = buf_span(&data);
	given.signature = buf_span(&signature);
	given.user_handle = span_make((const char *)handle, sizeof(handle));
	e = passkey_login(p->auth, &given, &p->peer, account_out, &delay_ms, &why);
	assert_int_equal(e == ERR_DENIED, delay_ms > 0);
	buf_clear(&client);
	buf_clear(&data);
	buf_clear(&signature);
	return e;
}

static const struct variation plain = { .type = NULL };

static void a_key_of_each_kind_is_registered_and_logs_in(void **state)
{
	static const enum verify_kind kinds[] = { VERIFY_ES256, VERIFY_EDDSA, VERIFY_RS256 };
	struct place *p = *state;
	struct authenticator a;
	uint64_t id, account;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		authenticator_init(&a, kinds[i]);
		a.sign_count = i == 0 ? 0 : 7;
		assert_int_equal(enroll(p, &a, &plain, "laptop", &id), ERR_OK);
		assert_int_equal(log_in(p, &a, &plain, &account), ERR_OK);
		assert_int_equal(account, p->bob);
		assert_int_equal(log_in(p, &a, &plain, &account), ERR_OK);
		assert_int_equal(passkey_remove(p->auth, p->bob, id), ERR_OK);
		assert_int_equal(log_in(p, &a, &plain, &account), ERR_DENIED);
		assert_int_equal(account, 0);
		authenticator_clear(&a);
	}
}

static void what_was_made_for_something_else_registers_nothing(void **state)
{
	struct place *p = *state;
	uint8_t others[PASSKEY_CHALLENGE_BYTES];
	const struct variation wrong[] = {
		{ .type = "webauthn.get" },
		{ .origin = "https://mail.example.test.evil.example" },
		{ .origin = "http://mail.example.test" },
		{ .rp_id = "example.test" },
		{ .challenge = SPAN("01234567890123456789012345678901") },
		{ .challenge = span_make((const char *)others, sizeof(others)) },
		{ .flags = 1 },    /* not verified */
		{ .flags = 4 },    /* not present */
		{ .flags = 0x15 }, /* backed up, and can't be */
	};
	struct authenticator a;
	uint64_t id;

	passkey_challenge(p->auth, p->ann, others); /* for another account */
	authenticator_init(&a, VERIFY_ES256);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(enroll(p, &a, &wrong[i], "laptop", &id), ERR_DENIED);
	assert_int_equal(enroll(p, &a, &plain, "", &id), ERR_SYNTAX);
	assert_int_equal(enroll(p, &a, &plain, "a\nb", &id), ERR_SYNTAX);
	assert_int_equal(enroll(p, &a, &plain, "\xff", &id), ERR_SYNTAX);
	assert_int_equal(enroll(p, &a, &plain, "laptop", &id), ERR_OK);
	authenticator_clear(&a);
}

static void what_was_made_for_something_else_opens_nothing(void **state)
{
	struct place *p = *state;
	uint8_t registration[PASSKEY_CHALLENGE_BYTES];
	const struct variation wrong[] = {
		{ .type = "webauthn.create" },
		{ .origin = "https://evil.example" },
		{ .rp_id = "evil.example" },
		{ .challenge = SPAN("01234567890123456789012345678901") },
		{ .challenge = span_make((const char *)registration, sizeof(registration)) },
		{ .flags = 1 },
		{ .handle_of = 1 },
		{ .break_signature = true },
	};
	struct authenticator a, unknown;
	uint64_t id, account;

	authenticator_init(&a, VERIFY_ES256);
	authenticator_init(&unknown, VERIFY_ES256);
	passkey_challenge(p->auth, p->bob, registration);
	assert_int_equal(enroll(p, &a, &plain, "laptop", &id), ERR_OK);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(log_in(p, &a, &wrong[i], &account), ERR_DENIED);
	memcpy(unknown.credential, a.credential, sizeof(a.credential)); /* the right name, another key */
	assert_int_equal(log_in(p, &unknown, &plain, &account), ERR_DENIED);
	assert_int_equal(log_in(p, &a, &plain, &account), ERR_OK);
	assert_int_equal(directory_account_set_suspended(p->d, p->bob, true, NULL), ERR_OK);
	assert_int_equal(log_in(p, &a, &plain, &account), ERR_DENIED);
	authenticator_clear(&a);
	authenticator_clear(&unknown);
}

static void a_challenge_is_good_once_and_for_five_minutes(void **state)
{
	struct place *p = *state;
	uint8_t challenge[PASSKEY_CHALLENGE_BYTES];
	struct variation v = { .challenge = span_make((const char *)challenge, sizeof(challenge)) };
	struct variation spoiled = v;
	struct authenticator a;
	uint64_t id, account;

	authenticator_init(&a, VERIFY_EDDSA);
	assert_int_equal(enroll(p, &a, &plain, "laptop", &id), ERR_OK);
	passkey_challenge(p->auth, 0, challenge);
	spoiled.break_signature = true;
	assert_int_equal(log_in(p, &a, &spoiled, &account), ERR_DENIED); /* does not use it up */
	assert_int_equal(log_in(p, &a, &v, &account), ERR_OK);
	assert_int_equal(log_in(p, &a, &v, &account), ERR_DENIED);
	passkey_challenge(p->auth, 0, challenge);
	clock_fake_advance_ms(CHALLENGE_LIFE_MS - 2000);
	assert_int_equal(log_in(p, &a, &v, &account), ERR_OK);
	passkey_challenge(p->auth, 0, challenge);
	clock_fake_advance_ms(CHALLENGE_LIFE_MS);
	assert_int_equal(log_in(p, &a, &v, &account), ERR_DENIED);
	passkey_challenge(p->auth, 0, challenge);
	place_restart(p);
	assert_int_equal(log_in(p, &a, &v, &account), ERR_DENIED);
	authenticator_clear(&a);
}

static void a_counter_that_does_not_grow_is_refused(void **state)
{
	struct place *p = *state;
	struct authenticator a;
	uint64_t id, account;

	authenticator_init(&a, VERIFY_ES256);
	a.sign_count = 10;
	assert_int_equal(enroll(p, &a, &plain, "laptop", &id), ERR_OK);
	assert_int_equal(log_in(p, &a, &plain, &account), ERR_OK); /* 11 */
	a.sign_count = 10;
	assert_int_equal(log_in(p, &a, &plain, &account), ERR_DENIED); /* 11 again */
	place_restart(p);
	a.sign_count = 10;
	assert_int_equal(log_in(p, &a, &plain, &account), ERR_DENIED);
	a.sign_count = 0;
	assert_int_equal(log_in(p, &a, &plain, &account), ERR_DENIED);
	a.sign_count = 11;
	assert_int_equal(log_in(p, &a, &plain, &account), ERR_OK);
	authenticator_clear(&a);
}

static void a_key_is_registered_once_and_only_so_many(void **state)
{
	struct place *p = *state;
	struct authenticator a;
	struct passkey *keys;
	struct arena arena;
	uint64_t id;
	size_t count;

	arena_init(&arena, 65536);
	for (size_t i = 0; i < PASSKEYS_MAX; i++) {
		authenticator_init(&a, VERIFY_EDDSA);
		assert_int_equal(enroll(p, &a, &plain, "laptop", &id), ERR_OK);
		assert_int_equal(enroll(p, &a, &plain, "laptop", &id), i + 1 < PASSKEYS_MAX ? ERR_EXISTS : ERR_LIMIT);
		authenticator_clear(&a);
	}
	authenticator_init(&a, VERIFY_EDDSA);
	assert_int_equal(enroll(p, &a, &plain, "one more", &id), ERR_LIMIT);
	authenticator_clear(&a);
	assert_int_equal(passkey_list(p->auth, p->bob, &arena, &keys, &count), ERR_OK);
	assert_int_equal(count, PASSKEYS_MAX);
	assert_true(span_equals(keys[0].label, SPAN("laptop")));
	assert_int_equal(keys[0].credential.len, 32);
	assert_int_equal(passkey_remove(p->auth, p->ann, keys[0].id), ERR_NOT_FOUND);
	assert_int_equal(passkey_remove(p->auth, p->bob, keys[0].id), ERR_OK);
	assert_int_equal(passkey_remove(p->auth, p->bob, keys[0].id), ERR_NOT_FOUND);
	arena_clear(&arena);
}

static void recovery_codes_go_with_the_last_key(void **state)
{
	struct place *p = *state;
	struct authenticator a;
	struct buf codes;
	unsigned left;
	uint64_t id;
	bool on;

	buf_init(&codes, 1000);
	authenticator_init(&a, VERIFY_EDDSA);
	assert_int_equal(totp_new_recovery_codes(p->auth, p->bob, &codes), ERR_NOT_FOUND);
	assert_int_equal(enroll(p, &a, &plain, "laptop", &id), ERR_OK);
	assert_int_equal(totp_new_recovery_codes(p->auth, p->bob, &codes), ERR_OK);
	assert_int_equal(totp_state(p->auth, p->bob, &on, &left), ERR_OK);
	assert_false(on);
	assert_int_equal(left, TOTP_RECOVERY_CODES);
	assert_int_equal(passkey_remove(p->auth, p->bob, id), ERR_OK);
	assert_int_equal(totp_state(p->auth, p->bob, &on, &left), ERR_OK);
	assert_int_equal(left, 0);
	authenticator_clear(&a);
	buf_clear(&codes);
}

static struct span from_hex(const char *hex, struct buf *out)
{
	buf_init(out, CBOR_BYTES_MAX);
	assert_int_equal(hex_decode(span_str(hex), out), ERR_OK);
	return buf_span(out);
}

static void cbor_that_no_authenticator_writes_is_refused(void **state)
{
	static const char *const wrong[] = {
		"", "18", "1900", "1c", "1f", "5f41ff", "5f", "7f", "9f", "bf", "ff", "c000", "f0", "f820", "43ffff", "62c328",
		"9bffffffffffffffff", "bbffffffffffffffff", "bb8000000000000000", "5bffffffffffffffff", "a1", "a101", "8201", "818181818181818100"
	};
	static const char *const right[] = { "00", "1818", "20", "40", "4100", "60", "80", "8101", "a0", "a10102", "f4", "f5", "f6", "f93c00", "818181818100" };
	struct span in;
	struct buf b;
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		in = from_hex(wrong[i], &b);
		assert_int_equal(cbor_measure(in, &len), ERR_SYNTAX);
		buf_clear(&b);
	}
	in = from_hex("40ff41", &b); /* what stands behind it does not matter */
	assert_int_equal(cbor_measure(in, &len), ERR_OK);
	assert_int_equal(len, 1);
	buf_clear(&b);
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		in = from_hex(right[i], &b);
		assert_int_equal(cbor_measure(in, &len), ERR_OK);
		assert_int_equal(len, in.len);
		buf_clear(&b);
	}
}

static void keys_that_are_none_are_refused(void **state)
{
	/* On no curve; another algorithm; a coordinate too short; a member twice; no map; of text. */
	static const char *const wrong[] = {
		"a5010203262001215820"
		"0000000000000000000000000000000000000000000000000000000000000001"
		"225820"
		"0000000000000000000000000000000000000000000000000000000000000001",
		"a401010326200621"
		"5820"
		"0000000000000000000000000000000000000000000000000000000000000001",
		"a4010103272006"
		"21"
		"41"
		"00",
		"a5010101010327200621"
		"4100",
		"80", "a0", "6161", "a401030339010020"
				    "4100"
				    "2143010001"
	};
	struct authenticator a;
	struct verify_key key;
	struct arena arena;
	struct buf b;

	(void)state;
	arena_init(&arena, 65536);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct span in = from_hex(wrong[i], &b);

		assert_false(cose_read_key(in, &arena, &key) == ERR_OK && crypto_verify_check_key(&key) == ERR_OK);
		buf_clear(&b);
	}
	buf_init(&b, 1000);
	authenticator_init(&a, VERIFY_ES256);
	authenticator_cose_key(&a, &b);
	assert_int_equal(cose_read_key(buf_span(&b), &arena, &key), ERR_OK);
	assert_int_equal(crypto_verify_check_key(&key), ERR_OK);
	buf_add_char(&b, 0); /* something behind it */
	assert_int_equal(cose_read_key(buf_span(&b), &arena, &key), ERR_SYNTAX);
	authenticator_clear(&a);
	buf_clear(&b);
	arena_clear(&arena);
}

static void client_data_is_read_strictly(void **state)
{
	static const char *const wrong[] = {
		"", "[]", "null", "{", "{}", "{\"type\":\"a\",\"challenge\":\"AAAA\"}", "{\"type\":1,\"challenge\":\"AAAA\",\"origin\":\"o\"}",
		"{\"type\":\"a\",\"challenge\":\"AA==\",\"origin\":\"o\"}", "{\"type\":\"a\",\"challenge\":\"AAAA\",\"origin\":\"o\",\"crossOrigin\":1}",
		"{\"type\":\"a\",\"type\":\"b\",\"challenge\":\"AAAA\",\"origin\":\"o\"}", "{\"type\":\"a\\u0000\",\"challenge\":\"AAAA\",\"origin\":\"o\"}",
		"{\"type\":\"a\",\"challenge\":\"AAAA\",\"origin\":\"o\"}x"
	};
	struct client_data data;
	struct arena arena;

	(void)state;
	arena_init(&arena, 65536);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(client_data_read(span_str(wrong[i]), &arena, &data), ERR_SYNTAX);
	assert_int_equal(client_data_read(SPAN("{\"type\":\"a\",\"challenge\":\"Zm9v\",\"origin\":\"o\",\"crossOrigin\":true,\"x\":[1]}"), &arena, &data), ERR_OK);
	assert_true(data.cross_origin);
	assert_true(span_equals(data.challenge, SPAN("foo")));
	arena_clear(&arena);
}

#define IN_A_PLACE(test) cmocka_unit_test_setup_teardown(test, place_begin, place_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_PLACE(a_key_of_each_kind_is_registered_and_logs_in),
		IN_A_PLACE(what_was_made_for_something_else_registers_nothing),
		IN_A_PLACE(what_was_made_for_something_else_opens_nothing),
		IN_A_PLACE(a_challenge_is_good_once_and_for_five_minutes),
		IN_A_PLACE(a_counter_that_does_not_grow_is_refused),
		IN_A_PLACE(a_key_is_registered_once_and_only_so_many),
		IN_A_PLACE(recovery_codes_go_with_the_last_key),
		cmocka_unit_test(cbor_that_no_authenticator_writes_is_refused),
		cmocka_unit_test(keys_that_are_none_are_refused),
		cmocka_unit_test(client_data_is_read_strictly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
