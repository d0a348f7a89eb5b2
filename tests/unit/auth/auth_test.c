/* Verdicts, the memory of proven passwords, delays, the bounded queue and who gets a place in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <pthread.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/auth/auth.h"
#include "daemon/crypto/seal.h"
#include "daemon/directory/manage.h"
#include "db/db.h"

struct place {
	char dir[64], path[96];
	struct seal_key key;
	struct directory *d;
	struct auth *auth;
	uint64_t bob;
};

static char hash_of_secret[256], hash_of_other[256];
static struct net_cidr trusted;

static struct span make_hash(struct span password, char text[256])
{
	struct buf out;

	buf_init(&out, 255);
	if (!text[0]) {
		assert_int_equal(auth_hash_password(password, &out), ERR_OK);
		(void)snprintf(text, 256, "%s", buf_cstr(&out));
	}
	buf_clear(&out);
	return span_str(text);
}

static int make_place(void **state)
{
	static struct place p;
	struct directory_setup setup = { SPAN("mail.example.test"), SPAN("example.test"), SPAN("ann@example.test"), SPAN("none") };
	struct directory_config config = { p.path, &p.key, NULL };
	struct auth_config auth = { NULL, &trusted, 1 };

	(void)snprintf(p.dir, sizeof(p.dir), "/tmp/postroom-auth-XXXXXX");
	if (!mkdtemp(p.dir) || db_init())
		return -1;
	(void)snprintf(p.path, sizeof(p.path), "%s/control.db", p.dir);
	seal_key_random(&p.key);
	assert_int_equal(net_cidr_parse(SPAN("192.0.2.0/24"), &trusted), ERR_OK);
	assert_int_equal(directory_open(&config, &p.d, NULL), ERR_OK);
	assert_int_equal(directory_setup(p.d, &setup, NULL), ERR_OK);
	assert_int_equal(directory_account_add(p.d, SPAN("bob@example.test"), make_hash(SPAN("secret password"), hash_of_secret), ROLE_USER, &p.bob, NULL), ERR_OK);
	auth.directory = p.d;
	assert_int_equal(auth_new(&auth, &p.auth), ERR_OK);
	*state = &p;
	return 0;
}

static int remove_place(void **state)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	struct place *p = *state;
	char path[128];

	auth_free(&p->auth);
	directory_close(&p->d);
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof(path), "%s%s", p->path, suffixes[i]);
		(void)unlink(path);
	}
	return rmdir(p->dir);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t answered = PTHREAD_COND_INITIALIZER;

struct asked {
	struct auth_result result;
	int times;
	pthread_t thread;
};

static void note_answer(void *arg, const struct auth_result *result)
{
	struct asked *a = arg;

	pthread_mutex_lock(&lock);
	a->result = *result;
	a->times++;
	a->thread = pthread_self();
	pthread_cond_broadcast(&answered);
	pthread_mutex_unlock(&lock);
}

static void ask(struct place *p, struct asked *a, const char *login, const char *password, const char *ip)
{
	struct net_addr peer;

	*a = (struct asked){ .times = 0 };
	assert_int_equal(net_ip_parse(span_str(ip), &peer), ERR_OK);
	auth_check_password(p->auth, span_str(login), span_str(password), &peer, note_answer, a);
}

static void await(struct asked *a)
{
	pthread_mutex_lock(&lock);
	while (!a->times)
		pthread_cond_wait(&answered, &lock);
	pthread_mutex_unlock(&lock);
}

static int times_of(struct asked *a)
{
	int times;

	pthread_mutex_lock(&lock);
	times = a->times;
	pthread_mutex_unlock(&lock);
	return times;
}

static struct auth_result check(struct place *p, const char *login, const char *password, const char *ip)
{
	struct asked a;

	ask(p, &a, login, password, ip);
	await(&a);
	assert_int_equal(a.times, 1);
	return a.result;
}

static void right_password_is_ok_and_others_are_wrong(void **state)
{
	struct place *p = *state;
	struct auth_result r = check(p, "Bob@Example.test", "secret password", "198.51.100.1");

	assert_int_equal(r.verdict, AUTH_OK);
	assert_int_equal(r.account_id, p->bob);
	assert_int_equal(r.delay_ms, 0);
	assert_int_equal(check(p, "bob@example.test", "secret passworD", "192.0.2.1").verdict, AUTH_WRONG);
	assert_int_equal(check(p, "bob@example.test", "", "192.0.2.1").verdict, AUTH_WRONG);
	assert_int_equal(check(p, "eve@example.test", "secret password", "192.0.2.1").verdict, AUTH_WRONG);
	assert_int_equal(check(p, "not an address", "secret password", "192.0.2.1").verdict, AUTH_WRONG);
	/* The hash of the owner is not one. */
	assert_int_equal(check(p, "ann@example.test", "none", "192.0.2.1").verdict, AUTH_WRONG);
}

