/* webui/link.c: bytes between a client and the library.
 *
 *   client ──read──▶ in ──head_check, body count──▶ checked ──write──▶ library
 *   client ◀──write── out ◀──read── library
 *
 *   LINK_PROXY ──take_proxy──▶ LINK_FIRST ──take_first──▶ LINK_SHAKES ──shake──▶ LINK_OPEN   (without TLS: from the first to the last)
 *
 * (1) Nothing reaches the library that is not a checked head or the body that head announced. A chunked body is taken apart here and
 *     passed on in clean chunks.
 * (2) Neither direction holds more than its ceiling: the other side is not read while it is full.
 * (3) Answers keep the order of the requests: a refusal waits until the library has answered all that it was given and closed.
 * (4) A client that still sends is read until it has closed, or its last answer would be lost in a reset (RFC 9112 9.6).
 * (5) The library hears of a connection with its first good head: what never becomes a request costs it nothing.
 */
#include "webui/link.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/counter.h"
#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/net/proxy.h"
#include "daemon/net/tls.h"
#include "webui/request_id.h"

#define CHUNK 16384
#define MOVES_A_TURN 16
#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n" /* no answer yet; the library writes it in one piece */
#define TLS_HANDSHAKE 0x16                       /* RFC 8446 5.1: the first byte of every ClientHello's record */

enum moved { MOVED_SOME,
	     MOVED_NOTHING,
	     MOVED_END,
	     MOVED_ERROR };

void link_init(struct link *l, int client, const struct net_addr *from, const struct link_config *config)
{
	*l = (struct link){ .config = config, .client = client, .library = -1, .from = *from };
	l->stage = config->may_be_proxied ? LINK_PROXY : config->tls ? LINK_FIRST
								     : LINK_OPEN;
	l->deadline_ms = clock_mono_ms() + (config->may_be_proxied ? PROXY_MS : LINK_HEAD_MS);
	buf_init(&l->in, LINK_BUFFER_MAX);
	buf_init(&l->checked, 2 * LINK_BUFFER_MAX + HEAD_MAX_BYTES);
	buf_init(&l->out, LINK_BUFFER_MAX + CHUNK);
}

