/* queue/route_loop.c: an address that passes mail on writes itself in front of it; finding itself there again, it does not.
 *
 * Only the first fields are read: what loops past them ends by the number of its Received fields.
 */
#include "daemon/queue/route_loop.h"

#include "daemon/directory/name.h"
#include "daemon/mime/header.h"

#define FIELDS_MAX 200u
#define VALUE_MAX 700u

static void read_fields(struct route_loop *loop, struct span header, struct arena *a)
{
	struct header_field field;
	struct name_key key;

	loop->read = true;
	loop->keys = arena_array(a, FIELDS_MAX, sizeof(*loop->keys));
	while (loop->keys && loop->count < FIELDS_MAX && header_next(&header, &field)) {
		struct span value = span_trim(field.value);

		if (!span_iequals(field.name, SPAN("Delivered-To")) || value.len > VALUE_MAX)
			continue;
		name_key_of_login(value, &key);
		loop->keys[loop->count++] = arena_copy(a, span_make(key.bytes, key.len));
	}
}

bool route_loop_has(struct route_loop *loop, struct span header, const struct address *address, struct arena *a)
{
	struct name_key key;

	if (!loop->read)
		read_fields(loop, header, a);
	if (!loop->count)
		return false;
	name_key(address, &key);
	for (size_t i = 0; i < loop->count; i++)
		if (key.len && span_equals(loop->keys[i], span_make(key.bytes, key.len)))
			return true;
	return false;
}
