/* imap/list_match.h: patterns of LIST and LSUB (RFC 3501 6.3.8). */
#ifndef POSTROOM_IMAP_LIST_MATCH_H
#define POSTROOM_IMAP_LIST_MATCH_H

#include "daemon/base/arena.h"

struct list_pattern {
	struct span text; /* reference and pattern joined, in NFC, runs of wildcards made one */
	bool *reach;      /* text.len + 1 places */
};

/* ERR_LIMIT: longer than IMAP_PATTERN_MAX; ERR_TEMP. */
enum err list_pattern_make(struct arena *a, struct span reference, struct span pattern, struct list_pattern *out) MUST_CHECK;
bool list_pattern_matches(const struct list_pattern *p, struct span name);
/* Could it match a name below this one? */
bool list_pattern_goes_below(const struct list_pattern *p, struct span name);

#endif
