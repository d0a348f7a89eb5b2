/* unit/relay/fake_server.c: see fake_server.h. Blocking sockets with a receive time-out, so that a broken test ends. */
#include "tests/unit/relay/fake_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/net/tls.h"

#define PATIENCE_S 5

struct fake_server {
	int fd;
	struct net_addr addr;
	const char *const *const *scripts;
	struct tls_store *store;
	pthread_t thread;
	sem_t connected;
	struct buf data, wrong;
	/* the connection */
	int peer;
	struct tls *tls;
	struct buf in;
};

static bool receive(struct fake_server *s)
{
	char block[4096];
	size_t count = 0;

	if (s->tls) {
		if (tls_read(s->tls, block, sizeof(block), &count) != TLS_DONE)
			return false;
	} else {
		ssize_t got = recv(s->peer, block, sizeof(block), 0);

		count = got > 0 ? (size_t)got : 0;
	}
	buf_add(&s->in, span_make(block, count));
	return count > 0;
}

static void transmit(struct fake_server *s, struct span text)
{
	while (text.len > 0) {
		size_t count = 0;

		if (s->tls) {
			if (tls_write(s->tls, text, &count) != TLS_DONE)
				return;
		} else {
			ssize_t sent = send(s->peer, text.ptr, text.len, MSG_NOSIGNAL);

			if (sent <= 0)
				return;
			count = (size_t)sent;
		}
		text = span_skip(text, count);
	}
}

static void note_wrong(struct fake_server *s, const char *expected, struct span got)
{
	if (s->wrong.len == 0)
		buf_addf(&s->wrong, "expected '%s', got '%.*s'", expected, (int)got.len, got.ptr);
}

static void expect_line(struct fake_server *s, const char *prefix)
{
	size_t at;

	while (!span_find(buf_span(&s->in), SPAN("\r\n"), &at)) {
		if (!receive(s)) {
			note_wrong(s, prefix, SPAN("end of input"));
			return;
		}
	}
	if (!span_starts(span_take(buf_span(&s->in), at), span_str(prefix)))
		note_wrong(s, prefix, span_take(buf_span(&s->in), at));
	buf_drop(&s->in, at + 2);
}

static void read_data(struct fake_server *s)
{
	size_t at = 0;

	while (!span_starts(buf_span(&s->in), SPAN(".\r\n")) && !span_find(buf_span(&s->in), SPAN("\r\n.\r\n"), &at)) {
		if (!receive(s)) {
			note_wrong(s, "data", SPAN("end of input"));
			return;
		}
	}
	at = span_starts(buf_span(&s->in), SPAN(".\r\n")) ? 0 : at + 2;
	buf_add(&s->data, span_take(buf_span(&s->in), at));
	buf_drop(&s->in, at + 3);
}

/* "BDAT" SP size [ SP "LAST" ], and so many bytes. */
static void read_chunk(struct fake_server *s)
{
	struct span line, word;
	uint64_t size = 0;
	size_t at;

	while (!span_find(buf_span(&s->in), SPAN("\r\n"), &at)) {
		if (!receive(s)) {
			note_wrong(s, "BDAT", SPAN("end of input"));
			return;
		}
	}
	line = span_take(buf_span(&s->in), at);
	if (!span_split(&line, ' ', &word) || !span_equals(word, SPAN("BDAT")) || !span_split(&line, ' ', &word) || span_to_u64(word, 1u << 20, &size) != ERR_OK) {
		note_wrong(s, "BDAT", span_take(buf_span(&s->in), at));
		return;
	}
	buf_drop(&s->in, at + 2);
	while (s->in.len < size && receive(s))
		;
	buf_add(&s->data, span_take(buf_span(&s->in), size));
	buf_drop(&s->in, s->in.len < size ? s->in.len : size);
}

static void start_tls(struct fake_server *s, bool must)
{
	buf_reset(&s->in);
	if ((tls_server_new(s->store, s->peer, &s->tls) != ERR_OK || tls_handshake(s->tls) != TLS_DONE) && must)
		note_wrong(s, "tls", SPAN("no handshake"));
}

static void follow(struct fake_server *s, const char *const *script)
{
	for (; *script; script++) {
		struct span line = span_str(*script);

		if (span_starts(line, SPAN("> "))) {
			transmit(s, span_skip(line, 2));
			transmit(s, SPAN("\r\n"));
		} else if (span_starts(line, SPAN(">! "))) {
			transmit(s, span_skip(line, 3));
		} else if (span_starts(line, SPAN("< "))) {
			expect_line(s, *script + 2);
		} else if (span_equals(line, SPAN("data"))) {
			read_data(s);
		} else if (span_equals(line, SPAN("chunk"))) {
			read_chunk(s);
		} else if (span_ends(line, SPAN("tls"))) {
			start_tls(s, line.len == 3);
		} else if (span_equals(line, SPAN("late"))) {
			clock_fake_advance_ms(290000);
		} else if (span_equals(line, SPAN("some"))) {
			(void)receive(s);
		} else {
			while (receive(s))
				;
		}
	}
}

static void *serve(void *arg)
{
	struct fake_server *s = arg;
	int on = 1;
	struct timeval patience = { .tv_sec = PATIENCE_S };
	struct pollfd p = { .fd = s->fd, .events = POLLIN };

	for (size_t i = 0; s->scripts[i]; i++) {
		if (poll(&p, 1, PATIENCE_S * 1000) <= 0 || (s->peer = accept(s->fd, NULL, NULL)) < 0) {
			note_wrong(s, "a connection", SPAN("none"));
			break;
		}
		sem_post(&s->connected);
		setsockopt(s->peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		setsockopt(s->peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		buf_reset(&s->in);
		follow(s, s->scripts[i]);
		tls_free(&s->tls);
		close(s->peer);
	}
	close(s->fd);
	return NULL;
}

struct fake_server *fake_server_start(const char *ip, uint16_t port, const char *const *const *scripts, struct tls_store *tls)
{
	struct fake_server *s = calloc(1, sizeof(*s));
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(port) };
	socklen_t len = sizeof(sa);
	int on = 1;

	if (!s || inet_pton(AF_INET, ip, &sa.sin_addr) != 1)
		abort();
	buf_init(&s->data, 16u * 1024u * 1024u);
	buf_init(&s->wrong, 8192);
	buf_init(&s->in, 16u * 1024u * 1024u);
	sem_init(&s->connected, 0, 0);
	s->scripts = scripts;
	s->store = tls;
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(s->fd, (struct sockaddr *)&sa, len) != 0 || listen(s->fd, 8) != 0 || getsockname(s->fd, (struct sockaddr *)&sa, &len) != 0)
		abort();
	s->addr = net_addr_from_sockaddr((struct sockaddr *)&sa);
	if (pthread_create(&s->thread, NULL, serve, s) != 0)
		abort();
	return s;
}

struct net_addr fake_server_addr(const struct fake_server *s)
{
	return s->addr;
}

void fake_server_wait_connected(struct fake_server *s)
{
	sem_wait(&s->connected);
}

void fake_server_end(struct fake_server **s, struct buf *data_out, struct buf *wrong_out)
{
	pthread_join((*s)->thread, NULL);
	*data_out = (*s)->data;
	*wrong_out = (*s)->wrong;
	buf_clear(&(*s)->in);
	sem_destroy(&(*s)->connected);
	free(*s);
	*s = NULL;
}
