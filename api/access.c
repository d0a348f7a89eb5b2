/* api/access.c: who calls, and may they? The table is in policy.c. */
#include "api/access.h"

#include "api/policy.h"

bool access_identify(struct api_call *c)
{
	struct caller *who = &c->caller;

	*who = (struct caller){ .kind = CALLER_NOBODY, .role = ROLE_USER };
	if (c->request->caller == API_LOCAL_OWNER) {
		*who = (struct caller){ .kind = CALLER_LOCAL, .role = ROLE_OWNER, .proven = true, .all_domains = true, .via = SPAN("socket") };
		who->name = arena_printf(&c->arena, "%.*s", (int)c->request->local_name.len, c->request->local_name.ptr ? c->request->local_name.ptr : "");
	}
	return true;
}

bool access_judge(struct api_call *c)
{
	if ((policies[c->operation].roles & MAY_ANYBODY) || c->caller.kind != CALLER_NOBODY)
		return true;
	call_reply_problem(c, 401, "not_authenticated", NULL, "log in, or send a token");
	return false;
}
