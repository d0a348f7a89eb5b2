/* net/conn.c: the turns of a connection.
 *
 * (1) Only the owner is here; what others want arrives as hints in the claim.
 * (2) A connection rests only when an event, a wake, an answer or its timer will bring it back: `readable` is then false,
 *     or input is not wanted (parked, output above the mark, closing).
 * (3) What a turn has read and the session has not used is saved in conn->in when the turn ends.
 * (4) Input drips do not move the deadline: a turn that ends no command moves it only with PROGRESS_MIN bytes.
 */
#include "daemon/net/conn.h"

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/counter.h"
#include "daemon/base/bug.h"
#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/net/conn_input.h"
#include "daemon/net/conn_io.h"
#include "daemon/net/conn_pack.h"
#include "daemon/net/conn_proxy.h"
#include "daemon/net/proxy.h"
#include "daemon/net/ready.h"
#include "daemon/net/slots.h"

#define FEEDS_A_TURN 16u
#define INPUT_MAX (160u * 1024u) /* waiting for one session; the longest line of a protocol is far below */
#define PROGRESS_MIN 512u
#define HANDSHAKE_MS (30 * 1000)
#define PARKED_MS (15 * 60 * 1000) /* whoever is asked has deadlines of its own; this is the net below them */
#define CLOSE_MS (30 * 1000)
#define LINGER_MS (2 * 1000)
#define LINGER_MAX (1024u * 1024u)

enum turn { TURN_ON,    /* the phase goes on, or another one begins */
	    TURN_REST,  /* until something happens */
	    TURN_YIELD, /* others first */
	    TURN_OVER };

void conn_open(struct pool *p, struct conn *c, int fd, const struct port *port, const struct session_peer *peer, bool is_proxy)
{
	uint32_t slot = c->slot;

	c->generation = claim_open(&c->claim);
	c->fd = fd;
	c->service_index = port->service;
	c->service = p->services[port->service];
	c->implicit_tls = port->implicit_tls;
	c->counted = !is_proxy && !peer->trusted;
	c->peer = *peer;
	c->timer = (struct wheel_entry){ .kind = WHEEL_CONN, .key = (uint64_t)c->generation << 32 | slot };
	buf_init(&c->in, INPUT_MAX);
	out_init(&c->out);
	c->session = NULL;
	c->tls = NULL;
	c->pack = NULL;
	c->phase = is_proxy ? PHASE_PROXY : PHASE_NEW;
	c->deadline_at_ms = is_proxy ? clock_mono_ms() + PROXY_MS : 0;
	c->armed_ms = c->nudge_at_ms = 0;
	c->moved = c->discarded = 0;
	c->registered = c->polls_out = c->blocked = c->peer_shut = false;
	c->readable = is_proxy; /* a try finds out */
	c->eof = c->eof_told = c->hungry = c->in_body = c->wake = c->stop = false;
}

static struct ticket ticket_of(const struct worker *w, const struct conn *c)
{
	return (struct ticket){ w->pool, c->service_index << POOL_SLOT_BITS | c->slot, c->generation };
}

/* The peer has done something: its time begins anew. */
static void set_deadline(const struct worker *w, struct conn *c)
{
	c->moved = 0;
	if (c->phase == PHASE_TALK || c->phase == PHASE_MORE)
		c->deadline_at_ms = w->now_ms + c->service->deadline_ms(c->session);
	else if (c->phase == PHASE_CLOSE || c->phase == PHASE_SECURE || c->phase == PHASE_COMPRESS)
		c->deadline_at_ms = w->now_ms + CLOSE_MS;
}

static void progress(const struct worker *w, struct conn *c, size_t bytes, bool complete)
{
	c->moved += bytes;
	c->nudge_at_ms = 0;
	if (complete || c->moved >= PROGRESS_MIN)
		set_deadline(w, c);
}

static enum io flush(struct worker *w, struct conn *c)
{
	size_t sent;
	enum io io = conn_flush(w, c, &sent);

	if (sent > 0)
		progress(w, c, sent, io == IO_DONE);
	return io;
}

static void begin_close(const struct worker *w, struct conn *c)
{
	c->phase = PHASE_CLOSE;
	set_deadline(w, c);
}

