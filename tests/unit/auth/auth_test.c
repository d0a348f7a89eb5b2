/* Verdicts, the memory of proven passwords, delays, the bounded queue and who gets a place in it. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/auth/fixture.h"

static void right_password_is_ok_and_others_are_wrong(void **state)
{
	struct fixture *p = *state;
	struct auth_result r = fixture_check(p, AUTH_IMAP, "Bob@Example.test", "secret password", "198.51.100.1");

	assert_int_equal(r.verdict, AUTH_OK);
	assert_int_equal(r.account_id, p->bob);
	assert_int_equal(r.delay_ms, 0);
	assert_int_equal(fixture_check(p, AUTH_IMAP, "bob@example.test", "secret passworD", "192.0.2.1").verdict, AUTH_WRONG);
	assert_int_equal(fixture_check(p, AUTH_IMAP, "bob@example.test", "", "192.0.2.1").verdict, AUTH_WRONG);
	assert_int_equal(fixture_check(p, AUTH_IMAP, "eve@example.test", "secret password", "192.0.2.1").verdict, AUTH_WRONG);
	assert_int_equal(fixture_check(p, AUTH_IMAP, "not an address", "secret password", "192.0.2.1").verdict, AUTH_WRONG);
	/* The hash of the owner is not one. */
	assert_int_equal(fixture_check(p, AUTH_IMAP, "ann@example.test", "none", "192.0.2.1").verdict, AUTH_WRONG);
}

static void overlong_login_and_password_are_wrong(void **state)
{
	static char longest[100001];
	struct fixture *p = *state;

	memset(longest, 'x', sizeof(longest) - 1);
	assert_int_equal(fixture_check(p, AUTH_IMAP, longest, longest, "192.0.2.1").verdict, AUTH_WRONG);
	assert_int_equal(fixture_check(p, AUTH_IMAP, "bob@example.test", longest, "192.0.2.1").verdict, AUTH_WRONG);
}

static void proven_password_is_answered_in_the_callers_thread(void **state)
{
	struct fixture *p = *state;
	struct fixture_asked a;

	fixture_ask(p, AUTH_IMAP, &a, "bob@example.test", "secret password", "192.0.2.1");
	fixture_await(&a);
	assert_false(pthread_equal(a.thread, pthread_self()));
	fixture_ask(p, AUTH_IMAP, &a, "bob@example.test", "secret password", "192.0.2.1");
	assert_int_equal(a.times, 1);
	assert_true(pthread_equal(a.thread, pthread_self()));
	assert_int_equal(a.result.verdict, AUTH_OK);
	assert_int_equal(fixture_check(p, AUTH_IMAP, "bob@example.test", "secret passwor", "192.0.2.1").verdict, AUTH_WRONG);
}

static void new_password_ends_what_was_proven(void **state)
{
	struct fixture *p = *state;

	assert_int_equal(fixture_check(p, AUTH_IMAP, "bob@example.test", "secret password", "192.0.2.1").verdict, AUTH_OK);
	assert_int_equal(auth_set_password(p->auth, p->bob, SPAN("other password"), NULL), ERR_OK);
	assert_int_equal(fixture_check(p, AUTH_IMAP, "bob@example.test", "secret password", "192.0.2.1").verdict, AUTH_WRONG);
	assert_int_equal(fixture_check(p, AUTH_IMAP, "bob@example.test", "other password", "192.0.2.1").verdict, AUTH_OK);
}

#define COMPOSED "p\xc3\xa4ssword"
#define DECOMPOSED "pa\xcc\x88ssword"

static void a_password_is_the_same_however_its_letters_are_composed(void **state)
{
	struct fixture *p = *state;

	assert_int_equal(auth_set_password(p->auth, p->bob, SPAN(DECOMPOSED), NULL), ERR_OK);
	assert_int_equal(fixture_check(p, AUTH_POP3, "bob@example.test", COMPOSED, "192.0.2.1").verdict, AUTH_OK);
	assert_int_equal(fixture_check(p, AUTH_IMAP, "bob@example.test", DECOMPOSED, "192.0.2.1").verdict, AUTH_OK);
	assert_int_equal(fixture_check(p, AUTH_IMAP, "bob@example.test", "pass\xc2\xadword", "192.0.2.1").verdict, AUTH_WRONG);
	assert_int_equal(fixture_check(p, AUTH_IMAP, "bob@example.test", "password", "192.0.2.1").verdict, AUTH_WRONG);
}

