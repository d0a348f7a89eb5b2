/* TLS under sessions: STARTTLS, implicit TLS, SNI, swapped certificates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/encode.h"
#include "daemon/crypto/x509.h"
#include "tests/unit/net/pool_bench.h"

static void starttls_forgets_what_was_sent_in_the_clear(void **state)
{
	struct bench b;
	struct tls *t;
	int fd;

	(void)state;
	bench_start(&b, &(struct bench_options){ .with_tls = true });
	fd = bench_connect(&b);
	say(fd, "echo a\r\nstarttls\r\necho injected\r\n");
	expect(fd, "hello\r\na\r\ngo\r\n");
	t = bench_tls(&b, fd, "mail.example.org", TLS_VERIFY_NAME);
	tls_expect(t, "secure\r\n");
	tls_say(t, "echo inside\r\n");
	tls_expect(t, "inside\r\n");
	tls_say(t, "park one\r\necho two\r\n");
	pool_answer(bench_question(&b), strdup("answered"));
	tls_expect(t, "answered one\r\ntwo\r\n");
	tls_say(t, "quit\r\n");
	tls_expect(t, "bye\r\n");
	tls_free(&t);
	close(fd);
	bench_stop(&b);
}

static void implicit_tls_comes_before_the_greeting(void **state)
{
	struct bench b;
	struct tls *t;
	int fd;

	(void)state;
	bench_start(&b, &(struct bench_options){ .implicit_tls = true });
	fd = bench_connect(&b);
	t = bench_tls(&b, fd, "imap.example.net", TLS_VERIFY_NAME); /* matches *.example.net */
	tls_expect(t, "hello\r\n");
	assert_string_equal(tls_version(t), "TLSv1.3");
	pool_wake(bench_self(&b));
	tls_expect(t, "news\r\n");
	tls_shutdown(t);
	tls_expect(t, "eof\r\n");
	tls_free(&t);
	close(fd);
	bench_stop(&b);
}

static void big_transfers_go_both_ways(void **state)
{
	static char block[65536];
	struct bench b;
	struct tls *t;
	size_t n, left = 20000000;
	int fd;

	(void)state;
	bench_start(&b, &(struct bench_options){ .implicit_tls = true });
	fd = bench_connect(&b);
	t = bench_tls(&b, fd, "mail.example.org", TLS_VERIFY_NAME);
	tls_expect(t, "hello\r\n");
	tls_say(t, "body 3000000\r\n");
	for (size_t sent = 0; sent < 3000000; sent += n)
		assert_int_equal(tls_write(t, span_take(span_make(block, sizeof(block)), 3000000 - sent), &n), TLS_DONE);
	tls_expect(t, "got 3000000\r\n");
	tls_say(t, "big 20000000\r\nfile 300000\r\necho end\r\n");
	for (left += 300000; left > 0; left -= n) {
		assert_int_equal(tls_read(t, block, left < sizeof(block) ? left : sizeof(block), &n), TLS_DONE);
		assert_int_equal(block[0], 'z');
		assert_int_equal(block[n - 1], 'z');
	}
	tls_expect(t, "end\r\n");
	tls_free(&t);
	close(fd);
	bench_stop(&b);
}

static void input_left_inside_tls_is_not_forgotten(void **state)
{
	struct bench b;
	struct tls *t;
	char lines[8192] = "";
	size_t len = 0;
	int fd;

	(void)state;
	bench_start(&b, &(struct bench_options){ .implicit_tls = true });
	fd = bench_connect(&b);
	t = bench_tls(&b, fd, "mail.example.org", TLS_VERIFY_NAME);
	tls_expect(t, "hello\r\n");
	/* More commands in one record than one turn may run. */
	for (int i = 0; i < 100; i++)
		len += (size_t)snprintf(lines + len, sizeof(lines) - len, "echo %02d\r\n", i);
	tls_say(t, lines);
	for (int i = 0; i < 100; i++) {
		char want[8];

		snprintf(want, sizeof(want), "%02d\r\n", i);
		tls_expect(t, want);
	}
	tls_free(&t);
	close(fd);
	bench_stop(&b);
}

static void what_is_no_handshake_is_closed(void **state)
{
	struct bench b;
	char c;
	int fd;

	(void)state;
	bench_start(&b, &(struct bench_options){ .implicit_tls = true });
	fd = bench_connect(&b);
	say(fd, "GET / HTTP/1.1\r\n\r\n");
	while (recv(fd, &c, 1, 0) > 0)
		continue; /* an alert */
	close(fd);
	bench_stop(&b);
	assert_int_equal(b.opened, 0);
}

