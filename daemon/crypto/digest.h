/* crypto/digest.h: keyed hashes and comparison that takes the same time whatever the bytes. */
#ifndef POSTROOM_CRYPTO_DIGEST_H
#define POSTROOM_CRYPTO_DIGEST_H

#include "daemon/base/span.h"

#define SHA256_BYTES 32

void crypto_hmac_sha256(struct span key, struct span in, uint8_t out[SHA256_BYTES]);
bool crypto_equals(const void *a, const void *b, size_t len);

#endif
