/* Sessions under DEFLATE (RFC 4978): plain and over TLS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/net/deflate.h"
#include "tests/unit/net/pool_bench.h"

/* The client's side of one connection. */
struct client {
	struct bench *bench;
	int fd;
	struct tls *tls;
	struct deflater *deflater;
	struct inflater *inflater;
	char in[4096]; /* came and not inflated yet */
	size_t in_len;
};

static void client_begin(struct client *c, struct bench *b, bool over_tls)
{
	*c = (struct client){ .bench = b, .fd = bench_connect(b) };
	assert_int_equal(deflater_new(&c->deflater), ERR_OK);
	assert_int_equal(inflater_new(&c->inflater), ERR_OK);
	if (over_tls) {
		c->tls = bench_tls(b, c->fd, "mail.example.org", TLS_VERIFY_NAME);
		tls_expect(c->tls, "hello\r\n");
		tls_say(c->tls, "compress\r\n");
		tls_expect(c->tls, "go\r\n");
	} else {
		expect(c->fd, "hello\r\n");
		say(c->fd, "compress\r\n");
		expect(c->fd, "go\r\n");
	}
}

static void client_end(struct client *c)
{
	tls_free(&c->tls);
	close(c->fd);
	deflater_free(&c->deflater);
	inflater_free(&c->inflater);
}

static void wire(struct client *c, struct span bytes)
{
	size_t n;

	if (!c->tls)
		say_bytes(c->fd, bytes.ptr, bytes.len);
	for (; c->tls && bytes.len; bytes = span_skip(bytes, n))
		assert_int_equal(tls_write(c->tls, bytes, &n), TLS_DONE);
}

/* Deflates and sends, in pieces of `step` bytes. */
static void pack_say(struct client *c, struct span text, size_t step)
{
	struct out plain, packed;
	char scratch[16384];

	out_init(&plain);
	out_init(&packed);
	out_add(&plain, text);
	assert_int_equal(deflater_burst(c->deflater, &plain, SIZE_MAX, &packed), ERR_OK);
	while (packed.first) {
		struct span part = span_take(out_peek(&packed, scratch, sizeof(scratch)), step);

		wire(c, part);
		out_drop(&packed, part.len);
	}
	out_clear(&packed);
}

static void pack_read(struct client *c, char *to, size_t size)
{
	while (size > 0) {
		size_t used, got;

		assert_int_equal(inflater_run(c->inflater, span_make(c->in, c->in_len), &used, to, size, &got), INFLATED_SOME);
		memmove(c->in, c->in + used, c->in_len - used);
		c->in_len -= used;
		to += got;
		size -= got;
		if (size == 0 || got > 0 || c->in_len > 0)
			continue;
		if (c->tls) {
			assert_int_equal(tls_read(c->tls, c->in, sizeof(c->in), &c->in_len), TLS_DONE);
		} else {
			ssize_t n = recv(c->fd, c->in, sizeof(c->in), 0);

			assert_true(n > 0);
			c->in_len = (size_t)n;
		}
	}
}

static void pack_expect(struct client *c, const char *text)
{
	char got[256] = "";

	assert_true(strlen(text) < sizeof(got));
	pack_read(c, got, strlen(text));
	assert_string_equal(got, text);
}

static void talk(bool over_tls, size_t step)
{
	static char block[65536];
	struct client c;
	struct bench b;
	size_t n;

	bench_start(&b, &(struct bench_options){ .implicit_tls = over_tls });
	client_begin(&c, &b, over_tls);
	pack_say(&c, SPAN("echo one\r\n"), step);
	pack_expect(&c, "one\r\n");
	pack_say(&c, SPAN("echo two\r\necho three\r\n"), step); /* after a rest */
	pack_expect(&c, "two\r\nthree\r\n");
	pack_say(&c, SPAN("park four\r\necho five\r\n"), step);
	pool_answer(bench_question(&b), strdup("answered"));
	pack_expect(&c, "answered four\r\nfive\r\n");
	pool_wake(bench_self(&b));
	pack_expect(&c, "news\r\n");
	pack_say(&c, SPAN("big 3000000\r\nfile 300000\r\necho end\r\n"), step);
	for (size_t left = 3300000; left > 0; left -= n) {
		n = left < sizeof(block) ? left : sizeof(block);
		pack_read(&c, block, n);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(block[i], 'z');
	}
	pack_expect(&c, "end\r\n");
	pack_say(&c, SPAN("quit\r\n"), step);
	pack_expect(&c, "bye\r\n");
	client_end(&c);
	bench_stop(&b);
}

static void commands_and_replies_are_deflate_both_ways(void **state)
{
	(void)state;
	talk(false, SIZE_MAX);
}

static void a_stream_that_drips_is_put_together(void **state)
{
	(void)state;
	talk(false, 1);
}

static void deflate_works_inside_tls(void **state)
{
	(void)state;
	talk(true, SIZE_MAX);
	talk(true, 1);
}

static void large_input_streams_through(void **state)
{
	static char block[200000];
	struct client c;
	struct bench b;

	(void)state;
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = (char)(i * 2654435761u >> 13);
	bench_start(&b, &(struct bench_options){ 0 });
	client_begin(&c, &b, false);
	pack_say(&c, SPAN("body 4000000\r\n"), SIZE_MAX);
	for (int i = 0; i < 20; i++)
		pack_say(&c, span_make(block, sizeof(block)), SIZE_MAX);
	pack_expect(&c, "got 4000000\r\n");
	client_end(&c);
	bench_stop(&b);
}

