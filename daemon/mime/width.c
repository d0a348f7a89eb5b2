/* mime/width.c: wcwidth(3) without a locale. */
#include "daemon/mime/width.h"

#include <utf8proc.h>

static size_t decode(struct span text, utf8proc_int32_t *c)
{
	utf8proc_ssize_t len = utf8proc_iterate((const utf8proc_uint8_t *)text.ptr, (utf8proc_ssize_t)text.len, c);

	if (len > 0)
		return (size_t)len;
	*c = 0xfffd;
	return 1;
}

static size_t columns_of(utf8proc_int32_t c)
{
	int width = utf8proc_charwidth(c);

	return width > 0 ? (size_t)width : 0;
}

size_t width_columns(struct span text)
{
	utf8proc_int32_t c;
	size_t columns = 0;

	while (text.len > 0) {
		text = span_skip(text, decode(text, &c));
		columns += columns_of(c);
	}
	return columns;
}

struct span width_take(struct span text, size_t columns)
{
	struct span rest = text;
	utf8proc_int32_t c;

	while (rest.len > 0) {
		size_t len = decode(rest, &c), width = columns_of(c);

		if (width > columns)
			break;
		columns -= width;
		rest = span_skip(rest, len);
	}
	return span_take(text, text.len - rest.len);
}

struct span width_character(struct span text, bool *obeyed_out)
{
	utf8proc_int32_t c;
	size_t len = decode(text, &c);
	utf8proc_category_t category = utf8proc_category(c);

	*obeyed_out = category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_CF || category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP ||
		      category == UTF8PROC_CATEGORY_CN || category == UTF8PROC_CATEGORY_CO || c == 0xfffd;
	return span_take(text, len);
}
