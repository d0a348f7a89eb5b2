/* base/buf.c: growing bytes.
 *
 * (1) len <= max, len <= cap; cap may be max + 1, the room of buf_cstr()'s NUL.
 * (2) Once failed, nothing is added until reset or clear.
 */
#include "daemon/base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/size.h"

#define FIRST_CAP 64

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void buf_clear(struct buf *b)
{
	free(b->ptr);
	buf_init(b, b->max);
}

void buf_wipe(struct buf *b)
{
	if (b->ptr)
		explicit_bzero(b->ptr, b->cap);
	buf_clear(b);
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

/* Storage for `need` bytes; doubles, so that adding stays linear. */
static bool grow_to(struct buf *b, size_t need)
{
	size_t limit = b->max == SIZE_MAX ? SIZE_MAX : b->max + 1;
	size_t cap = b->cap ? b->cap : FIRST_CAP;
	char *ptr;

	if (need <= b->cap)
		return true;
	while (cap < need)
		cap = cap > SIZE_MAX / 2 ? need : cap * 2;
	if (cap > limit)
		cap = limit;
	ptr = realloc(b->ptr, cap);
	if (!ptr) {
		b->failed = true;
		return false;
	}
	b->ptr = ptr;
	b->cap = cap;
	return true;
}

char *buf_reserve(struct buf *b, size_t count)
{
	size_t need;

	if (b->failed)
		return NULL;
	if (!size_add(b->len, count, &need) || need > b->max) {
		b->failed = true;
		return NULL;
	}
	/* Storage even for nothing: null means failed. */
	if (!grow_to(b, need ? need : 1))
		return NULL;
	return b->ptr + b->len;
}

void buf_grew(struct buf *b, size_t count)
{
	if (!b->failed)
		b->len += count;
}

void buf_add(struct buf *b, struct span s)
{
	char *to;

	if (s.len == 0)
		return;
	to = buf_reserve(b, s.len);
	if (!to)
		return;
	memcpy(to, s.ptr, s.len);
	b->len += s.len;
}

void buf_add_char(struct buf *b, char c)
{
	char *to = buf_reserve(b, 1);

	if (!to)
		return;
	*to = c;
	b->len++;
}

void buf_add_str(struct buf *b, const char *text)
{
	buf_add(b, span_str(text));
}

void buf_addv(struct buf *b, const char *format, va_list args)
{
	va_list again;
	size_t room = b->cap - b->len;
	int need;

	if (b->failed)
		return;
	va_copy(again, args);
	need = vsnprintf(b->ptr ? b->ptr + b->len : NULL, room, format, args);
	if (need < 0 || (size_t)need > b->max - b->len) {
		b->failed = true;
	} else if ((size_t)need < room) {
		b->len += (size_t)need;
	} else if (grow_to(b, b->len + (size_t)need + 1)) {
		vsnprintf(b->ptr + b->len, (size_t)need + 1, format, again);
		b->len += (size_t)need;
	}
	va_end(again);
}

void buf_addf(struct buf *b, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	buf_addv(b, format, args);
	va_end(args);
}

void buf_drop(struct buf *b, size_t count)
{
	if (count >= b->len) {
		b->len = 0;
		return;
	}
	if (count == 0)
		return;
	memmove(b->ptr, b->ptr + count, b->len - count);
	b->len -= count;
}

const char *buf_cstr(struct buf *b)
{
	if (b->failed || !grow_to(b, b->len + 1))
		return NULL;
	b->ptr[b->len] = '\0';
	return b->ptr;
}
