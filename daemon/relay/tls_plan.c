/* relay/tls_plan.c: see tls_plan.h.
 *
 * (1) What is not known for lack of an answer is not taken for absent: a host whose TLSA look-up failed is put off (RFC 7672 2.1, 2.2).
 * (2) DANE goes before MTA-STS, whatever becomes of it (RFC 8461 2); MTA-STS is not asked for where each host has DANE.
 */
#include "daemon/relay/tls_plan.h"

#include "daemon/directory/directory.h"
#include "daemon/net/resolver.h"
#include "daemon/relay/dane.h"
#include "daemon/relay/inside.h"
#include "daemon/relay/result.h"
#include "daemon/relay/sts.h"
#include "daemon/relay/tls_report.h"

/* RFC 8689 4.2.1: a certificate that is verified, whatever else would have been enough. */
static void raise_demand(const struct planner *p, struct tls_plan *plan)
{
	if (!p->job->require_tls || plan->demand == DEMAND_VERIFIED || plan->demand == DEMAND_DANE)
		return;
	plan->demand = DEMAND_VERIFIED;
	plan->sts_testing = plan->mx_unlisted = false;
}

static struct tls_plan *new_plan(const struct planner *p, enum tls_policy_kind kind, enum tls_demand demand)
{
	struct tls_plan *plan = arena_alloc(p->job->arena, sizeof(*plan));

	if (!plan)
		return NULL;
	plan->kind = kind;
	plan->demand = demand;
	plan->mx_secure = p->mx_secure;
	raise_demand(p, plan);
	return plan;
}

static const struct tls_plan *no_memory(struct failure *why)
{
	failure_ours(why, RELAY_RETRY, "4.3.0", "no memory");
	return NULL;
}

/* A stop waits for one question to the DNS, not for the next as well. */
static bool is_stopping(const struct planner *p, struct failure *why)
{
	if (!relay_is_cancelled(p->relay))
		return false;
	failure_ours(why, RELAY_RETRY, "4.3.2", "this server is stopping");
	return true;
}

/* ---- what an administrator says ---- */

static const struct tls_plan *plan_of_relay_host(const struct planner *p, enum relay_tls tls)
{
	static const enum tls_demand demands[] = {
		[RELAY_TLS_NONE] = DEMAND_PLAIN,
		[RELAY_TLS_OPPORTUNISTIC] = DEMAND_NOTHING,
		[RELAY_TLS_REQUIRED] = DEMAND_VERIFIED,
		[RELAY_TLS_ENCRYPTED] = DEMAND_ENCRYPTED,
	};

	return new_plan(p, POLICY_RELAY_HOST, demands[tls]);
}

static const struct tls_plan *plan_of_rule(const struct planner *p, const struct tls_rule *rule)
{
	static const enum tls_demand demands[] = {
		[TLS_RULE_NONE] = DEMAND_PLAIN,
		[TLS_RULE_MAY] = DEMAND_NOTHING,
		[TLS_RULE_ENCRYPT] = DEMAND_ENCRYPTED,
		[TLS_RULE_VERIFY] = DEMAND_VERIFIED,
	};
	struct tls_plan *plan = new_plan(p, POLICY_RULE, demands[rule->mode]);

	for (size_t i = 0; plan && plan->demand == DEMAND_VERIFIED && i < rule->name_count && i < PLAN_NAMES_MAX; i++) {
		if (span_cstr(p->job->arena, rule->names[i], &plan->names[i]) != ERR_OK)
			return NULL;
		plan->name_count++;
	}
	return plan;
}

void planner_begin(struct planner *p, struct relay *r, const struct relay_job *job, bool mx_secure, const char *domain_alias)
{
	bool literal = job->domain.len > 0 && job->domain.ptr[0] == '[';

	*p = (struct planner){ .relay = r, .job = job, .mx_secure = mx_secure, .domain_alias = domain_alias };
	if (job->via)
		p->fixed = plan_of_relay_host(p, job->via->tls);
	else if (job->rule)
		p->fixed = plan_of_rule(p, job->rule);
	else if (literal || (job->tls_optional && !job->require_tls)) /* RFC 8689 section 5: with both the header says nothing */
		p->fixed = new_plan(p, POLICY_NONE, DEMAND_NOTHING);
}

/* ---- reports ---- */

/* A session that there will be none of. */
static void note_failure(const struct planner *p, const char *policy_type, struct span policy, struct span mx, const char *result_type, const char *host, struct span reason)
{
	const struct tls_note note = {
		.domain = p->job->domain,
		.policy_type = policy_type,
		.policy = policy,
		.mx = mx,
		.result_type = result_type,
		.mx_host = host,
		.reason = reason,
	};

	if (!relay_is_probe(p->job))
		tls_report_note(p->relay, &note);
}

/* ---- DANE ---- */

static bool add_name(const struct planner *p, struct tls_plan *plan, struct span name)
{
	for (size_t i = 0; i < plan->name_count; i++)
		if (span_iequals(span_str(plan->names[i]), name))
			return true;
	if (plan->name_count >= PLAN_NAMES_MAX || span_cstr(p->job->arena, name, &plan->names[plan->name_count]) != ERR_OK)
		return false;
	plan->name_count++;
	return true;
}

