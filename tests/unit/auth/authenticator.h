/* A software authenticator: keys, attestation objects and assertions as WebAuthn has them. */
#ifndef POSTROOM_TESTS_AUTH_AUTHENTICATOR_H
#define POSTROOM_TESTS_AUTH_AUTHENTICATOR_H

#include "daemon/base/buf.h"
#include "daemon/crypto/verify.h"

struct evp_pkey_st;

struct authenticator {
	enum verify_kind kind;
	struct evp_pkey_st *key;
	uint8_t credential[32];
	uint32_t sign_count;
	uint8_t flags; /* user present and verified, unless changed */
	const char *rp_id;
};

void authenticator_init(struct authenticator *a, enum verify_kind kind);
void authenticator_clear(struct authenticator *a);

/* All add to `out`. */
void authenticator_cose_key(const struct authenticator *a, struct buf *out);
void authenticator_client_data(const char *type, const char *origin, struct span challenge, struct buf *out);
void authenticator_attestation(const struct authenticator *a, struct buf *out);
/* Counts on first, when it counts. */
void authenticator_assert(struct authenticator *a, struct span client_data, struct buf *auth_data, struct buf *signature);

#endif
