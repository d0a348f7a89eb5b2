/* bench/deliver.c: messages in by SMTP, until the last is visible in its mailbox. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/base/buf.h"
#include "daemon/base/clock.h"
#include "tests/bench/client.h"
#include "tests/bench/text.h"

#define VISIBLE_SECONDS 90
#define LOOK_EVERY_NS (5 * 1000 * 1000)

struct sender {
	const struct load *load;
	struct span text;
	atomic_size_t *next, *accepted, *failed;
	struct samples times;
	pthread_t thread;
};

static struct wire *greet(const struct load *l, bool *pipelining_out)
{
	struct wire *w = wire_open(l->port, false);

	*pipelining_out = false;
	if (w && (client_smtp_reply(w, NULL) != 220 || !wire_sendf(w, "EHLO load.example\r\n") || client_smtp_reply(w, pipelining_out) != 250))
		wire_close(&w);
	return w;
}

static bool send_one(struct sender *s, struct wire *w, bool pipelining, size_t number)
{
	unsigned user = (unsigned)(number % s->load->users) + 1;
	bool ok;

	if (pipelining)
		ok = wire_sendf(w, "MAIL FROM:<load@sender.example>\r\nRCPT TO:<u%u@%s>\r\nDATA\r\n", user, s->load->domain) && client_smtp_reply(w, NULL) == 250 &&
		     client_smtp_reply(w, NULL) == 250;
	else
		ok = wire_sendf(w, "MAIL FROM:<load@sender.example>\r\n") && client_smtp_reply(w, NULL) == 250 &&
		     wire_sendf(w, "RCPT TO:<u%u@%s>\r\n", user, s->load->domain) && client_smtp_reply(w, NULL) == 250 && wire_sendf(w, "DATA\r\n");
	return ok && client_smtp_reply(w, NULL) == 354 && wire_send(w, s->text) && client_smtp_reply(w, NULL) == 250;
}

static void *send_many(void *argument)
{
	struct sender *s = argument;
	struct wire *w = NULL;
	bool pipelining = false;
	size_t number;

	while ((number = atomic_fetch_add(s->next, 1)) < s->load->count) {
		int64_t began_us = clock_mono_us();

		if (!w && !(w = greet(s->load, &pipelining))) {
			atomic_fetch_add(s->failed, 1);
			continue;
		}
		if (send_one(s, w, pipelining, number)) {
			samples_add(&s->times, clock_mono_us() - began_us);
			atomic_fetch_add(s->accepted, 1);
		} else {
			atomic_fetch_add(s->failed, 1);
			wire_close(&w);
		}
	}
	wire_close(&w);
	return NULL;
}

static bool count_all(struct wire **eyes, unsigned users, size_t *out)
{
	*out = 0;
	for (unsigned i = 0; i < users; i++) {
		size_t count;

		if (!client_imap_count(eyes[i], &count))
			return false;
		*out += count;
	}
	return true;
}

static bool wait_visible(struct wire **eyes, unsigned users, size_t wanted, size_t *seen_out)
{
	int64_t until_ms = clock_mono_ms() + VISIBLE_SECONDS * 1000;
	struct timespec pause = { .tv_nsec = LOOK_EVERY_NS };

	while (count_all(eyes, users, seen_out)) {
		if (*seen_out >= wanted)
			return true;
		if (clock_mono_ms() > until_ms)
			return false;
		nanosleep(&pause, NULL);
	}
	return false;
}

static bool send_all(const struct load *l, struct span text, size_t *accepted_out, size_t *failed_out, struct samples *times)
{
	struct sender *senders = calloc(l->connections, sizeof(*senders));
	atomic_size_t next = 0, accepted = 0, failed = 0;
	unsigned started = 0;

	if (!senders)
		return false;
	for (; started < l->connections; started++) {
		struct sender *s = &senders[started];

		*s = (struct sender){ .load = l, .text = text, .next = &next, .accepted = &accepted, .failed = &failed };
		if (!samples_init(&s->times, l->count) || pthread_create(&s->thread, NULL, send_many, s) != 0)
			break;
	}
	for (unsigned i = 0; i < started; i++) {
		pthread_join(senders[i].thread, NULL);
		samples_join(times, &senders[i].times);
		samples_clear(&senders[i].times);
	}
	*accepted_out = accepted;
	*failed_out = failed;
	free(senders);
	return started == l->connections;
}

static bool measure(const struct load *l, struct wire **eyes, struct span text)
{
	size_t before, seen = 0, accepted = 0, failed = 0;
	struct samples times;
	int64_t began_us, sent_us, end_us;
	bool ok;

	if (!count_all(eyes, l->users, &before) || !samples_init(&times, l->count))
		return false;
	began_us = clock_mono_us();
	ok = send_all(l, text, &accepted, &failed, &times);
	sent_us = clock_mono_us();
	ok = wait_visible(eyes, l->users, before + accepted, &seen) && ok;
	end_us = clock_mono_us();
	printf("{\"accepted\": %zu, \"failed\": %zu, \"visible\": %zu, \"accepted_per_s\": %.1f, \"visible_per_s\": %.1f, \"p50_ms\": %.3f, \"p99_ms\": %.3f}\n", accepted, failed,
	       seen - before, (double)accepted * 1e6 / (double)(sent_us - began_us), (double)(seen - before) * 1e6 / (double)(end_us - began_us), samples_at(&times, 0.5),
	       samples_at(&times, 0.99));
	samples_clear(&times);
	return ok;
}

bool load_deliver(const struct load *l)
{
	struct wire **eyes = calloc(l->users, sizeof(struct wire *));
	struct buf text;
	bool ok = eyes;

	buf_init(&text, l->size + 8192);
	text_plain(&text, 1, l->size);
	buf_add_str(&text, ".\r\n");
	for (unsigned i = 0; ok && i < l->users; i++) {
		eyes[i] = client_imap_login(l, l->imap_port, false, i + 1);
		ok = eyes[i];
	}
	ok = ok && !text.failed && measure(l, eyes, buf_span(&text));
	for (unsigned i = 0; eyes && i < l->users; i++)
		wire_close(&eyes[i]);
	free(eyes);
	buf_clear(&text);
	return ok;
}
