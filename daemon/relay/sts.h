/* relay/sts.h: MTA-STS policies of other domains (RFC 8461): found, fetched, kept as long as they say.
 *
 * All that hold are in memory, and in relay.db for the next start. A domain without the TXT record is never asked for a policy; one with a new id is waited
 * for, STS_FETCH_MS at most; what stays the same is fetched anew once a day, and before it ends, without anybody waiting.
 */
#ifndef POSTROOM_RELAY_STS_H
#define POSTROOM_RELAY_STS_H

#include "daemon/base/arena.h"
#include "daemon/relay/ledger.h"
#include "daemon/relay/relay.h"
#include "daemon/relay/sts_parse.h"

#define STS_FETCH_MS 60000
#define STS_AGAIN_MS 300000     /* a fetch that failed is not repeated before (RFC 8461 3.3) */
#define STS_REFRESH_MS 86400000 /* RFC 8461 10.2: once a day */
#define STS_POLICIES_MAX 10000
#define STS_BYTES_MAX (16u * 1024u * 1024u)

struct sts;
struct sts_policy {
	enum sts_mode mode; /* TESTING or ENFORCE */
	struct span mx;     /* patterns, lines; for sts_matches() */
	struct span text;   /* the policy, lines, without mx: for reports */
};
/* Why the domain's policy could not be had now, as RFC 8460 section 4.3.2.2 names it. */
struct sts_trouble {
	const char *result_type; /* "sts-policy-fetch-error", "sts-policy-invalid", "sts-webpki-invalid"; null: nothing is wrong */
	char reason[200];
};

/* Both outlive it; config->fetcher null: only what is known already. */
enum err sts_new(const struct relay_config *config, struct ledger *ledger, struct sts **out) MUST_CHECK;
/* No fetch begins any more, nobody waits for one. The fetcher must have been freed since. */
void sts_cancel(struct sts *s);
void sts_free(struct sts **s);
/* The policy that holds for the domain (A-labels), in the arena. False: none that asks for anything. Blocks for the DNS, and for a fetch where it must. */
bool sts_find(struct sts *s, struct span domain, struct arena *a, struct sts_policy *out, struct sts_trouble *trouble_out);
/* Writes what is new; begins to fetch what ends within a day. */
void sts_turn(struct sts *s);

#endif
