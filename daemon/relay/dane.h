/* relay/dane.h: the TLSA records of a host (RFC 7672 2.2). */
#ifndef POSTROOM_RELAY_DANE_H
#define POSTROOM_RELAY_DANE_H

#include "daemon/base/arena.h"
#include "daemon/relay/tls_plan.h"

struct resolver;

enum dane_state {
	DANE_NONE,     /* securely absent, or without DNSSEC */
	DANE_USABLE,   /* at least one record to hold a certificate against */
	DANE_UNUSABLE, /* records, but none that we can use: TLS it must be, whoever it is (RFC 7672 2.2) */
	DANE_FAILED    /* bogus, or no answer: it is not known whether there are any */
};
struct dane {
	enum dane_state state;
	const char *base; /* domain where they were found; the caller's text */
	struct tls_tlsa tlsa[PLAN_TLSA_MAX];
	size_t count;
	bool bogus; /* of FAILED */
};

/* base: the host behind its CNAMEs, if those are secure; `second`: before them, asked when there is nothing at the first (RFC 7672 2.2.2); null: none.
 * Data in the arena. */
void dane_find(struct resolver *r, uint16_t port, const char *base, const char *second, struct arena *a, struct dane *out);
/* "3 1 1 0a1b...", lines. In the arena. */
struct span dane_text(const struct tls_tlsa *records, size_t count, struct arena *a);

#endif
