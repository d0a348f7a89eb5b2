/* api/reach.h: whom a caller reaches, kept for work that outlives the call. Internal to api/. */
#ifndef POSTROOM_API_REACH_H
#define POSTROOM_API_REACH_H

#include "api/call.h"

struct reach {
	enum role role;
	bool all_domains, by_token, proven;
	struct span *domains; /* in the arena that reach_copy() was given */
	size_t domain_count;
};

enum err reach_copy(const struct api_call *c, struct arena *a, struct reach *out) MUST_CHECK;
bool reach_has(const struct reach *r, struct span domain);
/* What user_may_manage() says. */
bool reach_manages(const struct reach *r, enum role of);
/* Only owners give roles, and not with a token. */
bool reach_gives_roles(const struct reach *r);

#endif
