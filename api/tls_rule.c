/* api/tls_rule.c: TLS rules as the handlers share them. */
#include "api/tls_rule.h"

#include <jansson.h>

static const char *const mode_names[] = {
	[TLS_RULE_NONE] = "none",
	[TLS_RULE_MAY] = "may",
	[TLS_RULE_ENCRYPT] = "encrypt",
	[TLS_RULE_VERIFY] = "verify",
};

json_t *tls_rule_json(const struct tls_rule *rule, bool brief)
{
	json_t *out = json_pack("{s:o, s:s}", "domain", json_span(rule->domain), "mode", mode_names[rule->mode]);

	if (!brief || rule->name_count > 0)
		json_object_set_new(out, "names", json_spans(rule->names, rule->name_count));
	if (!brief)
		json_object_set_new(out, "created_at", json_time(rule->created_ms));
	return out;
}

/* Of one that is none: the strictest. */
static enum tls_rule_mode mode_of(const json_t *value)
{
	enum tls_rule_mode mode = TLS_RULE_NONE;

	while (mode < TLS_RULE_VERIFY && (!json_is_string(value) || strcmp(json_string_value(value), mode_names[mode]) != 0))
		mode++;
	return mode;
}

struct tls_rule tls_rule_read(struct api_call *c, struct span domain, const json_t *from)
{
	const json_t *list = json_object_get(from, "names");
	size_t count = json_array_size(list);
	struct span *names = arena_array(&c->arena, count ? count : 1, sizeof *names);

	for (size_t i = 0; i < count && names; i++) {
		const json_t *one = json_array_get(list, i);

		names[i] = span_make(json_string_value(one), json_string_length(one));
	}
	return (struct tls_rule){ .domain = domain, .mode = mode_of(json_object_get(from, "mode")), .names = names, .name_count = names ? count : 0 };
}
