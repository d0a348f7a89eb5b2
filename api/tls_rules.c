/* api/tls_rules.c: /tls_rules: what TLS a destination must have, whatever DANE, MTA-STS and chance say. */
#include <jansson.h>

#include "api/given.h"
#include "api/listing.h"
#include "api/resources.h"
#include "api/tls_rule.h"
#include "daemon/directory/manage.h"
#include "daemon/events/events.h"

static struct span key(void *arg, size_t i)
{
	return ((const struct tls_rule *)arg)[i].domain;
}

static int compare(void *arg, size_t i, struct span after)
{
	return span_compare(key(arg, i), after);
}

static json_t *show(void *arg, size_t i)
{
	return tls_rule_json(&((const struct tls_rule *)arg)[i], false);
}

void api_tls_rules_list(struct api_call *c)
{
	const struct snapshot *s = call_directory(c);
	const struct tls_rule *rules;
	struct listing listing = { .count = snapshot_tls_rules(s, &rules), .key = key, .compare = compare, .show = show };

	listing.arg = (void *)(uintptr_t)rules;
	listing_reply(c, &listing);
	call_release(c, &s);
}

/* Null: there is none. */
static json_t *find_json(struct api_call *c, struct span domain)
{
	const struct snapshot *s = call_directory(c);
	const struct tls_rule *rule = snapshot_tls_rule(s, domain);
	json_t *out = rule ? tls_rule_json(rule, false) : NULL;

	call_release(c, &s);
	return out;
}

void api_tls_rule_get(struct api_call *c)
{
	json_t *out = find_json(c, given_domain(c, c->args[0]));

	if (out)
		call_reply_json(c, 200, &out);
	else
		call_reply_problem(c, 404, "not_found", NULL, "there is no such TLS rule");
}

void api_tls_rule_put(struct api_call *c)
{
	struct change change = { .verb = "update", .subject = given_domain(c, c->args[0]), .event = EVENT_TLS_RULE_CHANGED };
	const struct tls_rule rule = tls_rule_read(c, change.subject, c->body);
	struct note why = { "" };
	json_t *before, *out;
	bool is_new;
	enum err e;

	if (!call_begin(c))
		return;
	before = find_json(c, change.subject);
	is_new = !before;
	if (is_new)
		before = json_null();
	if (!call_if_match(c, before)) {
		json_decref(before);
		return;
	}
	e = directory_tls_rule_set(c->context->directory, &rule, &why);
	if (e) {
		json_decref(before);
		given_is_wrong(c, e, "names", &why);
		return;
	}
	out = find_json(c, change.subject);
	if (is_new) {
		change.verb = "create";
		call_location(c, "tls_rules", change.subject);
	}
	change.before = is_new ? NULL : before;
	change.after = json_incref(out);
	(void)call_finish(c, is_new ? 201 : 200, &out, given_real_change(&change));
}

void api_tls_rule_delete(struct api_call *c)
{
	struct change change = { .verb = "delete", .subject = given_domain(c, c->args[0]), .event = EVENT_TLS_RULE_CHANGED };
	struct note why = { "" };
	enum err e;

	if (!call_begin(c))
		return;
	change.before = find_json(c, change.subject);
	if (!change.before) {
		note_set(&why, "there is no such TLS rule");
		call_abandon(c, ERR_NOT_FOUND, &why);
		return;
	}
	if (!call_if_match(c, change.before)) {
		json_decref(change.before);
		return;
	}
	e = directory_tls_rule_remove(c->context->directory, change.subject, &why);
	if (!e) {
		(void)call_finish(c, 204, NULL, &change);
		return;
	}
	json_decref(change.before);
	call_abandon(c, e, &why);
}
