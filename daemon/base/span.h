/* base/span.h: borrowed bytes, the string type of protocol, mime and service code.
 *
 * A span owns nothing and may hold NUL. It is valid as long as what it points into.
 */
#ifndef POSTROOM_BASE_SPAN_H
#define POSTROOM_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "daemon/base/err.h"

struct span {
	const char *ptr;
	size_t len;
};

/* SPAN("literal"): the length is known to the compiler. */
#define SPAN(literal) ((struct span){ "" literal, sizeof(literal) - 1 })

static inline struct span span_make(const char *ptr, size_t len)
{
	return (struct span){ ptr, len };
}

/* A null pointer is an empty span. */
static inline struct span span_str(const char *text)
{
	return (struct span){ text, text ? strlen(text) : 0 };
}

/* The rest after the first `count` bytes; empty when there are fewer. */
static inline struct span span_skip(struct span s, size_t count)
{
	if (count > s.len)
		count = s.len;
	return count ? span_make(s.ptr + count, s.len - count) : s;
}

/* The first `count` bytes, or all when there are fewer. */
static inline struct span span_take(struct span s, size_t count)
{
	return span_make(s.ptr, count < s.len ? count : s.len);
}

/* Equality; `i` forms fold ASCII letters only. */
bool span_equals(struct span a, struct span b);
bool span_iequals(struct span a, struct span b);
bool span_starts(struct span s, struct span prefix);
bool span_istarts(struct span s, struct span prefix);
bool span_ends(struct span s, struct span suffix);
/* memcmp order, the shorter first; for sorting. */
int span_compare(struct span a, struct span b);
/* Is it in the list, which is sorted by span_compare()? */
bool span_in_sorted(struct span s, const struct span *sorted, size_t count);

/* Position of the first `c` (or of the first `needle`) in *at_out; false when there is none. */
bool span_find_char(struct span s, char c, size_t *at_out);
bool span_find(struct span s, struct span needle, size_t *at_out);

/* Cuts the part before the first `separator` off *rest into *out; the last part is the whole rest. False when *rest is exhausted (ptr NULL). */
bool span_split(struct span *rest, char separator, struct span *out);

/* Without spaces and tabs (CR and LF too) at both ends. */
struct span span_trim(struct span s);

/* Decimal digits only, no sign, no blanks, at least one digit; ERR_SYNTAX otherwise, ERR_LIMIT above `max`. */
enum err span_to_u64(struct span s, uint64_t max, uint64_t *out) MUST_CHECK;

bool span_is_ascii(struct span s);
/* Well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF). */
bool span_is_utf8(struct span s);
/* Bytes of the well-formed character at the front; 0 when there is none. */
size_t span_utf8_len(struct span s);

/* ASCII only, whatever the locale. */
static inline char ascii_lower(char c)
{
	return (c >= 'A' && c <= 'Z') ? (char)(c - 'A' + 'a') : c;
}

static inline char ascii_upper(char c)
{
	return (c >= 'a' && c <= 'z') ? (char)(c - 'a' + 'A') : c;
}

static inline bool ascii_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool ascii_is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

#endif