static void close_as_bug(const struct worker *w, struct conn *c, const char *what)
{
	BUG("net", "service=%s sid=%016llx %s", c->service->name, (unsigned long long)c->peer.sid, what);
	begin_close(w, c);
}

static void park(struct worker *w, struct conn *c)
{
	if (!c->service->ask) {
		close_as_bug(w, c, "waits without ask");
		return;
	}
	c->phase = PHASE_PARKED;
	c->deadline_at_ms = w->now_ms + PARKED_MS;
	atomic_fetch_add_explicit(&w->pool->parked, 1, memory_order_relaxed);
	claim_park(&c->claim);
	c->service->ask(c->session, ticket_of(w, c)); /* may be answered inside */
}

/* Follows what the session said. */
static void apply(struct worker *w, struct conn *c, enum step step)
{
	c->hungry = false;
	c->in_body = step == STEP_BODY;
	switch (step) {
	case STEP_REPLY:
	case STEP_BODY:
		if (c->eof_told)
			begin_close(w, c);
		else
			c->phase = PHASE_TALK;
		break;
	case STEP_WAIT: park(w, c); break;
	case STEP_MORE:
		c->phase = PHASE_MORE;
		w->mored = true;
		if (!c->service->more)
			close_as_bug(w, c, "has more without more()");
		break;
	case STEP_STARTTLS:
		c->phase = PHASE_SECURE;
		set_deadline(w, c);
		if (c->tls || c->pack || !w->pool->config.tls)
			close_as_bug(w, c, "STARTTLS where there is none");
		break;
	case STEP_COMPRESS:
	case STEP_UNCOMPRESS:
		c->phase = PHASE_COMPRESS;
		set_deadline(w, c);
		if (!c->pack != (step == STEP_COMPRESS))
			close_as_bug(w, c, "COMPRESS once more, or none to end");
		break;
	case STEP_CLOSE: begin_close(w, c); break;
	}
}

/* An event after which there is nothing but goodbye, whatever the session answers. */
static enum turn last_event(struct worker *w, struct conn *c, enum session_event event)
{
	(void)c->service->event(c->session, event, &c->out);
	begin_close(w, c);
	return TURN_ON;
}

static enum turn begin_handshake(struct worker *w, struct conn *c)
{
	if (tls_server_new(w->pool->config.tls, c->fd, &c->tls) != ERR_OK)
		return TURN_OVER;
	c->phase = PHASE_HANDSHAKE;
	c->deadline_at_ms = w->now_ms + HANDSHAKE_MS;
	return TURN_ON;
}

static enum turn greet(struct worker *w, struct conn *c)
{
	apply(w, c, c->service->event(c->session, SESSION_START, &c->out));
	set_deadline(w, c);
	return TURN_ON;
}

static enum turn turn_away(struct worker *w, struct conn *c)
{
	out_add(&c->out, c->service->busy_reply);
	begin_close(w, c);
	return TURN_ON;
}

/* A handshake is more than a wait. */
static bool waits_for_greeting(const struct worker *w, const struct conn *c)
{
	struct waited *waited = w->pool->waited;

	if (!waited || c->tls || c->peer.trusted || c->peer.remote.family == NET_UNIX || net_is_loopback(&c->peer.remote))
		return false;
	return !waited_has(waited, &c->peer.remote, w->now_ms);
}

static enum turn open_session(struct worker *w, struct conn *c)
{
	if (c->service->open(c->service->context, &c->peer, ticket_of(w, c), &c->session) != ERR_OK) {
		c->session = NULL;
		return turn_away(w, c);
	}
	if (!waits_for_greeting(w, c))
		return greet(w, c);
	c->phase = PHASE_GREET;
	c->readable = true; /* a try finds out */
	c->deadline_at_ms = w->now_ms + w->pool->config.greet_delay_ms;
	return TURN_ON;
}

