/* net/accept.c: taking connections in.
 *
 * A listener is armed EPOLLONESHOT: one thread at a time accepts from it, and a pause is not arming it.
 */
#include "daemon/net/accept.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/net/conn.h"
#include "daemon/net/ready.h"
#include "daemon/net/slots.h"

#define BATCH 16u
#define NEAR_BUFFER (128 * 1024) /* the kernel doubles it (socket(7)) */
#define PAUSE_MS 1000

enum err accept_arm(struct pool *p, struct port *port, bool first)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT, .data.u64 = port->index };

	if (epoll_ctl(p->epoll_fd, first ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, listener_fd(port->listener), &e) != 0)
		return ERR_TEMP;
	return ERR_OK;
}

/* A connection id that no log line of an earlier run has. */
static uint64_t next_sid(void)
{
	static _Atomic uint64_t counter;
	uint64_t n = atomic_fetch_add_explicit(&counter, 1, memory_order_relaxed);

	return ((uint64_t)clock_real_ms() << 20) | (n & 0xfffff);
}

/* Told in the clear and closed; a TLS client would not understand it. */
static void refuse(const struct pool *p, const struct port *port, int fd)
{
	struct span reply = p->services[port->service]->busy_reply;

	if (!port->implicit_tls && reply.len > 0 && send(fd, reply.ptr, reply.len, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		shutdown(fd, SHUT_WR);
	close(fd);
}

/* Once a second: a flood of connections must not become one of log lines. */
static void warn_full(struct pool *p, const struct net_addr *peer)
{
	int64_t now_ms = clock_mono_ms(), before = atomic_load_explicit(&p->warned_ms, memory_order_relaxed);

	if (now_ms - before >= 1000 && atomic_compare_exchange_strong(&p->warned_ms, &before, now_ms))
		log_event(LOG_WARN, "net", "refused", "pool=%s peer=%s limit=connections", p->config.name, net_ip_text(peer).text);
}

/* The kernel says who connected (unix(7)): the uid counts as the address. False: it does not say. */
static bool name_unix_peer(int fd, struct net_addr *remote)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return false;
	*remote = net_addr_of_uid(peer.uid);
	return true;
}

/* The buffer of a socket grows with what is under way, up to megabytes. To this machine nothing is ever long under way: all that it grows by is
 * memory that has left the caches before the peer reads it. To others it stays the kernel's to say. */
static void keep_near(int fd)
{
	const int size = NEAR_BUFFER;

	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

static void take_in(struct pool *p, const struct port *port, int fd, const struct sockaddr_storage *from)
{
	struct session_peer peer = { .remote = net_addr_from_sockaddr((const struct sockaddr *)from) };
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);
	struct conn *c;
	bool is_proxy;

	if (peer.remote.family == NET_UNIX && !name_unix_peer(fd, &peer.remote)) {
		close(fd);
		return;
	}
	is_proxy = net_cidrs_have(p->config.proxies, p->config.proxy_count, &peer.remote);
	peer.trusted = net_cidrs_have(p->config.trusted, p->config.trusted_count, &peer.remote);
	if (!is_proxy && !peer.trusted && !peers_enter(&p->peers, &peer.remote, p->config.max_per_ip)) {
		log_event(LOG_DEBUG, "net", "refused", "pool=%s peer=%s limit=per_ip", p->config.name, net_ip_text(&peer.remote).text);
		refuse(p, port, fd);
		return;
	}
	c = slots_take(&p->slots);
	if (!c) {
		warn_full(p, &peer.remote);
		if (!is_proxy && !peer.trusted)
			peers_leave(&p->peers, &peer.remote);
		refuse(p, port, fd);
		return;
	}
	if (getsockname(fd, (struct sockaddr *)&at, &len) == 0)
		peer.local = net_addr_from_sockaddr((const struct sockaddr *)&at);
	if (net_is_loopback(&peer.remote))
		keep_near(fd);
	peer.sid = next_sid();
	conn_open(p, c, fd, port, &peer, is_proxy);
	ready_push(&p->ready, c, false);
}

/* Out of descriptors: the one in reserve lets a peer be told instead of leaving it to wait. */
static void tell_one(struct pool *p, const struct port *port)
{
	int fd;

	pthread_mutex_lock(&p->reserve_lock);
	if (p->reserve_fd >= 0) {
		close(p->reserve_fd);
		fd = accept4(listener_fd(port->listener), NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			refuse(p, port, fd);
	}
	p->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pthread_mutex_unlock(&p->reserve_lock);
}

void accept_batch(struct pool *p, struct port *port)
{
	bool pause = false;

	pthread_mutex_lock(&port->lock);
	for (unsigned i = 0; port->listener && !pause && i < BATCH; i++) {
		struct sockaddr_storage from;
		socklen_t len = sizeof(from);
		int fd = accept4(listener_fd(port->listener), (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			take_in(p, port, fd, &from);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
			log_event(LOG_WARN, "net", "accept_paused", "pool=%s errno=%d", p->config.name, errno);
			tell_one(p, port);
			pause = true;
		} else if (errno == EAGAIN) {
			break;
		} /* else that one has gone already (accept(2) tells of its network's errors): the next */
	}
	if (port->listener && (pause || accept_arm(p, port, false) != ERR_OK))
		wheel_set(&p->wheel, &port->pause, clock_mono_ms() + PAUSE_MS);
	pthread_mutex_unlock(&port->lock);
}

void accept_close(struct port *port)
{
	pthread_mutex_lock(&port->lock);
	listener_close(&port->listener);
	pthread_mutex_unlock(&port->lock);
}
