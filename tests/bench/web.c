/* bench/web.c: requests over connections that are kept: `load web --port N [--tls] --connections N --count N PATH [FIELD...]`. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/buf.h"
#include "daemon/base/clock.h"
#include "tests/bench/client.h"

#define REQUEST_MAX 4096

struct counter_desk {
	const struct load *load;
	struct span request;
	atomic_size_t next, answered, refused;
};

struct customer {
	struct counter_desk *desk;
	struct samples times;
	pthread_t thread;
};

/* The status of one whole answer; 0: the connection is gone. */
static unsigned hear_answer(struct wire *w)
{
	uint64_t status = 0, length = 0;
	struct span line;

	if (!wire_line(w, &line) || line.len < 12 || span_to_u64(span_take(span_skip(line, 9), 3), 999, &status) != ERR_OK)
		return 0;
	while (wire_line(w, &line) && line.len > 0)
		if (span_istarts(line, SPAN("Content-Length: ")) && span_to_u64(span_skip(line, 16), 1u << 30, &length) != ERR_OK)
			return 0;
	return wire_skip(w, length) ? (unsigned)status : 0;
}

static void *ask(void *argument)
{
	struct customer *c = argument;
	struct counter_desk *d = c->desk;
	struct wire *w = wire_open(d->load->port, d->load->tls);

	while (w && atomic_fetch_add(&d->next, 1) < d->load->count) {
		int64_t began_us = clock_mono_us();
		unsigned status = wire_send(w, d->request) ? hear_answer(w) : 0;

		if (status == 0)
			break;
		samples_add(&c->times, clock_mono_us() - began_us);
		atomic_fetch_add(status == 200 ? &d->answered : &d->refused, 1);
	}
	wire_close(&w);
	return NULL;
}

static bool write_request(const struct load *l, struct buf *out)
{
	buf_addf(out, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n", l->words[0]);
	for (int i = 1; i < l->word_count; i++)
		buf_addf(out, "%s\r\n", l->words[i]);
	buf_add_str(out, "\r\n");
	return !out->failed;
}

static bool run_customers(struct counter_desk *desk, struct customer *customers, struct samples *all)
{
	unsigned started = 0;

	for (; started < desk->load->connections; started++) {
		customers[started].desk = desk;
		if (!samples_init(&customers[started].times, desk->load->count) || pthread_create(&customers[started].thread, NULL, ask, &customers[started]) != 0)
			break;
	}
	for (unsigned i = 0; i < started; i++) {
		pthread_join(customers[i].thread, NULL);
		samples_join(all, &customers[i].times);
		samples_clear(&customers[i].times);
	}
	return started == desk->load->connections;
}

bool load_web(const struct load *l)
{
	struct counter_desk desk = { .load = l };
	struct customer *customers = calloc(l->connections ? l->connections : 1, sizeof(*customers));
	struct samples all;
	struct buf request;
	int64_t began_us;
	double seconds;
	bool ok;

	buf_init(&request, REQUEST_MAX);
	ok = customers && l->word_count > 0 && write_request(l, &request) && samples_init(&all, l->count);
	desk.request = buf_span(&request);
	began_us = clock_mono_us();
	if (ok) {
		ok = run_customers(&desk, customers, &all);
		seconds = (double)(clock_mono_us() - began_us) / 1e6;
		printf("{\"answered\": %zu, \"refused\": %zu, \"per_s\": %.0f, \"p50_ms\": %.3f, \"p99_ms\": %.3f}\n", (size_t)desk.answered, (size_t)desk.refused, (double)(desk.answered + desk.refused) / seconds,
		       samples_at(&all, 0.5), samples_at(&all, 0.99));
		samples_clear(&all);
	}
	buf_clear(&request);
	free(customers);
	return ok && desk.answered == l->count;
}
