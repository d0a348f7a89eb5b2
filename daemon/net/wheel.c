/* net/wheel.c: the timer wheel.
 *
 * (1) An entry with tick t is in bucket t % WHEEL_BUCKETS and now_tick < t < now_tick + WHEEL_BUCKETS.
 * (2) While the wheel is not empty the timerfd is armed for the tick of its first entry or earlier.
 */
#include "daemon/net/wheel.h"

#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "daemon/base/clock.h"

#define TICK_MS 1000

enum err wheel_init(struct wheel *w, struct note *why)
{
	memset(w, 0, sizeof(*w));
	w->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (w->timer_fd < 0) {
		note_set_errno(why, errno, "timerfd");
		return ERR_TEMP;
	}
	pthread_mutex_init(&w->lock, NULL);
	for (size_t i = 0; i < WHEEL_BUCKETS; i++)
		w->heads[i].prev = w->heads[i].next = &w->heads[i];
	return ERR_OK;
}

void wheel_clear(struct wheel *w)
{
	close(w->timer_fd);
	pthread_mutex_destroy(&w->lock);
}

static void arm(struct wheel *w, int64_t tick)
{
	int64_t delay_ms = tick * TICK_MS - clock_mono_ms();
	struct itimerspec when = { { 0, 0 }, { 0, 0 } };

	w->armed_tick = tick;
	if (tick > 0) {
		if (delay_ms < 1)
			delay_ms = 1;
		when.it_value.tv_sec = delay_ms / 1000;
		when.it_value.tv_nsec = (delay_ms % 1000) * 1000000;
	}
	timerfd_settime(w->timer_fd, 0, &when, NULL);
}

static void take_out(struct wheel *w, struct wheel_entry *e)
{
	e->prev->next = e->next; /* NOLINT(clang-analyzer-core.NullDereference): an entry that is in has neighbours */
	e->next->prev = e->prev;
	e->prev = e->next = NULL;
	w->count--;
}

void wheel_set(struct wheel *w, struct wheel_entry *e, int64_t due_ms)
{
	struct wheel_entry *head;
	int64_t tick = (due_ms + TICK_MS - 1) / TICK_MS;

	pthread_mutex_lock(&w->lock);
	if (e->next)
		take_out(w, e);
	if (w->count == 0)
		w->now_tick = clock_mono_ms() / TICK_MS;
	if (tick <= w->now_tick)
		tick = w->now_tick + 1;
	if (tick >= w->now_tick + (int64_t)WHEEL_BUCKETS)
		tick = w->now_tick + (int64_t)WHEEL_BUCKETS - 1;
	e->tick = tick;
	head = &w->heads[(uint64_t)tick % WHEEL_BUCKETS];
	e->next = head;
	e->prev = head->prev;
	e->prev->next = e;
	head->prev = e;
	w->count++;
	if (w->armed_tick == 0 || tick < w->armed_tick)
		arm(w, tick);
	pthread_mutex_unlock(&w->lock);
}

void wheel_cancel(struct wheel *w, struct wheel_entry *e)
{
	pthread_mutex_lock(&w->lock);
	if (e->next)
		take_out(w, e); /* the timer stays armed: one idle tick is cheaper than a system call a connection */
	pthread_mutex_unlock(&w->lock);
}

/* The first tick behind now_tick that has an entry; 0 when the wheel is empty. */
static int64_t next_tick(const struct wheel *w)
{
	if (w->count == 0)
		return 0;
	for (int64_t tick = w->now_tick + 1;; tick++) {
		const struct wheel_entry *head = &w->heads[(uint64_t)tick % WHEEL_BUCKETS];

		if (head->next != head)
			return tick;
	}
}

size_t wheel_take_due(struct wheel *w, struct wheel_due *out, size_t max)
{
	size_t taken = 0;
	int64_t now = clock_mono_ms() / TICK_MS, tick;

	pthread_mutex_lock(&w->lock);
	while (taken < max && (tick = next_tick(w)) != 0 && tick <= now) {
		struct wheel_entry *e = w->heads[(uint64_t)tick % WHEEL_BUCKETS].next;

		out[taken++] = (struct wheel_due){ e, e->key, e->kind };
		take_out(w, e);
	}
	if (taken == 0) {
		if (now > w->now_tick)
			w->now_tick = now;
		arm(w, next_tick(w));
	}
	pthread_mutex_unlock(&w->lock);
	return taken;
}

struct wheel_entry *wheel_take_any(struct wheel *w, enum wheel_kind kind)
{
	struct wheel_entry *found = NULL;

	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; !found && i < WHEEL_BUCKETS; i++)
		for (struct wheel_entry *e = w->heads[i].next; !found && e != &w->heads[i]; e = e->next)
			if (e->kind == kind)
				found = e;
	if (found)
		take_out(w, found);
	pthread_mutex_unlock(&w->lock);
	return found;
}
