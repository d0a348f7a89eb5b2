/* App passwords, tokens, sessions of browsers, and the cache behind them. */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/auth/app_password.h"
#include "daemon/auth/token.h"
#include "daemon/auth/web_session.h"
#include "daemon/base/clock.h"
#include "tests/unit/auth/fixture.h"

#define BOB "bob@example.test"
#define DAY_MS ((int64_t)24 * 3600 * 1000)

static struct arena arena;

static int make(void **state)
{
	arena_init(&arena, 4u << 20);
	return fixture_make_with_fake_clock(state);
}

static int remove_all(void **state)
{
	arena_clear(&arena);
	return fixture_remove(state);
}

/* ---- app passwords ---- */

static const char *app(struct fixture *p, const struct app_password *spec, uint64_t *id_out)
{
	static char text[64];
	struct buf secret;

	buf_init(&secret, 63);
	assert_int_equal(app_password_create(p->auth, p->bob, spec, id_out, &secret, NULL), ERR_OK);
	(void)snprintf(text, sizeof(text), "%s", buf_cstr(&secret));
	buf_wipe(&secret);
	return text;
}

static const struct app_password phone = { .label = { "Phone", 5 }, .protocols = AUTH_IMAP | AUTH_SMTP };

static void app_password_opens_its_protocols_at_once(void **state)
{
	struct fixture *p = *state;
	struct fixture_asked asked;
	char loose[64] = "";
	const char *secret;
	uint64_t id;

	secret = app(p, &phone, &id);
	assert_int_equal(strlen(secret), 29);
	fixture_ask(p, AUTH_IMAP, &asked, BOB, secret, "198.51.100.1");
	assert_true(pthread_equal(asked.thread, pthread_self()));
	assert_int_equal(asked.result.verdict, AUTH_OK);
	assert_int_equal(asked.result.account_id, p->bob);
	assert_int_equal(fixture_check(p, AUTH_SMTP, BOB, secret, "198.51.100.1").verdict, AUTH_OK);
	assert_int_equal(fixture_check(p, AUTH_POP3, BOB, secret, "198.51.100.1").verdict, AUTH_WRONG);
	assert_int_equal(fixture_check(p, AUTH_WEB, BOB, secret, "198.51.100.1").verdict, AUTH_WRONG);
	assert_int_equal(fixture_check(p, AUTH_IMAP, "ann@example.test", secret, "198.51.100.1").verdict, AUTH_WRONG);
	/* As people type it. */
	for (size_t i = 0, n = 0; secret[i]; i++) {
		if (secret[i] != '-')
			loose[n++] = ascii_upper(secret[i]);
	}
	assert_int_equal(fixture_check(p, AUTH_IMAP, BOB, loose, "198.51.100.1").verdict, AUTH_OK);
	/* The main password goes on as before. */
	assert_int_equal(fixture_check(p, AUTH_IMAP, BOB, "secret password", "198.51.100.1").verdict, AUTH_OK);
}

static void app_password_ends_with_its_time_network_and_removal(void **state)
{
	struct fixture *p = *state;
	const struct span networks[] = { SPAN("198.51.100.0/24"), SPAN("2001:db8::/32") };
	const struct app_password spec = { .label = SPAN("Scanner"), .protocols = AUTH_SMTP, .networks = networks, .network_count = 2, .expires_ms = clock_real_ms() + DAY_MS };
	struct auth_result r;
	const char *secret;
	uint64_t id;

	secret = app(p, &spec, &id);
	r = fixture_check(p, AUTH_SMTP, BOB, secret, "198.51.100.7");
	assert_int_equal(r.verdict, AUTH_OK);
	assert_int_equal(fixture_check(p, AUTH_SMTP, BOB, secret, "2001:db8:5::1").verdict, AUTH_OK);
	assert_int_equal(fixture_check(p, AUTH_SMTP, BOB, secret, "203.0.113.7").verdict, AUTH_WRONG);
	clock_fake_advance_ms(DAY_MS);
	assert_int_equal(fixture_check(p, AUTH_SMTP, BOB, secret, "198.51.100.7").verdict, AUTH_WRONG);
	assert_true(auth_still_holds(p->auth, AUTH_IMAP, p->bob, r.credential));
	assert_int_equal(app_password_remove(p->auth, p->ann, id), ERR_NOT_FOUND);
	assert_int_equal(app_password_remove(p->auth, p->bob, id), ERR_OK);
	assert_int_equal(app_password_remove(p->auth, p->bob, id), ERR_NOT_FOUND);
	assert_false(auth_still_holds(p->auth, AUTH_IMAP, p->bob, r.credential));
}