static void a_hash_from_elsewhere_is_of_what_was_typed_there_until_it_is_ours(void **state)
{
	static const char sha512_of_decomposed[] = "{SHA512}D4croQZtS5IyV0FmG/ChHVY2gmVji0Lvi1F1uyBRn+3ZDvvnke+x9ZpSZncOy+7fYBObCijw5qbeKb2YEiEUFA==";
	struct fixture *p = *state;
	struct buf stored;

	buf_init(&stored, 1024);
	assert_int_equal(auth_import_hash(span_str(sha512_of_decomposed), &stored, NULL), ERR_OK);
	assert_int_equal(auth_set_imported_hash(p->auth, p->bob, buf_span(&stored), NULL), ERR_OK);
	assert_int_equal(fixture_check(p, AUTH_IMAP, "bob@example.test", COMPOSED, "192.0.2.1").verdict, AUTH_WRONG);
	assert_int_equal(fixture_check(p, AUTH_IMAP, "bob@example.test", DECOMPOSED, "192.0.2.1").verdict, AUTH_OK);
	assert_int_equal(fixture_check(p, AUTH_IMAP, "bob@example.test", COMPOSED, "198.51.100.1").verdict, AUTH_OK);
	buf_clear(&stored);
}

static void login_holds_until_password_suspension_or_removal(void **state)
{
	struct fixture *p = *state;
	struct auth_result r = fixture_check(p, AUTH_IMAP, "bob@example.test", "secret password", "192.0.2.1");

	assert_true(auth_still_holds(p->auth, AUTH_IMAP, p->bob, r.credential));
	assert_int_equal(fixture_check(p, AUTH_IMAP, "bob@example.test", "secret password", "192.0.2.1").credential, r.credential);
	assert_false(auth_still_holds(p->auth, AUTH_IMAP, p->bob + 1, r.credential));
	assert_int_equal(directory_account_set_suspended(p->d, p->bob, true, NULL), ERR_OK);
	assert_false(auth_still_holds(p->auth, AUTH_IMAP, p->bob, r.credential));
	assert_int_equal(directory_account_set_suspended(p->d, p->bob, false, NULL), ERR_OK);
	assert_true(auth_still_holds(p->auth, AUTH_IMAP, p->bob, r.credential));
	assert_int_equal(auth_set_password(p->auth, p->bob, SPAN("other password"), NULL), ERR_OK);
	assert_false(auth_still_holds(p->auth, AUTH_IMAP, p->bob, r.credential));
	r = fixture_check(p, AUTH_IMAP, "bob@example.test", "other password", "192.0.2.1");
	assert_true(auth_still_holds(p->auth, AUTH_IMAP, p->bob, r.credential));
	assert_int_equal(directory_account_remove(p->d, p->bob, NULL), ERR_OK);
	assert_false(auth_still_holds(p->auth, AUTH_IMAP, p->bob, r.credential));
}

static void suspended_is_told_only_with_the_right_password(void **state)
{
	struct fixture *p = *state;

	assert_int_equal(fixture_check(p, AUTH_IMAP, "bob@example.test", "secret password", "192.0.2.1").verdict, AUTH_OK);
	assert_int_equal(directory_account_set_suspended(p->d, p->bob, true, NULL), ERR_OK);
	assert_int_equal(fixture_check(p, AUTH_IMAP, "bob@example.test", "secret password", "192.0.2.1").verdict, AUTH_SUSPENDED);
	assert_int_equal(fixture_check(p, AUTH_IMAP, "bob@example.test", "wrong password", "192.0.2.1").verdict, AUTH_WRONG);
	assert_int_equal(directory_account_remove(p->d, p->bob, NULL), ERR_OK);
	assert_int_equal(fixture_check(p, AUTH_IMAP, "bob@example.test", "secret password", "192.0.2.1").verdict, AUTH_WRONG);
}

static void a_protocol_that_is_off_is_told_only_with_the_right_password(void **state)
{
	struct fixture *p = *state;
	struct auth_result imap = fixture_check(p, AUTH_IMAP, "bob@example.test", "secret password", "192.0.2.1");
	struct auth_result pop3 = fixture_check(p, AUTH_POP3, "bob@example.test", "secret password", "192.0.2.1");

	assert_int_equal(imap.verdict, AUTH_OK);
	assert_int_equal(pop3.verdict, AUTH_OK);
	assert_int_equal(directory_account_set_protocols_off(p->d, p->bob, AUTH_POP3 | AUTH_SMTP, NULL), ERR_OK);
	assert_int_equal(fixture_check(p, AUTH_POP3, "bob@example.test", "secret password", "192.0.2.1").verdict, AUTH_PROTOCOL_OFF);
	assert_int_equal(fixture_check(p, AUTH_SMTP, "bob@example.test", "secret password", "192.0.2.1").verdict, AUTH_PROTOCOL_OFF);
	assert_int_equal(fixture_check(p, AUTH_POP3, "bob@example.test", "wrong password", "192.0.2.1").verdict, AUTH_WRONG);
	assert_int_equal(fixture_check(p, AUTH_IMAP, "bob@example.test", "secret password", "192.0.2.1").verdict, AUTH_OK);
	assert_int_equal(fixture_check(p, AUTH_WEB, "bob@example.test", "secret password", "192.0.2.1").verdict, AUTH_OK);
	assert_true(auth_still_holds(p->auth, AUTH_IMAP, p->bob, imap.credential));
	assert_false(auth_still_holds(p->auth, AUTH_POP3, p->bob, pop3.credential));
}

