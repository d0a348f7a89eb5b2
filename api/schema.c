/* api/schema.c: the document's schemas as C structs.
 *
 * (1) Each source object is compiled once for each use; a $ref leads to the struct of its target, which may still be in the making: recursion costs nothing.
 * (2) A keyword that could not bite (minLength beside "integer") is as wrong as an unknown one.
 */
#include "api/schema.h"

#include <jansson.h>
#include <stdlib.h>

#define NESTING_MAX 32
#define REF_HOPS_MAX 8
#define UNIQUE_ITEMS_MAX 1000 /* compared each with each */

struct compiled {
	const json_t *source;
	enum schema_use use;
	struct schema *schema;
	struct compiled *next;
};

struct schema_book {
	struct arena *arena;
	const json_t *document;
	struct compiled *list;
};

struct compiler {
	struct schema_book *book;
	enum schema_use use;
	const char *where;
	unsigned depth;
	struct note *why;
};

struct schema_book *schema_book_new(struct arena *a, const json_t *document)
{
	struct schema_book *book = arena_alloc(a, sizeof *book);

	if (book) {
		book->arena = a;
		book->document = document;
	}
	return book;
}

/* "#/components/schemas/Domain": names here need no escapes of RFC 6901. */
static const json_t *look_up(const struct schema_book *book, const char *ref)
{
	struct span rest = span_str(ref), step;
	const json_t *at = book->document;

	if (!span_split(&rest, '/', &step) || !span_equals(step, SPAN("#")))
		return NULL;
	while (at && span_split(&rest, '/', &step))
		at = json_object_getn(at, step.ptr, step.len);
	return at;
}

const json_t *schema_follow(const struct schema_book *book, const json_t *value)
{
	for (int hops = 0; hops < REF_HOPS_MAX; hops++) {
		const json_t *ref = json_object_get(value, "$ref");

		if (!ref)
			return value;
		value = json_is_string(ref) ? look_up(book, json_string_value(ref)) : NULL;
		if (!value)
			return NULL;
	}
	return NULL;
}

static enum err complain(const struct compiler *c, const char *keyword, const char *words)
{
	note_set(c->why, "%s: %s: %s", c->where, keyword, words);
	return ERR_CORRUPT;
}

static enum err compile(struct compiler *c, const json_t *source, const struct schema **out);

static unsigned type_bit(const char *name)
{
	static const struct {
		const char *name;
		unsigned bit;
	} types[] = { { "null", SCHEMA_NULL }, { "boolean", SCHEMA_BOOLEAN }, { "integer", SCHEMA_INTEGER }, { "number", SCHEMA_NUMBER | SCHEMA_INTEGER }, { "string", SCHEMA_STRING }, { "array", SCHEMA_ARRAY }, { "object", SCHEMA_OBJECT } };

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (name && strcmp(types[i].name, name) == 0)
			return types[i].bit;
	return 0;
}

static enum err read_types(struct compiler *c, const json_t *value, struct schema *s)
{
	s->types = type_bit(json_string_value(value));
	for (size_t i = 0; i < json_array_size(value); i++) {
		unsigned bit = type_bit(json_string_value(json_array_get(value, i)));

		if (bit == 0 || (s->types & bit) == bit)
			return complain(c, "type", "not a type, or twice");
		s->types |= bit;
	}
	return s->types ? ERR_OK : complain(c, "type", "not a type");
}

static enum err read_size(struct compiler *c, const char *keyword, const json_t *value, size_t *out)
{
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return complain(c, keyword, "not a size");
	*out = (size_t)json_integer_value(value);
	return ERR_OK;
}

static enum err read_bound(struct compiler *c, const char *keyword, const json_t *value, bool *has_out, int64_t *out)
{
	if (!json_is_integer(value))
		return complain(c, keyword, "not an integer");
	*has_out = true;
	*out = json_integer_value(value);
	return ERR_OK;
}

static enum err read_flag(struct compiler *c, const char *keyword, const json_t *value, bool *out)
{
	if (!json_is_boolean(value))
		return complain(c, keyword, "not a boolean");
	*out = json_is_true(value);
	return ERR_OK;
}

static enum err read_minimum(struct compiler *c, const json_t *value, struct schema *s)
{
	return read_bound(c, "minimum", value, &s->has_minimum, &s->minimum);
}

static enum err read_maximum(struct compiler *c, const json_t *value, struct schema *s)
{
	return read_bound(c, "maximum", value, &s->has_maximum, &s->maximum);
}

static enum err read_min_length(struct compiler *c, const json_t *value, struct schema *s)
{
	return read_size(c, "minLength", value, &s->min_length);
}

static enum err read_max_length(struct compiler *c, const json_t *value, struct schema *s)
{
	return read_size(c, "maxLength", value, &s->max_length);
}

static enum err read_min_items(struct compiler *c, const json_t *value, struct schema *s)
{
	return read_size(c, "minItems", value, &s->min_items);
}

