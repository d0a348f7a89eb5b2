/* net/deflate.c: the one file that knows zlib. */
#include "daemon/net/deflate.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#define WINDOW_GZIP (15 + 16) /* deflateInit2(): 16 more says gzip */
#define MEMORY_LEVEL 8
#define WINDOW_RAW (-15)      /* negative: no header, no checksum */
#define WINDOW_RAW_OURS (-13) /* with the memory level: some 64 KiB a thread */
#define MEMORY_LEVEL_OURS 6
#define LEVEL_OURS 3
#define PIECE_BYTES 16384u

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

struct deflater {
	z_stream z;
	char input[PIECE_BYTES], output[PIECE_BYTES];
};

enum err deflater_new(struct deflater **out)
{
	struct deflater *d = calloc(1, sizeof *d);

	if (!d || deflateInit2(&d->z, LEVEL_OURS, Z_DEFLATED, WINDOW_RAW_OURS, MEMORY_LEVEL_OURS, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(d);
		return ERR_TEMP;
	}
	*out = d;
	return ERR_OK;
}

void deflater_free(struct deflater **d)
{
	struct deflater *gone = *d;

	*d = NULL;
	if (!gone)
		return;
	deflateEnd(&gone->z);
	free(gone);
}

static void push(struct deflater *d, struct span in, int flush, struct out *to)
{
	d->z.next_in = (Bytef *)(uintptr_t)in.ptr;
	d->z.avail_in = (uInt)in.len;
	do {
		d->z.next_out = (Bytef *)d->output;
		d->z.avail_out = PIECE_BYTES;
		if (deflate(&d->z, flush) == Z_STREAM_ERROR)
			out_fail(to);
		out_add(to, span_make(d->output, PIECE_BYTES - d->z.avail_out));
	} while (d->z.avail_out == 0 && !to->failed);
}

/* It begins with an empty window: it never refers to what was sent before. */
enum err deflater_burst(struct deflater *d, struct out *from, size_t max, struct out *to)
{
	if (deflateReset(&d->z) != Z_OK)
		return ERR_TEMP;
	for (size_t done = 0; done < max && from->first;) {
		struct span part = out_peek(from, d->input, PIECE_BYTES);

		if (!part.len)
			return ERR_TEMP;
		part = span_take(part, max - done);
		push(d, part, Z_NO_FLUSH, to);
		out_drop(from, part.len);
		done += part.len;
	}
	push(d, SPAN(""), Z_SYNC_FLUSH, to);
	return from->failed || to->failed ? ERR_TEMP : ERR_OK;
}

struct inflater {
	z_stream z;
	bool awake; /* z holds a state; else `history` is all there is to know */
	bool full;
	size_t passed; /* bytes that inflater_end() has read over */
	char *history; /* the end of what came, up to a window */
	size_t history_len;
};

enum err inflater_new(struct inflater **out)
{
	*out = calloc(1, sizeof **out);
	return *out ? ERR_OK : ERR_TEMP;
}

void inflater_free(struct inflater **f)
{
	struct inflater *gone = *f;

	*f = NULL;
	if (!gone)
		return;
	if (gone->awake)
		inflateEnd(&gone->z);
	free(gone->history);
	free(gone);
}

static bool wake(struct inflater *f)
{
	if (f->awake)
		return true;
	f->z = (z_stream){ 0 };
	if (inflateInit2(&f->z, WINDOW_RAW) != Z_OK)
		return false;
	f->awake = true;
	if (f->history_len && inflateSetDictionary(&f->z, (const Bytef *)f->history, (uInt)f->history_len) != Z_OK)
		return false;
	free(f->history);
	f->history = NULL;
	f->history_len = 0;
	return true;
}

/* Right behind a block, as data_type tells (zlib.h), that ends with a line: the line may be the last that is compressed. */
static bool is_behind_line(const struct inflater *f, const char *to)
{
	return (f->z.data_type & 128) && (char *)f->z.next_out > to && f->z.next_out[-1] == '\n';
}

enum inflated inflater_run(struct inflater *f, struct span in, size_t *used_out, char *to, size_t size, size_t *count_out)
{
	int result;

	*used_out = *count_out = 0;
	if (in.len > UINT_MAX || size > UINT_MAX || !wake(f))
		return INFLATED_BAD;
	f->z.next_in = (Bytef *)(uintptr_t)in.ptr;
	f->z.avail_in = (uInt)in.len;
	f->z.next_out = (Bytef *)to;
	f->z.avail_out = (uInt)size;
	do
		result = inflate(&f->z, Z_BLOCK);
	while (result == Z_OK && f->z.avail_in && f->z.avail_out && !is_behind_line(f, to));
	*used_out = in.len - f->z.avail_in;
	*count_out = size - f->z.avail_out;
	f->full = f->z.avail_out == 0;
	switch (result) {
	case Z_OK:
	case Z_BUF_ERROR: return INFLATED_SOME; /* no progress was possible: it needs more */
	case Z_STREAM_END: return INFLATED_END;
	default: return INFLATED_BAD; /* an integer of zlib, not an enum of ours */
	}
}

/* A sync flush leaves an empty block without compression, LEN and NLEN of which are 4 bytes at a byte border (RFC 1951 3.2.4). */
enum inflated inflater_end(struct inflater *f, struct span in, size_t *used_out)
{
	char nothing[1];
	bool is_over = false;
	int result = Z_OK;

	*used_out = 0;
	if (in.len > UINT_MAX || !wake(f))
		return INFLATED_BAD;
	f->z.next_in = (Bytef *)(uintptr_t)in.ptr;
	f->z.avail_in = (uInt)in.len;
	f->z.next_out = (Bytef *)nothing;
	f->z.avail_out = sizeof nothing;
	while (result == Z_OK && !is_over && f->z.avail_in && f->z.avail_out) {
		uInt before = f->z.avail_in;

		result = inflate(&f->z, Z_BLOCK);
		f->passed += before - f->z.avail_in;
		is_over = f->passed >= 4 && f->z.data_type == 128;
	}
	*used_out = in.len - f->z.avail_in;
	f->full = false;
	if (!f->z.avail_out || (result != Z_OK && result != Z_BUF_ERROR && result != Z_STREAM_END))
		return INFLATED_BAD;
	return is_over || result == Z_STREAM_END ? INFLATED_END : INFLATED_SOME;
}

bool inflater_is_full(const struct inflater *f)
{
	return f->full;
}

/* inflate() tells where it stands in data_type: 128 alone is right behind a block, with no bit left over (zlib.h). */
void inflater_rest(struct inflater *f)
{
	uInt len = 0;

	if (!f->awake || f->full || f->z.data_type != 128 || inflateGetDictionary(&f->z, NULL, &len) != Z_OK)
		return;
	if (len) {
		f->history = malloc(len);
		if (!f->history)
			return;
		(void)inflateGetDictionary(&f->z, (Bytef *)f->history, &len);
		f->history_len = len;
	}
	inflateEnd(&f->z);
	f->awake = false;
}
