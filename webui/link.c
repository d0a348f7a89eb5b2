/* webui/link.c: bytes between a client and the library.
 *
 *   client ──read──▶ in ──head_check, body count──▶ checked ──write──▶ library
 *   client ◀──write── out ◀──read── library
 *
 * (1) Nothing reaches the library that is not a checked head or the body that head announced.
 * (2) Neither direction holds more than its ceiling: the other side is not read while it is full.
 * (3) Answers keep the order of the requests: a refusal waits until the library has answered all that it was given and closed.
 * (4) A client that still sends is read until it has closed, or its last answer would be lost in a reset (RFC 9112 9.6).
 */
#include "webui/link.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/net/tls.h"

#define CHUNK 16384
#define MOVES_A_TURN 16

enum moved { MOVED_SOME,
	     MOVED_NOTHING,
	     MOVED_END,
	     MOVED_ERROR };

enum err link_init(struct link *l, int client, int library, struct tls_store *store)
{
	*l = (struct link){ .client = client, .library = library, .deadline_ms = clock_mono_ms() + LINK_HEAD_MS };
	buf_init(&l->in, LINK_BUFFER_MAX);
	buf_init(&l->checked, LINK_BUFFER_MAX + HEAD_MAX_BYTES);
	buf_init(&l->out, LINK_BUFFER_MAX + CHUNK);
	if (!store)
		return ERR_OK;
	l->shaking = true;
	return tls_server_new(store, client, &l->tls);
}

void link_clear(struct link *l)
{
	if (l->tls && !l->shaking && !l->lingering)
		tls_shutdown(l->tls);
	tls_free(&l->tls);
	if (l->client >= 0)
		close(l->client);
	if (l->library >= 0)
		close(l->library);
	buf_wipe(&l->in); /* passwords come this way */
	buf_wipe(&l->checked);
	buf_clear(&l->out);
	*l = (struct link){ .client = -1, .library = -1 };
}

/* ---- the two sides ---- */

static enum moved of_want(enum tls_want want)
{
	switch (want) {
	case TLS_DONE: return MOVED_SOME;
	case TLS_WANT_READ:
	case TLS_WANT_WRITE: return MOVED_NOTHING;
	case TLS_CLOSED: return MOVED_END;
	case TLS_FAILED: return MOVED_ERROR;
	}
	return MOVED_ERROR;
}

static enum moved of_count(ssize_t count)
{
	if (count > 0)
		return MOVED_SOME;
	if (count == 0)
		return MOVED_END;
	return errno == EAGAIN || errno == EINTR ? MOVED_NOTHING : MOVED_ERROR;
}

static enum moved read_client(struct link *l, char *to, size_t *count)
{
	ssize_t got;

	if (l->tls) {
		enum tls_want want = tls_read(l->tls, to, CHUNK, count);

		l->tls_wants_write = want == TLS_WANT_WRITE;
		return of_want(want);
	}
	got = recv(l->client, to, CHUNK, 0);
	*count = got > 0 ? (size_t)got : 0;
	return of_count(got);
}

static enum moved write_client(struct link *l, struct span from, size_t *count)
{
	ssize_t sent;

	if (l->tls)
		return of_want(tls_write(l->tls, from, count));
	sent = send(l->client, from.ptr, from.len, MSG_NOSIGNAL);
	*count = sent > 0 ? (size_t)sent : 0;
	return of_count(sent);
}

/* ---- judging ---- */

static void refuse(struct link *l, const char *status)
{
	l->refusal = status;
	buf_wipe(&l->in);
}

static void pass(struct link *l, size_t count)
{
	buf_add(&l->checked, span_take(buf_span(&l->in), count));
	buf_drop(&l->in, count);
}

/* One head, when it is whole; false: nothing more can be judged now. */
static bool judge_head(struct link *l)
{
	struct head head;
	enum err e = head_check(buf_span(&l->in), &head);

	if (e == ERR_STATE)
		return false;
	if (e == ERR_OK && head.content_length > API_BODY_MAX) {
		refuse(l, "413 Content Too Large");
		return false;
	}
	if (e != ERR_OK) {
		refuse(l, e == ERR_LIMIT ? "431 Request Header Fields Too Large" : e == ERR_DENIED ? "501 Not Implemented"
												   : "400 Bad Request");
		return false;
	}
	l->body_left = head.content_length;
	l->deadline_ms = clock_mono_ms() + (l->body_left > 0 ? LINK_BODY_MS : LINK_HEAD_MS);
	pass(l, head.length);
	return true;
}

static void judge(struct link *l)
{
	while (!l->refusal && l->in.len > 0 && l->checked.len < LINK_BUFFER_MAX) {
		size_t room = LINK_BUFFER_MAX - l->checked.len, part = l->in.len;

		if (l->body_left == 0) {
			if (!judge_head(l))
				return;
			continue;
		}
		part = part > l->body_left ? (size_t)l->body_left : part;
		part = part > room ? room : part;
		l->body_left -= part;
		pass(l, part);
	}
}

/* ---- moving; each says whether it moved anything, and sets the ends ---- */

static bool may_read_client(const struct link *l)
{
	return !l->client_ended && !l->library_told && !l->refusal && l->in.len + CHUNK <= LINK_BUFFER_MAX && l->checked.len < LINK_BUFFER_MAX;
}

static enum moved pull_client(struct link *l)
{
	char chunk[CHUNK];
	size_t count = 0;
	enum moved m;

	if (!may_read_client(l))
		return MOVED_NOTHING;
	m = read_client(l, chunk, &count);
	if (m == MOVED_SOME) {
		if (l->in.len == 0 && l->body_left == 0)
			l->deadline_ms = clock_mono_ms() + LINK_HEAD_MS;
		buf_add(&l->in, span_make(chunk, count));
		explicit_bzero(chunk, count);
		judge(l);
	} else if (m == MOVED_END) {
		/* The library may not see its end: what it waits for will not come. */
		l->client_ended = true;
		l->deadline_ms = clock_mono_ms() + LINK_END_MS;
	}
	return m;
}

