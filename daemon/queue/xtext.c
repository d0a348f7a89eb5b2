/* queue/xtext.c: both ways of writing what a parameter of SMTP could not hold. */
#include "daemon/queue/xtext.h"

void xtext_encode(struct span text, struct buf *out)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c < 0x21 || c > 0x7e || c == '+' || c == '=')
			buf_addf(out, "+%02X", c);
		else
			buf_add_char(out, (char)c);
	}
}

/* 16: none. The standard has upper case only. */
static unsigned digit(char c)
{
	if (ascii_is_digit(c))
		return (unsigned)(c - '0');
	return c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10 : 16;
}

void xtext_decode(struct span text, struct buf *out)
{
	for (size_t at = 0; at < text.len; at++) {
		char c = text.ptr[at];

		if (c == '+' && at + 2 < text.len && digit(text.ptr[at + 1]) < 16 && digit(text.ptr[at + 2]) < 16) {
			c = (char)(digit(text.ptr[at + 1]) << 4 | digit(text.ptr[at + 2]));
			at += 2;
		}
		buf_add_char(out, (unsigned char)c < 0x20 || (unsigned char)c >= 0x7f ? '?' : c);
	}
}

static unsigned code_point(struct span character)
{
	static const unsigned masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	unsigned point = (unsigned char)character.ptr[0] & masks[character.len];

	for (size_t i = 1; i < character.len; i++)
		point = point << 6 | ((unsigned char)character.ptr[i] & 0x3f);
	return point;
}

void xtext_embed(struct span text, bool utf8, struct buf *out)
{
	for (size_t at = 0; at < text.len;) {
		unsigned char c = (unsigned char)text.ptr[at];
		size_t len = span_utf8_len(span_skip(text, at));

		if (c == '+' || c == '=' || c == '\\' || (len > 1 && !utf8))
			buf_addf(out, "\\x{%02X}", code_point(span_make(text.ptr + at, len)));
		else if (len > 1)
			buf_add(out, span_make(text.ptr + at, len));
		else
			buf_add_char(out, c < 0x20 || c >= 0x7f ? '?' : (char)c);
		at += len ? len : 1;
	}
}