static void app_password_gets_in_while_its_account_is_attacked(void **state)
{
	struct fixture *p = *state;
	const char *secret;
	char guess[32];
	uint64_t id;

	secret = app(p, &phone, &id);
	for (int i = 0; i < 10; i++) {
		(void)snprintf(guess, sizeof(guess), "guess number %d", i);
		(void)fixture_check(p, AUTH_IMAP, BOB, guess, i % 2 ? "203.0.113.1" : "203.0.114.1");
	}
	assert_int_equal(fixture_check(p, AUTH_IMAP, BOB, "secret password", "203.0.115.1").verdict, AUTH_REFUSED);
	assert_int_equal(fixture_check(p, AUTH_IMAP, BOB, secret, "203.0.115.1").verdict, AUTH_OK);
}

static void app_passwords_are_listed_with_their_last_use(void **state)
{
	struct fixture *p = *state;
	struct app_password *list;
	const char *secret;
	uint64_t id;
	size_t count;

	secret = app(p, &phone, &id);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(app_password_list(p->auth, p->bob, &arena, &list, &count), ERR_OK);
		assert_int_equal(count, 1);
		assert_int_equal(list[0].id, id);
		assert_true(span_equals(list[0].label, SPAN("Phone")));
		assert_int_equal(list[0].protocols, AUTH_IMAP | AUTH_SMTP);
		assert_true(span_equals(list[0].used_from, i ? SPAN("198.51.100.1") : SPAN("")));
		assert_int_equal(list[0].used_ms, i ? clock_real_ms() : 0);
		if (i == 0)
			assert_int_equal(fixture_check(p, AUTH_IMAP, BOB, secret, "198.51.100.1").verdict, AUTH_OK);
		else
			auth_tend(p->auth);
	}
	auth_free(&p->auth);
	fixture_start_auth(p);
	assert_int_equal(app_password_list(p->auth, p->bob, &arena, &list, &count), ERR_OK);
	assert_int_equal(list[0].used_ms, clock_real_ms());
}

static void app_passwords_have_limits(void **state)
{
	struct fixture *p = *state;
	const struct span bad_network = SPAN("198.51.100.1/24");
	struct app_password spec = phone;
	struct note why = { "" };
	struct buf secret;
	uint64_t id;

	buf_init(&secret, 63);
	spec.label = SPAN("");
	assert_int_equal(app_password_create(p->auth, p->bob, &spec, &id, &secret, &why), ERR_LIMIT);
	spec.label = SPAN("a\x1b[31mb");
	assert_int_equal(app_password_create(p->auth, p->bob, &spec, &id, &secret, &why), ERR_SYNTAX);
	spec.label = SPAN("c1 \xc2\x9b here");
	assert_int_equal(app_password_create(p->auth, p->bob, &spec, &id, &secret, &why), ERR_SYNTAX);
	spec = phone;
	spec.protocols = AUTH_WEB;
	assert_int_equal(app_password_create(p->auth, p->bob, &spec, &id, &secret, &why), ERR_SYNTAX);
	spec.protocols = 0;
	assert_int_equal(app_password_create(p->auth, p->bob, &spec, &id, &secret, &why), ERR_SYNTAX);
	spec = phone;
	spec.networks = &bad_network;
	spec.network_count = 1;
	assert_int_equal(app_password_create(p->auth, p->bob, &spec, &id, &secret, &why), ERR_SYNTAX);
	spec = phone;
	spec.expires_ms = clock_real_ms();
	assert_int_equal(app_password_create(p->auth, p->bob, &spec, &id, &secret, &why), ERR_SYNTAX);
	assert_int_equal(secret.len, 0);
	for (int i = 0; i < APP_PASSWORDS_MAX; i++)
		(void)app(p, &phone, &id);
	assert_int_equal(app_password_create(p->auth, p->bob, &phone, &id, &secret, &why), ERR_LIMIT);
	buf_clear(&secret);
}

