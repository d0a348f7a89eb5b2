/* crypto/digest.c: SHA-256, SHA-512 and SHA-1 and what is made of them.
 *
 * The algorithms are fetched once: asking OpenSSL 3 by name on each call takes longer than hashing a short value.
 */
/* OpenSSL has a type of this name. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/crypto.h>
#include <openssl/evp.h>
#undef ERR_STATE

#include "daemon/crypto/digest.h"

#include <pthread.h>
#include <stdlib.h>

#define BLOCK_BYTES 64

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256, *sha512, *sha1;

static void fetch(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	sha512 = EVP_MD_fetch(NULL, "SHA512", NULL);
	sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
}

/* One hash over two pieces. There is no answer to give in place of a digest: what would be compared or signed
 * would be wrong, so a library without memory or without the algorithm ends the process. */
static void hash_two(EVP_MD *const *md, struct span first, struct span second, uint8_t *out)
{
	EVP_MD_CTX *ctx;

	pthread_once(&once, fetch);
	ctx = EVP_MD_CTX_new();
	if (!ctx || !*md || !EVP_DigestInit_ex2(ctx, *md, NULL) ||
	    !EVP_DigestUpdate(ctx, first.ptr, first.len) ||
	    !EVP_DigestUpdate(ctx, second.ptr, second.len) ||
	    !EVP_DigestFinal_ex(ctx, out, NULL))
		abort();
	EVP_MD_CTX_free(ctx);
}

void crypto_sha256(struct span in, uint8_t out[SHA256_BYTES])
{
	hash_two(&sha256, in, span_make(NULL, 0), out);
}

void crypto_sha512(struct span in, uint8_t out[SHA512_BYTES])
{
	hash_two(&sha512, in, span_make(NULL, 0), out);
}

void crypto_sha1(struct span in, uint8_t out[SHA1_BYTES])
{
	hash_two(&sha1, in, span_make(NULL, 0), out);
}

/* RFC 2104 section 2; both hashes have blocks of 64 bytes. */
static void hmac(EVP_MD *const *md, size_t bytes, struct span key, struct span in, uint8_t *out)
{
	uint8_t block[BLOCK_BYTES] = { 0 };
	uint8_t inner[SHA256_BYTES];

	if (key.len > BLOCK_BYTES)
		hash_two(md, key, span_make(NULL, 0), block);
	else if (key.len)
		memcpy(block, key.ptr, key.len);
	for (size_t i = 0; i < BLOCK_BYTES; i++)
		block[i] ^= 0x36;
	hash_two(md, span_make((const char *)block, BLOCK_BYTES), in, inner);
	for (size_t i = 0; i < BLOCK_BYTES; i++)
		block[i] ^= 0x36 ^ 0x5c;
	hash_two(md, span_make((const char *)block, BLOCK_BYTES), span_make((const char *)inner, bytes), out);
	explicit_bzero(block, sizeof block);
	explicit_bzero(inner, sizeof inner);
}

void crypto_hmac_sha256(struct span key, struct span in, uint8_t out[SHA256_BYTES])
{
	hmac(&sha256, SHA256_BYTES, key, in, out);
}

void crypto_hmac_sha1(struct span key, struct span in, uint8_t out[SHA1_BYTES])
{
	hmac(&sha1, SHA1_BYTES, key, in, out);
}

void crypto_pbkdf2_sha256(struct span password, struct span salt, unsigned iterations, uint8_t out[SHA256_BYTES])
{
	pthread_once(&once, fetch);
	if (!PKCS5_PBKDF2_HMAC(password.len ? password.ptr : "", (int)password.len, (const unsigned char *)salt.ptr, (int)salt.len, (int)iterations,
			       sha256, SHA256_BYTES, out))
		abort();
}

bool crypto_equals(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}
