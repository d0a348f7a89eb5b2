#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* OpenSSL has a type of this name. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#undef ERR_STATE

#include "tests/unit/auth/authenticator.h"

#include "daemon/base/encode.h"
#include "daemon/base/rng.h"
#include "daemon/crypto/digest.h"

void authenticator_init(struct authenticator *a, enum verify_kind kind)
{
	*a = (struct authenticator){ .kind = kind, .flags = 5, .rp_id = "mail.example.test" };
	rng_bytes(a->credential, sizeof(a->credential));
	switch (kind) {
	case VERIFY_ES256: a->key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"); break;
	case VERIFY_EDDSA: a->key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"); break;
	case VERIFY_RS256: a->key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048); break;
	}
	assert_non_null(a->key);
}

void authenticator_clear(struct authenticator *a)
{
	EVP_PKEY_free(a->key);
}

static void head(struct buf *out, unsigned major, uint64_t value)
{
	if (value < 24) {
		buf_add_char(out, (char)(major << 5 | value));
	} else if (value < 256) {
		buf_add_char(out, (char)(major << 5 | 24));
		buf_add_char(out, (char)value);
	} else {
		buf_add_char(out, (char)(major << 5 | 25));
		buf_add_char(out, (char)(value >> 8));
		buf_add_char(out, (char)value);
	}
}

static void integer(struct buf *out, int64_t value)
{
	head(out, value < 0, (uint64_t)(value < 0 ? -1 - value : value));
}

static void bytes(struct buf *out, struct span s)
{
	head(out, 2, s.len);
	buf_add(out, s);
}

static void text(struct buf *out, const char *s)
{
	head(out, 3, strlen(s));
	buf_add_str(out, s);
}

static void add_number(const struct authenticator *a, const char *name, size_t len, struct buf *out)
{
	unsigned char number[512];
	BIGNUM *n = NULL;

	assert_int_equal(EVP_PKEY_get_bn_param(a->key, name, &n), 1);
	if (len == 0)
		len = (size_t)BN_num_bytes(n);
	assert_int_equal(BN_bn2binpad(n, number, (int)len), len);
	bytes(out, span_make((const char *)number, len));
	BN_free(n);
}

void authenticator_cose_key(const struct authenticator *a, struct buf *out)
{
	unsigned char raw[32];
	size_t len = sizeof(raw);

	switch (a->kind) {
	case VERIFY_ES256:
		head(out, 5, 5);
		integer(out, 1), integer(out, 2);
		integer(out, 3), integer(out, -7);
		integer(out, -1), integer(out, 1);
		integer(out, -2), add_number(a, OSSL_PKEY_PARAM_EC_PUB_X, 32, out);
		integer(out, -3), add_number(a, OSSL_PKEY_PARAM_EC_PUB_Y, 32, out);
		break;
	case VERIFY_EDDSA:
		assert_int_equal(EVP_PKEY_get_raw_public_key(a->key, raw, &len), 1);
		head(out, 5, 4);
		integer(out, 1), integer(out, 1);
		integer(out, 3), integer(out, -8);
		integer(out, -1), integer(out, 6);
		integer(out, -2), bytes(out, span_make((const char *)raw, len));
		break;
	case VERIFY_RS256:
		head(out, 5, 4);
		integer(out, 1), integer(out, 3);
		integer(out, 3), integer(out, -257);
		integer(out, -1), add_number(a, OSSL_PKEY_PARAM_RSA_N, 0, out);
		integer(out, -2), add_number(a, OSSL_PKEY_PARAM_RSA_E, 0, out);
		break;
	}
}

void authenticator_client_data(const char *type, const char *origin, struct span challenge, struct buf *out)
{
	buf_addf(out, "{\"type\":\"%s\",\"challenge\":\"", type);
	base64url_encode(challenge, out);
	buf_addf(out, "\",\"origin\":\"%s\",\"crossOrigin\":false}", origin);
}

static void add_auth_data(const struct authenticator *a, bool with_key, struct buf *out)
{
	uint8_t hash[SHA256_BYTES];

	crypto_sha256(span_str(a->rp_id), hash);
	buf_add(out, span_make((const char *)hash, sizeof(hash)));
	buf_add_char(out, (char)(a->flags | (with_key ? 0x40 : 0)));
	for (int shift = 24; shift >= 0; shift -= 8)
		buf_add_char(out, (char)(a->sign_count >> shift));
	if (!with_key)
		return;
	for (int i = 0; i < 16; i++)
		buf_add_char(out, 0);
	buf_add_char(out, 0);
	buf_add_char(out, sizeof(a->credential));
	buf_add(out, span_make((const char *)a->credential, sizeof(a->credential)));
	authenticator_cose_key(a, out);
}

void authenticator_attestation(const struct authenticator *a, struct buf *out)
{
	struct buf data;

	buf_init(&data, 2000);
	add_auth_data(a, true, &data);
	head(out, 5, 3);
	text(out, "fmt"), text(out, "none");
	text(out, "attStmt"), head(out, 5, 0);
	text(out, "authData"), bytes(out, buf_span(&data));
	buf_clear(&data);
}

void authenticator_assert(struct authenticator *a, struct span client_data, struct buf *auth_data, struct buf *signature)
{
	const EVP_MD *md = a->kind == VERIFY_EDDSA ? NULL : EVP_sha256();
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t hash[SHA256_BYTES];
	unsigned char made[512];
	size_t len = sizeof(made);
	struct buf message;

	if (a->sign_count)
		a->sign_count++;
	add_auth_data(a, false, auth_data);
	crypto_sha256(client_data, hash);
	buf_init(&message, 2000);
	buf_add(&message, buf_span(auth_data));
	buf_add(&message, span_make((const char *)hash, sizeof(hash)));
	assert_int_equal(EVP_DigestSignInit(ctx, NULL, md, NULL, a->key), 1);
	assert_int_equal(EVP_DigestSign(ctx, made, &len, (const unsigned char *)message.ptr, message.len), 1);
	buf_add(signature, span_make((const char *)made, len));
	buf_clear(&message);
	EVP_MD_CTX_free(ctx);
}