static void second_factor_closes_mail_to_the_main_password(void **state)
{
	struct fixture *p = *state;
	const char *secret;
	uint64_t id;
	struct auth_result before = fixture_check(p, AUTH_IMAP, BOB, "secret password", "198.51.100.1"), r;
	char sql[256];

	secret = app(p, &phone, &id);
	(void)snprintf(sql, sizeof(sql), "INSERT INTO totp (account_id, secret_sealed, confirmed, last_step, created_ms) VALUES (%d, x'00', 1, 0, 0);", (int)p->bob);
	fixture_sql(p, sql);
	auth_forget(p->auth, p->bob);
	r = fixture_check(p, AUTH_IMAP, BOB, "secret password", "198.51.100.1");
	assert_int_equal(r.verdict, AUTH_WANTS_APP_PASSWORD);
	assert_false(auth_still_holds(p->auth, AUTH_IMAP, p->bob, before.credential));
	assert_int_equal(fixture_check(p, AUTH_SMTP, BOB, "wrong password", "198.51.100.1").verdict, AUTH_WRONG);
	assert_int_equal(fixture_check(p, AUTH_IMAP, BOB, secret, "198.51.100.1").verdict, AUTH_OK);
	r = fixture_check(p, AUTH_WEB, BOB, "secret password", "203.0.113.1");
	assert_int_equal(r.verdict, AUTH_OK);
	assert_true(r.second_factor);
	/* Half a login makes no device known. */
	assert_int_equal(fixture_events(p, EVENT_LOGIN_NEW_DEVICE), 1);
}

static void batch_that_is_rolled_back_leaves_the_old_password(void **state)
{
	struct fixture *p = *state;

	assert_int_equal(fixture_check(p, AUTH_IMAP, BOB, "secret password", "198.51.100.1").verdict, AUTH_OK);
	assert_int_equal(directory_begin(p->d, NULL), ERR_OK);
	assert_int_equal(auth_set_password(p->auth, p->bob, SPAN("other password"), NULL), ERR_OK);
	/* Others see the old one as long as nothing is committed. */
	assert_int_equal(fixture_check(p, AUTH_IMAP, BOB, "wrong password", "198.51.100.1").verdict, AUTH_WRONG);
	directory_end(p->d);
	assert_int_equal(fixture_check(p, AUTH_IMAP, BOB, "secret password", "198.51.100.1").verdict, AUTH_OK);
	assert_int_equal(directory_begin(p->d, NULL), ERR_OK);
	assert_int_equal(auth_set_password(p->auth, p->bob, SPAN("other password"), NULL), ERR_OK);
	assert_int_equal(fixture_check(p, AUTH_IMAP, BOB, "wrong passwort", "198.51.100.1").verdict, AUTH_WRONG);
	assert_int_equal(directory_commit(p->d, NULL), ERR_OK);
	assert_int_equal(fixture_check(p, AUTH_IMAP, BOB, "secret password", "198.51.100.1").verdict, AUTH_WRONG);
	assert_int_equal(fixture_check(p, AUTH_IMAP, BOB, "other password", "198.51.100.1").verdict, AUTH_OK);
	assert_int_equal(directory_setting_set(p->d, SETTING_PASSWORD_LENGTH_MIN, SPAN("15"), NULL), ERR_OK);
	assert_int_equal(auth_set_password(p->auth, p->bob, SPAN("other password"), NULL), ERR_LIMIT);
	assert_int_equal(auth_set_password(p->auth, p->bob + 100, SPAN("other long password"), NULL), ERR_NOT_FOUND);
}

/* ---- tokens ---- */

static const struct span scopes[] = { { "users:read", 10 }, { "queue:manage", 12 } };

static struct token token_spec(struct fixture *p)
{
	return (struct token){ .account_id = p->bob, .label = SPAN("Backup script"), .scopes = scopes, .scope_count = 2 };
}

static const char *make_token(struct fixture *p, const struct token *spec, uint64_t *id_out)
{
	static char text[64];
	struct buf secret;

	buf_init(&secret, 63);
	assert_int_equal(token_create(p->auth, spec, id_out, &secret, NULL), ERR_OK);
	(void)snprintf(text, sizeof(text), "%s", buf_cstr(&secret));
	buf_wipe(&secret);
	return text;
}

static enum err check_token(struct fixture *p, const char *secret, const char *ip, struct token *out)
{
	const struct net_addr peer = fixture_ip(ip);

	return token_check(p->auth, span_str(secret), &peer, &arena, out);
}

