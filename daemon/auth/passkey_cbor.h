/* auth/passkey_cbor.h: the CBOR of WebAuthn (RFC 8949, as CTAP2 writes it) and COSE keys (RFC 9052, 9053); for files of auth/ only. */
#ifndef POSTROOM_AUTH_PASSKEY_CBOR_H
#define POSTROOM_AUTH_PASSKEY_CBOR_H

#include "daemon/base/arena.h"
#include "daemon/crypto/verify.h"

#define CBOR_BYTES_MAX 16384
#define CBOR_DEPTH_MAX 6

/* The length of the item at the front. ERR_SYNTAX: not CBOR, or of a kind that CTAP2 does not write: indefinite lengths, tags, other simple
 * values, text that is not UTF-8, deeper than CBOR_DEPTH_MAX. ERR_LIMIT: longer than CBOR_BYTES_MAX. */
enum err cbor_measure(struct span in, size_t *len_out) MUST_CHECK;

/* WebAuthn 6.5.4: the authenticator data, copied into the arena. The statement is not looked at: none was asked for, and nothing hangs on it. */
enum err cbor_read_attestation(struct span object, struct arena *arena, struct span *auth_data_out) MUST_CHECK;

/* ES256, EdDSA (Ed25519) or RS256; the numbers are copied into the arena. ERR_SYNTAX: something else. */
enum err cose_read_key(struct span cose, struct arena *arena, struct verify_key *out) MUST_CHECK;

#endif
