/* api/domains.c: /domains. */
#include <jansson.h>

#include "api/domain.h"
#include "api/given.h"
#include "api/jobs.h"
#include "api/listing.h"
#include "api/resources.h"
#include "daemon/directory/manage.h"
#include "daemon/events/events.h"

struct domain_list {
	const struct api_call *c;
	const struct domain *domains;
	struct span needle;
};

static bool domain_fits(void *arg, size_t i)
{
	const struct domain_list *l = arg;

	return call_reaches_domain(l->c, l->domains[i].name) && given_holds(l->domains[i].name, l->needle);
}

static struct span domain_key(void *arg, size_t i)
{
	return ((const struct domain_list *)arg)->domains[i].name;
}

static int domain_compare(void *arg, size_t i, struct span key)
{
	return span_compare(((const struct domain_list *)arg)->domains[i].name, key);
}

static json_t *domain_show(void *arg, size_t i)
{
	return domain_json(&((const struct domain_list *)arg)->domains[i]);
}

void api_domains_list(struct api_call *c)
{
	const struct snapshot *s = call_directory(c);
	struct domain_list l = { .c = c, .needle = given_fold(c, call_query(c, "q")) };
	struct listing listing = { .arg = &l, .fits = domain_fits, .key = domain_key, .compare = domain_compare, .show = domain_show };

	listing.count = snapshot_domain_rows(s, &l.domains);
	listing.descending = span_starts(call_query(c, "sort"), SPAN("-"));
	listing_reply(c, &listing);
	call_release(c, &s);
}

/* What the caller does not reach is not there for them. */
static const struct domain *find(struct api_call *c, const struct snapshot *s, struct span name)
{
	return call_reaches_domain(c, name) ? snapshot_domain(s, name) : NULL;
}

void api_domain_get(struct api_call *c)
{
	const struct snapshot *s = call_directory(c);
	const struct domain *d = find(c, s, given_domain(c, c->args[0]));
	json_t *out = d ? domain_json(d) : NULL;

	call_release(c, &s);
	if (out)
		call_reply_json(c, 200, &out);
	else
		call_reply_problem(c, 404, "not_found", NULL, "there is no such domain");
}

/* Was mail to it held before the batch? Then it does not stay so when it is held no more. */
static bool was_held(struct api_call *c, struct span name)
{
	const struct snapshot *s = directory_hold(c->context->directory);
	bool held = domain_holds(s, name);

	snapshot_release(&s);
	return held;
}

/* The commit, and what follows it. Takes the answer and the change in every case. */
static void commit(struct api_call *c, int status, json_t **out, struct change *change, bool lets_go)
{
	const struct span name = change->subject;
	struct job *job = NULL;
	enum err e = lets_go ? domain_release(c, &name, 1, &job) : ERR_OK;
	bool done;

	if (e) {
		if (out)
			json_decref(*out);
		json_decref(change->before);
		json_decref(change->after);
		call_abandon(c, e, NULL);
		return;
	}
	done = call_finish(c, status, out, given_real_change(change));
	job_begin(c, &job, done);
	if (done && status == 200)
		domain_settle(c->context, name);
}

/* Answers with the domain as the batch has made it; `before` is taken. */
static void finish(struct api_call *c, int status, struct span name, json_t *before)
{
	struct change change = { .verb = status == 201 ? "create" : "update", .subject = name, .domain = name, .event = EVENT_DOMAIN_CHANGED };
	const struct snapshot *s = call_directory(c);
	const struct domain *d = snapshot_domain(s, name);
	json_t *out = d ? domain_json(d) : NULL;
	bool lets_go = status == 200 && !domain_holds(s, name) && was_held(c, name);

	call_release(c, &s);
	if (!out) {
		json_decref(before);
		call_abandon(c, ERR_TEMP, NULL);
		return;
	}
	change.before = json_is_null(before) ? NULL : before;
	change.after = json_incref(out);
	if (status == 201)
		call_location(c, "domains", name);
	commit(c, status, &out, &change, lets_go);
}

/* In the batch. `field` is that of the name. */
static void add(struct api_call *c, struct span given, const char *field)
{
	struct domain fresh = { .name = given_domain(c, given) };
	struct note why = { "" };
	enum err e = directory_domain_add(c->context->directory, given, &why);

	if (e == ERR_OK && !call_reaches_domain(c, fresh.name)) {
		note_set(&why, "the token does not reach this domain");
		e = ERR_DENIED;
	}
	if (e == ERR_OK)
		e = domain_read(c, c->body, true, &fresh, &field, &why);
	if (e == ERR_OK)
		e = directory_domain_set(c->context->directory, &fresh, &why);
	if (e != ERR_OK)
		given_is_wrong(c, e, field, &why);
	else
		finish(c, 201, fresh.name, json_null());
}

void api_domain_create(struct api_call *c)
{
	if (call_begin(c))
		add(c, body_text(c, "name"), "name");
}

/* In the batch; `before` is taken. */
static void update(struct api_call *c, struct span name, bool all, json_t *before)
{
	const struct snapshot *s = directory_hold(c->context->directory);
	const struct domain *now = snapshot_domain(s, name);
	struct domain fresh = now ? *now : (struct domain){ .name = name };
	const char *field = "";
	struct note why = { "" };
	enum err e = domain_read(c, c->body, all, &fresh, &field, &why);

	if (!e)
		e = domain_change(c, s, &fresh, &why);
	snapshot_release(&s);
	if (!e) {
		finish(c, 200, name, before);
		return;
	}
	json_decref(before);
	given_is_wrong(c, e, field, &why);
}

/* Opens the batch and looks at the domain of the path; null JSON when it is not there. False: answered. */
static bool begin(struct api_call *c, bool create, struct span *name_out, json_t **before_out)
{
	struct note why = { "" };
	const struct snapshot *s;
	const struct domain *d;

	*name_out = given_domain(c, c->args[0]);
	if (!call_begin(c))
		return false;
	s = call_directory(c);
	d = find(c, s, *name_out);
	*before_out = d ? domain_json(d) : json_null();
	call_release(c, &s);
	if (!d && !create) {
		note_set(&why, "there is no such domain");
		call_abandon(c, ERR_NOT_FOUND, &why);
		return false;
	}
	if (call_if_match(c, *before_out))
		return true;
	json_decref(*before_out);
	return false;
}

void api_domain_put(struct api_call *c)
{
	struct span name;
	json_t *before;

	if (!begin(c, true, &name, &before))
		return;
	if (json_is_null(before))
		add(c, c->args[0], NULL);
	else
		update(c, name, true, before);
}

void api_domain_update(struct api_call *c)
{
	struct span name;
	json_t *before;

	if (begin(c, false, &name, &before))
		update(c, name, false, before);
}

void api_domain_delete(struct api_call *c)
{
	struct change change = { .verb = "delete", .event = EVENT_DOMAIN_CHANGED };
	struct note why = { "" };
	enum err e;

	if (!begin(c, false, &change.subject, &change.before))
		return;
	change.domain = change.subject;
	e = directory_domain_remove(c->context->directory, change.subject, &why);
	if (e != ERR_OK) {
		json_decref(change.before);
		call_abandon(c, e, &why);
		return;
	}
	commit(c, 204, NULL, &change, was_held(c, change.subject));
}
