/* mime/thread_table.c: open addressing with linear probing. The hash is a polynomial in a secret point of the field of 2^61 - 1: two texts that a sender
 * chooses meet with a probability below their length in 2^61, whatever he chooses. */
#include "daemon/mime/thread_table.h"

#define FIELD (((uint64_t)1 << 61) - 1)

struct thread_slot {
	uint64_t hash;
	struct span text;
	uint32_t value;
};

void thread_table_init(struct thread_table *t, uint64_t seed, struct arena *a)
{
	*t = (struct thread_table){ .arena = a, .key = 256 + seed % (FIELD - 256) };
}

static uint64_t times(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;
	uint64_t sum = (uint64_t)(product & FIELD) + (uint64_t)(product >> 61);

	return sum >= FIELD ? sum - FIELD : sum;
}

static uint64_t hash_of(const struct thread_table *t, struct span text)
{
	uint64_t hash = 1 + text.len % FIELD;

	for (size_t i = 0; i < text.len; i++)
		hash = times(hash + (unsigned char)text.ptr[i], t->key);
	return hash;
}

static struct thread_slot *place_of(struct thread_slot *slots, size_t room, uint64_t hash, struct span text)
{
	size_t at = hash & (room - 1);

	while (slots[at].text.ptr && !(slots[at].hash == hash && span_equals(slots[at].text, text)))
		at = (at + 1) & (room - 1);
	return &slots[at];
}

static bool grow(struct thread_table *t)
{
	size_t room = t->room ? 2 * t->room : 64;
	struct thread_slot *slots = arena_array(t->arena, room, sizeof *slots);

	if (!slots)
		return false;
	for (size_t i = 0; i < t->room; i++)
		if (t->slots[i].text.ptr)
			*place_of(slots, room, t->slots[i].hash, t->slots[i].text) = t->slots[i];
	t->slots = slots;
	t->room = room;
	return true;
}

uint32_t *thread_table_value(struct thread_table *t, struct span text)
{
	uint64_t hash = hash_of(t, text);
	struct thread_slot *slot;

	if (2 * (t->count + 1) > t->room && !grow(t))
		return NULL;
	slot = place_of(t->slots, t->room, hash, text);
	if (!slot->text.ptr) {
		struct span copy = text.len ? arena_copy(t->arena, text) : SPAN("");

		if (!copy.ptr)
			return NULL;
		*slot = (struct thread_slot){ hash, copy, 0 };
		t->count++;
	}
	return &slot->value;
}
