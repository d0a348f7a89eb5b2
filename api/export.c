/* api/export.c: GET /export: domains, users, aliases, relays, TLS rules, grants and settings as one document, as /apply takes it.
 *
 * What holds by default is left out. Written piece by piece: as one JSON value the users of a big instance would take ten times the room.
 */
#include "api/export.h"

#include <jansson.h>

#include "api/config_values.h"
#include "api/domain.h"
#include "api/grant.h"
#include "api/resources.h"
#include "api/tls_rule.h"
#include "api/user.h"
#include "api/user_mail.h"
#include "api/value.h"
#include "db/control_account.h"

#define HASH_MAX 4096
#define HASHES_A_READ 500

/* Adds `value` as the next member of a list; taken. */
static bool add_member(struct buf *out, size_t i, json_t *value)
{
	bool added;

	buf_add_str(out, i ? ",\n" : "\n");
	added = json_write(value, out);
	json_decref(value);
	return added && !out->failed;
}

/* ---- users ---- */

struct hashes {
	const struct account *const *accounts;
	size_t from, count;
	struct span *list; /* arena */
	struct arena arena;
};

static enum err read_hashes(struct db *db, void *arg)
{
	struct hashes *h = arg;
	struct buf hash;
	enum err e = ERR_OK;

	buf_init(&hash, HASH_MAX);
	for (size_t i = 0; i < h->count && e == ERR_OK; i++) {
		buf_reset(&hash);
		e = db_account_get_password(db, h->accounts[h->from + i]->id, &hash);
		h->list[i] = arena_copy(&h->arena, buf_span(&hash));
		if (e == ERR_NOT_FOUND) /* removed meanwhile */
			e = ERR_OK;
	}
	buf_wipe(&hash);
	return e;
}

static json_t *user_entry(const struct account *a, struct span hash)
{
	json_t *out = json_pack("{s:o}", "address", json_span(a->address));

	if (a->name.len > 0)
		json_object_set_new(out, "name", json_span(a->name));
	if (a->role != ROLE_USER)
		json_object_set_new(out, "role", json_string(user_role_names[a->role]));
	if (a->granted_count > 0)
		json_object_set_new(out, "domains", json_spans(a->granted, a->granted_count));
	if (a->suspended)
		json_object_set_new(out, "suspended", json_true());
	if (a->is_shared)
		json_object_set_new(out, "type", json_string(user_type_name(true)));
	user_mail_show(out, a, true);
	if (hash.len > 0)
		json_object_set_new(out, "password_hash", json_span(hash));
	return out;
}

static enum err write_users(struct api_call *c, const struct snapshot *s, bool hashes, struct buf *out)
{
	struct hashes h = { .from = 0 };
	size_t count = snapshot_accounts(s, &h.accounts);
	struct span none[HASHES_A_READ] = { { NULL, 0 } };
	enum err e = ERR_OK;

	arena_init(&h.arena, HASHES_A_READ * (HASH_MAX + 64));
	h.list = none;
	for (; h.from < count && e == ERR_OK; h.from += h.count) {
		h.count = count - h.from < HASHES_A_READ ? count - h.from : HASHES_A_READ;
		arena_reset(&h.arena);
		if (hashes)
			e = directory_read(c->context->directory, read_hashes, &h);
		for (size_t i = 0; i < h.count && e == ERR_OK; i++)
			e = add_member(out, h.from + i, user_entry(h.accounts[h.from + i], h.list[i])) ? ERR_OK : ERR_LIMIT;
	}
	arena_clear(&h.arena);
	return e;
}

/* ---- the rest ---- */

static json_t *domain_entry(const struct domain *d)
{
	json_t *out = domain_json(d);

	json_object_del(out, "created_at");
	if (d->state == DOMAIN_ACTIVE)
		json_object_del(out, "state");
	if (d->alias_of.len == 0)
		json_object_del(out, "alias_of");
	if (d->source4.family == NET_NONE)
		json_object_del(out, "source_ipv4");
	if (d->source6.family == NET_NONE)
		json_object_del(out, "source_ipv6");
	return out;
}

static bool write_domains(const struct snapshot *s, struct buf *out)
{
	const struct domain *domains;
	size_t count = snapshot_domain_rows(s, &domains);
	bool added = true;

	for (size_t i = 0; i < count && added; i++)
		added = add_member(out, i, domain_entry(&domains[i]));
	return added;
}

static bool write_aliases(const struct snapshot *s, struct buf *out)
{
	const struct alias *aliases;
	size_t count = snapshot_aliases(s, &aliases);
	bool added = true;

	for (size_t i = 0; i < count && added; i++)
		added = add_member(out, i, json_pack("{s:o, s:o}", "address", json_span(aliases[i].address), "targets", json_spans(aliases[i].targets, aliases[i].target_count)));
	return added;
}

