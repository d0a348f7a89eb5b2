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
	struct link link;
	int client, library; /* the far ends */
	char said[200000];
};

static void set_nonblocking(int fd)
{
	assert_int_equal(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK), 0);
}

static int make_pair(void **state)
{
	static struct pair p;
	int client[2], library[2];

	memset(&p, 0, sizeof p);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, client), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, library), 0);
	set_nonblocking(client[0]);
	p.client = client[0];
	p.library = library[0];
	assert_int_equal(link_init(&p.link, client[1], library[1], NULL), ERR_OK);
	*state = &p;
	return 0;
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

	while (len + 1 < sizeof p->said && (got = recv(fd, p->said + len, sizeof p->said - 1 - len, 0)) > 0)
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

static void refused(struct pair *p, const char *request, const char *status)
{
	say(p->client, request);
	turn(p);
	assert_string_equal(hear(p, p->library), "");
	assert_true(has_ended(p->library));
	close(p->library);
	p->library = -1;
	assert_int_equal(turn(p), LINK_WAITS); /* for the client to close */
	hear(p, p->client);
	assert_memory_equal(p->said, status, strlen(status));
	assert_non_null(strstr(p->said, "Connection: close\r\n"));
	assert_true(has_ended(p->client));
	close(p->client);
	p->client = -1;
	assert_int_equal(turn(p), LINK_DONE);
}

static void a_bare_line_feed_is_refused(void **state)
{
	refused(*state, "GET / HTTP/1.1\nHost: a\n\n", "HTTP/1.1 400 ");
}

static void a_transfer_encoding_is_refused(void **state)
{
	refused(*state, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 501 ");
}

static void a_body_over_the_limit_is_refused(void **state)
{
	refused(*state, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\nabc", "HTTP/1.1 413 ");
}

static void a_long_head_is_refused(void **state)
{
	static char head[HEAD_MAX_BYTES + 100];

	memset(head, 'a', sizeof head - 1);
	memcpy(head, "GET /", 5);
	refused(*state, head, "HTTP/1.1 431 ");
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

static void a_slow_body_gains_no_time(void **state)
{
	struct pair *p = *state;
	int64_t deadline;

	say(p->client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
	turn(p);
	deadline = p->link.deadline_ms;
	assert_true(deadline <= clock_mono_ms() + LINK_BODY_MS);
	clock_fake_advance_ms(1000);
	say(p->client, "x");
	turn(p);
	assert_int_equal(p->link.deadline_ms, deadline);
}

static void an_idle_link_that_is_ended_tells_the_library(void **state)
{
	struct pair *p = *state;

	assert_int_equal(turn(p), LINK_WAITS);
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
		cmocka_unit_test_setup_teardown(a_transfer_encoding_is_refused, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(a_body_over_the_limit_is_refused, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(a_long_head_is_refused, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(a_refusal_comes_behind_the_answers_before_it, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(a_body_ends_where_it_was_said_to, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(a_client_that_ends_is_still_answered, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(an_answer_before_the_end_of_the_body_is_not_lost, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(a_client_that_does_not_read_holds_little, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(a_slow_body_gains_no_time, make_pair, close_pair),
		cmocka_unit_test_setup_teardown(an_idle_link_that_is_ended_tells_the_library, make_pair, close_pair),
	};

	clock_set_source(&clock_fake);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
