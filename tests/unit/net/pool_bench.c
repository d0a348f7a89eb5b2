/* The line service of the pool's tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/net/pool_bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/bug.h"
#include "daemon/base/clock.h"
#include "daemon/base/encode.h"
#include "daemon/base/log.h"
#include "daemon/crypto/x509.h"

#define FILE_SIZE 300000u

enum question { ASK_TEST,
		ASK_NOW,
		ASK_LATE };

struct talk {
	struct bench *bench;
	const struct session_peer *peer;
	enum question question;
	uint64_t body_left, body_size, big_left;
	char text[256];
};

static void count(struct bench *b, _Atomic unsigned *counter)
{
	pthread_mutex_lock(&b->lock);
	atomic_fetch_add(counter, 1);
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->lock);
}

static enum err talk_open(void *context, const struct session_peer *peer, struct ticket self, void **session_out)
{
	struct bench *b = context;
	struct talk *t = calloc(1, sizeof(*t));

	if (b->refuse_open || !t) {
		free(t);
		return ERR_LIMIT;
	}
	t->bench = b;
	t->peer = peer;
	count(b, &b->opened);
	pthread_mutex_lock(&b->lock);
	b->self = self;
	b->last_peer = peer->remote;
	b->last_local = peer->local;
	b->last_trusted = peer->trusted;
	b->last_proxied = peer->proxied;
	pthread_mutex_unlock(&b->lock);
	*session_out = t;
	return ERR_OK;
}

static enum step talk_ask(struct talk *t, enum question question, struct span text)
{
	t->question = question;
	snprintf(t->text, sizeof(t->text), "%.*s", (int)text.len, text.ptr);
	return STEP_WAIT;
}

static uint64_t number(struct span text)
{
	uint64_t n = 0;

	assert_int_equal(span_to_u64(text, 1000000000, &n), ERR_OK);
	return n;
}

static enum step talk_more(void *session, struct out *out)
{
	struct talk *t = session;
	char block[4096];

	memset(block, 'z', sizeof(block));
	while (t->big_left > 0 && !out_is_full(out)) {
		struct span part = span_take(span_make(block, sizeof(block)), t->big_left);

		out_add(out, part);
		t->big_left -= part.len;
		atomic_fetch_add(&t->bench->produced, part.len);
	}
	return t->big_left > 0 ? STEP_MORE : STEP_REPLY;
}

static void talk_binding(const struct talk *t, struct out *out)
{
	struct session_binding binding = { .exporter_len = 0 };
	struct buf text;

	if (t->peer->binding)
		t->peer->binding(t->peer, &binding);
	buf_init(&text, 400);
	hex_encode(span_make((const char *)binding.exporter, binding.exporter_len), &text);
	buf_add_char(&text, ' ');
	hex_encode(span_make((const char *)binding.end_point, binding.end_point_len), &text);
	out_addf(out, "%s\r\n", buf_cstr(&text));
	buf_clear(&text);
}

static enum step talk_line(struct talk *t, struct span line, struct out *out)
{
	struct span verb, rest = line;

	if (!span_split(&rest, ' ', &verb))
		return STEP_REPLY;
	if (span_equals(verb, SPAN("echo")))
		out_addf(out, "%.*s\r\n", (int)rest.len, rest.ptr);
	else if (span_equals(verb, SPAN("binding")))
		talk_binding(t, out);
	else if (span_equals(verb, SPAN("park")))
		return talk_ask(t, ASK_TEST, rest);
	else if (span_equals(verb, SPAN("now")))
		return talk_ask(t, ASK_NOW, rest);
	else if (span_equals(verb, SPAN("late")))
		return talk_ask(t, ASK_LATE, rest);
	else if (span_equals(verb, SPAN("file")))
		out_add_file(out, t->bench->file, 0, number(rest));
	else if (span_equals(verb, SPAN("starttls"))) {
		out_add(out, SPAN("go\r\n"));
		return STEP_STARTTLS;
	} else if (span_equals(verb, SPAN("compress"))) {
		out_add(out, SPAN("go\r\n"));
		return STEP_COMPRESS;
	} else if (span_equals(verb, SPAN("big"))) {
		t->big_left = number(rest);
		return STEP_MORE;
	} else if (span_equals(verb, SPAN("body"))) {
		t->body_left = t->body_size = number(rest);
		return STEP_BODY;
	} else {
		out_add(out, SPAN("bye\r\n"));
		return STEP_CLOSE;
	}
	return STEP_REPLY;
}

static enum step talk_feed(void *session, struct span in, size_t *used_out, struct out *out)
{
	struct talk *t = session;
	size_t at;

	if (t->body_left > 0) {
		*used_out = in.len < t->body_left ? in.len : (size_t)t->body_left;
		t->body_left -= *used_out;
		if (t->body_left > 0)
			return STEP_BODY;
		out_addf(out, "got %llu\r\n", (unsigned long long)t->body_size);
		return STEP_REPLY;
	}
	if (!span_find(in, SPAN("\r\n"), &at)) {
		if (in.len < 100000)
			return STEP_REPLY;
		out_add(out, SPAN("too long\r\n"));
		return STEP_CLOSE;
	}
	*used_out = at + 2;
	return talk_line(t, span_take(in, at), out);
}

static void talk_ask_now(void *session, struct ticket ticket)
{
	struct talk *t = session;
	struct bench *b = t->bench;

	if (t->question == ASK_NOW) {
		pool_answer(ticket, strdup("now"));
	} else if (t->question == ASK_LATE) {
		pool_answer_later(ticket, strdup("late"), 300);
	} else {
		pthread_mutex_lock(&b->lock);
		if (b->asked_count < 64)
			b->asked[b->asked_count++] = ticket;
		pthread_cond_broadcast(&b->changed);
		pthread_mutex_unlock(&b->lock);
	}
}

static enum step talk_answer(void *session, void *answer, struct out *out)
{
	struct talk *t = session;

	out_addf(out, "%s %s\r\n", (char *)answer, t->text);
	free(answer);
	return STEP_REPLY;
}

static void talk_drop_answer(void *context, void *answer)
{
	struct bench *b = context;

	count(b, &b->dropped);
	free(answer);
}

static enum step talk_event(void *session, enum session_event event, struct out *out)
{
	struct talk *t = session;

	switch (event) {
	case SESSION_START: out_add(out, SPAN("hello\r\n")); break;
	case SESSION_EARLY: out_add(out, SPAN("early\r\n")); break;
	case SESSION_TLS: out_add(out, SPAN("secure\r\n")); break;
	case SESSION_TIMEOUT:
		count(t->bench, &t->bench->timeouts);
		out_add(out, SPAN("timeout\r\n"));
		break;
	case SESSION_WAKE:
		count(t->bench, &t->bench->wakes);
		out_add(out, SPAN("news\r\n"));
		break;
	case SESSION_NUDGE: out_add(out, SPAN("nudge\r\n")); break;
	case SESSION_STOP: out_add(out, SPAN("stop\r\n")); break;
	case SESSION_EOF:
		count(t->bench, &t->bench->eofs);
		out_add(out, SPAN("eof\r\n"));
		break;
	}
	return STEP_REPLY;
}

static int64_t talk_deadline(const void *session)
{
	const struct talk *t = session;

	return t->bench->deadline_ms;
}

static int64_t talk_nudge_ms(const void *session)
{
	const struct talk *t = session;

	return t->bench->nudge_ms;
}

static void talk_close(void *session)
{
	struct talk *t = session;

	count(t->bench, &t->bench->closed);
	free(t);
}

static void start_tls(struct bench *b)
{
	static const char *const names[2][1] = { { "mail.example.org" }, { "*.example.net" } };
	struct buf chain[2], key[2];
	struct tls_identity identities[2];
	char path[] = "/tmp/pool_bench_XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	for (int i = 0; i < 2; i++) {
		buf_init(&chain[i], 65536);
		buf_init(&key[i], 65536);
		assert_int_equal(x509_self_signed(names[i], 1, 10, &chain[i], &key[i], NULL), ERR_OK);
		identities[i] = (struct tls_identity){ buf_span(&chain[i]), buf_span(&key[i]) };
		assert_int_equal(write(fd, chain[i].ptr, chain[i].len), chain[i].len);
	}
	assert_int_equal(tls_store_set(b->tls, identities, 2, NULL), ERR_OK);
	assert_int_equal(tls_client_new(path, &b->tls_client, NULL), ERR_OK);
	for (int i = 0; i < 2; i++) {
		buf_clear(&chain[i]);
		buf_clear(&key[i]);
	}
	close(fd);
	unlink(path);
}

static void make_file(struct bench *b)
{
	char path[] = "/tmp/pool_bench_XXXXXX", *bytes = malloc(FILE_SIZE);
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	memset(bytes, 'z', FILE_SIZE);
	assert_int_equal(write(fd, bytes, FILE_SIZE), FILE_SIZE);
	assert_int_equal(out_file_open(path, &b->file), ERR_OK);
	free(bytes);
	close(fd);
	unlink(path);
}

void bench_start(struct bench *b, const struct bench_options *o)
{
	static const struct net_cidr nets[] = { { { .family = NET_IPV4, .ip = { 127 } }, 8 }, { { .family = NET_IPV4, .ip = { 198, 51, 100 } }, 24 } };
	struct pool_config config = {
		.name = "test",
		.threads = o->threads ? o->threads : 4,
		.max_connections = o->max_connections ? o->max_connections : 100,
		.max_per_ip = o->max_per_ip ? o->max_per_ip : 100,
		.greet_delay_ms = o->greet_delay_ms,
		.proxies = nets,
		.proxy_count = o->proxied ? 1 : 0,
		.trusted = nets,
		.trusted_count = o->trusted ? 2 : 0,
	};
	struct net_addr at = { .family = NET_IPV4, .ip = { 127, 0, 0, 1 } };
	struct listener *l;
	struct note why = { "" };

	memset(b, 0, sizeof(*b));
	log_set_level(LOG_ERROR);
	bug_set_hook(abort);
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->changed, NULL);
	b->deadline_ms = o->deadline_ms ? o->deadline_ms : 60000;
	b->nudge_ms = o->nudge_ms;
	b->refuse_open = o->refuse_open;
	b->service = (struct service){ "talk", b, talk_open, SPAN("busy\r\n"), talk_feed, talk_more, talk_ask_now, talk_answer, talk_drop_answer, talk_event, talk_deadline, talk_nudge_ms, talk_close };
	make_file(b);
	if (o->with_tls || o->implicit_tls) {
		assert_int_equal(tls_store_new(&b->tls), ERR_OK);
		start_tls(b);
		config.tls = b->tls;
	}
	assert_int_equal(pool_new(&config, &b->pool, &why), ERR_OK);
	assert_int_equal(o->unix_path ? listener_bind_unix(o->unix_path, 0600, &l, &why) : listener_bind(&at, &l, &why), ERR_OK);
	b->at = listener_addr(l);
	assert_int_equal(pool_attach(b->pool, &l, &b->service, o->implicit_tls), ERR_OK);
	assert_null(l);
	assert_int_equal(pool_start(b->pool, &why), ERR_OK);
}

void bench_stop(struct bench *b)
{
	pool_stop(b->pool, 2000);
	assert_int_equal(pool_stats(b->pool).connections, 0);
	assert_int_equal(pool_stats(b->pool).parked, 0);
	pool_free(&b->pool);
	assert_int_equal(b->opened, b->closed);
	out_file_release(&b->file);
	tls_client_free(&b->tls_client);
	tls_store_free(&b->tls);
	pthread_mutex_destroy(&b->lock);
	pthread_cond_destroy(&b->changed);
}

/* Waits for the next change; false 5 s after `begin`. Called with the lock held. */
static bool await_change(struct bench *b, const struct timespec *begin)
{
	struct timespec until = *begin;

	until.tv_sec += 5;
	return pthread_cond_timedwait(&b->changed, &b->lock, &until) == 0;
}