static bool write_relays(const struct snapshot *s, struct buf *out)
{
	const struct relay_host *relays;
	size_t count = snapshot_relays(s, &relays);
	bool added = true;

	for (size_t i = 0; i < count && added; i++) {
		json_t *one = json_pack("{s:o, s:o, s:i, s:s}", "domain", json_span(relays[i].domain), "host", json_span(relays[i].host), "port", (int)relays[i].port, "tls", relay_tls_name(relays[i].tls));

		if (relays[i].user.len > 0)
			json_object_set_new(one, "user", json_span(relays[i].user));
		added = add_member(out, i, one);
	}
	return added;
}

static bool write_tls_rules(const struct snapshot *s, struct buf *out)
{
	const struct tls_rule *rules;
	size_t count = snapshot_tls_rules(s, &rules);
	bool added = true;

	for (size_t i = 0; i < count && added; i++)
		added = add_member(out, i, tls_rule_json(&rules[i], true));
	return added;
}

/* Of mailboxes that are there. */
static enum err write_grants_of(const struct snapshot *s, const struct grant *all, size_t count, struct grant_names *names, size_t *written, struct buf *out)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < count && e == ERR_OK; i++) {
		struct span mailbox;
		json_t *one;

		e = grant_name_of(names, all[i].owner, all[i].mailbox, &mailbox);
		if (e == ERR_NOT_FOUND) {
			e = ERR_OK;
			continue;
		}
		one = e == ERR_OK ? grant_json(s, &all[i], mailbox) : NULL;
		if (!one)
			return e == ERR_OK ? ERR_LIMIT : e;
		json_object_del(one, "id");
		if (mailbox.len == 0)
			json_object_del(one, "mailbox");
		e = add_member(out, (*written)++, one) ? ERR_OK : ERR_LIMIT;
	}
	return e;
}

static enum err write_grants(struct api_call *c, const struct snapshot *s, struct buf *out)
{
	const struct account *const *accounts;
	const struct grants *g = grants_hold(c->context->directory);
	size_t count = snapshot_accounts(s, &accounts), written = 0;
	struct grant_names names;
	enum err e = ERR_OK;

	grant_names_init(&names, c->context);
	for (size_t i = 0; i < count && e == ERR_OK; i++) {
		const struct grant *all;
		size_t granted = grants_of(g, accounts[i]->id, &all);

		e = write_grants_of(s, all, granted, &names, &written, out);
	}
	grant_names_clear(&names);
	grants_release(&g);
	return e;
}

static bool write_settings(const struct snapshot *s, struct buf *out)
{
	json_t *set = json_object();
	bool written;

	for (enum setting i = 0; i < SETTING_COUNT; i++)
		if (snapshot_has_setting(s, i))
			json_object_set_new(set, setting_rules[i].name, setting_value_json(i, snapshot_text(s, i)));
	written = json_write(set, out);
	json_decref(set);
	return written;
}

enum err export_write(struct api_call *c, const struct snapshot *s, bool hashes, struct buf *out)
{
	enum err e;

	buf_add_str(out, "{\"version\":1,\n\"settings\":");
	if (!write_settings(s, out))
		return ERR_LIMIT;
	buf_add_str(out, ",\n\"domains\":[");
	if (!write_domains(s, out))
		return ERR_LIMIT;
	buf_add_str(out, "],\n\"users\":[");
	e = write_users(c, s, hashes, out);
	if (e != ERR_OK)
		return e;
	buf_add_str(out, "],\n\"aliases\":[");
	if (!write_aliases(s, out))
		return ERR_LIMIT;
	buf_add_str(out, "],\n\"relays\":[");
	if (!write_relays(s, out))
		return ERR_LIMIT;
	buf_add_str(out, "],\n\"tls_rules\":[");
	if (!write_tls_rules(s, out))
		return ERR_LIMIT;
	buf_add_str(out, "],\n\"grants\":[");
	e = write_grants(c, s, out);
	if (e != ERR_OK)
		return e;
	buf_add_str(out, "]}\n");
	return out->failed ? ERR_LIMIT : ERR_OK;
}

/* Hashes are for owners who have shown just now who they are; a token has not. */
static bool may_have_hashes(struct api_call *c)
{
	if (c->caller.role != ROLE_OWNER || c->caller.kind == CALLER_TOKEN) {
		call_reply_problem(c, 403, "not_allowed", NULL, "password hashes are for owners only, and not for tokens");
		return false;
	}
	if (!c->caller.proven)
		call_reply_problem(c, 403, "step_up_required", NULL, "show again who you are: POST /api/v1/session:prove");
	return c->caller.proven;
}

void api_export_get(struct api_call *c)
{
	bool hashes = call_query_flag(c, "hashes");
	const struct snapshot *s;
	struct buf text;
	enum err e;

	if (hashes && !may_have_hashes(c))
		return;
	buf_init(&text, API_RESPONSE_MAX);
	s = call_directory(c);
	e = export_write(c, s, hashes, &text);
	call_release(c, &s);
	if (e == ERR_OK)
		call_reply_text(c, 200, "application/json", &text);
	else
		call_reply_error(c, e, NULL);
	buf_wipe(&text);
}
