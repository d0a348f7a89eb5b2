/* api/policy.h: who may call which operation: one table, route by role by scope. Internal to api/. */
#ifndef POSTROOM_API_POLICY_H
#define POSTROOM_API_POLICY_H

#include "api/operations.h"
#include "daemon/base/span.h"
#include "daemon/directory/directory.h"

/* Bits of `roles`. */
enum { MAY_ANYBODY = 1, /* without a login: nothing else is asked */
       MAY_USER = 2,
       MAY_AUDITOR = 4,
       MAY_DOMAIN_ADMIN = 8,
       MAY_ADMIN = 16,
       MAY_OWNER = 32 };

/* Bits of `demands`. */
enum { DEMAND_PROVEN = 1,    /* a session must have proven itself within five minutes */
       DEMAND_NO_TOKEN = 2,  /* sessions and the socket only */
       DEMAND_LOCAL = 4,     /* the socket only */
       DEMAND_ACCOUNT = 8 }; /* somebody with an account: not the socket */

struct policy {
	unsigned roles;
	const char *scope; /* that a token must have: "users:write"; null: none is needed */
	unsigned demands;
};
extern const struct policy policies[OP_COUNT];

unsigned policy_role_bit(enum role role);
bool policy_is_scope(struct span word);

#endif
