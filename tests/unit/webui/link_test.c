/* Links over socket pairs: what reaches the library, what the client is told, and how both ends end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/base/clock.h"
#include "webui/link.h"

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define ANSWER "HTTP/1.1 204 No Content\r\n\r\n"
#define TURNS_MAX 1000

struct pair {
	struct link link; /* first: the callbacks know the pair by it */
	struct link_config config;
	int client, library; /* the far ends; the library's is -1 until a head has come */
	bool crowded;        /* what met() says */
	char said[200000];
};

static void set_nonblocking(int fd)
{
	assert_int_equal(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK), 0);
}

static enum err open_library(void *arg, struct link *l, int *library_out)
{
	struct pair *p = (struct pair *)l;
	int library[2];

	(void)arg;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, library), 0);
	p->library = library[0];
	*library_out = library[1];
	return ERR_OK;
}

static bool met(void *arg, struct link *l)
{
	(void)arg;
	return !((struct pair *)l)->crowded;
}

static int make(void **state, bool proxied)
{
	static struct pair p;
	const struct net_addr from = { .family = NET_IPV4, .ip = { 192, 0, 2, 80 } };
	int client[2];

	memset(&p, 0, sizeof p);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, client), 0);
	set_nonblocking(client[0]);
	p.client = client[0];
	p.library = -1;
	p.config = (struct link_config){ .may_be_proxied = proxied, .met = met, .open = open_library };
	link_init(&p.link, client[1], &from, &p.config);
	*state = &p;
	return 0;
}

static int make_pair(void **state)
{
	return make(state, false);
}

static int make_proxied(void **state)
{
	return make(state, true);
}

static int close_pair(void **state)
{
	struct pair *p = *state;

	link_clear(&p->link);
	if (p->client >= 0)
		close(p->client);
	if (p->library >= 0)
		close(p->library);
	return 0;
}

/* Until it waits or is done. */
static enum link_state turn(struct pair *p)
{
	enum link_state state = LINK_MORE;

	for (int i = 0; state == LINK_MORE && i < TURNS_MAX; i++)
		state = link_turn(&p->link);
	return state;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* All that waits there. */
static const char *hear(struct pair *p, int fd)
{
	size_t len = 0;
	ssize_t got;

	while (fd >= 0 && len + 1 < sizeof p->said && (got = recv(fd, p->said + len, sizeof p->said - 1 - len, 0)) > 0)
		len += (size_t)got;
	p->said[len] = '\0';
	return p->said;
}

static bool has_ended(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_PEEK) == 0;
}

static void a_request_and_its_answer_pass(void **state)
{
	struct pair *p = *state;

	say(p->client, GET);
	assert_int_equal(turn(p), LINK_WAITS);
	assert_string_equal(hear(p, p->library), GET);
	say(p->library, ANSWER);
	assert_int_equal(turn(p), LINK_WAITS);
	assert_string_equal(hear(p, p->client), ANSWER);
}

static void nothing_passes_before_the_head_is_whole(void **state)
{
	struct pair *p = *state;

	say(p->client, "GET / HTTP/1.1\r\nHost: a\r\n");
	assert_int_equal(turn(p), LINK_WAITS);
	assert_string_equal(hear(p, p->library), "");
	say(p->client, "\r\n");
	assert_int_equal(turn(p), LINK_WAITS);
	assert_string_equal(hear(p, p->library), GET);
}

static void refused_text(struct pair *p, struct span request, const char *status)
{
	assert_int_equal(send(p->client, request.ptr, request.len, MSG_NOSIGNAL), (ssize_t)request.len);
	assert_int_equal(turn(p), LINK_WAITS); /* for the client to close */
	assert_int_equal(p->library, -1);      /* the library has never heard of it */
	hear(p, p->client);
	assert_memory_equal(p->said, status, strlen(status));
	assert_non_null(strstr(p->said, "Connection: close\r\n"));
	assert_non_null(strstr(p->said, "Content-Security-Policy: "));
	assert_non_null(strstr(p->said, "\"request_id\":\"req_"));
	assert_true(has_ended(p->client));
	close(p->client);
	p->client = -1;
	assert_int_equal(turn(p), LINK_DONE);
}

static void refused(struct pair *p, const char *request, const char *status)
{
	refused_text(p, span_str(request), status);
}

static void a_bare_line_feed_is_refused(void **state)
{
	refused(*state, "GET / HTTP/1.1\nHost: a\n\n", "HTTP/1.1 400 ");
}

