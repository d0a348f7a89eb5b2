/* net/tls.h: TLS 1.2 and 1.3 over sockets: server and client handles.
 *
 * SSL_MODE_RELEASE_BUFFERS, no renegotiation, session cache off. The certificates of servers are in tls_store.h.
 */
#ifndef POSTROOM_NET_TLS_H
#define POSTROOM_NET_TLS_H

#include "daemon/net/tls_expect.h"
#include "daemon/net/tls_store.h"

struct tls; /* one connection; one thread at a time */

/* What the connection must wait for before the same call is made again. */
enum tls_want { TLS_DONE,
		TLS_WANT_READ,
		TLS_WANT_WRITE,
		TLS_CLOSED /* clean close by the peer */,
		TLS_FAILED };

enum err tls_server_new(struct tls_store *store, int fd, struct tls **out) MUST_CHECK;
enum tls_want tls_handshake(struct tls *t);
/* *count_out bytes read or written on TLS_DONE; more may wait inside: tls_has_pending(). Partial writes with moving buffers are allowed. */
enum tls_want tls_read(struct tls *t, char *to, size_t size, size_t *count_out);
enum tls_want tls_write(struct tls *t, struct span from, size_t *count_out);
bool tls_has_pending(const struct tls *t);
/* The last tls_read() asked the socket and took all there was: with nothing pending, another tls_read() would only find TLS_WANT_READ. */
bool tls_is_drained(const struct tls *t);
void tls_shutdown(struct tls *t); /* sends close_notify if it can at once */
const char *tls_version(const struct tls *t);
bool tls_own_is_self_signed(const struct tls *t); /* the certificate that we show; after the handshake */
const char *tls_cipher(const struct tls *t);
/* What an authentication can be tied to: tls-exporter (RFC 9266; TLS 1.3 only), and the server's certificate in the hash of its signature
 * (RFC 5929 section 4.1; at most 64 bytes). The bytes written; 0: there is no such thing here. After the handshake. */
#define TLS_EXPORTER_BYTES 32
#define TLS_END_POINT_MAX 64
size_t tls_exporter(const struct tls *t, uint8_t out[TLS_EXPORTER_BYTES]);
size_t tls_end_point(const struct tls *t, uint8_t out[TLS_END_POINT_MAX]);
void tls_free(struct tls **t); /* the descriptor stays the caller's */

/* Clients (relay, tests): one shared context. */
struct tls_client;
/* ca_file null: the system's. */
enum err tls_client_new(const char *ca_file, struct tls_client **out, struct note *why) MUST_CHECK;
void tls_client_free(struct tls_client **c);
/* ERR_SYNTAX: what is expected can't be (tls_expect.h). */
enum err tls_connect_new(struct tls_client *c, int fd, const struct tls_expect *expect, struct tls **out) MUST_CHECK;
bool tls_peer_verified(const struct tls *t); /* by the CA file or a TLSA record, and the name; after the handshake */
enum tls_trouble tls_trouble(const struct tls *t);
/* After a failed handshake or verification: why, in words ("certificate has expired"). */
void tls_explain(const struct tls *t, struct note *why);

/* Once per process, before threads. */
void tls_init(void);

#endif
