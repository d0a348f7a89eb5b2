/* violates external-in-header as daemon/crypto/sample.h */
/* crypto/sample.h: a sample. */
#ifndef POSTROOM_CRYPTO_SAMPLE_H
#define POSTROOM_CRYPTO_SAMPLE_H

#include <openssl/evp.h>

#endif
