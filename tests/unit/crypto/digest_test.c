/* crypto/digest.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/base/encode.h"
#include "daemon/crypto/digest.h"

static void assert_bytes(const uint8_t *digest, size_t bytes, const char *expected)
{
	struct buf hex;

	buf_init(&hex, 100);
	hex_encode(span_make((const char *)digest, bytes), &hex);
	assert_string_equal(buf_cstr(&hex), expected);
	buf_clear(&hex);
}

static void assert_digest(const uint8_t *digest, const char *expected)
{
	assert_bytes(digest, SHA256_BYTES, expected);
}

/* FIPS 180-4's examples. */
static void sha256_has_the_known_answers(void **state)
{
	uint8_t digest[SHA256_BYTES];

	(void)state;
	crypto_sha256(span_make(NULL, 0), digest);
	assert_digest(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	crypto_sha256(SPAN("abc"), digest);
	assert_digest(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* RFC 2202 section 3, cases 1 and 6. */
static void hmac_sha1_has_the_known_answers(void **state)
{
	uint8_t digest[SHA1_BYTES];
	char key[80];

	(void)state;
	memset(key, 0x0b, 20);
	crypto_hmac_sha1(span_make(key, 20), SPAN("Hi There"), digest);
	assert_bytes(digest, SHA1_BYTES, "b617318655057264e28bc0b6fb378c8ef146be00");
	memset(key, 0xaa, sizeof key);
	crypto_hmac_sha1(span_make(key, sizeof key), SPAN("Test Using Larger Than Block-Size Key - Hash Key First"), digest);
	assert_bytes(digest, SHA1_BYTES, "aa4ae5e15272d00e95705637ce8a3b55ed402112");
}

/* RFC 7914 section 11. */
static void pbkdf2_has_the_known_answers(void **state)
{
	uint8_t key[SHA256_BYTES];

	(void)state;
	crypto_pbkdf2_sha256(SPAN("passwd"), SPAN("salt"), 1, key);
	assert_digest(key, "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc");
	crypto_pbkdf2_sha256(SPAN("Password"), SPAN("NaCl"), 80000, key);
	assert_digest(key, "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56");
}

/* RFC 4231 sections 4.2, 4.3 and 4.7. */
static void hmac_has_the_known_answers(void **state)
{
	uint8_t digest[SHA256_BYTES];
	char key[131];

	(void)state;
	memset(key, 0x0b, 20);
	crypto_hmac_sha256(span_make(key, 20), SPAN("Hi There"), digest);
	assert_digest(digest, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	crypto_hmac_sha256(SPAN("Jefe"), SPAN("what do ya want for nothing?"), digest);
	assert_digest(digest, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	/* A key longer than a block is hashed first. */
	memset(key, 0xaa, sizeof key);
	crypto_hmac_sha256(span_make(key, sizeof key), SPAN("Test Using Larger Than Block-Size Key - Hash Key First"), digest);
	assert_digest(digest, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void comparison_sees_every_byte(void **state)
{
	char a[32] = { 0 }, b[32] = { 0 };

	(void)state;
	assert_true(crypto_equals(a, b, sizeof a));
	for (size_t i = 0; i < sizeof a; i++) {
		b[i] = 1;
		assert_false(crypto_equals(a, b, sizeof a));
		assert_true(crypto_equals(a, b, i));
		b[i] = 0;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_has_the_known_answers),
		cmocka_unit_test(hmac_sha1_has_the_known_answers),
		cmocka_unit_test(pbkdf2_has_the_known_answers),
		cmocka_unit_test(hmac_has_the_known_answers),
		cmocka_unit_test(comparison_sees_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
