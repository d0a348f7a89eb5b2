/* crypto/digest.h: hashes, keyed hashes, keys from passwords, and comparison that takes the same time whatever the bytes. */
#ifndef POSTROOM_CRYPTO_DIGEST_H
#define POSTROOM_CRYPTO_DIGEST_H

#include "daemon/base/span.h"

#define SHA256_BYTES 32
#define SHA1_BYTES 20
#define SHA512_BYTES 64

void crypto_sha256(struct span in, uint8_t out[SHA256_BYTES]);
void crypto_sha512(struct span in, uint8_t out[SHA512_BYTES]);
/* Only for what others stored with it. */
void crypto_sha1(struct span in, uint8_t out[SHA1_BYTES]);
void crypto_hmac_sha256(struct span key, struct span in, uint8_t out[SHA256_BYTES]);
/* Only where a standard names it: RFC 6238. */
void crypto_hmac_sha1(struct span key, struct span in, uint8_t out[SHA1_BYTES]);
/* RFC 8018 5.2 with HMAC-SHA-256 (RFC 5802's Hi). iterations > 0; about 0.25 ms a thousand. */
void crypto_pbkdf2_sha256(struct span password, struct span salt, unsigned iterations, uint8_t out[SHA256_BYTES]);
bool crypto_equals(const void *a, const void *b, size_t len);

#endif
