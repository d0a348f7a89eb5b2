/* net/tls_store.h: the certificates of all listeners, chosen by SNI.
 *
 * The store is swapped whole while running; connections keep the contexts they began with by reference count.
 * Session tickets are sealed with keys that are rotated and live in memory only.
 */
#ifndef POSTROOM_NET_TLS_STORE_H
#define POSTROOM_NET_TLS_STORE_H

#include "daemon/base/span.h"

struct tls_identity {
	struct span chain_pem, key_pem; /* names are read from the certificate */
};

struct tls_store;
/* Empty: handshakes fail until the first tls_store_set(). */
enum err tls_store_new(struct tls_store **out) MUST_CHECK;
/* After the last connection made from it. */
void tls_store_free(struct tls_store **store);
/* Replaces all; identities[0] serves unknown and missing SNI. On error nothing has changed. Thread-safe. */
enum err tls_store_set(struct tls_store *store, const struct tls_identity *identities, size_t count, struct note *why) MUST_CHECK;

/* For tls.c: a server handle, and the set of contexts that must outlive it. ERR_STATE while the store is empty. */
struct ssl_st;
struct tls_set;
enum err tls_store_ssl(struct tls_store *store, struct ssl_st **ssl_out, struct tls_set **set_out) MUST_CHECK;
void tls_set_release(struct tls_set **set);

#endif
