/* api/relays.c: /relays: the host that mail for a domain ("*": for all; "@domain": from a domain of ours) is handed to. Passwords go in and never come out. */
#include <jansson.h>

#include "api/config_values.h"
#include "api/given.h"
#include "api/listing.h"
#include "api/resources.h"
#include "daemon/directory/manage.h"
#include "daemon/events/events.h"

static json_t *relay_json(const struct relay_host *r)
{
	return json_pack("{s:o, s:o, s:i, s:s, s:o, s:b}", "domain", json_span(r->domain), "host", json_span(r->host), "port", (int)r->port, "tls", relay_tls_name(r->tls),
			 "user", json_span(r->user), "has_password", r->password.len > 0);
}

static struct span key(void *arg, size_t i)
{
	return ((const struct relay_host *)arg)[i].domain;
}

static int compare(void *arg, size_t i, struct span after)
{
	return span_compare(key(arg, i), after);
}

static json_t *show(void *arg, size_t i)
{
	return relay_json(&((const struct relay_host *)arg)[i]);
}

void api_relays_list(struct api_call *c)
{
	const struct snapshot *s = call_directory(c);
	const struct relay_host *relays;
	struct listing listing = { .count = snapshot_relays(s, &relays), .key = key, .compare = compare, .show = show };

	listing.arg = (void *)(uintptr_t)relays;
	listing_reply(c, &listing);
	call_release(c, &s);
}

void api_relay_get(struct api_call *c)
{
	const struct snapshot *s = call_directory(c);
	const struct relay_host *relay = snapshot_relay(s, relay_name(c, c->args[0]));
	json_t *out = relay ? relay_json(relay) : NULL;

	call_release(c, &s);
	if (out)
		call_reply_json(c, 200, &out);
	else
		call_reply_problem(c, 404, "not_found", NULL, "there is no such relay host");
}

/* The same user at the same host keeps the password that nobody can read here. Another host would be told it: who sets that has to know it. */
static struct relay_host given_relay(struct api_call *c, const struct relay_host *now)
{
	struct relay_host relay = {
		.domain = relay_name(c, c->args[0]),
		.host = body_text(c, "host"),
		.port = (uint16_t)body_number(c, "port"),
		.tls = relay_tls_of(body_text(c, "tls")),
		.user = body_text(c, "user"),
		.password = body_text(c, "password"),
	};

	if (relay.user.len > 0 && relay.password.len == 0 && now && span_equals(now->user, relay.user) && span_iequals(now->host, relay.host) && now->port == relay.port)
		relay.password = arena_copy(&c->arena, now->password);
	return relay;
}

static bool is_sound(struct api_call *c, const struct relay_host *relay)
{
	struct note why = { "" };
	const char *field = NULL;

	if ((relay->user.len > 0) != (relay->password.len > 0)) {
		field = "password";
		note_set(&why, "user and password go together");
	} else if (relay->user.len > 0 && relay->tls == RELAY_TLS_NONE) {
		field = "tls";
		note_set(&why, "a password is only sent over TLS: opportunistic, required or encrypted");
	}
	if (field)
		given_is_wrong(c, ERR_SYNTAX, field, &why);
	return !field;
}

static json_t *masked(json_t *relay, struct api_call *c)
{
	if (body_has(c, "password"))
		json_object_set_new(relay, "password", json_string("***"));
	return relay;
}

void api_relay_put(struct api_call *c)
{
	struct change change = { .verb = "update", .event = EVENT_RELAY_CHANGED };
	const struct relay_host *now;
	const struct snapshot *s;
	struct relay_host relay;
	struct note why = { "" };
	json_t *before, *out;
	bool is_new;
	enum err e;

	if (!call_begin(c))
		return;
	s = call_directory(c);
	now = snapshot_relay(s, relay_name(c, c->args[0]));
	before = now ? relay_json(now) : json_null();
	relay = given_relay(c, now);
	call_release(c, &s);
	if (!call_if_match(c, before) || !is_sound(c, &relay)) {
		json_decref(before);
		return;
	}
	e = directory_relay_set(c->context->directory, &relay, &why);
	if (e) {
		json_decref(before);
		given_is_wrong(c, e, e == ERR_NOT_FOUND ? NULL : "host", &why);
		return;
	}
	s = call_directory(c);
	now = snapshot_relay(s, relay.domain);
	out = now ? relay_json(now) : NULL;
	call_release(c, &s);
	is_new = json_is_null(before);
	change.verb = is_new ? "create" : "update";
	change.subject = relay.domain;
	change.before = is_new ? NULL : before;
	change.after = masked(json_deep_copy(out), c);
	if (is_new)
		call_location(c, "relays", relay.domain);
	(void)call_finish(c, is_new ? 201 : 200, &out, given_real_change(&change));
}

void api_relay_delete(struct api_call *c)
{
	struct change change = { .verb = "delete", .event = EVENT_RELAY_CHANGED };
	const struct relay_host *now;
	const struct snapshot *s;
	struct note why = { "" };
	enum err e;

	if (!call_begin(c))
		return;
	s = call_directory(c);
	change.subject = relay_name(c, c->args[0]);
	now = snapshot_relay(s, change.subject);
	change.before = now ? relay_json(now) : json_null();
	call_release(c, &s);
	if (!now) {
		note_set(&why, "there is no such relay host");
		call_abandon(c, ERR_NOT_FOUND, &why);
		return;
	}
	if (!call_if_match(c, change.before)) {
		json_decref(change.before);
		return;
	}
	e = directory_relay_remove(c->context->directory, change.subject, &why);
	if (!e) {
		(void)call_finish(c, 204, NULL, &change);
		return;
	}
	json_decref(change.before);
	call_abandon(c, e, &why);
}
