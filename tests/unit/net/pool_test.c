/* net/pool.h: a small line service under real sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "tests/unit/net/pool_bench.h"

static int greeted(const struct bench *b)
{
	int fd = bench_connect(b);

	expect(fd, "hello\r\n");
	return fd;
}

static void a_line_is_answered_however_it_is_cut(void **state)
{
	struct bench b;
	int fd;

	(void)state;
	bench_start(&b, &(struct bench_options){ 0 });
	fd = greeted(&b);
	say(fd, "echo one\r\n");
	expect(fd, "one\r\n");
	for (const char *p = "echo two\r\necho three\r\n"; *p; p++)
		say_bytes(fd, p, 1);
	expect(fd, "two\r\nthree\r\n");
	say(fd, "echo a\r\necho b\r\nquit\r\necho c\r\n");
	expect(fd, "a\r\nb\r\nbye\r\n");
	expect_end(fd);
	close(fd);
	bench_stop(&b);
	assert_int_equal(b.opened, 1);
}

static void a_thousand_pipelined_commands_are_all_answered(void **state)
{
	static char in[20 * 1000], out[20 * 1000];
	size_t in_len = 0, out_len = 0, have = 0;
	struct bench b;
	int fd;

	(void)state;
	bench_start(&b, &(struct bench_options){ 0 });
	fd = greeted(&b);
	for (int i = 0; i < 1000; i++) {
		in_len += (size_t)snprintf(in + in_len, sizeof(in) - in_len, "echo line%d\r\n", i);
		out_len += (size_t)snprintf(out + out_len, sizeof(out) - out_len, "line%d\r\n", i);
	}
	say_bytes(fd, in, in_len);
	memset(in, 0, sizeof(in));
	while (have < out_len) {
		ssize_t n = recv(fd, in + have, out_len - have, 0);

		assert_true(n > 0);
		have += (size_t)n;
	}
	assert_memory_equal(in, out, out_len);
	close(fd);
	bench_stop(&b);
}

static void a_long_line_is_seen_whole_and_one_without_end_is_cut_off(void **state)
{
	static char line[120000];
	struct bench b;
	char got[20000];
	size_t have = 0;
	int fd;

	(void)state;
	bench_start(&b, &(struct bench_options){ 0 });
	fd = greeted(&b);
	memset(line, 'x', sizeof(line));
	memcpy(line, "echo ", 5);
	memcpy(line + 18005, "\r\n", 2);
	say_bytes(fd, line, 18007);
	while (have < 18002) {
		ssize_t n = recv(fd, got + have, 18002 - have, 0);

		assert_true(n > 0);
		have += (size_t)n;
	}
	assert_int_equal(got[0], 'x');
	assert_memory_equal(got + 17999, "x\r\n", 3);
	memset(line, 'x', sizeof(line));
	send(fd, line, sizeof(line), MSG_NOSIGNAL);
	expect(fd, "too long\r\n");
	expect_end(fd);
	close(fd);
	bench_stop(&b);
}

static void a_body_goes_through_in_pieces(void **state)
{
	static char body[1000000];
	struct bench b;
	int fd;

	(void)state;
	bench_start(&b, &(struct bench_options){ 0 });
	fd = greeted(&b);
	say(fd, "body 1000000\r\n");
	say_bytes(fd, body, sizeof(body));
	say(fd, "echo after\r\n");
	expect(fd, "got 1000000\r\nafter\r\n");
	close(fd);
	bench_stop(&b);
}

static void a_parked_session_is_answered_from_another_thread(void **state)
{
	struct bench b;
	struct ticket t;
	int fd;

	(void)state;
	bench_start(&b, &(struct bench_options){ 0 });
	fd = greeted(&b);
	say(fd, "echo before\r\npark one\r\necho after\r\n");
	expect(fd, "before\r\n");
	t = bench_question(&b);
	assert_int_equal(pool_stats(b.pool).parked, 1);
	pool_answer(t, strdup("answered"));
	expect(fd, "answered one\r\nafter\r\n");
	assert_int_equal(pool_stats(b.pool).parked, 0);
	say(fd, "now two\r\nnow three\r\nlate four\r\n");
	expect(fd, "now two\r\nnow three\r\nlate four\r\n");
	/* A second answer to a question that has been answered goes nowhere. */
	pool_answer(t, strdup("again"));
	assert_int_equal(b.dropped, 1);
	say(fd, "echo still\r\n");
	expect(fd, "still\r\n");
	close(fd);
	bench_stop(&b);
}