static enum err read_max_items(struct compiler *c, const json_t *value, struct schema *s)
{
	return read_size(c, "maxItems", value, &s->max_items);
}

static enum err read_unique(struct compiler *c, const json_t *value, struct schema *s)
{
	return read_flag(c, "uniqueItems", value, &s->unique);
}

static enum err read_read_only(struct compiler *c, const json_t *value, struct schema *s)
{
	return read_flag(c, "readOnly", value, &s->read_only);
}

static enum err read_enum(struct compiler *c, const json_t *value, struct schema *s)
{
	if (json_array_size(value) == 0)
		return complain(c, "enum", "not a list of values");
	s->choices = value;
	return ERR_OK;
}

static enum err read_const(struct compiler *c, const json_t *value, struct schema *s)
{
	(void)c;
	s->constant = value;
	return ERR_OK;
}

static enum err read_default(struct compiler *c, const json_t *value, struct schema *s)
{
	(void)c;
	s->fallback = value;
	return ERR_OK;
}

static enum err read_format(struct compiler *c, const json_t *value, struct schema *s)
{
	static const char *const known[] = { "email", "idn-email", "hostname", "uri", "password", "ipv4", "ipv6", "byte", "date" };

	if (!json_is_string(value))
		return complain(c, "format", "not a string");
	if (strcmp(json_string_value(value), "date-time") == 0) {
		s->format = FORMAT_DATE_TIME;
		return ERR_OK;
	}
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcmp(json_string_value(value), known[i]) == 0)
			return ERR_OK;
	return complain(c, "format", "not known");
}

static enum err read_items(struct compiler *c, const json_t *value, struct schema *s)
{
	return compile(c, value, &s->items);
}

static enum err read_others(struct compiler *c, const json_t *value, struct schema *s)
{
	s->closed = json_is_false(value);
	if (json_is_boolean(value))
		return ERR_OK;
	return compile(c, value, &s->others);
}

static int by_name(const void *a, const void *b)
{
	return span_compare(((const struct schema_field *)a)->name, ((const struct schema_field *)b)->name);
}

static enum err read_properties(struct compiler *c, const json_t *value, struct schema *s)
{
	struct schema_field *fields = arena_array(c->book->arena, json_object_size(value) + 1, sizeof *fields);
	const char *key;
	json_t *field;

	if (!json_is_object(value))
		return complain(c, "properties", "not an object");
	if (!fields)
		return ERR_TEMP;
	json_object_foreach((json_t *)value, key, field) /* reads only */
	{
		enum err e = compile(c, field, &fields[s->field_count].schema);

		if (e != ERR_OK)
			return e;
		fields[s->field_count++].name = span_str(key);
	}
	qsort(fields, s->field_count, sizeof *fields, by_name);
	s->fields = fields;
	return ERR_OK;
}

/* After "properties", whatever the order in the source. */
static enum err read_required(struct compiler *c, const json_t *value, struct schema *s)
{
	if (!json_is_array(value))
		return complain(c, "required", "not a list");
	for (size_t i = 0; i < json_array_size(value); i++) {
		const char *name = json_string_value(json_array_get(value, i));
		struct schema_field key = { .name = span_str(name) };
		struct schema_field *field = name && s->field_count ? bsearch(&key, s->fields, s->field_count, sizeof key, by_name) : NULL;

		if (!field || field->required)
			return complain(c, "required", name ? name : "not a name");
		field->required = true;
	}
	return ERR_OK;
}

/* Answers only: what the daemon writes, and what clients are told to expect. */
static enum err read_one_of(struct compiler *c, const json_t *value, struct schema *s)
{
	const struct schema *member;

