/* store/search_bits.c: a page of 4,096 bits is there once one of them is set. */
#include "daemon/store/search_bits.h"

#include <stdlib.h>

void bits_clear(struct bits *b)
{
	for (size_t i = 0; i < b->page_count; i++)
		free(b->pages[i]);
	free(b->pages);
	*b = (struct bits){ NULL, 0 };
}

static enum err grow(struct bits *b, size_t page)
{
	size_t count = b->page_count * 2 > page ? b->page_count * 2 : page + 1;
	struct bits_page **pages = realloc(b->pages, count * sizeof(struct bits_page *));

	if (!pages)
		return ERR_TEMP;
	for (size_t i = b->page_count; i < count; i++)
		pages[i] = NULL;
	b->pages = pages;
	b->page_count = count;
	return ERR_OK;
}

enum err bits_set(struct bits *b, uint64_t number)
{
	const size_t page = (size_t)(number / BITS_PAGE);

	if (number >= BITS_LIMIT)
		return ERR_LIMIT;
	if (page >= b->page_count && grow(b, page))
		return ERR_TEMP;
	if (!b->pages[page]) {
		b->pages[page] = calloc(1, sizeof(struct bits_page));
		if (!b->pages[page])
			return ERR_TEMP;
	}
	b->pages[page]->words[number % BITS_PAGE / 64] |= UINT64_C(1) << number % 64;
	return ERR_OK;
}

bool bits_next(const struct bits *b, uint64_t from, uint64_t *out)
{
	size_t skipped = (size_t)(from % BITS_PAGE);

	for (size_t page = (size_t)(from / BITS_PAGE); page < b->page_count; page++, skipped = 0) {
		if (!b->pages[page])
			continue;
		for (size_t i = skipped / 64; i < BITS_PAGE / 64; i++) {
			uint64_t word = b->pages[page]->words[i];

			if (i == skipped / 64)
				word = word >> skipped % 64 << skipped % 64;
			if (word) {
				*out = (uint64_t)page * BITS_PAGE + i * 64 + (unsigned)__builtin_ctzll(word);
				return true;
			}
		}
	}
	return false;
}

void bits_and(struct bits *b, const struct bits *other)
{
	for (size_t page = 0; page < b->page_count; page++) {
		const struct bits_page *with = page < other->page_count ? other->pages[page] : NULL;

		if (!b->pages[page])
			continue;
		for (size_t i = 0; i < BITS_PAGE / 64; i++)
			b->pages[page]->words[i] &= with ? with->words[i] : 0;
	}
}

void bits_pack(struct buf *out, uint64_t difference)
{
	for (; difference >= 0x80; difference >>= 7)
		buf_add_char(out, (char)(0x80 | (difference & 0x7f)));
	buf_add_char(out, (char)difference);
}

bool bits_unpack(struct span *list, uint64_t *difference)
{
	uint64_t value = 0;

	for (size_t i = 0; i < list->len && i < 9; i++) {
		const uint8_t byte = (uint8_t)list->ptr[i];

		value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (byte < 0x80) {
			list->ptr += i + 1;
			list->len -= i + 1;
			*difference = value;
			return true;
		}
	}
	return false;
}