struct ticket bench_question(struct bench *b)
{
	struct ticket t;
	struct timespec begin;

	clock_gettime(CLOCK_REALTIME, &begin);
	pthread_mutex_lock(&b->lock);
	while (b->asked_count == 0)
		assert_true(await_change(b, &begin));
	t = b->asked[0];
	b->asked_count--;
	memmove(b->asked, b->asked + 1, b->asked_count * sizeof(*b->asked));
	pthread_mutex_unlock(&b->lock);
	return t;
}

struct ticket bench_self(struct bench *b)
{
	struct ticket t;

	pthread_mutex_lock(&b->lock);
	t = b->self;
	pthread_mutex_unlock(&b->lock);
	return t;
}

void bench_await(struct bench *b, const _Atomic unsigned *counter, unsigned at_least)
{
	struct timespec begin;

	clock_gettime(CLOCK_REALTIME, &begin);
	pthread_mutex_lock(&b->lock);
	while (atomic_load(counter) < at_least)
		assert_true(await_change(b, &begin));
	pthread_mutex_unlock(&b->lock);
}

void bench_await_connections(struct bench *b, unsigned count)
{
	int64_t until = clock_mono_ms() + 5000;

	while (pool_stats(b->pool).connections != count) {
		assert_true(clock_mono_ms() < until);
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
}

int bench_connect(const struct bench *b)
{
	struct sockaddr_storage sa;
	struct timeval limit = { 5, 0 };
	unsigned len = net_addr_to_sockaddr(&b->at, &sa);
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, len), 0);
	return fd;
}

