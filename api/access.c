/* api/access.c: who calls, and may they? The table is in policy.c.
 *
 * (1) A token goes before a cookie; one that is none is an answer, not somebody else.
 * (2) A cookie alone proves nothing for a change: the CSRF token must come with it, and no other site may ask.
 * (3) A token that names domains makes its owner no more than an admin of these domains.
 */
#include "api/access.h"

#include <stdlib.h>

#include "api/limits.h"
#include "api/policy.h"
#include "api/reply.h"
#include "daemon/auth/token.h"
#include "daemon/auth/web_session.h"
#include "daemon/crypto/digest.h"

#define REFUSED_S 60

/* ---- who ---- */

static int compare_spans(const void *a, const void *b)
{
	return span_compare(*(const struct span *)a, *(const struct span *)b);
}

static bool is_among(struct span domain, const struct span *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (span_equals(list[i], domain))
			return true;
	return false;
}

/* Sorted, without what `among` (null: all) does not hold. */
static void take_domains(struct api_call *c, const struct span *from, size_t count, const struct token *among)
{
	struct caller *who = &c->caller;
	struct span *list = arena_array(&c->arena, count ? count : 1, sizeof *list);

	for (size_t i = 0; list && i < count; i++)
		if (!among || is_among(from[i], among->domains, among->domain_count))
			list[who->domain_count++] = arena_copy(&c->arena, from[i]);
	if (list && who->domain_count > 1)
		qsort(list, who->domain_count, sizeof *list, compare_spans);
	who->domains = list;
}

/* What a role reaches, and of that what the token leaves. */
static void reach(struct api_call *c, const struct account *account, const struct token *token)
{
	struct caller *who = &c->caller;
	bool granted_only = account->role == ROLE_DOMAIN_ADMIN;

	who->token_limited = token && token->domain_count > 0;
	who->all_domains = !granted_only && !who->token_limited && account->role != ROLE_USER;
	if (who->token_limited && (account->role == ROLE_OWNER || account->role == ROLE_ADMIN))
		who->role = ROLE_DOMAIN_ADMIN;
	if (granted_only)
		take_domains(c, account->granted, account->granted_count, who->token_limited ? token : NULL);
	else if (who->token_limited)
		take_domains(c, token->domains, token->domain_count, NULL);
}

static bool become(struct api_call *c, enum caller_kind kind, uint64_t account_id, const struct token *token)
{
	const struct snapshot *s = directory_hold(c->context->directory);
	const struct account *account = snapshot_account(s, account_id);
	bool found = account && !account->disabled && !account->is_shared;

	if (found) {
		c->caller.kind = kind;
		c->caller.account_id = account_id;
		c->caller.role = account->role;
		c->caller.name = arena_copy(&c->arena, account->address);
		reach(c, account, token);
	}
	snapshot_release(&s);
	return found;
}

static bool no_token(struct api_call *c)
{
	if (!limits_take(c, false))
		return false;
	call_reply_problem(c, 401, "not_authenticated", NULL, "the token is not valid here");
	return false;
}

static bool by_token(struct api_call *c)
{
	struct span given = c->request->authorization, scheme;
	struct token *token = arena_alloc(&c->arena, sizeof *token);
	enum err e;

	if (!token || !span_split(&given, ' ', &scheme) || !span_iequals(scheme, SPAN("bearer")))
		return no_token(c);
	e = token_check(c->context->auth, span_trim(given), &c->request->peer, &c->arena, token);
	if (e == ERR_LIMIT) {
		call_reply_problem(c, 429, "refused", NULL, "too many wrong tokens came from your network");
		reply_retry_after(c, REFUSED_S);
		return false;
	}
	if (e == ERR_TEMP) {
		call_reply_error(c, e, NULL);
		return false;
	}
	if (e != ERR_OK || !become(c, CALLER_TOKEN, token->account_id, token))
		return no_token(c);
	c->caller.token_id = token->id;
	c->caller.proven = true; /* a step-up is a matter of people */
	c->caller.via = arena_printf(&c->arena, "token %llu (%.*s)", (unsigned long long)token->id, (int)token->label.len, token->label.ptr ? token->label.ptr : "");
	c->token = token;
	return true;
}

