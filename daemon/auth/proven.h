/* auth/proven.h: passwords that a slow hash has already proven, as tags under a key that lives as long as the process;
 * for files of auth/ only. The caller locks.
 *
 * A tag covers the account, its stored hash and the password: a new stored hash ends what was proven with the old one.
 */
#ifndef POSTROOM_AUTH_PROVEN_H
#define POSTROOM_AUTH_PROVEN_H

#include "daemon/crypto/digest.h"

#define PROVEN_ROWS 1024
#define PROVEN_WAYS 4

struct proven_tag {
	uint8_t bytes[SHA256_BYTES];
};

struct proven {
	uint8_t key[32];
	uint64_t turn;
	struct {
		struct proven_tag tag;
		uint64_t used_at; /* 0: free */
	} rows[PROVEN_ROWS][PROVEN_WAYS];
};

void proven_init(struct proven *p);
/* Needs no lock: reads only the key. */
void proven_make_tag(const struct proven *p, uint64_t account_id, struct span stored_hash, struct span password, struct proven_tag *out);
bool proven_has(struct proven *p, const struct proven_tag *tag);
/* The one of its row that was not used for the longest time makes room. */
void proven_add(struct proven *p, const struct proven_tag *tag);

#endif
