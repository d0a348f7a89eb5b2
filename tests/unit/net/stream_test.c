/* net/stream.h, against the line service of the pool's tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/net/stream.h"
#include "tests/unit/net/pool_bench.h"

#define SHORT_MS 5000

static struct stream *open_stream(const struct bench *b)
{
	struct stream *s;
	struct note why = { "" };

	assert_int_equal(stream_connect(&b->at, SHORT_MS, &s, &why), ERR_OK);
	return s;
}

static void write_text(struct stream *s, const char *text)
{
	assert_int_equal(stream_write(s, span_str(text), SHORT_MS, NULL), ERR_OK);
}

static void expect_line(struct stream *s, const char *text)
{
	struct span line;

	assert_int_equal(stream_read_line(s, SHORT_MS, &line, NULL), ERR_OK);
	assert_int_equal(line.len, strlen(text));
	assert_memory_equal(line.ptr, text, line.len);
}

static void lines_go_both_ways_and_the_end_is_told(void **state)
{
	struct bench b;
	struct stream *s;
	struct span line;
	struct net_addr local;

	(void)state;
	bench_start(&b, &(struct bench_options){ 0 });
	s = open_stream(&b);
	local = stream_local(s);
	assert_true(net_is_loopback(&local));
	expect_line(s, "hello");
	write_text(s, "echo one\r\n");
	write_text(s, "echo two\nx\r\n");
	write_text(s, "quit\r\n");
	expect_line(s, "one");
	assert_true(stream_has_buffered(s));
	expect_line(s, "two"); /* a bare LF ends a line too */
	expect_line(s, "x");
	expect_line(s, "bye");
	assert_int_equal(stream_read_line(s, SHORT_MS, &line, NULL), ERR_STATE);
	stream_close(&s);
	assert_null(s);
	bench_stop(&b);
}

static void big_writes_are_whole(void **state)
{
	struct bench b;
	struct stream *s;
	char *body = calloc(1, 2000000);

	(void)state;
	bench_start(&b, &(struct bench_options){ 0 });
	s = open_stream(&b);
	expect_line(s, "hello");
	write_text(s, "body 2000000\r\n");
	assert_int_equal(stream_write(s, span_make(body, 5), SHORT_MS, NULL), ERR_OK);
	assert_int_equal(stream_write(s, span_make(body, 1999990), SHORT_MS, NULL), ERR_OK);
	assert_int_equal(stream_write(s, span_make(body, 5), SHORT_MS, NULL), ERR_OK);
	expect_line(s, "got 2000000");
	stream_close(&s);
	free(body);
	bench_stop(&b);
}

static void tls_begins_in_the_middle(void **state)
{
	struct bench b;
	struct stream *s;

	(void)state;
	bench_start(&b, &(struct bench_options){ .with_tls = true });
	s = open_stream(&b);
	expect_line(s, "hello");
	write_text(s, "starttls\r\n");
	expect_line(s, "go");
	assert_false(stream_has_buffered(s));
	assert_false(stream_is_tls(s));
	assert_null(stream_tls_version(s));
	assert_int_equal(stream_start_tls(s, b.tls_client, &(struct tls_expect){ .verify = TLS_VERIFY_NAME, .sni = "mail.example.org" }, SHORT_MS, NULL, NULL), ERR_OK);
	assert_true(stream_is_tls(s));
	assert_string_equal(stream_tls_version(s), "TLSv1.3");
	expect_line(s, "secure");
	write_text(s, "echo in\r\n");
	expect_line(s, "in");
	stream_close(&s);
	s = open_stream(&b);
	expect_line(s, "hello");
	write_text(s, "starttls\r\n");
	expect_line(s, "go");
	{
		struct note why = { "" };

		assert_int_equal(stream_start_tls(s, b.tls_client, &(struct tls_expect){ .verify = TLS_VERIFY_NAME, .sni = "wrong.example.org" }, SHORT_MS, NULL, &why), ERR_TEMP);
		assert_non_null(strstr(why.text, "mismatch"));
	}
	stream_close(&s);
	bench_stop(&b);
}

