/* net/conn_pack.c: COMPRESS=DEFLATE (RFC 4978) on a connection.
 *
 * (1) Output is deflated by the worker's own state, in bursts that stand by themselves: the connection has none.
 * (2) Input is inflated into the room that a turn has; at most one read's worth waits in `raw`.
 * (3) What the peer says behind the end of its stream is read only when the session ends COMPRESS.
 * (4) At rest an inflater that stands between two blocks keeps only the bytes that the peer may still refer to.
 */
#include "daemon/net/conn_pack.h"

#include <stdlib.h>

#include "daemon/net/deflate.h"

#define RAW_MAX (256u * 1024u) /* a read's worth, and what came early */
#define BURST (64u * 1024u)

enum err pack_begin(struct conn *c, struct span early)
{
	struct pack *p = calloc(1, sizeof *p);

	if (!p || inflater_new(&p->inflater)) {
		free(p);
		return ERR_TEMP;
	}
	buf_init(&p->raw, RAW_MAX);
	out_init(&p->packed);
	buf_add(&p->raw, early);
	c->pack = p;
	return p->raw.failed ? ERR_TEMP : ERR_OK;
}

void pack_free(struct pack **p)
{
	struct pack *gone = *p;

	*p = NULL;
	if (!gone)
		return;
	inflater_free(&gone->inflater);
	buf_clear(&gone->raw);
	out_clear(&gone->packed);
	free(gone);
}

bool pack_waits(const struct pack *p)
{
	return p->raw.len > 0 || inflater_is_full(p->inflater) || p->ended;
}

static void take_raw(struct pack *p, size_t used)
{
	if (used < p->raw.len)
		buf_drop(&p->raw, used);
	else
		buf_clear(&p->raw);
}

bool pack_inflate(struct pack *p, char *to, size_t size, size_t *count_out)
{
	struct span in = buf_span(&p->raw);
	size_t used;

	switch (inflater_run(p->inflater, in, &used, to, size, count_out)) {
	case INFLATED_SOME:
		if (in.len && !used && !*count_out)
			return false; /* it does not go on */
		break;
	case INFLATED_END: p->ended = true; break;
	case INFLATED_BAD: return false;
	}
	take_raw(p, used);
	return true;
}

bool pack_end(struct pack *p, bool *is_over_out)
{
	size_t used;

	*is_over_out = p->ended;
	if (p->ended)
		return true;
	switch (inflater_end(p->inflater, buf_span(&p->raw), &used)) {
	case INFLATED_SOME: break;
	case INFLATED_END: *is_over_out = true; break;
	case INFLATED_BAD: return false;
	}
	take_raw(p, used);
	return true;
}

enum err pack_deflate(struct worker *w, struct conn *c)
{
	if (!w->deflater && deflater_new(&w->deflater))
		return ERR_TEMP;
	return deflater_burst(w->deflater, &c->out, BURST, &c->pack->packed);
}

void pack_rest(struct pack *p)
{
	inflater_rest(p->inflater);
}
