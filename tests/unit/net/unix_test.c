/* Unix sockets: listeners whose peers are uids, client streams to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/net/stream.h"
#include "tests/unit/net/pool_bench.h"

#define SHORT_MS 5000

struct place {
	char dir[64], path[100];
};

static struct place make_place(void)
{
	struct place p = { "/tmp/postroom-unix-XXXXXX", "" };

	assert_non_null(mkdtemp(p.dir));
	snprintf(p.path, sizeof p.path, "%s/sock", p.dir);
	return p;
}

static void peers_are_uids_and_counted_by_them(void **state)
{
	struct place p = make_place();
	struct bench b;
	struct stream *first, *second;
	struct span line;

	(void)state;
	bench_start(&b, &(struct bench_options){ .unix_path = p.path, .max_per_ip = 1 });
	assert_int_equal(stream_connect_unix(p.path, &first, NULL), ERR_OK);
	assert_int_equal(stream_read_line(first, SHORT_MS, &line, NULL), ERR_OK);
	assert_true(span_equals(line, SPAN("hello")));
	assert_int_equal(b.last_peer.family, NET_UNIX);
	assert_int_equal(net_addr_uid(&b.last_peer), geteuid());
	assert_int_equal(stream_connect_unix(p.path, &second, NULL), ERR_OK);
	assert_int_equal(stream_read_line(second, SHORT_MS, &line, NULL), ERR_OK);
	assert_true(span_equals(line, SPAN("busy")));
	stream_close(&first);
	stream_close(&second);
	bench_stop(&b);
	assert_int_not_equal(access(p.path, F_OK), 0); /* the name goes with the listener */
	rmdir(p.dir);
}

static void bytes_are_read_as_they_come(void **state)
{
	struct place p = make_place();
	struct bench b;
	struct stream *s;
	struct span line;
	char bytes[100];
	size_t count;

	(void)state;
	bench_start(&b, &(struct bench_options){ .unix_path = p.path });
	assert_int_equal(stream_connect_unix(p.path, &s, NULL), ERR_OK);
	assert_int_equal(stream_read_line(s, SHORT_MS, &line, NULL), ERR_OK);
	assert_int_equal(stream_write(s, SPAN("echo one\r\necho two\r\nquit\r\n"), SHORT_MS, NULL), ERR_OK);
	assert_int_equal(stream_read_line(s, SHORT_MS, &line, NULL), ERR_OK);
	assert_int_equal(stream_receive(s, bytes, 2, &count, SHORT_MS, NULL), ERR_OK);
	assert_in_range(count, 1, 2);
	while (stream_receive(s, bytes, sizeof bytes, &count, SHORT_MS, NULL) == ERR_OK)
		assert_in_range(count, 1, sizeof bytes);
	stream_close(&s);
	bench_stop(&b);
	rmdir(p.dir);
}

static void a_stale_socket_is_replaced_a_live_one_not(void **state)
{
	struct place p = make_place();
	struct listener *first, *second;
	struct note why = { "" };
	struct stream *s;
	struct stat st;

	(void)state;
	assert_int_equal(stream_connect_unix(p.path, &s, &why), ERR_NOT_FOUND);
	assert_int_equal(listener_bind_unix(p.path, 0666, &first, &why), ERR_OK);
	assert_int_equal(stat(p.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0666);
	assert_int_equal(stream_connect_unix(p.path, &s, &why), ERR_NOT_FOUND); /* bound, and deaf */
	assert_int_equal(listener_listen(first, &why), ERR_OK);
	assert_int_equal(listener_bind_unix(p.path, 0666, &second, &why), ERR_EXISTS);
	assert_non_null(strstr(why.text, p.path));
	listener_close(&first);
	assert_int_not_equal(access(p.path, F_OK), 0);
	assert_int_equal(listener_bind_unix("/does/not/exist/sock", 0666, &second, &why), ERR_TEMP);
	assert_null(second);
	rmdir(p.dir);
}

static void a_name_that_is_too_long_is_refused(void **state)
{
	char path[200];
	struct listener *l;
	struct stream *s;

	(void)state;
	memset(path, 'x', sizeof path - 1);
	path[sizeof path - 1] = '\0';
	assert_int_equal(listener_bind_unix(path, 0600, &l, NULL), ERR_LIMIT);
	assert_int_equal(stream_connect_unix(path, &s, NULL), ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(peers_are_uids_and_counted_by_them),
		cmocka_unit_test(bytes_are_read_as_they_come),
		cmocka_unit_test(a_stale_socket_is_replaced_a_live_one_not),
		cmocka_unit_test(a_name_that_is_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
