/* api/given.c: what was given and is not right; which fields are wanted. */
#include "api/given.h"

#include <jansson.h>

#include "daemon/mime/text.h"

#define FOLD_MAX 4096

void given_is_wrong(struct api_call *c, enum err e, const char *field, const struct note *why)
{
	const char *words = why && why->text[0] ? why->text : "the value is not valid";

	call_abandon(c, e, why);
	if (e == ERR_SYNTAX || e == ERR_LIMIT)
		call_reply_problem(c, 422, "invalid", field, "%s", words);
	else if (e == ERR_NOT_FOUND)
		call_reply_problem(c, 422, "no_such_domain", field, "%s", words);
}

struct change *given_real_change(struct change *change)
{
	if (!change->before || !change->after || !json_equal(change->before, change->after))
		return change;
	json_decref(change->before);
	json_decref(change->after);
	return NULL;
}

struct span given_domain(struct api_call *c, struct span name)
{
	struct span normal;

	return name.len <= ADDRESS_MAX && address_domain_normal(name, &c->arena, &normal) == ERR_OK ? normal : name;
}

struct span given_domain_of(struct span address)
{
	size_t at = address.len;

	while (at > 0 && address.ptr[at - 1] != '@')
		at--;
	return span_skip(address, at);
}

struct span given_pattern(struct api_call *c, struct span pattern)
{
	struct span domain = given_domain_of(pattern), local = span_take(pattern, pattern.len - domain.len);

	if (local.len == 0 || domain.len == 0 || span_equals(domain, SPAN("*")))
		return pattern;
	domain = given_domain(c, domain);
	return arena_printf(&c->arena, "%.*s%.*s", (int)local.len, local.ptr, (int)domain.len, domain.ptr);
}

struct span given_hop(struct api_call *c, struct span name)
{
	return span_find_char(name, ':', &(size_t){ 0 }) ? given_fold(c, name) : given_domain(c, name);
}

enum err given_reaches(struct api_call *c, struct span address, struct note *why)
{
	struct span domain = given_domain(c, given_domain_of(address));

	if (call_reaches_domain(c, domain))
		return ERR_OK;
	note_set(why, "%.*s: not a domain of this server", (int)(domain.len < 100 ? domain.len : 100), domain.ptr);
	return ERR_NOT_FOUND;
}

json_t *given_fields(struct api_call *c, json_t *item)
{
	size_t count;
	const struct span *names = call_query_list(c, "fields", &count);
	const char *key;
	json_t *value, *kept;

	if (count == 0 || !item)
		return item;
	kept = json_object();
	json_object_foreach(item, key, value)
	{
		for (size_t i = 0; i < count; i++)
			if (span_equals(names[i], span_str(key)))
				json_object_set(kept, key, value);
	}
	json_decref(item);
	return kept;
}

/* Without case by RFC 5051 where there is more than ASCII. */
struct span given_fold(struct api_call *c, struct span needle)
{
	struct buf folded;
	struct span out;

	buf_init(&folded, FOLD_MAX);
	if (span_is_ascii(needle))
		for (size_t i = 0; i < needle.len; i++)
			buf_add_char(&folded, ascii_lower(needle.ptr[i]));
	else
		text_casemap(needle, &folded);
	out = arena_copy(&c->arena, buf_span(&folded));
	buf_clear(&folded);
	return out;
}

static bool holds_mapped(struct span text, struct span needle)
{
	struct buf folded;
	size_t at;
	bool holds;

	if (span_is_ascii(text))
		return false;
	buf_init(&folded, FOLD_MAX);
	text_casemap(text, &folded);
	holds = span_find(buf_span(&folded), needle, &at);
	buf_clear(&folded);
	return holds;
}

bool given_holds(struct span text, struct span needle)
{
	if (needle.len == 0)
		return true;
	if (!span_is_ascii(needle))
		return holds_mapped(text, needle);
	for (size_t i = 0; i + needle.len <= text.len; i++) {
		size_t n = 0;

		while (n < needle.len && ascii_lower(text.ptr[i + n]) == needle.ptr[n])
			n++;
		if (n == needle.len)
			return true;
	}
	return false;
}
