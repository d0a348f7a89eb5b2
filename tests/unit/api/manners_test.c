/* What holds for every call: CSRF and step-up, tokens and their domains, Idempotency-Key, rate limits, cursors, conditions, dry runs, the audit. */
#include <string.h>

#include "daemon/auth/token.h"
#include "daemon/auth/web_session.h"
#include "daemon/base/clock.h"
#include "daemon/directory/setting.h"
#include "daemon/events/audit.h"
#include "tests/unit/api/world.h"

/* A session of Alice's, for the next requests. */
static struct buf cookie, csrf;

static void log_in(struct world *w, const char *address)
{
	uint64_t id;

	buf_clear(&cookie);
	buf_clear(&csrf);
	buf_init(&cookie, 256);
	buf_init(&csrf, 256);
	assert_int_equal(web_session_create(w->api.auth, world_user(w, address), &w->also.peer, SPAN("test"), &id, &cookie), ERR_OK);
	web_session_csrf(w->api.auth, buf_span(&cookie), &csrf);
	w->also.cookie = buf_span(&cookie);
	w->also.csrf = buf_span(&csrf);
}

static void become_local(struct world *w)
{
	w->also = (struct api_request){ .path = SPAN("") };
	w->token = w->if_match = SPAN("");
	buf_clear(&cookie);
	buf_clear(&csrf);
}

static void limited_token(struct world *w, uint64_t account, const char *scope, const char *domain)
{
	static char text[128];
	struct span scopes[1] = { span_str(scope) }, domains[1] = { span_str(domain) };
	struct token spec = { .account_id = account, .label = SPAN("limited"), .scopes = scopes, .scope_count = 1, .domains = domains, .domain_count = 1 };
	struct buf secret;
	uint64_t id;

	buf_init(&secret, sizeof text);
	assert_int_equal(token_create(w->api.auth, &spec, &id, &secret, NULL), ERR_OK);
	(void)snprintf(text, sizeof text, "%.*s", (int)secret.len, secret.ptr);
	buf_clear(&secret);
	w->token = span_str(text);
}

/* ---- who calls ---- */

static void a_session_needs_its_csrf_token_for_changes(void **state)
{
	struct world *w = *state;

	log_in(w, "alice@example.org");
	assert_int_equal(ask(w, "POST", "/api/v1/domains", "{\"name\":\"csrf.example\"}"), 201);
	w->also.csrf = SPAN("");
	assert_int_equal(ask(w, "GET", "/api/v1/domains", ""), 200);
	assert_int_equal(ask(w, "POST", "/api/v1/domains", "{\"name\":\"none.example\"}"), 403);
	assert_string_equal(got_text(w, "code"), "csrf");
	w->also.csrf = SPAN("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
	assert_int_equal(ask(w, "DELETE", "/api/v1/domains/csrf.example", ""), 403);
	w->also.csrf = buf_span(&csrf);
	w->also.cross_site = true;
	assert_int_equal(ask(w, "DELETE", "/api/v1/domains/csrf.example", ""), 403);
	assert_string_equal(got_text(w, "code"), "csrf");
	w->also.cross_site = false;
	assert_int_equal(ask(w, "DELETE", "/api/v1/domains/csrf.example", ""), 204);
	become_local(w);
}

static void another_site_may_not_even_log_in(void **state)
{
	struct world *w = *state;

	w->also.peer = (struct net_addr){ .family = NET_IPV4, .ip = { 192, 0, 2, 1 } };
	w->also.cross_site = true;
	assert_int_equal(ask(w, "POST", "/api/v1/session", "{}"), 403);
	assert_string_equal(got_text(w, "code"), "csrf");
	become_local(w);
}

static void what_is_grave_asks_who_one_is_again(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, "POST", "/api/v1/domains", "{\"name\":\"grave.example\"}"), 201);
	log_in(w, "alice@example.org");
	clock_fake_advance_ms(WEB_SESSION_PROVEN_MS + 1000);
	assert_int_equal(ask(w, "GET", "/api/v1/domains/grave.example", ""), 200);
	assert_int_equal(ask(w, "DELETE", "/api/v1/domains/grave.example", ""), 403);
	assert_string_equal(got_text(w, "code"), "step_up_required");
	become_local(w);
	assert_int_equal(ask(w, "DELETE", "/api/v1/domains/grave.example", ""), 204);
}

