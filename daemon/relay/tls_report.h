/* relay/tls_report.h: how TLS went, counted in the shape that reports need (RFC 8460 section 4): one row a day, policy domain and policy, with its failures.
 *
 * Counts are gathered in memory and written to relay.db each minute and at the end.
 */
#ifndef POSTROOM_RELAY_TLS_REPORT_H
#define POSTROOM_RELAY_TLS_REPORT_H

#include "daemon/net/addr.h"
#include "daemon/relay/ledger.h"
#include "daemon/relay/relay.h"

#define TLS_REPORT_DAYS 60
#define TLS_FAILURES_MAX 1000

/* "policies[].summary" and "policies[].policy" of a day. */
struct tls_summary {
	int64_t day;             /* unix time / 86400, UTC */
	struct span domain;      /* policy-domain */
	struct span policy_type; /* "tlsa", "sts", "no-policy-found" */
	struct span policy;      /* policy-string, lines */
	struct span mx;          /* mx-host, lines */
	uint64_t successes, failures;
};
/* "failure-details". */
struct tls_failure {
	struct span policy_type; /* of which policy it is a detail */
	struct span result_type; /* "starttls-not-supported", "certificate-expired", "dnssec-invalid", "sts-policy-fetch-error"... */
	struct span sending_ip, mx_host, mx_ip, reason;
	uint64_t count;
};
/* Newest day first, then by domain; behind `after_day`, `after_domain` (0 and empty: from the first). `domain` empty: all. In the arena. The policies of one
 * day and domain stay together: there may be a few more than `limit`. */
enum err tls_summaries(struct relay *r, struct span domain, int64_t after_day, struct span after_domain, size_t limit, struct arena *a, struct tls_summary **out, size_t *count_out) MUST_CHECK;
/* The most frequent first, TLS_FAILURES_MAX at most. */
enum err tls_failures(struct relay *r, int64_t day, struct span domain, struct arena *a, struct tls_failure **out, size_t *count_out) MUST_CHECK;

/* ---- of this room ---- */

struct tls_note {
	struct span domain; /* of the policy: of the recipients */
	const char *policy_type;
	struct span policy, mx;
	bool success;
	const char *result_type; /* of a failure */
	struct net_addr sending, mx_addr;
	const char *mx_host;
	struct span reason;
};
/* One session that was tried. A copy; never a wait. */
void tls_report_note(struct relay *r, const struct tls_note *note);

struct tls_report;
enum err tls_report_new(struct ledger *ledger, struct tls_report **out) MUST_CHECK;
void tls_report_free(struct tls_report **t);
/* Writes what was noted, and removes what is too old. */
void tls_report_turn(struct tls_report *t);

#endif
