/* store/uidmap.h: which UIDs stand under which sequence numbers: immutable, ranges only, shared by reference count. */
#ifndef POSTROOM_STORE_UIDMAP_H
#define POSTROOM_STORE_UIDMAP_H

#include <stdatomic.h>

#include "daemon/base/span.h"

struct uidmap_range {
	uint32_t first_uid, first_sequence;
};
struct uidmap {
	atomic_uint references;
	uint32_t messages;
	size_t count;
	struct uidmap_range ranges[]; /* count, and one behind the last: { 0, messages + 1 } */
};

/* Collects UIDs in ascending order. A failed builder (no memory) gives no map. */
struct uidmap_builder {
	struct uidmap_range *ranges;
	size_t count, cap;
	uint32_t messages, next_uid; /* the UID that would continue the last range */
	bool failed;
};
void uidmap_add(struct uidmap_builder *b, uint32_t first, uint32_t last);
/* All of `map` between first and last. */
void uidmap_add_part(struct uidmap_builder *b, const struct uidmap *map, uint32_t first, uint32_t last);
/* Ends the builder; null when it failed. The caller holds one reference. */
struct uidmap *uidmap_build(struct uidmap_builder *b);

struct uidmap *uidmap_hold(struct uidmap *map);
void uidmap_release(struct uidmap **map);

/* Length of range i. */
static inline uint32_t uidmap_length(const struct uidmap *map, size_t i)
{
	return map->ranges[i + 1].first_sequence - map->ranges[i].first_sequence;
}

static inline uint32_t uidmap_last_of(const struct uidmap *map, size_t i)
{
	return map->ranges[i].first_uid + uidmap_length(map, i) - 1;
}

uint32_t uidmap_uid(const struct uidmap *map, uint32_t sequence);        /* 0: no such sequence number */
uint32_t uidmap_first_from(const struct uidmap *map, uint32_t uid);      /* sequence of the first UID >= uid; messages + 1: none */
bool uidmap_find(const struct uidmap *map, uint32_t uid, uint32_t *out); /* its sequence number */
uint32_t uidmap_last(const struct uidmap *map);                          /* 0: empty */

/* What is in `old` and not in `now`: for each run of sequence numbers of `old`, ascending. */
void uidmap_missing(const struct uidmap *old, const struct uidmap *now, void (*each)(void *arg, uint32_t first_sequence, uint32_t last_sequence), void *arg);

#endif
