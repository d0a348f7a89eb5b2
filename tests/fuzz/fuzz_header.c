/* Header sections: fields tile the section, decoding gives UTF-8. */
#include <stdlib.h>

#include "daemon/mime/header.h"
#include "daemon/mime/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_texts(struct span in)
{
	static const char *const charsets[] = { "utf-8", "iso-2022-jp", "gb18030", "utf-7", "utf-16", "big5-hkscs", "euc-kr", "x", "iso-8859-2" };
	static const char *const encodings[] = { "base64", "quoted-printable", "8bit" };
	struct buf out;

	for (size_t i = 0; i < sizeof(charsets) / sizeof(charsets[0]); i++) {
		buf_init(&out, i % 2 ? 100 : 100000);
		text_decode_charset(span_str(charsets[i]), in, &out);
		if (out.failed || !span_is_utf8(buf_span(&out)))
			abort();
		buf_clear(&out);
	}
	for (size_t i = 0; i < 3; i++) {
		buf_init(&out, 1000);
		text_decode_transfer(span_str(encodings[i]), in, &out);
		if (out.failed || out.len > in.len)
			abort();
		buf_clear(&out);
	}
	buf_init(&out, 4000);
	text_casemap(in, &out);
	if (out.failed || !span_is_utf8(buf_span(&out)))
		abort();
	buf_reset(&out);
	(void)!text_nfc(in, &out);
	buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_make((const char *)data, size), rest = in;
	struct header_field field;
	struct arena a;
	size_t length = header_length(in), sum = 0;

	arena_init(&a, 64u << 20);
	while (header_next(&rest, &field)) {
		struct span value = header_unfold(&a, field.value), decoded;

		sum += field.whole.len;
		if (!value.ptr || memchr(value.ptr, '\n', value.len))
			abort();
		decoded = header_decode(&a, value);
		if (!decoded.ptr || !span_is_utf8(decoded))
			abort();
		if (header_count(in, field.name) == 0)
			abort();
	}
	if (length < sum || length > sum + 2 || rest.len != size - sum)
		abort();
	(void)header_decode(&a, in);
	check_texts(in);
	arena_clear(&a);
	return 0;
}
