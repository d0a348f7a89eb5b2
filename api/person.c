/* api/person.c: what logging in has in common. */
#include "api/person.h"

#include <inttypes.h>
#include <jansson.h>

#include "api/reply.h"
#include "api/user.h"
#include "daemon/auth/app_password.h"
#include "daemon/auth/totp.h"
#include "daemon/auth/web_session.h"
#include "daemon/auth/words.h"
#include "daemon/base/clock.h"

#define COOKIE_NAME "__Host-postroom"
#define COOKIE_ATTRIBUTES "; Path=/; Secure; HttpOnly; SameSite=Strict"
#define BUSY_S 5

bool person_id(struct span text, struct span prefix, uint64_t *out)
{
	return span_starts(text, prefix) && span_to_u64(span_skip(text, prefix.len), INT64_MAX, out) == ERR_OK;
}

struct span person_id_text(struct api_call *c, const char *prefix, uint64_t id)
{
	return arena_printf(&c->arena, "%s%" PRIu64, prefix, id);
}

static const struct {
	unsigned bit;
	struct span name;
} protocols[] = { { AUTH_IMAP, SPAN("imap") }, { AUTH_POP3, SPAN("pop3") }, { AUTH_SMTP, SPAN("smtp") }, { AUTH_WEB, SPAN("web") } };

json_t *person_protocols_json(unsigned bits)
{
	json_t *out = json_array();

	for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++)
		if (bits & protocols[i].bit)
			json_array_append_new(out, json_span(protocols[i].name));
	return out;
}

unsigned person_protocols_of(const struct span *names, size_t count)
{
	unsigned bits = 0;

	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < sizeof protocols / sizeof protocols[0]; k++)
			if (span_equals(names[i], protocols[k].name))
				bits |= protocols[k].bit;
	return bits;
}

json_t *person_app_password_json(struct api_call *c, const struct app_password *p)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", json_span(person_id_text(c, "app_", p->id)), "label", json_span(p->label),
			 "protocols", person_protocols_json(p->protocols), "networks", json_spans(p->networks, p->network_count), "created_at", json_time(p->created_ms), "expires_at",
			 json_time(p->expires_ms), "used_at", json_time(p->used_ms), "used_from", json_span(p->used_from));
}

bool person_may_give(struct api_call *c, struct span label, const struct span *networks, size_t network_count, int64_t expires_ms)
{
	struct note why = { "the end lies in the past" };
	const char *field = NULL;

	if (expires_ms && expires_ms <= clock_real_ms())
		field = "expires_at";
	if (words_check_networks(networks, network_count, &why) != ERR_OK)
		field = "networks";
	if (words_check_label(label, &why) != ERR_OK)
		field = "label";
	if (field)
		call_reply_problem(c, 422, "invalid", field, "%s", why.text);
	return !field;
}

/* ---- verdicts ---- */

static void reply_refused(struct api_call *c, int64_t retry_after_ms)
{
	call_reply_problem(c, 429, "refused", NULL, "too many failed logins of the account or from your network: try again later");
	reply_retry_after(c, (retry_after_ms + 999) / 1000);
}

/* Browsers take 401 for the end of the session. */
static bool logs_in(const struct api_call *c)
{
	return c->operation == OP_session_create;
}

static void reply_wrong_password(struct api_call *c, const char *field)
{
	if (logs_in(c))
		call_reply_problem(c, 401, "login_failed", field, "the user or the password is not right");
	else
		call_reply_problem(c, 422, "wrong_password", field, "the password is not right");
}

static void reply_wrong_code(struct api_call *c, const char *field, const char *words)
{
	call_reply_problem(c, logs_in(c) ? 401 : 422, "wrong_code", field, "%s", words);
}

