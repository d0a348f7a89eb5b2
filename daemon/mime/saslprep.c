/* mime/saslprep.c: mapping, NFKC, prohibition, bidirectional check, in the order of RFC 4013 section 2.
 *
 * RFC 8265's OpaqueString keeps compatibility characters apart (NFC); clients that speak SCRAM prepare by RFC 4013, and what
 * they prove must be what was stored.
 */
#include "daemon/mime/saslprep.h"

#include <stdlib.h>
#include <utf8proc.h>

struct range {
	utf8proc_int32_t first, last;
};

/* RFC 3454 C.1.2: to a space. */
static const struct range spaces[] = {
	{ 0xa0, 0xa0 },
	{ 0x1680, 0x1680 },
	{ 0x2000, 0x200b },
	{ 0x202f, 0x202f },
	{ 0x205f, 0x205f },
	{ 0x3000, 0x3000 },
};
/* B.1: to nothing. */
static const struct range nothing[] = {
	{ 0xad, 0xad },
	{ 0x34f, 0x34f },
	{ 0x1806, 0x1806 },
	{ 0x180b, 0x180d },
	{ 0x200c, 0x200d },
	{ 0x2060, 0x2060 },
	{ 0xfe00, 0xfe0f },
	{ 0xfeff, 0xfeff },
};
/* C.1.2, C.2.1, C.2.2, C.3, C.6, C.7, C.8, C.9, sorted; C.4 (no characters) by is_prohibited(), C.5 (surrogates) is no UTF-8. */
static const struct range prohibited[] = {
	{ 0x0, 0x1f },
	{ 0x7f, 0xa0 },
	{ 0x340, 0x341 },
	{ 0x6dd, 0x6dd },
	{ 0x70f, 0x70f },
	{ 0x1680, 0x1680 },
	{ 0x180e, 0x180e },
	{ 0x2000, 0x200f },
	{ 0x2028, 0x202f },
	{ 0x205f, 0x2063 },
	{ 0x206a, 0x206f },
	{ 0x2ff0, 0x2ffb },
	{ 0x3000, 0x3000 },
	{ 0xe000, 0xf8ff },
	{ 0xfeff, 0xfeff },
	{ 0xfff9, 0xfffd },
	{ 0x1d173, 0x1d17a },
	{ 0xe0001, 0xe0001 },
	{ 0xe0020, 0xe007f },
	{ 0xf0000, 0x10ffff },
};
#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static bool in_table(utf8proc_int32_t c, const struct range *table, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (c >= table[i].first && c <= table[i].last)
			return true;
	}
	return false;
}

static bool is_prohibited(utf8proc_int32_t c)
{
	return in_table(c, prohibited, COUNT(prohibited)) || (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe;
}

/* Callers have checked that it is UTF-8. */
static utf8proc_int32_t take(struct span *rest)
{
	utf8proc_int32_t c = 0;
	utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)rest->ptr, (utf8proc_ssize_t)rest->len, &c);

	*rest = span_skip(*rest, n > 0 ? (size_t)n : rest->len);
	return c;
}

static void map(struct span in, struct buf *out)
{
	while (in.len > 0) {
		struct span rest = in;
		utf8proc_int32_t c = take(&rest);

		if (in_table(c, spaces, COUNT(spaces)))
			buf_add_char(out, ' ');
		else if (!in_table(c, nothing, COUNT(nothing)))
			buf_add(out, span_take(in, in.len - rest.len));
		in = rest;
	}
}

/* RFC 3454 section 6: with a letter that runs right to left there is none that runs left to right, and such stand at both ends. */
static enum err check(struct span text)
{
	bool right = false, left = false, first_right = false, last_right = false;

	for (bool first = true; text.len > 0; first = false) {
		utf8proc_int32_t c = take(&text);
		utf8proc_propval_t class = utf8proc_get_property(c)->bidi_class;

		if (is_prohibited(c))
			return ERR_SYNTAX;
		last_right = class == UTF8PROC_BIDI_CLASS_R || class == UTF8PROC_BIDI_CLASS_AL;
		right = right || last_right;
		left = left || class == UTF8PROC_BIDI_CLASS_L;
		if (first)
			first_right = last_right;
	}
	return right && (left || !first_right || !last_right) ? ERR_SYNTAX : ERR_OK;
}

enum err saslprep(struct span in, struct buf *out)
{
	utf8proc_uint8_t *composed = NULL;
	utf8proc_ssize_t n;
	struct buf mapped;
	enum err e;

	if (!span_is_utf8(in))
		return ERR_SYNTAX;
	buf_init(&mapped, out->max);
	map(in, &mapped);
	n = mapped.failed ? UTF8PROC_ERROR_OVERFLOW : utf8proc_map((const utf8proc_uint8_t *)(mapped.ptr ? mapped.ptr : ""), (utf8proc_ssize_t)mapped.len, &composed, UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_COMPOSE);
	buf_wipe(&mapped);
	if (n < 0)
		return n == UTF8PROC_ERROR_NOMEM ? ERR_TEMP : ERR_LIMIT;
	e = check(span_make((const char *)composed, (size_t)n));
	if (e == ERR_OK)
		buf_add(out, span_make((const char *)composed, (size_t)n));
	explicit_bzero(composed, (size_t)n);
	free(composed);
	return e == ERR_OK && out->failed ? ERR_LIMIT : e;
}
