/* mime/thread_table.h: texts to small numbers, for threading. Internal to mime/. */
#ifndef POSTROOM_MIME_THREAD_TABLE_H
#define POSTROOM_MIME_THREAD_TABLE_H

#include "daemon/base/arena.h"

struct thread_slot;
struct thread_table {
	struct arena *arena;
	uint64_t key;
	struct thread_slot *slots;
	size_t count, room; /* room: a power of two, never full */
};

/* Allocates nothing yet. `seed` makes the places of texts unforeseeable. */
void thread_table_init(struct thread_table *t, uint64_t seed, struct arena *a);
/* Where the text's number stands, 0 at first; valid until the next call. Null: the arena is full. */
uint32_t *thread_table_value(struct thread_table *t, struct span text);

#endif
