/* api/domain.c: domains as the handlers share them. */
#include "api/domain.h"

#include <jansson.h>

#include "api/given.h"
#include "api/user.h"
#include "daemon/auth/web_session.h"
#include "daemon/directory/manage.h"

static const char *const state_names[] = {
	[DOMAIN_ACTIVE] = "active",
	[DOMAIN_ACCEPTS] = "accept",
	[DOMAIN_HOLDS] = "hold",
	[DOMAIN_REFUSES] = "refuse",
};

static json_t *source_json(const struct net_addr *source)
{
	return source->family == NET_NONE ? json_null() : json_string(net_ip_text(source).text);
}

json_t *domain_json(const struct domain *d)
{
	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o}", "name", json_span(d->name), "state", state_names[d->state], "alias_of", json_span_or_null(d->alias_of), "source_ipv4",
			 source_json(&d->source4), "source_ipv6", source_json(&d->source6), "created_at", json_time(d->created_ms));
}

static struct span text_of(const json_t *value)
{
	return json_is_string(value) ? span_make(json_string_value(value), json_string_length(value)) : SPAN("");
}

static enum err read_source(struct span text, enum net_family family, struct net_addr *out, struct note *why)
{
	*out = (struct net_addr){ .family = NET_NONE };
	if (text.len == 0 || (net_ip_parse(text, out) == ERR_OK && out->family == family))
		return ERR_OK;
	note_set(why, "an IPv%d address, or null", family == NET_IPV4 ? 4 : 6);
	return ERR_SYNTAX;
}

static enum domain_state state_of(struct span name)
{
	enum domain_state state = DOMAIN_REFUSES;

	while (state > DOMAIN_ACTIVE && !span_equals(name, span_str(state_names[state])))
		state--;
	return state;
}

enum err domain_read(struct api_call *c, const json_t *from, bool all, struct domain *out, const char **field, struct note *why)
{
	const json_t *state = json_object_get(from, "state"), *alias = json_object_get(from, "alias_of");
	const json_t *source4 = json_object_get(from, "source_ipv4"), *source6 = json_object_get(from, "source_ipv6");
	enum err e = ERR_OK;

	if (all || state)
		out->state = state_of(text_of(state));
	if (all || alias)
		out->alias_of = given_domain(c, text_of(alias));
	*field = "source_ipv4";
	if (all || source4)
		e = read_source(text_of(source4), NET_IPV4, &out->source4, why);
	if (e)
		return e;
	*field = "source_ipv6";
	if (all || source6)
		e = read_source(text_of(source6), NET_IPV6, &out->source6, why);
	if (!e)
		*field = "alias_of"; /* what is left to be wrong */
	return e;
}

bool domain_is_same(const struct domain *a, const struct domain *b)
{
	return a->state == b->state && span_equals(a->alias_of, b->alias_of) && a->source4.family == b->source4.family && a->source6.family == b->source6.family &&
	       net_ip_equals(&a->source4, &b->source4) && net_ip_equals(&a->source6, &b->source6);
}

/* Owners are managed by owners, and so on: who may not suspend them may not do it through their domain. */
static enum err may_disable(const struct api_call *c, const struct snapshot *s, struct span name, struct note *why)
{
	const struct account *accounts;
	size_t count = snapshot_accounts_by_id(s, &accounts);
	enum err e = ERR_OK;

	for (size_t i = 0; i < count && !e; i++) {
		if (accounts[i].role != ROLE_USER && span_equals(given_domain_of(accounts[i].address), name))
			e = user_may_manage(c, &accounts[i], why);
	}
	return e;
}

enum err domain_change(struct api_call *c, const struct snapshot *s, const struct domain *fresh, struct note *why)
{
	const struct domain *old = snapshot_domain(s, fresh->name);
	const bool disables = fresh->state != DOMAIN_ACTIVE && old && old->state == DOMAIN_ACTIVE;
	enum err e = disables ? may_disable(c, s, fresh->name, why) : ERR_OK;

	if (!e)
		e = directory_domain_set(c->context->directory, fresh, why);
	/* For good: a cookie that somebody stole opens nothing when the domain is active again. */
	if (!e && disables && c->context->auth)
		e = web_session_remove_domain(c->context->auth, fresh->name);
	return e;
}

void domain_settle(const struct api_context *context, struct span name)
{
	const struct snapshot *s = directory_hold(context->directory);
	const struct domain *d = snapshot_domain(s, name);
	const struct account *accounts;
	size_t count = d && d->state != DOMAIN_ACTIVE ? snapshot_accounts_by_id(s, &accounts) : 0;

	for (size_t i = 0; i < count; i++) {
		if (span_equals(given_domain_of(accounts[i].address), name))
			user_end_sessions(context, accounts[i].id);
	}
	snapshot_release(&s);
}