static const struct tls_plan *plan_of_records(const struct planner *p, const struct dane *dane, const char *host, struct failure *why)
{
	struct tls_plan *plan = new_plan(p, POLICY_DANE, DEMAND_DANE);

	if (!plan)
		return no_memory(why);
	memcpy(plan->tlsa, dane->tlsa, dane->count * sizeof(dane->tlsa[0]));
	plan->tlsa_count = dane->count;
	plan->policy = dane_text(dane->tlsa, dane->count, p->job->arena);
	plan->policy_mx = arena_copy(p->job->arena, span_str(host));
	/* RFC 7672 3.2.2: the base domain, and the next-hop domain before and behind its CNAMEs. */
	if (!add_name(p, plan, span_str(dane->base)) || !add_name(p, plan, p->job->domain) || (p->domain_alias && !add_name(p, plan, span_str(p->domain_alias))))
		return no_memory(why);
	return plan;
}

/* RFC 7672 2.2.2: where CNAMEs lead out of the signed zone, the host's own name may still have records, if the CNAME itself is signed. */
static bool is_secure_alias(const struct planner *p, const struct plan_host *host)
{
	struct dns_answer *answer = resolver_ask_wait(p->relay->config.resolver, host->host, DNS_CNAME, RELAY_DNS_MS);
	bool secure = answer->status == DNS_FOUND && answer->secure;

	dns_answer_free(&answer);
	return secure;
}

static void find_records(const struct planner *p, const struct plan_host *host, struct dane *out)
{
	struct resolver *resolver = p->relay->config.resolver;
	uint16_t port = p->relay->config.port;

	out->state = DANE_NONE;
	if (!p->mx_secure)
		return;
	if (host->secure)
		dane_find(resolver, port, host->alias_of ? host->alias_of : host->host, host->alias_of ? host->host : NULL, p->job->arena, out);
	else if (host->alias_of && is_secure_alias(p, host))
		dane_find(resolver, port, host->host, NULL, p->job->arena, out);
}

/* ---- MTA-STS ---- */

static bool ask_sts(struct planner *p)
{
	struct sts_policy policy;
	struct sts_trouble trouble = { 0 };
	struct tls_plan *plan;

	if (p->sts)
		return true;
	if (!p->relay->sts || !sts_find(p->relay->sts, p->job->domain, p->job->arena, &policy, &trouble)) {
		p->sts = new_plan(p, POLICY_NONE, DEMAND_NOTHING);
	} else {
		plan = new_plan(p, POLICY_STS, policy.mode == STS_ENFORCE ? DEMAND_VERIFIED : DEMAND_NOTHING);
		p->sts = plan;
		p->sts_mx = policy.mx;
		if (plan) {
			plan->sts_enforced = policy.mode == STS_ENFORCE;
			plan->sts_testing = policy.mode == STS_TESTING && plan->demand == DEMAND_NOTHING;
			plan->policy = policy.text;
			plan->policy_mx = policy.mx;
		}
	}
	if (trouble.result_type)
		note_failure(p, "sts", p->sts ? p->sts->policy : SPAN(""), p->sts_mx, trouble.result_type, "", span_str(trouble.reason));
	return p->sts != NULL;
}

/* RFC 8461 4.1, 5: a host that an enforced policy does not name gets nothing. */
static const struct tls_plan *plan_of_sts(struct planner *p, const char *host, struct failure *why)
{
	struct tls_plan *copy;

	if (is_stopping(p, why))
		return NULL;
	if (!ask_sts(p))
		return no_memory(why);
	if (p->sts->kind != POLICY_STS || sts_matches(p->sts_mx, span_str(host)))
		return p->sts;
	if (p->sts->sts_enforced) {
		note_failure(p, "sts", p->sts->policy, p->sts->policy_mx, "validation-failure", host, SPAN("the policy does not name the host"));
		failure_ours(why, RELAY_RETRY, "4.7.5", "%s: the domain's MTA-STS policy does not name this host", host);
		return NULL;
	}
	copy = new_plan(p, POLICY_STS, DEMAND_NOTHING);
	if (!copy)
		return no_memory(why);
	*copy = *p->sts;
	copy->mx_unlisted = copy->sts_testing;
	return copy;
}

/* ---- all of it ---- */

/* TLS it must be then, and whatever an enforced policy adds (RFC 7672 2.2). */
static const struct tls_plan *plan_of_unusable(struct planner *p, const char *host, struct failure *why)
{
	const struct tls_plan *sts = plan_of_sts(p, host, why);
	struct tls_plan *plan;

	if (!sts || sts->demand == DEMAND_VERIFIED) {
		note_failure(p, "tlsa", SPAN(""), span_str(host), "tlsa-invalid", host, SPAN("no TLSA record can be used"));
		return sts;
	}
	plan = new_plan(p, POLICY_DANE, DEMAND_ENCRYPTED);
	if (!plan)
		return no_memory(why);
	plan->tlsa_unusable = true;
	return plan;
}

const struct tls_plan *planner_host(struct planner *p, const struct plan_host *host, struct failure *why)
{
	struct dane dane;

	if (p->fixed)
		return p->fixed;
	if (p->job->via || p->job->rule)
		return no_memory(why);
	if (is_stopping(p, why))
		return NULL;
	find_records(p, host, &dane);
	switch (dane.state) {
	case DANE_USABLE: return plan_of_records(p, &dane, host->host, why);
	case DANE_UNUSABLE: return plan_of_unusable(p, host->host, why);
	case DANE_NONE: return plan_of_sts(p, host->host, why);
	case DANE_FAILED: break;
	}
	note_failure(p, "tlsa", SPAN(""), span_str(host->host), "dnssec-invalid", host->host, dane.bogus ? SPAN("the TLSA answer is bogus") : SPAN("no answer about TLSA records"));
	failure_ours(why, RELAY_RETRY, "4.7.5", "%s: %s", host->host, dane.bogus ? "the DNS answer about TLSA records fails DNSSEC validation" : "the look-up of TLSA records failed");
	return NULL;
}
