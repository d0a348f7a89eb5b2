/* The request head checker and the chunked decoder: whatever they accept is framed in one way only. */
#include <stdint.h>
#include <stdlib.h>

#include "webui/chunked.h"
#include "webui/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	enum err e;
	size_t used, body;
	uint32_t sum;
};

/* The body in parts of `step` bytes. */
static struct outcome decode(struct span in, size_t step)
{
	struct chunked c = { 0 };
	struct outcome o = { ERR_STATE, 0, 0, 0 };

	while (o.e == ERR_STATE && o.used < in.len) {
		struct span data, part = span_take(span_make(in.ptr + o.used, in.len - o.used), step);
		size_t used = 0;

		o.e = chunked_step(&c, part, &used, &data);
		if (used == 0 || used > part.len || data.len > used)
			abort();
		for (size_t i = 0; i < data.len; i++)
			o.sum = o.sum * 31 + (unsigned char)data.ptr[i];
		o.body += data.len;
		o.used += used;
	}
	if (c.extensions > CHUNKED_EXTENSIONS_MAX + 1 || c.trailers > CHUNKED_TRAILERS_MAX + 1)
		abort();
	return o;
}

static void check_body(struct span in)
{
	struct outcome whole = decode(in, in.len), bytes = decode(in, 1);

	if (whole.e != bytes.e || whole.used != bytes.used || whole.body != bytes.body || whole.sum != bytes.sum)
		abort();
}

static void check_written(const struct head *head, struct span in)
{
	struct head again;
	struct buf out;

	buf_init(&out, 2 * HEAD_MAX_BYTES);
	head_write(head, in, &out);
	/* A host and a path that were one target may stand over the limit of a head. */
	if (head_check(buf_span(&out), &again) == HEAD_OK) {
		if (again.absolute || again.length != out.len || again.content_length != head->content_length || again.chunked != head->chunked || again.target.ptr[0] != '/')
			abort();
	} else if (out.len < HEAD_MAX_BYTES && head->target.len < HEAD_MAX_TARGET && !head->absolute) {
		abort();
	}
	buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_make((const char *)data, size);
	struct head head, shorter;

	if (head_check(in, &head) != HEAD_OK) {
		check_body(in);
		return 0;
	}
	if (head.length > size || head.length < 16 || head.method.len == 0 || (!head.absolute && head.target.ptr[0] != '/') || (head.chunked && head.content_length > 0))
		abort();
	/* Complete means: neither a byte less nor the bytes behind it change the verdict. */
	if (head_check(span_take(in, head.length - 1), &shorter) != HEAD_INCOMPLETE)
		abort();
	if (head_check(span_take(in, head.length), &shorter) != HEAD_OK || shorter.content_length != head.content_length || shorter.chunked != head.chunked)
		abort();
	check_written(&head, in);
	if (head.chunked)
		check_body(span_make(in.ptr + head.length, in.len - head.length));
	return 0;
}
