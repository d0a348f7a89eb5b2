/* Requests to other servers: what is sent, what is taken, and where nobody is led. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/net/fetch.h"

/* Answers each connection with the same bytes; keeps what the last one said. */
struct server {
	int listener;
	uint16_t port;
	const char *answer;
	bool silent;
	char got[65536];
	size_t got_len;
	atomic_int connections;
	pthread_t thread;
};

static void *serve(void *arg)
{
	struct server *s = arg;
	int fd;

	while ((fd = accept(s->listener, NULL, NULL)) >= 0) {
		char piece[4096];
		ssize_t n;

		s->got_len = 0;
		while ((n = recv(fd, piece, sizeof piece, 0)) > 0) {
			memcpy(s->got + s->got_len, piece, (size_t)n);
			s->got_len += (size_t)n;
			s->got[s->got_len] = '\0';
			if (!s->silent && (strstr(s->got, "the end") || strncmp(s->got, "GET", 3) == 0))
				break;
		}
		atomic_fetch_add(&s->connections, 1);
		if (s->answer && !s->silent)
			(void)!send(fd, s->answer, strlen(s->answer), MSG_NOSIGNAL);
		close(fd);
	}
	return NULL;
}

struct place {
	struct fetcher *f;
	struct server server;
	char url[64];
};

static int setup(void **state)
{
	static struct place p;
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;

	memset(&p, 0, sizeof p);
	assert_int_equal(fetch_init(), ERR_OK);
	assert_int_equal(fetcher_new(&p.f), ERR_OK);
	p.server.listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(p.server.listener, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(p.server.listener, 16), 0);
	assert_int_equal(getsockname(p.server.listener, (struct sockaddr *)&a, &len), 0);
	p.server.port = ntohs(a.sin_port);
	p.server.answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
	(void)snprintf(p.url, sizeof p.url, "http://127.0.0.1:%u/hook?x=1", p.server.port);
	assert_int_equal(pthread_create(&p.server.thread, NULL, serve, &p.server), 0);
	*state = &p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	fetcher_free(&p->f);
	(void)shutdown(p->server.listener, SHUT_RDWR);
	pthread_join(p->server.thread, NULL);
	(void)close(p->server.listener);
	return 0;
}

struct outcome {
	enum err err;
	int status;
	char body[64], why[256];
	atomic_int done;
};

static void note_result(void *arg, const struct fetch_result *r)
{
	struct outcome *o = arg;

	o->err = r->err;
	o->status = r->status;
	(void)snprintf(o->body, sizeof o->body, "%.*s", (int)r->body.len, r->body.ptr ? r->body.ptr : "");
	(void)snprintf(o->why, sizeof o->why, "%s", r->why.text);
	atomic_store(&o->done, 1);
}

static void wait_done(struct outcome *o)
{
	struct timespec t = { 0, 1000000 };

	for (int i = 0; !atomic_load(&o->done); i++) {
		if (i > 20000)
			fail_msg("no result");
		nanosleep(&t, NULL);
	}
}

static struct fetch_request request(struct place *p)
{
	return (struct fetch_request){ .url = span_str(p->url), .may_http = true, .timeout_ms = 5000, .answer_max = 16 };
}

static void run(struct place *p, const struct fetch_request *q, struct outcome *o)
{
	struct note why = { "" };

	memset(o, 0, sizeof *o);
	if (fetch_begin(p->f, q, note_result, o, &why) != ERR_OK)
		fail_msg("%s", why.text);
	wait_done(o);
}

static void a_post_brings_headers_and_body(void **state)
{
	struct place *p = *state;
	struct fetch_request q = request(p);
	struct outcome o;

	q.post = true;
	q.body = SPAN("{\"a\":1} the end");
	q.content_type = SPAN("application/json");
	q.headers[0] = SPAN("webhook-id: dlv_1");
	q.header_count = 1;
	run(p, &q, &o);
	assert_int_equal(o.err, ERR_OK);
	assert_int_equal(o.status, 200);
	assert_string_equal(o.body, "hello");
	assert_non_null(strstr(p->server.got, "POST /hook?x=1 HTTP/1.1\r\n"));
	assert_non_null(strstr(p->server.got, "webhook-id: dlv_1\r\n"));
	assert_non_null(strstr(p->server.got, "Content-Type: application/json\r\n"));
	assert_null(strstr(p->server.got, "Expect:"));
	assert_non_null(strstr(p->server.got, "\r\n\r\n{\"a\":1} the end"));
}

static void a_redirect_is_an_answer(void **state)
{
	struct place *p = *state;
	struct fetch_request q = request(p);
	struct outcome o;

	p->server.answer = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
	run(p, &q, &o);
	assert_int_equal(o.status, 302);
	assert_int_equal(atomic_load(&p->server.connections), 1);
}

static void more_than_wanted_is_not_read(void **state)
{
	struct place *p = *state;
	struct fetch_request q = request(p);
	struct outcome o;

	p->server.answer = "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n0123456789012345678901234567890123456789";
	run(p, &q, &o);
	assert_int_equal(o.err, ERR_OK);
	assert_string_equal(o.body, "0123456789012345");
}

