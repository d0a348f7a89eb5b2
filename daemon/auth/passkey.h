/* auth/passkey.h: WebAuthn level 2: registration and login with ES256, EdDSA and RS256; attestation "none" is all that is read.
 *
 * Challenges live in memory, 5 minutes, once. Binary values cross this border as bytes; base64url is the API's.
 */
#ifndef POSTROOM_AUTH_PASSKEY_H
#define POSTROOM_AUTH_PASSKEY_H

#include "daemon/auth/auth.h"
#include "daemon/base/arena.h"

#define PASSKEYS_MAX 20 /* of one account */
#define PASSKEY_CHALLENGE_BYTES 32

struct passkey {
	uint64_t id;
	struct span credential, label;
	int64_t created_ms, used_ms;
};

/* `account_id` 0: a login by whatever key the browser has. */
enum err passkey_challenge(struct auth *a, uint64_t account_id, uint8_t out[PASSKEY_CHALLENGE_BYTES]) MUST_CHECK;

/* What the browser gave. Relying party id: the host name; origin: https://<host>[:port]. */
struct passkey_registration {
	struct span rp_id, origin, client_data, attestation_object, label;
};
enum err passkey_register(struct auth *a, uint64_t account_id, const struct passkey_registration *given, uint64_t *id_out, struct note *why) MUST_CHECK;

struct passkey_assertion {
	struct span rp_id, origin, credential, client_data, authenticator_data, signature, user_handle;
};
/* ERR_DENIED: not proven (why: for the log). ERR_LIMIT: the peer is refused for now. User verification is wanted: a passkey is both factors. */
enum err passkey_login(struct auth *a, const struct passkey_assertion *given, const struct net_addr *peer, uint64_t *account_id_out, struct note *why) MUST_CHECK;

enum err passkey_list(struct auth *a, uint64_t account_id, struct arena *arena, struct passkey **out, size_t *count_out) MUST_CHECK;
enum err passkey_remove(struct auth *a, uint64_t account_id, uint64_t id) MUST_CHECK;

#endif