static void a_wrong_name_is_explained(void **state)
{
	struct bench b;
	struct tls *t;
	struct note why;
	int fd;

	(void)state;
	bench_start(&b, &(struct bench_options){ .implicit_tls = true });
	fd = bench_connect(&b);
	assert_int_equal(tls_connect_new(b.tls_client, fd, &(struct tls_expect){ .verify = TLS_VERIFY_NAME, .sni = "other.example.com" }, &t), ERR_OK);
	assert_int_equal(tls_handshake(t), TLS_FAILED);
	tls_explain(t, &why);
	assert_non_null(strstr(why.text, "ostname mismatch"));
	tls_free(&t);
	close(fd);
	bench_stop(&b);
}

static void certificates_are_swapped_under_living_connections(void **state)
{
	static const char *const name[] = { "new.example.org" };
	struct buf chain, key;
	struct tls_identity identity, broken = { SPAN("none"), SPAN("none") };
	struct bench b;
	struct tls *old, *fresh;
	struct note why = { "" };
	int fd, fd2;

	(void)state;
	bench_start(&b, &(struct bench_options){ .implicit_tls = true });
	fd = bench_connect(&b);
	old = bench_tls(&b, fd, "mail.example.org", TLS_VERIFY_NAME);
	tls_expect(old, "hello\r\n");
	buf_init(&chain, 65536);
	buf_init(&key, 65536);
	assert_int_equal(x509_self_signed(name, 1, 10, &chain, &key, NULL), ERR_OK);
	identity = (struct tls_identity){ buf_span(&chain), buf_span(&key) };
	assert_int_not_equal(tls_store_set(b.tls, &broken, 1, &why), ERR_OK);
	assert_true(why.text[0]);
	assert_int_equal(tls_store_set(b.tls, &identity, 1, &why), ERR_OK);
	tls_say(old, "echo still\r\n");
	tls_expect(old, "still\r\n");
	fd2 = bench_connect(&b);
	assert_int_equal(tls_connect_new(b.tls_client, fd2, &(struct tls_expect){ .verify = TLS_VERIFY_NAME, .sni = "mail.example.org" }, &fresh), ERR_OK);
	assert_int_equal(tls_handshake(fresh), TLS_FAILED);
	tls_free(&fresh);
	close(fd2);
	fd2 = bench_connect(&b);
	fresh = bench_tls(&b, fd2, "unknown.example", TLS_VERIFY_NONE);
	tls_expect(fresh, "hello\r\n");
	tls_free(&old);
	tls_free(&fresh);
	close(fd);
	close(fd2);
	buf_clear(&chain);
	buf_clear(&key);
	bench_stop(&b);
}

static void both_ends_know_what_an_authentication_can_be_tied_to(void **state)
{
	uint8_t exporter[TLS_EXPORTER_BYTES], end_point[TLS_END_POINT_MAX];
	struct buf want;
	struct bench b;
	struct tls *t;
	int fd;

	(void)state;
	bench_start(&b, &(struct bench_options){ .with_tls = true });
	fd = bench_connect(&b);
	say(fd, "binding\r\nstarttls\r\n");
	expect(fd, "hello\r\n \r\ngo\r\n");
	t = bench_tls(&b, fd, "imap.example.net", TLS_VERIFY_NAME); /* not the first certificate of the store */
	tls_expect(t, "secure\r\n");
	assert_int_equal(tls_exporter(t, exporter), 32);
	assert_int_equal(tls_end_point(t, end_point), 32);
	buf_init(&want, 200);
	hex_encode(span_make((const char *)exporter, 32), &want);
	buf_add_char(&want, ' ');
	hex_encode(span_make((const char *)end_point, 32), &want);
	buf_add_str(&want, "\r\n");
	tls_say(t, "binding\r\n");
	tls_expect(t, buf_cstr(&want));
	buf_clear(&want);
	tls_free(&t);
	close(fd);
	bench_stop(&b);
}

static void an_empty_store_serves_nobody(void **state)
{
	struct tls_store *store;
	struct tls *t = NULL;

	(void)state;
	assert_int_equal(tls_store_new(&store), ERR_OK);
	assert_int_equal(tls_server_new(store, 0, &t), ERR_STATE);
	assert_null(t);
	tls_store_free(&store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starttls_forgets_what_was_sent_in_the_clear),
		cmocka_unit_test(implicit_tls_comes_before_the_greeting),
		cmocka_unit_test(big_transfers_go_both_ways),
		cmocka_unit_test(input_left_inside_tls_is_not_forgotten),
		cmocka_unit_test(what_is_no_handshake_is_closed),
		cmocka_unit_test(a_wrong_name_is_explained),
		cmocka_unit_test(certificates_are_swapped_under_living_connections),
		cmocka_unit_test(both_ends_know_what_an_authentication_can_be_tied_to),
		cmocka_unit_test(an_empty_store_serves_nobody),
	};

	return cmocka_run_group_tests_name("net/pool_tls", tests, NULL, NULL);
}
