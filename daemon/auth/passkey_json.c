/* auth/passkey_json.c: JSON of browsers, through Jansson. */
#include "daemon/auth/passkey_json.h"

#include <jansson.h>

#include "daemon/base/encode.h"

#define CHALLENGE_MAX 256

static bool copy_string(const json_t *object, const char *name, struct arena *arena, struct span *out)
{
	const json_t *value = json_object_get(object, name);

	if (!json_is_string(value))
		return false;
	*out = arena_copy(arena, span_make(json_string_value(value), json_string_length(value)));
	return out->ptr != NULL;
}

static bool read(const json_t *object, struct arena *arena, struct client_data *out)
{
	const json_t *cross = json_object_get(object, "crossOrigin");
	struct span text;
	struct buf challenge;
	bool good;

	if (!json_is_object(object) || (cross && !json_is_boolean(cross)) || !copy_string(object, "type", arena, &out->type) ||
	    !copy_string(object, "origin", arena, &out->origin) || !copy_string(object, "challenge", arena, &text))
		return false;
	out->cross_origin = json_is_true(cross);
	buf_init(&challenge, CHALLENGE_MAX);
	good = base64url_decode(text, &challenge) == ERR_OK;
	if (good)
		out->challenge = arena_copy(arena, buf_span(&challenge));
	buf_clear(&challenge);
	return good && out->challenge.ptr;
}

enum err client_data_read(struct span json, struct arena *arena, struct client_data *out)
{
	json_t *object;
	bool good;

	*out = (struct client_data){ .cross_origin = false };
	if (json.len > CLIENT_DATA_MAX)
		return ERR_LIMIT;
	object = json_loadb(json.ptr ? json.ptr : "", json.len, JSON_REJECT_DUPLICATES, NULL);
	good = object && read(object, arena, out);
	json_decref(object);
	return good ? ERR_OK : ERR_SYNTAX;
}