static void token_says_whose_it_is_and_what_for(void **state)
{
	struct fixture *p = *state;
	const struct span domains[] = { SPAN("example.test") };
	struct token spec = token_spec(p), t;
	const char *secret;
	uint64_t id;

	spec.domains = domains;
	spec.domain_count = 1;
	secret = make_token(p, &spec, &id);
	assert_int_equal(strlen(secret), 46);
	assert_true(span_starts(span_str(secret), SPAN("prm_pat_")));
	for (int i = 0; i < 2; i++) { /* from control.db, then from memory */
		assert_int_equal(check_token(p, secret, "198.51.100.1", &t), ERR_OK);
		assert_int_equal(t.id, id);
		assert_int_equal(t.account_id, p->bob);
		assert_int_equal(t.scope_count, 2);
		assert_true(span_equals(t.scopes[1], SPAN("queue:manage")));
		assert_int_equal(t.domain_count, 1);
		assert_true(span_equals(t.domains[0], SPAN("example.test")));
		assert_int_equal(t.network_count, 0);
	}
}

static void token_ends_with_time_network_account_and_removal(void **state)
{
	struct fixture *p = *state;
	const struct span networks[] = { SPAN("198.51.100.0/24") };
	struct token spec = token_spec(p), t;
	const char *secret;
	uint64_t id;

	spec.networks = networks;
	spec.network_count = 1;
	spec.expires_ms = clock_real_ms() + DAY_MS;
	secret = make_token(p, &spec, &id);
	assert_int_equal(check_token(p, secret, "198.51.100.1", &t), ERR_OK);
	assert_int_equal(check_token(p, secret, "203.0.113.1", &t), ERR_DENIED);
	assert_int_equal(directory_account_set_suspended(p->d, p->bob, true, NULL), ERR_OK);
	assert_int_equal(check_token(p, secret, "198.51.100.1", &t), ERR_DENIED);
	assert_int_equal(directory_account_set_suspended(p->d, p->bob, false, NULL), ERR_OK);
	assert_int_equal(check_token(p, secret, "198.51.100.1", &t), ERR_OK);
	clock_fake_advance_ms(DAY_MS);
	assert_int_equal(check_token(p, secret, "198.51.100.1", &t), ERR_DENIED);
	spec = token_spec(p);
	secret = make_token(p, &spec, &id);
	assert_int_equal(check_token(p, secret, "198.51.100.1", &t), ERR_OK);
	assert_int_equal(token_remove(p->auth, id), ERR_OK);
	assert_int_equal(check_token(p, secret, "198.51.100.1", &t), ERR_DENIED);
	assert_int_equal(token_remove(p->auth, id), ERR_NOT_FOUND);
}

static void token_guesses_are_refused_and_right_ones_are_not(void **state)
{
	struct fixture *p = *state;
	struct token spec = token_spec(p), t;
	char secret[64], guesses[11][64];
	uint64_t id;

	(void)snprintf(secret, sizeof(secret), "%s", make_token(p, &spec, &id));
	for (int i = 0; i < 11; i++) {
		(void)snprintf(guesses[i], sizeof(guesses[i]), "%s", make_token(p, &spec, &id));
		assert_int_equal(token_remove(p->auth, id), ERR_OK);
	}
	/* What is none at all guesses nothing. */
	for (int i = 0; i < 20; i++)
		assert_int_equal(check_token(p, i % 2 ? "" : "prm_pat_00000000000000000000000000000000000000", "198.51.100.1", &t), ERR_DENIED);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(check_token(p, guesses[i], "198.51.100.1", &t), ERR_DENIED);
		/* The same again is no other guess. */
		if (i < 9)
			assert_int_equal(check_token(p, guesses[i], "198.51.100.1", &t), ERR_DENIED);
	}
	assert_int_equal(check_token(p, guesses[10], "198.51.100.1", &t), ERR_LIMIT);
	assert_int_equal(check_token(p, guesses[10], "203.0.113.1", &t), ERR_DENIED);
	assert_int_equal(check_token(p, secret, "198.51.100.1", &t), ERR_OK);
}

