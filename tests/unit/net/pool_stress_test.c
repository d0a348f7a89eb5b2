/* Ownership under fire: many connections, wakes, answers, kicks and resets at once. Made for SAN=thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/rng.h"
#include "tests/unit/net/pool_bench.h"

#define CLIENTS 6
#define ROUNDS 60

static _Atomic bool stopping;

/* Answers whatever is asked, and wakes whoever was opened last, all the time. */
static void *answer_all(void *arg)
{
	struct bench *b = arg;

	while (!atomic_load(&stopping)) {
		struct ticket t, self;
		struct timespec until;
		bool asked;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec = (until.tv_nsec + 200000) % 1000000000;
		pthread_mutex_lock(&b->lock);
		if (b->asked_count == 0)
			pthread_cond_timedwait(&b->changed, &b->lock, &until);
		asked = b->asked_count > 0;
		if (asked)
			t = b->asked[--b->asked_count];
		self = b->self;
		pthread_mutex_unlock(&b->lock);
		if (asked)
			pool_answer(t, strdup("answered"));
		if (self.pool)
			pool_wake(self);
		if (self.pool && rng_below(500) == 0)
			pool_kick(self);
	}
	return NULL;
}

/* Reads until `text` stands at the end of what came; false when the connection has ended (a kick). News may come in between. */
static bool read_until(int fd, const char *text)
{
	char got[4096];
	size_t have = 0, len = strlen(text);

	for (;;) {
		ssize_t n = recv(fd, got + have, sizeof(got) - have, 0);

		if (n <= 0)
			return false;
		have += (size_t)n;
		for (size_t i = 0; i + len <= have; i++)
			if (memcmp(got + i, text, len) == 0)
				return true;
		if (have > sizeof(got) / 2) {
			memmove(got, got + have - len, len);
			have = len;
		}
	}
}

struct client {
	struct bench *bench;
	unsigned finished, kicked;
};

static void *talk(void *arg)
{
	struct client *c = arg;
	struct linger hard = { 1, 0 };

	for (int i = 0; i < ROUNDS; i++) {
		int fd = bench_connect(c->bench);
		bool ok = read_until(fd, "hello\r\n");

		for (int j = 0; ok && j < 5; j++) {
			ok = send(fd, "park it\r\necho sync\r\n", 20, MSG_NOSIGNAL) == 20 && read_until(fd, "answered it\r\n");
			ok = ok && send(fd, "echo again\r\n", 12, MSG_NOSIGNAL) == 12 && read_until(fd, "again\r\n");
		}
		if (ok)
			c->finished++;
		else
			c->kicked++;
		if (i % 3 == 0) { /* leaves a question behind and resets */
			(void)!send(fd, "park it\r\n", 9, MSG_NOSIGNAL);
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
		}
		close(fd);
	}
	return NULL;
}

static void nothing_is_lost_and_nothing_served_twice(void **state)
{
	struct client clients[CLIENTS];
	pthread_t threads[CLIENTS], answerer;
	struct bench b;
	unsigned finished = 0, kicked = 0;

	(void)state;
	bench_start(&b, &(struct bench_options){ .threads = 4 });
	atomic_store(&stopping, false);
	pthread_create(&answerer, NULL, answer_all, &b);
	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = (struct client){ &b, 0, 0 };
		pthread_create(&threads[i], NULL, talk, &clients[i]);
	}
	for (int i = 0; i < CLIENTS; i++) {
		pthread_join(threads[i], NULL);
		finished += clients[i].finished;
		kicked += clients[i].kicked;
	}
	atomic_store(&stopping, true);
	pthread_join(answerer, NULL);
	bench_stop(&b);
	assert_int_equal(finished + kicked, CLIENTS * ROUNDS);
	assert_true(finished > CLIENTS * ROUNDS / 2);
	assert_int_equal(b.opened, CLIENTS * ROUNDS);
}

static void stop_in_the_middle_of_traffic_ends_in_time(void **state)
{
	int fds[40];
	struct bench b;
	int64_t begin;

	(void)state;
	bench_start(&b, &(struct bench_options){ 0 });
	for (int i = 0; i < 40; i++) {
		fds[i] = bench_connect(&b);
		say(fds[i], i % 2 ? "big 100000000\r\n" : "echo x\r\npark y\r\n");
	}
	begin = clock_mono_ms();
	pool_stop(b.pool, 300);
	assert_true(clock_mono_ms() - begin < 3000);
	for (int i = 0; i < 40; i++)
		close(fds[i]);
	bench_stop(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_lost_and_nothing_served_twice),
		cmocka_unit_test(stop_in_the_middle_of_traffic_ends_in_time),
	};

	return cmocka_run_group_tests_name("net/pool_stress", tests, NULL, NULL);
}