static void a_wrong_token_is_an_answer_even_with_a_cookie(void **state)
{
	struct world *w = *state;

	log_in(w, "alice@example.org");
	w->token = SPAN("prm_pat_00000000000000000000000000000000aaaaaa");
	assert_int_equal(ask(w, "GET", "/api/v1/domains", ""), 401);
	assert_non_null(strstr(world_header(w, "WWW-Authenticate"), "Bearer"));
	w->token = SPAN("");
	assert_int_equal(ask(w, "GET", "/api/v1/domains", ""), 200);
	w->also.cookie = SPAN("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
	assert_int_equal(ask(w, "GET", "/api/v1/domains", ""), 401);
	become_local(w);
}

static void a_token_of_a_domain_stays_in_it(void **state)
{
	struct world *w = *state;
	uint64_t alice = world_user(w, "alice@example.org");

	assert_int_equal(ask(w, "POST", "/api/v1/domains", "{\"name\":\"other.example\"}"), 201);
	assert_int_equal(ask(w, "POST", "/api/v1/aliases", "{\"address\":\"sales@other.example\",\"targets\":[\"alice@example.org\"]}"), 201);
	limited_token(w, alice, "aliases:read", "other.example");
	assert_int_equal(ask(w, "GET", "/api/v1/aliases", ""), 200);
	assert_int_equal(got_number(w, "data"), 1);
	assert_int_equal(ask(w, "GET", "/api/v1/aliases/sales@other.example", ""), 200);
	limited_token(w, alice, "aliases:read", "example.org");
	assert_int_equal(ask(w, "GET", "/api/v1/aliases/sales@other.example", ""), 404);
	limited_token(w, alice, "settings:read", "example.org");
	assert_int_equal(ask(w, "GET", "/api/v1/settings", ""), 403); /* belongs to no domain */
	limited_token(w, alice, "domains:write", "example.org");
	assert_int_equal(ask(w, "POST", "/api/v1/domains", "{\"name\":\"third.example\"}"), 403);
	become_local(w);
	assert_int_equal(ask(w, "DELETE", "/api/v1/aliases/sales@other.example", ""), 204);
	assert_int_equal(ask(w, "DELETE", "/api/v1/domains/other.example", ""), 204);
}

/* ---- Idempotency-Key ---- */

static void a_request_tried_again_gets_the_first_answer(void **state)
{
	struct world *w = *state;
	char tag[128];

	w->also.idempotency_key = SPAN("key-1");
	assert_int_equal(ask(w, "POST", "/api/v1/domains", "{\"name\":\"once.example\"}"), 201);
	(void)snprintf(tag, sizeof tag, "%s", world_header(w, "Location"));
	assert_string_equal(world_header(w, "Idempotency-Replayed"), "");
	assert_int_equal(ask(w, "POST", "/api/v1/domains", "{\"name\":\"once.example\"}"), 201);
	assert_string_equal(world_header(w, "Idempotency-Replayed"), "true");
	assert_string_equal(world_header(w, "Location"), tag);
	assert_string_equal(got_text(w, "name"), "once.example");
	assert_int_equal(ask(w, "POST", "/api/v1/domains", "{\"name\":\"twice.example\"}"), 422);
	assert_string_equal(got_text(w, "code"), "idempotency_mismatch");
	w->also.idempotency_key = SPAN("");
	assert_int_equal(ask(w, "POST", "/api/v1/domains", "{\"name\":\"once.example\"}"), 409);
	assert_int_equal(ask(w, "DELETE", "/api/v1/domains/once.example", ""), 204);
}

static void a_refusal_is_kept_too_but_not_a_dry_run(void **state)
{
	struct world *w = *state;

	w->also.idempotency_key = SPAN("key-2");
	assert_int_equal(ask(w, "POST", "/api/v1/domains?dry_run=1", "{\"name\":\"dry.example\"}"), 200);
	assert_int_equal(ask(w, "POST", "/api/v1/domains", "{\"name\":\"example.org\"}"), 409);
	assert_int_equal(ask(w, "POST", "/api/v1/domains", "{\"name\":\"example.org\"}"), 409);
	assert_string_equal(world_header(w, "Idempotency-Replayed"), "true");
	w->also.idempotency_key = SPAN("");
}

static void a_key_is_its_callers_and_lasts_a_day(void **state)
{
	struct world *w = *state;
	uint64_t alice = world_user(w, "alice@example.org");
	int64_t now = clock_real_ms();

	w->also.idempotency_key = SPAN("key-3");
	w->token = world_token(w, alice, "domains:write");
	assert_int_equal(ask(w, "POST", "/api/v1/domains", "{\"name\":\"mine.example\"}"), 201);
	w->token = world_token(w, alice, "domains:write"); /* another token: another caller */
	assert_int_equal(ask(w, "POST", "/api/v1/domains", "{\"name\":\"mine.example\"}"), 409);
	assert_string_equal(world_header(w, "Idempotency-Replayed"), "");
	clock_fake_set_real_ms(4102444800000); /* long after */
	w->token = SPAN("");
	w->also.idempotency_key = SPAN("key-4");
	assert_int_equal(ask(w, "POST", "/api/v1/domains", "{\"name\":\"day.example\"}"), 201);
	clock_fake_set_real_ms(4102444800000 + 24 * 3600 * 1000 + 1);
	assert_int_equal(ask(w, "POST", "/api/v1/domains", "{\"name\":\"day.example\"}"), 409);
	clock_fake_set_real_ms(now);
	become_local(w);
	assert_int_equal(ask(w, "DELETE", "/api/v1/domains/mine.example", ""), 204);
	assert_int_equal(ask(w, "DELETE", "/api/v1/domains/day.example", ""), 204);
}

/* ---- limits ---- */

static void many_requests_are_429_for_the_one_who_sends_them(void **state)
{
	struct world *w = *state;
	uint64_t alice = world_user(w, "alice@example.org");
	int status = 200, allowed = 0;

	assert_int_equal(directory_setting_set(w->api.directory, SETTING_API_REQUESTS_PER_MINUTE, SPAN("30"), NULL), ERR_OK);
	w->token = world_token(w, alice, "domains:read");
	while (status == 200 && allowed < 100) {
		status = ask(w, "GET", "/api/v1/domains", "");
		allowed += status == 200;
	}
	assert_int_equal(allowed, 30);
	assert_int_equal(status, 429);
	assert_string_equal(world_header(w, "Retry-After"), "2");
	assert_string_equal(world_header(w, "RateLimit-Policy"), "\"default\";q=30;w=60");
	assert_string_equal(world_header(w, "RateLimit"), "\"default\";r=0;t=60");
	clock_fake_advance_ms(2000);
	assert_int_equal(ask(w, "GET", "/api/v1/domains", ""), 200);
	assert_int_equal(ask(w, "GET", "/api/v1/domains", ""), 429);
	w->token = world_token(w, alice, "domains:read");
	assert_int_equal(ask(w, "GET", "/api/v1/domains", ""), 200); /* another one has its own */
	w->token = SPAN("");
	for (int i = 0; i < 40; i++)
		assert_int_equal(ask(w, "GET", "/api/v1/domains", ""), 200); /* the socket is free */
	assert_int_equal(directory_setting_reset(w->api.directory, SETTING_API_REQUESTS_PER_MINUTE, NULL), ERR_OK);
}

static void strangers_share_the_bucket_of_their_network(void **state)
{
	struct world *w = *state;
	int refused = 0;

	assert_int_equal(directory_setting_set(w->api.directory, SETTING_API_REQUESTS_PER_MINUTE, SPAN("30"), NULL), ERR_OK);
	w->also.peer = (struct net_addr){ .family = NET_IPV6, .ip = { 0x20, 0x01, 0x0d, 0xb8 } };
	for (int i = 0; i < 40; i++) {
		w->also.peer.ip[15] = (uint8_t)i; /* of one /64 */
		refused += ask(w, "GET", "/api/v1/domains", "") == 429;
	}
	assert_int_equal(refused, 10);
	w->also.peer.ip[7] = 1;
	assert_int_equal(ask(w, "GET", "/api/v1/domains", ""), 401);
	assert_int_equal(directory_setting_reset(w->api.directory, SETTING_API_REQUESTS_PER_MINUTE, NULL), ERR_OK);
	become_local(w);
}

/* ---- pages ---- */

static void cursors_belong_to_their_list(void **state)
{
	struct world *w = *state;
	char cursor[256], path[400];
	size_t seen = 0;

	for (int i = 0; i < 5; i++) {
		(void)snprintf(path, sizeof path, "{\"name\":\"d%d.example\"}", i);
		assert_int_equal(ask(w, "POST", "/api/v1/domains", path), 201);
	}
	assert_int_equal(ask(w, "GET", "/api/v1/domains?limit=2", ""), 200);
	seen += (size_t)got_number(w, "data");
	(void)snprintf(cursor, sizeof cursor, "%s", got_text(w, "next_cursor"));
	assert_non_null(strstr(world_header(w, "Link"), cursor));
	assert_non_null(strstr(world_header(w, "Link"), "rel=\"next\""));
	(void)snprintf(path, sizeof path, "/api/v1/aliases?limit=2&cursor=%s", cursor);
	assert_int_equal(ask(w, "GET", path, ""), 400);
	assert_string_equal(got_text(w, "code"), "bad_cursor");
	assert_string_equal(got_text(w, "errors/0/pointer"), "cursor");
	(void)snprintf(path, sizeof path, "/api/v1/domains?limit=2&sort=-name&cursor=%s", cursor);
	assert_int_equal(ask(w, "GET", path, ""), 400);
	(void)snprintf(path, sizeof path, "/api/v1/domains?limit=2&cursor=%.*sA", (int)strlen(cursor) - 1, cursor);
	assert_int_equal(ask(w, "GET", path, ""), 400);
	while (cursor[0]) {
		(void)snprintf(path, sizeof path, "/api/v1/domains?limit=3&cursor=%s", cursor); /* another limit is no other list */
		assert_int_equal(ask(w, "GET", path, ""), 200);
		seen += (size_t)got_number(w, "data");
		(void)snprintf(cursor, sizeof cursor, "%s", got_text(w, "next_cursor"));
	}
	assert_int_equal(seen, 6);
	for (int i = 0; i < 5; i++) {
		(void)snprintf(path, sizeof path, "/api/v1/domains/d%d.example", i);
		assert_int_equal(ask(w, "DELETE", path, ""), 204);
	}
}

static void what_has_not_changed_is_not_sent_again(void **state)
{
	struct world *w = *state;
	char tag[64];

	assert_int_equal(ask(w, "GET", "/api/v1/domains", ""), 200);
	(void)snprintf(tag, sizeof tag, "%s", world_header(w, "ETag"));
	assert_int_equal(strlen(tag), 24);
	w->also.if_none_match = span_str(tag);
	assert_int_equal(ask(w, "GET", "/api/v1/domains", ""), 304);
	assert_int_equal(w->response.body.len, 0);
	assert_int_equal(ask(w, "GET", "/api/v1/users", ""), 200);
	w->also.if_none_match = SPAN("\"x\", W/\"y\"");
	assert_int_equal(ask(w, "GET", "/api/v1/domains", ""), 200);
	w->also.if_none_match = SPAN("");
}

/* ---- changes ---- */

static uint64_t audited(struct world *w, struct audit_entry *newest, struct arena *a)
{
	struct audit_filter all = { .domains = NULL };
	struct audit_entry *entries;
	size_t count;
	bool more;

	assert_int_equal(audit_list(w->api.directory, &all, 0, 1, a, &entries, &count, &more), ERR_OK);
	if (count > 0 && newest)
		*newest = entries[0];
	return count ? entries[0].id : 0;
}

static void a_change_is_audited_and_a_failed_or_dry_one_is_not(void **state)
{
	struct world *w = *state;
	struct audit_entry newest;
	struct arena a;
	uint64_t before;

	arena_init(&a, 1 << 20);
	before = audited(w, NULL, &a);
	w->also.local_name = SPAN("uid 0");
	w->also.request_id = SPAN("req_1");
	assert_int_equal(ask(w, "POST", "/api/v1/domains?dry_run=1", "{\"name\":\"audit.example\"}"), 200);
	assert_int_equal(got_number(w, "dry_run"), 1);
	assert_string_equal(got_text(w, "changes/0/verb"), "create");
	assert_string_equal(got_text(w, "changes/0/after/name"), "audit.example");
	assert_int_equal(ask(w, "GET", "/api/v1/domains/audit.example", ""), 404);
	assert_int_equal(ask(w, "POST", "/api/v1/domains", "{\"name\":\"example.org\"}"), 409);
	assert_int_equal(audited(w, NULL, &a), before);
	assert_int_equal(ask(w, "POST", "/api/v1/domains", "{\"name\":\"audit.example\"}"), 201);
	assert_int_equal(audited(w, &newest, &a), before + 1);
	assert_true(span_equals(newest.actor, SPAN("uid 0")) && span_equals(newest.via, SPAN("socket")) && span_equals(newest.request_id, SPAN("req_1")));
	assert_true(span_equals(newest.operation, SPAN("domain_create")) && span_equals(newest.subject, SPAN("audit.example")));
	assert_int_equal(ask(w, "GET", "/api/v1/audit?subject=audit.example", ""), 200);
	assert_int_equal(got_number(w, "data"), 1);
	assert_string_equal(got_text(w, "data/0/after/name"), "audit.example");
	assert_int_equal(ask(w, "GET", "/api/v1/audit:verify", ""), 200);
	assert_int_equal(got_number(w, "whole"), 1);
	assert_int_equal(ask(w, "DELETE", "/api/v1/domains/audit.example", ""), 204);
	arena_clear(&a);
	become_local(w);
}

static void conditions_are_held(void **state)
{
	struct world *w = *state;
	char tag[64];

	assert_int_equal(ask(w, "PATCH", "/api/v1/settings", "{\"trace_days\":7}"), 428);
	assert_int_equal(ask(w, "GET", "/api/v1/settings", ""), 200);
	(void)snprintf(tag, sizeof tag, "%s", world_header(w, "ETag"));
	w->if_match = SPAN("\"AAAAAAAAAAAAAAAAAAAAAA\"");
	assert_int_equal(ask(w, "PATCH", "/api/v1/settings", "{\"trace_days\":7}"), 412);
	w->if_match = span_str(tag);
	assert_int_equal(ask(w, "PATCH", "/api/v1/settings", "{\"trace_days\":7}"), 200);
	assert_int_equal(ask(w, "PATCH", "/api/v1/settings", "{\"trace_days\":8}"), 412); /* it has changed since */
	w->if_match = SPAN("*");
	assert_int_equal(ask(w, "DELETE", "/api/v1/domains/nothing.example", ""), 404);
	assert_int_equal(ask(w, "PUT", "/api/v1/domains/nothing.example", "{}"), 412); /* RFC 9110 13.1.1: nothing there to fit */
	assert_int_equal(ask(w, "PATCH", "/api/v1/settings", "{\"trace_days\":null}"), 200);
	become_local(w);
}

static void problems_say_where_and_what(void **state)
{
	struct world *w = *state;

	w->also.origin = SPAN("https://mail.example.org");
	w->also.request_id = SPAN("req_2");
	assert_int_equal(ask(w, "POST", "/api/v1/domains", "{\"name\":7,\"colour\":\"red\"}"), 422);
	assert_string_equal(got_text(w, "type"), "https://mail.example.org/api/docs#invalid");
	assert_string_equal(got_text(w, "instance"), "/api/v1/domains");
	assert_string_equal(got_text(w, "request_id"), "req_2");
	assert_int_equal(got_number(w, "errors"), 2);
	assert_int_equal(ask(w, "GET", "/api/v1/domains?limit=0", ""), 400);
	assert_string_equal(got_text(w, "errors/0/pointer"), "limit");
	become_local(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_needs_its_csrf_token_for_changes),
		cmocka_unit_test(another_site_may_not_even_log_in),
		cmocka_unit_test(what_is_grave_asks_who_one_is_again),
		cmocka_unit_test(a_wrong_token_is_an_answer_even_with_a_cookie),
		cmocka_unit_test(a_token_of_a_domain_stays_in_it),
		cmocka_unit_test(a_request_tried_again_gets_the_first_answer),
		cmocka_unit_test(a_refusal_is_kept_too_but_not_a_dry_run),
		cmocka_unit_test(a_key_is_its_callers_and_lasts_a_day),
		cmocka_unit_test(many_requests_are_429_for_the_one_who_sends_them),
		cmocka_unit_test(strangers_share_the_bucket_of_their_network),
		cmocka_unit_test(cursors_belong_to_their_list),
		cmocka_unit_test(what_has_not_changed_is_not_sent_again),
		cmocka_unit_test(a_change_is_audited_and_a_failed_or_dry_one_is_not),
		cmocka_unit_test(conditions_are_held),
		cmocka_unit_test(problems_say_where_and_what),
	};

	clock_set_source(&clock_fake);
	return cmocka_run_group_tests(tests, world_make, world_remove);
}