void say_bytes(int fd, const void *bytes, size_t len)
{
	assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
}

void say(int fd, const char *text)
{
	say_bytes(fd, text, strlen(text));
}

void expect(int fd, const char *text)
{
	char got[512] = "";
	size_t len = strlen(text), have = 0;

	while (have < len) {
		ssize_t n = recv(fd, got + have, len - have, 0);

		if (n <= 0)
			break;
		have += (size_t)n;
	}
	assert_string_equal(got, text);
}

void expect_zeros(int fd, size_t count)
{
	char block[65536];

	while (count > 0) {
		ssize_t n = recv(fd, block, count < sizeof(block) ? count : sizeof(block), 0);

		assert_true(n > 0);
		assert_int_equal(block[0], 'z');
		assert_int_equal(block[n - 1], 'z');
		count -= (size_t)n;
	}
}

void expect_end(int fd)
{
	char c;

	assert_int_equal(recv(fd, &c, 1, 0), 0);
}

struct tls *bench_tls(const struct bench *b, int fd, const char *name, enum tls_verify verify)
{
	struct tls *t;

	assert_int_equal(tls_connect_new(b->tls_client, fd, &(struct tls_expect){ .verify = verify, .sni = name }, &t), ERR_OK);
	assert_int_equal(tls_handshake(t), TLS_DONE);
	return t;
}

void tls_say(struct tls *t, const char *text)
{
	size_t sent;

	assert_int_equal(tls_write(t, span_str(text), &sent), TLS_DONE);
	assert_int_equal(sent, strlen(text));
}

void tls_expect(struct tls *t, const char *text)
{
	char got[512] = "";
	size_t len = strlen(text), have = 0, n;

	while (have < len && tls_read(t, got + have, len - have, &n) == TLS_DONE)
		have += n;
	assert_string_equal(got, text);
}
