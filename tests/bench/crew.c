/* bench/crew.c: one thread a connection; the next free number is the next message. */
#include "tests/bench/crew.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/buf.h"
#include "daemon/base/clock.h"
#include "daemon/base/encode.h"

struct sender {
	const struct crew *crew;
	unsigned user; /* who submits */
	atomic_size_t *next, *accepted, *failed;
	struct samples times;
	pthread_t thread;
};

static bool authenticate(struct wire *w, const struct load *l, unsigned user)
{
	struct buf plain, base64;
	bool ok;

	buf_init(&plain, 256);
	buf_init(&base64, 512);
	buf_add_char(&plain, '\0');
	buf_addf(&plain, "u%u@%s", user, l->domain);
	buf_add_char(&plain, '\0');
	buf_add_str(&plain, l->password);
	base64_encode(buf_span(&plain), &base64);
	buf_add_char(&base64, '\0');
	ok = !base64.failed && wire_sendf(w, "AUTH PLAIN %s\r\n", base64.ptr) && client_smtp_reply(w, NULL) == 235;
	buf_clear(&plain);
	buf_clear(&base64);
	return ok;
}

static struct wire *greet(const struct sender *s, bool *pipelining_out)
{
	const struct load *l = s->crew->load;
	struct wire *w = wire_open(l->port, l->tls);

	*pipelining_out = false;
	if (w && (client_smtp_reply(w, NULL) != 220 || !wire_sendf(w, "EHLO load.example\r\n") || client_smtp_reply(w, pipelining_out) != 250 ||
		  (s->crew->submits && !authenticate(w, l, s->user))))
		wire_close(&w);
	return w;
}

/* With PIPELINING the three commands go in one write, but their replies are read either way. */
static bool send_one(const struct sender *s, struct wire *w, bool pipelining, size_t number)
{
	const struct load *l = s->crew->load;
	char from[128], to[128];
	bool ok;

	if (s->crew->submits) {
		snprintf(from, sizeof(from), "u%u@%s", s->user, l->domain);
		snprintf(to, sizeof(to), "someone@elsewhere.example");
	} else {
		snprintf(from, sizeof(from), "load@sender.example");
		snprintf(to, sizeof(to), "u%u@%s", (unsigned)(number % l->users) + 1, l->domain);
	}
	if (pipelining)
		ok = wire_sendf(w, "MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n", from, to) && client_smtp_reply(w, NULL) == 250 && client_smtp_reply(w, NULL) == 250;
	else
		ok = wire_sendf(w, "MAIL FROM:<%s>\r\n", from) && client_smtp_reply(w, NULL) == 250 && wire_sendf(w, "RCPT TO:<%s>\r\n", to) &&
		     client_smtp_reply(w, NULL) == 250 && wire_sendf(w, "DATA\r\n");
	return ok && client_smtp_reply(w, NULL) == 354 && (!s->crew->submits || wire_sendf(w, "From: <%s>\r\n", from)) && wire_send(w, s->crew->text) &&
	       client_smtp_reply(w, NULL) == 250;
}

static void *send_many(void *argument)
{
	struct sender *s = argument;
	struct wire *w = NULL;
	bool pipelining = false;
	size_t number;

	while ((number = atomic_fetch_add(s->next, 1)) < s->crew->load->count) {
		int64_t began_us = clock_mono_us();
		bool sent = (w || (w = greet(s, &pipelining))) && send_one(s, w, pipelining, number);

		if (sent)
			samples_add(&s->times, clock_mono_us() - began_us);
		if (sent && s->crew->one_a_session && wire_sendf(w, "QUIT\r\n"))
			(void)client_smtp_reply(w, NULL);
		if (!sent || s->crew->one_a_session)
			wire_close(&w);
		atomic_fetch_add(sent ? s->accepted : s->failed, 1);
	}
	wire_close(&w);
	return NULL;
}

bool crew_send(struct crew *c)
{
	unsigned count = c->load->connections, started = 0;
	struct sender *senders = calloc(count ? count : 1, sizeof(*senders));
	atomic_size_t next = 0, accepted = 0, failed = 0;

	if (!senders || !samples_init(&c->times, c->load->count)) {
		free(senders);
		return false;
	}
	for (; started < count; started++) {
		struct sender *s = &senders[started];

		*s = (struct sender){ .crew = c, .user = started % c->load->users + 1, .next = &next, .accepted = &accepted, .failed = &failed };
		if (!samples_init(&s->times, c->load->count) || pthread_create(&s->thread, NULL, send_many, s) != 0)
			break;
	}
	for (unsigned i = 0; i < started; i++) {
		pthread_join(senders[i].thread, NULL);
		samples_join(&c->times, &senders[i].times);
		samples_clear(&senders[i].times);
	}
	c->accepted = accepted;
	c->failed = failed;
	free(senders);
	return started == count && started > 0;
}
