/* crypto/seal.h: secrets at rest. secret.key (32 random bytes in hex, 0600) wraps a data key that lives in control.db; the data key seals values.
 *
 * Sealed form: version byte 1, 12-byte nonce, AES-256-GCM ciphertext, 16-byte tag; the context text is authenticated.
 */
#ifndef POSTROOM_CRYPTO_SEAL_H
#define POSTROOM_CRYPTO_SEAL_H

#include "daemon/base/buf.h"

#define SEAL_KEY_BYTES 32
#define SEAL_OVERHEAD 29

struct seal_key {
	uint8_t bytes[SEAL_KEY_BYTES];
};

/* Reads the file (refuses one that others can read). ERR_NOT_FOUND, ERR_DENIED, ERR_SYNTAX, ERR_TEMP. */
enum err seal_key_read(const char *path, struct seal_key *out, struct note *why) MUST_CHECK;
/* Makes a new file, 0600, fsynced with its directory; ERR_EXISTS when there is one. */
enum err seal_key_create(const char *path, struct seal_key *out, struct note *why) MUST_CHECK;
void seal_key_random(struct seal_key *out);
void seal_key_wipe(struct seal_key *key);

/* `context` binds the value to its place ("relay_password:*"). */
enum err seal_close(const struct seal_key *key, struct span context, struct span plain, struct buf *out) MUST_CHECK;
/* ERR_CORRUPT when the key, the context or a byte is wrong. */
enum err seal_open(const struct seal_key *key, struct span context, struct span sealed, struct buf *out) MUST_CHECK;

#endif
