/* ops/certificates.h: the certificates of control.db in the TLS store; a self-signed one where there is none. */
#ifndef POSTROOM_OPS_CERTIFICATES_H
#define POSTROOM_OPS_CERTIFICATES_H

#include "daemon/base/span.h"

struct directory;
struct tls_store;

/* Loads all, the host name's first. When the host name has none, or a self-signed one with less than 30 days left, makes one
 * for two years and keeps it. Blocking on the local disk. */
enum err certificates_load(struct directory *d, struct tls_store *store, struct note *why) MUST_CHECK;

#endif
