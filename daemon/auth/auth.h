/* auth/auth.h: who are you. Password hashes on two threads behind a bounded queue; nobody else waits for them. */
#ifndef POSTROOM_AUTH_AUTH_H
#define POSTROOM_AUTH_AUTH_H

#include "daemon/base/buf.h"
#include "daemon/net/addr.h"

struct directory;
struct auth;

#define AUTH_PASSWORD_MIN 8    /* characters */
#define AUTH_PASSWORD_MAX 1024 /* bytes */
#define AUTH_HASH_THREADS 2
#define AUTH_QUEUE_MAX 64

struct auth_config {
	struct directory *directory;
	const struct net_cidr *trusted; /* free of the delays */
	size_t trusted_count;
};
enum err auth_new(const struct auth_config *config, struct auth **out) MUST_CHECK;
void auth_free(struct auth **a); /* open questions are answered AUTH_BUSY */

enum auth_verdict {
	AUTH_OK,
	AUTH_WRONG,     /* also an unknown user: the same time, the same words */
	AUTH_SUSPENDED, /* right password, account suspended */
	AUTH_BUSY,      /* queue full: a temporary failure */
};
struct auth_result {
	enum auth_verdict verdict;
	uint64_t account_id;
	uint64_t credential; /* of OK: names the stored hash that was proven, for auth_still_holds(); good while this process lives */
	int64_t delay_ms;    /* answer the peer only after this long (failures from one /32 or /64 add up; 0 for trusted networks) */
};

/* A password once proven is remembered in memory as a keyed hash, so that the slow one runs once; a change of the stored hash ends that.
 * done() runs on a hash thread, or at once in the caller's when the answer is known. It must not block. */
void auth_check_password(struct auth *a, struct span login, struct span password, const struct net_addr *peer,
			 void (*done)(void *arg, const struct auth_result *result), void *arg);

/* Is the account there, not suspended, and its stored hash the one that was proven? Memory only. */
bool auth_still_holds(const struct auth *a, uint64_t account_id, uint64_t credential);

/* argon2id, 19 MiB, t=2, encoded form. Blocking (50 ms). ERR_LIMIT: shorter than AUTH_PASSWORD_MIN or longer than AUTH_PASSWORD_MAX. */
enum err auth_hash_password(struct span password, struct buf *out) MUST_CHECK;

/* SASL PLAIN (RFC 4616) message: [authzid] NUL authcid NUL passwd. ERR_SYNTAX; an authzid other than empty or authcid is ERR_DENIED. */
enum err auth_sasl_plain(struct span message, struct span *login_out, struct span *password_out) MUST_CHECK;

#endif
