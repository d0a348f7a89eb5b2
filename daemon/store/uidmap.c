/* store/uidmap.c: maps of UIDs as ranges. A dense mailbox is one range; the worst (every second message gone) costs 8 bytes a message, once. */
#include "daemon/store/uidmap.h"

#include <stdlib.h>

void uidmap_add(struct uidmap_builder *b, uint32_t first, uint32_t last)
{
	if (b->failed || first > last)
		return;
	if (b->count == 0 || first != b->next_uid) {
		if (b->count == b->cap) {
			size_t cap = b->cap ? b->cap * 2 : 16;
			struct uidmap_range *ranges = realloc(b->ranges, cap * sizeof(*ranges));

			if (!ranges) {
				b->failed = true;
				return;
			}
			b->ranges = ranges;
			b->cap = cap;
		}
		b->ranges[b->count++] = (struct uidmap_range){ first, b->messages + 1 };
	}
	b->messages += last - first + 1;
	b->next_uid = last + 1;
}

/* Index of the first range whose last UID is >= uid. */
static size_t range_from(const struct uidmap *map, uint32_t uid)
{
	size_t low = 0, high = map->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (uidmap_last_of(map, middle) < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void uidmap_add_part(struct uidmap_builder *b, const struct uidmap *map, uint32_t first, uint32_t last)
{
	for (size_t i = range_from(map, first); i < map->count && map->ranges[i].first_uid <= last; i++) {
		uint32_t from = map->ranges[i].first_uid, to = uidmap_last_of(map, i);

		uidmap_add(b, from < first ? first : from, to > last ? last : to);
	}
}

struct uidmap *uidmap_build(struct uidmap_builder *b)
{
	struct uidmap *map = b->failed ? NULL : malloc(sizeof(*map) + (b->count + 1) * sizeof(map->ranges[0]));

	if (map) {
		atomic_init(&map->references, 1);
		map->messages = b->messages;
		map->count = b->count;
		if (b->count)
			memcpy(map->ranges, b->ranges, b->count * sizeof(map->ranges[0]));
		map->ranges[b->count] = (struct uidmap_range){ 0, b->messages + 1 };
	}
	free(b->ranges);
	*b = (struct uidmap_builder){ .ranges = NULL };
	return map;
}

struct uidmap *uidmap_hold(struct uidmap *map)
{
	atomic_fetch_add_explicit(&map->references, 1, memory_order_relaxed);
	return map;
}

void uidmap_release(struct uidmap **map)
{
	if (*map && atomic_fetch_sub_explicit(&(*map)->references, 1, memory_order_acq_rel) == 1)
		free(*map);
	*map = NULL;
}

uint32_t uidmap_uid(const struct uidmap *map, uint32_t sequence)
{
	size_t low = 0, high = map->count;

	if (sequence == 0 || sequence > map->messages)
		return 0;
	/* The last range that begins at or before it. */
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (map->ranges[middle].first_sequence <= sequence)
			low = middle;
		else
			high = middle;
	}
	return map->ranges[low].first_uid + (sequence - map->ranges[low].first_sequence);
}

uint32_t uidmap_first_from(const struct uidmap *map, uint32_t uid)
{
	size_t i = range_from(map, uid);

	if (i == map->count)
		return map->messages + 1;
	if (uid <= map->ranges[i].first_uid)
		return map->ranges[i].first_sequence;
	return map->ranges[i].first_sequence + (uid - map->ranges[i].first_uid);
}

bool uidmap_find(const struct uidmap *map, uint32_t uid, uint32_t *out)
{
	size_t i = range_from(map, uid);

	if (i == map->count || uid < map->ranges[i].first_uid)
		return false;
	*out = map->ranges[i].first_sequence + (uid - map->ranges[i].first_uid);
	return true;
}

uint32_t uidmap_last(const struct uidmap *map)
{
	return map->count ? uidmap_last_of(map, map->count - 1) : 0;
}

void uidmap_missing(const struct uidmap *old, const struct uidmap *now, void (*each)(void *arg, uint32_t first_sequence, uint32_t last_sequence), void *arg)
{
	size_t j = 0;

	for (size_t i = 0; i < old->count; i++) {
		uint32_t at = old->ranges[i].first_uid, last = uidmap_last_of(old, i);
		uint32_t base = old->ranges[i].first_sequence - at;

		while (at <= last) {
			uint32_t gap_end;

			while (j < now->count && uidmap_last_of(now, j) < at)
				j++;
			gap_end = j < now->count && now->ranges[j].first_uid <= last ? now->ranges[j].first_uid - 1 : last;
			if (at <= gap_end)
				each(arg, base + at, base + gap_end);
			if (gap_end == last)
				break;
			at = uidmap_last_of(now, j) + 1;
		}
	}
}