/* The limit of addresses is that of the one who stands behind. */
static enum turn on_proxy(struct worker *w, struct conn *c)
{
	if (c->stop)
		return TURN_OVER;
	switch (conn_take_proxy(w, c)) {
	case IO_DONE: break;
	case IO_MORE: return TURN_ON;
	case IO_BLOCKED: return TURN_REST;
	case IO_EOF:
	case IO_FAILED: return TURN_OVER;
	}
	c->readable = true;
	c->counted = !c->peer.trusted && peers_enter(&w->pool->peers, &c->peer.remote, w->pool->config.max_per_ip);
	if (!c->peer.trusted && !c->counted) {
		log_event(LOG_DEBUG, "net", "refused", "pool=%s peer=%s limit=per_ip", w->pool->config.name, net_ip_text(&c->peer.remote).text);
		return c->implicit_tls ? TURN_OVER : turn_away(w, c);
	}
	c->phase = PHASE_NEW;
	return TURN_ON;
}

static enum turn on_new(struct worker *w, struct conn *c)
{
	if (c->stop)
		return TURN_OVER;
	return c->implicit_tls ? begin_handshake(w, c) : open_session(w, c);
}

static enum turn on_handshake_failed(struct conn *c)
{
	struct note why = { "" };

	tls_explain(c->tls, &why);
	log_event(LOG_DEBUG, "net", "tls_failed", "service=%s sid=%016llx peer=%s why=%s", c->service->name,
		  (unsigned long long)c->peer.sid, net_ip_text(&c->peer.remote).text, log_quote(span_str(why.text)).text);
	c->phase = PHASE_LINGER; /* an alert may be on its way */
	c->deadline_at_ms = 0;
	return TURN_ON;
}

static void binding(const struct session_peer *peer, struct session_binding *out)
{
	const struct conn *c = (const struct conn *)(const void *)((const char *)peer - offsetof(struct conn, peer));

	out->exporter_len = tls_exporter(c->tls, out->exporter);
	out->end_point_len = tls_end_point(c->tls, out->end_point);
}

static enum turn on_handshake(struct worker *w, struct conn *c)
{
	if (c->stop)
		return TURN_OVER;
	switch (tls_handshake(c->tls)) {
	case TLS_DONE: break;
	case TLS_WANT_READ: return TURN_REST;
	case TLS_WANT_WRITE: c->blocked = true; return TURN_REST;
	case TLS_CLOSED: return TURN_OVER;
	case TLS_FAILED: return on_handshake_failed(c);
	}
	c->readable = true; /* the first bytes may have come with the last of the handshake */
	c->blocked = false;
	c->peer.tls = true;
	c->peer.tls_version = tls_version(c->tls);
	c->peer.tls_cipher = tls_cipher(c->tls);
	counter_tls(0, c->peer.tls_version);
	c->peer.binding = binding;
	if (!c->session)
		return open_session(w, c);
	apply(w, c, c->service->event(c->session, SESSION_TLS, &c->out));
	set_deadline(w, c);
	return TURN_ON;
}

/* Who does not wait for the greeting does not read what we say, either (RFC 5321 3.1 has the server speak first). */
static enum turn on_greet(struct worker *w, struct conn *c)
{
	size_t got;
	char byte;

	if (c->stop)
		return last_event(w, c, SESSION_STOP);
	if (c->readable) {
		switch (conn_peek(c, &byte, 1, &got)) {
		case IO_DONE:
		case IO_MORE:
			log_event(LOG_INFO, "net", "early_talker", "pool=%s sid=%016llx peer=%s", w->pool->config.name, (unsigned long long)c->peer.sid, net_ip_text(&c->peer.remote).text);
			return last_event(w, c, SESSION_EARLY);
		case IO_BLOCKED: break;
		case IO_EOF:
		case IO_FAILED: return TURN_OVER;
		}
	}
	if (w->now_ms < c->deadline_at_ms)
		return TURN_REST;
	waited_add(w->pool->waited, &c->peer.remote, w->now_ms);
	return greet(w, c);
}

/* TURN_ON: look again. */
static enum turn read_input(struct worker *w, struct conn *c)
{
	size_t size = 0, got, wire;
	char *to = conn_room_for_input(w, c, &size);

