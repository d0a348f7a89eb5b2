/* net/tls_expect.h: what a client wants its server to show, and what came of it. Part of net/tls.h, which includes it. */
#ifndef POSTROOM_NET_TLS_EXPECT_H
#define POSTROOM_NET_TLS_EXPECT_H

#include "daemon/base/span.h"

struct ssl_st;

enum tls_verify { TLS_VERIFY_NONE,
		  TLS_VERIFY_TRY,  /* goes on whatever comes of it: tls_peer_verified() tells */
		  TLS_VERIFY_NAME, /* chain to the CA file and one of the names */
		  TLS_VERIFY_DANE /* one of the TLSA records (RFC 7672 3.1: DANE-EE without names and dates, DANE-TA with one of the names) */ };

#define TLS_TLSA_DATA_MAX 8192u /* a longer record is of no use */
struct tls_tlsa {
	uint8_t usage, selector, matching;
	struct span data;
};
struct tls_expect {
	enum tls_verify verify;
	const char *sni;          /* also the name, when `names` is empty; null: none is sent */
	const char *const *names; /* reference identities; ".example.net": any name below */
	size_t name_count;
	const struct tls_tlsa *tlsa; /* of DANE */
	size_t tlsa_count;
};
/* Why a handshake or its verification failed, as RFC 8460 section 4.3 sorts it. */
enum tls_trouble {
	TLS_TROUBLE_NONE,
	TLS_TROUBLE_HOST_MISMATCH, /* certificate-host-mismatch */
	TLS_TROUBLE_EXPIRED,       /* certificate-expired */
	TLS_TROUBLE_NOT_TRUSTED,   /* certificate-not-trusted */
	TLS_TROUBLE_TLSA,          /* validation-failure: no record fits */
	TLS_TROUBLE_OTHER,         /* validation-failure: no handshake */
};

/* Can a certificate be held against it: usage 2 or 3 (RFC 7672 3.1.3), selector and matching type known, data of their shape. */
bool tls_tlsa_is_usable(const struct tls_tlsa *r);
/* ERR_SYNTAX: not one of the TLSA records can be used, or a name can be no host's, or there is none to verify. */
enum err tls_expect_set(struct ssl_st *ssl, const struct tls_expect *expect) MUST_CHECK;
/* Of the certificate that was shown; TLS_TROUBLE_NONE: it was what was wanted, or there was none. */
enum tls_trouble tls_expect_trouble(const struct ssl_st *ssl);

#endif
