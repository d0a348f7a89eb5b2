/* api/aliases.c: /aliases: addresses that stand for others; "@domain" is a catch-all. */
#include <jansson.h>

#include "api/alias.h"
#include "api/given.h"
#include "api/listing.h"
#include "api/resources.h"
#include "daemon/directory/manage.h"
#include "daemon/events/events.h"

struct alias_list {
	const struct api_call *c;
	const struct snapshot *s;
	struct alias_filter filter;
	const struct alias *aliases;
};

static bool fits(void *arg, size_t i)
{
	const struct alias_list *l = arg;

	return alias_fits(l->c, &l->filter, &l->aliases[i]);
}

static struct span key(void *arg, size_t i)
{
	return snapshot_alias_key(((const struct alias_list *)arg)->s, i);
}

static int compare(void *arg, size_t i, struct span after)
{
	return span_compare(key(arg, i), after);
}

static json_t *show(void *arg, size_t i)
{
	return alias_json(&((const struct alias_list *)arg)->aliases[i]);
}

void api_aliases_list(struct api_call *c)
{
	const struct snapshot *s = call_directory(c);
	struct alias_list l = { .c = c, .s = s, .filter = alias_filter_of_query(c) };
	struct listing listing = { .arg = &l, .fits = fits, .key = key, .compare = compare, .show = show };

	listing.count = snapshot_aliases(s, &l.aliases);
	listing.descending = span_starts(call_query(c, "sort"), SPAN("-"));
	listing_reply(c, &listing);
	call_release(c, &s);
}

void api_alias_get(struct api_call *c)
{
	const struct snapshot *s = call_directory(c);
	const struct alias *a;
	struct note why = { "" };
	enum err e = alias_find(c, s, c->args[0], &a, &why);
	json_t *out = e ? NULL : alias_json(a);

	call_release(c, &s);
	if (e)
		call_reply_error(c, e, &why);
	else
		call_reply_json(c, 200, &out);
}

/* Opens the batch. *before_out: null JSON for one that is not there. False: answered, and the batch is over. */
static bool begin(struct api_call *c, bool create, json_t **before_out)
{
	const struct snapshot *s;
	const struct alias *a;
	struct note why = { "" };
	enum err e;

	if (!call_begin(c))
		return false;
	s = call_directory(c);
	e = alias_find(c, s, c->args[0], &a, &why);
	*before_out = e ? json_null() : alias_json(a);
	call_release(c, &s);
	if (e && !create) {
		call_abandon(c, e, &why);
		return false;
	}
	if (call_if_match(c, *before_out))
		return true;
	json_decref(*before_out);
	return false;
}

/* Answers with the alias as the batch has made it; `before` is taken. */
static void finish(struct api_call *c, int status, struct span address, json_t *before)
{
	const struct snapshot *s = call_directory(c);
	const struct alias *a = snapshot_alias(s, address);
	struct change change = { .verb = status == 201 ? "create" : "update", .event = EVENT_ALIAS_CHANGED };
	json_t *out;

	if (!a) {
		call_release(c, &s);
		json_decref(before);
		call_abandon(c, ERR_TEMP, NULL);
		return;
	}
	change.subject = arena_copy(&c->arena, a->address);
	change.domain = given_domain_of(change.subject);
	change.before = json_is_null(before) ? NULL : before;
	change.after = alias_json(a);
	out = alias_json(a);
	call_release(c, &s);
	if (status == 201)
		call_location(c, "aliases", change.subject);
	(void)call_finish(c, status, &out, given_real_change(&change));
}

/* In the batch. */
static void create(struct api_call *c, struct span address, const char *field)
{
	struct note why = { "" };
	size_t count;
	const struct span *targets = body_texts(c, "targets", &count);
	enum err e = given_reaches(c, address, &why);

	if (!e)
		e = directory_alias_add(c->context->directory, address, targets, count, &why);
	if (e)
		given_is_wrong(c, e, field, &why);
	else
		finish(c, 201, address, json_null());
}

void api_alias_create(struct api_call *c)
{
	if (call_begin(c))
		create(c, body_text(c, "address"), "address");
}

static void update(struct api_call *c, json_t *before)
{
	struct note why = { "" };
	size_t count;
	const struct span *targets = body_texts(c, "targets", &count);
	enum err e = body_has(c, "targets") ? directory_alias_set(c->context->directory, c->args[0], targets, count, &why) : ERR_OK;

	if (!e) {
		finish(c, 200, c->args[0], before);
		return;
	}
	json_decref(before);
	given_is_wrong(c, e, "targets", &why);
}

void api_alias_put(struct api_call *c)
{
	json_t *before;

	if (!begin(c, true, &before))
		return;
	if (json_is_null(before))
		create(c, c->args[0], NULL);
	else
		update(c, before);
}

void api_alias_update(struct api_call *c)
{
	json_t *before;

	if (begin(c, false, &before))
		update(c, before);
}

void api_alias_delete(struct api_call *c)
{
	struct change change = { .verb = "delete", .event = EVENT_ALIAS_CHANGED };
	struct note why = { "" };
	json_t *before;
	enum err e;

	if (!begin(c, false, &before))
		return;
	change.subject = arena_copy(&c->arena, span_str(json_string_value(json_object_get(before, "address"))));
	change.domain = given_domain_of(change.subject);
	change.before = before;
	e = directory_alias_remove(c->context->directory, c->args[0], &why);
	if (!e) {
		(void)call_finish(c, 204, NULL, &change);
		return;
	}
	json_decref(before);
	call_abandon(c, e, &why);
}
