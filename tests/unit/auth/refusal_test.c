/* Who is refused, who is not, for how long, and what people see of it. */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/auth/refusals.h"
#include "daemon/base/clock.h"
#include "tests/unit/auth/fixture.h"

#define LIMIT 10
#define BOB "bob@example.test"

/* One wrong password after the other, each another one. */
static struct auth_result guess(struct fixture *p, const char *login, const char *ip)
{
	static int n;
	char password[32];

	(void)snprintf(password, sizeof(password), "guess number %d", ++n);
	return fixture_check(p, AUTH_IMAP, login, password, ip);
}

static void guess_times(struct fixture *p, int times, const char *login, const char *ip)
{
	while (times-- > 0)
		assert_int_equal(guess(p, login, ip).verdict, AUTH_WRONG);
}

static struct auth_result log_in(struct fixture *p, const char *ip)
{
	return fixture_check(p, AUTH_IMAP, BOB, "secret password", ip);
}

static void network_is_refused_after_so_many_and_let_in_later(void **state)
{
	struct fixture *p = *state;
	struct auth_result r;
	char name[32];

	for (int i = 0; i < LIMIT; i++) {
		(void)snprintf(name, sizeof(name), "eve%d@example.test", i);
		r = guess(p, name, "198.51.100.1");
		assert_int_equal(r.verdict, AUTH_WRONG);
	}
	assert_int_equal(r.delay_ms, 5000);
	r = log_in(p, "198.51.100.1");
	assert_int_equal(r.verdict, AUTH_REFUSED);
	assert_int_equal(r.retry_after_ms, 15 * 60000);
	assert_int_equal(r.account_id, 0);
	/* Another network is not. */
	assert_int_equal(log_in(p, "198.51.100.2").verdict, AUTH_OK);
	clock_fake_advance_ms(15 * 60000);
	assert_int_equal(log_in(p, "198.51.100.1").verdict, AUTH_OK);
	assert_int_equal(fixture_events(p, EVENT_LOGIN_REFUSED), 1);
}

static void one_network_does_not_lock_an_account_out(void **state)
{
	struct fixture *p = *state;

	guess_times(p, LIMIT, BOB, "203.0.113.1");
	assert_int_equal(guess(p, BOB, "203.0.113.2").verdict, AUTH_REFUSED); /* the pair of the account and the wide network */
	assert_int_equal(log_in(p, "198.51.100.1").verdict, AUTH_OK);
}

static void attacked_account_lets_known_devices_in(void **state)
{
	struct fixture *p = *state;

	assert_int_equal(log_in(p, "198.51.100.7").verdict, AUTH_OK);
	guess_times(p, LIMIT / 2, BOB, "203.0.113.1");
	guess_times(p, LIMIT / 2, BOB, "203.0.114.1");
	/* Strangers are refused, the office (another address of its network) is not. */
	assert_int_equal(log_in(p, "203.0.115.1").verdict, AUTH_REFUSED);
	assert_int_equal(log_in(p, "198.51.100.9").verdict, AUTH_OK);
	clock_fake_advance_ms((int64_t)16 * 60000);
	assert_int_equal(log_in(p, "203.0.115.1").verdict, AUTH_OK);
}

static void known_device_has_the_guesses_of_a_pair_only(void **state)
{
	struct fixture *p = *state;

	assert_int_equal(log_in(p, "198.51.100.7").verdict, AUTH_OK);
	guess_times(p, LIMIT, BOB, "198.51.100.9");
	assert_int_equal(guess(p, BOB, "198.51.100.10").verdict, AUTH_REFUSED);
	assert_int_equal(log_in(p, "198.51.100.7").verdict, AUTH_REFUSED);
	/* They do not count for the account: strangers are not hit. */
	assert_int_equal(log_in(p, "203.0.113.1").verdict, AUTH_OK);
}

static void logins_in_between_give_no_new_guesses(void **state)
{
	struct fixture *p = *state;

	for (int i = 0; i < LIMIT; i++) {
		assert_int_equal(log_in(p, "198.51.100.7").verdict, AUTH_OK);
		guess_times(p, 1, BOB, "198.51.100.9");
	}
	assert_int_equal(log_in(p, "198.51.100.7").verdict, AUTH_REFUSED);
}

static void device_with_an_old_password_is_never_refused(void **state)
{
	struct fixture *p = *state;
	struct fixture_asked asked;

	assert_int_equal(log_in(p, "198.51.100.7").verdict, AUTH_OK);
	for (int i = 0; i < 5 * LIMIT; i++)
		assert_int_equal(fixture_check(p, AUTH_IMAP, BOB, "password of last year", "198.51.100.7").verdict, AUTH_WRONG);
	assert_int_equal(log_in(p, "198.51.100.7").verdict, AUTH_OK);
	/* It costs no hash either. */
	fixture_ask(p, AUTH_IMAP, &asked, BOB, "password of last year", "198.51.100.7");
	assert_true(pthread_equal(asked.thread, pthread_self()));
}