	if (!to || size == 0) {
		close_as_bug(w, c, "uses no input");
		return TURN_ON;
	}
	switch (conn_read(w, c, to, size, &got, &wire)) {
	case IO_DONE: break;
	case IO_BLOCKED:
	case IO_MORE: return TURN_ON;
	case IO_EOF:
		c->eof = true;
		c->readable = false;
		return TURN_ON;
	case IO_FAILED: return TURN_OVER;
	}
	if (w->left_in_conn)
		buf_grew(&c->in, got);
	w->left.len += got;
	w->bytes += got > wire ? got : wire;
	c->hungry = c->hungry && !got;
	return TURN_ON;
}

static enum turn feed(struct worker *w, struct conn *c)
{
	size_t used = 0;
	enum step step = c->service->feed(c->session, w->left, &used, &c->out);

	if (used > w->left.len) {
		close_as_bug(w, c, "used more than there was");
		return TURN_ON;
	}
	w->left = span_skip(w->left, used);
	if (step != STEP_BODY)
		w->feeds++;
	apply(w, c, step);
	if (used > 0)
		progress(w, c, used, step != STEP_BODY);
	c->hungry = used == 0 && c->phase == PHASE_TALK;
	return TURN_ON;
}

static enum turn rest_or(enum io io, enum turn when_done)
{
	switch (io) {
	case IO_DONE: return when_done;
	case IO_BLOCKED: return TURN_REST;
	case IO_MORE: return TURN_YIELD;
	case IO_EOF:
	case IO_FAILED: return TURN_OVER;
	}
	return TURN_OVER;
}

static enum turn tell_news(struct worker *w, struct conn *c)
{
	c->wake = false;
	apply(w, c, c->service->event(c->session, SESSION_WAKE, &c->out));
	return TURN_ON;
}

static bool is_readable(const struct conn *c)
{
	return c->readable || (c->pack && !c->eof && pack_waits(c->pack));
}

static enum turn on_talk(struct worker *w, struct conn *c)
{
	bool spent = w->feeds >= FEEDS_A_TURN || w->bytes >= READ_CHUNK;
	bool feedable = w->left.len > 0 && !c->hungry;

	if (c->stop)
		return last_event(w, c, SESSION_STOP);
	if (out_is_full(&c->out)) {
		enum io io = flush(w, c);

		if (io == IO_FAILED || out_is_full(&c->out))
			return rest_or(io, TURN_ON);
	}
	if (c->wake)
		return tell_news(w, c);
	if (feedable || is_readable(c)) {
		if (spent)
			return flush(w, c) == IO_FAILED ? TURN_OVER : TURN_YIELD;
		return feedable ? feed(w, c) : read_input(w, c);
	}
	if (c->eof && !c->eof_told) {
		c->eof_told = true;
		apply(w, c, c->service->event(c->session, SESSION_EOF, &c->out));
		return TURN_ON;
	}
	return rest_or(flush(w, c), TURN_REST);
}

static enum turn on_parked(struct worker *w, struct conn *c)
{
	void *answer;

	if (!claim_take_answer(&c->claim, &answer))
		return rest_or(flush(w, c), TURN_REST);
	atomic_fetch_sub_explicit(&w->pool->parked, 1, memory_order_relaxed);
	c->phase = PHASE_TALK;
	w->now_ms = clock_mono_ms();
	apply(w, c, c->service->answer(c->session, answer, &c->out));
	set_deadline(w, c);
	return TURN_ON;
}

static enum turn on_more(struct worker *w, struct conn *c)
{
	enum io io;

	if (c->stop)
		return last_event(w, c, SESSION_STOP);
	io = flush(w, c);
	if (io == IO_FAILED || (io != IO_DONE && out_is_full(&c->out)))
		return rest_or(io, TURN_ON);
	if (w->mored)
		return TURN_YIELD;
	apply(w, c, c->service->more(c->session, &c->out));
	return TURN_ON;
}

/* RFC 3207 4.2: what came in the clear behind STARTTLS is forgotten. */
static enum turn on_secure(struct worker *w, struct conn *c)
{
	enum io io = flush(w, c);

	if (io != IO_DONE)
		return rest_or(io, TURN_ON);
	if (c->eof || c->stop)
		return TURN_OVER;
	w->left = span_make(NULL, 0);
	w->left_in_conn = false;
	buf_clear(&c->in);
	return begin_handshake(w, c);
}

/* RFC 4978 3, RFC 8437 4.1: the tagged OK is the last that is said as before; the peer's command was. */
static enum turn on_compress(struct worker *w, struct conn *c)
{
	enum io io = flush(w, c);

