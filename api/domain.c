/* api/domain.c: domains as the handlers share them. */
#include "api/domain.h"

#include <jansson.h>
#include <stdlib.h>

#include "api/given.h"
#include "api/jobs.h"
#include "api/user.h"
#include "daemon/auth/web_session.h"
#include "daemon/base/log.h"
#include "daemon/directory/manage.h"
#include "daemon/queue/queue.h"

#define RELEASE_ARENA_MAX ((size_t)16 << 20)

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

bool domain_holds(const struct snapshot *s, struct span name)
{
	const struct domain *d = snapshot_domain(s, name), *meant = d && d->alias_of.len > 0 ? snapshot_domain(s, d->alias_of) : NULL;

	return (d && d->state == DOMAIN_HOLDS) || (meant && meant->state == DOMAIN_HOLDS);
}

static bool refuses(const struct snapshot *s, const struct domain *d)
{
	const struct domain *meant = d->alias_of.len > 0 ? snapshot_domain(s, d->alias_of) : NULL;

	return d->state == DOMAIN_REFUSES || (meant && meant->state == DOMAIN_REFUSES);
}

/* ---- what was held ---- */

struct release {
	struct arena arena;
	struct span *names;
	size_t count;
};

static enum err step(struct job *job, void *arg, bool *done_out, struct note *why)
{
	const struct release *r = arg;

	(void)why;
	for (size_t i = 0; i < r->count; i++)
		job_item(job, r->names[i], 200, NULL, NULL);
	*done_out = true;
	return ERR_OK;
}

static void let_go(struct queue *q, struct span name, bool released)
{
	struct note why = { "" };
	uint64_t messages = 0;
	enum err e = queue_domain_changed(q, name, released, &messages, &why);

	log_event(e ? LOG_WARN : LOG_INFO, "api", "domain_released", "domain=%s messages=%llu returned=%d why=%s", log_quote(name).text, (unsigned long long)messages, (int)!released,
		  log_quote(span_str(why.text)).text);
}

static void let_go_of(struct queue *q, const struct snapshot *s, struct span name)
{
	const struct domain *domains;
	size_t count = snapshot_domain_rows(s, &domains);

	if (!snapshot_has_domain(s, name))
		let_go(q, name, false);
	for (size_t i = 0; i < count; i++) {
		const struct domain *d = &domains[i];

		if ((span_equals(d->name, name) || span_equals(d->alias_of, name)) && !domain_holds(s, d->name))
			let_go(q, d->name, !refuses(s, d));
	}
}

/* Behind the commit: it may take long, and no batch waits for it. */
static void released(struct job *job, void *arg)
{
	const struct api_context *context = job_context(job);
	const struct snapshot *s = directory_hold(context->directory);
	const struct release *r = arg;

	for (size_t i = 0; i < r->count; i++)
		let_go_of(context->queue, s, r->names[i]);
	snapshot_release(&s);
}

static void release_free(void *arg)
{
	struct release *r = arg;

	arena_clear(&r->arena);
	free(r);
}

enum err domain_release(struct api_call *c, const struct span *names, size_t count, struct job **out)
{
	static const struct job_work work = { step, released, release_free };
	struct release *r;
	uint64_t id;

	*out = NULL;
	if (!c->context->queue || !c->context->jobs)
		return ERR_OK;
	r = calloc(1, sizeof *r);
	if (!r)
		return ERR_TEMP;
	arena_init(&r->arena, RELEASE_ARENA_MAX);
	r->names = arena_array(&r->arena, count, sizeof *r->names);
	for (size_t i = 0; i < count && r->names; i++)
		r->names[i] = arena_copy(&r->arena, names[i]);
	r->count = r->names ? count : 0;
	if (r->arena.failed) {
		release_free(r);
		return ERR_TEMP;
	}
	return job_add(c, &work, r, count, out, &id);
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