static void tokens_are_listed_with_their_last_use(void **state)
{
	struct fixture *p = *state;
	struct token spec = token_spec(p), t, *list;
	const char *secret;
	uint64_t first, second;
	size_t count;

	secret = make_token(p, &spec, &first);
	assert_int_equal(check_token(p, secret, "198.51.100.1", &t), ERR_OK);
	spec.account_id = p->ann;
	(void)make_token(p, &spec, &second);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(token_list(p->auth, 0, &arena, &list, &count), ERR_OK);
		assert_int_equal(count, 2);
		assert_int_equal(list[0].used_ms, clock_real_ms());
		assert_true(span_equals(list[0].used_from, SPAN("198.51.100.1")));
		assert_int_equal(list[1].used_ms, 0);
		auth_free(&p->auth);
		fixture_start_auth(p);
	}
	assert_int_equal(token_list(p->auth, p->ann, &arena, &list, &count), ERR_OK);
	assert_int_equal(count, 1);
	assert_int_equal(list[0].id, second);
}

static void tokens_have_limits(void **state)
{
	struct fixture *p = *state;
	const struct span broken = SPAN("users read");
	struct token spec = token_spec(p);
	struct note why = { "" };
	struct buf secret;
	uint64_t id;

	buf_init(&secret, 63);
	spec.scopes = &broken;
	spec.scope_count = 1;
	assert_int_equal(token_create(p->auth, &spec, &id, &secret, &why), ERR_SYNTAX);
	spec = token_spec(p);
	spec.expires_ms = clock_real_ms() - 1;
	assert_int_equal(token_create(p->auth, &spec, &id, &secret, &why), ERR_SYNTAX);
	spec = token_spec(p);
	spec.label = SPAN("line\nbreak");
	assert_int_equal(token_create(p->auth, &spec, &id, &secret, &why), ERR_SYNTAX);
	spec = token_spec(p);
	for (int i = 0; i < TOKENS_MAX; i++)
		(void)make_token(p, &spec, &id);
	assert_int_equal(token_create(p->auth, &spec, &id, &secret, &why), ERR_LIMIT);
	buf_clear(&secret);
}

/* ---- sessions ---- */

static const char *make_session(struct fixture *p, uint64_t *id_out)
{
	static char texts[4][64];
	static int turn;
	char *text = texts[turn++ % 4];
	const struct net_addr peer = fixture_ip("198.51.100.1");
	struct buf cookie;

	buf_init(&cookie, 63);
	assert_int_equal(web_session_create(p->auth, p->bob, &peer, SPAN("Mozilla/5.0"), id_out, &cookie), ERR_OK);
	(void)snprintf(text, sizeof(texts[0]), "%s", buf_cstr(&cookie));
	buf_wipe(&cookie);
	return text;
}

static enum err check_session(struct fixture *p, const char *cookie, const char *ip, struct web_session *out)
{
	const struct net_addr peer = fixture_ip(ip);

	return web_session_check(p->auth, span_str(cookie), &peer, &arena, out);
}

static void session_is_proven_for_five_minutes(void **state)
{
	struct fixture *p = *state;
	struct web_session s;
	const char *cookie;
	uint64_t id;

	cookie = make_session(p, &id);
	assert_int_equal(strlen(cookie), 43);
	assert_int_equal(check_session(p, cookie, "198.51.100.1", &s), ERR_OK);
	assert_int_equal(s.id, id);
	assert_int_equal(s.account_id, p->bob);
	assert_true(s.proven);
	assert_true(span_equals(s.agent, SPAN("Mozilla/5.0")));
	clock_fake_advance_ms(WEB_SESSION_PROVEN_MS - 1);
	assert_int_equal(check_session(p, cookie, "198.51.100.1", &s), ERR_OK);
	assert_true(s.proven);
	clock_fake_advance_ms(1);
	assert_int_equal(check_session(p, cookie, "198.51.100.1", &s), ERR_OK);
	assert_false(s.proven);
	assert_int_equal(web_session_prove(p->auth, id), ERR_OK);
	assert_int_equal(check_session(p, cookie, "198.51.100.1", &s), ERR_OK);
	assert_true(s.proven);
	assert_int_equal(web_session_prove(p->auth, id + 100), ERR_NOT_FOUND);
	assert_int_equal(fixture_events(p, EVENT_LOGIN_SUCCEEDED), 1);
}