static void the_answer_of_a_connection_that_was_reset_is_dropped(void **state)
{
	struct linger hard = { 1, 0 };
	struct bench b;
	struct ticket t;
	int fd;

	(void)state;
	bench_start(&b, &(struct bench_options){ 0 });
	fd = greeted(&b);
	say(fd, "park one\r\n");
	t = bench_question(&b);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(fd);
	bench_await_connections(&b, 0);
	assert_int_equal(b.closed, 1);
	/* The slot serves another connection: the old ticket must not reach it. */
	fd = greeted(&b);
	say(fd, "park two\r\n");
	(void)bench_question(&b);
	pool_answer(t, strdup("wrong"));
	pool_wake(t);
	pool_kick(t);
	assert_int_equal(b.dropped, 1);
	pool_answer(bench_self(&b), strdup("right"));
	expect(fd, "right two\r\n");
	close(fd);
	bench_stop(&b);
}

static void a_half_closed_peer_gets_the_answers_it_waits_for(void **state)
{
	struct bench b;
	struct ticket t;
	int fd;

	(void)state;
	bench_start(&b, &(struct bench_options){ 0 });
	fd = greeted(&b);
	say(fd, "park one\r\necho two\r\necho unfinished");
	shutdown(fd, SHUT_WR);
	t = bench_question(&b);
	pool_answer(t, strdup("answered"));
	expect(fd, "answered one\r\ntwo\r\neof\r\n");
	expect_end(fd);
	close(fd);
	bench_stop(&b);
	assert_int_equal(b.eofs, 1);
}

static void a_wake_reaches_an_idle_session_and_waits_for_a_parked_one(void **state)
{
	struct bench b;
	struct ticket self;
	int fd;

	(void)state;
	bench_start(&b, &(struct bench_options){ 0 });
	fd = greeted(&b);
	self = bench_self(&b);
	pool_wake(self);
	expect(fd, "news\r\n");
	say(fd, "park one\r\n");
	pool_answer((bench_question(&b), pool_wake(self), pool_wake(self), self), strdup("answered"));
	expect(fd, "answered one\r\nnews\r\n");
	say(fd, "echo x\r\n");
	expect(fd, "x\r\n");
	assert_int_equal(b.wakes, 2);
	close(fd);
	bench_stop(&b);
}

static void a_kicked_session_says_goodbye(void **state)
{
	struct bench b;
	int fd;

	(void)state;
	bench_start(&b, &(struct bench_options){ 0 });
	fd = greeted(&b);
	pool_kick(bench_self(&b));
	expect(fd, "stop\r\n");
	expect_end(fd);
	close(fd);
	bench_stop(&b);
}

static void silence_and_dripping_end_at_the_deadline(void **state)
{
	struct bench b;
	int silent, dripping;
	int64_t begin;

	(void)state;
	bench_start(&b, &(struct bench_options){ .deadline_ms = 700 });
	silent = greeted(&b);
	dripping = greeted(&b);
	begin = clock_mono_ms();
	while (clock_mono_ms() - begin < 4000 && b.timeouts < 2) {
		struct pollfd p = { .fd = dripping, .events = POLLIN };

		if (send(dripping, "x", 1, MSG_NOSIGNAL) < 0 || poll(&p, 1, 50) > 0)
			break;
	}
	expect(dripping, "timeout\r\n");
	expect(silent, "timeout\r\n");
	expect_end(silent);
	assert_true(clock_mono_ms() - begin < 3000);
	close(silent);
	close(dripping);
	bench_stop(&b);
}

