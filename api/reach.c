/* api/reach.c: whom a caller reaches, kept for work that outlives the call. */
#include "api/reach.h"

#include "daemon/directory/role.h"

enum err reach_copy(const struct api_call *c, struct arena *a, struct reach *out)
{
	*out = (struct reach){ .role = c->caller.role, .all_domains = c->caller.all_domains, .by_token = c->caller.kind == CALLER_TOKEN, .proven = c->caller.proven, .domain_count = c->caller.domain_count };
	out->domains = arena_array(a, out->domain_count, sizeof(*out->domains));
	for (size_t i = 0; i < out->domain_count && out->domains; i++)
		out->domains[i] = arena_copy(a, c->caller.domains[i]);
	return a->failed ? ERR_LIMIT : ERR_OK;
}

bool reach_has(const struct reach *r, struct span domain)
{
	if (r->all_domains)
		return true;
	for (size_t i = 0; i < r->domain_count; i++)
		if (span_equals(r->domains[i], domain))
			return true;
	return false;
}

bool reach_manages(const struct reach *r, enum role of)
{
	if (of == ROLE_USER)
		return true;
	return !r->by_token && role_manages(r->role, of);
}

bool reach_gives_roles(const struct reach *r)
{
	return r->role == ROLE_OWNER && !r->by_token;
}
