/* bench/logins.c: people who come, log in and go: a connection, a TLS handshake and a LOGIN each. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "tests/bench/client.h"

struct door {
	const struct load *load;
	atomic_size_t next, in, failed;
};

struct visitor {
	struct door *door;
	struct samples times;
	pthread_t thread;
};

static void *visit(void *argument)
{
	struct visitor *v = argument;
	const struct load *l = v->door->load;
	size_t number;

	while ((number = atomic_fetch_add(&v->door->next, 1)) < l->count) {
		int64_t began_us = clock_mono_us();
		struct wire *w = client_imap_login(l, l->port, l->tls, l->account + (unsigned)(number % l->users));

		if (w)
			samples_add(&v->times, clock_mono_us() - began_us);
		atomic_fetch_add(w ? &v->door->in : &v->door->failed, 1);
		wire_close(&w);
	}
	return NULL;
}

bool load_logins(const struct load *l)
{
	struct door door = { .load = l };
	struct visitor *visitors = calloc(l->connections ? l->connections : 1, sizeof(*visitors));
	struct samples all;
	int64_t began_us = clock_mono_us();
	unsigned started = 0;
	double seconds;
	bool ok = visitors && samples_init(&all, l->count);

	for (; ok && started < l->connections; started++) {
		visitors[started].door = &door;
		if (!samples_init(&visitors[started].times, l->count) || pthread_create(&visitors[started].thread, NULL, visit, &visitors[started]) != 0)
			break;
	}
	for (unsigned i = 0; i < started; i++) {
		pthread_join(visitors[i].thread, NULL);
		samples_join(&all, &visitors[i].times);
		samples_clear(&visitors[i].times);
	}
	seconds = (double)(clock_mono_us() - began_us) / 1e6;
	if (ok) {
		printf("{\"logins\": %zu, \"failed\": %zu, \"per_s\": %.1f, \"p50_ms\": %.2f, \"p99_ms\": %.2f}\n", (size_t)door.in, (size_t)door.failed, (double)door.in / seconds, samples_at(&all, 0.5),
		       samples_at(&all, 0.99));
		samples_clear(&all);
	}
	free(visitors);
	return ok && started == l->connections && door.failed == 0;
}
