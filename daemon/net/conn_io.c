/* net/conn_io.c: bytes between a connection and its socket.
 *
 * Sockets are in epoll edge-triggered: an event comes for what is new only. So `readable` stays set until a read has shown
 * that the socket is empty: EAGAIN, or less than was asked for (epoll(7)). After EPOLLRDHUP only the end itself counts,
 * for that event does not come twice.
 */
#include "daemon/net/conn_io.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "daemon/net/conn_pack.h"

#define VECTOR_MAX 16u
#define FILE_CHUNK (1024u * 1024u)
#define FLUSH_BUDGET (1024u * 1024u)
#define BURSTS_A_TURN 4u /* deflated: some milliseconds */

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

static enum io read_wire(struct conn *c, char *to, size_t size, size_t *count_out)
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

enum io conn_begin_pack(struct worker *w, struct conn *c)
{
	if (pack_begin(c, w->left))
		return IO_FAILED;
	w->left = span_make(NULL, 0);
	w->left_in_conn = false;
	buf_clear(&c->in);
	return IO_DONE;
}

/* Behind the peer's last line comes what makes its last block whole. */
enum io conn_end_pack(struct worker *w, struct conn *c)
{
	bool is_over;
	size_t got;

	for (;;) {
		enum io io;

		if (!pack_end(c->pack, &is_over))
			return IO_FAILED;
		if (is_over)
			break;
		io = read_wire(c, w->out, sizeof(w->out), &got);
		if (io != IO_DONE)
			return io;
		buf_add(&c->pack->raw, span_make(w->out, got));
		if (c->pack->raw.failed)
			return IO_FAILED;
	}
	buf_clear(&c->in);
	buf_add(&c->in, buf_span(&c->pack->raw));
	w->left = buf_span(&c->in);
	w->left_in_conn = w->left.len > 0;
	pack_free(&c->pack);
	return c->in.failed ? IO_FAILED : IO_DONE;
}

enum io conn_read(struct worker *w, struct conn *c, char *to, size_t size, size_t *count_out, size_t *wire_out)
{
	struct pack *p = c->pack;
	enum io io;

	*wire_out = *count_out = 0;
	if (!p) {
		io = read_wire(c, to, size, count_out);
		*wire_out = *count_out;
		return io;
	}
	if (p->ended)
		return IO_EOF;
	if (!pack_waits(p)) {
		io = read_wire(c, w->out, sizeof(w->out), wire_out);
		if (io != IO_DONE)
			return io;
		buf_add(&p->raw, span_make(w->out, *wire_out));
	}
	return !p->raw.failed && pack_inflate(p, to, size, count_out) ? IO_DONE : IO_FAILED;
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
static ssize_t write_some(struct conn *c, struct out *o)
{
	struct iovec vector[VECTOR_MAX];
	struct msghdr message = { .msg_iov = vector };
	uint64_t offset, length, sum = 0;
	int file;

	if (out_front_file(o, &file, &offset, &length)) {
		off_t at = (off_t)offset;
		ssize_t sent = sendfile(c->fd, file, &at, length < FILE_CHUNK ? (size_t)length : FILE_CHUNK);

		if (sent == 0)
			out_fail(o);
		return sent;
	}
	message.msg_iovlen = out_vector(o, vector, VECTOR_MAX);
	for (size_t i = 0; i < message.msg_iovlen; i++)
		sum += vector[i].iov_len;
	/* What comes behind goes out at once: no small packet in between. */
	return sendmsg(c->fd, &message, MSG_NOSIGNAL | (sum < o->pending_bytes ? MSG_MORE : 0));
}

static enum io flush_plain(struct conn *c, struct out *o, size_t *count_out)
{
	while (o->first && !o->failed) {
		ssize_t sent = write_some(c, o);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN) {
			c->blocked = true;
			return IO_BLOCKED;
		}
		if (sent <= 0)
			return IO_FAILED;
		out_drop(o, (size_t)sent);
		*count_out += (size_t)sent;
		if (*count_out >= FLUSH_BUDGET && o->first)
			return IO_MORE;
	}
	return o->failed ? IO_FAILED : IO_DONE;
}

static enum io write_records(struct conn *c, struct out *o, char scratch[TLS_RECORD], size_t *count_out)
{
	while (o->first && !o->failed) {
		struct span next = out_peek(o, scratch, TLS_RECORD);
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
		out_drop(o, sent);
		*count_out += sent;
		if (*count_out >= FLUSH_BUDGET && o->first)
			return IO_MORE;
	}
	return o->failed ? IO_FAILED : IO_DONE;
}

/* Each record is a write of its own: while many follow each other they leave together, in segments as large as they can be. */
static enum io flush_tls(struct conn *c, struct out *o, char scratch[TLS_RECORD], size_t *count_out)
{
	const int on = 1, off = 0;
	const bool cork = o->pending_bytes > 2 * TLS_RECORD;
	enum io io;

	if (cork)
		(void)setsockopt(c->fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
	io = write_records(c, o, scratch, count_out);
	if (cork)
		(void)setsockopt(c->fd, IPPROTO_TCP, TCP_CORK, &off, sizeof(off));
	return io;
}

static enum io flush_chain(struct worker *w, struct conn *c, struct out *o, size_t *count_out)
{
	if (o->failed)
		return IO_FAILED;
	if (!o->first)
		return IO_DONE;
	if (c->blocked)
		return IO_BLOCKED;
	return c->tls ? flush_tls(c, o, w->out, count_out) : flush_plain(c, o, count_out);
}

enum io conn_flush(struct worker *w, struct conn *c, size_t *count_out)
{
	*count_out = 0;
	if (!c->pack)
		return flush_chain(w, c, &c->out, count_out);
	for (unsigned bursts = 0;; bursts++) {
		enum io io = flush_chain(w, c, &c->pack->packed, count_out);

		if (io != IO_DONE || !c->out.first)
			return c->out.failed ? IO_FAILED : io;
		if (bursts == BURSTS_A_TURN)
			return IO_MORE;
		if (pack_deflate(w, c))
			return IO_FAILED;
	}
}
