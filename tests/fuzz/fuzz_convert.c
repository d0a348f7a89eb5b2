/* Any message, converted for a server without 8BITMIME or BINARYMIME: 7-bit, only whole line ends, the size that was announced, and no more to convert. */
#include <stdlib.h>

#include "daemon/base/buf.h"
#include "daemon/relay/convert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OUT_MAX (8u << 20)

static enum err read_span(void *arg, uint64_t offset, char *to, size_t size, size_t *count_out)
{
	const struct span *message = arg;
	struct span rest = span_take(span_skip(*message, offset), size);

	if (rest.len > 0)
		memcpy(to, rest.ptr, rest.len);
	*count_out = rest.len;
	return ERR_OK;
}

static enum err collect(void *arg, struct span bytes)
{
	buf_add(arg, bytes);
	return ERR_OK;
}

static void check_lines(struct span out, bool keep_8bit)
{
	for (size_t i = 0; i < out.len; i++) {
		char c = out.ptr[i];

		if (c == '\0' || (!keep_8bit && (c & 0x80)))
			abort();
		if (c == '\n' && (i == 0 || out.ptr[i - 1] != '\r'))
			abort();
		if (c == '\r' && (i + 1 == out.len || out.ptr[i + 1] != '\n'))
			abort();
	}
}

/* Once more there is nothing to do. */
static void check_done(struct span out, bool keep_8bit)
{
	struct convert_source from = { read_span, &out };
	struct convert *c;
	struct note why;

	if (convert_begin(&from, keep_8bit, false, &c, &why) != ERR_OK || c)
		abort();
}

static void convert(struct span message, bool keep_8bit)
{
	struct convert_source from = { read_span, &message };
	struct convert *c;
	struct note why;
	struct buf out;
	uint64_t size;

	if (convert_begin(&from, keep_8bit, true, &c, &why) != ERR_OK || !c)
		return;
	buf_init(&out, OUT_MAX);
	if (convert_size(c, &size) != ERR_OK || convert_write(c, collect, &out) != ERR_OK || out.failed || out.len != size)
		abort();
	check_lines(buf_span(&out), keep_8bit);
	check_done(buf_span(&out), keep_8bit);
	buf_clear(&out);
	convert_end(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span message = span_make((const char *)data, size);

	convert(message, false);
	convert(message, true);
	return 0;
}
