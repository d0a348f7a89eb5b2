/* webui/pump.c: one epoll loop over listeners and links.
 *
 *   slot: FREE --admit--> USED --drop_slot--> RESTING --end of the round--> FREE
 *
 * (1) An event names (slot, side); a slot rests until the round has ended, so that a stale event of the same round finds nothing.
 * (2) A descriptor of which nothing is wanted is not in the epoll set: its hang-up would wake the loop for ever.
 * (3) The loop sleeps without limit while there is no connection.
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
#include "daemon/net/peers.h"
#include "daemon/net/pool.h"
#include "daemon/net/tls.h"
#include "webui/link.h"

#define MAX_DOORS 65 /* CONFIG_MAX_LISTENERS and the unix socket */
#define EVENTS_A_ROUND 64
#define ACCEPTS_A_ROUND 16
#define SWEEP_MS 1000
#define STOPPING_SWEEP_MS 50
#define NO_SLOT UINT32_MAX

enum side { SIDE_CLIENT,
	    SIDE_LIBRARY,
	    SIDE_DOOR,
	    SIDE_STOP };

struct door {
	struct listener *listener; /* null: the unix socket */
	int fd;
	struct link_config direct, proxied; /* for links by who comes */
};

struct slot {
	struct link link; /* first: a link's callbacks know their slot by it */
	struct link_wants watched;
	struct net_addr counted_as; /* in peers; NET_NONE: nowhere */
	uint32_t uid;               /* of the unix socket's peer */
	uint32_t generation;
	uint32_t next; /* of the free or the resting */
	bool used;
	bool local; /* came by the unix socket */
	bool told;  /* that the client has gone */
	bool more;  /* yielded: another turn without an event */
};

struct pump {
	struct pump_config config;
	struct door doors[MAX_DOORS];
	size_t door_count;
	struct slot *slots;
	uint32_t free_slots, resting;
	unsigned used, yielded;
	struct peers peers;
	int epoll_fd, stop_fd;
	bool doors_open;
	bool doors_paused;        /* no descriptors left: until the next sweep */
	int64_t sweep_ms;         /* when the next one is due */
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

static void set_more(struct pump *p, struct slot *s, bool more)
{
	if (s->more != more)
		p->yielded += more ? 1u : -1u;
	s->more = more;
}

static uint64_t link_name(const struct pump *p, const struct slot *s)
{
	return (uint64_t)s->generation << 32 | (uint32_t)(s - p->slots);
}

/* An answer without an end would not notice by itself. */
static void tell_gone(struct pump *p, struct slot *s)
{
	if (s->link.opened && !s->told)
		p->config.gone(p->config.arg, link_name(p, s));
	s->told = true;
}

static void stop_counting(struct pump *p, struct slot *s)
{
	if (s->counted_as.family != NET_NONE)
		peers_leave(&p->peers, &s->counted_as);
	s->counted_as.family = NET_NONE;
}

static void drop_slot(struct pump *p, struct slot *s)
{
	tell_gone(p, s);
	link_clear(&s->link); /* closing takes both descriptors out of the epoll set */
	stop_counting(p, s);
	set_more(p, s, false);
	s->used = false;
	s->next = p->resting;
	p->resting = (uint32_t)(s - p->slots);
	p->used--;
}

static void end_rest(struct pump *p)
{
	while (p->resting != NO_SLOT) {
		struct slot *s = &p->slots[p->resting];
		uint32_t at = p->resting;

		p->resting = s->next;
		s->next = p->free_slots;
		p->free_slots = at;
	}
}

/* False: the kernel would not; the link can't go on. */
static bool rewatch_side(struct pump *p, int fd, uint32_t before, uint32_t now, uint64_t name)
{
	if (now == before || fd < 0)
		return true;
	return watch(p, before == 0 ? EPOLL_CTL_ADD : now == 0 ? EPOLL_CTL_DEL
							       : EPOLL_CTL_MOD,
		     fd, now, name);
}

static bool rewatch(struct pump *p, struct slot *s)
{
	size_t at = (size_t)(s - p->slots);
	struct link_wants before = s->watched;

	s->watched = link_wants(&s->link);
	return rewatch_side(p, s->link.client, before.client, s->watched.client, event_name(SIDE_CLIENT, at)) &&
	       rewatch_side(p, s->link.library, before.library, s->watched.library, event_name(SIDE_LIBRARY, at));
}

static void turn(struct pump *p, struct slot *s)
{
	enum link_state state = link_turn(&s->link);

	set_more(p, s, state == LINK_MORE);
	if (s->link.client_ended)
		tell_gone(p, s);
	if (state == LINK_DONE || !rewatch(p, s))
		drop_slot(p, s);
}

/* ---- accepting ---- */

/* False: the caller of the unix socket is neither root nor our own user. */
static bool is_owner(int fd, uint32_t *uid_out)
{
	struct ucred peer;
	socklen_t len = sizeof peer;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return false;
	*uid_out = peer.uid;
	return peer.uid == 0 || peer.uid == geteuid();
}

static void turn_away(int fd, enum refusal why)
{
	struct buf text;

	buf_init(&text, 8192);
	refusal_write(why, SPAN(""), &text);
	(void)!send(fd, text.ptr, text.len, MSG_NOSIGNAL); /* what does not fit into an empty socket is nobody's loss */
	buf_clear(&text);
	close(fd);
}

static enum err open_library(void *arg, struct link *l, int *library_out)
{
	struct pump *p = arg;
	struct slot *s = (struct slot *)l;
	struct entrance e = { .link = link_name(p, s), .from = l->from, .is_local = s->local, .uid = s->uid, .secure = l->tls != NULL };
	struct sockaddr_storage at;
	socklen_t len = sizeof at;
	int pair[2];
	enum err result;