static void a_transfer_encoding_beside_chunked_is_refused(void **state)
{
	refused(*state, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 501 ");
}

static void a_body_over_the_limit_is_refused(void **state)
{
	refused(*state, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 67108865\r\n\r\nabc", "HTTP/1.1 413 ");
}

static void a_long_target_is_refused(void **state)
{
	static char head[HEAD_MAX_BYTES + 100];

	memset(head, 'a', sizeof head - 1);
	memcpy(head, "GET /", 5);
	refused(*state, head, "HTTP/1.1 414 ");
}

static void a_long_head_is_refused(void **state)
{
	static char head[HEAD_MAX_BYTES + 100];

	memset(head, 'a', sizeof head - 1);
	memcpy(head, "GET / HTTP/1.1\r\nA: ", 19);
	refused(*state, head, "HTTP/1.1 431 ");
}

static void an_unknown_expectation_is_refused(void **state)
{
	refused(*state, "PUT / HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n", "HTTP/1.1 417 ");
}

#define CHUNKED "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

static void a_chunked_body_is_passed_on_clean(void **state)
{
	struct pair *p = *state;

	say(p->client, CHUNKED "5;name=\"value\"\r\nhello\r\n00A\r\n, chunked!\r\n0;last\r\nTrailer: x\r\n\r\n" GET);
	turn(p);
	assert_string_equal(hear(p, p->library), CHUNKED "5\r\nhello\r\na\r\n, chunked!\r\n0\r\n\r\n" GET);
}

static void a_chunked_body_byte_by_byte_is_the_same_body(void **state)
{
	static const char text[] = "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n" GET;
	struct pair *p = *state;
	char got[400] = "";

	say(p->client, CHUNKED);
	for (size_t i = 0; i < sizeof text - 1; i++) {
		assert_int_equal(send(p->client, text + i, 1, MSG_NOSIGNAL), 1);
		turn(p);
	}
	snprintf(got, sizeof got, "%s", hear(p, p->library));
	assert_string_equal(got, CHUNKED "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n1\r\nd\r\n1\r\ne\r\n0\r\n\r\n" GET);
}

static void a_broken_chunk_ends_the_connection(void **state)
{
	struct pair *p = *state;

	say(p->client, CHUNKED "5\r\nhelloX\r\n0\r\n\r\n" GET);
	turn(p);
	assert_null(strstr(hear(p, p->library), "GET"));
	assert_true(has_ended(p->library));
	close(p->library);
	p->library = -1;
	turn(p);
	hear(p, p->client);
	assert_memory_equal(p->said, "HTTP/1.1 400 ", 13);
	assert_true(has_ended(p->client));
}

static void a_head_that_takes_too_long_is_told_so(void **state)
{
	struct pair *p = *state;

	say(p->client, "GET / HTTP/1.1\r\n");
	turn(p);
	clock_fake_advance_ms(LINK_HEAD_MS);
	assert_true(p->link.deadline_ms <= clock_mono_ms());
	assert_true(link_expire(&p->link));
	assert_int_equal(turn(p), LINK_WAITS);
	hear(p, p->client);
	assert_memory_equal(p->said, "HTTP/1.1 408 ", 13);
	assert_false(link_expire(&p->link));
}

static void a_body_that_takes_too_long_is_told_so(void **state)
{
	struct pair *p = *state;

	say(p->client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
	turn(p);
	hear(p, p->library);
	clock_fake_advance_ms(LINK_BODY_MS);
	assert_true(p->link.deadline_ms <= clock_mono_ms());
	assert_true(link_expire(&p->link));
	turn(p);
	assert_true(has_ended(p->library));
	clock_fake_advance_ms(LINK_LINGER_MS); /* the library takes no notice */
	assert_true(link_expire(&p->link));
	assert_int_equal(turn(p), LINK_WAITS);
	hear(p, p->client);
	assert_memory_equal(p->said, "HTTP/1.1 408 ", 13);
	assert_false(link_expire(&p->link));
}

static void a_connection_that_says_nothing_is_just_closed(void **state)
{
	struct pair *p = *state;

	turn(p);
	assert_false(link_expire(&p->link));
}

static void a_proxy_names_its_client(void **state)
{
	struct pair *p = *state;

	say(p->client, "PROXY TCP4 192.0.2.1 192.0");
	assert_int_equal(turn(p), LINK_WAITS);
	say(p->client, ".2.9 50000 443\r\n" GET);
	assert_int_equal(turn(p), LINK_WAITS);
	assert_string_equal(hear(p, p->library), GET);
	assert_string_equal(net_ip_text(&p->link.from).text, "192.0.2.1");
}

static void a_proxy_may_speak_for_itself(void **state)
{
	struct pair *p = *state;

	say(p->client, "P");
	assert_int_equal(turn(p), LINK_WAITS);
	say(p->client, "OST / HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(turn(p), LINK_WAITS);
	assert_string_equal(hear(p, p->library), "POST / HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_string_equal(net_ip_text(&p->link.from).text, "192.0.2.80");
}

static void a_bad_proxy_header_is_refused(void **state)
{
	refused(*state, "PROXY TCP4 192.0.2.1\r\n" GET, "HTTP/1.1 400 ");
}

static void a_proxy_header_of_anybody_else_is_refused(void **state)
{
	refused(*state, "PROXY TCP4 192.0.2.1 192.0.2.9 50000 443\r\n" GET, "HTTP/1.1 400 ");
}

static void a_binary_proxy_header_of_anybody_else_is_refused(void **state)
{
	refused_text(*state, SPAN("\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x01\xc0\x00\x02\x09\xc3\x50\x01\xbb" GET), "HTTP/1.1 400 ");
}

static void a_client_that_has_too_many_is_closed(void **state)
{
	struct pair *p = *state;

	p->crowded = true;
	say(p->client, "PROXY TCP4 192.0.2.1 192.0.2.9 50000 443\r\n" GET);
	assert_int_equal(turn(p), LINK_DONE);
	assert_int_equal(p->library, -1);
}

static void a_refusal_comes_behind_the_answers_before_it(void **state)
{
	struct pair *p = *state;

	say(p->client, GET GET "BAD\r\n\r\n");
	turn(p);
	assert_string_equal(hear(p, p->library), GET GET);
	assert_string_equal(hear(p, p->client), "");
	say(p->library, ANSWER ANSWER);
	close(p->library);
	p->library = -1;
	turn(p);
	hear(p, p->client);
	assert_memory_equal(p->said, ANSWER ANSWER "HTTP/1.1 400 ", strlen(ANSWER ANSWER "HTTP/1.1 400 "));
}

static void a_body_ends_where_it_was_said_to(void **state)
{
	struct pair *p = *state;

	say(p->client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /");
	turn(p);
	assert_non_null(strstr(hear(p, p->library), "\r\n\r\nGET /"));
	say(p->client, " X\r\n\r\n"); /* the next head, and no good one */
	turn(p);
	assert_string_equal(hear(p, p->library), "");
	assert_true(has_ended(p->library));
}

static void a_client_that_ends_is_still_answered(void **state)
{
	struct pair *p = *state;

	say(p->client, GET);
	shutdown(p->client, SHUT_WR);
	assert_int_equal(turn(p), LINK_WAITS);
	assert_string_equal(hear(p, p->library), GET);
	assert_true(has_ended(p->library));
	say(p->library, ANSWER);
	close(p->library);
	p->library = -1;
	assert_int_equal(turn(p), LINK_DONE);
	assert_string_equal(hear(p, p->client), ANSWER);
}

static void an_answer_before_the_end_of_the_body_is_not_lost(void **state)
{
	struct pair *p = *state;

	say(p->client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc");
	turn(p);
	say(p->library, "HTTP/1.1 413 Content Too Large\r\n\r\n");
	close(p->library); /* with more to come */
	p->library = -1;
	say(p->client, "more of the body");
	assert_int_equal(turn(p), LINK_WAITS);
	assert_string_equal(hear(p, p->client), "HTTP/1.1 413 Content Too Large\r\n\r\n");
	say(p->client, "and more"); /* dropped while it lingers */
	assert_int_equal(turn(p), LINK_WAITS);
	close(p->client);
	p->client = -1;
	assert_int_equal(turn(p), LINK_DONE);
}

static void a_client_that_does_not_read_holds_little(void **state)
{
	struct pair *p = *state;
	static char block[65536];
	ssize_t sent = 0, got;

	memset(block, 'x', sizeof block);
	say(p->client, GET);
	turn(p);
	while ((got = send(p->library, block, sizeof block, MSG_NOSIGNAL | MSG_DONTWAIT)) > 0 && sent < 8 << 20) {
		sent += got;
		turn(p);
	}
	assert_true(sent < 4 << 20);
	assert_true(p->link.out.len <= LINK_BUFFER_MAX + 16384);
	assert_int_equal(link_wants(&p->link).library & EPOLLIN, 0);
	close(p->library); /* its hang-up is of no interest until there is room */
	p->library = -1;
	assert_int_equal(turn(p), LINK_WAITS);
	assert_int_equal(link_wants(&p->link).library, 0);
}

static void a_slow_body_gains_little_time(void **state)
{
	static char part[LINK_BODY_RATE * 2];
	struct pair *p = *state;
	int64_t deadline;

	memset(part, 'x', sizeof part);
	say(p->client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
	turn(p);
	deadline = p->link.deadline_ms;
	assert_true(deadline <= clock_mono_ms() + LINK_BODY_MS);
	clock_fake_advance_ms(1000);
	say(p->client, "x");
	turn(p);
	assert_int_equal(p->link.deadline_ms, deadline);
	assert_int_equal(send(p->client, part, sizeof part, MSG_NOSIGNAL), sizeof part);
	turn(p);
	assert_int_equal(p->link.deadline_ms, deadline + 2000);
}

static void a_client_that_sips_its_answer_runs_out_of_time(void **state)
{
	static char block[LINK_BUFFER_MAX];
	struct pair *p = *state;
	int64_t began;
	char c;

	say(p->client, GET);
	turn(p);
	while (send(p->library, block, sizeof block, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
		turn(p);
	began = clock_mono_ms();
	for (int i = 0; i < 100; i++) {
		clock_fake_advance_ms(1000);
		assert_int_equal(recv(p->client, &c, 1, 0), 1);
		turn(p);
	}
	assert_true(p->link.deadline_ms < began + LINK_ANSWER_MS + 1000 * (int64_t)(p->link.answer_bytes / LINK_ANSWER_RATE + 1));
}

static void what_rests_holds_no_memory(void **state)
{
	struct pair *p = *state;

	say(p->client, GET);
	turn(p);
	hear(p, p->library);
	say(p->library, ANSWER);
	turn(p);
	link_rest(&p->link);
	assert_int_equal(p->link.in.cap + p->link.checked.cap + p->link.out.cap, 0);
}

static void an_idle_link_that_is_ended_is_done(void **state)
{
	struct pair *p = *state;

	assert_int_equal(turn(p), LINK_WAITS);
	link_end(&p->link);
	assert_int_equal(turn(p), LINK_DONE);
}

static void an_idle_link_that_is_ended_tells_the_library(void **state)
{
	struct pair *p = *state;

	say(p->client, GET);
	assert_int_equal(turn(p), LINK_WAITS);
	hear(p, p->library);
	link_end(&p->link);
	assert_int_equal(turn(p), LINK_WAITS);
	assert_true(has_ended(p->library));
	close(p->library);
	p->library = -1;
	assert_int_equal(turn(p), LINK_DONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_request_and_its_answer_pass, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(nothing_passes_before_the_head_is_whole, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(a_bare_line_feed_is_refused, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(a_transfer_encoding_beside_chunked_is_refused, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(a_body_over_the_limit_is_refused, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(a_long_target_is_refused, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(a_long_head_is_refused, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(an_unknown_expectation_is_refused, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(a_chunked_body_is_passed_on_clean, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(a_chunked_body_byte_by_byte_is_the_same_body, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(a_broken_chunk_ends_the_connection, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(a_head_that_takes_too_long_is_told_so, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(a_body_that_takes_too_long_is_told_so, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(a_connection_that_says_nothing_is_just_closed, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(a_proxy_names_its_client, make_proxied, close_pair),
		cmocka_unit_test_setup_teardown(a_proxy_may_speak_for_itself, make_proxied, close_pair),
		cmocka_unit_test_setup_teardown(a_bad_proxy_header_is_refused, make_proxied, close_pair),
		cmocka_unit_test_setup_teardown(a_proxy_header_of_anybody_else_is_refused, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(a_binary_proxy_header_of_anybody_else_is_refused, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(a_client_that_has_too_many_is_closed, make_proxied, close_pair),
		cmocka_unit_test_setup_teardown(a_refusal_comes_behind_the_answers_before_it, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(a_body_ends_where_it_was_said_to, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(a_client_that_ends_is_still_answered, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(an_answer_before_the_end_of_the_body_is_not_lost, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(a_client_that_does_not_read_holds_little, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(a_slow_body_gains_little_time, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(a_client_that_sips_its_answer_runs_out_of_time, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(what_rests_holds_no_memory, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(an_idle_link_that_is_ended_is_done, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(an_idle_link_that_is_ended_tells_the_library, make_pair, close_pair),
	};

	clock_set_source(&clock_fake);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
