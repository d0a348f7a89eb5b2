/* store/search_bits.h: a set of numbers in which most that are far apart are missing; and lists of rising numbers as bytes. */
#ifndef POSTROOM_STORE_SEARCH_BITS_H
#define POSTROOM_STORE_SEARCH_BITS_H

#include "daemon/base/buf.h"

#define BITS_PAGE 4096u
#define BITS_LIMIT (UINT64_C(1) << 32) /* every number is below; 8 MiB at most for where the pages are, and 512 bytes a page that is in use */

struct bits_page {
	uint64_t words[BITS_PAGE / 64];
};
struct bits {
	struct bits_page **pages; /* null: nothing in it */
	size_t page_count;
};
void bits_clear(struct bits *b);
/* ERR_LIMIT: too high a number; ERR_TEMP: no memory. */
enum err bits_set(struct bits *b, uint64_t number) MUST_CHECK;
static inline bool bits_has(const struct bits *b, uint64_t number)
{
	const struct bits_page *page = number / BITS_PAGE < b->page_count ? b->pages[number / BITS_PAGE] : NULL;

	return page && page->words[number % BITS_PAGE / 64] >> number % 64 & 1;
}
/* The first from `from` on; false: none. */
bool bits_next(const struct bits *b, uint64_t from, uint64_t *out);
/* What is in `other`, too, stays. */
void bits_and(struct bits *b, const struct bits *other);

/* Differences, seven bits a byte, the lowest first. */
void bits_pack(struct buf *out, uint64_t difference);
/* Cuts one off; false when there is none that is whole. */
bool bits_unpack(struct span *list, uint64_t *difference);

#endif
