/* bench/wire.h: a client's connection, blocking, plain or TLS; every wait ends after WIRE_SECONDS. */
#ifndef POSTROOM_BENCH_WIRE_H
#define POSTROOM_BENCH_WIRE_H

#include "daemon/base/span.h"

#define WIRE_SECONDS 60

struct wire;

/* To 127.0.0.1; null when it cannot be had. */
struct wire *wire_open(unsigned port, bool tls);
/* Around an accepted socket, which it closes; null (and closed) when out of memory. */
struct wire *wire_adopt(int fd);
void wire_close(struct wire **w);
bool wire_send(struct wire *w, struct span bytes);
bool wire_sendf(struct wire *w, const char *format, ...) PRINTF_LIKE(2, 3);
/* Without CRLF, valid until the next call; false at the end or an error. */
bool wire_line(struct wire *w, struct span *out);
bool wire_skip(struct wire *w, size_t bytes);
/* All bytes that came, for rates. */
uint64_t wire_received(const struct wire *w);
/* Gives the buffer back: for connections that only stand there. */
void wire_rest(struct wire *w);

#endif
