/* base/counter.c: process-wide counters. */
#include "daemon/base/counter.h"

#include <stdatomic.h>
#include <string.h>

/* Relaxed: each is read for itself, none orders other memory. */
static _Atomic uint64_t values[COUNTER_COUNT];

#define WORDS(constant, name, family, labels) [COUNTER_##constant] = { name, family, labels },
static const struct counter_words words[COUNTER_COUNT] = { COUNTERS(WORDS) };
#undef WORDS

void counter_add(enum counter which, uint64_t amount)
{
	atomic_fetch_add_explicit(&values[which], amount, memory_order_relaxed);
}

void counter_auth(enum counter_protocol protocol, enum counter_result result)
{
	counter_add((enum counter)(COUNTER_AUTH_IMAP_OK + (COUNTER_AUTH_POP3_OK - COUNTER_AUTH_IMAP_OK) * (int)protocol + (int)result), 1);
}

void counter_tls(int outgoing, const char *version)
{
	int newest = version && strcmp(version, "TLSv1.3") == 0;

	if (outgoing)
		counter_add(newest ? COUNTER_TLS_OUT_13 : COUNTER_TLS_OUT_12, 1);
	else
		counter_add(newest ? COUNTER_TLS_IN_13 : COUNTER_TLS_IN_12, 1);
}

uint64_t counter_get(enum counter which)
{
	return atomic_load_explicit(&values[which], memory_order_relaxed);
}

struct counter_words counter_words(enum counter which)
{
	return words[which];
}