void person_reply_verdict(struct api_call *c, const struct auth_result *result, const char *field)
{
	c->response->delay_ms = result->delay_ms;
	switch (result->verdict) {
	case AUTH_OK: call_reply_error(c, ERR_OK, NULL); break; /* no failure at all */
	case AUTH_WANTS_APP_PASSWORD:                           /* this and the next are of mail protocols */
	case AUTH_PROTOCOL_OFF:
	case AUTH_WRONG: reply_wrong_password(c, field); break;
	case AUTH_SUSPENDED: call_reply_problem(c, 401, "suspended", field, "the user is suspended: ask whoever runs this server"); break;
	case AUTH_REFUSED: reply_refused(c, result->retry_after_ms); break;
	case AUTH_BUSY:
		call_reply_problem(c, 503, "temporary", NULL, "many log in right now: try again");
		reply_retry_after(c, BUSY_S);
		break;
	}
}

static void reply_skew(struct api_call *c, int64_t skew_s, const char *field)
{
	const char *way = skew_s > 0 ? "ahead" : "behind";
	int64_t s = skew_s > 0 ? skew_s : -skew_s;

	call_reply_problem(c, logs_in(c) ? 401 : 422, "clock_skew", field, "the code is of another time: the clock of the device that shows codes is %lld:%02lld minutes %s of this server's", (long long)(s / 60),
			   (long long)(s % 60), way);
}

void person_reply_code(struct api_call *c, const struct totp_result *result, const char *field)
{
	c->response->delay_ms = result->delay_ms;
	switch (result->verdict) {
	case TOTP_OK: call_reply_error(c, ERR_OK, NULL); break; /* no failure at all */
	case TOTP_WRONG: reply_wrong_code(c, field, "the code is not right"); break;
	case TOTP_USED: reply_wrong_code(c, field, "this code was used already: wait for the next one"); break;
	case TOTP_OTHER_TIME: reply_skew(c, result->skew_s, field); break;
	case TOTP_OFF: reply_wrong_code(c, field, "no codes are set up: use a passkey or a recovery code"); break;
	case TOTP_REFUSED: reply_refused(c, result->retry_after_ms); break;
	}
}

/* ---- sessions ---- */

static json_t *session_json(struct api_call *c, uint64_t session_id, struct span cookie, bool proven, uint64_t account_id)
{
	const struct snapshot *s = directory_hold(c->context->directory);
	const struct account *a = snapshot_account(s, account_id);
	struct buf csrf;
	json_t *out;

	buf_init(&csrf, 128);
	web_session_csrf(c->context->auth, cookie, &csrf);
	out = json_pack("{s:o, s:o, s:b, s:o}", "id", json_span(person_id_text(c, "ses_", session_id)), "csrf_token", json_span(buf_span(&csrf)), "proven", (int)proven,
			"user", a ? user_json(a) : json_null());
	buf_wipe(&csrf);
	snapshot_release(&s);
	return out;
}

void person_reply_session(struct api_call *c, int status, uint64_t session_id, struct span cookie, bool proven, uint64_t account_id)
{
	json_t *out = session_json(c, session_id, cookie, proven, account_id);

	call_reply_json(c, status, &out);
}

void person_log_in(struct api_call *c, uint64_t account_id)
{
	struct buf cookie;
	uint64_t id = 0;
	enum err e;

	buf_init(&cookie, 128);
	e = web_session_create(c->context->auth, account_id, &c->request->peer, c->request->user_agent, &id, &cookie);
	if (e) {
		call_reply_error(c, e, NULL);
	} else {
		call_header(c, "Set-Cookie", arena_printf(&c->arena, COOKIE_NAME "=%.*s" COOKIE_ATTRIBUTES, (int)cookie.len, cookie.ptr));
		person_reply_session(c, 201, id, buf_span(&cookie), true, account_id);
	}
	buf_wipe(&cookie);
}

void person_forget_cookie(struct api_call *c)
{
	call_header(c, "Set-Cookie", SPAN(COOKIE_NAME "=" COOKIE_ATTRIBUTES "; Max-Age=0"));
}