/* A cookie that has run out is nobody: logging in must stay possible. */
static bool by_cookie(struct api_call *c)
{
	struct web_session session;
	enum err e = web_session_check(c->context->auth, c->request->cookie, &c->request->peer, &c->arena, &session);

	if (e == ERR_TEMP) {
		call_reply_error(c, e, NULL);
		return false;
	}
	if (e == ERR_OK && become(c, CALLER_SESSION, session.account_id, NULL)) {
		c->caller.session_id = session.id;
		c->caller.proven = session.proven;
		c->caller.via = SPAN("session");
	}
	return true;
}

bool access_identify(struct api_call *c)
{
	const struct api_request *q = c->request;

	c->caller = (struct caller){ .kind = CALLER_NOBODY, .role = ROLE_USER };
	if (q->caller == API_LOCAL_OWNER) {
		c->caller = (struct caller){ .kind = CALLER_LOCAL, .role = ROLE_OWNER, .proven = true, .all_domains = true, .via = SPAN("socket") };
		c->caller.name = q->local_name.len > 0 ? arena_copy(&c->arena, q->local_name) : SPAN("local");
		return true;
	}
	if (q->authorization.len > 0)
		return c->context->auth ? by_token(c) : no_token(c);
	return q->cookie.len == 0 || !c->context->auth || by_cookie(c);
}

/* ---- may they ---- */

static bool is_safe(const struct api_call *c)
{
	return span_equals(c->request->method, SPAN("GET"));
}

static bool csrf_holds(struct api_call *c)
{
	struct buf wanted;
	bool holds;

	if (is_safe(c) || c->caller.kind == CALLER_TOKEN || c->caller.kind == CALLER_LOCAL)
		return true;
	if (c->request->cross_site)
		return false;
	if (c->caller.kind == CALLER_NOBODY)
		return true;
	buf_init(&wanted, 128);
	web_session_csrf(c->context->auth, c->request->cookie, &wanted);
	holds = !wanted.failed && wanted.len > 0 && wanted.len == c->request->csrf.len && crypto_equals(wanted.ptr, c->request->csrf.ptr, wanted.len);
	buf_wipe(&wanted);
	return holds;
}

static bool scope_holds(const struct api_call *c, const char *scope)
{
	return c->caller.kind != CALLER_TOKEN || !scope || is_among(span_str(scope), c->token->scopes, c->token->scope_count);
}

static bool role_holds(const struct api_call *c, const struct policy *p)
{
	/* What belongs to no domain is out of reach for a token of some domains. */
	if (c->caller.token_limited && c->caller.role == ROLE_AUDITOR && !(p->roles & MAY_DOMAIN_ADMIN))
		return false;
	return (p->roles & policy_role_bit(c->caller.role)) != 0;
}

static bool demands_hold(struct api_call *c, const struct policy *p)
{
	enum caller_kind kind = c->caller.kind;

	if ((p->demands & DEMAND_NO_TOKEN) && kind == CALLER_TOKEN)
		call_reply_problem(c, 403, "not_allowed", NULL, "no token may do this: log in");
	else if ((p->demands & DEMAND_LOCAL) && kind != CALLER_LOCAL)
		call_reply_problem(c, 403, "not_allowed", NULL, "this is for the admin socket only");
	else if ((p->demands & DEMAND_ACCOUNT) && kind == CALLER_LOCAL)
		call_reply_problem(c, 403, "no_account", NULL, "the admin socket has no account of its own");
	else if ((p->demands & DEMAND_PROVEN) && !c->caller.proven)
		call_reply_problem(c, 403, "step_up_required", NULL, "show again who you are: POST /api/v1/session:prove");
	else
		return true;
	return false;
}

bool access_judge(struct api_call *c)
{
	const struct policy *p = &policies[c->operation];

	if (!csrf_holds(c)) {
		call_reply_problem(c, 403, "csrf", NULL, "X-CSRF-Token is not the session's, or another site asks");
		return false;
	}
	if (p->roles & MAY_ANYBODY)
		return true;
	if (c->caller.kind == CALLER_NOBODY) {
		call_reply_problem(c, 401, "not_authenticated", NULL, "log in, or send a token");
		return false;
	}
	if (!role_holds(c, p)) {
		call_reply_problem(c, 403, "not_allowed", NULL, "your role may not do this");
		return false;
	}
	if (!demands_hold(c, p))
		return false;
	if (scope_holds(c, p->scope))
		return true;
	call_reply_problem(c, 403, "scope_missing", NULL, "the token needs the scope %s", p->scope);
	return false;
}
