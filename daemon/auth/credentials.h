/* auth/credentials.h: what is stored of an account to prove who somebody is; for files of auth/ only.
 *
 * Read from control.db and kept in memory for some thousand accounts; forgotten at each change (auth_forget).
 */
#ifndef POSTROOM_AUTH_CREDENTIALS_H
#define POSTROOM_AUTH_CREDENTIALS_H

#include "daemon/auth/auth.h"
#include "daemon/auth/cache.h"
#include "daemon/auth/scram_keys.h"

struct app_credential {
	uint64_t id;
	unsigned protocols;
	int64_t expires_ms; /* 0: never */
	const struct net_cidr *networks;
	size_t network_count; /* 0: everywhere */
	uint8_t digest[SHA256_BYTES];
	bool has_keys;
	struct scram_keys keys;
};

struct credentials {
	struct cached cached;      /* the account's id is in it */
	struct span password_hash; /* empty: no main password */
	bool second_factor;        /* a confirmed TOTP secret or a passkey is there */
	bool has_scram;            /* a salt is there */
	struct scram_row scram;
	const struct app_credential *apps;
	size_t app_count;
};

/* ERR_NOT_FOUND: no such account; ERR_TEMP. To be released. */
enum err credentials_hold(struct auth *a, uint64_t account_id, const struct credentials **out) MUST_CHECK;
void credentials_release(const struct credentials **c);

/* Does it open this protocol, from there, today? */
bool app_credential_opens(const struct app_credential *app, enum auth_protocol protocol, const struct net_addr *peer);
/* auth_result.credential: of the main password (`app` null; another one once a second factor is on) or of an app password. */
uint64_t credentials_number(const struct auth *a, const struct credentials *c, const struct app_credential *app);

#endif
