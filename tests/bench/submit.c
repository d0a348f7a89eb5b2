/* bench/submit.c: messages submitted over TLS, until the next server has the last: a sink of ours that says yes to everything. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/buf.h"
#include "daemon/base/clock.h"
#include "tests/bench/client.h"
#include "tests/bench/crew.h"
#include "tests/bench/text.h"

#define ARRIVE_SECONDS 60
#define LOOK_EVERY_NS (1000 * 1000)
#define ACCEPT_LOOK_MS 100

struct sink {
	int fd;
	atomic_bool over;
	atomic_size_t arrived;
	_Atomic int64_t last_us;
	pthread_t thread;
};

struct guest {
	struct sink *sink;
	struct wire *wire;
};

static bool take_message(struct guest *g)
{
	struct span line;

	if (!wire_sendf(g->wire, "354 go on\r\n"))
		return false;
	do
		if (!wire_line(g->wire, &line))
			return false;
	while (!span_equals(line, SPAN(".")));
	atomic_store(&g->sink->last_us, clock_mono_us());
	atomic_fetch_add(&g->sink->arrived, 1);
	return wire_sendf(g->wire, "250 kept\r\n");
}

static void *serve(void *argument)
{
	struct guest *g = argument;
	struct span line;
	bool ok = wire_sendf(g->wire, "220 sink.example ESMTP\r\n");

	while (ok && wire_line(g->wire, &line)) {
		if (span_istarts(line, SPAN("EHLO")))
			ok = wire_sendf(g->wire, "250-sink.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n");
		else if (span_iequals(line, SPAN("DATA")))
			ok = take_message(g);
		else if (span_iequals(line, SPAN("QUIT")))
			ok = wire_sendf(g->wire, "221 bye\r\n") && false;
		else
			ok = wire_sendf(g->wire, "250 ok\r\n");
	}
	wire_close(&g->wire);
	free(g);
	return NULL;
}

static void welcome(struct sink *s, int fd)
{
	struct guest *g = calloc(1, sizeof(*g));
	pthread_t thread;

	if (!g) {
		close(fd);
		return;
	}
	*g = (struct guest){ .sink = s, .wire = wire_adopt(fd) };
	if (g->wire && pthread_create(&thread, NULL, serve, g) == 0) {
		pthread_detach(thread);
		return;
	}
	wire_close(&g->wire);
	free(g);
}

static void *accept_guests(void *argument)
{
	struct sink *s = argument;
	struct pollfd p = { .fd = s->fd, .events = POLLIN };

	while (!atomic_load(&s->over)) {
		int fd = poll(&p, 1, ACCEPT_LOOK_MS) > 0 ? accept4(s->fd, NULL, NULL, SOCK_CLOEXEC) : -1;

		if (fd >= 0)
			welcome(s, fd);
	}
	return NULL;
}

static bool open_sink(struct sink *s, unsigned port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int on = 1;

	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return false;
	if (setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 && bind(s->fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(s->fd, 128) == 0 &&
	    pthread_create(&s->thread, NULL, accept_guests, s) == 0)
		return true;
	close(s->fd);
	return false;
}

static bool wait_arrived(struct sink *s, size_t wanted)
{
	int64_t until_ms = clock_mono_ms() + ARRIVE_SECONDS * 1000;
	struct timespec pause = { .tv_nsec = LOOK_EVERY_NS };

	while (atomic_load(&s->arrived) < wanted && clock_mono_ms() < until_ms)
		nanosleep(&pause, NULL);
	return atomic_load(&s->arrived) >= wanted;
}

/* The word `reconnect` behind the options: a connection, handshake and AUTH for each message. */
bool load_submit(const struct load *l)
{
	struct crew crew = { .load = l, .submits = true, .one_a_session = l->word_count > 0 };
	struct sink *sink = calloc(1, sizeof(*sink)); /* its guests may outlive this call */
	int64_t began_us;
	struct buf text;
	bool ok;

	if (!sink || !open_sink(sink, l->sink_port))
		return false;
	buf_init(&text, l->size + 8192);
	text_plain(&text, NULL, 1, l->size);
	buf_add_str(&text, ".\r\n");
	crew.text = buf_span(&text);
	began_us = clock_mono_us();
	ok = !text.failed && crew_send(&crew);
	ok = wait_arrived(sink, crew.accepted) && ok && crew.failed == 0;
	printf("{\"accepted\": %zu, \"failed\": %zu, \"arrived\": %zu, \"arrived_per_s\": %.1f, \"p50_ms\": %.3f, \"p99_ms\": %.3f}\n", crew.accepted, crew.failed, (size_t)sink->arrived,
	       (double)sink->arrived * 1e6 / (double)(sink->last_us - began_us), samples_at(&crew.times, 0.5), samples_at(&crew.times, 0.99));
	atomic_store(&sink->over, true);
	pthread_join(sink->thread, NULL);
	close(sink->fd);
	samples_clear(&crew.times);
	buf_clear(&text);
	return ok;
}
