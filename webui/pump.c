/* webui/pump.c: one epoll loop over listeners and links.
 *
 * An event names (slot, side); a slot is given to a new connection only in the next round, so that a stale event of the same
 * round finds nothing. The loop sleeps without limit while there is no connection.
 */
#include "webui/pump.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/net/pool.h"
#include "webui/link.h"

#define MAX_DOORS 65 /* CONFIG_MAX_LISTENERS and the unix socket */
#define EVENTS_A_ROUND 64
#define ACCEPTS_A_ROUND 16

enum side { SIDE_CLIENT,
	    SIDE_LIBRARY,
	    SIDE_DOOR,
	    SIDE_STOP };

struct door {
	struct listener *listener; /* null: the unix socket */
	int fd;
	bool tls;
};

struct slot {
	struct link link;
	struct link_wants watched;
	bool used, freed_this_round;
};

struct pump {
	struct pump_config config;
	struct door doors[MAX_DOORS];
	size_t door_count;
	struct slot *slots;
	unsigned used;
	int epoll_fd, stop_fd;
	bool doors_open;
	int64_t stop_deadline_ms; /* set before stop_fd is written */
	pthread_t thread;
};

static uint64_t event_name(enum side side, size_t at)
{
	return ((uint64_t)side << 32) | at;
}

static bool watch(struct pump *p, int op, int fd, uint32_t events, uint64_t name)
{
	struct epoll_event e = { .events = events, .data.u64 = name };

	return epoll_ctl(p->epoll_fd, op, fd, &e) == 0;
}

static void drop_slot(struct pump *p, struct slot *s)
{
	link_clear(&s->link); /* closing takes both descriptors out of the epoll set */
	s->used = false;
	s->freed_this_round = true;
	p->used--;
}

static void rewatch(struct pump *p, struct slot *s)
{
	size_t at = (size_t)(s - p->slots);
	struct link_wants now = link_wants(&s->link);

	if (now.client != s->watched.client)
		watch(p, EPOLL_CTL_MOD, s->link.client, now.client, event_name(SIDE_CLIENT, at));
	if (now.library != s->watched.library && s->link.library >= 0)
		watch(p, EPOLL_CTL_MOD, s->link.library, now.library, event_name(SIDE_LIBRARY, at));
	s->watched = now;
}

static void turn(struct pump *p, struct slot *s)
{
	if (link_turn(&s->link))
		rewatch(p, s);
	else
		drop_slot(p, s);
}

/* ---- accepting ---- */

static struct slot *free_slot(struct pump *p)
{
	for (unsigned i = 0; i < p->config.max_connections; i++)
		if (!p->slots[i].used && !p->slots[i].freed_this_round)
			return &p->slots[i];
	return NULL;
}

/* On the unix socket the peer's credentials are the login. */
static enum api_caller caller_of(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof peer;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return API_NOBODY;
	return peer.uid == 0 || peer.uid == geteuid() ? API_LOCAL_OWNER : API_NOBODY;
}

static enum err begin_link(struct pump *p, struct slot *s, const struct door *door, int fd, const struct net_addr *from)
{
	enum api_caller caller = door->listener ? API_NOBODY : caller_of(fd);
	int pair[2];
	enum err e;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
		close(fd);
		return ERR_TEMP;
	}
	e = link_init(&s->link, fd, pair[0], door->tls ? p->config.tls : NULL);
	s->used = true;
	p->used++;
	if (e == ERR_OK)
		e = p->config.hand_over(p->config.arg, pair[1], from, caller);
	else
		close(pair[1]);
	return e;
}

static void admit(struct pump *p, const struct door *door, int fd, const struct net_addr *from)
{
	struct slot *s = free_slot(p);
	size_t at;

	if (!s) {
		close(fd);
		return;
	}
	if (begin_link(p, s, door, fd, from) != ERR_OK) {
		if (s->used)
			drop_slot(p, s);
		return;
	}
	at = (size_t)(s - p->slots);
	s->watched = link_wants(&s->link);
	if (!watch(p, EPOLL_CTL_ADD, s->link.client, s->watched.client, event_name(SIDE_CLIENT, at)) ||
	    !watch(p, EPOLL_CTL_ADD, s->link.library, s->watched.library, event_name(SIDE_LIBRARY, at)))
		drop_slot(p, s);
}

