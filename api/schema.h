/* api/schema.h: the JSON Schema of openapi.json as C structs: compiled once, never changed afterwards. Internal to api/.
 *
 * The subset (2020-12, as OpenAPI 3.1 has it): type, enum, const, minLength, maxLength (characters), minimum, maximum, minItems, maxItems,
 * uniqueItems, items, properties, required, additionalProperties, format, default, readOnly, writeOnly, $ref within the document; oneOf in answers
 * only. Titles, descriptions and examples are for people. Any other keyword is an error: nothing is documented that is not enforced.
 */
#ifndef POSTROOM_API_SCHEMA_H
#define POSTROOM_API_SCHEMA_H

#include "daemon/base/arena.h"

struct json_t;

/* Bits of `types`. */
enum { SCHEMA_NULL = 1,
       SCHEMA_BOOLEAN = 2,
       SCHEMA_INTEGER = 4,
       SCHEMA_NUMBER = 8,
       SCHEMA_STRING = 16,
       SCHEMA_ARRAY = 32,
       SCHEMA_OBJECT = 64,
       SCHEMA_ANY = 127 };

/* Others (email, uri, password...) say something to people only. */
enum schema_format { FORMAT_NONE,
		     FORMAT_DATE_TIME /* RFC 3339 */ };

struct schema_field {
	struct span name;
	const struct schema *schema;
	bool required;
};

struct schema {
	unsigned types;
	enum schema_format format;
	bool closed, unique, read_only, has_minimum, has_maximum;
	size_t min_length, max_length, min_items, max_items; /* SIZE_MAX: no ceiling */
	int64_t minimum, maximum;
	const struct json_t *choices, *constant; /* enum (an array), const; null: any value */
	const struct json_t *fallback;           /* default */
	const struct schema_field *fields;       /* sorted by name */
	size_t field_count;
	const struct schema *others; /* of fields without a name here; null: see `closed` */
	const struct schema *items;
};

/* Where schemas come from: a document with components, and the arena that the compiled ones live in. */
struct schema_book;
struct schema_book *schema_book_new(struct arena *a, const struct json_t *document); /* null: no memory */

enum schema_use { SCHEMA_ASKED, /* a request: objects are closed unless they say otherwise */
		  SCHEMA_ANSWERED };

/* `where` (for words): "paths./api/v1/users.post.requestBody". ERR_CORRUPT: a keyword, a type, a $ref that is not right. */
enum err schema_compile(struct schema_book *book, const struct json_t *source, enum schema_use use, const char *where, const struct schema **out, struct note *why) MUST_CHECK;
/* What a {"$ref": "#/components/..."} stands for, else `value` itself; null: dangling. */
const struct json_t *schema_follow(const struct schema_book *book, const struct json_t *value);

/* Null: it has none of this name. */
const struct schema_field *schema_field(const struct schema *s, struct span name);

#endif