static void names_of_nobody_are_refused_like_accounts(void **state)
{
	struct fixture *p = *state;
	struct auth_result eve, bob;

	guess_times(p, LIMIT / 2, "eve@example.test", "203.0.113.1");
	guess_times(p, LIMIT / 2, "\"E\\ve\"@Example.test", "203.0.114.1");
	guess_times(p, LIMIT / 2, BOB, "203.0.115.1");
	guess_times(p, LIMIT / 2, "\"B\\ob\"@Example.test", "203.0.116.1");
	eve = guess(p, "eve@example.test", "198.51.100.1");
	bob = guess(p, BOB, "198.51.100.2");
	assert_int_equal(eve.verdict, AUTH_REFUSED);
	assert_memory_equal(&eve, &bob, sizeof(eve));
}

static void wide_network_has_its_allowance(void **state)
{
	struct fixture *p = *state;
	char name[32], ip[32];

	for (int i = 0; i < 8 * LIMIT; i++) {
		(void)snprintf(name, sizeof(name), "eve%d@example.test", i);
		(void)snprintf(ip, sizeof(ip), "203.0.113.%d", i % 40);
		assert_int_equal(guess(p, name, ip).verdict, AUTH_WRONG);
	}
	assert_int_equal(log_in(p, "203.0.113.200").verdict, AUTH_REFUSED);
	assert_int_equal(log_in(p, "203.0.114.1").verdict, AUTH_OK);
}

static void trusted_networks_are_not_delayed_but_not_free(void **state)
{
	struct fixture *p = *state;

	for (int i = 0; i < 10 * LIMIT; i++)
		assert_int_equal(guess(p, BOB, "192.0.2.1").delay_ms, 0);
	assert_int_equal(log_in(p, "192.0.2.2").verdict, AUTH_REFUSED);
	/* Others by way of it are not hit, nor is the account from elsewhere. */
	assert_int_equal(guess(p, "eve@example.test", "192.0.2.1").verdict, AUTH_WRONG);
	assert_int_equal(log_in(p, "198.51.100.1").verdict, AUTH_OK);
}

static void refusals_outlive_a_restart(void **state)
{
	struct fixture *p = *state;
	struct auth_result r;

	assert_int_equal(log_in(p, "198.51.100.7").verdict, AUTH_OK);
	guess_times(p, LIMIT / 2, BOB, "203.0.113.1");
	guess_times(p, LIMIT / 2, BOB, "203.0.114.1");
	clock_fake_advance_ms(60000);
	auth_free(&p->auth);
	fixture_start_auth(p);
	r = log_in(p, "203.0.115.1");
	assert_int_equal(r.verdict, AUTH_REFUSED);
	assert_int_equal(r.retry_after_ms, 14 * 60000);
	/* The devices too. */
	assert_int_equal(log_in(p, "198.51.100.7").verdict, AUTH_OK);
	auth_free(&p->auth);
	/* A clock that was set back makes them no longer. */
	clock_fake_set_real_ms(clock_real_ms() - (int64_t)400 * 24 * 3600 * 1000);
	fixture_start_auth(p);
	r = log_in(p, "203.0.115.1");
	assert_int_equal(r.verdict, AUTH_REFUSED);
	assert_int_equal(r.retry_after_ms, 15 * 60000);
}

static void refusals_are_seen_and_cleared(void **state)
{
	struct fixture *p = *state;
	struct refusal *list;
	struct arena arena;
	char subject[64];
	size_t count;

	arena_init(&arena, 65536);
	guess_times(p, LIMIT / 2, BOB, "203.0.113.1");
	guess_times(p, LIMIT / 2, BOB, "203.0.114.1");
	assert_int_equal(refusals_list(p->auth, 3, &arena, &list, &count), ERR_OK);
	assert_int_equal(count, 3);
	(void)snprintf(subject, sizeof(subject), "account:%llu", (unsigned long long)p->bob);
	assert_true(span_equals(list[0].subject, span_str(subject)));
	assert_int_equal(list[0].account_id, p->bob);
	assert_int_equal(list[0].failures, LIMIT);
	assert_int_equal(list[0].until_ms, clock_real_ms() + (int64_t)15 * 60000);
	assert_int_equal(list[1].until_ms, 0);
	assert_int_equal(refusals_clear(p->auth, SPAN("account:999")), ERR_NOT_FOUND);
	assert_int_equal(refusals_clear(p->auth, SPAN("nonsense")), ERR_NOT_FOUND);
	assert_int_equal(refusals_clear(p->auth, span_str(subject)), ERR_OK);
	assert_int_equal(refusals_clear(p->auth, span_str(subject)), ERR_NOT_FOUND);
	assert_int_equal(log_in(p, "203.0.115.1").verdict, AUTH_OK);
	auth_free(&p->auth);
	fixture_start_auth(p);
	assert_int_equal(log_in(p, "203.0.116.1").verdict, AUTH_OK);
	arena_clear(&arena);
}