static bool nowhere(void *arg, const struct net_addr *addr)
{
	assert_int_equal(addr->family, NET_IPV4);
	atomic_fetch_add((atomic_int *)arg, 1);
	return false;
}

static void the_filter_sees_the_address_and_refuses(void **state)
{
	struct place *p = *state;
	struct fetch_request q = request(p);
	atomic_int asked = 0;
	struct outcome o;

	q.may_connect = nowhere;
	q.arg = &asked;
	run(p, &q, &o);
	assert_int_equal(o.err, ERR_DENIED);
	assert_true(atomic_load(&asked) > 0);
	assert_int_equal(atomic_load(&p->server.connections), 0);
}

static void silence_ends_at_the_deadline(void **state)
{
	struct place *p = *state;
	struct fetch_request q = request(p);
	struct outcome o;

	p->server.silent = true;
	q.timeout_ms = 100;
	run(p, &q, &o);
	assert_int_equal(o.err, ERR_TEMP);
	assert_true(o.why[0] != '\0');
}

static void what_runs_is_cancelled_by_the_end(void **state)
{
	struct place *p = *state;
	struct fetch_request q = request(p);
	struct outcome o = { .err = ERR_OK };

	p->server.silent = true;
	q.timeout_ms = 60000;
	assert_int_equal(fetch_begin(p->f, &q, note_result, &o, NULL), ERR_OK);
	fetcher_free(&p->f);
	assert_int_equal(atomic_load(&o.done), 1);
	assert_int_equal(o.err, ERR_STATE);
	assert_int_equal(fetcher_new(&p->f), ERR_OK);
}

static void one_that_is_slow_holds_up_no_other(void **state)
{
	struct place *p = *state;
	struct fetch_request slow = request(p), fast = request(p);
	struct outcome waiting = { .err = ERR_OK }, o;

	p->server.silent = true;
	slow.timeout_ms = 60000;
	assert_int_equal(fetch_begin(p->f, &slow, note_result, &waiting, NULL), ERR_OK);
	/* A port that nobody listens on answers at once. */
	fast.url = SPAN("http://127.0.0.1:1/");
	run(p, &fast, &o);
	assert_int_equal(o.err, ERR_TEMP);
	assert_int_equal(atomic_load(&waiting.done), 0);
	fetcher_free(&p->f);
	assert_int_equal(fetcher_new(&p->f), ERR_OK);
}

static void urls_are_checked(void **state)
{
	static const char *const bad[] = { "", "ftp://example.org/", "file:///etc/passwd", "https://", "https://user@example.org/", "https://u:p@example.org/", "https://example.org/#x", "https://exa mple.org/", "https://example.org/\n", "gopher://127.0.0.1:25/" };
	struct net_addr host;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(fetch_check_url(span_str(bad[i]), true, &host, NULL), ERR_SYNTAX);
	assert_int_equal(fetch_check_url(SPAN("http://example.org/"), false, &host, NULL), ERR_SYNTAX);
	assert_int_equal(fetch_check_url(SPAN("https://example.org/a?b=c"), false, &host, NULL), ERR_OK);
	assert_int_equal(host.family, NET_NONE);
	assert_int_equal(fetch_check_url(SPAN("https://[::1]:8443/"), false, &host, NULL), ERR_OK);
	assert_int_equal(host.family, NET_IPV6);
	assert_int_equal(fetch_check_url(SPAN("https://2130706433/"), false, &host, NULL), ERR_OK);
	assert_true(host.family == NET_IPV4 || host.family == NET_NONE);
}

static void public_addresses_are_those_of_the_open_internet(void **state)
{
	static const char *const yes[] = { "1.1.1.1", "93.184.216.34", "172.15.0.1", "172.32.0.1", "100.63.255.255", "100.128.0.1", "223.255.255.255", "2606:2800:220:1::1", "2a00::1", "64:ff9b::1.1.1.1", "2002:101:101::1" };
	static const char *const no[] = { "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1", "2001::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::7f00:1", "2002:a00:1::1", "2002:7f00:1::1" };
	struct net_addr a;

	(void)state;
	for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
		assert_int_equal(net_ip_parse(span_str(yes[i]), &a), ERR_OK);
		if (!net_is_public(&a))
			fail_msg("%s is public", yes[i]);
	}
	for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
		assert_int_equal(net_ip_parse(span_str(no[i]), &a), ERR_OK);
		if (net_is_public(&a))
			fail_msg("%s is not public", no[i]);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_post_brings_headers_and_body),
		TEST(a_redirect_is_an_answer),
		TEST(more_than_wanted_is_not_read),
		TEST(the_filter_sees_the_address_and_refuses),
		TEST(silence_ends_at_the_deadline),
		TEST(what_runs_is_cancelled_by_the_end),
		TEST(one_that_is_slow_holds_up_no_other),
		cmocka_unit_test(urls_are_checked),
		cmocka_unit_test(public_addresses_are_those_of_the_open_internet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
