/* imap/utf7.c: modified UTF-7.
 *
 * "&" opens a shift, "-" closes it; between them UTF-16 in base64 with "," for "/" and without padding. "&-" is "&".
 */
#include "daemon/imap/utf7.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static int sextet_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (ascii_is_digit(c))
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == ',' ? 63 : -1;
}

static void add_utf8(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_add_char(out, (char)c);
	} else if (c < 0x800) {
		buf_add_char(out, (char)(0xc0 | (c >> 6)));
		buf_add_char(out, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_add_char(out, (char)(0xe0 | (c >> 12)));
		buf_add_char(out, (char)(0x80 | ((c >> 6) & 0x3f)));
		buf_add_char(out, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_add_char(out, (char)(0xf0 | (c >> 18)));
		buf_add_char(out, (char)(0x80 | ((c >> 12) & 0x3f)));
		buf_add_char(out, (char)(0x80 | ((c >> 6) & 0x3f)));
		buf_add_char(out, (char)(0x80 | (c & 0x3f)));
	}
}

/* One UTF-16 unit; *high holds a high surrogate that waits for its low one. */
static enum err add_unit(struct buf *out, uint32_t unit, uint32_t *high)
{
	if (*high) {
		if (unit < 0xdc00 || unit > 0xdfff)
			return ERR_SYNTAX;
		add_utf8(out, 0x10000 + ((*high - 0xd800) << 10) + (unit - 0xdc00));
		*high = 0;
		return ERR_OK;
	}
	if (unit >= 0xd800 && unit <= 0xdbff) {
		*high = unit;
		return ERR_OK;
	}
	/* Printable ASCII stands for itself (RFC 3501 5.1.3), so that a name has one spelling. */
	if ((unit >= 0xdc00 && unit <= 0xdfff) || (unit >= 0x20 && unit <= 0x7e) || unit == 0)
		return ERR_SYNTAX;
	add_utf8(out, unit);
	return ERR_OK;
}

/* Inside of "&...-": what stands between. */
static enum err decode_shift(struct span in, struct buf *out)
{
	uint32_t bits = 0, high = 0;
	unsigned held = 0;

	for (size_t i = 0; i < in.len; i++) {
		int v = sextet_of(in.ptr[i]);

		if (v < 0)
			return ERR_SYNTAX;
		bits = (bits << 6) | (uint32_t)v;
		held += 6;
		if (held >= 16) {
			held -= 16;
			enum err e = add_unit(out, (bits >> held) & 0xffff, &high);

			if (e)
				return e;
			bits &= (1u << held) - 1;
		}
	}
	return (high || bits || held >= 6) ? ERR_SYNTAX : ERR_OK;
}

enum err utf7_decode(struct span in, struct buf *out)
{
	bool behind_shift = false;

	while (in.len) {
		char c = in.ptr[0];
		size_t end;

		if (c < 0x20 || c > 0x7e)
			return ERR_SYNTAX;
		if (c != '&') {
			buf_add_char(out, c);
			in = span_skip(in, 1);
			behind_shift = false;
			continue;
		}
		in = span_skip(in, 1);
		if (!span_find_char(in, '-', &end))
			return ERR_SYNTAX;
		if (end == 0) {
			buf_add_char(out, '&');
			behind_shift = false;
		} else {
			enum err e = behind_shift ? ERR_SYNTAX : decode_shift(span_take(in, end), out);

			if (e)
				return e;
			behind_shift = true;
		}
		in = span_skip(in, end + 1);
	}
	return out->failed ? ERR_LIMIT : ERR_OK;
}

/* The next code point of valid UTF-8. */
static uint32_t next_point(struct span *in)
{
	const unsigned char *p = (const unsigned char *)in->ptr;
	size_t more = p[0] < 0x80 ? 0 : p[0] < 0xe0 ? 1
				: p[0] < 0xf0       ? 2
						    : 3;
	uint32_t c = p[0];

	if (more)
		c &= 0x3fu >> more;
	for (size_t i = 1; i <= more && i < in->len; i++)
		c = (c << 6) | (p[i] & 0x3fu);
	*in = span_skip(*in, more + 1);
	return c;
}

struct shift {
	struct buf *out;
	uint32_t bits;
	unsigned held;
};

static void shift_unit(struct shift *s, uint32_t unit)
{
	s->bits = (s->bits << 16) | unit;
	s->held += 16;
	while (s->held >= 6) {
		s->held -= 6;
		buf_add_char(s->out, alphabet[(s->bits >> s->held) & 0x3f]);
	}
	s->bits &= (1u << s->held) - 1;
}

void utf7_encode(struct span in, struct buf *out)
{
	struct shift s = { out, 0, 0 };
	bool open = false;

	while (in.len) {
		uint32_t c = next_point(&in);
		bool plain = c >= 0x20 && c <= 0x7e;

		if (plain && open) {
			if (s.held)
				buf_add_char(out, alphabet[(s.bits << (6 - s.held)) & 0x3f]);
			buf_add_char(out, '-');
			s.bits = s.held = 0;
			open = false;
		}
		if (plain) {
			buf_add_char(out, (char)c);
			if (c == '&')
				buf_add_char(out, '-');
			continue;
		}
		if (!open)
			buf_add_char(out, '&');
		open = true;
		if (c >= 0x10000) {
			shift_unit(&s, 0xd800 + ((c - 0x10000) >> 10));
			c = 0xdc00 + ((c - 0x10000) & 0x3ff);
		}
		shift_unit(&s, c);
	}
	if (open) {
		if (s.held)
			buf_add_char(out, alphabet[(s.bits << (6 - s.held)) & 0x3f]);
		buf_add_char(out, '-');
	}
}
