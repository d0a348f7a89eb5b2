/* api/room.c: the memory that JSON takes once it is read. */
#include "api/room.h"

#include <jansson.h>
#include <malloc.h>
#include <stdatomic.h>

/* As jansson on a 64-bit malloc() has it; a name and its value come with the colon, what else is in a list with the comma. */
#define OBJECT_BYTES 288
#define ARRAY_BYTES 160
#define MEMBER_BYTES 96
#define PAIR_BYTES 112

#define RETURNED_BYTES ((uint64_t)16 << 20) /* so much at once goes back to the system */

static _Atomic uint64_t taken;

static unsigned bytes_of(char c)
{
	switch (c) {
	case '{': return OBJECT_BYTES;
	case '[': return ARRAY_BYTES;
	case ',': return MEMBER_BYTES;
	case ':': return PAIR_BYTES;
	default: return 0;
	}
}

/* Where it goes too deep, reading ends. */
uint64_t room_of_json(struct span text)
{
	uint64_t bytes = text.len;
	bool quoted = false;
	int depth = 0;

	for (size_t i = 0; i < text.len && depth <= JSON_PARSER_MAX_DEPTH; i++) {
		char c = text.ptr[i];

		if (c == '"') {
			quoted = !quoted;
		} else if (quoted) {
			i += c == '\\';
		} else {
			bytes += bytes_of(c);
			depth += (c == '{' || c == '[') - (c == '}' || c == ']');
		}
	}
	return bytes;
}

bool room_take(uint64_t bytes)
{
	if (atomic_fetch_add(&taken, bytes) + bytes <= ROOM_SHARED_MAX)
		return true;
	atomic_fetch_sub(&taken, bytes);
	return false;
}

void room_give_back(uint64_t bytes)
{
	atomic_fetch_sub(&taken, bytes);
	if (bytes >= RETURNED_BYTES)
		(void)malloc_trim(0);
}