/* 300 MB of one byte come in less than one; another connection of the same thread is answered meanwhile. */
static void a_bomb_takes_turns(void **state)
{
	static char zeros[1000000];
	struct client bomber, other;
	struct bench b;

	(void)state;
	bench_start(&b, &(struct bench_options){ .threads = 1 });
	client_begin(&bomber, &b, false);
	client_begin(&other, &b, false);
	pack_say(&bomber, SPAN("body 300000000\r\n"), SIZE_MAX);
	for (int i = 0; i < 300; i++) {
		pack_say(&bomber, span_make(zeros, sizeof(zeros)), SIZE_MAX);
		if (i % 50 == 0) {
			pack_say(&other, SPAN("echo here\r\n"), SIZE_MAX);
			pack_expect(&other, "here\r\n");
		}
	}
	pack_expect(&bomber, "got 300000000\r\n");
	client_end(&bomber);
	client_end(&other);
	bench_stop(&b);
}

static void what_is_no_deflate_ends_the_connection(void **state)
{
	struct client c;
	struct bench b;

	(void)state;
	bench_start(&b, &(struct bench_options){ 0 });
	client_begin(&c, &b, false);
	say(c.fd, "echo in the clear\r\n");
	expect_end(c.fd);
	client_end(&c);
	bench_stop(&b);
}

static void a_stream_of_empty_blocks_says_nothing_and_holds_nobody(void **state)
{
	static char blocks[50000]; /* stored blocks of no byte: 00 00 00 FF FF */
	struct client quiet, other;
	struct bench b;

	(void)state;
	for (size_t i = 0; i < sizeof(blocks); i++)
		blocks[i] = (char)(i % 5 < 3 ? 0 : 0xff);
	bench_start(&b, &(struct bench_options){ .threads = 1 });
	client_begin(&quiet, &b, false);
	client_begin(&other, &b, false);
	for (int i = 0; i < 100; i++)
		wire(&quiet, span_make(blocks, sizeof(blocks)));
	pack_say(&other, SPAN("echo here\r\n"), SIZE_MAX);
	pack_expect(&other, "here\r\n");
	pack_say(&quiet, SPAN("echo after all\r\n"), SIZE_MAX);
	pack_expect(&quiet, "after all\r\n");
	client_end(&quiet);
	client_end(&other);
	bench_stop(&b);
}

static void what_comes_in_one_read_with_the_command_is_deflate(void **state)
{
	struct out plain, packed;
	char scratch[512], text[600];
	struct span early;
	struct client c;
	struct bench b;

	(void)state;
	bench_start(&b, &(struct bench_options){ 0 });
	c = (struct client){ .bench = &b, .fd = bench_connect(&b) };
	assert_int_equal(deflater_new(&c.deflater), ERR_OK);
	assert_int_equal(inflater_new(&c.inflater), ERR_OK);
	expect(c.fd, "hello\r\n");
	out_init(&plain);
	out_init(&packed);
	out_add(&plain, SPAN("echo early\r\n"));
	assert_int_equal(deflater_burst(c.deflater, &plain, SIZE_MAX, &packed), ERR_OK);
	early = out_peek(&packed, scratch, sizeof(scratch));
	memcpy(text, "compress\r\n", 10);
	memcpy(text + 10, early.ptr, early.len);
	say_bytes(c.fd, text, 10 + early.len);
	out_clear(&packed);
	expect(c.fd, "go\r\n");
	pack_expect(&c, "early\r\n");
	client_end(&c);
	bench_stop(&b);
}

/* In as many runs as it takes: behind a line it stops. */
static size_t inflate_all(struct inflater *f, struct span in, char *to, size_t size)
{
	size_t sum = 0, used, got;

	while (in.len) {
		assert_int_equal(inflater_run(f, in, &used, to + sum, size - sum, &got), INFLATED_SOME);
		assert_true(used || got);
		in = span_skip(in, used);
		sum += got;
	}
	return sum;
}

/* The same bytes again are a reference to far back: what the peer may refer to outlives a rest. */
static void a_rest_keeps_what_may_be_referred_to(void **state)
{
	/* "hello hello hello\n" deflated twice over, flushed after each, by another program. */
	static const char first[] = "\xca\x48\xcd\xc9\xc9\x57\xc8\x40\x90\x5c\x00\x00\x00\x00\xff\xff";
	static const char second[] = "\xca\xc0\x10\x01\x00\x00\x00\xff\xff";
	struct inflater *f;
	char text[64];

	(void)state;
	assert_int_equal(inflater_new(&f), ERR_OK);
	assert_int_equal(inflate_all(f, span_make(first, sizeof(first) - 1), text, sizeof(text)), 18);
	assert_memory_equal(text, "hello hello hello\n", 18);
	inflater_rest(f);
	assert_int_equal(inflate_all(f, span_make(second, sizeof(second) - 1), text, sizeof(text)), 18);
	assert_memory_equal(text, "hello hello hello\n", 18);
	inflater_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_and_replies_are_deflate_both_ways),
		cmocka_unit_test(a_stream_that_drips_is_put_together),
		cmocka_unit_test(deflate_works_inside_tls),
		cmocka_unit_test(large_input_streams_through),
		cmocka_unit_test(a_bomb_takes_turns),
		cmocka_unit_test(what_is_no_deflate_ends_the_connection),
		cmocka_unit_test(a_stream_of_empty_blocks_says_nothing_and_holds_nobody),
		cmocka_unit_test(what_comes_in_one_read_with_the_command_is_deflate),
		cmocka_unit_test(a_rest_keeps_what_may_be_referred_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
