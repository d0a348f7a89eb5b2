/* bench/crowd.c: many connections: ones that only stand there, and ones that guess passwords beside somebody's work. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/base/clock.h"
#include "tests/bench/client.h"

#define SETUP_THREADS 8
#define NOOP_EVERY_NS (1000 * 1000)
#define NOOPS_MAX 1000000

struct crowd {
	const struct load *load;
	struct wire **wires;
	atomic_size_t next, standing;
};

static void *stand(void *argument)
{
	struct crowd *c = argument;
	size_t i;

	while ((i = atomic_fetch_add(&c->next, 1)) < c->load->connections) {
		struct wire *w = client_imap_login(c->load, c->load->port, c->load->tls, c->load->account + (unsigned)i % c->load->users);
		struct span line;

		if (w && client_imap_run(w, "SELECT INBOX") && wire_sendf(w, "b8 IDLE\r\n") && wire_line(w, &line) && span_starts(line, SPAN("+"))) {
			wire_rest(w);
			atomic_fetch_add(&c->standing, 1);
		}
		c->wires[i] = w;
	}
	return NULL;
}

/* Over `users` accounts from `account` on. Says when all stand, and leaves at the end of standard input. */
bool load_idle(const struct load *l)
{
	struct crowd c = { .load = l, .wires = calloc(l->connections, sizeof(struct wire *)) };
	pthread_t threads[SETUP_THREADS];
	int64_t began_us = clock_mono_us();
	unsigned started = 0;

	if (!c.wires)
		return false;
	while (started < SETUP_THREADS && pthread_create(&threads[started], NULL, stand, &c) == 0)
		started++;
	for (unsigned i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	printf("{\"standing\": %zu, \"seconds\": %.2f}\n", (size_t)c.standing, (double)(clock_mono_us() - began_us) / 1e6);
	fflush(stdout);
	while (getchar() != EOF)
		;
	for (unsigned i = 0; i < l->connections; i++)
		wire_close(&c.wires[i]);
	free(c.wires);
	return c.standing == l->connections;
}

struct guessers {
	const struct load *load;
	atomic_bool over;
	atomic_size_t refused, lost, guesses;
};

/* Never the same twice, over a hundred names: each costs a hash, and no name is refused before the end. */
static void *guess(void *argument)
{
	struct guessers *g = argument;
	struct wire *w = NULL;

	while (!atomic_load(&g->over)) {
		struct span line;
		size_t number;
		bool talks;

		if (!w && (!(w = wire_open(g->load->port, g->load->tls)) || !wire_line(w, &line))) {
			wire_close(&w);
			atomic_fetch_add(&g->lost, 1);
			continue;
		}
		number = atomic_fetch_add(&g->guesses, 1);
		talks = wire_sendf(w, "b7 LOGIN u%zu@%s wrong-password-%zu\r\n", g->load->account + number % 100, g->load->domain, number);
		while (talks && (talks = wire_line(w, &line)) && !span_starts(line, SPAN("b7 ")))
			;
		if (talks)
			atomic_fetch_add(&g->refused, 1);
		else
			wire_close(&w);
	}
	wire_close(&w);
	return NULL;
}

static bool noops(struct wire *w, size_t seconds, struct samples *times)
{
	int64_t until_us = clock_mono_us() + (int64_t)seconds * 1000000;
	struct timespec pause = { .tv_nsec = NOOP_EVERY_NS };

	for (;;) {
		int64_t began_us = clock_mono_us();

		if (began_us >= until_us)
			return true;
		if (!client_imap_run(w, "NOOP"))
			return false;
		samples_add(times, clock_mono_us() - began_us);
		nanosleep(&pause, NULL);
	}
}

bool load_guess(const struct load *l)
{
	struct guessers g = { .load = l };
	struct wire *w = client_imap_login(l, l->port, l->tls, l->account);
	pthread_t *threads = calloc(l->connections ? l->connections : 1, sizeof(*threads));
	struct samples times;
	unsigned started = 0;
	bool ok = samples_init(&times, NOOPS_MAX) && w && threads && client_imap_run(w, "SELECT INBOX");

	while (ok && started < l->connections && pthread_create(&threads[started], NULL, guess, &g) == 0)
		started++;
	ok = ok && noops(w, l->seconds, &times);
	atomic_store(&g.over, true);
	printf("{\"noops\": %zu, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f, \"refused\": %zu, \"lost\": %zu}\n", times.count, samples_at(&times, 0.5),
	       samples_at(&times, 0.99), samples_at(&times, 1), (size_t)g.refused, (size_t)g.lost);
	for (unsigned i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	samples_clear(&times);
	free(threads);
	wire_close(&w);
	return ok && started == l->connections;
}