	if (l->tls)
		e.signed_elsewhere = !tls_own_is_self_signed(l->tls);
	if (!s->local && getsockname(l->client, (struct sockaddr *)&at, &len) == 0)
		e.local = net_addr_from_sockaddr((struct sockaddr *)&at);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
		return ERR_TEMP;
	result = p->config.hand_over(p->config.arg, pair[1], &e);
	if (result == ERR_OK)
		*library_out = pair[0];
	else
		close(pair[0]);
	return result;
}

static bool count_peer(struct pump *p, struct slot *s, const struct net_addr *from)
{
	if (net_cidrs_have(p->config.trusted, p->config.trusted_count, from))
		return true;
	if (!peers_enter(&p->peers, from, p->config.max_per_ip))
		return false;
	s->counted_as = *from;
	return true;
}

static bool met_client(void *arg, struct link *l)
{
	return count_peer(arg, (struct slot *)l, &l->from);
}

/* Who comes over the network leaves some places to those who administer. A proxy's clients are counted as they become known. */
static bool may_enter(struct pump *p, struct slot *s, const struct door *door, const struct net_addr *from, bool proxied)
{
	if (!door->listener)
		return true;
	if (p->used + PUMP_LOCAL_RESERVE >= p->config.max_connections)
		return false;
	return proxied || count_peer(p, s, from);
}

static void admit(struct pump *p, const struct door *door, int fd, const struct net_addr *from)
{
	struct slot *s = p->free_slots != NO_SLOT ? &p->slots[p->free_slots] : NULL;
	bool proxied = door->listener && net_cidrs_have(p->config.proxies, p->config.proxy_count, from);
	uint32_t uid = 0;

	if (!door->listener && !is_owner(fd, &uid)) {
		turn_away(fd, REFUSAL_NOT_ALLOWED);
		return;
	}
	if (s)
		*s = (struct slot){ .next = s->next, .generation = s->generation + 1, .uid = uid, .local = !door->listener };
	if (!s || !may_enter(p, s, door, from, proxied)) {
		close(fd);
		return;
	}
	link_init(&s->link, fd, from, proxied ? &door->proxied : &door->direct);
	p->free_slots = s->next;
	s->used = true;
	p->used++;
	if (!rewatch(p, s))
		drop_slot(p, s);
}

static void watch_doors(struct pump *p, bool open)
{
	for (size_t i = 0; i < p->door_count; i++)
		watch(p, EPOLL_CTL_MOD, p->doors[i].fd, open ? EPOLLIN : 0, event_name(SIDE_DOOR, i));
	p->doors_paused = !open;
}

static void open_door(struct pump *p, const struct door *door)
{
	for (int i = 0; i < ACCEPTS_A_ROUND; i++) {
		struct sockaddr_storage sa;
		socklen_t len = sizeof sa;
		struct net_addr from;
		int fd = accept4(door->fd, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)) {
			log_event(LOG_WARN, "webui", "accept_paused", "errno=%d connections=%u", errno, p->used);
			watch_doors(p, false);
			p->sweep_ms = clock_mono_ms() + SWEEP_MS;
		}
		if (fd < 0)
			return; /* none waits, or those who wait stay in the backlog */
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
	p->doors_paused = false;
}

/* ---- the loop ---- */

static void begin_stop(struct pump *p)
{
	uint64_t count;

	if (read(p->stop_fd, &count, sizeof count) == sizeof count)
		close_doors(p);
	p->sweep_ms = 0;
}

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
		begin_stop(p);
		break;
	}
}

