/* base/buf.h: growing bytes with a ceiling. Failures latch: write the whole thing, check `failed` once. */
#ifndef POSTROOM_BASE_BUF_H
#define POSTROOM_BASE_BUF_H

#include <stdarg.h>

#include "daemon/base/span.h"

struct buf {
	char *ptr;
	size_t len, cap, max;
	bool failed; /* past max, or out of memory: nothing more was added */
};

void buf_init(struct buf *b, size_t max); /* no buffer without a ceiling; allocates nothing yet */
void buf_clear(struct buf *b);            /* frees; usable again with the same ceiling */
void buf_wipe(struct buf *b);             /* erases the bytes, then clears: for secrets */
void buf_reset(struct buf *b);            /* len 0 and failed off, storage kept */

void buf_add(struct buf *b, struct span s);
void buf_add_char(struct buf *b, char c);
void buf_add_str(struct buf *b, const char *text);
void buf_addf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_addv(struct buf *b, const char *format, va_list args) PRINTF_LIKE(2, 0);

/* At least `count` free bytes at ptr + len, null when that passes max (latched). Follow with buf_grew(). */
char *buf_reserve(struct buf *b, size_t count);
void buf_grew(struct buf *b, size_t count);
/* Removes `count` bytes at the front. */
void buf_drop(struct buf *b, size_t count);

/* NUL behind the last byte (not counted in len); null when failed. Valid until the next change. */
const char *buf_cstr(struct buf *b);

static inline struct span buf_span(const struct buf *b)
{
	return span_make(b->ptr, b->len);
}

#endif
