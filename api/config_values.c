/* api/config_values.c: values of settings and relays as the API writes them. */
#include "api/config_values.h"

#include <inttypes.h>
#include <jansson.h>

#include "api/given.h"

static const char *const tls_names[] = {
	[RELAY_TLS_NONE] = "none",
	[RELAY_TLS_OPPORTUNISTIC] = "opportunistic",
	[RELAY_TLS_REQUIRED] = "required",
	[RELAY_TLS_ENCRYPTED] = "encrypted",
};

json_t *setting_value_json(enum setting which, struct span text)
{
	uint64_t number = 0;

	switch (setting_rules[which].kind) {
	case SETTING_TEXT:
	case SETTING_NAME: return json_span(text);
	case SETTING_NUMBER: return span_to_u64(text, INT64_MAX, &number) == ERR_OK ? json_integer((json_int_t)number) : json_null();
	case SETTING_FLAG: return json_boolean(span_equals(text, SPAN("true")));
	}
	return json_null();
}

struct span setting_value_text(struct api_call *c, const json_t *value)
{
	if (json_is_integer(value))
		return arena_printf(&c->arena, "%" PRId64, (int64_t)json_integer_value(value));
	if (json_is_boolean(value))
		return json_is_true(value) ? SPAN("true") : SPAN("false");
	return json_is_string(value) ? span_make(json_string_value(value), json_string_length(value)) : SPAN("");
}

const char *relay_tls_name(enum relay_tls tls)
{
	return tls_names[tls];
}

enum relay_tls relay_tls_of(struct span name)
{
	enum relay_tls tls = RELAY_TLS_ENCRYPTED;

	while (tls > RELAY_TLS_NONE && !span_equals(name, span_str(tls_names[tls])))
		tls--;
	return tls;
}

struct span relay_name(struct api_call *c, struct span given)
{
	struct span domain;

	if (span_equals(given, SPAN("*")))
		return given;
	if (!span_starts(given, SPAN("@")))
		return given_domain(c, given);
	domain = given_domain(c, span_skip(given, 1));
	return arena_printf(&c->arena, "@%.*s", (int)domain.len, domain.ptr);
}
