/* net/deflate.h: compression (zlib): whole pieces (gzip), and both directions of a connection (raw DEFLATE, RFC 1951, as RFC 4978 uses it). */
#ifndef POSTROOM_NET_DEFLATE_H
#define POSTROOM_NET_DEFLATE_H

#include "daemon/net/out.h"

#define DEFLATE_FAST 1
#define DEFLATE_BEST 9

/* Adds `in` as one gzip member (RFC 1952) without a time or name: the same bytes give the same result. ERR_TEMP: no memory, or `out` is full. */
enum err deflate_gzip(struct span in, int level, struct buf *out) MUST_CHECK;

/* What a thread compresses with, for one connection after the other: each burst stands by itself, so that a connection keeps no state of it. */
struct deflater;
enum err deflater_new(struct deflater **out) MUST_CHECK;
void deflater_free(struct deflater **d);
/* Moves up to `max` bytes of `from`, file ranges too, to `to`; they end at a byte border, so that the other side has all of them.
 * ERR_TEMP: no memory, or a file is shorter than promised. */
enum err deflater_burst(struct deflater *d, struct out *from, size_t max, struct out *to) MUST_CHECK;

/* One connection's input. The peer chooses the window, so it may refer to the last 32 KiB that it has sent. */
struct inflater;
enum inflated { INFLATED_SOME, /* *used_out and *count_out say how much; both 0: it needs more input */
		INFLATED_END,  /* the stream says that it ends here */
		INFLATED_BAD };
enum err inflater_new(struct inflater **out) MUST_CHECK;
void inflater_free(struct inflater **f);
enum inflated inflater_run(struct inflater *f, struct span in, size_t *used_out, char *to, size_t size, size_t *count_out);
/* Nothing more is to come out: reads over what a sync flush leaves behind the last block, or what a final block has. INFLATED_END: done, *used_out bytes were of
 * it; INFLATED_SOME: more input is needed; INFLATED_BAD: something came out. */
enum inflated inflater_end(struct inflater *f, struct span in, size_t *used_out);
/* The last run filled all of `to`: more may be inside, also without input. */
bool inflater_is_full(const struct inflater *f);
/* Nothing is expected for a while: keeps no more than the bytes that the peer may refer to. */
void inflater_rest(struct inflater *f);

#endif