	if (io == IO_DONE && c->pack)
		io = c->eof || c->stop ? IO_EOF : conn_end_pack(w, c);
	else if (io == IO_DONE)
		io = conn_begin_pack(w, c);
	if (io != IO_DONE)
		return rest_or(io, TURN_ON);
	c->phase = PHASE_TALK;
	set_deadline(w, c);
	return TURN_ON;
}

/* Closing a socket with unread input resets it, and the reset may overtake our last words. */
static enum turn on_linger(struct worker *w, struct conn *c)
{
	size_t got;

	if (c->deadline_at_ms == 0) {
		c->deadline_at_ms = w->now_ms + LINGER_MS;
		shutdown(c->fd, SHUT_WR);
	}
	while (c->discarded < LINGER_MAX) {
		switch (conn_discard(c, w->in, sizeof(w->in), &got)) {
		case IO_DONE: c->discarded += got; break;
		case IO_BLOCKED: return TURN_REST;
		case IO_MORE:
		case IO_EOF:
		case IO_FAILED: return TURN_OVER;
		}
	}
	return TURN_OVER;
}

static enum turn on_close(struct worker *w, struct conn *c)
{
	bool unread = w->left.len > 0 || c->in_body;
	enum io io = flush(w, c);
	size_t got;

	if (io != IO_DONE)
		return rest_or(io, TURN_ON);
	if (c->tls)
		tls_shutdown(c->tls);
	if (c->eof)
		return TURN_OVER;
	w->left = span_make(NULL, 0);
	switch (conn_discard(c, w->in, sizeof(w->in), &got)) {
	case IO_DONE: unread = true; break;
	case IO_BLOCKED: break;
	case IO_MORE:
	case IO_EOF:
	case IO_FAILED: return TURN_OVER;
	}
	if (!unread)
		return TURN_OVER;
	c->phase = PHASE_LINGER;
	c->deadline_at_ms = 0;
	return TURN_ON;
}

static enum turn on_deadline(struct worker *w, struct conn *c)
{
	switch (c->phase) {
	case PHASE_NEW:
	case PHASE_GREET: return TURN_ON;
	case PHASE_PARKED:
		log_event(LOG_WARN, "net", "unanswered", "service=%s sid=%016llx", c->service->name, (unsigned long long)c->peer.sid);
		return TURN_OVER;
	case PHASE_TALK:
	case PHASE_MORE:
		/* Who does not read what we have said will not read a goodbye. */
		return c->out.first || (c->pack && c->pack->packed.first) ? TURN_OVER : last_event(w, c, SESSION_TIMEOUT);
	case PHASE_PROXY:
	case PHASE_HANDSHAKE:
	case PHASE_SECURE:
	case PHASE_COMPRESS:
	case PHASE_CLOSE:
	case PHASE_LINGER: return TURN_OVER;
	}
	return TURN_OVER;
}

/* Who has not read yet what was said is known well enough. */
static enum turn on_nudge(struct worker *w, struct conn *c)
{
	c->nudge_at_ms = 0;
	if (c->phase == PHASE_TALK && !c->stop && !c->out.first)
		apply(w, c, c->service->event(c->session, SESSION_NUDGE, &c->out));
	return TURN_ON;
}

static enum turn take_hints(struct worker *w, struct conn *c)
{
	unsigned hints = claim_take_hints(&c->claim);

	if (hints & (CLAIM_HUP | CLAIM_FORCE))
		return TURN_OVER;
	if (hints & (CLAIM_IN | CLAIM_RDHUP))
		c->readable = true;
	if (hints & CLAIM_RDHUP)
		c->peer_shut = true;
	if (hints & CLAIM_OUT)
		c->blocked = false;
	if (c->tls && (hints & (CLAIM_IN | CLAIM_OUT))) {
		/* Reading may have waited for writing, and the other way round. */
		c->readable = true;
		c->blocked = false;
	}
	if (hints & CLAIM_WAKE)
		c->wake = true;
	if (hints & CLAIM_KICK)
		c->stop = true;
	if (!(hints & CLAIM_TIMER))
		return TURN_ON;
	c->armed_ms = 0;
	if (w->now_ms >= c->deadline_at_ms)
		return on_deadline(w, c);
	return c->nudge_at_ms && w->now_ms >= c->nudge_at_ms ? on_nudge(w, c) : TURN_ON;
}

