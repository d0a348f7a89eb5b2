/* base/span.c: comparing, finding and cutting borrowed bytes. */
#include "daemon/base/span.h"

static bool same_bytes(const char *a, const char *b, size_t len)
{
	return len == 0 || memcmp(a, b, len) == 0;
}

static bool same_letters(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (a[i] != b[i] && ascii_lower(a[i]) != ascii_lower(b[i]))
			return false;
	}
	return true;
}

bool span_equals(struct span a, struct span b)
{
	return a.len == b.len && same_bytes(a.ptr, b.ptr, a.len);
}

bool span_iequals(struct span a, struct span b)
{
	return a.len == b.len && same_letters(a.ptr, b.ptr, a.len);
}

bool span_starts(struct span s, struct span prefix)
{
	return s.len >= prefix.len && same_bytes(s.ptr, prefix.ptr, prefix.len);
}

bool span_istarts(struct span s, struct span prefix)
{
	return s.len >= prefix.len && same_letters(s.ptr, prefix.ptr, prefix.len);
}

bool span_ends(struct span s, struct span suffix)
{
	return s.len >= suffix.len && span_equals(span_skip(s, s.len - suffix.len), suffix);
}

int span_compare(struct span a, struct span b)
{
	size_t shared = a.len < b.len ? a.len : b.len;
	int order = shared ? memcmp(a.ptr, b.ptr, shared) : 0;

	if (order)
		return order;
	return (a.len > b.len) - (a.len < b.len);
}

bool span_in_sorted(struct span s, const struct span *sorted, size_t count)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = span_compare(sorted[middle], s);

		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

bool span_find_char(struct span s, char c, size_t *at_out)
{
	const char *at = s.len ? memchr(s.ptr, c, s.len) : NULL;

	if (!at)
		return false;
	*at_out = (size_t)(at - s.ptr);
	return true;
}

bool span_find(struct span s, struct span needle, size_t *at_out)
{
	const char *at;

	if (needle.len == 0) {
		*at_out = 0;
		return true;
	}
	at = s.len ? memmem(s.ptr, s.len, needle.ptr, needle.len) : NULL;
	if (!at)
		return false;
	*at_out = (size_t)(at - s.ptr);
	return true;
}

bool span_split(struct span *rest, char separator, struct span *out)
{
	size_t at;

	if (!rest->ptr)
		return false;
	if (span_find_char(*rest, separator, &at)) {
		*out = span_take(*rest, at);
		*rest = span_skip(*rest, at + 1);
	} else {
		*out = *rest;
		*rest = span_make(NULL, 0);
	}
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span span_trim(struct span s)
{
	while (s.len && is_blank(s.ptr[0]))
		s = span_skip(s, 1);
	while (s.len && is_blank(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

enum err span_to_u64(struct span s, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;
	bool over = false;

	if (s.len == 0)
		return ERR_SYNTAX;
	for (size_t i = 0; i < s.len; i++) {
		if (!ascii_is_digit(s.ptr[i]))
			return ERR_SYNTAX;
		/* The grammar is checked to the end: "99999999999999999999x" is no number at all. */
		if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, (uint64_t)(s.ptr[i] - '0'), &value))
			over = true;
	}
	if (over || value > max)
		return ERR_LIMIT;
	*out = value;
	return ERR_OK;
}

/* Bytes at the front that are ASCII. */
static size_t ascii_run(struct span s)
{
	size_t at = 0;
	uint64_t word;

	while (s.len - at >= sizeof word) {
		memcpy(&word, s.ptr + at, sizeof word);
		if (word & UINT64_C(0x8080808080808080))
			break;
		at += sizeof word;
	}
	while (at < s.len && !((unsigned char)s.ptr[at] & 0x80))
		at++;
	return at;
}

bool span_is_ascii(struct span s)
{
	return ascii_run(s) == s.len;
}

static bool is_tail(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* RFC 3629 section 4: the second byte of some leads has a narrower range, which keeps out
 * overlong forms (E0, F0), surrogates (ED) and what is above U+10FFFF (F4). */
static bool is_second(unsigned char lead, unsigned char c)
{
	switch (lead) {
	case 0xe0: return c >= 0xa0 && c <= 0xbf;
	case 0xed: return c >= 0x80 && c <= 0x9f;
	case 0xf0: return c >= 0x90 && c <= 0xbf;
	case 0xf4: return c >= 0x80 && c <= 0x8f;
	}
	return is_tail(c);
}

size_t span_utf8_len(struct span s)
{
	const unsigned char *p = (const unsigned char *)s.ptr;
	size_t len;

	if (s.len == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3
					    : 4;
	if (s.len < len || !is_second(p[0], p[1]))
		return 0;
	for (size_t i = 2; i < len; i++) {
		if (!is_tail(p[i]))
			return 0;
	}
	return len;
}

bool span_is_utf8(struct span s)
{
	size_t len;

	for (;;) {
		s = span_skip(s, ascii_run(s));
		if (s.len == 0)
			return true;
		len = span_utf8_len(s);
		if (len == 0)
			return false;
		s = span_skip(s, len);
	}
}
