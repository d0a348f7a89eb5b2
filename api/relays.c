/* api/relays.c: /relays: the host that mail for a domain ("*": for all) is handed to. Passwords go in and never come out. */
#include <jansson.h>

#include "api/pending.h"
#include "api/resources.h"
#include "daemon/directory/manage.h"

static const char *const tls_names[] = {
	[RELAY_TLS_NONE] = "none",
	[RELAY_TLS_OPPORTUNISTIC] = "opportunistic",
	[RELAY_TLS_REQUIRED] = "required",
};

static json_t *relay_json(const struct relay_host *r)
{
	return json_pack("{s:o, s:o, s:i, s:s, s:o, s:b}", "domain", json_span(r->domain), "host", json_span(r->host), "port", (int)r->port, "tls", tls_names[r->tls],
			 "user", json_span(r->user), "has_password", r->password.len > 0);
}

void api_relays_list(struct api_call *c)
{
	const struct snapshot *s = directory_hold(c->context->directory);
	const struct relay_host *relays;
	size_t count = snapshot_relays(s, &relays);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, relay_json(&relays[i]));
	snapshot_release(&s);
	call_reply_page(c, &(struct page){ .list = list, .total = -1 });
}

void api_relay_put(struct api_call *c)
{
	struct relay_host relay = { .domain = c->args[0] };
	struct span tls = SPAN("");
	const struct body_field fields[] = {
		{ .name = "host", .kind = FIELD_STRING, .required = true, .string = &relay.host },
		{ .name = "port", .kind = FIELD_PORT, .required = true, .port = &relay.port },
		{ .name = "tls", .kind = FIELD_STRING, .required = true, .string = &tls },
		{ .name = "user", .kind = FIELD_STRING, .string = &relay.user },
		{ .name = "password", .kind = FIELD_STRING, .string = &relay.password },
	};
	struct note why = { "" };
	size_t mode = 0;
	enum err e;
	json_t *out;

	if (!call_read_body(c, fields, sizeof fields / sizeof fields[0]))
		return;
	while (mode <= RELAY_TLS_REQUIRED && !span_equals(tls, span_str(tls_names[mode])))
		mode++;
	if (mode > RELAY_TLS_REQUIRED) {
		call_reply_problem(c, 422, "invalid_field", "tls", "tls is none, opportunistic or required");
		return;
	}
	relay.tls = (enum relay_tls)mode;
	if ((relay.user.len > 0) != (relay.password.len > 0)) {
		call_reply_problem(c, 422, "invalid_field", "password", "user and password go together");
		return;
	}
	if (relay.user.len > 0 && relay.tls == RELAY_TLS_NONE) {
		call_reply_problem(c, 422, "invalid_field", "tls", "a password is only sent over TLS: opportunistic or required");
		return;
	}
	e = directory_relay_set(c->context->directory, &relay, &why);
	if (e != ERR_OK) {
		call_reply_error(c, e, &why);
		return;
	}
	out = relay_json(&relay);
	call_reply_json(c, 200, &out);
}

void api_relay_delete(struct api_call *c)
{
	struct note why = { "" };
	enum err e = directory_relay_remove(c->context->directory, c->args[0], &why);

	if (e == ERR_OK)
		call_reply_empty(c);
	else
		call_reply_error(c, e, &why);
}
