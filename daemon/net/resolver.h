/* net/resolver.h: DNS by libunbound's asynchronous context, validated; one thread serves all questions.
 *
 * A bogus answer is a temporary failure. Names are ASCII (A-labels), without the last dot.
 */
#ifndef POSTROOM_NET_RESOLVER_H
#define POSTROOM_NET_RESOLVER_H

#include "daemon/net/rdata.h"

enum dns_status { DNS_FOUND,
		  DNS_NO_DATA /* the name exists, this type does not */,
		  DNS_NO_NAME,
		  DNS_TEMP_FAILURE };

struct dns_answer {
	enum dns_status status;
	bool secure; /* validated by DNSSEC */
	bool bogus;  /* why it failed: the answer does not fit its signatures */
	int64_t ttl_s;
	size_t count;         /* records, at most DNS_MAX_RECORDS; more are cut off */
	struct span *records; /* RDATA in wire form, names uncompressed; owned by the answer */
	const char *alias_of; /* of DNS_FOUND: the name behind CNAMEs, without the last dot; null: the records are the asked name's own */
};

#define DNS_MAX_RECORDS 1000

struct resolver;
struct resolver_config {
	const char *mode;         /* "recursive", "system" or "ADDR@PORT" */
	const char *trust_anchor; /* file of DS or DNSKEY records; null: no validation */
};

/* Checks the mode text alone; for `config check`. */
enum err resolver_mode_check(struct span mode) MUST_CHECK;
enum err resolver_new(const struct resolver_config *config, struct resolver **out, struct note *why) MUST_CHECK;
void resolver_free(struct resolver **r); /* open questions are answered DNS_TEMP_FAILURE */

/* The callback runs on the resolver's thread and takes the answer (dns_answer_free). What cannot even be asked (too many questions, a name
 * too long) fails by callback before this returns: hold no lock that the callback takes. */
void resolver_ask(struct resolver *r, const char *name, enum dns_type type, void (*done)(void *arg, struct dns_answer *answer), void *arg);
/* Blocking, for relay threads; never null: past the deadline, or once stream_thread_cancel() has its way, it is DNS_TEMP_FAILURE. */
struct dns_answer *resolver_ask_wait(struct resolver *r, const char *name, enum dns_type type, int64_t timeout_ms);
void dns_answer_free(struct dns_answer **answer);

#endif
