/* bench/mailbox.c: IMAP: messages appended, commands timed. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/buf.h"
#include "daemon/base/clock.h"
#include "tests/bench/client.h"
#include "tests/bench/text.h"

#define MESSAGE_MAX (256u * 1024u)

struct writer {
	const struct load *load;
	unsigned user;
	bool mixed;
	atomic_size_t *next, *done;
	struct samples times;
	pthread_t thread;
};

static bool append(struct wire *w, struct span text)
{
	/* LITERAL+ (RFC 7888): no round trip before the bytes. */
	return wire_sendf(w, "b7 APPEND INBOX {%zu+}\r\n", text.len) && wire_send(w, text) && wire_send(w, SPAN("\r\n")) && client_imap_finish(w, "b7");
}

static void *append_many(void *argument)
{
	struct writer *r = argument;
	struct wire *w = client_imap_login(r->load, r->load->port, r->load->tls, r->user);
	struct buf text;
	size_t number;

	buf_init(&text, MESSAGE_MAX);
	while (w && (number = atomic_fetch_add(r->next, 1)) < r->load->count) {
		int64_t began_us;

		buf_reset(&text);
		if (r->mixed)
			text_mixed(&text, number);
		else
			text_plain(&text, "load@sender.example", number, r->load->size);
		began_us = clock_mono_us();
		if (!append(w, buf_span(&text)))
			break;
		samples_add(&r->times, clock_mono_us() - began_us);
		atomic_fetch_add(r->done, 1);
	}
	buf_clear(&text);
	wire_close(&w);
	return NULL;
}

/* `one`: all to the one account; `mixed`: of different sizes. */
static bool append_all(const struct load *l, bool one, bool mixed)
{
	struct writer *writers = calloc(l->connections, sizeof(*writers));
	atomic_size_t next = 0, done = 0;
	struct samples times;
	unsigned started = 0;
	int64_t began_us = clock_mono_us(), end_us;

	if (!writers || !samples_init(&times, l->count)) {
		free(writers);
		return false;
	}
	for (; started < l->connections; started++) {
		struct writer *r = &writers[started];

		*r = (struct writer){ .load = l, .user = one ? l->account : started % l->users + 1, .mixed = mixed, .next = &next, .done = &done };
		if (!samples_init(&r->times, l->count) || pthread_create(&r->thread, NULL, append_many, r) != 0)
			break;
	}
	for (unsigned i = 0; i < started; i++) {
		pthread_join(writers[i].thread, NULL);
		samples_join(&times, &writers[i].times);
		samples_clear(&writers[i].times);
	}
	end_us = clock_mono_us();
	printf("{\"appended\": %zu, \"per_s\": %.1f, \"p50_ms\": %.3f, \"p99_ms\": %.3f}\n", (size_t)done, (double)done * 1e6 / (double)(end_us - began_us), samples_at(&times, 0.5),
	       samples_at(&times, 0.99));
	samples_clear(&times);
	free(writers);
	return done == l->count;
}

bool load_append(const struct load *l)
{
	return append_all(l, false, false);
}

bool load_fill(const struct load *l)
{
	return append_all(l, true, l->word_count == 0);
}

bool load_script(const struct load *l)
{
	struct wire *w = client_imap_login(l, l->port, l->tls, l->account);
	bool ok = w;

	for (int i = 0; ok && i < l->word_count; i++) {
		uint64_t before = wire_received(w);
		int64_t began_us = clock_mono_us();

		ok = client_imap_run(w, l->words[i]);
		printf("{\"ok\": %s, \"ms\": %.3f, \"bytes\": %llu}\n", ok ? "true" : "false", (double)(clock_mono_us() - began_us) / 1000.0,
		       (unsigned long long)(wire_received(w) - before));
	}
	wire_close(&w);
	return ok;
}