	if (c->use != SCHEMA_ANSWERED || json_array_size(value) < 2)
		return complain(c, "oneOf", "for answers only, and at least two");
	s->types = SCHEMA_ANY;
	for (size_t i = 0; i < json_array_size(value); i++) {
		enum err e = compile(c, json_array_get(value, i), &member);

		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

/* In the order in which they are read. `types`: one of them must be among the schema's; 0: says nothing about values. */
static const struct keyword {
	const char *name;
	unsigned types;
	enum err (*read)(struct compiler *c, const json_t *value, struct schema *s);
} keywords[] = {
	{ "type", SCHEMA_ANY, read_types },
	{ "oneOf", SCHEMA_ANY, read_one_of },
	{ "enum", SCHEMA_ANY, read_enum },
	{ "const", SCHEMA_ANY, read_const },
	{ "default", 0, read_default },
	{ "readOnly", 0, read_read_only },
	{ "format", SCHEMA_STRING, read_format },
	{ "minLength", SCHEMA_STRING, read_min_length },
	{ "maxLength", SCHEMA_STRING, read_max_length },
	{ "minimum", SCHEMA_INTEGER, read_minimum },
	{ "maximum", SCHEMA_INTEGER, read_maximum },
	{ "items", SCHEMA_ARRAY, read_items },
	{ "minItems", SCHEMA_ARRAY, read_min_items },
	{ "maxItems", SCHEMA_ARRAY, read_max_items },
	{ "uniqueItems", SCHEMA_ARRAY, read_unique },
	{ "properties", SCHEMA_OBJECT, read_properties },
	{ "required", SCHEMA_OBJECT, read_required },
	{ "additionalProperties", SCHEMA_OBJECT, read_others },
	{ "title", 0, NULL },
	{ "description", 0, NULL },
	{ "example", 0, NULL },
	{ "examples", 0, NULL },
	{ "deprecated", 0, NULL },
	{ "writeOnly", 0, NULL },
};

#define KEYWORDS (sizeof keywords / sizeof keywords[0])

/* Every key is a keyword, and whether any of them says something about values. */
static enum err check_keys(struct compiler *c, const json_t *source, bool *says_out)
{
	const char *key;
	json_t *value;

	*says_out = false;
	json_object_foreach((json_t *)source, key, value) /* reads only */
	{
		size_t i = 0;

		while (i < KEYWORDS && strcmp(keywords[i].name, key) != 0)
			i++;
		if (i == KEYWORDS)
			return complain(c, key, "this keyword is not among those that are enforced");
		*says_out |= keywords[i].types != 0;
	}
	return ERR_OK;
}

static enum err check_sense(struct compiler *c, const struct schema *s)
{
	if (s->unique && s->max_items > UNIQUE_ITEMS_MAX && c->use == SCHEMA_ASKED)
		return complain(c, "uniqueItems", "needs a maxItems that is not large");
	if (s->min_length > s->max_length || s->min_items > s->max_items || (s->has_minimum && s->has_maximum && s->minimum > s->maximum))
		return complain(c, "minimum", "above the maximum");
	if ((s->types & SCHEMA_ARRAY) && s->types != SCHEMA_ANY && !s->items)
		return complain(c, "items", "missing");
	return ERR_OK;
}

static enum err fill(struct compiler *c, const json_t *source, struct schema *s)
{
	bool says;
	enum err e;

	s->types = SCHEMA_ANY;
	s->max_length = s->max_items = SIZE_MAX;
	s->closed = c->use == SCHEMA_ASKED;
	e = check_keys(c, source, &says);
	if (e == ERR_OK && says && !json_object_get(source, "type") && !json_object_get(source, "oneOf"))
		e = complain(c, "type", "missing");
	for (size_t i = 0; i < KEYWORDS && e == ERR_OK; i++) {
		const json_t *value = json_object_get(source, keywords[i].name);

		if (!value || !keywords[i].read)
			continue;
		if (keywords[i].types && !(keywords[i].types & s->types))
			e = complain(c, keywords[i].name, "says nothing about this type");
		else
			e = keywords[i].read(c, value, s);
	}
	return e == ERR_OK ? check_sense(c, s) : e;
}

static struct compiled *find(const struct compiler *c, const json_t *source)
{
	for (struct compiled *at = c->book->list; at; at = at->next)
		if (at->source == source && at->use == c->use)
			return at;
	return NULL;
}

/* Beside a $ref stands at most a description. */
static enum err follow(struct compiler *c, const json_t **source)
{
	const json_t *ref = json_object_get(*source, "$ref");
	const json_t *target = schema_follow(c->book, *source);

	if (ref && json_object_size(*source) > (json_object_get(*source, "description") ? 2u : 1u))
		return complain(c, "$ref", "only a description may stand beside it");
	if (!json_is_object(target))
		return complain(c, json_is_string(ref) ? json_string_value(ref) : "schema", "leads nowhere");
	*source = target;
	return ERR_OK;
}

static enum err compile(struct compiler *c, const json_t *source, const struct schema **out)
{
	struct compiled *entry;
	enum err e;

	if (c->depth == NESTING_MAX)
		return complain(c, "schema", "nested too deeply");
	e = follow(c, &source);
	if (e != ERR_OK)
		return e;
	entry = find(c, source);
	if (!entry) {
		entry = arena_alloc(c->book->arena, sizeof *entry);
		if (!entry)
			return ERR_TEMP;
		entry->schema = arena_alloc(c->book->arena, sizeof *entry->schema);
		if (!entry->schema)
			return ERR_TEMP;
		entry->source = source;
		entry->use = c->use;
		entry->next = c->book->list;
		c->book->list = entry;
		c->depth++;
		e = fill(c, source, entry->schema);
		c->depth--;
	}
	*out = entry->schema;
	return e;
}

enum err schema_compile(struct schema_book *book, const json_t *source, enum schema_use use, const char *where, const struct schema **out, struct note *why)
{
	struct compiler c = { .book = book, .use = use, .where = where, .why = why };

	return compile(&c, source, out);
}

const struct schema_field *schema_field(const struct schema *s, struct span name)
{
	size_t low = 0, high = s->field_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = span_compare(s->fields[middle].name, name);

		if (order == 0)
			return &s->fields[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
