/* mime/xtext.c: see xtext.h. Hexadecimal digits are upper case in both encodings. */
#include "daemon/mime/xtext.h"

#include "daemon/base/encode.h"

static bool upper_hex(char c, unsigned *out)
{
	*out = hex_digit(c);
	return *out < 16 && !(c >= 'a' && c <= 'f');
}

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

/* xtext   = *( xchar / hexchar )
 * xchar   = any ASCII CHAR between "!" (33) and "~" (126) inclusive, except for "+" and "="
 * hexchar = ASCII "+" immediately followed by two upper case hexadecimal digits */
enum err xtext_decode(struct span xtext, struct arena *a, struct span *out)
{
	char *text = arena_alloc(a, xtext.len);
	size_t len = 0;

	if (!text)
		return ERR_LIMIT;
	for (size_t i = 0; i < xtext.len; i++) {
		unsigned high, low;
		char c = xtext.ptr[i];

		if (c == '+') {
			if (xtext.len - i < 3 || !upper_hex(xtext.ptr[i + 1], &high) || !upper_hex(xtext.ptr[i + 2], &low))
				return ERR_SYNTAX;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '=' || c == ' ') {
			return ERR_SYNTAX;
		}
		if (c < ' ' || c > '~')
			return ERR_SYNTAX;
		text[len++] = c;
	}
	*out = span_make(text, len);
	return ERR_OK;
}

void xtext_show(struct span text, struct buf *out)
{
	for (size_t at = 0; at < text.len; at++) {
		unsigned high, low;
		char c = text.ptr[at];

		if (c == '+' && at + 2 < text.len && upper_hex(text.ptr[at + 1], &high) && upper_hex(text.ptr[at + 2], &low)) {
			c = (char)(high << 4 | low);
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

static bool may_be_embedded(uint32_t point)
{
	if (point < 0x80)
		return point == ' ' || point == '+' || point == '=' || point == '\\';
	return point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
}

/* EmbeddedUnicodeChar = %x5C.78 "{" HEXPOINT "}": no digit more than needed, no surrogate, of ASCII only what can't stand for itself.
 * Narrower: none of the controls that the grammar has. The length; 0: it is none. */
static size_t embedded_len(struct span text)
{
	uint32_t point = 0;
	size_t i = 3;
	unsigned digit;

	if (!span_starts(text, SPAN("\\x{")) || span_starts(text, SPAN("\\x{0")))
		return 0;
	for (; i < text.len && i < 9 && upper_hex(text.ptr[i], &digit); i++)
		point = point << 4 | digit;
	return i < text.len && text.ptr[i] == '}' && may_be_embedded(point) ? i + 1 : 0;
}

/* utf-8-addr-xtext   = 1*(QCHAR / EmbeddedUnicodeChar)
 * utf-8-addr-unitext = 1*(QUCHAR / EmbeddedUnicodeChar)
 * QCHAR              = %x21-2a / %x2c-3c / %x3e-5b / %x5d-7e
 * QUCHAR             = QCHAR / UTF8-2 / UTF8-3 / UTF8-4 */
bool xtext_is_utf8_address(struct span text)
{
	size_t len;

	if (text.len == 0)
		return false;
	for (; text.len > 0; text = span_skip(text, len)) {
		char c = text.ptr[0];

		if (c == '\\')
			len = embedded_len(text);
		else if (c & 0x80)
			len = span_utf8_len(text);
		else
			len = c > ' ' && c <= '~' && c != '+' && c != '=';
		if (len == 0)
			return false;
	}
	return true;
}