static void idle_session_ends_and_a_used_one_lives(void **state)
{
	struct fixture *p = *state;
	struct web_session s, *list;
	const char *used, *idle;
	uint64_t id;
	size_t count;

	used = make_session(p, &id);
	idle = make_session(p, &id);
	for (int i = 0; i < 13; i++) {
		clock_fake_advance_ms(3600 * 1000);
		assert_int_equal(check_session(p, used, "203.0.113.9", &s), ERR_OK);
		auth_tend(p->auth);
	}
	assert_true(span_equals(s.seen_from, SPAN("203.0.113.9")));
	assert_int_equal(check_session(p, idle, "198.51.100.1", &s), ERR_DENIED);
	assert_int_equal(web_session_list(p->auth, p->bob, &arena, &list, &count), ERR_OK);
	assert_int_equal(count, 1);
	/* Also without a tend, and after a restart. */
	auth_free(&p->auth);
	fixture_start_auth(p);
	assert_int_equal(check_session(p, used, "203.0.113.9", &s), ERR_OK);
	clock_fake_advance_ms((int64_t)12 * 3600 * 1000 + 1);
	assert_int_equal(check_session(p, used, "203.0.113.9", &s), ERR_DENIED);
}

static void session_ends_at_once_when_it_is_removed(void **state)
{
	struct fixture *p = *state;
	struct web_session s;
	const char *one, *two, *three;
	uint64_t id, keep, other;

	one = make_session(p, &id);
	two = make_session(p, &keep);
	three = make_session(p, &other);
	assert_int_equal(check_session(p, one, "198.51.100.1", &s), ERR_OK);
	assert_int_equal(web_session_remove(p->auth, p->ann, id), ERR_NOT_FOUND);
	assert_int_equal(check_session(p, one, "198.51.100.1", &s), ERR_OK);
	assert_int_equal(web_session_remove(p->auth, p->bob, id), ERR_OK);
	assert_int_equal(check_session(p, one, "198.51.100.1", &s), ERR_DENIED);
	assert_int_equal(check_session(p, three, "198.51.100.1", &s), ERR_OK);
	assert_int_equal(web_session_remove_others(p->auth, p->bob, keep), ERR_OK);
	assert_int_equal(check_session(p, three, "198.51.100.1", &s), ERR_DENIED);
	assert_int_equal(check_session(p, two, "198.51.100.1", &s), ERR_OK);
	assert_int_equal(directory_account_set_suspended(p->d, p->bob, true, NULL), ERR_OK);
	assert_int_equal(check_session(p, two, "198.51.100.1", &s), ERR_DENIED);
}

static void cookies_that_are_none_are_denied(void **state)
{
	struct fixture *p = *state;
	struct web_session s;
	char cookie[64];
	uint64_t id;

	(void)snprintf(cookie, sizeof(cookie), "%s", make_session(p, &id));
	assert_int_equal(check_session(p, "", "198.51.100.1", &s), ERR_DENIED);
	assert_int_equal(check_session(p, "x", "198.51.100.1", &s), ERR_DENIED);
	cookie[20] = cookie[20] == 'A' ? 'B' : 'A';
	assert_int_equal(check_session(p, cookie, "198.51.100.1", &s), ERR_DENIED);
}

static void oldest_session_makes_room(void **state)
{
	struct fixture *p = *state;
	struct web_session s, *list;
	char first[64];
	uint64_t id;
	size_t count;

	(void)snprintf(first, sizeof(first), "%s", make_session(p, &id));
	assert_int_equal(check_session(p, first, "198.51.100.1", &s), ERR_OK);
	for (int i = 0; i < WEB_SESSIONS_MAX; i++) {
		clock_fake_advance_ms(1000);
		(void)make_session(p, &id);
	}
	assert_int_equal(check_session(p, first, "198.51.100.1", &s), ERR_DENIED);
	assert_int_equal(web_session_list(p->auth, p->bob, &arena, &list, &count), ERR_OK);
	assert_int_equal(count, WEB_SESSIONS_MAX);
}

static void csrf_token_belongs_to_the_cookie_and_outlives_a_restart(void **state)
{
	struct fixture *p = *state;
	struct buf one, two;

	buf_init(&one, 63);
	buf_init(&two, 63);
	web_session_csrf(p->auth, SPAN("a cookie"), &one);
	assert_int_equal(one.len, 43);
	auth_free(&p->auth);
	fixture_start_auth(p);
	web_session_csrf(p->auth, SPAN("a cookie"), &two);
	assert_true(span_equals(buf_span(&one), buf_span(&two)));
	buf_reset(&two);
	web_session_csrf(p->auth, SPAN("b cookie"), &two);
	assert_false(span_equals(buf_span(&one), buf_span(&two)));
	buf_clear(&one);
	buf_clear(&two);
}