static enum turn one_phase(struct worker *w, struct conn *c)
{
	switch (c->phase) {
	case PHASE_PROXY: return on_proxy(w, c);
	case PHASE_NEW: return on_new(w, c);
	case PHASE_HANDSHAKE: return on_handshake(w, c);
	case PHASE_GREET: return on_greet(w, c);
	case PHASE_TALK: return on_talk(w, c);
	case PHASE_PARKED: return on_parked(w, c);
	case PHASE_MORE: return on_more(w, c);
	case PHASE_SECURE: return on_secure(w, c);
	case PHASE_COMPRESS: return on_compress(w, c);
	case PHASE_CLOSE: return on_close(w, c);
	case PHASE_LINGER: return on_linger(w, c);
	}
	return TURN_OVER;
}

/* Its deadline, or before that the time to say that we are still here. */
static int64_t wakes_at(const struct worker *w, struct conn *c)
{
	int64_t nudge_ms = c->phase == PHASE_TALK && c->service->nudge_ms ? c->service->nudge_ms(c->session) : 0;

	if (!nudge_ms)
		c->nudge_at_ms = 0;
	else if (!c->nudge_at_ms)
		c->nudge_at_ms = w->now_ms + nudge_ms;
	return c->nudge_at_ms && c->nudge_at_ms < c->deadline_at_ms ? c->nudge_at_ms : c->deadline_at_ms;
}

/* Makes sure that something will bring it back. */
static bool prepare_rest(struct worker *w, struct conn *c)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.u64 = c->timer.key };
	bool polls_out = c->polls_out || c->blocked;
	int64_t at;

	if (c->pack)
		pack_rest(c->pack);
	at = wakes_at(w, c);
	if (c->armed_ms == 0 || at < c->armed_ms) {
		c->armed_ms = at;
		wheel_set(&w->pool->wheel, &c->timer, at);
	}
	if (c->registered && polls_out == c->polls_out)
		return true;
	/* With an edge for output only once it was full: before, each new connection would get one for nothing. */
	if (polls_out)
		e.events |= EPOLLOUT;
	if (epoll_ctl(w->pool->epoll_fd, c->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd, &e) != 0) {
		log_event(LOG_WARN, "net", "epoll_failed", "service=%s errno=%d", c->service->name, errno);
		return false;
	}
	c->registered = true;
	c->polls_out = polls_out;
	return true;
}

static void end(struct worker *w, struct conn *c)
{
	void *answer;

	if (claim_retire(&c->claim, &answer) && c->service->drop_answer)
		c->service->drop_answer(c->service->context, answer);
	if (c->phase == PHASE_PARKED)
		atomic_fetch_sub_explicit(&w->pool->parked, 1, memory_order_relaxed);
	wheel_cancel(&w->pool->wheel, &c->timer);
	if (c->session)
		c->service->close(c->session);
	c->session = NULL;
	pack_free(&c->pack);
	tls_free(&c->tls);
	close(c->fd);
	if (c->counted)
		peers_leave(&w->pool->peers, &c->peer.remote);
	out_clear(&c->out);
	buf_clear(&c->in);
	slots_give_back(&w->pool->slots, c);
}

void conn_run(struct worker *w, struct conn *c)
{
	enum turn turn;

	w->now_ms = clock_mono_ms();
	w->left = buf_span(&c->in);
	w->left_in_conn = w->left.len > 0;
	w->feeds = 0;
	w->bytes = 0;
	w->mored = false;
	turn = take_hints(w, c);
	while (turn == TURN_ON)
		turn = one_phase(w, c);
	if (turn != TURN_OVER && !conn_save_input(w, c))
		turn = TURN_OVER;
	if (turn == TURN_REST && !prepare_rest(w, c))
		turn = TURN_OVER;
	if (turn == TURN_OVER)
		end(w, c);
	else if (turn == TURN_YIELD || !claim_release(&c->claim))
		ready_push(&w->pool->ready, c, true);
}
