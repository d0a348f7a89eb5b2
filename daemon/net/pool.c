/* net/pool.c: service pools: threads around an epoll set, a ready list and a timer wheel.
 *
 * Lock order: port, then peers, slots, ready, wheel, each alone. Nothing is called back with one of them held.
 */
#include "daemon/net/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/net/accept.h"
#include "daemon/net/conn.h"
#include "daemon/net/deflate.h"
#include "daemon/net/ready.h"
#include "daemon/net/slots.h"

/* Keys of epoll whose generation is 0: ports by their index, and: */
#define KEY_SIGNAL 0xffffffffu
#define KEY_TIMER 0xfffffffeu

#define TURNS_A_LOOK 4u /* busy threads look for new events this often */
#define EVENTS_A_LOOK 16
#define DUE_A_LOOK 64u
#define ANSWER_DELAY_MAX_MS (500 * 1000) /* inside the wheel's span */

struct late_answer {
	struct wheel_entry entry; /* first: the wheel gives it back */
	struct ticket ticket;
	void *answer;
};

static enum err add_special(struct pool *p, int fd, uint32_t key)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLET, .data.u64 = key };

	return epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, fd, &e) == 0 ? ERR_OK : ERR_TEMP;
}

static enum err init_tables(struct pool *p, struct note *why)
{
	const struct pool_config *config = &p->config;
	enum err e = slots_init(&p->slots, config->max_connections);

	if (e == ERR_OK)
		e = peers_init(&p->peers, config->max_connections);
	if (e == ERR_OK && config->greet_delay_ms > 0)
		e = waited_new(&p->waited);
	if (e != ERR_OK)
		note_set(why, "%s: no memory for %u connections", config->name, config->max_connections);
	return e;
}

enum err pool_new(const struct pool_config *config, struct pool **out, struct note *why)
{
	struct pool *p;

	if (config->threads == 0 || config->threads > POOL_MAX_THREADS || config->max_connections == 0 || config->max_connections > POOL_MAX_SLOTS) {
		note_set(why, "%s: threads or connections out of range", config->name);
		return ERR_LIMIT;
	}
	p = calloc(1, sizeof(*p));
	if (!p)
		return ERR_TEMP;
	p->config = *config;
	if (p->config.max_per_ip == 0)
		p->config.max_per_ip = UINT_MAX;
	p->reserve_fd = p->epoll_fd = p->ready.event_fd = p->wheel.timer_fd = -1;
	pthread_mutex_init(&p->reserve_lock, NULL);
	p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	p->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (p->epoll_fd < 0 || p->reserve_fd < 0) {
		note_set_errno(why, errno, "%s: epoll", config->name);
		goto failed;
	}
	if (ready_init(&p->ready, why) != ERR_OK || wheel_init(&p->wheel, why) != ERR_OK)
		goto failed;
	if (init_tables(p, why) != ERR_OK)
		goto failed;
	if (add_special(p, p->ready.event_fd, KEY_SIGNAL) != ERR_OK || add_special(p, p->wheel.timer_fd, KEY_TIMER) != ERR_OK) {
		note_set(why, "%s: epoll", config->name);
		goto failed;
	}
	*out = p;
	return ERR_OK;
failed:
	pool_free(&p);
	return ERR_TEMP;
}

static bool service_index(struct pool *p, const struct service *service, unsigned *out)
{
	for (*out = 0; *out < p->service_count; (*out)++)
		if (p->services[*out] == service)
			return true;
	if (p->service_count == POOL_MAX_SERVICES)
		return false;
	p->services[p->service_count++] = service;
	return true;
}

enum err pool_attach(struct pool *p, struct listener **l, const struct service *service, bool implicit_tls)
{
	struct port *port = &p->ports[p->port_count];
	enum err e;

	if (p->port_count == POOL_MAX_PORTS || !service_index(p, service, &port->service))
		return ERR_LIMIT;
	e = listener_listen(*l, NULL);
	if (e)
		return e;
	pthread_mutex_init(&port->lock, NULL);
	port->index = p->port_count++;
	port->implicit_tls = implicit_tls;
	port->pause = (struct wheel_entry){ .kind = WHEEL_PORT, .key = port->index };
	port->listener = *l;
	*l = NULL;
	return ERR_OK;
}

/* The connection of a ticket; null for a number that was never one. */
static struct conn *conn_of(struct pool *p, uint32_t slot)
{
	uint32_t index = slot & (POOL_MAX_SLOTS - 1);

