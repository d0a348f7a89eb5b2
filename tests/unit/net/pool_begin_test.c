/* How a connection begins: PROXY headers of proxies that we believe, and the wait before the greeting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/net/waited.h"
#include "tests/unit/net/pool_bench.h"

#define STRANGER "PROXY TCP4 203.0.113.7 192.0.2.25 40000 25\r\n"
#define NEIGHBOUR "PROXY TCP4 198.51.100.7 192.0.2.25 40000 25\r\n"
#define BINARY "\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x07\xc0\x00\x02\x19\x9c\x40\x00\x19"

static int connected(const struct bench *b, const char *header)
{
	int fd = bench_connect(b);

	say(fd, header);
	return fd;
}

static void check_stranger(const struct bench *b)
{
	assert_string_equal(net_addr_text(&b->last_peer).text, "203.0.113.7:40000");
	assert_string_equal(net_addr_text(&b->last_local).text, "192.0.2.25:25");
	assert_true(b->last_proxied);
	assert_false(b->last_trusted);
}

static void a_session_sees_who_stands_behind_the_proxy(void **state)
{
	struct bench b;
	int fd;

	(void)state;
	bench_start(&b, &(struct bench_options){ .proxied = true, .trusted = true });
	fd = connected(&b, STRANGER "echo one\r\n");
	expect(fd, "hello\r\none\r\n");
	check_stranger(&b);
	close(fd);
	fd = bench_connect(&b);
	for (size_t i = 0; i < sizeof BINARY - 1; i++)
		say_bytes(fd, &BINARY[i], 1);
	expect(fd, "hello\r\n");
	check_stranger(&b);
	close(fd);
	fd = connected(&b, NEIGHBOUR);
	expect(fd, "hello\r\n");
	assert_true(b.last_trusted);
	close(fd);
	bench_stop(&b);
}

static void a_proxy_that_speaks_for_itself_is_its_own_peer(void **state)
{
	struct bench b;
	int fd;

	(void)state;
	bench_start(&b, &(struct bench_options){ .proxied = true, .trusted = true });
	fd = connected(&b, "PROXY UNKNOWN\r\n");
	expect(fd, "hello\r\n");
	assert_true(net_is_loopback(&b.last_peer));
	assert_true(b.last_trusted);
	assert_false(b.last_proxied);
	close(fd);
	bench_stop(&b);
}

static void a_proxy_without_a_header_is_closed_unheard(void **state)
{
	static const char *const beginnings[] = { "echo one\r\n", "PROXY TCP4 203.0.113.7\r\n", "PROXY TCP4 203.0.113.7 192.0.2.25 40000 25\n\r\n", "\r\n\r\nQUIT\r\n" };
	struct bench b;
	int fd;

	(void)state;
	bench_start(&b, &(struct bench_options){ .proxied = true });
	for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++) {
		char byte;

		fd = connected(&b, beginnings[i]);
		assert_true(recv(fd, &byte, 1, 0) <= 0);
		close(fd);
	}
	/* Half of one, and the end. */
	fd = connected(&b, "PROXY TCP4");
	shutdown(fd, SHUT_WR);
	expect_end(fd);
	close(fd);
	bench_stop(&b);
	assert_int_equal(b.opened, 0);
}

static void a_proxy_that_says_nothing_is_closed_in_time(void **state)
{
	struct timeval patience = { .tv_sec = 20 };
	int64_t begin = clock_mono_ms();
	struct bench b;
	int fd;

	(void)state;
	bench_start(&b, &(struct bench_options){ .proxied = true });
	fd = connected(&b, "PROXY TCP4 203.0.113.7 ");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	expect_end(fd);
	assert_true(clock_mono_ms() - begin < 10000);
	close(fd);
	bench_stop(&b);
	assert_int_equal(b.opened, 0);
}

static void a_header_from_somebody_else_is_only_input(void **state)
{
	struct bench b;
	int fd;

	(void)state;
	bench_start(&b, &(struct bench_options){ 0 });
	fd = connected(&b, STRANGER);
	expect(fd, "hello\r\nbye\r\n");
	assert_true(net_is_loopback(&b.last_peer));
	assert_false(b.last_proxied);
	close(fd);
	bench_stop(&b);
}

static void tls_begins_behind_the_header(void **state)
{
	struct bench b;
	struct tls *t;
	int fd;

	(void)state;
	bench_start(&b, &(struct bench_options){ .proxied = true, .implicit_tls = true });
	fd = connected(&b, STRANGER);
	t = bench_tls(&b, fd, "mail.example.org", TLS_VERIFY_NAME);
	tls_expect(t, "hello\r\n");
	check_stranger(&b);
	tls_free(&t);
	close(fd);
	bench_stop(&b);
}

static void the_limit_of_an_address_is_that_of_the_one_behind(void **state)
{
	struct bench b;
	int fds[3], more;

	(void)state;
	bench_start(&b, &(struct bench_options){ .proxied = true, .trusted = true, .max_per_ip = 2 });
	for (int i = 0; i < 2; i++) {
		fds[i] = connected(&b, STRANGER);
		expect(fds[i], "hello\r\n");
	}
	more = connected(&b, STRANGER);
	expect(more, "busy\r\n");
	expect_end(more);
	close(more);
	more = connected(&b, "PROXY TCP4 203.0.113.8 192.0.2.25 40000 25\r\n");
	expect(more, "hello\r\n");
	close(more);
	for (int i = 0; i < 3; i++) {
		more = connected(&b, NEIGHBOUR);
		expect(more, "hello\r\n");
		close(more);
	}
	close(fds[0]);
	bench_await_connections(&b, 1);
	fds[0] = connected(&b, STRANGER);
	expect(fds[0], "hello\r\n");
	close(fds[0]);
	close(fds[1]);
	bench_stop(&b);
}

