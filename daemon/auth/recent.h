/* auth/recent.h: facts of each login, in memory: the last use of app passwords, tokens, sessions, and the networks that accounts log in from; for files of
 * auth/ only.
 *
 * Written to control.db once a minute (auth_tend) and at the end; a crash loses a minute of them. A fixed table: what makes room is
 * written first.
 */
#ifndef POSTROOM_AUTH_RECENT_H
#define POSTROOM_AUTH_RECENT_H

#include <pthread.h>

#include "daemon/net/addr.h"

struct auth;
struct throttle_subject;

#define RECENT_ROWS 1024
#define RECENT_WAYS 4

enum recent_kind { RECENT_NOTHING,
		   RECENT_APP_PASSWORD,
		   RECENT_TOKEN,
		   RECENT_SESSION,
		   RECENT_DEVICE };

struct recent_key {
	enum recent_kind kind;
	uint64_t id;            /* of a device: the account */
	enum net_family family; /* of a device, and its network: */
	uint64_t network;
};

struct recent_row {
	struct recent_key key;
	int64_t first_ms; /* unix; of a device */
	int64_t at_ms;
	struct net_addr from; /* of all but devices */
	unsigned protocols;   /* of a device */
	bool dirty;           /* not yet written */
};

struct recent {
	uint64_t seed;
	pthread_mutex_t lock; /* guards what follows */
	struct recent_row rows[RECENT_ROWS][RECENT_WAYS];
};

void recent_init(struct auth *a);
/* Writes what is not yet written; what could not be, stays. */
enum err recent_flush(struct auth *a) MUST_CHECK;

/* That happened now. May write control.db. */
void recent_use(struct auth *a, enum recent_kind kind, uint64_t id, const struct net_addr *from);
/* False: no newer use than control.db knows. */
bool recent_find(struct auth *a, enum recent_kind kind, uint64_t id, struct recent_row *out);
/* It is gone: nothing is to be written any more. */
void recent_drop(struct auth *a, enum recent_kind kind, uint64_t id);

/* Has the account logged in from the peer's wide network within SETTING_KNOWN_DEVICE_DAYS? May read control.db. */
bool recent_knows_device(struct auth *a, uint64_t account_id, const struct net_addr *peer);
/* The account has logged in from there. True: for the first time. */
bool recent_note_device(struct auth *a, uint64_t account_id, const struct net_addr *peer, unsigned protocol);

#endif
