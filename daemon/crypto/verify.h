/* crypto/verify.h: signatures by keys that come as bare numbers. */
#ifndef POSTROOM_CRYPTO_VERIFY_H
#define POSTROOM_CRYPTO_VERIFY_H

#include "daemon/base/span.h"

enum verify_kind {
	VERIFY_ES256, /* ECDSA on P-256 with SHA-256; signatures in DER */
	VERIFY_EDDSA, /* Ed25519 */
	VERIFY_RS256, /* RSASSA-PKCS1-v1_5 with SHA-256, 2048 to 4096 bits */
};
/* Big-endian numbers; borrowed. */
struct verify_key {
	enum verify_kind kind;
	struct span x, y;              /* ES256: 32 bytes each; EDDSA: x alone */
	struct span modulus, exponent; /* RS256 */
};

/* Is that a key of its kind? ERR_SYNTAX: no (a wrong length, not on the curve, too weak). ERR_TEMP. */
enum err crypto_verify_check_key(const struct verify_key *key) MUST_CHECK;
/* ERR_DENIED: the signature does not fit. ERR_SYNTAX: as above. ERR_TEMP. */
enum err crypto_verify(const struct verify_key *key, struct span message, struct span signature) MUST_CHECK;

#endif
