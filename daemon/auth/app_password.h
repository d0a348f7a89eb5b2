/* auth/app_password.h: passwords for one device each: made here, shown once, opening mail protocols only. */
#ifndef POSTROOM_AUTH_APP_PASSWORD_H
#define POSTROOM_AUTH_APP_PASSWORD_H

#include "daemon/auth/auth.h"
#include "daemon/base/arena.h"

#define APP_PASSWORDS_MAX 50 /* of one account */

struct app_password {
	uint64_t id;
	struct span label;           /* 1 to 100 bytes, UTF-8 without control characters */
	unsigned protocols;          /* bits of enum auth_protocol */
	const struct span *networks; /* CIDRs; none: from everywhere */
	size_t network_count;
	int64_t created_ms, expires_ms, used_ms; /* unix; 0: never */
	struct span used_from;
};

/* `spec`: label, protocols, networks, expires_ms. The password (25 letters in groups, over 110 bits) goes to `secret`: the only time it is seen.
 * ERR_SYNTAX, ERR_LIMIT with why. Part of the open batch. */
enum err app_password_create(struct auth *a, uint64_t account_id, const struct app_password *spec, uint64_t *id_out, struct buf *secret, struct note *why) MUST_CHECK;
enum err app_password_list(struct auth *a, uint64_t account_id, struct arena *arena, struct app_password **out, size_t *count_out) MUST_CHECK;
enum err app_password_remove(struct auth *a, uint64_t account_id, uint64_t id) MUST_CHECK;

#endif
