/* net/ready.c: the ready list.
 *
 * The eventfd is edge-triggered and never read: each write wakes one sleeper. At most one event is under way; who is
 * woken by it and finds more than one connection waiting wakes the next.
 * No wake-up is lost: a thread counts itself as asleep under the lock while the list is empty, and an event that comes
 * before its epoll_wait() stays in the set.
 */
#include "daemon/net/ready.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/net/conn.h"

enum err ready_init(struct ready *r, struct note *why)
{
	r->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (r->event_fd < 0) {
		note_set_errno(why, errno, "eventfd");
		return ERR_TEMP;
	}
	pthread_mutex_init(&r->lock, NULL);
	return ERR_OK;
}

void ready_clear(struct ready *r)
{
	close(r->event_fd);
	pthread_mutex_destroy(&r->lock);
}

void ready_signal(struct ready *r)
{
	uint64_t one = 1;
	ssize_t written = write(r->event_fd, &one, sizeof(one));

	(void)written; /* it cannot fill up in 2^64 writes */
}

/* Called with the lock held. */
static bool must_signal(struct ready *r)
{
	if (r->signalled || atomic_load_explicit(&r->sleepers, memory_order_relaxed) == 0)
		return false;
	r->signalled = true;
	return true;
}

void ready_push(struct ready *r, struct conn *c, bool by_worker)
{
	bool signal;

	c->ready_next = NULL;
	pthread_mutex_lock(&r->lock);
	if (r->last)
		r->last->ready_next = c;
	else
		r->first = c;
	r->last = c;
	r->count++;
	signal = !(by_worker && r->count == 1) && must_signal(r);
	pthread_mutex_unlock(&r->lock);
	if (signal)
		ready_signal(r);
}

struct conn *ready_pop(struct ready *r)
{
	struct conn *c;
	bool signal = false;

	pthread_mutex_lock(&r->lock);
	c = r->first;
	if (c) {
		r->first = c->ready_next;
		if (!r->first)
			r->last = NULL;
		r->count--;
		signal = r->count > 0 && must_signal(r);
	} else {
		atomic_fetch_add_explicit(&r->sleepers, 1, memory_order_relaxed);
	}
	pthread_mutex_unlock(&r->lock);
	if (signal)
		ready_signal(r);
	return c;
}

void ready_awake(struct ready *r)
{
	atomic_fetch_sub_explicit(&r->sleepers, 1, memory_order_relaxed);
}

void ready_signal_seen(struct ready *r)
{
	pthread_mutex_lock(&r->lock);
	r->signalled = false;
	pthread_mutex_unlock(&r->lock);
}