/* The first nudge comes before the deadline, and by being read it moves that. */
static void a_quiet_session_is_nudged(void **state)
{
	int64_t begin = clock_mono_ms();
	struct bench b;
	int fd;

	(void)state;
	bench_start(&b, &(struct bench_options){ .deadline_ms = 3000, .nudge_ms = 1000 });
	fd = greeted(&b);
	expect(fd, "nudge\r\n");
	assert_true(clock_mono_ms() - begin >= 900);
	say(fd, "echo here\r\n");
	expect(fd, "here\r\n");
	expect(fd, "nudge\r\nnudge\r\n");
	assert_int_equal(b.timeouts, 0);
	close(fd);
	bench_stop(&b);
}

static void a_reader_that_stops_is_cut_off(void **state)
{
	struct bench b;
	int fd;

	(void)state;
	bench_start(&b, &(struct bench_options){ .deadline_ms = 500 });
	fd = greeted(&b);
	say(fd, "big 500000000\r\n");
	bench_await(&b, &b.closed, 1);
	close(fd);
	bench_stop(&b);
	assert_int_equal(b.timeouts, 0);
}

static void big_output_is_made_no_faster_than_it_is_read(void **state)
{
	/* The output chain, and what the two sockets may hold. */
	const uint64_t on_the_way = 24000000;
	struct bench b;
	int fd;

	(void)state;
	bench_start(&b, &(struct bench_options){ 0 });
	fd = greeted(&b);
	say(fd, "big 100000000\r\necho end\r\n");
	for (uint64_t i = 0; i < 100; i++) {
		expect_zeros(fd, 1000000);
		assert_true(b.produced <= i * 1000000 + on_the_way);
	}
	expect(fd, "end\r\n");
	close(fd);
	bench_stop(&b);
}

static void file_ranges_leave_in_order_with_memory(void **state)
{
	struct bench b;
	int fd;

	(void)state;
	bench_start(&b, &(struct bench_options){ 0 });
	fd = greeted(&b);
	say(fd, "echo a\r\nfile 300000\r\necho b\r\nfile 10\r\necho c\r\n");
	expect(fd, "a\r\n");
	expect_zeros(fd, 300000);
	expect(fd, "b\r\nzzzzzzzzzzc\r\n");
	/* More than the file has: nothing to be said any more. */
	say(fd, "file 300001\r\n");
	expect_zeros(fd, 300000);
	expect_end(fd);
	close(fd);
	bench_stop(&b);
}

static void limits_tell_the_peer_and_end_with_the_others(void **state)
{
	struct bench b;
	int fds[3], more;

	(void)state;
	bench_start(&b, &(struct bench_options){ .max_per_ip = 3 });
	for (int i = 0; i < 3; i++)
		fds[i] = greeted(&b);
	more = bench_connect(&b);
	expect(more, "busy\r\n");
	expect_end(more);
	close(more);
	close(fds[1]);
	bench_await_connections(&b, 2);
	fds[1] = greeted(&b);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	bench_stop(&b);

	bench_start(&b, &(struct bench_options){ .max_per_ip = 1, .max_connections = 2, .trusted = true });
	fds[0] = greeted(&b);
	fds[1] = greeted(&b);
	more = bench_connect(&b);
	expect(more, "busy\r\n");
	expect_end(more);
	close(more);
	close(fds[0]);
	close(fds[1]);
	bench_stop(&b);

	bench_start(&b, &(struct bench_options){ .refuse_open = true });
	more = bench_connect(&b);
	expect(more, "busy\r\n");
	expect_end(more);
	close(more);
	bench_stop(&b);
}