void link_clear(struct link *l)
{
	if (l->tls && l->stage == LINK_OPEN && !l->lingering)
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

void link_rest(struct link *l)
{
	if (l->in.len == 0)
		buf_wipe(&l->in);
	if (l->checked.len == 0)
		buf_wipe(&l->checked);
	if (l->out.len == 0)
		buf_clear(&l->out);
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

static bool in_body(const struct link *l)
{
	return l->body_left > 0 || l->in_chunks;
}

static void say_refusal(struct link *l)
{
	struct request_id id = request_id_new();

	refusal_write(l->refusal, span_str(id.text), &l->out);
	log_event(LOG_INFO, "webui", "refused", "status=%d peer=%s request=%s", refusal_status(l->refusal), net_addr_text(&l->from).text, id.text);
}

static void refuse(struct link *l, enum refusal refusal)
{
	if (l->refusal != REFUSAL_NONE)
		return;
	l->refusal = refusal;
	l->cut_short = in_body(l);
	buf_wipe(&l->in);
	l->deadline_ms = clock_mono_ms() + LINK_LINGER_MS;
	if (!l->opened || l->library_ended)
		say_refusal(l);
}

static enum refusal refusal_of(enum head_verdict v)
{
	switch (v) {
	case HEAD_OK:
	case HEAD_INCOMPLETE: return REFUSAL_NONE;
	case HEAD_BAD: return REFUSAL_BAD_REQUEST;
	case HEAD_TARGET_LONG: return REFUSAL_TARGET;
	case HEAD_TOO_LARGE: return REFUSAL_HEAD;
	case HEAD_UNKNOWN_CODING: return REFUSAL_CODING;
	case HEAD_EXPECTATION: return REFUSAL_EXPECTATION;
	}
	return REFUSAL_BAD_REQUEST;
}

static void set_body_deadline(struct link *l)
{
	uint64_t ms = LINK_BODY_MS + l->body_bytes * 1000 / LINK_BODY_RATE;

	l->deadline_ms = l->body_began_ms + (int64_t)(ms < LINK_BODY_MAX_MS ? ms : LINK_BODY_MAX_MS);
}

static void begin_request(struct link *l, const struct head *head)
{
	int64_t now = clock_mono_ms();

	l->body_left = head->content_length;
	l->in_chunks = head->chunked;
	l->chunks = (struct chunked){ 0 };
	l->body_bytes = 0;
	l->body_began_ms = now;
	l->deadline_ms = now + LINK_WORK_MS;
	l->awaiting = true;
	if (in_body(l))
		set_body_deadline(l);
	head_write(head, buf_span(&l->in), &l->checked);
	buf_drop(&l->in, head->length);
}

/* One head, when it is whole; false: nothing more can be judged now. */
static bool judge_head(struct link *l)
{
	struct head head;
	enum head_verdict v = head_check(buf_span(&l->in), &head);
	enum refusal refusal = refusal_of(v);

	if (v == HEAD_INCOMPLETE)
		return false;
	if (v == HEAD_OK && head.content_length > API_UPLOAD_MAX)
		refusal = REFUSAL_BODY;
	else if (v == HEAD_OK && head.absolute && l->tls && !head.wants_secure)
		refusal = REFUSAL_MISDIRECTED; /* RFC 9110 7.4: another scheme is another server */
	if (refusal == REFUSAL_NONE && !l->opened) {
		if (l->config->open(l->config->arg, l, &l->library) == ERR_OK)
			l->opened = true;
		else
			refusal = REFUSAL_BUSY;
	}
	if (refusal != REFUSAL_NONE) {
		refuse(l, refusal);
		return false;
	}
	begin_request(l, &head);
	return true;
}

static void count_body(struct link *l, size_t count)
{
	l->body_bytes += count;
	set_body_deadline(l);
	if (!in_body(l))
		l->deadline_ms = clock_mono_ms() + LINK_WORK_MS;
}

/* False: it can't go on. */
static bool judge_chunks(struct link *l)
{
	struct span data;
	size_t used;
	enum err e = chunked_step(&l->chunks, buf_span(&l->in), &used, &data);

	if (e == ERR_STATE || e == ERR_OK) {
		if (data.len > 0) {
			buf_addf(&l->checked, "%zx\r\n", data.len);
			buf_add(&l->checked, data);
			buf_add_str(&l->checked, "\r\n");
		}
		l->in_chunks = e == ERR_STATE;
		if (e == ERR_OK)
			buf_add_str(&l->checked, "0\r\n\r\n");
		count_body(l, data.len);
		buf_drop(&l->in, used);
	}
	if (e == ERR_SYNTAX || e == ERR_LIMIT)
		refuse(l, REFUSAL_BAD_REQUEST);
	else if (l->body_bytes > API_UPLOAD_MAX || l->chunks.left > API_UPLOAD_MAX)
		refuse(l, REFUSAL_BODY);
	return l->refusal == REFUSAL_NONE;
}

static void judge(struct link *l)
{
	while (l->refusal == REFUSAL_NONE && l->in.len > 0 && l->checked.len < LINK_BUFFER_MAX) {
		size_t room = LINK_BUFFER_MAX - l->checked.len, part = l->in.len;

		if (l->in_chunks && !judge_chunks(l))
			return;
		if (l->in_chunks)
			continue;
		if (l->body_left == 0) {
			if (l->in.len > 0 && !judge_head(l))
				return;
			continue;
		}
		part = part > l->body_left ? (size_t)l->body_left : part;
		part = part > room ? room : part;
		l->body_left -= part;
		count_body(l, part);
		buf_add(&l->checked, span_take(buf_span(&l->in), part));
		buf_drop(&l->in, part);
	}
}

/* Once the client sends no more: for the answer, if there can be one. */
static int64_t end_ms(const struct link *l)
{
	return l->refusal != REFUSAL_NONE || in_body(l) ? LINK_LINGER_MS : LINK_END_MS;
}

/* ---- moving; each says whether it moved anything, and sets the ends ---- */

static bool may_read_client(const struct link *l)
{
	return !l->client_ended && !l->library_told && l->refusal == REFUSAL_NONE && l->in.len + CHUNK <= LINK_BUFFER_MAX && l->checked.len < LINK_BUFFER_MAX;
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
		if (l->in.len == 0 && !in_body(l))
			l->deadline_ms = clock_mono_ms() + LINK_HEAD_MS;
		buf_add(&l->in, span_make(chunk, count));
		explicit_bzero(chunk, count);
		judge(l);
	} else if (m == MOVED_END) {
		/* The library may not see its end: what it waits for will not come. */
		l->client_ended = true;
		l->deadline_ms = clock_mono_ms() + end_ms(l);
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
	if (l->refusal != REFUSAL_NONE && (!l->cut_short || l->awaiting)) /* else: that request had its answer before its body went wrong */
		say_refusal(l);
}

static enum moved pull_library(struct link *l)
{
	enum moved m;
	char *to;
	ssize_t got;

	if (l->library < 0 || l->out.len >= LINK_BUFFER_MAX)
		return MOVED_NOTHING;
	to = buf_reserve(&l->out, CHUNK);
	if (!to)
		return MOVED_ERROR;
	got = recv(l->library, to, CHUNK, 0);
	if (got > 0) {
		l->awaiting = l->awaiting && span_equals(span_make(to, (size_t)got), SPAN(CONTINUE));
		buf_grew(&l->out, (size_t)got);
	}
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
		l->answer_bytes += count;
		if (l->out.len == 0)
			buf_clear(&l->out);
	}
	return m;
}

/* ---- before the first head ---- */

static void enter(struct link *l, enum link_stage stage)
{
	l->stage = stage;
	l->deadline_ms = clock_mono_ms() + LINK_HEAD_MS;
}

/* What the header, or its absence, says. False: no further. */
static bool judge_proxy(struct link *l, enum err e, const struct proxy_header *header)
{
	bool tls = l->config->tls != NULL;

	if (e == ERR_OK) {
		buf_clear(&l->in);
		if (header->from.family != NET_NONE) {
			l->from = header->from;
			if (!l->config->met(l->config->arg, l))
				return false;
		}
	}
	enter(l, tls ? LINK_FIRST : LINK_OPEN);
	if (e == ERR_SYNTAX || e == ERR_LIMIT || (tls && l->in.len > 0))
		refuse(l, REFUSAL_BAD_REQUEST);
	else
		judge(l);
	return true;
}

/* Only bytes that are the header's leave the socket: behind them TLS may begin. */
static enum moved take_proxy(struct link *l)
{
	char chunk[PROXY_MAX_BYTES];
	struct proxy_header header;
	size_t before = l->in.len, take;
	ssize_t got = recv(l->client, chunk, sizeof chunk - before, MSG_PEEK);
	enum moved m = of_count(got);
	enum err e;

	if (m != MOVED_SOME)
		return m;
	buf_add(&l->in, span_make(chunk, (size_t)got));
	e = proxy_parse(buf_span(&l->in), &header);
	if (e == ERR_NOT_FOUND && before == 0 && l->config->tls) {
		buf_clear(&l->in); /* TLS reads it itself */
		return judge_proxy(l, e, &header) ? MOVED_SOME : MOVED_ERROR;
	}
	take = e == ERR_OK ? header.length - before : (size_t)got;
	if (recv(l->client, chunk, take, 0) != (ssize_t)take)
		return MOVED_ERROR;
	if (e == ERR_STATE)
		return MOVED_SOME;
	return judge_proxy(l, e, &header) ? MOVED_SOME : MOVED_ERROR;
}

static enum moved take_first(struct link *l)
{
	unsigned char first;
	enum moved m = of_count(recv(l->client, &first, 1, MSG_PEEK));

	if (m != MOVED_SOME)
		return m;
	if (first != TLS_HANDSHAKE) {
		enter(l, LINK_OPEN);
		refuse(l, REFUSAL_NOT_TLS);
		return MOVED_SOME;
	}
	l->stage = LINK_SHAKES;
	return tls_server_new(l->config->tls, l->client, &l->tls) == ERR_OK ? MOVED_SOME : MOVED_ERROR;
}

static enum moved shake(struct link *l)
{
	enum tls_want want = tls_handshake(l->tls);

	l->tls_wants_write = want == TLS_WANT_WRITE;
	if (want == TLS_DONE) {
		counter_tls(0, tls_version(l->tls));
		enter(l, LINK_OPEN);
	}
	return of_want(want);
}

/* MOVED_SOME: open, or refused. */
static enum moved begin(struct link *l)
{
	enum moved m = MOVED_SOME;

	while (m == MOVED_SOME && l->stage != LINK_OPEN && l->refusal == REFUSAL_NONE) {
		switch (l->stage) {
		case LINK_PROXY: m = take_proxy(l); break;
		case LINK_FIRST: m = take_first(l); break;
		case LINK_SHAKES: m = shake(l); break;
		case LINK_OPEN: break;
		}
	}
	return m;
}

/* ---- ends ---- */

/* The library is told once it has all that will come. */
static void pass_end(struct link *l)
{
	if ((l->client_ended || l->refusal != REFUSAL_NONE) && l->checked.len == 0 && !l->library_told && l->library >= 0) {
		shutdown(l->library, SHUT_WR);
		l->library_told = true;
		l->deadline_ms = clock_mono_ms() + end_ms(l);
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

/* After something has moved. A head or a body in the making keeps its deadline: a byte now and then buys no time. */
static void set_deadline(struct link *l)
{
	int64_t now = clock_mono_ms();

	if (l->out.len == 0) {
		l->answer_began_ms = 0;
	} else if (l->answer_began_ms == 0) {
		l->answer_began_ms = now;
		l->answer_bytes = 0;
	}
	if (l->in.len > 0 || in_body(l) || l->refusal != REFUSAL_NONE)
		return;
	if (l->out.len > 0)
		l->deadline_ms = l->answer_began_ms + LINK_ANSWER_MS + (int64_t)(l->answer_bytes * 1000 / LINK_ANSWER_RATE);
	else if (l->client_ended || l->library_told)
		l->deadline_ms = now + (l->awaiting ? end_ms(l) : LINK_LINGER_MS);
	else
		l->deadline_ms = now + (l->awaiting ? LINK_WORK_MS : LINK_IDLE_MS);
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
	if (*moved_out)
		set_deadline(l);
	return true;
}

enum link_state link_turn(struct link *l)
{
	bool moved = true;

	if (l->lingering)
		return linger(l);
	if (l->stage != LINK_OPEN) {
		enum moved m = begin(l);

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
	if (l->out.len > 0 || l->library >= 0)
		return LINK_WAITS;
	if (l->client_ended)
		return LINK_DONE;
	if (!l->opened && l->refusal == REFUSAL_NONE)
		return LINK_WAITS;
	begin_lingering(l);
	return linger(l);
}

void link_end(struct link *l)
{
	l->client_ended = true;
}

bool link_expire(struct link *l)
{
	if (l->stage != LINK_OPEN || l->lingering || l->client_ended)
		return false;
	if (l->refusal != REFUSAL_NONE && l->library < 0)
		return false;
	if (l->refusal == REFUSAL_NONE && l->in.len == 0 && !in_body(l))
		return false;
	refuse(l, REFUSAL_TIMEOUT);
	/* The library may not have noticed: it misses an end that comes together with bytes. */
	if (l->library_told)
		end_library(l);
	l->deadline_ms = clock_mono_ms() + LINK_LINGER_MS;
	return true;
}

struct link_wants link_wants(const struct link *l)
{
	struct link_wants w = { 0, 0 };

	if (l->lingering || l->stage != LINK_OPEN || may_read_client(l))
		w.client |= EPOLLIN;
	if (!l->lingering && (l->out.len > 0 || l->tls_wants_write))
		w.client |= EPOLLOUT;
	if (l->library < 0)
		return w;
	if (l->checked.len > 0)
		w.library |= EPOLLOUT;
	if (l->out.len < LINK_BUFFER_MAX)
		w.library |= EPOLLIN;
	return w;
}
