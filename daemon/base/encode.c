/* base/encode.c: base64, base64url and base32 (RFC 4648) and hex. A decoder adds all or nothing. */
#include "daemon/base/encode.h"

#include "daemon/base/size.h"

static const char base64_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Value + 1 of each digit; 0: not a digit. */
/* clang-format off */
static const uint8_t base64_values[256] = {
	['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8,
	['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
	['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
	['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
	['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
	['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
	['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
	['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64
};
/* clang-format on */

void base64_encode(struct span in, struct buf *out)
{
	const unsigned char *p = (const unsigned char *)in.ptr;
	size_t groups = in.len / 3 + (in.len % 3 != 0);
	size_t left = in.len;
	size_t bytes;
	char *to;

	if (!size_mul(groups, 4, &bytes))
		bytes = SIZE_MAX;
	to = buf_reserve(out, bytes);
	if (!to)
		return;
	for (; left >= 3; left -= 3, p += 3, to += 4) {
		to[0] = base64_alphabet[p[0] >> 2];
		to[1] = base64_alphabet[(p[0] & 3) << 4 | p[1] >> 4];
		to[2] = base64_alphabet[(p[1] & 15) << 2 | p[2] >> 6];
		to[3] = base64_alphabet[p[2] & 63];
	}
	if (left) {
		to[0] = base64_alphabet[p[0] >> 2];
		to[1] = base64_alphabet[(p[0] & 3) << 4 | (left == 2 ? p[1] >> 4 : 0)];
		to[2] = left == 2 ? base64_alphabet[(p[1] & 15) << 2] : '=';
		to[3] = '=';
	}
	buf_grew(out, bytes);
}

/* The last group, with its padding; *len_out bytes. */
static enum err decode_last(const unsigned char *p, char *to, size_t *len_out)
{
	unsigned a = base64_values[p[0]], b = base64_values[p[1]];
	unsigned c = base64_values[p[2]], d = base64_values[p[3]];

	if (!a || !b)
		return ERR_SYNTAX;
	a--, b--;
	to[0] = (char)(a << 2 | b >> 4);
	if (p[2] == '=') {
		*len_out = 1;
		return p[3] == '=' && !(b & 15) ? ERR_OK : ERR_SYNTAX;
	}
	if (!c)
		return ERR_SYNTAX;
	c--;
	to[1] = (char)(b << 4 | c >> 2);
	if (p[3] == '=') {
		*len_out = 2;
		return c & 3 ? ERR_SYNTAX : ERR_OK;
	}
	if (!d)
		return ERR_SYNTAX;
	to[2] = (char)(c << 6 | (d - 1));
	*len_out = 3;
	return ERR_OK;
}

enum err base64_decode(struct span in, struct buf *out)
{
	const unsigned char *p = (const unsigned char *)in.ptr;
	unsigned char last[3];
	size_t groups = in.len / 4;
	size_t last_len;
	char *to;

	if (in.len % 4)
		return ERR_SYNTAX;
	if (in.len == 0)
		return out->failed ? ERR_LIMIT : ERR_OK;
	if (decode_last(p + (groups - 1) * 4, (char *)last, &last_len) != ERR_OK)
		return ERR_SYNTAX;
	to = buf_reserve(out, (groups - 1) * 3 + last_len);
	if (!to)
		return ERR_LIMIT;
	for (size_t g = 0; g + 1 < groups; g++, p += 4, to += 3) {
		unsigned a = base64_values[p[0]], b = base64_values[p[1]];
		unsigned c = base64_values[p[2]], d = base64_values[p[3]];

		if (!a || !b || !c || !d)
			return ERR_SYNTAX;
		a--, b--, c--, d--;
		to[0] = (char)(a << 2 | b >> 4);
		to[1] = (char)(b << 4 | c >> 2);
		to[2] = (char)(c << 6 | d);
	}
	memcpy(to, last, last_len);
	buf_grew(out, (groups - 1) * 3 + last_len);
	return ERR_OK;
}

/* Digits of `bits` each, without padding: base64url and base32. */
static void encode_digits(const char *alphabet, unsigned bits, struct span in, struct buf *out)
{
	size_t count = in.len <= SIZE_MAX / 8 ? (in.len * 8 + bits - 1) / bits : SIZE_MAX;
	char *to = buf_reserve(out, count);
	uint32_t held = 0;
	unsigned have = 0;

	if (!to)
		return;
	for (size_t i = 0; i < in.len; i++) {
		held = held << 8 | (unsigned char)in.ptr[i];
		for (have += 8; have >= bits; have -= bits)
			*to++ = alphabet[held >> (have - bits) & ((1u << bits) - 1)];
	}
	if (have > 0)
		*to++ = alphabet[held << (bits - have) & ((1u << bits) - 1)];
	buf_grew(out, count);
}

static unsigned base64url_value(char c)
{
	if (c == '-')
		return 62;
	if (c == '_')
		return 63;
	if (c == '+' || c == '/' || !base64_values[(unsigned char)c])
		return 64;
	return base64_values[(unsigned char)c] - 1u;
}

void base64url_encode(struct span in, struct buf *out)
{
	encode_digits("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", 6, in, out);
}

enum err base64url_decode(struct span in, struct buf *out)
{
	size_t whole = in.len / 4 * 3 + in.len % 4 * 3 / 4;
	size_t left = in.len % 4 * 6 % 8;
	uint32_t held = 0;
	unsigned have = 0;
	char *to;

	/* RFC 4648 section 3.5: a last digit that completes no byte is not what an encoder makes. */
	if (left >= 6)
		return ERR_SYNTAX;
	to = buf_reserve(out, whole);
	if (!to)
		return ERR_LIMIT;
	for (size_t i = 0; i < in.len; i++) {
		unsigned value = base64url_value(in.ptr[i]);

		if (value > 63)
			return ERR_SYNTAX;
		held = held << 6 | value;
		have += 6;
		if (have >= 8) {
			have -= 8;
			*to++ = (char)(held >> have);
		}
	}
	if (held & ((1u << left) - 1))
		return ERR_SYNTAX;
	buf_grew(out, whole);
	return ERR_OK;
}

void base32_encode(struct span in, struct buf *out)
{
	encode_digits("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 5, in, out);
}

void hex_encode(struct span in, struct buf *out)
{
	static const char digits[] = "0123456789abcdef";
	size_t bytes;
	char *to;

	if (!size_mul(in.len, 2, &bytes))
		bytes = SIZE_MAX;
	to = buf_reserve(out, bytes);
	if (!to)
		return;
	for (size_t i = 0; i < in.len; i++) {
		*to++ = digits[(unsigned char)in.ptr[i] >> 4];
		*to++ = digits[in.ptr[i] & 15];
	}
	buf_grew(out, bytes);
}

unsigned hex_digit(char c)
{
	if (ascii_is_digit(c))
		return (unsigned)(c - '0');
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

enum err hex_decode(struct span in, struct buf *out)
{
	unsigned high, low;
	char *to;

	if (in.len % 2)
		return ERR_SYNTAX;
	to = buf_reserve(out, in.len / 2);
	if (!to)
		return ERR_LIMIT;
	for (size_t i = 0; i < in.len; i += 2) {
		high = hex_digit(in.ptr[i]);
		low = hex_digit(in.ptr[i + 1]);
		if (high > 15 || low > 15)
			return ERR_SYNTAX;
		*to++ = (char)(high << 4 | low);
	}
	buf_grew(out, in.len / 2);
	return ERR_OK;
}