static void out_of_descriptors_one_peer_is_told_and_others_are_served_later(void **state)
{
	struct rlimit before, low;
	struct bench b;
	int fd, next, held[64], count = 0;

	(void)state;
	bench_start(&b, &(struct bench_options){ 0 });
	fd = greeted(&b);
	next = socket(AF_INET, SOCK_STREAM, 0);
	getrlimit(RLIMIT_NOFILE, &before);
	low = before;
	low.rlim_cur = (rlim_t)next + 8;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	close(next);
	next = bench_connect(&b);
	expect(next, "hello\r\n");
	close(next);
	bench_await_connections(&b, 1);
	while (count < 64 && (held[count] = dup(fd)) >= 0)
		count++;
	close(held[--count]);
	next = bench_connect(&b);
	expect(next, "busy\r\n");
	expect_end(next);
	close(next);
	while (count > 0)
		close(held[--count]);
	setrlimit(RLIMIT_NOFILE, &before);
	say(fd, "echo fine\r\n");
	expect(fd, "fine\r\n");
	next = greeted(&b);
	close(next);
	close(fd);
	bench_stop(&b);
}

static void stop_tells_sessions_and_forces_those_that_hang(void **state)
{
	struct bench b;
	int idle, parked, other;
	int64_t begin = clock_mono_ms();

	(void)state;
	bench_start(&b, &(struct bench_options){ 0 });
	idle = greeted(&b);
	parked = greeted(&b);
	say(parked, "park one\r\n");
	(void)bench_question(&b);
	pool_stop(b.pool, 200);
	expect(idle, "stop\r\n");
	expect_end(idle);
	expect_end(parked);
	assert_int_equal(pool_stats(b.pool).connections, 0);
	assert_true(clock_mono_ms() - begin < 2000);
	pool_answer(bench_self(&b), strdup("too late"));
	assert_int_equal(b.dropped, 1);
	other = socket(AF_INET, SOCK_STREAM, 0);
	{
		struct sockaddr_storage sa;
		unsigned len = net_addr_to_sockaddr(&b.at, &sa);

		assert_int_equal(connect(other, (struct sockaddr *)&sa, len), -1);
	}
	close(idle);
	close(parked);
	close(other);
	bench_stop(&b);
}

static void a_port_in_use_is_told_in_words(void **state)
{
	struct net_addr at = { .family = NET_IPV4, .ip = { 127, 0, 0, 1 } };
	struct listener *one, *two = NULL;
	struct note why = { "" };

	(void)state;
	assert_int_equal(listener_bind(&at, &one, &why), ERR_OK);
	at = listener_addr(one);
	assert_true(at.port > 0);
	assert_int_equal(listener_listen(one, &why), ERR_OK);
	assert_int_equal(listener_bind(&at, &two, &why), ERR_EXISTS);
	assert_non_null(strstr(why.text, net_addr_text(&at).text));
	listener_close(&one);
	assert_null(one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_answered_however_it_is_cut),
		cmocka_unit_test(a_thousand_pipelined_commands_are_all_answered),
		cmocka_unit_test(a_long_line_is_seen_whole_and_one_without_end_is_cut_off),
		cmocka_unit_test(a_body_goes_through_in_pieces),
		cmocka_unit_test(a_parked_session_is_answered_from_another_thread),
		cmocka_unit_test(the_answer_of_a_connection_that_was_reset_is_dropped),
		cmocka_unit_test(a_half_closed_peer_gets_the_answers_it_waits_for),
		cmocka_unit_test(a_wake_reaches_an_idle_session_and_waits_for_a_parked_one),
		cmocka_unit_test(a_kicked_session_says_goodbye),
		cmocka_unit_test(silence_and_dripping_end_at_the_deadline),
		cmocka_unit_test(a_quiet_session_is_nudged),
		cmocka_unit_test(a_reader_that_stops_is_cut_off),
		cmocka_unit_test(big_output_is_made_no_faster_than_it_is_read),
		cmocka_unit_test(file_ranges_leave_in_order_with_memory),
		cmocka_unit_test(limits_tell_the_peer_and_end_with_the_others),
		cmocka_unit_test(out_of_descriptors_one_peer_is_told_and_others_are_served_later),
		cmocka_unit_test(stop_tells_sessions_and_forces_those_that_hang),
		cmocka_unit_test(a_port_in_use_is_told_in_words),
	};

	return cmocka_run_group_tests_name("net/pool", tests, NULL, NULL);
}
