/* net/pool.h: a small line service under real sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "tests/unit/net/pool_bench.h"

static void a_line_is_answered_however_it_is_cut(void **state)
{
	struct bench b;
	int fd;

	(void)state;
	bench_start(&b, &(struct bench_options){ 0 });
	fd = bench_connect(&b);
	expect(fd, "hello\r\n");
	say(fd, "echo one\r\n");
	expect(fd, "one\r\n");
	for (const char *p = "echo two\r\necho three\r\n"; *p; p++)
		say_bytes(fd, p, 1);
	expect(fd, "two\r\nthree\r\n");
	say(fd, "echo a\r\necho b\r\nquit\r\n");
	expect(fd, "a\r\nb\r\nbye\r\n");
	expect_end(fd);
	close(fd);
	bench_stop(&b);
	assert_int_equal(b.opened, 1);
	assert_int_equal(b.closed, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_answered_however_it_is_cut),
	};

	return cmocka_run_group_tests_name("net/pool", tests, NULL, NULL);
}
