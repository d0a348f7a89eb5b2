/* api/apply_rest.c: aliases, relays and settings of a document. */
#include <jansson.h>
#include <stdio.h>

#include "api/alias.h"
#include "api/apply.h"
#include "api/config_values.h"
#include "api/given.h"
#include "daemon/directory/manage.h"
#include "daemon/events/events.h"

static enum err fail_at(struct applying *a, const char *section, size_t i, enum err e)
{
	if (e != ERR_OK)
		snprintf(a->pointer, sizeof a->pointer, "/%s/%zu", section, i);
	return e;
}

/* ---- aliases ---- */

/* The same ones, in whatever order and letter case. */
static bool same_targets(const struct alias *old, const struct span *targets, size_t count)
{
	bool same = old->target_count == count;

	for (size_t i = 0; i < count && same; i++) {
		bool found = false;

		for (size_t j = 0; j < old->target_count && !found; j++)
			found = span_iequals(old->targets[j], targets[i]);
		same = found;
	}
	return same;
}

static enum err apply_alias(struct applying *a, size_t i, const json_t *entry)
{
	const json_t *given = json_object_get(entry, "targets");
	size_t count = json_array_size(given);
	struct span *targets = arena_array(&a->c->arena, count ? count : 1, sizeof *targets);
	struct alias fresh = { .address = apply_text(entry, "address"), .targets = targets, .target_count = count };
	const struct alias *old = snapshot_alias(a->s, fresh.address);
	enum err e;

	if (!targets)
		return ERR_LIMIT;
	for (size_t n = 0; n < count; n++) {
		const json_t *one = json_array_get(given, n);

		targets[n] = span_make(json_string_value(one), json_string_length(one));
	}
	if (old && same_targets(old, targets, count))
		return ERR_OK;
	if (old)
		e = directory_alias_set(a->c->context->directory, old->address, targets, count, &a->why);
	else
		e = directory_alias_add(a->c->context->directory, fresh.address, targets, count, &a->why);
	if (e == ERR_EXISTS)
		e = ERR_STATE;
	if (e != ERR_OK)
		return fail_at(a, "aliases", i, e);
	if (old)
		fresh.address = old->address;
	apply_note(a, old ? APPLY_UPDATED : APPLY_CREATED, fresh.address, given_domain_of(fresh.address), old ? alias_json(old) : NULL, alias_json(&fresh), EVENT_ALIAS_CHANGED);
	return ERR_OK;
}

static enum err prune_aliases(struct applying *a)
{
	struct apply_names names;
	const struct alias *aliases;
	size_t count = snapshot_aliases(a->s, &aliases);
	enum err e = apply_names(a, "aliases", "address", &names);

	for (size_t i = 0; i < count && e == ERR_OK; i++) {
		if (apply_names_have(&names, aliases[i].address))
			continue;
		e = directory_alias_remove(a->c->context->directory, aliases[i].address, &a->why);
		if (e == ERR_OK)
			apply_note(a, APPLY_REMOVED, aliases[i].address, given_domain_of(aliases[i].address), alias_json(&aliases[i]), NULL, EVENT_ALIAS_CHANGED);
	}
	return e;
}

enum err apply_aliases(struct applying *a)
{
	const json_t *entries = json_object_get(a->c->body, "aliases"), *entry;
	size_t i;
	enum err e = ERR_OK;

	json_array_foreach(entries, i, entry)
	{
		e = apply_alias(a, i, entry);
		if (e != ERR_OK)
			return e;
	}
	return a->prune && entries ? prune_aliases(a) : ERR_OK;
}

/* ---- relays ---- */

static json_t *relay_json(const struct relay_host *r, bool other_password)
{
	json_t *out = json_pack("{s:o, s:o, s:i, s:s, s:o}", "domain", json_span(r->domain), "host", json_span(r->host), "port", (int)r->port, "tls", relay_tls_name(r->tls), "user", json_span(r->user));

	if (other_password)
		json_object_set_new(out, "password", json_string("***"));
	return out;
}

/* The same law as /relays has. */
static enum err check_relay(struct applying *a, const struct relay_host *r)
{
	if ((r->user.len > 0) != (r->password.len > 0))
		note_set(&a->why, "user and password go together: a document that was exported has no passwords");
	else if (r->user.len > 0 && r->tls == RELAY_TLS_NONE)
		note_set(&a->why, "a password is only sent over TLS: opportunistic, required or encrypted");
	else
		return ERR_OK;
	return ERR_SYNTAX;
}

