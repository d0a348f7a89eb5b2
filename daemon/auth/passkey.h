/* auth/passkey.h: WebAuthn level 2: registration and login with ES256, EdDSA and RS256; no attestation is asked for, and none is looked at.
 *
 * Challenges live in memory, 5 minutes, once. Binary values cross this border as bytes; base64url is the API's.
 */
#ifndef POSTROOM_AUTH_PASSKEY_H
#define POSTROOM_AUTH_PASSKEY_H

#include "daemon/auth/auth.h"
#include "daemon/base/arena.h"

#define PASSKEYS_MAX 20 /* of one account */
#define PASSKEY_CHALLENGE_BYTES 32
#define PASSKEY_USER_BYTES 32
#define PASSKEY_LABEL_MAX 100

struct passkey {
	uint64_t id;
	struct span credential, label;
	int64_t created_ms, used_ms;
};

/* `account_id` 0: a login by whatever key the browser has. */
void passkey_challenge(struct auth *a, uint64_t account_id, uint8_t out[PASSKEY_CHALLENGE_BYTES]);
/* The user handle of an account: always the same, and says nothing about it. */
void passkey_user_handle(const struct auth *a, uint64_t account_id, uint8_t out[PASSKEY_USER_BYTES]);

/* What the browser gave. Relying party id: the host name; origin: https://<host>[:port]. */
struct passkey_registration {
	struct span rp_id, origin, client_data, attestation_object, label;
};
/* ERR_SYNTAX: not what a browser sends, or a label that is none; ERR_DENIED: another challenge, origin or relying party, or the user was not
 * verified; ERR_EXISTS: the key is registered; ERR_LIMIT: PASSKEYS_MAX. All with why. Part of the open batch. */
enum err passkey_register(struct auth *a, uint64_t account_id, const struct passkey_registration *given, uint64_t *id_out, struct note *why) MUST_CHECK;

struct passkey_assertion {
	struct span rp_id, origin, credential, client_data, authenticator_data, signature, user_handle;
};
/* ERR_DENIED: not proven (why: for the log); *delay_ms_out: hold the answer back for so long. ERR_LIMIT: too many logins now. User verification is
 * wanted: a passkey is both factors. Durable before ERR_OK: not to be called inside a batch. */
enum err passkey_login(struct auth *a, const struct passkey_assertion *given, const struct net_addr *peer, uint64_t *account_id_out, int64_t *delay_ms_out,
		       struct note *why) MUST_CHECK;

enum err passkey_list(struct auth *a, uint64_t account_id, struct arena *arena, struct passkey **out, size_t *count_out) MUST_CHECK;
/* ERR_NOT_FOUND. Recovery codes go with the last one, unless one-time codes are on. Part of the open batch. */
enum err passkey_remove(struct auth *a, uint64_t account_id, uint64_t id) MUST_CHECK;

#endif
