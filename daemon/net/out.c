/* net/out.c: output on its way to the peer.
 *
 * (1) memory_bytes and pending_bytes are the sums over the chain; a piece in the chain is never empty.
 * (2) Small replies share a block, so that a turn's answers leave in one write.
 * (3) A drained chain holds no block: an idle connection keeps nothing here.
 */
#include "daemon/net/out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#define BLOCK_FIRST 1000u /* a greeting, a few replies */
#define BLOCK_NEXT 16300u

struct out_file {
	atomic_uint references;
	int fd;
};

struct out_piece {
	struct out_piece *next;
	struct out_file *file; /* null: memory */
	uint64_t start, end;   /* what is left: offsets in bytes[], or in the file */
	size_t size;           /* of bytes[] */
	char bytes[];
};

enum err out_file_open(const char *path, struct out_file **out)
{
	struct out_file *f = malloc(sizeof(*f));

	if (!f)
		return ERR_TEMP;
	f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (f->fd < 0) {
		enum err e = errno == ENOENT ? ERR_NOT_FOUND : ERR_TEMP;

		free(f);
		return e;
	}
	atomic_init(&f->references, 1);
	*out = f;
	return ERR_OK;
}

void out_file_release(struct out_file **file)
{
	struct out_file *f = *file;

	*file = NULL;
	if (!f || atomic_fetch_sub_explicit(&f->references, 1, memory_order_acq_rel) != 1)
		return;
	close(f->fd);
	free(f);
}

void out_init(struct out *o)
{
	*o = (struct out){ 0 };
}

static void drop_first(struct out *o)
{
	struct out_piece *p = o->first;

	o->first = p->next;
	if (!o->first)
		o->last = NULL;
	if (p->file)
		out_file_release(&p->file);
	free(p);
}

void out_clear(struct out *o)
{
	while (o->first)
		drop_first(o);
	out_init(o);
}

void out_fail(struct out *o)
{
	o->failed = true;
}

static struct out_piece *add_piece(struct out *o, size_t size)
{
	struct out_piece *p = malloc(sizeof(*p) + size);

	if (!p) {
		o->failed = true;
		return NULL;
	}
	*p = (struct out_piece){ .size = size };
	if (o->last)
		o->last->next = p;
	else
		o->first = p;
	o->last = p;
	return p;
}

void out_add(struct out *o, struct span s)
{
	struct out_piece *p = o->last;

	if (o->failed || s.len == 0)
		return;
	if (s.len > OUT_MAX - o->memory_bytes) {
		o->failed = true;
		return;
	}
	o->memory_bytes += s.len;
	o->pending_bytes += s.len;
	if (p && !p->file) {
		struct span head = span_take(s, p->size - p->end);

		if (head.len > 0)
			memcpy(p->bytes + p->end, head.ptr, head.len);
		p->end += head.len;
		s = span_skip(s, head.len);
		if (s.len == 0)
			return;
	}
	size_t block = p ? BLOCK_NEXT : BLOCK_FIRST;

	p = add_piece(o, s.len > block ? s.len : block);
	if (!p)
		return;
	memcpy(p->bytes, s.ptr, s.len);
	p->end = s.len;
}

void out_addf(struct out *o, const char *format, ...)
{
	char small[512], *text = small;
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(small, sizeof(small), format, args);
	va_end(args);
	if (len >= (int)sizeof(small)) {
		text = (size_t)len < OUT_MAX ? malloc((size_t)len + 1) : NULL;
		if (text) {
			va_start(args, format);
			len = vsnprintf(text, (size_t)len + 1, format, args);
			va_end(args);
		}
	}
	if (len < 0 || !text)
		o->failed = true;
	else
		out_add(o, span_make(text, (size_t)len));
	if (text != small)
		free(text);
}

void out_add_file(struct out *o, struct out_file *file, uint64_t offset, uint64_t length)
{
	struct out_piece *p;
	uint64_t end;

	if (o->failed || length == 0)
		return;
	if (__builtin_add_overflow(offset, length, &end) || end > INT64_MAX || !(p = add_piece(o, 0))) {
		o->failed = true;
		return;
	}
	atomic_fetch_add_explicit(&file->references, 1, memory_order_relaxed);
	p->file = file;
	p->start = offset;
	p->end = end;
	o->pending_bytes += length;
}

static bool read_range(const struct out_piece *p, char *to, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t got = pread(p->file->fd, to + done, size - done, (off_t)(p->start + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return true;
}

struct span out_peek(struct out *o, char *scratch, size_t scratch_size)
{
	const struct out_piece *p = o->first;
	size_t len = 0;

	if (o->failed || !p)
		return span_make(NULL, 0);
	if (!p->file && (!p->next || p->end - p->start >= scratch_size))
		return span_make(p->bytes + p->start, (size_t)(p->end - p->start));
	for (; p && len < scratch_size; p = p->next) {
		uint64_t left = p->end - p->start;
		size_t part = left < scratch_size - len ? (size_t)left : scratch_size - len;

		if (!p->file) {
			memcpy(scratch + len, p->bytes + p->start, part);
		} else if (!read_range(p, scratch + len, part)) {
			o->failed = true;
			return span_make(NULL, 0);
		}
		len += part;
	}
	return span_make(scratch, len);
}

void out_drop(struct out *o, size_t count)
{
	while (count > 0 && o->first) {
		struct out_piece *p = o->first;
		uint64_t left = p->end - p->start;
		size_t part = left < count ? (size_t)left : count;

		p->start += part;
		count -= part;
		o->pending_bytes -= part;
		if (!p->file)
			o->memory_bytes -= part;
		if (p->start == p->end)
			drop_first(o);
	}
}

unsigned out_vector(const struct out *o, struct iovec *to, unsigned max)
{
	unsigned count = 0;

	for (struct out_piece *p = o->first; p && !p->file && count < max; p = p->next)
		to[count++] = (struct iovec){ p->bytes + p->start, (size_t)(p->end - p->start) };
	return count;
}

bool out_front_file(const struct out *o, int *fd_out, uint64_t *offset_out, uint64_t *length_out)
{
	const struct out_piece *p = o->first;

	if (!p || !p->file)
		return false;
	*fd_out = p->file->fd;
	*offset_out = p->start;
	*length_out = p->end - p->start;
	return true;
}
