/* cli/cell.c: JSON values as text. Values from outside pass through here on their way to a terminal. */
#include "daemon/cli/cell.h"

#include <jansson.h>
#include <stdlib.h>

#include "daemon/mime/width.h"

#define NAME_MAX_LEN 63

void cell_clean(struct buf *out, struct span text)
{
	while (text.len > 0) {
		bool obeyed;
		struct span c = width_character(text, &obeyed);

		if (obeyed)
			buf_add_char(out, '?');
		else
			buf_add(out, c);
		text = span_skip(text, c.len);
	}
}

static void add_object(struct buf *out, json_t *object)
{
	const char *name, *between = "";
	json_t *value;

	/* Recipients and their like: who, and how it stands. */
	if (json_is_string(json_object_get(object, "address")) && json_is_string(json_object_get(object, "state"))) {
		cell_write(out, json_object_get(object, "address"));
		buf_add_char(out, ' ');
		cell_write(out, json_object_get(object, "state"));
		return;
	}
	json_object_foreach(object, name, value)
	{
		buf_addf(out, "%s", between);
		cell_clean(out, span_str(name));
		buf_add_char(out, '=');
		cell_write(out, value);
		between = " ";
	}
}

static void add_list(struct buf *out, json_t *list)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		buf_add_str(out, i > 0 ? ", " : "");
		cell_write(out, item);
	}
}

void cell_write(struct buf *out, json_t *value)
{
	if (json_is_string(value))
		cell_clean(out, span_make(json_string_value(value), json_string_length(value)));
	else if (json_is_integer(value))
		buf_addf(out, "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		buf_addf(out, "%.6g", json_real_value(value));
	else if (json_is_boolean(value))
		buf_add_str(out, json_is_true(value) ? "yes" : "no");
	else if (json_is_array(value))
		add_list(out, value);
	else if (json_is_object(value))
		add_object(out, value);
	else
		buf_add_char(out, '-');
}

void cell_write_raw(struct buf *out, json_t *value)
{
	json_t *item;
	size_t i, plain = 0;

	json_array_foreach(value, i, item) plain += json_is_string(item) || json_is_integer(item);
	if (json_is_string(value)) {
		buf_add(out, span_make(json_string_value(value), json_string_length(value)));
	} else if (json_is_array(value) && plain == json_array_size(value)) {
		json_array_foreach(value, i, item)
		{
			buf_add_str(out, i > 0 ? " " : "");
			cell_write_raw(out, item);
		}
	} else if (value && !json_is_null(value)) {
		char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

		buf_add_str(out, text);
		free(text);
	}
}

json_t *cell_member(json_t *object, struct span name)
{
	struct span part;
	char key[NAME_MAX_LEN + 1];

	while (object && span_split(&name, '.', &part)) {
		snprintf(key, sizeof key, "%.*s", (int)span_take(part, NAME_MAX_LEN).len, part.ptr);
		object = json_object_get(object, key);
	}
	return object;
}
