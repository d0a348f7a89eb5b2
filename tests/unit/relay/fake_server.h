/* unit/relay/fake_server.h: an SMTP server that follows a script, on loopback, in a thread. */
#ifndef POSTROOM_UNIT_FAKE_SERVER_H
#define POSTROOM_UNIT_FAKE_SERVER_H

#include "daemon/base/buf.h"
#include "daemon/net/addr.h"

struct tls_store;

/* One script a connection, in order; lines of it:
 *   "> text"   send text and CRLF            ">! text" without CRLF
 *   "< prefix" the next line read must begin so
 *   "data"     read until the final dot, keep it
 *   "chunk"    read a BDAT command and its bytes, keep them
 *   "tls"      handshake                    "try tls"  one that may fail
 *   "some"     read whatever comes, once
 *   "late"     290 s pass on the fake clock
 *   "wait"     read until the peer closes
 * The connection is closed at the end of its script. A line that differs is noted in `wrong`. */
struct fake_server;
struct fake_server *fake_server_start(const char *ip, uint16_t port, const char *const *const *scripts, struct tls_store *tls);
struct net_addr fake_server_addr(const struct fake_server *s);
/* Blocks until the first connection is there. */
void fake_server_wait_connected(struct fake_server *s);
/* Waits for the thread; what was read as data, and the first difference ("" none). Free both with buf_clear(). */
void fake_server_end(struct fake_server **s, struct buf *data_out, struct buf *wrong_out);

#endif
