/* api/apply.c: POST /apply: things shall be as a document says: one batch, a plan with dry_run, and twice the same changes nothing.
 *
 *   If-Match of the export ─▶ domains ─▶ users ─▶ aliases ─▶ relays ─▶ TLS rules ─▶ settings ─▶ domains that go ─▶ grants ─▶ commit
 *
 * (1) A section that is not there is left alone. (2) With prune, what a section does not name goes; but never a user: a mailbox is not
 * lost by a line that is missing. (3) Roles, and owners, are changed by owners only, as everywhere.
 */
#include "api/apply.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/domain.h"
#include "api/export.h"
#include "api/given.h"
#include "api/grant.h"
#include "api/jobs.h"
#include "api/reply.h"
#include "api/resources.h"
#include "api/user.h"
#include "daemon/directory/manage.h"
#include "daemon/events/events.h"
#include "daemon/mime/address.h"

void apply_note(struct applying *a, enum applied what, struct span subject, struct span domain, json_t *before, json_t *after, int event)
{
	struct change change = { .subject = subject, .domain = domain, .before = before, .after = after, .event = event };

	switch (what) {
	case APPLY_CREATED:
		change.verb = "create";
		a->created++;
		break;
	case APPLY_UPDATED:
		change.verb = "update";
		a->updated++;
		break;
	case APPLY_REMOVED:
		change.verb = "delete";
		a->removed++;
		break;
	}
	call_change(a->c, &change);
}

struct span apply_text(const json_t *entry, const char *field)
{
	const json_t *value = json_object_get(entry, field);

	return json_is_string(value) ? span_make(json_string_value(value), json_string_length(value)) : SPAN("");
}

static int compare_spans(const void *x, const void *y)
{
	return span_compare(*(const struct span *)x, *(const struct span *)y);
}

/* Without case: what differs only there names the same here. */
static struct span folded(struct arena *a, struct span text)
{
	char *to = arena_alloc(a, text.len);

	for (size_t i = 0; to && i < text.len; i++)
		to[i] = ascii_lower(text.ptr[i]);
	return to ? span_make(to, text.len) : SPAN("");
}

/* As the directory writes it: an address, or a domain (with '@' in front: its catch-all). What is neither stays. */
static struct span normal(struct api_call *c, struct span text)
{
	struct address address;
	struct buf written;
	struct span out = text, domain;
	size_t at;

	if (!span_find_char(text, '@', &at))
		return folded(&c->arena, given_domain(c, text));
	if (at == 0 && address_domain_normal(span_skip(text, 1), &c->arena, &domain) == ERR_OK)
		return arena_printf(&c->arena, "@%.*s", (int)domain.len, domain.ptr);
	if (address_parse(text, &c->arena, &address) == ERR_OK) {
		buf_init(&written, 2 * ADDRESS_MAX);
		address_write(&address, &written);
		out = arena_copy(&c->arena, buf_span(&written));
		buf_clear(&written);
	}
	return folded(&c->arena, out);
}

enum err apply_names(struct applying *a, const char *section, const char *field, struct apply_names *out)
{
	const json_t *entries = json_object_get(a->c->body, section);

	out->count = json_array_size(entries);
	out->list = arena_array(&a->c->arena, out->count ? out->count : 1, sizeof *out->list);
	if (!out->list)
		return ERR_LIMIT;
	for (size_t i = 0; i < out->count; i++)
		out->list[i] = normal(a->c, apply_text(json_array_get(entries, i), field));
	qsort(out->list, out->count, sizeof *out->list, compare_spans);
	return a->c->arena.failed ? ERR_LIMIT : ERR_OK;
}

bool apply_names_have(const struct apply_names *n, struct span name)
{
	char key[2 * ADDRESS_MAX];

	if (name.len > sizeof key)
		return false;
	for (size_t i = 0; i < name.len; i++)
		key[i] = ascii_lower(name.ptr[i]);
	name.ptr = key;
	return bsearch(&name, n->list, n->count, sizeof *n->list, compare_spans) != NULL;
}

/* ---- domains ---- */

