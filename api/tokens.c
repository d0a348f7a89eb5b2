/* api/tokens.c: /tokens: API tokens, the secret shown once.
 *
 * Owners and auditors see those of all, everybody else their own. Owners, and the admin socket, also make and take away those of others.
 */
#include <jansson.h>
#include <stdio.h>

#include "api/given.h"
#include "api/listing.h"
#include "api/person.h"
#include "api/policy.h"
#include "api/resources.h"
#include "api/user.h"
#include "daemon/auth/token.h"
#include "daemon/base/clock.h"
#include "daemon/directory/setting.h"
#include "daemon/events/events.h"

#define DAY_MS ((int64_t)24 * 3600 * 1000)
#define DAYS_DEFAULT 90

static json_t *token_json(struct api_call *c, const struct token *t)
{
	const struct snapshot *s = call_directory(c);
	const struct account *a = snapshot_account(s, t->account_id);
	json_t *out = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", json_span(person_id_text(c, "tok_", t->id)), "user", a ? json_span(a->address) : json_null(),
				"label", json_span(t->label), "scopes", json_spans(t->scopes, t->scope_count), "domains", json_spans(t->domains, t->domain_count), "networks",
				json_spans(t->networks, t->network_count), "created_at", json_time(t->created_ms), "expires_at", json_time(t->expires_ms), "used_at", json_time(t->used_ms),
				"used_from", json_span(t->used_from));

	call_release(c, &s);
	return out;
}

static bool manages_all(const struct api_call *c)
{
	return c->caller.role == ROLE_OWNER;
}

static bool sees_all(const struct api_call *c)
{
	return manages_all(c) || c->caller.role == ROLE_AUDITOR;
}

/* ---- looking ---- */

struct token_list {
	struct api_call *c;
	struct token *tokens;
	struct span needle;
	uint64_t account_id; /* 0: any */
};

static bool fits(void *arg, size_t i)
{
	const struct token_list *l = arg;

	return (!l->account_id || l->tokens[i].account_id == l->account_id) && given_holds(l->tokens[i].label, l->needle);
}

static struct span key(void *arg, size_t i)
{
	const struct token_list *l = arg;

	return person_id_text(l->c, "", l->tokens[i].id);
}

static int compare(void *arg, size_t i, struct span after)
{
	const struct token_list *l = arg;
	uint64_t id = 0;

	if (span_to_u64(after, INT64_MAX, &id) != ERR_OK)
		return 1;
	return l->tokens[i].id < id ? -1 : l->tokens[i].id > id;
}

static json_t *show(void *arg, size_t i)
{
	const struct token_list *l = arg;

	return token_json(l->c, &l->tokens[i]);
}

void api_tokens_list(struct api_call *c)
{
	struct token_list l = { .c = c, .needle = given_fold(c, call_query(c, "q")) };
	struct listing listing = { .arg = &l, .fits = fits, .key = key, .compare = compare, .show = show };
	const struct account *a = NULL;
	const struct snapshot *s;
	enum err e;

	if (call_has_query(c, "user")) {
		s = call_directory(c);
		l.account_id = user_find(c, s, call_query(c, "user"), &a, NULL) == ERR_OK ? a->id : UINT64_MAX;
		call_release(c, &s);
	}
	e = token_list(c->context->auth, sees_all(c) ? 0 : c->caller.account_id, &c->arena, &l.tokens, &listing.count);
	if (e)
		call_reply_error(c, e, NULL);
	else
		listing_reply(c, &listing);
}

/* ERR_NOT_FOUND: none, or not the caller's to see. */
static enum err find(struct api_call *c, bool all, uint64_t id, struct token *out)
{
	struct token *list;
	size_t count;
	enum err e = token_list(c->context->auth, all ? 0 : c->caller.account_id, &c->arena, &list, &count);

	for (size_t i = 0; !e && i < count; i++) {
		if (list[i].id == id) {
			*out = list[i];
			return ERR_OK;
		}
	}
	return e ? e : ERR_NOT_FOUND;
}

static const struct note no_such_token = { "there is no such token" };

void api_token_get(struct api_call *c)
{
	struct token t;
	uint64_t id;
	enum err e = person_id(c->args[0], SPAN("tok_"), &id) ? find(c, sees_all(c), id, &t) : ERR_NOT_FOUND;
	json_t *out;

	if (e) {
		call_reply_error(c, e, e == ERR_NOT_FOUND ? &no_such_token : NULL);
		return;
	}
	out = token_json(c, &t);
	call_reply_json(c, 200, &out);
}

/* ---- making ---- */

static uint64_t first_owner(const struct snapshot *s)
{
	const struct account *const *accounts;
	size_t count = snapshot_accounts(s, &accounts);
	uint64_t id = 0;

	for (size_t i = 0; i < count; i++) {
		if (accounts[i]->role == ROLE_OWNER && !accounts[i]->disabled && (!id || accounts[i]->id < id))
			id = accounts[i]->id;
	}
	return id;
}

