/* auth/totp.h: one-time codes (RFC 6238: SHA-1, 30 s, 6 digits) and recovery codes. A code opens once: the last step is durable. */
#ifndef POSTROOM_AUTH_TOTP_H
#define POSTROOM_AUTH_TOTP_H

#include "daemon/auth/auth.h"

#define TOTP_RECOVERY_CODES 10

enum totp_verdict {
	TOTP_OK,
	TOTP_WRONG,
	TOTP_USED,       /* right, but it (or a later one) was used already */
	TOTP_OTHER_TIME, /* it fits another time within 24 h: a clock is wrong; skew_s */
	TOTP_OFF,        /* none is set up */
	TOTP_REFUSED,    /* too many wrong ones: retry_after_ms */
};
struct totp_result {
	enum totp_verdict verdict;
	int64_t skew_s;         /* of OTHER_TIME: positive: theirs is ahead */
	int64_t delay_ms;       /* hold the answer back for so long */
	int64_t retry_after_ms; /* of REFUSED */
};

/* A new secret, not yet on: base32 text for `secret` and an otpauth:// URI for a QR code. Replaces one that was not confirmed. ERR_EXISTS: one is on.
 * Part of the open batch. */
enum err totp_begin(struct auth *a, uint64_t account_id, struct buf *secret, struct buf *uri) MUST_CHECK;
/* Turns it on when the code is right; recovery codes (one a line) go to `recovery`, those of before are gone. The verdict says otherwise.
 * ERR_EXISTS: it is on already. Part of the open batch. */
enum err totp_confirm(struct auth *a, uint64_t account_id, struct span code, struct buf *recovery, struct totp_result *out) MUST_CHECK;
/* A code, or a recovery code (which is then gone). Durable before TOTP_OK: not to be called inside a batch. Counts with the throttle; with TOTP_OK
 * the proof is whole (attempt_passed). */
enum err totp_check(struct auth *a, uint64_t account_id, const struct net_addr *peer, struct span code, struct totp_result *out) MUST_CHECK;
/* In place of those that are there. ERR_NOT_FOUND: no second factor is on. Part of the open batch. */
enum err totp_new_recovery_codes(struct auth *a, uint64_t account_id, struct buf *recovery) MUST_CHECK;
enum err totp_state(struct auth *a, uint64_t account_id, bool *on_out, unsigned *recovery_left_out) MUST_CHECK;
/* ERR_NOT_FOUND when none is there. Recovery codes go with it, unless a passkey is left. Part of the open batch. */
enum err totp_remove(struct auth *a, uint64_t account_id) MUST_CHECK;

#endif
