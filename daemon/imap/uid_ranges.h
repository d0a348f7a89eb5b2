/* imap/uid_ranges.h: sets of UIDs that outlive a command: ranges on the heap, ascending, apart from each other. Internal to the context files. */
#ifndef POSTROOM_IMAP_UID_RANGES_H
#define POSTROOM_IMAP_UID_RANGES_H

#include "daemon/store/view.h"

struct uid_ranges {
	struct uid_set set;
	size_t room;
	bool failed; /* latched: no memory, and the set is not to be believed */
};

void uid_ranges_clear(struct uid_ranges *r);
/* Behind all that are in it, or within the last range. */
void uid_ranges_add(struct uid_ranges *r, uint32_t first, uint32_t last);
void uid_ranges_unite(struct uid_ranges *r, const struct uid_set *more);
void uid_ranges_subtract(struct uid_ranges *r, const struct uid_set *less);
/* To an empty `out`. */
void uid_ranges_common(const struct uid_set *a, const struct uid_set *b, struct uid_ranges *out);

#endif
