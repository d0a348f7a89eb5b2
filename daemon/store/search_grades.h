/* store/search_grades.h: a number of 0 to 100 for each of many numbers; most that are far apart have none (0). */
#ifndef POSTROOM_STORE_SEARCH_GRADES_H
#define POSTROOM_STORE_SEARCH_GRADES_H

#include "daemon/base/span.h"

#define GRADES_PAGE 4096u
#define GRADES_LIMIT (UINT64_C(1) << 32) /* every number is below; 8 MiB at most for where the pages are, and 4 KiB a page that is in use */

struct grades {
	uint8_t **pages; /* null: none in it */
	size_t page_count;
};
void grades_clear(struct grades *g);
/* To `grade`, where it is less. ERR_LIMIT: too high a number; ERR_TEMP: no memory. */
enum err grades_raise(struct grades *g, uint64_t number, uint8_t grade) MUST_CHECK;
static inline uint8_t grades_of(const struct grades *g, uint64_t number)
{
	const uint8_t *page = number / GRADES_PAGE < g->page_count ? g->pages[number / GRADES_PAGE] : NULL;

	return page ? page[number % GRADES_PAGE] : 0;
}
/* What has none in `other` has none any more; else join(before, own, other's). */
void grades_join(struct grades *g, const struct grades *other, size_t before, uint8_t (*join)(size_t before, uint8_t own, uint8_t others));

#endif
