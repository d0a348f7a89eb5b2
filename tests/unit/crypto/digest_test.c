/* crypto/digest.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/base/encode.h"
#include "daemon/crypto/digest.h"

static void assert_digest(const uint8_t *digest, const char *expected)
{
	struct buf hex;

	buf_init(&hex, 100);
	hex_encode(span_make((const char *)digest, SHA256_BYTES), &hex);
	assert_string_equal(buf_cstr(&hex), expected);
	buf_clear(&hex);
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
		cmocka_unit_test(hmac_has_the_known_answers),
		cmocka_unit_test(comparison_sees_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
