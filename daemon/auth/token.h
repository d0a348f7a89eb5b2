/* auth/token.h: API tokens "prm_pat_...": shown once, kept as a digest, with scopes, domains, networks and an end. */
#ifndef POSTROOM_AUTH_TOKEN_H
#define POSTROOM_AUTH_TOKEN_H

#include "daemon/auth/auth.h"
#include "daemon/base/arena.h"

#define TOKENS_MAX 200 /* of one account */

struct token {
	uint64_t id, account_id;
	struct span label;
	const struct span *scopes; /* words like "users:read"; what they mean is the API's */
	size_t scope_count;
	const struct span *domains; /* none: all that the account's role reaches */
	size_t domain_count;
	const struct span *networks; /* CIDRs; none: everywhere */
	size_t network_count;
	int64_t created_ms, expires_ms, used_ms; /* unix; expires 0: never */
	struct span used_from;
};

/* `spec`: account_id and what may be chosen. The token goes to `secret`: prm_pat_, 32 letters and digits, 6 of a checksum (for secret scanners).
 * ERR_SYNTAX, ERR_LIMIT with why. Part of the open batch. */
enum err token_create(struct auth *a, const struct token *spec, uint64_t *id_out, struct buf *secret, struct note *why) MUST_CHECK;
/* Whose token is that? Constant time in its bytes; remembers the use. ERR_DENIED: none (one that is not even of the form
 * is no guess), run out, a wrong network, the account suspended (all the same to the
 * caller's peer). ERR_LIMIT: the peer guesses and is refused for now. */
enum err token_check(struct auth *a, struct span secret, const struct net_addr *peer, struct arena *arena, struct token *out) MUST_CHECK;
/* By id; of one account, or (0) all. */
enum err token_list(struct auth *a, uint64_t account_id, struct arena *arena, struct token **out, size_t *count_out) MUST_CHECK;
enum err token_remove(struct auth *a, uint64_t id) MUST_CHECK;

#endif
