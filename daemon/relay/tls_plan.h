/* relay/tls_plan.h: what TLS one host of one domain must show: DANE (RFC 7672), MTA-STS (RFC 8461), REQUIRETLS (RFC 8689), an administrator's rule.
 *
 * Decided while the route is found, before anything is connected to. Order: relay host's own policy; rule of the domain; DANE where the MX set and the
 * host's addresses are DNSSEC-secure and there are usable TLSA records (a bogus or failed TLSA answer: the host is put off, 4.7.5); else MTA-STS; else chance.
 */
#ifndef POSTROOM_RELAY_TLS_PLAN_H
#define POSTROOM_RELAY_TLS_PLAN_H

#include "daemon/net/tls.h"
#include "daemon/relay/limits.h"

struct failure;
struct relay;
struct relay_job;

enum tls_demand {
	DEMAND_PLAIN,     /* no STARTTLS at all */
	DEMAND_NOTHING,   /* TLS when it can be had, whoever it is; plain when the handshake fails */
	DEMAND_ENCRYPTED, /* TLS, whoever it is */
	DEMAND_VERIFIED,  /* a trusted certificate for one of the names */
	DEMAND_DANE,
};
enum tls_policy_kind { POLICY_NONE,
		       POLICY_DANE,
		       POLICY_STS,
		       POLICY_RULE,
		       POLICY_RELAY_HOST };

#define PLAN_TLSA_MAX 16
#define PLAN_NAMES_MAX 16
struct tls_plan {
	enum tls_demand demand;
	enum tls_policy_kind kind;         /* where it comes from */
	bool sts_testing;                  /* MTA-STS in testing mode: verification is tried and told of, never demanded */
	bool sts_enforced;                 /* REQUIRETLS (RFC 8689 4.2.1) wants DNSSEC or MTA-STS behind the MX's name */
	bool mx_secure;                    /* the MX set came with DNSSEC */
	bool mx_unlisted;                  /* MTA-STS in testing mode, and it does not name this host: the session counts as failed */
	bool tlsa_unusable;                /* there are TLSA records, and none that can be used: as well */
	const char *names[PLAN_NAMES_MAX]; /* reference identities, in the job's arena; of DANE the TLSA base domain first (RFC 7672 8.1). None: the host */
	size_t name_count;
	struct tls_tlsa tlsa[PLAN_TLSA_MAX]; /* usable ones */
	size_t tlsa_count;
	struct span policy, policy_mx; /* for reports: policy-string and mx-host, lines; in the job's arena */
};

/* Makes the plans of one job's hosts. */
struct planner {
	struct relay *relay;
	const struct relay_job *job;
	bool mx_secure;
	const char *domain_alias;     /* where CNAMEs led that the MX set was found behind; null */
	const struct tls_plan *fixed; /* one for all hosts: an administrator's, or none is to be looked for */
	const struct tls_plan *sts;   /* null: not asked for yet */
	struct span sts_mx;           /* its patterns, lines */
};
struct plan_host {
	const char *host;
	const char *alias_of; /* where its CNAMEs led; null: it is itself */
	bool secure;          /* its addresses came with DNSSEC */
};
/* Behind the answer to MX. */
void planner_begin(struct planner *p, struct relay *r, const struct relay_job *job, bool mx_secure, const char *domain_alias);
/* In the job's arena; null: the host must not be used now, `why` says so. Asks the DNS, and may wait for a policy to be fetched (STS_FETCH_MS). */
const struct tls_plan *planner_host(struct planner *p, const struct plan_host *host, struct failure *why);

#endif