static enum moved push_library(struct link *l)
{
	ssize_t sent;
	enum moved m;

	if (l->checked.len == 0 || l->library < 0)
		return MOVED_NOTHING;
	sent = send(l->library, l->checked.ptr, l->checked.len, MSG_NOSIGNAL);
	m = of_count(sent);
	if (m == MOVED_SOME) {
		buf_drop(&l->checked, (size_t)sent);
		judge(l);
	} else if (m == MOVED_ERROR) {
		/* It has closed, and what it said before still waits to be read. */
		l->library_told = true;
		buf_wipe(&l->checked);
		m = MOVED_NOTHING;
	}
	return m;
}

static void end_library(struct link *l)
{
	l->library_ended = true;
	close(l->library);
	l->library = -1;
	buf_wipe(&l->checked);
	if (l->refusal)
		buf_addf(&l->out, "HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", l->refusal);
}

static enum moved pull_library(struct link *l)
{
	enum moved m;
	char *to;
	ssize_t got;

	if (l->library_ended || l->out.len >= LINK_BUFFER_MAX)
		return MOVED_NOTHING;
	to = buf_reserve(&l->out, CHUNK);
	if (!to)
		return MOVED_ERROR;
	got = recv(l->library, to, CHUNK, 0);
	if (got > 0)
		buf_grew(&l->out, (size_t)got);
	m = of_count(got);
	if (m == MOVED_END || m == MOVED_ERROR) { /* a reset says only that it did not read all */
		end_library(l);
		m = MOVED_SOME;
	}
	return m;
}

static enum moved push_client(struct link *l)
{
	size_t count = 0;
	enum moved m;

	if (l->out.len == 0)
		return MOVED_NOTHING;
	m = write_client(l, buf_span(&l->out), &count);
	if (m == MOVED_SOME) {
		buf_drop(&l->out, count);
		if (l->out.len == 0)
			buf_clear(&l->out);
	}
	return m;
}

/* MOVED_SOME: done with the handshake. */
static enum moved shake(struct link *l)
{
	enum tls_want want = tls_handshake(l->tls);

	l->tls_wants_write = want == TLS_WANT_WRITE;
	if (want == TLS_DONE)
		l->shaking = false;
	return of_want(want);
}

/* ---- ends ---- */

/* The library is told once it has all that will come. */
static void pass_end(struct link *l)
{
	if ((l->client_ended || l->refusal) && l->checked.len == 0 && !l->library_told && !l->library_ended) {
		shutdown(l->library, SHUT_WR);
		l->library_told = true;
		l->deadline_ms = clock_mono_ms() + LINK_END_MS;
	}
}

static void begin_lingering(struct link *l)
{
	if (l->tls)
		tls_shutdown(l->tls);
	shutdown(l->client, SHUT_WR);
	l->lingering = true;
	l->deadline_ms = clock_mono_ms() + LINK_LINGER_MS;
}

/* Below TLS: nobody reads what this drops. */
static enum link_state linger(struct link *l)
{
	char chunk[CHUNK];

	for (int i = 0; i < MOVES_A_TURN; i++) {
		switch (of_count(recv(l->client, chunk, sizeof chunk, 0))) {
		case MOVED_SOME: break;
		case MOVED_NOTHING: return LINK_WAITS;
		case MOVED_END:
		case MOVED_ERROR: return LINK_DONE;
		}
	}
	return LINK_MORE;
}

/* False: the client has gone, or there is no memory. */
static bool move(struct link *l, bool *moved_out)
{
	enum moved steps[4] = { pull_client(l), push_library(l), pull_library(l), push_client(l) };

	*moved_out = false;
	for (int i = 0; i < 4; i++) {
		if (steps[i] == MOVED_ERROR)
			return false;
		*moved_out = *moved_out || steps[i] == MOVED_SOME;
	}
	/* A head or a body in the making keeps its deadline: a byte now and then buys no time. */
	if (*moved_out && l->in.len == 0 && l->body_left == 0)
		l->deadline_ms = clock_mono_ms() + (l->client_ended || l->library_told ? LINK_END_MS : LINK_IDLE_MS);
	return true;
}

enum link_state link_turn(struct link *l)
{
	bool moved = true;

	if (l->lingering)
		return linger(l);
	if (l->shaking) {
		enum moved m = shake(l);

		if (m != MOVED_SOME)
			return m == MOVED_NOTHING && !l->client_ended ? LINK_WAITS : LINK_DONE;
	}
	for (int i = 0; moved && i < MOVES_A_TURN; i++) {
		if (!move(l, &moved))
			return LINK_DONE;
		pass_end(l);
	}
	if (moved)
		return LINK_MORE;
	if (!l->library_ended || l->out.len > 0)
		return LINK_WAITS;
	if (l->client_ended)
		return LINK_DONE;
	begin_lingering(l);
	return linger(l);
}

void link_end(struct link *l)
{
	l->client_ended = true;
}

struct link_wants link_wants(const struct link *l)
{
	struct link_wants w = { 0, 0 };

	if (l->lingering || l->shaking || may_read_client(l))
		w.client |= EPOLLIN;
	if (!l->lingering && (l->out.len > 0 || l->tls_wants_write))
		w.client |= EPOLLOUT;
	if (l->library_ended)
		return w;
	if (l->checked.len > 0)
		w.library |= EPOLLOUT;
	if (l->out.len < LINK_BUFFER_MAX)
		w.library |= EPOLLIN;
	return w;
}
