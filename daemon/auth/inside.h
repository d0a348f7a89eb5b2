/* auth/inside.h: what is inside of struct auth; for files of auth/ only.
 *
 * No lock of these is held while another one is taken, while control.db is asked, or while somebody is called back.
 */
#ifndef POSTROOM_AUTH_INSIDE_H
#define POSTROOM_AUTH_INSIDE_H

#include <pthread.h>

#include "daemon/auth/auth.h"
#include "daemon/auth/cache.h"
#include "daemon/auth/challenge.h"
#include "daemon/auth/hashing.h"
#include "daemon/auth/proven.h"
#include "daemon/auth/recent.h"
#include "daemon/auth/throttle.h"

#define AUTH_GATES 1024

/* When an event of this account and network was last raised. */
struct auth_gate {
	uint64_t number;
	int64_t at_ms; /* monotonic */
};

struct auth {
	struct directory *directory;
	struct events *events; /* may be null */
	const struct net_cidr *trusted;
	size_t trusted_count;

	struct cache credentials, tokens, sessions;
	struct recent recent;

	pthread_mutex_t throttle_lock; /* guards `throttle` and `gates` */
	struct throttle throttle;      /* its key does not change */
	struct auth_gate gates[AUTH_GATES];

	pthread_mutex_t proven_lock; /* guards `proven`; its key does not change */
	struct proven proven;

	struct challenges challenges; /* of WebAuthn */

	struct hashing hashing;
	unsigned tended; /* of the thread that calls auth_tend() */
};

/* Of an account whose proof is right: OK, WRONG (not there, or a shared one), SUSPENDED or PROTOCOL_OFF. */
enum auth_verdict auth_standing(struct auth *a, enum auth_protocol protocol, uint64_t account_id);

#endif
