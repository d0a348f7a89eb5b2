/* net/stream.c: blocking client streams: a non-blocking socket and poll(2) with what is left of the call's time. */
#include "daemon/net/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/base/counter.h"
#include "daemon/base/clock.h"

#define OUT_SIZE 16384u
#define IN_SIZE 8192u

struct stream {
	int fd;
	struct tls *tls;
	struct net_addr local;
	size_t in_start, in_end, out_len;
	char in[IN_SIZE];
	char out[OUT_SIZE];
};

static _Thread_local int cancel_fd = -1;

void stream_thread_cancel(int event_fd)
{
	cancel_fd = event_fd;
}

bool stream_thread_is_cancelled(void)
{
	struct pollfd p = { .fd = cancel_fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

static enum err wait_for(const struct stream *s, short events, int64_t until_ms, struct note *why)
{
	/* poll(2) passes over a negative descriptor. */
	struct pollfd p[2] = { { .fd = s->fd, .events = events }, { .fd = cancel_fd, .events = POLLIN } };
	int64_t left = until_ms - clock_mono_ms();
	int ready;

	do
		ready = poll(p, 2, left < 0 ? 0 : left > INT32_MAX ? INT32_MAX
								   : (int)left);
	while (ready < 0 && errno == EINTR && (left = until_ms - clock_mono_ms()) > 0);
	if (ready > 0 && p[1].revents == 0)
		return ERR_OK;
	note_set(why, ready > 0 ? "cancelled" : "timed out");
	return ERR_TEMP;
}

static enum err finish_connect(struct stream *s, int64_t until_ms, struct note *why)
{
	int error = 0;
	socklen_t len = sizeof(error);
	enum err e = wait_for(s, POLLOUT, until_ms, why);

	if (e != ERR_OK)
		return e;
	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error == 0)
		return ERR_OK;
	note_set_errno(why, error, "connect");
	return ERR_TEMP;
}

/* ERR_NOT_FOUND: it is none of ours. The port is chosen with the connection, so that many may go from one address. */
static enum err bind_to(const struct stream *s, const struct net_addr *from, struct note *why)
{
	struct net_addr any_port = *from;
	struct net_addr_text text = net_addr_text(from);
	struct sockaddr_storage sa;
	socklen_t len;
	int on = 1;

	any_port.port = 0;
	len = net_addr_to_sockaddr(&any_port, &sa);
	setsockopt(s->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (len > 0 && bind(s->fd, (struct sockaddr *)&sa, len) == 0)
		return ERR_OK;
	note_set_errno(why, errno, "from %s", text.text);
	return errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT || errno == EINVAL ? ERR_NOT_FOUND : ERR_TEMP;
}

static enum err connect_to(struct stream *s, const struct sockaddr_storage *sa, socklen_t len, int64_t until_ms, struct note *why)
{
	if (connect(s->fd, (const struct sockaddr *)sa, len) == 0)
		return ERR_OK;
	if (errno == EINPROGRESS || errno == EINTR)
		return finish_connect(s, until_ms, why);
	note_set_errno(why, errno, "connect");
	return ERR_TEMP;
}

enum err stream_connect_from(const struct net_addr *from, const struct net_addr *to, int64_t timeout_ms, struct stream **out, struct note *why)
{
	int64_t until_ms = clock_mono_ms() + timeout_ms;
	struct sockaddr_storage sa;
	socklen_t len = net_addr_to_sockaddr(to, &sa);
	struct stream *s = calloc(1, sizeof(*s));
	int on = 1;
	enum err e = ERR_OK;

	if (!s)
		return ERR_TEMP;
	s->fd = len > 0 ? socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) : -1;
	if (s->fd < 0) {
		note_set_errno(why, len == 0 ? EAFNOSUPPORT : errno, "socket");
		e = ERR_TEMP;
	}
	if (!e)
		setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (!e && from->family != NET_NONE)
		e = bind_to(s, from, why);
	if (!e)
		e = connect_to(s, &sa, len, until_ms, why);
	if (e) {
		stream_close(&s);
		return e;
	}
	len = sizeof(sa);
	if (getsockname(s->fd, (struct sockaddr *)&sa, &len) == 0)
		s->local = net_addr_from_sockaddr((struct sockaddr *)&sa);
	*out = s;
	return ERR_OK;
}

enum err stream_connect(const struct net_addr *to, int64_t timeout_ms, struct stream **out, struct note *why)
{
	const struct net_addr any = { .family = NET_NONE };

	return stream_connect_from(&any, to, timeout_ms, out, why);
}

enum err stream_connect_unix(const char *path, struct stream **out, struct note *why)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct span name = span_str(path);
	struct stream *s;
	int error;

	if (name.len >= sizeof(at.sun_path)) {
		note_set(why, "%s: too long for a socket", path);
		return ERR_LIMIT;
	}
	memcpy(at.sun_path, name.ptr, name.len);
	s = calloc(1, sizeof(*s));
	if (!s)
		return ERR_TEMP;
	/* A full backlog answers EAGAIN at once: there is nothing to wait for with poll(2). */
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd >= 0 && connect(s->fd, (struct sockaddr *)&at, sizeof(at)) == 0) {
		s->local.family = NET_UNIX;
		*out = s;
		return ERR_OK;
	}
	error = errno;
	note_set_errno(why, error, "%s", path);
	stream_close(&s);
	if (error == ENOENT || error == ECONNREFUSED)
		return ERR_NOT_FOUND;
	return error == EACCES || error == EPERM ? ERR_DENIED : ERR_TEMP;
}

