/* net/conn_io.c: bytes between a connection and its socket.
 *
 * Sockets are in epoll edge-triggered: an event comes for what is new only. So `readable` stays set until a read has shown
 * that the socket is empty: EAGAIN, or less than was asked for (epoll(7)). After EPOLLRDHUP only the end itself counts,
 * for that event does not come twice.
 */
#include "daemon/net/conn_io.h"

#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define VECTOR_MAX 16u
#define FILE_CHUNK (1024u * 1024u)
#define FLUSH_BUDGET (1024u * 1024u)

static enum io read_tls(struct conn *c, char *to, size_t size, size_t *count_out)
{
	switch (tls_read(c->tls, to, size, count_out)) {
	case TLS_DONE:
		if (!c->peer_shut && tls_is_drained(c->tls) && !tls_has_pending(c->tls))
			c->readable = false;
		return IO_DONE;
	case TLS_WANT_READ:
		c->readable = false;
		return IO_BLOCKED;
	case TLS_WANT_WRITE:
		c->readable = false;
		c->blocked = true;
		return IO_BLOCKED;
	case TLS_CLOSED: return IO_EOF;
	case TLS_FAILED: return IO_FAILED;
	}
	return IO_FAILED;
}

enum io conn_read(struct conn *c, char *to, size_t size, size_t *count_out)
{
	ssize_t got;

	*count_out = 0;
	if (c->tls)
		return read_tls(c, to, size, count_out);
	do
		got = recv(c->fd, to, size, 0);
	while (got < 0 && errno == EINTR);
	if (got > 0) {
		if ((size_t)got < size && !c->peer_shut)
			c->readable = false;
		*count_out = (size_t)got;
		return IO_DONE;
	}
	if (got == 0)
		return IO_EOF;
	if (errno != EAGAIN)
		return IO_FAILED;
	c->readable = false;
	return IO_BLOCKED;
}

enum io conn_peek(struct conn *c, char *to, size_t size, size_t *count_out)
{
	ssize_t got;

	do
		got = recv(c->fd, to, size, MSG_PEEK);
	while (got < 0 && errno == EINTR);
	*count_out = got > 0 ? (size_t)got : 0;
	if (got > 0)
		return IO_DONE;
	if (got == 0)
		return IO_EOF;
	if (errno != EAGAIN)
		return IO_FAILED;
	c->readable = false;
	return IO_BLOCKED;
}

enum io conn_discard(struct conn *c, char *scratch, size_t size, size_t *count_out)
{
	ssize_t got = recv(c->fd, scratch, size, 0);

	*count_out = got > 0 ? (size_t)got : 0;
	if (got > 0)
		return IO_DONE;
	if (got == 0)
		return IO_EOF;
	return errno == EAGAIN || errno == EINTR ? IO_BLOCKED : IO_FAILED;
}

/* One write without TLS; as send(2). */
static ssize_t write_some(struct conn *c)
{
	struct iovec vector[VECTOR_MAX];
	struct msghdr message = { .msg_iov = vector };
	uint64_t offset, length, sum = 0;
	int file;

	if (out_front_file(&c->out, &file, &offset, &length)) {
		off_t at = (off_t)offset;
		ssize_t sent = sendfile(c->fd, file, &at, length < FILE_CHUNK ? (size_t)length : FILE_CHUNK);

		if (sent == 0)
			out_fail(&c->out);
		return sent;
	}
	message.msg_iovlen = out_vector(&c->out, vector, VECTOR_MAX);
	for (size_t i = 0; i < message.msg_iovlen; i++)
		sum += vector[i].iov_len;
	/* What comes behind goes out at once: no small packet in between. */
	return sendmsg(c->fd, &message, MSG_NOSIGNAL | (sum < c->out.pending_bytes ? MSG_MORE : 0));
}

static enum io flush_plain(struct conn *c, size_t *count_out)
{
	while (c->out.first && !c->out.failed) {
		ssize_t sent = write_some(c);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN) {
			c->blocked = true;
			return IO_BLOCKED;
		}
		if (sent <= 0)
			return IO_FAILED;
		out_drop(&c->out, (size_t)sent);
		*count_out += (size_t)sent;
		if (*count_out >= FLUSH_BUDGET && c->out.first)
			return IO_MORE;
	}
	return c->out.failed ? IO_FAILED : IO_DONE;
}

static enum io flush_tls(struct conn *c, char scratch[TLS_RECORD], size_t *count_out)
{
	while (c->out.first && !c->out.failed) {
		struct span next = out_peek(&c->out, scratch, TLS_RECORD);
		size_t sent = 0;

		if (next.len == 0)
			return IO_FAILED;
		switch (tls_write(c->tls, next, &sent)) {
		case TLS_DONE: break;
		case TLS_WANT_READ:
			c->readable = true; /* a record of the peer is in the way: reading takes it */
			c->blocked = true;
			return IO_BLOCKED;
		case TLS_WANT_WRITE:
			c->blocked = true;
			return IO_BLOCKED;
		case TLS_CLOSED:
		case TLS_FAILED: return IO_FAILED;
		}
		out_drop(&c->out, sent);
		*count_out += sent;
		if (*count_out >= FLUSH_BUDGET && c->out.first)
			return IO_MORE;
	}
	return c->out.failed ? IO_FAILED : IO_DONE;
}

enum io conn_flush(struct conn *c, char scratch[TLS_RECORD], size_t *count_out)
{
	*count_out = 0;
	if (c->out.failed)
		return IO_FAILED;
	if (!c->out.first)
		return IO_DONE;
	if (c->blocked)
		return IO_BLOCKED;
	return c->tls ? flush_tls(c, scratch, count_out) : flush_plain(c, count_out);
}
