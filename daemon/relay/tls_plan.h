/* relay/tls_plan.h: what TLS one host of one domain must show: DANE (RFC 7672), MTA-STS (RFC 8461), REQUIRETLS (RFC 8689), an administrator's rule.
 *
 * Decided while the route is found, before anything is connected to. Order: relay host's own policy; rule of the domain; DANE where the MX set and the
 * host's addresses are DNSSEC-secure and there are usable TLSA records (a bogus or failed TLSA answer: the host is put off, 4.7.5); else MTA-STS; else chance.
 */
#ifndef POSTROOM_RELAY_TLS_PLAN_H
#define POSTROOM_RELAY_TLS_PLAN_H

#include "daemon/net/tls.h"
#include "daemon/relay/limits.h"

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
	const char *names[PLAN_NAMES_MAX]; /* in the job's arena */
	size_t name_count;
	struct tls_tlsa tlsa[PLAN_TLSA_MAX];
	size_t tlsa_count;
};

#endif