static void a_shared_account_has_no_password(void **state)
{
	struct fixture *p = *state;
	uint64_t info;

	assert_int_equal(directory_account_add_shared(p->d, SPAN("info@example.test"), &info, NULL), ERR_OK);
	assert_int_equal(auth_set_password(p->auth, info, SPAN("secret password"), NULL), ERR_STATE);
	assert_int_equal(directory_account_set_role(p->d, info, ROLE_ADMIN, NULL, 0, NULL), ERR_STATE);
	assert_int_equal(fixture_check(p, AUTH_IMAP, "info@example.test", "secret password", "192.0.2.1").verdict, AUTH_WRONG);
	assert_int_equal(fixture_check(p, AUTH_IMAP, "info@example.test", "", "192.0.2.1").verdict, AUTH_WRONG);
}

/* All are told, and logged out, like one who is suspended. */
static void users_of_a_domain_that_is_not_active_do_not_log_in(void **state)
{
	struct domain domain = { .name = SPAN("shut.test"), .state = DOMAIN_ACCEPTS };
	struct fixture *p = *state;
	struct auth_result r;
	uint64_t carl;

	assert_int_equal(directory_domain_add(p->d, SPAN("shut.test"), NULL), ERR_OK);
	assert_int_equal(directory_account_add(p->d, SPAN("carl@shut.test"), SPAN(""), ROLE_USER, &carl, NULL), ERR_OK);
	assert_int_equal(auth_set_password(p->auth, carl, SPAN("secret password"), NULL), ERR_OK);
	r = fixture_check(p, AUTH_IMAP, "carl@shut.test", "secret password", "192.0.2.1");
	assert_int_equal(r.verdict, AUTH_OK);
	assert_int_equal(directory_domain_set(p->d, &domain, NULL), ERR_OK);
	assert_false(auth_still_holds(p->auth, AUTH_IMAP, carl, r.credential));
	assert_int_equal(fixture_check(p, AUTH_IMAP, "carl@shut.test", "secret password", "192.0.2.1").verdict, AUTH_SUSPENDED);
	assert_int_equal(fixture_check(p, AUTH_IMAP, "carl@shut.test", "wrong password", "192.0.2.1").verdict, AUTH_WRONG);
	assert_int_equal(fixture_check(p, AUTH_IMAP, "bob@example.test", "secret password", "192.0.2.1").verdict, AUTH_OK);
	domain.state = DOMAIN_ACTIVE;
	assert_int_equal(directory_domain_set(p->d, &domain, NULL), ERR_OK);
	assert_true(auth_still_holds(p->auth, AUTH_IMAP, carl, r.credential));
}

static void failures_of_a_network_add_up(void **state)
{
	struct fixture *p = *state;

	assert_int_equal(fixture_check(p, AUTH_IMAP, "bob@example.test", "wrong", "2001:db8::1").delay_ms, 250);
	assert_int_equal(fixture_check(p, AUTH_IMAP, "eve@example.test", "wrong", "2001:db8::2").delay_ms, 500);
	assert_int_equal(fixture_check(p, AUTH_IMAP, "mallory@example.test", "wrong", "2001:db8:0:1::2").delay_ms, 250);
	assert_int_equal(fixture_check(p, AUTH_IMAP, "bob@example.test", "secret password", "2001:db8::1").delay_ms, 0);
	assert_int_equal(fixture_check(p, AUTH_IMAP, "bob@example.test", "wrong", "192.0.2.7").delay_ms, 0);
	assert_int_equal(fixture_check(p, AUTH_IMAP, "bob@example.test", "wrong too", "192.0.2.7").delay_ms, 0);
	/* What costs no hash is held back a little. */
	assert_int_equal(fixture_check(p, AUTH_IMAP, "bob@example.test", "wrong", "192.0.2.7").delay_ms, 100);
}

static void full_queue_is_busy_and_everyone_is_answered_once(void **state)
{
	struct fixture *p = *state;
	struct fixture_asked asked[AUTH_QUEUE_MAX + 10];
	int busy = 0;

	for (int i = 0; i < AUTH_QUEUE_MAX + 10; i++) {
		fixture_ask(p, AUTH_IMAP, &asked[i], "bob@example.test", "wrong password", "192.0.2.1");
		busy += fixture_times(&asked[i]);
	}
	assert_true(busy >= 10 - AUTH_HASH_THREADS - 2);
	auth_free(&p->auth);
	assert_null(p->auth);
	for (int i = 0; i < AUTH_QUEUE_MAX + 10; i++) {
		assert_int_equal(asked[i].times, 1);
		assert_true(asked[i].result.verdict == AUTH_BUSY || asked[i].result.verdict == AUTH_WRONG);
	}
}