static enum err domain_failed(struct applying *a, size_t i, const char *field, enum err e)
{
	snprintf(a->pointer, sizeof a->pointer, "/domains/%zu/%s", i, field);
	return e;
}

/* *added_out: which entries are of new ones. One that stands there twice is added once. */
static enum err add_domains(struct applying *a, const json_t *entries, bool *added)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(entries, i, entry)
	{
		struct span name = given_domain(a->c, apply_text(entry, "name"));
		enum err e = snapshot_has_domain(a->s, name) ? ERR_EXISTS : directory_domain_add(a->c->context->directory, name, &a->why);

		if (e != ERR_OK && e != ERR_EXISTS)
			return domain_failed(a, i, "name", e);
		added[i] = e == ERR_OK;
	}
	return ERR_OK;
}

static enum err set_domain(struct applying *a, size_t i, const json_t *entry, bool is_new)
{
	const struct domain plain = { .name = given_domain(a->c, apply_text(entry, "name")) }, *old = snapshot_domain(a->s, plain.name), *now = old ? old : &plain;
	struct domain fresh = plain;
	const char *field = "name";
	enum err e = domain_read(a->c, entry, true, &fresh, &field, &a->why);

	fresh.created_ms = now->created_ms;
	if (e == ERR_OK && !is_new && (!old || domain_is_same(old, &fresh)))
		return ERR_OK;
	if (e == ERR_OK && !domain_is_same(now, &fresh))
		e = domain_change(a->c, a->s, &fresh, &a->why);
	if (e != ERR_OK)
		return domain_failed(a, i, field, e);
	apply_note(a, old ? APPLY_UPDATED : APPLY_CREATED, fresh.name, fresh.name, old ? domain_json(old) : NULL, domain_json(&fresh), EVENT_DOMAIN_CHANGED);
	a->domains[a->domain_count++] = fresh.name;
	if (domain_holds(a->s, fresh.name))
		a->released[a->released_count++] = fresh.name;
	return ERR_OK;
}

/* All are there before one can stand for another. */
static enum err apply_domains(struct applying *a)
{
	const json_t *entries = json_object_get(a->c->body, "domains"), *entry;
	bool *added = arena_array(&a->c->arena, json_array_size(entries) + 1, sizeof *added);
	const struct span *all;
	size_t i;
	enum err e;

	a->domains = arena_array(&a->c->arena, json_array_size(entries) + 1, sizeof *a->domains);
	a->released = arena_array(&a->c->arena, json_array_size(entries) + snapshot_domains(a->s, &all) + 1, sizeof *a->released);
	if (!added || !a->domains || !a->released)
		return ERR_LIMIT;
	e = add_domains(a, entries, added);
	json_array_foreach(entries, i, entry)
	{
		if (e == ERR_OK)
			e = set_domain(a, i, entry, added[i]);
	}
	return e;
}

static enum err prune_some(struct applying *a, const struct apply_names *names, bool aliases)
{
	const struct domain *domains;
	size_t count = snapshot_domain_rows(a->s, &domains);
	enum err e = ERR_OK;

	for (size_t i = 0; i < count && e == ERR_OK; i++) {
		const struct domain *d = &domains[i];

		if ((d->alias_of.len > 0) != aliases || apply_names_have(names, d->name))
			continue;
		e = directory_domain_remove(a->c->context->directory, d->name, &a->why);
		if (e != ERR_OK)
			snprintf(a->pointer, sizeof a->pointer, "/domains");
		else
			apply_note(a, APPLY_REMOVED, d->name, d->name, domain_json(d), NULL, EVENT_DOMAIN_CHANGED);
		if (e == ERR_OK && domain_holds(a->s, d->name))
			a->released[a->released_count++] = d->name;
	}
	return e;
}

/* After the rest: nothing may be left in them. Those that stand for others first. */
static enum err prune_domains(struct applying *a)
{
	struct apply_names names;
	enum err e;

	if (!a->prune || !body_has(a->c, "domains"))
		return ERR_OK;
	e = apply_names(a, "domains", "name", &names);
	if (e == ERR_OK)
		e = prune_some(a, &names, true);
	return e == ERR_OK ? prune_some(a, &names, false) : e;
}