static struct relay_host read_relay(struct applying *a, const json_t *entry)
{
	return (struct relay_host){
		.domain = relay_name(a->c, apply_text(entry, "domain")),
		.host = apply_text(entry, "host"),
		.port = (uint16_t)json_integer_value(json_object_get(entry, "port")),
		.tls = relay_tls_of(apply_text(entry, "tls")),
		.user = apply_text(entry, "user"),
		.password = apply_text(entry, "password"),
	};
}

static bool same_relay(const struct relay_host *x, const struct relay_host *y)
{
	return span_iequals(x->host, y->host) && x->port == y->port && x->tls == y->tls && span_equals(x->user, y->user) && span_equals(x->password, y->password);
}

static enum err apply_relay(struct applying *a, size_t i, const json_t *entry)
{
	struct relay_host fresh = read_relay(a, entry);
	const struct relay_host *old = snapshot_relay(a->s, fresh.domain);
	bool other_password;
	enum err e;

	if (old && fresh.user.len > 0 && fresh.password.len == 0 && span_equals(old->user, fresh.user) && span_iequals(old->host, fresh.host) && old->port == fresh.port)
		fresh.password = old->password;
	if (old && same_relay(old, &fresh))
		return ERR_OK;
	e = check_relay(a, &fresh);
	if (e == ERR_OK)
		e = directory_relay_set(a->c->context->directory, &fresh, &a->why);
	if (e != ERR_OK)
		return fail_at(a, "relays", i, e);
	other_password = fresh.password.len > 0 && !(old && span_equals(old->password, fresh.password));
	apply_note(a, old ? APPLY_UPDATED : APPLY_CREATED, fresh.domain, SPAN(""), old ? relay_json(old, false) : NULL, relay_json(&fresh, other_password), EVENT_RELAY_CHANGED);
	return ERR_OK;
}

static enum err prune_relays(struct applying *a)
{
	struct apply_names names;
	const struct relay_host *relays;
	size_t count = snapshot_relays(a->s, &relays);
	enum err e = apply_names(a, "relays", "domain", &names);

	for (size_t i = 0; i < count && e == ERR_OK; i++) {
		if (apply_names_have(&names, relays[i].domain))
			continue;
		e = directory_relay_remove(a->c->context->directory, relays[i].domain, &a->why);
		if (e == ERR_OK)
			apply_note(a, APPLY_REMOVED, relays[i].domain, SPAN(""), relay_json(&relays[i], false), NULL, EVENT_RELAY_CHANGED);
	}
	return e;
}

enum err apply_relays(struct applying *a)
{
	const json_t *entries = json_object_get(a->c->body, "relays"), *entry;
	size_t i;
	enum err e = ERR_OK;

	json_array_foreach(entries, i, entry)
	{
		e = apply_relay(a, i, entry);
		if (e != ERR_OK)
			return e;
	}
	return a->prune && entries ? prune_relays(a) : ERR_OK;
}

/* ---- settings ---- */

static json_t *value_of(enum setting which, struct span text)
{
	return json_pack("{s:o}", "value", setting_value_json(which, text));
}

static enum err apply_setting(struct applying *a, enum setting which, const json_t *value)
{
	const char *name = setting_rules[which].name;
	bool was_set = snapshot_has_setting(a->s, which), reset = json_is_null(value);
	struct span before = snapshot_text(a->s, which), after = reset ? span_str(setting_rules[which].fallback) : setting_value_text(a->c, value);
	enum err e;

	if (reset ? !was_set : was_set && span_equals(before, after))
		return ERR_OK;
	e = reset ? directory_setting_reset(a->c->context->directory, which, &a->why) : directory_setting_set(a->c->context->directory, which, after, &a->why);
	if (e != ERR_OK)
		snprintf(a->pointer, sizeof a->pointer, "/settings/%s", name);
	else
		apply_note(a, reset ? APPLY_REMOVED : APPLY_UPDATED, span_str(name), SPAN(""), value_of(which, before), value_of(which, after), EVENT_SETTING_CHANGED);
	return e;
}

enum err apply_settings(struct applying *a)
{
	json_t *section = json_object_get(a->c->body, "settings"), *null = json_null(), *value;
	const char *name;
	enum err e = ERR_OK;

	json_object_foreach(section, name, value)
	{
		enum setting which;

		if (!setting_find(span_str(name), &which)) {
			note_set(&a->why, "there is no such setting");
			snprintf(a->pointer, sizeof a->pointer, "/settings/%.100s", name);
			return ERR_SYNTAX;
		}
		e = apply_setting(a, which, value);
		if (e != ERR_OK)
			return e;
	}
	for (enum setting i = 0; a->prune && section && i < SETTING_COUNT && e == ERR_OK; i++)
		if (i != SETTING_HOSTNAME && !json_object_get(section, setting_rules[i].name))
			e = apply_setting(a, i, null);
	return e;
}