static void one_network_does_not_fill_the_queue(void **state)
{
	struct fixture *p = *state;
	struct fixture_asked asked[AUTH_QUEUE_MAX], other;
	int busy = 0;

	for (int i = 0; i < AUTH_QUEUE_MAX; i++) {
		fixture_ask(p, AUTH_IMAP, &asked[i], "bob@example.test", "wrong password", "198.51.100.1");
		busy += fixture_times(&asked[i]);
	}
	assert_true(busy >= AUTH_QUEUE_MAX / 2 - AUTH_HASH_THREADS - 2);
	fixture_ask(p, AUTH_IMAP, &other, "bob@example.test", "secret password", "198.51.100.2");
	assert_int_equal(fixture_times(&other), 0);
	auth_free(&p->auth);
	assert_int_equal(other.times, 1);
}

/* Each a name of its own, from one of eight networks. */
static void guess(struct fixture *p, struct fixture_asked *a, int n)
{
	char ip[32], name[32];

	(void)snprintf(ip, sizeof(ip), "203.0.%d.1", n % 8);
	(void)snprintf(name, sizeof(name), "eve%d@example.test", n);
	fixture_ask(p, AUTH_IMAP, a, name, "wrong password", ip);
}

static void right_one_passes_a_queue_of_guessers(void **state)
{
	struct fixture *p = *state;
	struct fixture_asked guesses[AUTH_QUEUE_MAX], right;
	int before = 0, evicted = 0;

	for (int i = 0; i < 24; i++)
		guess(p, &guesses[i], i);
	for (int i = 0; i < 24; i++)
		fixture_await(&guesses[i]);
	for (int i = 0; i < AUTH_QUEUE_MAX; i++)
		guess(p, &guesses[i], 100 + i);
	fixture_ask(p, AUTH_IMAP, &right, "bob@example.test", "secret password", "198.51.100.9");
	fixture_await(&right);
	for (int i = 0; i < AUTH_QUEUE_MAX; i++) {
		before += fixture_times(&guesses[i]) && guesses[i].result.verdict == AUTH_WRONG;
		evicted += fixture_times(&guesses[i]) && guesses[i].result.verdict == AUTH_BUSY;
	}
	auth_free(&p->auth);
	assert_int_equal(right.result.verdict, AUTH_OK);
	assert_true(before < 16);
	assert_true(evicted < 4);
}

static void password_lengths_have_limits(void **state)
{
	static char longest[AUTH_PASSWORD_MAX + 1];
	struct buf out;

	(void)state;
	memset(longest, 'x', sizeof(longest));
	buf_init(&out, 256);
	assert_int_equal(auth_hash_password(SPAN("1234567"), &out), ERR_LIMIT);
	assert_int_equal(auth_hash_password(SPAN("\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"), &out), ERR_LIMIT);
	assert_int_equal(auth_hash_password(span_make(longest, sizeof(longest)), &out), ERR_LIMIT);
	assert_int_equal(out.len, 0);
	assert_int_equal(auth_hash_password(span_make(longest, AUTH_PASSWORD_MAX), &out), ERR_OK);
	assert_true(span_starts(buf_span(&out), SPAN("$argon2id$v=19$m=19456,t=2,p=1$")));
	buf_clear(&out);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_make, fixture_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(right_password_is_ok_and_others_are_wrong),
		CASE(overlong_login_and_password_are_wrong),
		CASE(proven_password_is_answered_in_the_callers_thread),
		CASE(new_password_ends_what_was_proven),
		CASE(a_password_is_the_same_however_its_letters_are_composed),
		CASE(a_hash_from_elsewhere_is_of_what_was_typed_there_until_it_is_ours),
		CASE(login_holds_until_password_suspension_or_removal),
		CASE(suspended_is_told_only_with_the_right_password),
		CASE(users_of_a_domain_that_is_not_active_do_not_log_in),
		CASE(a_protocol_that_is_off_is_told_only_with_the_right_password),
		CASE(a_shared_account_has_no_password),
		cmocka_unit_test_setup_teardown(failures_of_a_network_add_up, fixture_make_with_fake_clock, fixture_remove),
		CASE(full_queue_is_busy_and_everyone_is_answered_once),
		CASE(one_network_does_not_fill_the_queue),
		CASE(right_one_passes_a_queue_of_guessers),
		cmocka_unit_test(password_lengths_have_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