static void settings_say_how_many_and_how_long(void **state)
{
	struct fixture *p = *state;

	assert_int_equal(directory_setting_set(p->d, SETTING_LOGIN_FAILURES_MAX, SPAN("3"), NULL), ERR_OK);
	assert_int_equal(directory_setting_set(p->d, SETTING_LOGIN_REFUSAL_MINUTES, SPAN("60"), NULL), ERR_OK);
	guess_times(p, 3, BOB, "203.0.113.1");
	assert_int_equal(log_in(p, "203.0.113.1").verdict, AUTH_REFUSED);
	assert_int_equal(log_in(p, "203.0.113.1").retry_after_ms, 60 * 60000);
}

static void devices_are_listed_and_told_of(void **state)
{
	struct fixture *p = *state;
	struct known_device *list;
	struct arena arena;
	size_t count;

	arena_init(&arena, 65536);
	assert_int_equal(log_in(p, "198.51.100.7").verdict, AUTH_OK);
	clock_fake_advance_ms(1000);
	assert_int_equal(log_in(p, "2001:db8::1").verdict, AUTH_OK);
	clock_fake_advance_ms(1000);
	assert_int_equal(fixture_check(p, AUTH_SMTP, BOB, "secret password", "198.51.100.8").verdict, AUTH_OK);
	assert_int_equal(log_in(p, "192.0.2.1").verdict, AUTH_OK); /* trusted: nobody's device */
	assert_int_equal(fixture_events(p, EVENT_LOGIN_NEW_DEVICE), 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(known_devices_list(p->auth, p->bob, &arena, &list, &count), ERR_OK);
		assert_int_equal(count, 2);
		assert_true(span_equals(list[0].network, SPAN("198.51.100.0/24")));
		assert_int_equal(list[0].protocols, AUTH_IMAP | AUTH_SMTP);
		assert_int_equal(list[0].seen_ms - list[0].first_ms, 2000);
		assert_true(span_equals(list[1].network, SPAN("2001:db8::/48")));
		auth_tend(p->auth); /* the second time from control.db too */
	}
	/* After SETTING_KNOWN_DEVICE_DAYS it is a new one. */
	clock_fake_advance_ms((int64_t)91 * 24 * 3600 * 1000);
	assert_int_equal(log_in(p, "198.51.100.7").verdict, AUTH_OK);
	assert_int_equal(fixture_events(p, EVENT_LOGIN_NEW_DEVICE), 3);
	arena_clear(&arena);
}

static void failed_logins_raise_one_event_in_ten_seconds(void **state)
{
	struct fixture *p = *state;

	guess_times(p, 3, BOB, "198.51.100.1");
	assert_int_equal(fixture_events(p, EVENT_LOGIN_FAILED), 1);
	guess_times(p, 1, "eve@example.test", "198.51.100.1");
	assert_int_equal(fixture_events(p, EVENT_LOGIN_FAILED), 2);
	clock_fake_advance_ms(10000);
	guess_times(p, 1, BOB, "198.51.100.1");
	assert_int_equal(fixture_events(p, EVENT_LOGIN_FAILED), 3);
	assert_int_equal(fixture_events(p, EVENT_LOGIN_SUCCEEDED), 0);
}

static void many_guesses_at_once_are_no_more_than_the_limit(void **state)
{
	struct fixture *p = *state;
	struct fixture_asked asked[3 * LIMIT];
	char password[32];
	int wrong = 0;

	for (int i = 0; i < 3 * LIMIT; i++) {
		(void)snprintf(password, sizeof(password), "guess at once %d", i);
		fixture_ask(p, AUTH_IMAP, &asked[i], BOB, password, "203.0.113.1");
	}
	for (int i = 0; i < 3 * LIMIT; i++) {
		fixture_await(&asked[i]);
		wrong += asked[i].result.verdict == AUTH_WRONG;
	}
	assert_true(wrong < LIMIT + AUTH_HASH_THREADS);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_make_with_fake_clock, fixture_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(network_is_refused_after_so_many_and_let_in_later),
		CASE(one_network_does_not_lock_an_account_out),
		CASE(attacked_account_lets_known_devices_in),
		CASE(known_device_has_the_guesses_of_a_pair_only),
		CASE(logins_in_between_give_no_new_guesses),
		CASE(device_with_an_old_password_is_never_refused),
		CASE(names_of_nobody_are_refused_like_accounts),
		CASE(wide_network_has_its_allowance),
		CASE(trusted_networks_are_not_delayed_but_not_free),
		CASE(refusals_outlive_a_restart),
		CASE(refusals_are_seen_and_cleared),
		CASE(settings_say_how_many_and_how_long),
		CASE(devices_are_listed_and_told_of),
		CASE(failed_logins_raise_one_event_in_ten_seconds),
		CASE(many_guesses_at_once_are_no_more_than_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
