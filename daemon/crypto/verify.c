/* crypto/verify.c: public keys out of their numbers, through OpenSSL's import, which checks points against their curve. */
/* OpenSSL has a type of this name. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#undef ERR_STATE

#include "daemon/crypto/verify.h"

#define POINT_BYTES 32
#define MODULUS_BYTES_MIN 256
#define MODULUS_BYTES_MAX 512
#define EXPONENT_BYTES_MAX 8 /* a larger one makes checking slow, and nobody uses it */

static const unsigned char *bytes_of(struct span s)
{
	return (const unsigned char *)s.ptr;
}

static EVP_PKEY *import(const char *type, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static EVP_PKEY *make_ec(const struct verify_key *k)
{
	unsigned char point[1 + 2 * POINT_BYTES] = { 4 }; /* uncompressed */
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)"prime256v1", 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
		OSSL_PARAM_construct_end(),
	};

	if (k->x.len != POINT_BYTES || k->y.len != POINT_BYTES)
		return NULL;
	memcpy(point + 1, k->x.ptr, POINT_BYTES);
	memcpy(point + 1 + POINT_BYTES, k->y.ptr, POINT_BYTES);
	return import("EC", params);
}

static struct span without_zeros(struct span number)
{
	while (number.len > 0 && number.ptr[0] == 0)
		number = span_skip(number, 1);
	return number;
}

static EVP_PKEY *make_rsa(const struct verify_key *k)
{
	struct span modulus = without_zeros(k->modulus), exponent = without_zeros(k->exponent);
	OSSL_PARAM_BLD *builder;
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;
	BIGNUM *n, *e;

	if (modulus.len < MODULUS_BYTES_MIN || modulus.len > MODULUS_BYTES_MAX || !((unsigned char)modulus.ptr[0] & 0x80) || exponent.len == 0 ||
	    exponent.len > EXPONENT_BYTES_MAX || !(exponent.ptr[exponent.len - 1] & 1) || (exponent.len == 1 && exponent.ptr[0] == 1))
		return NULL;
	builder = OSSL_PARAM_BLD_new();
	n = BN_bin2bn(bytes_of(modulus), (int)modulus.len, NULL);
	e = BN_bin2bn(bytes_of(exponent), (int)exponent.len, NULL);
	if (builder && n && e && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e))
		params = OSSL_PARAM_BLD_to_param(builder);
	if (params)
		key = import("RSA", params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	BN_free(n);
	BN_free(e);
	return key;
}

static EVP_PKEY *make_key(const struct verify_key *k)
{
	EVP_PKEY *key = NULL;

	ERR_clear_error();
	switch (k->kind) {
	case VERIFY_ES256: key = make_ec(k); break;
	case VERIFY_EDDSA:
		if (k->x.len == POINT_BYTES)
			key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, bytes_of(k->x), POINT_BYTES);
		break;
	case VERIFY_RS256: key = make_rsa(k); break;
	}
	ERR_clear_error();
	return key;
}

enum err crypto_verify_check_key(const struct verify_key *k)
{
	EVP_PKEY *key = make_key(k);

	if (!key)
		return ERR_SYNTAX;
	EVP_PKEY_free(key);
	return ERR_OK;
}

enum err crypto_verify(const struct verify_key *k, struct span message, struct span signature)
{
	const EVP_MD *md = k->kind == VERIFY_EDDSA ? NULL : EVP_sha256();
	EVP_PKEY *key = make_key(k);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	enum err e = ERR_TEMP;

	if (!key)
		e = ERR_SYNTAX;
	else if (ctx && EVP_DigestVerifyInit(ctx, NULL, md, NULL, key) == 1)
		e = EVP_DigestVerify(ctx, bytes_of(signature), signature.len, bytes_of(message), message.len) == 1 ? ERR_OK : ERR_DENIED;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return e;
}