/* Those that yielded, once more. */
static void take_turns(struct pump *p)
{
	for (unsigned i = 0; p->yielded > 0 && i < p->config.max_connections; i++)
		if (p->slots[i].more)
			turn(p, &p->slots[i]);
}

/* Closes what is over its deadline; when stopping, lets no further request in. */
static void sweep(struct pump *p, bool stopping)
{
	int64_t now = clock_mono_ms();

	if (now < p->sweep_ms)
		return;
	p->sweep_ms = now + (stopping ? STOPPING_SWEEP_MS : SWEEP_MS);
	if (p->doors_paused)
		watch_doors(p, true);
	for (unsigned i = 0; i < p->config.max_connections; i++) {
		struct slot *s = &p->slots[i];
		bool due;

		if (s->used && stopping) {
			link_end(&s->link);
			turn(p, s);
		}
		if (!s->used)
			continue;
		link_rest(&s->link);
		due = s->link.deadline_ms <= now;
		if ((stopping && now >= p->stop_deadline_ms) || (due && !link_expire(&s->link)))
			drop_slot(p, s);
		else if (due)
			turn(p, s);
	}
}

static int sleep_ms(const struct pump *p)
{
	if (p->yielded > 0)
		return 0;
	if (!p->doors_open)
		return STOPPING_SWEEP_MS;
	return p->used > 0 || p->doors_paused ? SWEEP_MS : -1;
}

static void *run(void *arg)
{
	struct pump *p = arg;
	struct epoll_event events[EVENTS_A_ROUND];

	while (p->doors_open || p->used > 0) {
		int count = epoll_wait(p->epoll_fd, events, EVENTS_A_ROUND, sleep_ms(p));

		for (int i = 0; i < count; i++)
			handle(p, events[i].data.u64, events[i].events);
		take_turns(p);
		sweep(p, !p->doors_open);
		end_rest(p);
	}
	return NULL;
}

/* ---- starting and stopping ---- */

static void add_door(struct pump *p, struct listener *listener, int fd, struct tls_store *tls)
{
	struct link_config c = { .tls = tls, .met = met_client, .open = open_library, .arg = p };
	struct door *d = &p->doors[p->door_count++];

	*d = (struct door){ .listener = listener, .fd = fd, .direct = c, .proxied = c };
	d->proxied.may_be_proxied = true;
}

static enum err add_doors(struct pump *p, const struct pump_config *c, struct note *why)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < c->http_count; i++)
		add_door(p, c->http[i], listener_fd(c->http[i]), NULL);
	for (size_t i = 0; i < c->https_count; i++)
		add_door(p, c->https[i], listener_fd(c->https[i]), c->tls);
	if (c->unix_fd >= 0)
		add_door(p, NULL, c->unix_fd, NULL);
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
	peers_clear(&(*p)->peers);
	free((*p)->slots);
	free(*p);
	*p = NULL;
}

static enum err make_slots(struct pump *p)
{
	p->free_slots = NO_SLOT;
	p->resting = NO_SLOT;
	p->slots = calloc(p->config.max_connections, sizeof *p->slots);
	if (!p->slots)
		return ERR_TEMP;
	for (uint32_t i = p->config.max_connections; i > 0; i--) {
		p->slots[i - 1].next = p->free_slots;
		p->free_slots = i - 1;
	}
	return peers_init(&p->peers, p->config.max_connections);
}

enum err pump_start(const struct pump_config *config, struct pump **out, struct note *why)
{
	struct pump *p = calloc(1, sizeof *p);
	enum err e;

	if (!p)
		return ERR_TEMP;
	p->config = *config;
	p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	p->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	e = add_doors(p, config, why);
	if (e == ERR_OK)
		e = make_slots(p);
	if (e != ERR_OK || pthread_create(&p->thread, NULL, run, p) != 0) {
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
