/* net/conn_proxy.c: the PROXY header in front of a connection.
 *
 * Only bytes that are the header's leave the socket: behind them TLS, or the peer's first command, may stand. What has come of a
 * header that is not whole waits as the connection's input.
 */
#include "daemon/net/conn_proxy.h"

#include <sys/socket.h>

#include "daemon/base/log.h"
#include "daemon/net/proxy.h"

#define WARN_EVERY_MS 1000

/* The proxies are the operator's, and one that is set up wrongly is wrong each time: it is told once a second. */
static void warn(struct worker *w, const struct conn *c, enum err e)
{
	int64_t before = atomic_load_explicit(&w->pool->warned_proxy_ms, memory_order_relaxed);

	if (w->now_ms - before >= WARN_EVERY_MS && atomic_compare_exchange_strong(&w->pool->warned_proxy_ms, &before, w->now_ms))
		log_event(LOG_WARN, "net", "no_proxy_header", "pool=%s peer=%s error=%s", w->pool->config.name, net_ip_text(&c->peer.remote).text, err_name(e));
}

static void name_peer(const struct pool *p, struct conn *c, const struct proxy_header *header)
{
	if (header->from.family != NET_NONE) {
		c->peer.remote = header->from;
		c->peer.local = header->to;
		c->peer.proxied = true;
	}
	c->peer.trusted = net_cidrs_have(p->config.trusted, p->config.trusted_count, &c->peer.remote);
}

enum io conn_take_proxy(struct worker *w, struct conn *c)
{
	struct proxy_header header;
	char bytes[PROXY_MAX_BYTES];
	size_t before = w->left.len, got, take;
	enum io io;
	enum err e;

	/* A header that is not whole yet is shorter than all of it. */
	if (before > 0)
		memcpy(bytes, w->left.ptr, before);
	io = conn_peek(c, bytes + before, sizeof bytes - before, &got);
	if (io != IO_DONE)
		return io;
	e = proxy_parse(span_make(bytes, before + got), &header);
	if (e != ERR_OK && e != ERR_STATE) {
		warn(w, c, e);
		return IO_FAILED;
	}
	take = e == ERR_OK ? header.length - before : got;
	if (recv(c->fd, bytes + before, take, 0) != (ssize_t)take)
		return IO_FAILED;
	if (e == ERR_STATE) {
		memcpy(w->in, bytes, before + take);
		w->left = span_make(w->in, before + take);
		w->left_in_conn = false;
		return IO_MORE;
	}
	w->left = span_make(NULL, 0);
	w->left_in_conn = false;
	name_peer(w->pool, c, &header);
	return IO_DONE;
}
