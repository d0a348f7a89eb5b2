/* crypto/x509.h: making and reading certificates. */
#ifndef POSTROOM_CRYPTO_X509_H
#define POSTROOM_CRYPTO_X509_H

#include "daemon/base/buf.h"

/* A self-signed ECDSA P-256 certificate for the names (DNS names or IP addresses), valid from an hour ago for `days`. PEM into both buffers. */
enum err x509_self_signed(const char *const *names, size_t count, int days, struct buf *chain_pem, struct buf *key_pem, struct note *why) MUST_CHECK;

struct x509_info {
	int64_t not_before_ms, not_after_ms;
	bool self_signed;
	char subject[256];
	uint8_t sha256[32]; /* fingerprint of the leaf */
};
/* Reads the leaf and checks that the key belongs to it. ERR_SYNTAX. */
enum err x509_check(struct span chain_pem, struct span key_pem, struct x509_info *out, struct note *why) MUST_CHECK;
/* Is the leaf for this host, an A-label name or an address (RFC 9525 6: alternative names alone, "*" for one label)? False: `names` lists those it has. */
bool x509_covers(struct span chain_pem, struct span host, struct note *names);
/* Is there a private key among these blocks? A chain is shown to everybody. */
bool x509_holds_key(struct span pem);

#endif
