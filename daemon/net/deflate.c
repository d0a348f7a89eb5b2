/* net/deflate.c: the one file that knows zlib. */
#include "daemon/net/deflate.h"

#include <limits.h>
#include <zlib.h>

#define WINDOW_GZIP (15 + 16) /* deflateInit2(): 16 more says gzip */
#define MEMORY_LEVEL 8

enum err deflate_gzip(struct span in, int level, struct buf *out)
{
	z_stream z = { 0 };
	enum err e = ERR_TEMP;
	uLong bound;
	char *to;

	if (in.len > UINT_MAX / 2 || deflateInit2(&z, level, Z_DEFLATED, WINDOW_GZIP, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
		return ERR_TEMP;
	bound = deflateBound(&z, in.len);
	to = buf_reserve(out, bound);
	if (to) {
		z.next_in = (Bytef *)(uintptr_t)in.ptr;
		z.avail_in = (uInt)in.len;
		z.next_out = (Bytef *)to;
		z.avail_out = (uInt)bound;
		if (deflate(&z, Z_FINISH) == Z_STREAM_END) {
			buf_grew(out, z.total_out);
			e = ERR_OK;
		}
	}
	deflateEnd(&z);
	return e;
}