static void every_wait_has_its_end(void **state)
{
	struct bench b;
	struct stream *s;
	struct span line;
	struct note why = { "" };
	int64_t begin = clock_mono_ms();
	char *body = calloc(1, 1000000);
	enum err e = ERR_OK;

	(void)state;
	bench_start(&b, &(struct bench_options){ 0 });
	s = open_stream(&b);
	expect_line(s, "hello");
	assert_int_equal(stream_read_line(s, 100, &line, &why), ERR_TEMP);
	assert_string_equal(why.text, "timed out");
	/* A parked session does not read: the socket fills. */
	write_text(s, "park one\r\n");
	for (int i = 0; i < 40 && e == ERR_OK; i++)
		e = stream_write(s, span_make(body, 1000000), 100, &why);
	assert_int_equal(e, ERR_TEMP);
	assert_true(clock_mono_ms() - begin < 5000);
	pool_answer(bench_question(&b), strdup("late"));
	stream_close(&s);
	free(body);
	bench_stop(&b);
}

static void a_refused_connection_is_explained(void **state)
{
	struct net_addr at = { .family = NET_IPV4, .ip = { 127, 0, 0, 1 } }, none = { .family = NET_NONE };
	struct listener *l;
	struct stream *s = NULL;
	struct note why = { "" };

	(void)state;
	assert_int_equal(listener_bind(&at, &l, NULL), ERR_OK);
	at = listener_addr(l);
	listener_close(&l);
	assert_int_equal(stream_connect(&at, SHORT_MS, &s, &why), ERR_TEMP);
	assert_non_null(strstr(why.text, "refused"));
	assert_int_equal(stream_connect(&none, SHORT_MS, &s, &why), ERR_TEMP);
	assert_null(s);
}

static void lines_without_end_are_refused(void **state)
{
	struct net_addr at = { .family = NET_IPV4, .ip = { 127, 0, 0, 1 } };
	static char much[6000];
	struct listener *l;
	struct stream *s;
	struct span line;
	int peer;

	(void)state;
	assert_int_equal(listener_bind(&at, &l, NULL), ERR_OK);
	at = listener_addr(l);
	assert_int_equal(listener_listen(l, NULL), ERR_OK);
	memset(much, 'x', sizeof(much));
	memcpy(much + STREAM_LINE_MAX - 2, "\r\n", 2); /* the longest that is allowed */
	memcpy(much + sizeof(much) - 1, "\n", 1);
	assert_int_equal(stream_connect(&at, SHORT_MS, &s, NULL), ERR_OK);
	peer = accept(listener_fd(l), NULL, NULL);
	assert_true(peer >= 0);
	assert_int_equal(send(peer, much, sizeof(much), 0), sizeof(much));
	assert_int_equal(stream_read_line(s, SHORT_MS, &line, NULL), ERR_OK);
	assert_int_equal(line.len, STREAM_LINE_MAX - 2);
	assert_int_equal(stream_read_line(s, SHORT_MS, &line, NULL), ERR_OK);
	memset(much, 'y', sizeof(much));
	assert_int_equal(send(peer, much, sizeof(much), 0), sizeof(much));
	assert_int_equal(stream_read_line(s, SHORT_MS, &line, NULL), ERR_LIMIT);
	stream_close(&s);
	close(peer);
	listener_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_go_both_ways_and_the_end_is_told),
		cmocka_unit_test(big_writes_are_whole),
		cmocka_unit_test(tls_begins_in_the_middle),
		cmocka_unit_test(every_wait_has_its_end),
		cmocka_unit_test(a_refused_connection_is_explained),
		cmocka_unit_test(lines_without_end_are_refused),
	};

	return cmocka_run_group_tests_name("net/stream", tests, NULL, NULL);
}