	return p && index < p->slots.size ? &p->slots.table[index] : NULL;
}

static void hint(struct pool *p, uint32_t slot, uint32_t generation, unsigned hints)
{
	struct conn *c = conn_of(p, slot);

	if (c && claim_hint(&c->claim, generation, hints) == CLAIM_WON)
		ready_push(&p->ready, c, false);
}

void pool_wake(struct ticket t)
{
	hint(t.pool, t.slot, t.generation, CLAIM_WAKE);
}

void pool_kick(struct ticket t)
{
	hint(t.pool, t.slot, t.generation, CLAIM_KICK);
}

static void drop_answer(struct ticket t, void *answer)
{
	const struct service *service = t.pool->services[t.slot >> POOL_SLOT_BITS];

	if (service->drop_answer)
		service->drop_answer(service->context, answer);
}

void pool_answer(struct ticket t, void *answer)
{
	struct conn *c = conn_of(t.pool, t.slot);

	if (!c)
		return;
	switch (claim_answer(&c->claim, t.generation, answer)) {
	case CLAIM_GONE: drop_answer(t, answer); break;
	case CLAIM_LEFT: break;
	case CLAIM_WON: ready_push(&t.pool->ready, c, false); break;
	}
}

void pool_answer_later(struct ticket t, void *answer, int64_t delay_ms)
{
	struct late_answer *late = t.pool && delay_ms > 0 ? malloc(sizeof(*late)) : NULL;

	if (!late) {
		pool_answer(t, answer);
		return;
	}
	*late = (struct late_answer){ { .kind = WHEEL_ANSWER }, t, answer };
	wheel_set(&t.pool->wheel, &late->entry, clock_mono_ms() + (delay_ms < ANSWER_DELAY_MAX_MS ? delay_ms : ANSWER_DELAY_MAX_MS));
}

static void on_timer(struct pool *p)
{
	struct wheel_due due[DUE_A_LOOK];
	size_t count;

	while ((count = wheel_take_due(&p->wheel, due, DUE_A_LOOK)) > 0) {
		for (size_t i = 0; i < count; i++) {
			struct late_answer *late = (struct late_answer *)due[i].entry;

			switch (due[i].kind) {
			case WHEEL_CONN: hint(p, (uint32_t)due[i].key, (uint32_t)(due[i].key >> 32), CLAIM_TIMER); break;
			case WHEEL_PORT: accept_batch(p, &p->ports[due[i].key]); break;
			case WHEEL_ANSWER:
				pool_answer(late->ticket, late->answer);
				free(late);
				break;
			}
		}
	}
}

static unsigned hints_of(uint32_t events)
{
	unsigned hints = 0;

	if (events & EPOLLIN)
		hints |= CLAIM_IN;
	if (events & EPOLLOUT)
		hints |= CLAIM_OUT;
	if (events & EPOLLRDHUP)
		hints |= CLAIM_RDHUP;
	if (events & (EPOLLHUP | EPOLLERR))
		hints |= CLAIM_HUP;
	return hints;
}

/* The connection that the caller owns now, if the event won one. */
static struct conn *on_event(struct pool *p, const struct epoll_event *e)
{
	uint32_t low = (uint32_t)e->data.u64, generation = (uint32_t)(e->data.u64 >> 32);
	struct conn *c;

	if (generation != 0) {
		c = conn_of(p, low);
		return claim_hint(&c->claim, generation, hints_of(e->events)) == CLAIM_WON ? c : NULL;
	}
	if (low == KEY_SIGNAL)
		ready_signal_seen(&p->ready);
	else if (low == KEY_TIMER)
		on_timer(p);
	else
		accept_batch(p, &p->ports[low]);
	return NULL;
}

/* New events go behind those who wait already. */
static void look(struct pool *p)
{
	struct epoll_event events[EVENTS_A_LOOK];
	int count = epoll_wait(p->epoll_fd, events, EVENTS_A_LOOK, 0);

	for (int i = 0; i < count; i++) {
		struct conn *c = on_event(p, &events[i]);

		if (c)
			ready_push(&p->ready, c, true);
	}
}

/* Sleeps until one event; one, for whoever takes more keeps others waiting behind its turn. */
static struct conn *sleep_for_event(struct pool *p)
{
	struct epoll_event e;
	int count = epoll_wait(p->epoll_fd, &e, 1, -1);

