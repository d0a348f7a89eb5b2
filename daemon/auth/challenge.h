/* auth/challenge.h: challenges of WebAuthn: good for one account (or none yet), five minutes, once; for files of auth/ only.
 *
 * A challenge carries its end and a tag over itself and its account, so that handing one out costs no memory, and nobody can push out
 * those of others by asking for many. Remembered are those that were used, which takes a right signature.
 */
#ifndef POSTROOM_AUTH_CHALLENGE_H
#define POSTROOM_AUTH_CHALLENGE_H

#include <pthread.h>

#include "daemon/base/span.h"

#define CHALLENGE_BYTES 32
#define CHALLENGE_LIFE_MS (5 * 60 * 1000)
#define CHALLENGES_USED_MAX 4096 /* in CHALLENGE_LIFE_MS */

struct used_challenge {
	uint8_t nonce[12];
	uint32_t ends_s; /* monotonic */
};

struct challenges {
	uint8_t key[32];
	pthread_mutex_t lock;        /* guards what follows */
	struct used_challenge *used; /* made when the first is used */
	size_t used_count;
};

void challenges_init(struct challenges *c);
void challenges_clear(struct challenges *c);

void challenge_make(const struct challenges *c, uint64_t account_id, uint8_t out[CHALLENGE_BYTES]);
/* Ours, of this account, in time, and not used? */
bool challenge_is_good(struct challenges *c, uint64_t account_id, struct span challenge);
/* Uses it up. ERR_DENIED: somebody was faster, or it is none. ERR_LIMIT: so many were used that no more can be remembered. */
enum err challenge_use(struct challenges *c, uint64_t account_id, struct span challenge) MUST_CHECK;

#endif
