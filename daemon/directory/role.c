/* directory/role.c: see the header. */
#include "daemon/directory/role.h"

bool role_manages(enum role by, enum role of)
{
	switch (by) {
	case ROLE_OWNER: return true;
	case ROLE_ADMIN: return of != ROLE_OWNER;
	case ROLE_DOMAIN_ADMIN: return of == ROLE_USER;
	case ROLE_USER:
	case ROLE_AUDITOR: return false;
	}
	return false;
}

static bool reaches(const struct account *by, struct span domain)
{
	return by->role != ROLE_DOMAIN_ADMIN || span_in_sorted(domain, by->granted, by->granted_count);
}

bool account_manages(const struct account *by, const struct account *of)
{
	size_t at;

	if (by->disabled || !role_manages(by->role, of->role))
		return false;
	for (at = of->address.len; at > 0 && of->address.ptr[at - 1] != '@';)
		at--;
	return reaches(by, span_skip(of->address, at));
}