enum err stream_start_tls(struct stream *s, struct tls_client *client, const struct tls_expect *expect, int64_t timeout_ms, enum tls_trouble *trouble_out, struct note *why)
{
	int64_t until_ms = clock_mono_ms() + timeout_ms;
	enum err e;

	if (trouble_out)
		*trouble_out = TLS_TROUBLE_NONE;
	e = s->tls ? ERR_STATE : tls_connect_new(client, s->fd, expect, &s->tls);
	if (e != ERR_OK) {
		note_set(why, "TLS cannot start");
		return e;
	}
	for (;;) {
		switch (tls_handshake(s->tls)) {
		case TLS_DONE:
			counter_tls(1, tls_version(s->tls));
			if (trouble_out && expect->verify != TLS_VERIFY_NONE && !tls_peer_verified(s->tls))
				*trouble_out = tls_trouble(s->tls);
			return ERR_OK;
		case TLS_WANT_READ: e = wait_for(s, POLLIN, until_ms, why); break;
		case TLS_WANT_WRITE: e = wait_for(s, POLLOUT, until_ms, why); break;
		case TLS_CLOSED:
		case TLS_FAILED:
			tls_explain(s->tls, why);
			if (trouble_out)
				*trouble_out = tls_trouble(s->tls);
			return ERR_TEMP;
		}
		if (e != ERR_OK)
			return e;
	}
}

bool stream_is_verified(const struct stream *s)
{
	return s->tls && tls_peer_verified(s->tls);
}

bool stream_is_tls(const struct stream *s)
{
	return s->tls != NULL;
}

const char *stream_tls_version(const struct stream *s)
{
	return s->tls ? tls_version(s->tls) : NULL;
}

/* One try: ERR_OK with *count_out 0 means that *events_out must be waited for. */
static enum err write_once(struct stream *s, struct span bytes, size_t *count_out, short *events_out, struct note *why)
{
	ssize_t sent;

	*count_out = 0;
	*events_out = POLLOUT;
	if (s->tls) {
		switch (tls_write(s->tls, bytes, count_out)) {
		case TLS_DONE:
		case TLS_WANT_WRITE: return ERR_OK;
		case TLS_WANT_READ: *events_out = POLLIN; return ERR_OK;
		case TLS_CLOSED:
		case TLS_FAILED: tls_explain(s->tls, why); return ERR_TEMP;
		}
	}
	sent = send(s->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
	if (sent >= 0)
		*count_out = (size_t)sent;
	else if (errno != EAGAIN && errno != EINTR) {
		note_set_errno(why, errno, "write");
		return ERR_TEMP;
	}
	return ERR_OK;
}

/* As write_once(); ERR_STATE at the end. */
static enum err read_once(struct stream *s, char *to, size_t size, size_t *count_out, short *events_out, struct note *why)
{
	ssize_t got;

	*count_out = 0;
	*events_out = POLLIN;
	if (s->tls) {
		switch (tls_read(s->tls, to, size, count_out)) {
		case TLS_DONE:
		case TLS_WANT_READ: return ERR_OK;
		case TLS_WANT_WRITE: *events_out = POLLOUT; return ERR_OK;
		case TLS_CLOSED: note_set(why, "connection closed by the peer"); return ERR_STATE;
		case TLS_FAILED: tls_explain(s->tls, why); return ERR_TEMP;
		}
	}
	got = recv(s->fd, to, size, 0);
	if (got > 0) {
		*count_out = (size_t)got;
	} else if (got == 0) {
		note_set(why, "connection closed by the peer");
		return ERR_STATE;
	} else if (errno != EAGAIN && errno != EINTR) {
		note_set_errno(why, errno, "read");
		return ERR_TEMP;
	}
	return ERR_OK;
}

static enum err write_all(struct stream *s, struct span bytes, int64_t until_ms, struct note *why)
{
	while (bytes.len > 0) {
		size_t sent;
		short events;
		enum err e = write_once(s, bytes, &sent, &events, why);

		if (e == ERR_OK && sent == 0)
			e = wait_for(s, events, until_ms, why);
		if (e != ERR_OK)
			return e;
		bytes = span_skip(bytes, sent);
	}
	return ERR_OK;
}

static enum err flush_until(struct stream *s, int64_t until_ms, struct note *why)
{
	struct span bytes = span_make(s->out, s->out_len);

