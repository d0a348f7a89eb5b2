/* store/search_grades.c: a page of 4,096 numbers is there once one of them has a grade. */
#include "daemon/store/search_grades.h"

#include <stdlib.h>

void grades_clear(struct grades *g)
{
	for (size_t i = 0; i < g->page_count; i++)
		free(g->pages[i]);
	free(g->pages);
	*g = (struct grades){ NULL, 0 };
}

static enum err grow(struct grades *g, size_t page)
{
	size_t count = g->page_count * 2 > page ? g->page_count * 2 : page + 1;
	uint8_t **pages = realloc(g->pages, count * sizeof(uint8_t *));

	if (!pages)
		return ERR_TEMP;
	for (size_t i = g->page_count; i < count; i++)
		pages[i] = NULL;
	g->pages = pages;
	g->page_count = count;
	return ERR_OK;
}

enum err grades_raise(struct grades *g, uint64_t number, uint8_t grade)
{
	const size_t page = (size_t)(number / GRADES_PAGE);
	uint8_t *at;

	if (number >= GRADES_LIMIT)
		return ERR_LIMIT;
	if (page >= g->page_count && grow(g, page))
		return ERR_TEMP;
	if (!g->pages[page]) {
		g->pages[page] = calloc(GRADES_PAGE, 1);
		if (!g->pages[page])
			return ERR_TEMP;
	}
	at = &g->pages[page][number % GRADES_PAGE];
	if (grade > *at)
		*at = grade;
	return ERR_OK;
}

void grades_join(struct grades *g, const struct grades *other, size_t before, uint8_t (*join)(size_t before, uint8_t own, uint8_t others))
{
	for (size_t page = 0; page < g->page_count; page++) {
		uint8_t *own = g->pages[page];

		for (size_t i = 0; own && i < GRADES_PAGE; i++) {
			const uint8_t others = grades_of(other, (uint64_t)page * GRADES_PAGE + i);

			own[i] = own[i] && others ? join(before, own[i], others) : 0;
		}
	}
}
