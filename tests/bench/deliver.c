/* bench/deliver.c: messages in by SMTP, until the last is visible in its mailbox. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/base/buf.h"
#include "daemon/base/clock.h"
#include "tests/bench/client.h"
#include "tests/bench/crew.h"
#include "tests/bench/text.h"

#define VISIBLE_SECONDS 90
#define LOOK_EVERY_NS (5 * 1000 * 1000)

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

static bool measure(const struct load *l, struct wire **eyes, struct span text)
{
	struct crew crew = { .load = l, .text = text };
	size_t before, seen = 0;
	int64_t began_us, sent_us, end_us;
	bool ok;

	if (!count_all(eyes, l->users, &before))
		return false;
	began_us = clock_mono_us();
	ok = crew_send(&crew);
	sent_us = clock_mono_us();
	ok = wait_visible(eyes, l->users, before + crew.accepted, &seen) && ok;
	end_us = clock_mono_us();
	printf("{\"accepted\": %zu, \"failed\": %zu, \"visible\": %zu, \"accepted_per_s\": %.1f, \"visible_per_s\": %.1f, \"p50_ms\": %.3f, \"p99_ms\": %.3f}\n", crew.accepted,
	       crew.failed, seen - before, (double)crew.accepted * 1e6 / (double)(sent_us - began_us), (double)(seen - before) * 1e6 / (double)(end_us - began_us),
	       samples_at(&crew.times, 0.5), samples_at(&crew.times, 0.99));
	samples_clear(&crew.times);
	return ok;
}

bool load_deliver(const struct load *l)
{
	struct wire **eyes = calloc(l->users, sizeof(struct wire *));
	struct buf text;
	bool ok = eyes;

	buf_init(&text, l->size + 8192);
	text_plain(&text, "load@sender.example", 1, l->size);
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
