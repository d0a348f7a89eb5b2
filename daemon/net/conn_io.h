/* net/conn_io.h: bytes between a connection and its socket, through TLS or not (internal to net). */
#ifndef POSTROOM_NET_CONN_IO_H
#define POSTROOM_NET_CONN_IO_H

#include "daemon/net/conn.h"

enum io { IO_DONE,
	  IO_BLOCKED, /* an event will tell */
	  IO_MORE,    /* enough for one turn */
	  IO_EOF,
	  IO_FAILED };

/* IO_DONE: *count_out > 0 bytes. Clears `readable` when nothing more can be there. */
/* With compression it may be none, when *wire_out bytes came that say nothing yet. */
/* From here on what comes is DEFLATE, and what is said; and what came with the command. */
enum io conn_begin_pack(struct worker *w, struct conn *c);
/* From here on it is not, when the peer's last block is whole: until then it wants to be called again. */
enum io conn_end_pack(struct worker *w, struct conn *c);
enum io conn_read(struct worker *w, struct conn *c, char *to, size_t size, size_t *count_out, size_t *wire_out);
/* Writes the chain, IO_DONE when it is empty. */
enum io conn_flush(struct worker *w, struct conn *c, size_t *count_out);
/* What is there beneath TLS; it stays in the socket. Clears `readable` when nothing is. */
enum io conn_peek(struct conn *c, char *to, size_t size, size_t *count_out);
/* Throws input away beneath TLS: IO_BLOCKED when the socket is empty. */
enum io conn_discard(struct conn *c, char *scratch, size_t size, size_t *count_out);

#endif
