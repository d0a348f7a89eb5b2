/* net/deflate.h: compression (zlib). */
#ifndef POSTROOM_NET_DEFLATE_H
#define POSTROOM_NET_DEFLATE_H

#include "daemon/base/buf.h"

#define DEFLATE_FAST 1
#define DEFLATE_BEST 9

/* Adds `in` as one gzip member (RFC 1952) without a time or name: the same bytes give the same result. ERR_TEMP: no memory, or `out` is full. */
enum err deflate_gzip(struct span in, int level, struct buf *out) MUST_CHECK;

#endif
