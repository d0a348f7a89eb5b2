/* auth/scram_keys.h: what is stored for SCRAM: a salt an account, keys a password; for files of auth/ only. */
#ifndef POSTROOM_AUTH_SCRAM_KEYS_H
#define POSTROOM_AUTH_SCRAM_KEYS_H

#include "daemon/crypto/digest.h"

struct directory;

#define SCRAM_SALT_BYTES 16
/* RFC 7677 section 4 wants 4096 at least. The client pays for them at each login, a phone some 20 ms for these; what is stored of a main
 * password is sealed besides, and app passwords cannot be guessed at any count. */
#define SCRAM_ITERATIONS 10000

struct scram_keys {
	uint8_t stored[SHA256_BYTES], server[SHA256_BYTES];
};
struct scram_row {
	uint8_t salt[SCRAM_SALT_BYTES];
	unsigned iterations;
	bool has_keys; /* of the main password */
	struct scram_keys keys;
};

/* ERR_NOT_FOUND: no row. ERR_CORRUPT: one that does not open. */
enum err scram_row_read(struct directory *d, uint64_t account_id, struct scram_row *out) MUST_CHECK;
/* Keys for a password under the account's salt, which is made when there is none; nothing else is stored. Part of the open batch. */
enum err scram_keys_make(struct directory *d, uint64_t account_id, struct span password, struct scram_keys *out) MUST_CHECK;
/* Keys of the main password, stored in place of others. Part of the open batch. 3 ms. */
enum err scram_keys_set(struct directory *d, uint64_t account_id, struct span password) MUST_CHECK;
/* A hash came in place of the password: its old keys must not open any more. Part of the open batch. */
enum err scram_keys_forget(struct directory *d, uint64_t account_id) MUST_CHECK;

#endif