static void overlong_login_and_password_are_wrong(void **state)
{
	static char longest[100001];
	struct place *p = *state;

	memset(longest, 'x', sizeof(longest) - 1);
	assert_int_equal(check(p, longest, longest, "192.0.2.1").verdict, AUTH_WRONG);
	assert_int_equal(check(p, "bob@example.test", longest, "192.0.2.1").verdict, AUTH_WRONG);
}

static void proven_password_is_answered_in_the_callers_thread(void **state)
{
	struct place *p = *state;
	struct asked a;

	ask(p, &a, "bob@example.test", "secret password", "192.0.2.1");
	await(&a);
	assert_false(pthread_equal(a.thread, pthread_self()));
	ask(p, &a, "bob@example.test", "secret password", "192.0.2.1");
	assert_int_equal(a.times, 1);
	assert_true(pthread_equal(a.thread, pthread_self()));
	assert_int_equal(a.result.verdict, AUTH_OK);
	assert_int_equal(check(p, "bob@example.test", "secret passwor", "192.0.2.1").verdict, AUTH_WRONG);
}

static void new_password_ends_what_was_proven(void **state)
{
	struct place *p = *state;

	assert_int_equal(check(p, "bob@example.test", "secret password", "192.0.2.1").verdict, AUTH_OK);
	assert_int_equal(directory_account_set_password(p->d, p->bob, make_hash(SPAN("other password"), hash_of_other), NULL), ERR_OK);
	assert_int_equal(check(p, "bob@example.test", "secret password", "192.0.2.1").verdict, AUTH_WRONG);
	assert_int_equal(check(p, "bob@example.test", "other password", "192.0.2.1").verdict, AUTH_OK);
}

static void login_holds_until_password_suspension_or_removal(void **state)
{
	struct place *p = *state;
	struct auth_result r = check(p, "bob@example.test", "secret password", "192.0.2.1");

	assert_true(auth_still_holds(p->auth, p->bob, r.credential));
	assert_int_equal(check(p, "bob@example.test", "secret password", "192.0.2.1").credential, r.credential);
	assert_false(auth_still_holds(p->auth, p->bob + 1, r.credential));
	assert_int_equal(directory_account_set_suspended(p->d, p->bob, true, NULL), ERR_OK);
	assert_false(auth_still_holds(p->auth, p->bob, r.credential));
	assert_int_equal(directory_account_set_suspended(p->d, p->bob, false, NULL), ERR_OK);
	assert_true(auth_still_holds(p->auth, p->bob, r.credential));
	assert_int_equal(directory_account_set_password(p->d, p->bob, make_hash(SPAN("other password"), hash_of_other), NULL), ERR_OK);
	assert_false(auth_still_holds(p->auth, p->bob, r.credential));
	r = check(p, "bob@example.test", "other password", "192.0.2.1");
	assert_true(auth_still_holds(p->auth, p->bob, r.credential));
	assert_int_equal(directory_account_remove(p->d, p->bob, NULL), ERR_OK);
	assert_false(auth_still_holds(p->auth, p->bob, r.credential));
}