static void what_ended_is_tended_to(void **state)
{
	struct fixture *p = *state;
	const struct app_password spec = { .label = SPAN("Scanner"), .protocols = AUTH_SMTP, .expires_ms = clock_real_ms() + DAY_MS };
	struct token token = token_spec(p);
	struct app_password *list;
	struct token *tokens;
	uint64_t id;
	size_t count;

	(void)app(p, &spec, &id);
	token.expires_ms = clock_real_ms() + DAY_MS;
	(void)make_token(p, &token, &id);
	(void)make_session(p, &id);
	/* What has ended stays to be seen for thirty days. */
	clock_fake_advance_ms(20 * DAY_MS);
	auth_tend(p->auth);
	assert_int_equal(app_password_list(p->auth, p->bob, &arena, &list, &count), ERR_OK);
	assert_int_equal(count, 1);
	clock_fake_advance_ms(12 * DAY_MS);
	for (int i = 0; i < 60; i++) /* some of it once an hour */
		auth_tend(p->auth);
	assert_int_equal(app_password_list(p->auth, p->bob, &arena, &list, &count), ERR_OK);
	assert_int_equal(count, 0);
	assert_int_equal(token_list(p->auth, 0, &arena, &tokens, &count), ERR_OK);
	assert_int_equal(count, 0);
	clock_fake_advance_ms(91 * DAY_MS);
	for (int i = 0; i < 60; i++)
		auth_tend(p->auth);
	fixture_sql(p, "CREATE TABLE proof (left INTEGER CHECK (left = 0)) STRICT;"
		       "INSERT INTO proof SELECT count(*) FROM web_session; INSERT INTO proof SELECT count(*) FROM known_device;");
}

/* ---- all at once ---- */

struct worker {
	struct fixture *p;
	char cookie[64], token[64];
	pthread_t thread;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	const struct net_addr peer = fixture_ip("198.51.100.1");
	struct web_session s;
	struct arena own;
	struct token t;

	arena_init(&own, 1 << 20);
	for (int i = 0; i < 300; i++) {
		arena_reset(&own);
		(void)fixture_check(w->p, AUTH_IMAP, BOB, "secret password", "198.51.100.1");
		assert_int_equal(token_check(w->p->auth, span_str(w->token), &peer, &own, &t), ERR_OK);
		assert_int_equal(web_session_check(w->p->auth, span_str(w->cookie), &peer, &own, &s), ERR_OK);
	}
	arena_clear(&own);
	return NULL;
}

static void threads_share_what_is_cached(void **state)
{
	struct fixture *p = *state;
	struct token spec = token_spec(p);
	struct worker workers[4];
	uint64_t id, session;

	(void)fixture_check(p, AUTH_IMAP, BOB, "secret password", "198.51.100.1");
	for (int i = 0; i < 4; i++) {
		workers[i].p = p;
		(void)snprintf(workers[i].cookie, sizeof(workers[i].cookie), "%s", make_session(p, &session));
		(void)snprintf(workers[i].token, sizeof(workers[i].token), "%s", make_token(p, &spec, &id));
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (int i = 0; i < 30; i++) {
		auth_forget(p->auth, i % 2 ? p->bob : 0);
		auth_tend(p->auth);
		assert_int_equal(web_session_prove(p->auth, session), ERR_OK);
	}
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make, remove_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(app_password_opens_its_protocols_at_once),
		CASE(app_password_ends_with_its_time_network_and_removal),
		CASE(app_password_gets_in_while_its_account_is_attacked),
		CASE(app_passwords_are_listed_with_their_last_use),
		CASE(app_passwords_have_limits),
		CASE(second_factor_closes_mail_to_the_main_password),
		CASE(batch_that_is_rolled_back_leaves_the_old_password),
		CASE(token_says_whose_it_is_and_what_for),
		CASE(token_ends_with_time_network_account_and_removal),
		CASE(token_guesses_are_refused_and_right_ones_are_not),
		CASE(tokens_are_listed_with_their_last_use),
		CASE(tokens_have_limits),
		CASE(session_is_proven_for_five_minutes),
		CASE(idle_session_ends_and_a_used_one_lives),
		CASE(session_ends_at_once_when_it_is_removed),
		CASE(cookies_that_are_none_are_denied),
		CASE(oldest_session_makes_room),
		CASE(csrf_token_belongs_to_the_cookie_and_outlives_a_restart),
		CASE(what_ended_is_tended_to),
		CASE(threads_share_what_is_cached),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
