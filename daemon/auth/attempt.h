/* auth/attempt.h: somebody tries to prove who they are: the one way to the throttle, the known devices and the events for passwords, SCRAM,
 * codes and passkeys; for files of auth/ only.
 *
 *   attempt_begin ─▶ attempt_is_refused? ─▶ (the proof is looked at) ─▶ attempt_failed | attempt_passed
 */
#ifndef POSTROOM_AUTH_ATTEMPT_H
#define POSTROOM_AUTH_ATTEMPT_H

#include "daemon/auth/auth.h"
#include "daemon/auth/throttle.h"
#include "daemon/events/events.h"

#define ATTEMPT_NAME 128

struct attempt {
	enum auth_protocol protocol;
	uint64_t account_id; /* 0: nobody of ours; fails in the end, and is counted like all */
	struct net_addr peer;
	bool trusted;                /* no delays, no refusal of the network */
	bool local;                  /* a socket of this machine, or no peer: not counted at all */
	struct throttle_subject who; /* the account, or the unknown name */
	char name[ATTEMPT_NAME];     /* for events: the account's address, or what was typed */
};

/* By login name; looks the account up. */
void attempt_begin(struct auth *a, enum auth_protocol protocol, struct span login, const struct net_addr *peer, struct attempt *out);
/* Of an account that is known already (a code after the password); 0: nobody is named (a token): only the networks count. */
void attempt_begin_account(struct auth *a, enum auth_protocol protocol, uint64_t account_id, const struct net_addr *peer, struct attempt *out);

/* Too many failures: the proof is not to be looked at. *retry_after_ms_out: for how long. May read control.db. */
bool attempt_is_refused(struct auth *a, const struct attempt *t, int64_t *retry_after_ms_out);
/* Counts it; says for how long the answer is to be held back. `tried`: a keyed tag of what was tried, so that a device that repeats one wrong
 * password is not taken for one who guesses; 0: always counts. May write control.db (a lock-out is durable). */
int64_t attempt_failed(struct auth *a, const struct attempt *t, uint64_t tried);
/* Was just that tried before and found wrong? */
bool attempt_was_wrong(struct auth *a, const struct attempt *t, uint64_t tried);
/* The whole proof is there (with a second factor: that too). Remembers the device, and the use of the app password `app_id` (0: none). */
void attempt_passed(struct auth *a, const struct attempt *t, uint64_t app_id);

/* How it ended, once an attempt, for the metrics. */
void attempt_count(enum auth_protocol protocol, enum auth_verdict verdict);
/* Of the peer's networks: for its place in the queue. */
unsigned attempt_network_failures(struct auth *a, const struct attempt *t);
/* Raises an event about it: one of a type, account and network in ten seconds. */
void attempt_tell(struct auth *a, const struct attempt *t, enum event_type type);

#endif