static void open_door(struct pump *p, const struct door *door)
{
	for (int i = 0; i < ACCEPTS_A_ROUND; i++) {
		struct sockaddr_storage sa;
		socklen_t len = sizeof sa;
		struct net_addr from;
		int fd = accept4(door->fd, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return; /* none waits; or no descriptors: those who wait stay in the backlog */
		from = net_addr_from_sockaddr((struct sockaddr *)&sa);
		admit(p, door, fd, &from);
	}
}

static void close_doors(struct pump *p)
{
	for (size_t i = 0; i < p->door_count; i++) {
		if (p->doors[i].listener)
			listener_close(&p->doors[i].listener);
		else
			close(p->doors[i].fd);
	}
	p->door_count = 0;
	p->doors_open = false;
}

/* ---- the loop ---- */

static void handle(struct pump *p, uint64_t name, uint32_t events)
{
	size_t at = (size_t)(name & 0xffffffffu);
	enum side side = (enum side)(name >> 32);

	switch (side) {
	case SIDE_DOOR:
		if (at < p->door_count)
			open_door(p, &p->doors[at]);
		break;
	case SIDE_CLIENT:
		if (p->slots[at].used && (events & (EPOLLHUP | EPOLLERR)))
			drop_slot(p, &p->slots[at]); /* gone in both directions: nobody reads an answer */
		else if (p->slots[at].used)
			turn(p, &p->slots[at]);
		break;
	case SIDE_LIBRARY:
		if (p->slots[at].used)
			turn(p, &p->slots[at]);
		break;
	case SIDE_STOP:
		break; /* seen by the loop's condition */
	}
}

/* Closes what is over its deadline; when stopping, lets no further request in. */
static void sweep(struct pump *p, bool stopping)
{
	int64_t now = clock_mono_ms();

	for (unsigned i = 0; i < p->config.max_connections; i++) {
		struct slot *s = &p->slots[i];

		s->freed_this_round = false;
		if (s->used && stopping) {
			link_end(&s->link);
			turn(p, s);
		}
		if (s->used && (s->link.deadline_ms <= now || (stopping && now >= p->stop_deadline_ms)))
			drop_slot(p, s);
	}
}

static bool is_stopping(struct pump *p)
{
	uint64_t count;

	if (p->doors_open && read(p->stop_fd, &count, sizeof count) == sizeof count)
		close_doors(p);
	return !p->doors_open;
}

static void *run(void *arg)
{
	struct pump *p = arg;
	struct epoll_event events[EVENTS_A_ROUND];
	bool stopping = false;

	while (!stopping || p->used > 0) {
		int timeout = stopping ? 50 : p->used > 0 ? 1000
							  : -1;
		int count = epoll_wait(p->epoll_fd, events, EVENTS_A_ROUND, timeout);

		for (int i = 0; i < count; i++)
			handle(p, events[i].data.u64, events[i].events);
		stopping = is_stopping(p);
		sweep(p, stopping);
	}
	return NULL;
}

/* ---- starting and stopping ---- */

static enum err add_doors(struct pump *p, const struct pump_config *c, struct note *why)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < c->http_count; i++)
		p->doors[p->door_count++] = (struct door){ c->http[i], listener_fd(c->http[i]), false };
	for (size_t i = 0; i < c->https_count; i++)
		p->doors[p->door_count++] = (struct door){ c->https[i], listener_fd(c->https[i]), true };
	if (c->unix_fd >= 0)
		p->doors[p->door_count++] = (struct door){ NULL, c->unix_fd, false };
	p->doors_open = true;
	for (size_t i = 0; i < p->door_count && e == ERR_OK; i++)
		if (p->doors[i].listener)
			e = listener_listen(p->doors[i].listener, why);
	if (e != ERR_OK)
		return e;
	for (size_t i = 0; i < p->door_count; i++)
		if (!watch(p, EPOLL_CTL_ADD, p->doors[i].fd, EPOLLIN, event_name(SIDE_DOOR, i)))
			return ERR_TEMP;
	return watch(p, EPOLL_CTL_ADD, p->stop_fd, EPOLLIN, event_name(SIDE_STOP, 0)) ? ERR_OK : ERR_TEMP;
}

static void free_pump(struct pump **p)
{
	close_doors(*p);
	if ((*p)->epoll_fd >= 0)
		close((*p)->epoll_fd);
	if ((*p)->stop_fd >= 0)
		close((*p)->stop_fd);
	free((*p)->slots);
	free(*p);
	*p = NULL;
}

enum err pump_start(const struct pump_config *config, struct pump **out, struct note *why)
{
	struct pump *p = calloc(1, sizeof *p);
	enum err e;

	if (!p)
		return ERR_TEMP;
	p->config = *config;
	p->slots = calloc(config->max_connections, sizeof *p->slots);
	p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	p->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	e = add_doors(p, config, why);
	if (e != ERR_OK || !p->slots || pthread_create(&p->thread, NULL, run, p) != 0) {
		if (e == ERR_OK)
			note_set_errno(why, errno, "starting the web server's pump");
		free_pump(&p);
		return ERR_TEMP;
	}
	*out = p;
	return ERR_OK;
}

void pump_stop(struct pump **p, int64_t deadline_ms)
{
	const uint64_t one = 1;

	if (!*p)
		return;
	(*p)->stop_deadline_ms = clock_mono_ms() + deadline_ms;
	if (write((*p)->stop_fd, &one, sizeof one) != sizeof one)
		log_event(LOG_ERROR, "webui", "stop_failed", "the pump could not be told");
	pthread_join((*p)->thread, NULL);
	free_pump(p);
}
