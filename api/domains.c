/* api/domains.c: /domains. */
#include <jansson.h>

#include "api/given.h"
#include "api/listing.h"
#include "api/resources.h"
#include "daemon/directory/manage.h"
#include "daemon/events/events.h"

static json_t *domain_json(struct span name)
{
	return json_pack("{s:o}", "name", json_span(name));
}

struct domain_list {
	const struct api_call *c;
	const struct span *domains;
	struct span needle;
};

static bool domain_fits(void *arg, size_t i)
{
	const struct domain_list *l = arg;

	return call_reaches_domain(l->c, l->domains[i]) && given_holds(l->domains[i], l->needle);
}

static struct span domain_key(void *arg, size_t i)
{
	return ((const struct domain_list *)arg)->domains[i];
}

static int domain_compare(void *arg, size_t i, struct span key)
{
	return span_compare(((const struct domain_list *)arg)->domains[i], key);
}

static json_t *domain_show(void *arg, size_t i)
{
	return domain_json(((const struct domain_list *)arg)->domains[i]);
}

void api_domains_list(struct api_call *c)
{
	const struct snapshot *s = call_directory(c);
	struct domain_list l = { .c = c, .needle = given_fold(c, call_query(c, "q")) };
	struct listing listing = { .arg = &l, .fits = domain_fits, .key = domain_key, .compare = domain_compare, .show = domain_show };

	listing.count = snapshot_domains(s, &l.domains);
	listing.descending = span_starts(call_query(c, "sort"), SPAN("-"));
	listing_reply(c, &listing);
	call_release(c, &s);
}

/* What the caller does not reach is not there for them. */
static bool has_domain(struct api_call *c, struct span name)
{
	const struct snapshot *s = call_directory(c);
	bool has = call_reaches_domain(c, name) && snapshot_has_domain(s, name);

	call_release(c, &s);
	return has;
}

void api_domain_get(struct api_call *c)
{
	struct span name = given_domain(c, c->args[0]);
	json_t *out;

	if (!has_domain(c, name)) {
		call_reply_problem(c, 404, "not_found", NULL, "there is no such domain");
		return;
	}
	out = domain_json(name);
	call_reply_json(c, 200, &out);
}

/* In the batch: adds and answers. */
static void add(struct api_call *c, struct span given, const char *field)
{
	struct span name = given_domain(c, given);
	struct change change = { .verb = "create", .subject = name, .domain = name, .event = EVENT_DOMAIN_CHANGED };
	struct note why = { "" };
	enum err e = directory_domain_add(c->context->directory, given, &why);
	json_t *out;

	if (e == ERR_OK && !call_reaches_domain(c, name)) {
		note_set(&why, "the token does not reach this domain");
		e = ERR_DENIED;
	}
	if (e != ERR_OK) {
		given_is_wrong(c, e, field, &why);
		return;
	}
	change.after = domain_json(name);
	out = domain_json(name);
	call_location(c, "domains", name);
	(void)call_finish(c, 201, &out, &change);
}

void api_domain_create(struct api_call *c)
{
	if (call_begin(c))
		add(c, body_text(c, "name"), "name");
}

void api_domain_put(struct api_call *c)
{
	struct span name = given_domain(c, c->args[0]);
	json_t *now;

	if (!call_begin(c))
		return;
	now = has_domain(c, name) ? domain_json(name) : json_null();
	if (call_if_match(c, now)) {
		if (json_is_null(now)) {
			add(c, c->args[0], NULL);
		} else {
			json_t *out = json_incref(now);

			(void)call_finish(c, 200, &out, NULL);
		}
	}
	json_decref(now);
}

void api_domain_delete(struct api_call *c)
{
	struct span name = given_domain(c, c->args[0]);
	struct change change = { .verb = "delete", .subject = name, .domain = name, .event = EVENT_DOMAIN_CHANGED };
	struct note why = { "" };
	enum err e = ERR_NOT_FOUND;

	if (!call_begin(c))
		return;
	change.before = domain_json(name);
	if (has_domain(c, name)) {
		if (!call_if_match(c, change.before)) {
			json_decref(change.before);
			return;
		}
		e = directory_domain_remove(c->context->directory, name, &why);
	} else {
		note_set(&why, "there is no such domain");
	}
	if (e != ERR_OK) {
		json_decref(change.before);
		call_abandon(c, e, &why);
		return;
	}
	(void)call_finish(c, 204, NULL, &change);
}
