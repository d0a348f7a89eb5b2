/* net/conn_pack.h: a connection whose bytes are DEFLATE both ways (RFC 4978), beneath the session and above TLS (internal to net). */
#ifndef POSTROOM_NET_CONN_PACK_H
#define POSTROOM_NET_CONN_PACK_H

#include "daemon/net/conn.h"

struct pack {
	struct inflater *inflater;
	struct buf raw;    /* came from the peer and is not inflated yet; empty at rest */
	struct out packed; /* deflated, on its way to the peer */
	bool ended;        /* the peer's stream has said that it ends */
};

/* `early` has come in the same read as the command: it is DEFLATE already. */
enum err pack_begin(struct conn *c, struct span early) MUST_CHECK;
void pack_free(struct pack **p);

/* Is there input that can be inflated without reading? */
bool pack_waits(const struct pack *p);
/* Inflates at most `size` bytes: what a bomb blows up to is taken a piece at a time, and stays in the few bytes that it came in. False: it is no DEFLATE. */
bool pack_inflate(struct pack *p, char *to, size_t size, size_t *count_out) MUST_CHECK;
/* The peer's last line has been taken. Is what is left in `raw` said as it is? Else more has to be read. False: the peer goes on with DEFLATE. */
bool pack_end(struct pack *p, bool *is_over_out) MUST_CHECK;
/* Deflates some of the connection's output. */
enum err pack_deflate(struct worker *w, struct conn *c) MUST_CHECK;
/* Gives back what an idle connection does without. */
void pack_rest(struct pack *p);

#endif