/* Whose it shall be: the caller's; over the admin socket the first owner's; or who is named. 0: answered. */
static uint64_t owner_of(struct api_call *c)
{
	const struct snapshot *s = call_directory(c);
	const struct account *a = NULL;
	uint64_t id = c->caller.account_id ? c->caller.account_id : first_owner(s);

	if (body_has(c, "user")) {
		if (user_find(c, s, body_text(c, "user"), &a, NULL) != ERR_OK || (a->id != id && !manages_all(c)))
			a = NULL;
		id = a ? a->id : 0;
	}
	call_release(c, &s);
	if (!id) {
		call_abandon(c, ERR_NOT_FOUND, NULL);
		call_reply_problem(c, 422, "no_such_user", "user", "there is no such user, or it is not yours to make tokens for");
	}
	return id;
}

static bool fault(struct api_call *c, const char *list, size_t i, const char *code, const char *words)
{
	char pointer[64];

	(void)snprintf(pointer, sizeof pointer, "/%s/%zu", list, i);
	call_abandon(c, ERR_SYNTAX, NULL);
	call_reply_problem(c, 422, code, pointer, "%s", words);
	return false;
}

/* False: answered. */
static bool words_are_right(struct api_call *c, const struct token *spec)
{
	const struct snapshot *s = call_directory(c);
	size_t i = 0;

	for (i = 0; i < spec->domain_count; i++) {
		if (!call_reaches_domain(c, spec->domains[i]) || !snapshot_has_domain(s, spec->domains[i]))
			break;
	}
	call_release(c, &s);
	if (i < spec->domain_count)
		return fault(c, "domains", i, "no_such_domain", "not a domain of this server that you manage");
	for (i = 0; i < spec->scope_count; i++) {
		if (!policy_is_scope(spec->scopes[i]))
			return fault(c, "scopes", i, "not_allowed_value", "there is no such scope");
	}
	return true;
}

/* False: answered. Not given: DAYS_DEFAULT, or what the setting allows; null: never. */
static bool end_of(struct api_call *c, int64_t *out)
{
	const struct snapshot *s = call_directory(c);
	const int64_t days_max = snapshot_number(s, SETTING_TOKEN_DAYS_MAX), now_ms = clock_real_ms();
	int64_t days = days_max > 0 && days_max < DAYS_DEFAULT ? days_max : DAYS_DEFAULT;
	bool good;

	call_release(c, &s);
	*out = body_is_null(c, "expires_at") ? 0 : body_has(c, "expires_at") ? body_time(c, "expires_at")
									     : now_ms + days * DAY_MS;
	good = *out ? *out > now_ms && (days_max == 0 || *out <= now_ms + days_max * DAY_MS) : days_max == 0;
	if (!good) {
		call_abandon(c, ERR_SYNTAX, NULL);
		call_reply_problem(c, 422, "invalid", "expires_at", "a token ends within %lld days from now (setting token_days_max)", (long long)days_max);
	}
	return good;
}

static void create(struct api_call *c, struct token *spec)
{
	struct change change = { .verb = "create", .event = EVENT_TOKEN_CHANGED };
	struct note why = { "" };
	struct token made;
	struct buf secret;
	uint64_t id = 0;
	json_t *out;
	enum err e;

	buf_init(&secret, 128);
	e = token_create(c->context->auth, spec, &id, &secret, &why);
	if (!e)
		e = find(c, true, id, &made);
	if (e) {
		call_abandon(c, e, &why);
	} else {
		out = token_json(c, &made);
		change.subject = person_id_text(c, "tok_", id);
		change.after = json_deep_copy(out);
		json_object_set_new(out, "token", json_span(buf_span(&secret)));
		call_location(c, "tokens", change.subject);
		(void)call_finish(c, 201, &out, &change);
	}
	buf_wipe(&secret);
}

void api_token_create(struct api_call *c)
{
	struct token spec = { .label = body_text(c, "label") };
	struct span *domains;
	const struct span *given;

	spec.scopes = body_texts(c, "scopes", &spec.scope_count);
	spec.networks = body_texts(c, "networks", &spec.network_count);
	if (!person_may_give(c, spec.label, spec.networks, spec.network_count, 0) || !call_begin(c))
		return;
	spec.account_id = owner_of(c);
	if (!spec.account_id)
		return;
	given = body_texts(c, "domains", &spec.domain_count);
	domains = arena_array(&c->arena, spec.domain_count + 1, sizeof *domains);
	for (size_t i = 0; domains && i < spec.domain_count; i++)
		domains[i] = given_domain(c, given[i]);
	spec.domains = domains;
	if (!domains)
		call_abandon(c, ERR_TEMP, NULL);
	else if (words_are_right(c, &spec) && end_of(c, &spec.expires_ms))
		create(c, &spec);
}

void api_token_delete(struct api_call *c)
{
	struct change change = { .verb = "delete", .subject = c->args[0], .event = EVENT_TOKEN_CHANGED };
	struct token t;
	uint64_t id;
	enum err e;

	if (!call_begin(c))
		return;
	e = person_id(c->args[0], SPAN("tok_"), &id) ? find(c, manages_all(c), id, &t) : ERR_NOT_FOUND;
	if (!e) {
		change.before = token_json(c, &t);
		e = token_remove(c->context->auth, id);
	}
	if (e) {
		json_decref(change.before);
		call_abandon(c, e, e == ERR_NOT_FOUND ? &no_such_token : NULL);
	} else {
		(void)call_finish(c, 204, NULL, &change);
	}
}
