/* api/openapi_merge.c: one document of many files. */
#include "api/openapi_merge.h"

#include <jansson.h>
#include <string.h>

static enum err complain(struct note *why, const char *name, const char *where, const char *words)
{
	note_set(why, "openapi/%s: %s: %s", name, where, words);
	return ERR_CORRUPT;
}

/* What `from` has goes into `to`; `depth` levels of objects with the same name become one. `at`: the key that they have, for words. */
static enum err add(json_t *to, json_t *from, int depth, const char *at, const char *name, struct note *why)
{
	const char *key;
	json_t *value;

	json_object_foreach(from, key, value)
	{
		json_t *there = json_object_get(to, key);
		enum err e;

		if (!there) {
			if (json_object_set(to, key, value) != 0)
				return ERR_TEMP;
			continue;
		}
		if (depth == 0 || !json_is_object(there) || !json_is_object(value)) {
			/* The parameters of a path may stand in each file that has methods of it. */
			if (json_equal(there, value))
				continue;
			note_set(why, "openapi/%s: %s: %s: stands in another file too", name, at, key);
			return ERR_CORRUPT;
		}
		e = add(there, value, depth - 1, key, name, why);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

static enum err check_keys(const json_t *fragment, const char *name, struct note *why)
{
	static const char *const allowed[] = { "paths", "components", "x-problem-codes" };
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)fragment, key, value) /* reads only */
	{
		size_t i = 0;

		while (i < sizeof allowed / sizeof allowed[0] && strcmp(allowed[i], key) != 0)
			i++;
		if (i == sizeof allowed / sizeof allowed[0])
			return complain(why, name, key, "belongs to base.json, or nowhere");
		if (!json_is_object(value))
			return complain(why, name, key, "not an object");
	}
	return ERR_OK;
}

static enum err add_fragment(json_t **document, const struct openapi_fragment *f, struct note *why)
{
	json_error_t error;
	json_t *fragment = json_loadb((const char *)f->bytes, f->length, JSON_REJECT_DUPLICATES, &error);
	enum err e;

	if (!json_is_object(fragment)) {
		json_decref(fragment);
		note_set(why, "openapi/%s: line %d: %s", f->name, error.line, error.text);
		return ERR_CORRUPT;
	}
	if (!*document) {
		*document = fragment;
		return ERR_OK;
	}
	e = check_keys(fragment, f->name, why);
	/* Paths and their methods; sections of components and their names. */
	if (e == ERR_OK)
		e = add(*document, fragment, 2, "document", f->name, why);
	json_decref(fragment);
	return e;
}

enum err openapi_merge(const struct openapi_fragment *fragments, size_t count, json_t **out, struct note *why)
{
	json_t *document = NULL;
	enum err e = ERR_OK;

	for (size_t i = 0; i < count && e == ERR_OK; i++)
		e = add_fragment(&document, &fragments[i], why);
	if (e == ERR_OK && !document) {
		note_set(why, "openapi: no files");
		e = ERR_CORRUPT;
	}
	if (e == ERR_OK)
		*out = document;
	else
		json_decref(document);
	return e;
}
