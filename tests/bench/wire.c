/* bench/wire.c: connections of the load generator. */
#include "tests/bench/wire.h"

/* OpenSSL has a type of the name of our ERR_STATE. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/ssl.h>
#undef ERR_STATE

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define IN_SIZE (256u * 1024u) /* a whole line must fit: ENVELOPEs do */

struct wire {
	int fd;
	SSL *ssl;
	char *in;
	size_t start, end;
	uint64_t received;
};

static SSL_CTX *context;
static pthread_once_t context_once = PTHREAD_ONCE_INIT;

static void make_context(void)
{
	context = SSL_CTX_new(TLS_client_method());
	if (!context)
		return;
	SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
}

static bool start_tls(struct wire *w)
{
	pthread_once(&context_once, make_context);
	w->ssl = context ? SSL_new(context) : NULL;
	return w->ssl && SSL_set_fd(w->ssl, w->fd) == 1 && SSL_connect(w->ssl) == 1;
}

struct wire *wire_adopt(int fd)
{
	struct timeval limit = { .tv_sec = WIRE_SECONDS };
	struct wire *w = calloc(1, sizeof(*w));
	int on = 1;

	if (!w) {
		close(fd);
		return NULL;
	}
	w->fd = fd;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) != 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0)
		wire_close(&w);
	return w;
}

struct wire *wire_open(unsigned port, bool tls)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct wire *w = fd >= 0 ? wire_adopt(fd) : NULL;

	if (w && (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0 || (tls && !start_tls(w))))
		wire_close(&w);
	return w;
}

void wire_close(struct wire **w)
{
	struct wire *gone = *w;

	*w = NULL;
	if (!gone)
		return;
	SSL_free(gone->ssl);
	close(gone->fd);
	free(gone->in);
	free(gone);
}

bool wire_send(struct wire *w, struct span bytes)
{
	while (bytes.len > 0) {
		ssize_t sent = w->ssl ? SSL_write(w->ssl, bytes.ptr, (int)(bytes.len > 1u << 30 ? 1u << 30 : bytes.len)) : send(w->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		bytes = span_skip(bytes, (size_t)sent);
	}
	return true;
}

bool wire_sendf(struct wire *w, const char *format, ...)
{
	char text[1024];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return len >= 0 && (size_t)len < sizeof(text) && wire_send(w, span_make(text, (size_t)len));
}

static bool fill(struct wire *w)
{
	ssize_t got;

	if (!w->in && !(w->in = malloc(IN_SIZE)))
		return false;
	if (w->start > 0) {
		memmove(w->in, w->in + w->start, w->end - w->start);
		w->end -= w->start;
		w->start = 0;
	}
	if (w->end == IN_SIZE)
		return false;
	got = w->ssl ? SSL_read(w->ssl, w->in + w->end, (int)(IN_SIZE - w->end)) : recv(w->fd, w->in + w->end, IN_SIZE - w->end, 0);
	if (got <= 0)
		return false;
	w->end += (size_t)got;
	w->received += (uint64_t)got;
	return true;
}

bool wire_line(struct wire *w, struct span *out)
{
	size_t searched = 0, at;

	for (;;) {
		struct span have = span_make(w->in + w->start, w->end - w->start);

		if (w->in && span_find_char(span_skip(have, searched), '\n', &at)) {
			at += searched;
			w->start += at + 1;
			*out = span_take(have, at > 0 && have.ptr[at - 1] == '\r' ? at - 1 : at);
			return true;
		}
		searched = have.len;
		if (!fill(w))
			return false;
	}
}

bool wire_skip(struct wire *w, size_t bytes)
{
	for (;;) {
		size_t have = w->end - w->start, now = have < bytes ? have : bytes;

		w->start += now;
		bytes -= now;
		if (bytes == 0)
			return true;
		if (!fill(w))
			return false;
	}
}

uint64_t wire_received(const struct wire *w)
{
	return w->received;
}

void wire_rest(struct wire *w)
{
	free(w->in);
	w->in = NULL;
	w->start = w->end = 0;
}
