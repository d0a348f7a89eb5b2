/* api/settings.c: /settings: the table of directory/setting.c with the values of now. The list as a whole has the tag that a change has to bring. */
#include <jansson.h>

#include "api/config_values.h"
#include "api/resources.h"
#include "daemon/events/events.h"

static const char *const kind_names[] = {
	[SETTING_TEXT] = "text",
	[SETTING_NAME] = "name",
	[SETTING_NUMBER] = "number",
	[SETTING_FLAG] = "flag",
};

static json_t *setting_json(const struct snapshot *s, enum setting which)
{
	const struct setting_rule *r = &setting_rules[which];
	json_t *out = json_pack("{s:s, s:s, s:o, s:o, s:b}", "name", r->name, "kind", kind_names[r->kind], "value", setting_value_json(which, snapshot_text(s, which)), "default",
				which != SETTING_HOSTNAME ? setting_value_json(which, span_str(r->fallback)) : json_null(), "is_default", !snapshot_has_setting(s, which));

	if (r->kind == SETTING_NUMBER) {
		json_object_set_new(out, "minimum", json_integer(r->min));
		json_object_set_new(out, "maximum", json_integer(r->max));
	}
	if (r->unit)
		json_object_set_new(out, "unit", json_string(r->unit));
	json_object_set_new(out, "group", json_string(r->group));
	json_object_set_new(out, "help", json_string(r->help));
	json_object_set_new(out, "why", json_string(r->why));
	json_object_set_new(out, "after_restart", json_boolean(r->after_restart));
	return out;
}

static json_t *list_json(struct api_call *c)
{
	const struct snapshot *s = call_directory(c);
	json_t *list = json_array();

	for (enum setting i = 0; i < SETTING_COUNT; i++)
		json_array_append_new(list, setting_json(s, i));
	call_release(c, &s);
	return json_pack("{s:o, s:n}", "data", list, "next_cursor");
}

void api_settings_list(struct api_call *c)
{
	json_t *out = list_json(c);

	call_reply_json(c, 200, &out);
}

static json_t *pair(json_t *value)
{
	return json_pack("{s:o}", "value", value);
}

static enum err set(struct api_call *c, enum setting which, const json_t *value, struct note *why)
{
	const struct snapshot *s = call_directory(c);
	struct change change = { .verb = "update", .subject = span_str(setting_rules[which].name), .event = EVENT_SETTING_CHANGED };
	struct span before = arena_copy(&c->arena, snapshot_text(s, which)), after = setting_value_text(c, value);
	bool was_set = snapshot_has_setting(s, which);
	enum err e;

	call_release(c, &s);
	if (json_is_null(value)) {
		e = directory_setting_reset(c->context->directory, which, why);
		after = span_str(setting_rules[which].fallback);
	} else {
		e = directory_setting_set(c->context->directory, which, after, why);
	}
	if (e || (span_equals(before, after) && was_set == !json_is_null(value)))
		return e;
	change.before = pair(setting_value_json(which, before));
	change.after = pair(setting_value_json(which, after));
	call_change(c, &change);
	return ERR_OK;
}

static void refuse(struct api_call *c, enum err e, const char *name, const struct note *why)
{
	call_abandon(c, e, why);
	if (e == ERR_SYNTAX || e == ERR_LIMIT)
		call_reply_problem(c, 422, "invalid", name, "%s", why->text);
}

void api_settings_update(struct api_call *c)
{
	struct note why = { "" };
	const char *name;
	json_t *value, *out;
	bool fits, renames = body_has(c, "hostname");

	if (!call_begin(c))
		return;
	out = list_json(c);
	fits = call_if_match(c, out);
	json_decref(out);
	if (!fits)
		return;
	json_object_foreach(c->body, name, value)
	{
		enum setting which;
		enum err e = setting_find(span_str(name), &which) ? set(c, which, value, &why) : ERR_SYNTAX;

		if (e) {
			refuse(c, e, name, &why);
			return;
		}
	}
	out = list_json(c);
	if (call_finish(c, 200, &out, NULL) && renames && c->context->reload_certificates)
		c->context->reload_certificates(c->context->arg);
}