static void a_stranger_waits_for_the_greeting_once(void **state)
{
	struct bench b;
	int64_t begin;
	int fd;

	(void)state;
	bench_start(&b, &(struct bench_options){ .proxied = true, .greet_delay_ms = 300 });
	begin = clock_mono_ms();
	fd = connected(&b, STRANGER);
	expect(fd, "hello\r\n");
	assert_true(clock_mono_ms() - begin >= 300);
	say(fd, "echo one\r\n");
	expect(fd, "one\r\n");
	close(fd);
	/* With a wait this would be early. */
	fd = connected(&b, STRANGER "echo two\r\n");
	expect(fd, "hello\r\ntwo\r\n");
	close(fd);
	bench_stop(&b);
}

static void who_speaks_before_the_greeting_hears_so_and_is_closed(void **state)
{
	struct bench b;
	int fd;

	(void)state;
	bench_start(&b, &(struct bench_options){ .proxied = true, .greet_delay_ms = 60000 });
	fd = connected(&b, STRANGER "echo one\r\necho two\r\n");
	expect(fd, "early\r\n");
	expect_end(fd);
	close(fd);
	/* It has not waited: the next time is no better. */
	fd = connected(&b, STRANGER);
	bench_await(&b, &b.opened, 2);
	say(fd, "echo one\r\n");
	expect(fd, "early\r\n");
	expect_end(fd);
	close(fd);
	fd = connected(&b, STRANGER);
	shutdown(fd, SHUT_WR);
	expect_end(fd);
	close(fd);
	bench_stop(&b);
}

static void loopback_trusted_networks_and_tls_do_not_wait(void **state)
{
	struct bench b;
	struct tls *t;
	int fd;

	(void)state;
	bench_start(&b, &(struct bench_options){ .greet_delay_ms = 60000 });
	fd = connected(&b, "echo one\r\n");
	expect(fd, "hello\r\none\r\n");
	close(fd);
	bench_stop(&b);
	bench_start(&b, &(struct bench_options){ .greet_delay_ms = 60000, .proxied = true, .trusted = true });
	fd = connected(&b, NEIGHBOUR "echo one\r\n");
	expect(fd, "hello\r\none\r\n");
	close(fd);
	bench_stop(&b);
	bench_start(&b, &(struct bench_options){ .greet_delay_ms = 60000, .proxied = true, .implicit_tls = true });
	fd = connected(&b, STRANGER);
	t = bench_tls(&b, fd, "mail.example.org", TLS_VERIFY_NAME);
	tls_expect(t, "hello\r\n");
	tls_free(&t);
	close(fd);
	bench_stop(&b);
}

static void a_stop_ends_the_waits_before_a_session(void **state)
{
	struct bench b;
	int fds[2];

	(void)state;
	bench_start(&b, &(struct bench_options){ .greet_delay_ms = 60000, .proxied = true });
	fds[0] = bench_connect(&b);
	fds[1] = connected(&b, STRANGER);
	bench_await(&b, &b.opened, 1);
	bench_await_connections(&b, 2);
	bench_stop(&b);
	expect_end(fds[0]);
	expect(fds[1], "stop\r\n");
	expect_end(fds[1]);
	close(fds[0]);
	close(fds[1]);
}

static struct net_addr address(uint32_t n)
{
	return (struct net_addr){ .family = NET_IPV4, .ip = { 203, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n } };
}

static void an_address_that_waited_is_known_for_a_day(void **state)
{
	struct net_addr a = address(1), six = { .family = NET_IPV6, .ip = { 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 1, 9 } }, near = six, far = six;
	struct waited *w;

	(void)state;
	near.ip[15] = 77;
	far.ip[7] = 2;
	assert_int_equal(waited_new(&w), ERR_OK);
	assert_false(waited_has(w, &a, 5000));
	waited_add(w, &a, 5000);
	waited_add(w, &six, 5000);
	assert_true(waited_has(w, &a, 6000));
	assert_true(waited_has(w, &near, 6000));
	assert_false(waited_has(w, &far, 6000));
	assert_true(waited_has(w, &a, 5000 + WAITED_MS - 1));
	assert_false(waited_has(w, &a, 5000 + WAITED_MS));
	for (uint32_t i = 2; i < 10 * WAITED_MAX; i++) {
		struct net_addr other = address(i);

		waited_add(w, &other, 7000 + i);
		assert_true(waited_has(w, &other, 7000 + i));
	}
	waited_free(&w);
	assert_null(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_sees_who_stands_behind_the_proxy),
		cmocka_unit_test(a_proxy_that_speaks_for_itself_is_its_own_peer),
		cmocka_unit_test(a_proxy_without_a_header_is_closed_unheard),
		cmocka_unit_test(a_proxy_that_says_nothing_is_closed_in_time),
		cmocka_unit_test(a_header_from_somebody_else_is_only_input),
		cmocka_unit_test(tls_begins_behind_the_header),
		cmocka_unit_test(the_limit_of_an_address_is_that_of_the_one_behind),
		cmocka_unit_test(a_stranger_waits_for_the_greeting_once),
		cmocka_unit_test(who_speaks_before_the_greeting_hears_so_and_is_closed),
		cmocka_unit_test(loopback_trusted_networks_and_tls_do_not_wait),
		cmocka_unit_test(a_stop_ends_the_waits_before_a_session),
		cmocka_unit_test(an_address_that_waited_is_known_for_a_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
