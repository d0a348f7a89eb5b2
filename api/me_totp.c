/* api/me_totp.c: /me/totp and /me/recovery_codes: one's own one-time codes. What is secret is shown once and never kept in the clear. */
#include <jansson.h>

#include "api/given.h"
#include "api/person.h"
#include "api/resources.h"
#include "api/user.h"
#include "daemon/auth/totp.h"
#include "daemon/auth/web_session.h"
#include "daemon/events/events.h"

#define SECRET_MAX 200
#define URI_MAX 2048
#define CODES_MAX 1000

void api_me_totp_get(struct api_call *c)
{
	unsigned left;
	bool on;
	enum err e = totp_state(c->context->auth, c->caller.account_id, &on, &left);
	json_t *out;

	if (e) {
		call_reply_error(c, e, NULL);
		return;
	}
	out = json_pack("{s:b, s:i}", "on", (int)on, "recovery_codes_left", (int)left);
	call_reply_json(c, 200, &out);
}

static struct change change_of(struct api_call *c, const char *verb, int event)
{
	return (struct change){ .verb = verb, .subject = c->caller.name, .domain = given_domain_of(c->caller.name), .event = event };
}

/* Out of lines. */
static json_t *codes_json(struct span lines)
{
	json_t *list = json_array();
	struct span line;

	while (span_split(&lines, '\n', &line)) {
		if (line.len > 0)
			json_array_append_new(list, json_span(line));
	}
	return json_pack("{s:o}", "recovery_codes", list);
}

void api_me_totp_create(struct api_call *c)
{
	struct change change = change_of(c, "begin_totp", -1);
	struct buf secret, uri;
	json_t *out;
	enum err e;

	if (!call_begin(c))
		return;
	buf_init(&secret, SECRET_MAX);
	buf_init(&uri, URI_MAX);
	e = totp_begin(c->context->auth, c->caller.account_id, &secret, &uri);
	if (e) {
		call_abandon(c, e, NULL);
		if (e == ERR_EXISTS)
			call_reply_problem(c, 409, "exists", NULL, "one-time codes are on already: turn them off first");
	} else {
		out = json_pack("{s:o, s:o}", "secret", json_span(buf_span(&secret)), "uri", json_span(buf_span(&uri)));
		(void)call_finish(c, 201, &out, &change);
	}
	buf_wipe(&secret);
	buf_wipe(&uri);
}

/* How one logs in has changed: other sessions end, and mail programs have to log in anew. */
static void finish_factor(struct api_call *c, int status, json_t **out, const char *verb)
{
	struct change change = change_of(c, verb, EVENT_USER_CHANGED);
	uint64_t id = c->caller.account_id;
	enum err e = web_session_remove_others(c->context->auth, id, c->caller.session_id);

	if (e) {
		json_decref(*out);
		*out = NULL;
		call_abandon(c, e, NULL);
	} else if (call_finish(c, status, out, &change)) {
		user_end_sessions(c->context, id);
	}
}

static void refuse_confirm(struct api_call *c, enum err e, const struct totp_result *r)
{
	call_abandon(c, e ? e : ERR_STATE, NULL);
	if (e == ERR_EXISTS)
		call_reply_problem(c, 409, "exists", NULL, "one-time codes are on already");
	else if (!e && r->verdict == TOTP_OFF)
		call_reply_problem(c, 409, "totp_not_begun", NULL, "there is no secret to confirm: POST /api/v1/me/totp makes one");
	else if (!e)
		person_reply_code(c, r, "code");
}

void api_me_totp_confirm(struct api_call *c)
{
	struct totp_result r;
	struct buf codes;
	json_t *out;
	enum err e;

	if (!call_begin(c))
		return;
	buf_init(&codes, CODES_MAX);
	e = totp_confirm(c->context->auth, c->caller.account_id, body_text(c, "code"), &codes, &r);
	if (e || r.verdict != TOTP_OK) {
		refuse_confirm(c, e, &r);
	} else {
		out = codes_json(buf_span(&codes));
		finish_factor(c, 200, &out, "turn_totp_on");
	}
	buf_wipe(&codes);
}

void api_me_totp_delete(struct api_call *c)
{
	json_t *none = NULL;
	enum err e;

	if (!call_begin(c))
		return;
	e = totp_remove(c->context->auth, c->caller.account_id);
	if (!e) {
		finish_factor(c, 204, &none, "turn_totp_off");
		return;
	}
	call_abandon(c, e, NULL);
	if (e == ERR_NOT_FOUND)
		call_reply_problem(c, 404, "not_found", NULL, "one-time codes are not on");
}

void api_me_recovery_codes_create(struct api_call *c)
{
	struct change change = change_of(c, "replace_recovery_codes", EVENT_USER_CHANGED);
	struct buf codes;
	json_t *out;
	enum err e;

	if (!call_begin(c))
		return;
	buf_init(&codes, CODES_MAX);
	e = totp_new_recovery_codes(c->context->auth, c->caller.account_id, &codes);
	if (e) {
		call_abandon(c, e, NULL);
		if (e == ERR_NOT_FOUND)
			call_reply_problem(c, 409, "no_second_factor", NULL, "recovery codes stand in for a second factor: there is none");
	} else {
		out = codes_json(buf_span(&codes));
		(void)call_finish(c, 201, &out, &change);
	}
	buf_wipe(&codes);
}