static void suspended_is_told_only_with_the_right_password(void **state)
{
	struct place *p = *state;

	assert_int_equal(check(p, "bob@example.test", "secret password", "192.0.2.1").verdict, AUTH_OK);
	assert_int_equal(directory_account_set_suspended(p->d, p->bob, true, NULL), ERR_OK);
	assert_int_equal(check(p, "bob@example.test", "secret password", "192.0.2.1").verdict, AUTH_SUSPENDED);
	assert_int_equal(check(p, "bob@example.test", "wrong password", "192.0.2.1").verdict, AUTH_WRONG);
	assert_int_equal(directory_account_remove(p->d, p->bob, NULL), ERR_OK);
	assert_int_equal(check(p, "bob@example.test", "secret password", "192.0.2.1").verdict, AUTH_WRONG);
}

static void failures_of_a_network_add_up(void **state)
{
	struct place *p = *state;

	assert_int_equal(check(p, "bob@example.test", "wrong", "2001:db8::1").delay_ms, 250);
	assert_int_equal(check(p, "eve@example.test", "wrong", "2001:db8::2").delay_ms, 500);
	assert_int_equal(check(p, "eve@example.test", "wrong", "2001:db8:0:1::2").delay_ms, 250);
	assert_int_equal(check(p, "bob@example.test", "secret password", "2001:db8::1").delay_ms, 0);
	assert_int_equal(check(p, "bob@example.test", "wrong", "192.0.2.7").delay_ms, 0);
	assert_int_equal(check(p, "bob@example.test", "wrong", "192.0.2.7").delay_ms, 0);
}

static void full_queue_is_busy_and_everyone_is_answered_once(void **state)
{
	struct place *p = *state;
	struct asked asked[AUTH_QUEUE_MAX + 10];
	int busy = 0;

	for (int i = 0; i < AUTH_QUEUE_MAX + 10; i++) {
		ask(p, &asked[i], "bob@example.test", "wrong password", "192.0.2.1");
		busy += times_of(&asked[i]);
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
	struct place *p = *state;
	struct asked asked[AUTH_QUEUE_MAX], other;
	int busy = 0;

	for (int i = 0; i < AUTH_QUEUE_MAX; i++) {
		ask(p, &asked[i], "bob@example.test", "wrong password", "198.51.100.1");
		busy += times_of(&asked[i]);
	}
	assert_true(busy >= AUTH_QUEUE_MAX / 2 - AUTH_HASH_THREADS - 2);
	ask(p, &other, "bob@example.test", "secret password", "198.51.100.2");
	assert_int_equal(times_of(&other), 0);
	auth_free(&p->auth);
	assert_int_equal(other.times, 1);
}

static void right_one_passes_a_queue_of_guessers(void **state)
{
	struct place *p = *state;
	struct asked guesses[AUTH_QUEUE_MAX], right;
	char ip[32];
	int before = 0, evicted = 0;

	for (int i = 0; i < 24; i++) {
		(void)snprintf(ip, sizeof(ip), "203.0.113.%d", i % 8);
		ask(p, &guesses[i], "bob@example.test", "wrong password", ip);
	}
	for (int i = 0; i < 24; i++)
		await(&guesses[i]);
	for (int i = 0; i < AUTH_QUEUE_MAX; i++) {
		(void)snprintf(ip, sizeof(ip), "203.0.113.%d", i % 8);
		ask(p, &guesses[i], "bob@example.test", "wrong password", ip);
	}
	ask(p, &right, "bob@example.test", "secret password", "198.51.100.9");
	await(&right);
	for (int i = 0; i < AUTH_QUEUE_MAX; i++) {
		before += times_of(&guesses[i]) && guesses[i].result.verdict == AUTH_WRONG;
		evicted += times_of(&guesses[i]) && guesses[i].result.verdict == AUTH_BUSY;
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

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(right_password_is_ok_and_others_are_wrong),
		CASE(overlong_login_and_password_are_wrong),
		CASE(proven_password_is_answered_in_the_callers_thread),
		CASE(new_password_ends_what_was_proven),
		CASE(login_holds_until_password_suspension_or_removal),
		CASE(suspended_is_told_only_with_the_right_password),
		CASE(failures_of_a_network_add_up),
		CASE(full_queue_is_busy_and_everyone_is_answered_once),
		CASE(one_network_does_not_fill_the_queue),
		CASE(right_one_passes_a_queue_of_guessers),
		cmocka_unit_test(password_lengths_have_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