	ready_awake(&p->ready);
	return count == 1 ? on_event(p, &e) : NULL;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct pool *p = w->pool;
	unsigned turns = 0;

	while (!atomic_load_explicit(&p->quit, memory_order_acquire)) {
		struct conn *c = ready_pop(&p->ready);
		bool slept = !c;

		if (slept)
			c = sleep_for_event(p);
		if (c)
			conn_run(w, c);
		if (!slept && ++turns % TURNS_A_LOOK == 0)
			look(p);
	}
	ready_signal(&p->ready); /* the next sleeper sees it too */
	deflater_free(&w->deflater);
	free(w);
	return NULL;
}

static enum err start_thread(struct pool *p)
{
	struct worker *w = malloc(sizeof(*w));

	if (!w)
		return ERR_TEMP;
	w->pool = p;
	w->deflater = NULL;
	if (pthread_create(&p->threads[p->thread_count], NULL, work, w) != 0) {
		free(w);
		return ERR_TEMP;
	}
	p->thread_count++;
	return ERR_OK;
}

enum err pool_start(struct pool *p, struct note *why)
{
	sigset_t all, before;
	enum err e = ERR_OK;

	p->threads = calloc(p->config.threads, sizeof(*p->threads));
	if (!p->threads)
		return ERR_TEMP;
	/* Signals are for the main thread; and sendfile(2) knows no MSG_NOSIGNAL. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (unsigned i = 0; e == ERR_OK && i < p->config.threads; i++)
		e = start_thread(p);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	for (unsigned i = 0; e == ERR_OK && i < p->port_count; i++)
		e = accept_arm(p, &p->ports[i], true);
	if (e != ERR_OK)
		note_set(why, "%s: cannot start", p->config.name);
	return e;
}

struct pool_stats pool_stats(struct pool *p)
{
	return (struct pool_stats){
		.connections = slots_live(&p->slots),
		.parked = atomic_load_explicit(&p->parked, memory_order_relaxed),
		.max_connections = p->config.max_connections,
	};
}

static void hint_all(struct pool *p, unsigned hints)
{
	unsigned used = slots_used(&p->slots);

	for (uint32_t i = 0; i < used; i++) {
		uint64_t word = atomic_load_explicit(&p->slots.table[i].claim.word, memory_order_acquire);

		hint(p, i, (uint32_t)(word >> 32), hints);
	}
}

void pool_stop(struct pool *p, int64_t deadline_ms)
{
	struct wheel_entry *e;

	for (unsigned i = 0; i < p->port_count; i++)
		accept_close(&p->ports[i]);
	if (p->thread_count > 0) {
		hint_all(p, CLAIM_KICK);
		if (!slots_wait_empty(&p->slots, deadline_ms > 0 ? deadline_ms : 0)) {
			log_event(LOG_WARN, "net", "stop_forced", "pool=%s connections=%u", p->config.name, slots_live(&p->slots));
			hint_all(p, CLAIM_FORCE);
			slots_wait_empty(&p->slots, -1); /* a turn in progress is let finish: it may hold data */
		}
		atomic_store_explicit(&p->quit, true, memory_order_release);
		ready_signal(&p->ready);
		for (unsigned i = 0; i < p->thread_count; i++)
			pthread_join(p->threads[i], NULL);
		p->thread_count = 0;
	}
	while ((e = wheel_take_any(&p->wheel, WHEEL_ANSWER))) {
		struct late_answer *late = (struct late_answer *)e;

		drop_answer(late->ticket, late->answer);
		free(late);
	}
}

void pool_free(struct pool **p)
{
	struct pool *gone = *p;

	*p = NULL;
	if (!gone)
		return;
	if (gone->wheel.timer_fd >= 0)
		pool_stop(gone, 0);
	for (unsigned i = 0; i < gone->port_count; i++)
		pthread_mutex_destroy(&gone->ports[i].lock);
	slots_clear(&gone->slots);
	peers_clear(&gone->peers);
	waited_free(&gone->waited);
	if (gone->wheel.timer_fd >= 0)
		wheel_clear(&gone->wheel);
	if (gone->ready.event_fd >= 0)
		ready_clear(&gone->ready);
	if (gone->epoll_fd >= 0)
		close(gone->epoll_fd);
	if (gone->reserve_fd >= 0)
		close(gone->reserve_fd);
	pthread_mutex_destroy(&gone->reserve_lock);
	free(gone->threads);
	free(gone);
}