/* ---- all ---- */

/* The tag is that of the export as it is now, with hashes or without. */
static bool is_current(struct applying *a, enum err *e_out)
{
	bool current = false;

	*e_out = ERR_OK;
	for (int hashes = 0; hashes < 2 && !current && *e_out == ERR_OK; hashes++) {
		struct buf text;

		buf_init(&text, API_RESPONSE_MAX);
		*e_out = export_write(a->c, a->s, hashes == 1, &text);
		current = *e_out == ERR_OK && reply_tag_matches(a->c->request->if_match, reply_etag(&a->c->arena, buf_span(&text)), false);
		buf_wipe(&text);
	}
	return current;
}

/* False: answered, and the batch is over. */
static bool condition_holds(struct applying *a)
{
	enum err e = ERR_OK;

	if (a->c->request->if_match.len > 0 && is_current(a, &e))
		return true;
	call_abandon(a->c, e, NULL);
	if (e != ERR_OK)
		return false;
	reply_reset(a->c->response);
	if (a->c->request->if_match.len == 0)
		call_reply_problem(a->c, 428, "if_match_required", NULL, "send If-Match with the ETag of /api/v1/export");
	else
		call_reply_problem(a->c, 412, "etag_mismatch", NULL, "something has changed since that export: export again");
	return false;
}

static enum err apply_all(struct applying *a)
{
	enum err e = apply_domains(a);

	if (e == ERR_OK)
		e = apply_users(a);
	if (e == ERR_OK)
		e = apply_aliases(a);
	if (e == ERR_OK)
		e = apply_relays(a);
	if (e == ERR_OK)
		e = apply_tls_rules(a);
	if (e == ERR_OK)
		e = apply_settings(a);
	if (e == ERR_OK)
		e = prune_domains(a);
	return e == ERR_OK ? apply_grants(a) : e;
}

/* What was held of domains that hold no more. */
static enum err release_domains(struct applying *a, struct job **out)
{
	return a->released_count ? domain_release(a->c, a->released, a->released_count, out) : ERR_OK;
}

static void refuse(struct applying *a, enum err e)
{
	bool invalid = e == ERR_SYNTAX || e == ERR_LIMIT || e == ERR_NOT_FOUND;

	call_abandon(a->c, e, &a->why);
	if (a->pointer[0] && (invalid || e == ERR_STATE || e == ERR_DENIED)) {
		reply_reset(a->c->response);
		call_reply_problem(a->c, invalid ? 422 : e == ERR_STATE ? 409
									: 403,
				   invalid ? "invalid" : e == ERR_STATE ? "conflict"
									: "not_allowed",
				   a->pointer, "%s", a->why.text[0] ? a->why.text : "not valid");
	}
}

void api_apply_create(struct api_call *c)
{
	struct applying a = { .c = c, .prune = call_query_flag(c, "prune") };
	bool renames;
	struct job *job = NULL;
	json_t *out;
	bool done;
	enum err e;

	if (!call_begin(c))
		return;
	a.s = directory_hold(c->context->directory);
	if (!condition_holds(&a)) {
		snapshot_release(&a.s);
		return;
	}
	e = apply_all(&a);
	if (e == ERR_OK)
		e = release_domains(&a, &job);
	renames = json_object_get(json_object_get(c->body, "settings"), "hostname") != NULL;
	snapshot_release(&a.s);
	if (e != ERR_OK) {
		refuse(&a, e);
		return;
	}
	out = json_pack("{s:I, s:I, s:I}", "created", (json_int_t)a.created, "updated", (json_int_t)a.updated, "removed", (json_int_t)a.removed);
	done = call_finish(c, 200, &out, NULL);
	job_begin(c, &job, done);
	if (!done)
		return;
	for (size_t i = 0; i < a.ended_count; i++)
		user_end_protocols(c->context, a.ended[i].account, a.ended[i].protocols);
	if (a.granted)
		grants_tell(c->context);
	for (size_t i = 0; i < a.domain_count; i++)
		domain_settle(c->context, a.domains[i]);
	if (renames && c->context->reload_certificates)
		c->context->reload_certificates(c->context->arg);
}
