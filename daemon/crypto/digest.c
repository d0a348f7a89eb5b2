/* crypto/digest.c: SHA-256 and what is made of it.
 *
 * The algorithm is fetched once: asking OpenSSL 3 by name on each call takes longer than hashing a short value.
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

static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256;

static void fetch_sha256(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

/* One hash over two pieces. There is no answer to give in place of a digest: what would be compared or signed
 * would be wrong, so a library without memory or without SHA-256 ends the process. */
static void hash_two(struct span first, struct span second, uint8_t out[SHA256_BYTES])
{
	EVP_MD_CTX *ctx;

	pthread_once(&sha256_once, fetch_sha256);
	ctx = EVP_MD_CTX_new();
	if (!ctx || !sha256 || !EVP_DigestInit_ex2(ctx, sha256, NULL) ||
	    !EVP_DigestUpdate(ctx, first.ptr, first.len) ||
	    !EVP_DigestUpdate(ctx, second.ptr, second.len) ||
	    !EVP_DigestFinal_ex(ctx, out, NULL))
		abort();
	EVP_MD_CTX_free(ctx);
}

/* RFC 2104 section 2. */
void crypto_hmac_sha256(struct span key, struct span in, uint8_t out[SHA256_BYTES])
{
	uint8_t block[BLOCK_BYTES] = { 0 };
	uint8_t inner[SHA256_BYTES];

	if (key.len > BLOCK_BYTES)
		hash_two(key, span_make(NULL, 0), block);
	else if (key.len)
		memcpy(block, key.ptr, key.len);
	for (size_t i = 0; i < BLOCK_BYTES; i++)
		block[i] ^= 0x36;
	hash_two(span_make((const char *)block, BLOCK_BYTES), in, inner);
	for (size_t i = 0; i < BLOCK_BYTES; i++)
		block[i] ^= 0x36 ^ 0x5c;
	hash_two(span_make((const char *)block, BLOCK_BYTES), span_make((const char *)inner, SHA256_BYTES), out);
	explicit_bzero(block, sizeof block);
	explicit_bzero(inner, sizeof inner);
}

bool crypto_equals(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}
