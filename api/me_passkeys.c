/* api/me_passkeys.c: /me/passkeys: one's own passkeys. Options are what navigator.credentials.create() takes (WebAuthn 5.4), bytes as base64url. */
#include <inttypes.h>
#include <jansson.h>

#include "api/given.h"
#include "api/passkey_host.h"
#include "api/resources.h"
#include "api/user.h"
#include "daemon/auth/passkey.h"
#include "daemon/auth/web_session.h"
#include "daemon/events/events.h"

#define TIMEOUT_MS (5 * 60 * 1000)

static struct span id_text(struct api_call *c, uint64_t id)
{
	return arena_printf(&c->arena, "key_%" PRIu64, id);
}

static json_t *passkey_json(struct api_call *c, const struct passkey *p)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "id", json_span(id_text(c, p->id)), "label", json_span(p->label), "created_at", json_time(p->created_ms), "used_at", json_time(p->used_ms));
}

void api_me_passkeys_list(struct api_call *c)
{
	struct page page = { .next_cursor = SPAN(""), .total = -1 };
	struct passkey *list;
	size_t count;
	enum err e = passkey_list(c->context->auth, c->caller.account_id, &c->arena, &list, &count);

	if (e) {
		call_reply_error(c, e, NULL);
		return;
	}
	page.list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(page.list, passkey_json(c, &list[i]));
	call_reply_page(c, &page);
}

static json_t *known_json(const struct passkey *list, size_t count)
{
	json_t *out = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(out, json_pack("{s:s, s:o}", "type", "public-key", "id", passkey_text(list[i].credential)));
	return out;
}

static json_t *options_json(struct api_call *c, struct span rp_id, const struct passkey *list, size_t count)
{
	uint8_t challenge[PASSKEY_CHALLENGE_BYTES], handle[PASSKEY_USER_BYTES];
	json_t *user, *kinds, *selection;

	passkey_challenge(c->context->auth, c->caller.account_id, challenge);
	passkey_user_handle(c->context->auth, c->caller.account_id, handle);
	user = json_pack("{s:o, s:o, s:o}", "id", passkey_text(span_make((const char *)handle, sizeof handle)), "name", json_span(c->caller.name), "displayName", json_span(c->caller.name));
	kinds = json_pack("[{s:s, s:i}, {s:s, s:i}, {s:s, s:i}]", "type", "public-key", "alg", -7, "type", "public-key", "alg", -8, "type", "public-key", "alg", -257);
	selection = json_pack("{s:s, s:b, s:s}", "residentKey", "required", "requireResidentKey", 1, "userVerification", "required");
	return json_pack("{s:{s:{s:o, s:o}, s:o, s:o, s:o, s:i, s:o, s:o, s:s}}", "public_key", "rp", "id", json_span(rp_id), "name", json_span(rp_id), "user", user, "challenge",
			 passkey_text(span_make((const char *)challenge, sizeof challenge)), "pubKeyCredParams", kinds, "timeout", TIMEOUT_MS, "excludeCredentials",
			 known_json(list, count), "authenticatorSelection", selection, "attestation", "none");
}

void api_me_passkey_options(struct api_call *c)
{
	struct passkey *list;
	struct span rp_id;
	json_t *out;
	size_t count;
	enum err e;

	if (!passkey_host(c, &rp_id))
		return;
	e = passkey_list(c->context->auth, c->caller.account_id, &c->arena, &list, &count);
	if (e) {
		call_reply_error(c, e, NULL);
		return;
	}
	out = options_json(c, rp_id, list, count);
	call_reply_json(c, 200, &out);
}

/* How one logs in has changed. Takes *out. */
static void finish(struct api_call *c, int status, json_t **out, const char *verb, json_t *before, json_t *after)
{
	struct change change = { .verb = verb, .subject = c->caller.name, .domain = given_domain_of(c->caller.name), .before = before, .after = after, .event = EVENT_USER_CHANGED };
	uint64_t id = c->caller.account_id;
	enum err e = web_session_remove_others(c->context->auth, id, c->caller.session_id);

	if (e) {
		json_decref(*out);
		json_decref(before);
		json_decref(after);
		*out = NULL;
		call_abandon(c, e, NULL);
	} else if (call_finish(c, status, out, &change)) {
		user_end_sessions(c->context, id);
	}
}

/* Null: not among one's own. */
static const struct passkey *find(struct api_call *c, uint64_t id)
{
	struct passkey *list;
	size_t count;

	if (passkey_list(c->context->auth, c->caller.account_id, &c->arena, &list, &count) != ERR_OK)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		if (list[i].id == id)
			return &list[i];
	}
	return NULL;
}

static void refuse(struct api_call *c, enum err e, const struct note *why)
{
	call_abandon(c, e, why);
	if (e == ERR_SYNTAX)
		call_reply_problem(c, 422, "invalid", NULL, "%s", why->text);
	else if (e == ERR_DENIED)
		call_reply_problem(c, 422, "passkey_refused", NULL, "%s", why->text);
}

void api_me_passkey_create(struct api_call *c)
{
	struct passkey_registration given = { .origin = c->request->origin, .label = body_text(c, "label") };
	const struct passkey *made;
	struct note why = { "" };
	json_t *out;
	uint64_t id;
	enum err e;

	if (!passkey_host(c, &given.rp_id) || !passkey_bytes(c, "client_data", &given.client_data) || !passkey_bytes(c, "attestation_object", &given.attestation_object) || !call_begin(c))
		return;
	e = passkey_register(c->context->auth, c->caller.account_id, &given, &id, &why);
	made = e ? NULL : find(c, id);
	if (e || !made) {
		refuse(c, e ? e : ERR_TEMP, &why);
		return;
	}
	out = passkey_json(c, made);
	call_location(c, "me/passkeys", id_text(c, id));
	finish(c, 201, &out, "add_passkey", NULL, passkey_json(c, made));
}

void api_me_passkey_delete(struct api_call *c)
{
	const struct passkey *found = NULL;
	json_t *none = NULL;
	uint64_t id;
	enum err e = ERR_NOT_FOUND;

	if (!call_begin(c))
		return;
	if (span_starts(c->args[0], SPAN("key_")) && span_to_u64(span_skip(c->args[0], 4), INT64_MAX, &id) == ERR_OK)
		found = find(c, id);
	if (found)
		e = passkey_remove(c->context->auth, c->caller.account_id, id);
	if (!e) {
		finish(c, 204, &none, "remove_passkey", passkey_json(c, found), NULL);
		return;
	}
	call_abandon(c, e, NULL);
	if (e == ERR_NOT_FOUND)
		call_reply_problem(c, 404, "not_found", NULL, "there is no such passkey");
}