	s->out_len = 0;
	return write_all(s, bytes, until_ms, why);
}

enum err stream_flush(struct stream *s, int64_t timeout_ms, struct note *why)
{
	return flush_until(s, clock_mono_ms() + timeout_ms, why);
}

enum err stream_write(struct stream *s, struct span bytes, int64_t timeout_ms, struct note *why)
{
	int64_t until_ms = clock_mono_ms() + timeout_ms;
	struct span head = span_take(bytes, OUT_SIZE - s->out_len);
	enum err e;

	if (head.len > 0)
		memcpy(s->out + s->out_len, head.ptr, head.len);
	s->out_len += head.len;
	bytes = span_skip(bytes, head.len);
	if (s->out_len < OUT_SIZE)
		return ERR_OK;
	e = flush_until(s, until_ms, why);
	if (e == ERR_OK && bytes.len >= OUT_SIZE) {
		struct span whole = span_take(bytes, bytes.len - bytes.len % OUT_SIZE);

		e = write_all(s, whole, until_ms, why);
		bytes = span_skip(bytes, whole.len);
	}
	if (e == ERR_OK && bytes.len > 0) {
		memcpy(s->out, bytes.ptr, bytes.len);
		s->out_len = bytes.len;
	}
	return e;
}

/* The first line in the buffer; false when it is not whole yet. */
static bool take_line(struct stream *s, struct span *out)
{
	struct span have = span_make(s->in + s->in_start, s->in_end - s->in_start);
	size_t at;

	if (!span_find_char(have, '\n', &at))
		return false;
	s->in_start += at + 1;
	if (at > 0 && have.ptr[at - 1] == '\r')
		at--;
	*out = span_take(have, at);
	return true;
}

enum err stream_read_line(struct stream *s, int64_t timeout_ms, struct span *out, struct note *why)
{
	int64_t until_ms = clock_mono_ms() + timeout_ms;
	enum err e = flush_until(s, until_ms, why);

	while (e == ERR_OK && !take_line(s, out)) {
		size_t have = s->in_end - s->in_start, got;
		short events;

		if (have >= STREAM_LINE_MAX) {
			note_set(why, "a line of more than %d bytes", STREAM_LINE_MAX);
			return ERR_LIMIT;
		}
		memmove(s->in, s->in + s->in_start, have);
		s->in_start = 0;
		s->in_end = have;
		e = read_once(s, s->in + have, IN_SIZE - have, &got, &events, why);
		if (e == ERR_OK && got == 0)
			e = wait_for(s, events, until_ms, why);
		s->in_end += got;
	}
	if (e == ERR_OK && out->len > STREAM_LINE_MAX - 2) {
		note_set(why, "a line of more than %d bytes", STREAM_LINE_MAX);
		return ERR_LIMIT;
	}
	return e;
}

enum err stream_receive(struct stream *s, char *to, size_t size, size_t *count_out, int64_t timeout_ms, struct note *why)
{
	int64_t until_ms = clock_mono_ms() + timeout_ms;
	size_t have = s->in_end - s->in_start;
	enum err e = flush_until(s, until_ms, why);

	*count_out = have < size ? have : size;
	if (e != ERR_OK || *count_out > 0) {
		memcpy(to, s->in + s->in_start, *count_out);
		s->in_start += *count_out;
		return e;
	}
	while (e == ERR_OK) {
		short events;

		e = read_once(s, to, size, count_out, &events, why);
		if (e == ERR_OK && *count_out > 0)
			break;
		if (e == ERR_OK)
			e = wait_for(s, events, until_ms, why);
	}
	return e;
}

bool stream_has_buffered(const struct stream *s)
{
	return s->in_end > s->in_start;
}

/* Inside TLS something may come that is nothing for us, as a session ticket. */
bool stream_is_quiet(struct stream *s)
{
	struct note why;
	size_t count;
	short events;
	enum err e;

	if (stream_has_buffered(s))
		return false;
	e = read_once(s, s->in, IN_SIZE, &count, &events, &why);
	s->in_start = 0;
	s->in_end = count;
	return e == ERR_OK && count == 0;
}

struct net_addr stream_local(const struct stream *s)
{
	return s->local;
}

void stream_close(struct stream **s)
{
	struct stream *gone = *s;

	*s = NULL;
	if (!gone)
		return;
	if (gone->tls)
		tls_shutdown(gone->tls);
	tls_free(&gone->tls);
	if (gone->fd >= 0)
		close(gone->fd);
	free(gone);
}
