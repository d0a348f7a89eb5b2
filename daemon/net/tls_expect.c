/* net/tls_expect.c: reference identities and TLSA records, given to OpenSSL.
 *
 * With DANE the CA file counts for nothing: of the usages only DANE-TA and DANE-EE are taken, and their records are the only trust (RFC 7672 3.1).
 * OpenSSL prefers the strongest digest of each usage and selector (RFC 7671 9).
 */
#include "daemon/net/tls_expect.h"

/* OpenSSL has a type of the name of our ERR_STATE. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

#include "daemon/net/addr.h"

enum { DANE_TA = 2,
       DANE_EE = 3 };
enum { SELECT_CERT = 0,
       SELECT_SPKI = 1 };
enum { MATCH_FULL = 0,
       MATCH_SHA256 = 1,
       MATCH_SHA512 = 2 };

static bool is_certificate(struct span der)
{
	const unsigned char *at = (const unsigned char *)der.ptr;
	X509 *cert = d2i_X509(NULL, &at, (long)der.len);
	bool whole = cert && at == (const unsigned char *)der.ptr + der.len && X509_get0_pubkey(cert);

	X509_free(cert);
	return whole;
}

static bool is_public_key(struct span der)
{
	const unsigned char *at = (const unsigned char *)der.ptr;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)der.len);
	bool whole = key && at == (const unsigned char *)der.ptr + der.len;

	EVP_PKEY_free(key);
	return whole;
}

bool tls_tlsa_is_usable(const struct tls_tlsa *r)
{
	bool ok = false;

	if ((r->usage != DANE_TA && r->usage != DANE_EE) || r->selector > SELECT_SPKI || r->data.len == 0 || r->data.len > TLS_TLSA_DATA_MAX)
		return false;
	switch (r->matching) {
	case MATCH_FULL: ok = r->selector == SELECT_CERT ? is_certificate(r->data) : is_public_key(r->data); break;
	case MATCH_SHA256: ok = r->data.len == 32; break;
	case MATCH_SHA512: ok = r->data.len == 64; break;
	}
	ERR_clear_error();
	return ok;
}

static bool add_name(SSL *ssl, const char *name)
{
	struct net_addr ip;

	if (net_ip_parse(span_str(name), &ip) == ERR_OK)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
	return SSL_add1_host(ssl, name) == 1;
}

static bool add_names(SSL *ssl, const struct tls_expect *expect)
{
	if (expect->name_count == 0)
		return expect->sni && add_name(ssl, expect->sni);
	for (size_t i = 0; i < expect->name_count; i++)
		if (!add_name(ssl, expect->names[i]))
			return false;
	return true;
}

/* RFC 7672 3.2.3 lets a DANE-TA host have its name in the subject alone; where authorities sign, names have long been alternative names. */
static unsigned host_flags(enum tls_verify verify)
{
	return X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | (verify == TLS_VERIFY_DANE ? 0 : X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
}

static bool add_tlsa(SSL *ssl, const struct tls_expect *expect)
{
	size_t taken = 0;

	/* The base domain: SNI, and the first of the names (RFC 7672 8.1, 3.2.2). */
	if (!expect->sni || SSL_dane_enable(ssl, expect->sni) != 1)
		return false;
	for (size_t i = 0; i < expect->tlsa_count; i++) {
		const struct tls_tlsa *r = &expect->tlsa[i];

		if (tls_tlsa_is_usable(r) && SSL_dane_tlsa_add(ssl, r->usage, r->selector, r->matching, (const unsigned char *)r->data.ptr, r->data.len) == 1)
			taken++;
	}
	SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
	return taken > 0;
}

/* RFC 6066 3: literal addresses are not permitted in SNI; nor is what stands for one in mail. */
static bool is_host_name(const char *name)
{
	struct net_addr ip;

	return name && name[0] != '[' && net_ip_parse(span_str(name), &ip) != ERR_OK;
}

static bool set(SSL *ssl, const struct tls_expect *expect)
{
	bool has_sni = is_host_name(expect->sni);

	if (expect->verify == TLS_VERIFY_DANE) {
		if (!has_sni || !add_tlsa(ssl, expect))
			return false;
	} else if (has_sni && SSL_set_tlsext_host_name(ssl, expect->sni) != 1) {
		return false;
	}
	if (expect->verify == TLS_VERIFY_NONE)
		return true;
	SSL_set_verify(ssl, expect->verify == TLS_VERIFY_TRY ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	SSL_set_hostflags(ssl, host_flags(expect->verify));
	return add_names(ssl, expect);
}

enum err tls_expect_set(struct ssl_st *ssl, const struct tls_expect *expect)
{
	bool ok = set(ssl, expect);

	ERR_clear_error();
	return ok ? ERR_OK : ERR_SYNTAX;
}

enum tls_trouble tls_expect_trouble(const struct ssl_st *ssl)
{
	switch (SSL_get_verify_result(ssl)) {
	case X509_V_OK: return TLS_TROUBLE_NONE;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH: return TLS_TROUBLE_HOST_MISMATCH;
	case X509_V_ERR_CERT_NOT_YET_VALID:
	case X509_V_ERR_CERT_HAS_EXPIRED: return TLS_TROUBLE_EXPIRED;
	case X509_V_ERR_DANE_NO_MATCH: return TLS_TROUBLE_TLSA;
	default: return TLS_TROUBLE_NOT_TRUSTED; /* an OpenSSL integer, not an enum of ours */
	}
}
