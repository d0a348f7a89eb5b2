/* net/claim.c: the atomic word of a connection. */
#include "daemon/net/claim.h"

#include <sched.h>
#include <stddef.h>

static uint32_t generation_of(uint64_t word)
{
	return (uint32_t)(word >> 32);
}

/* Acquire for what the last owner wrote, release for what the next one reads. */
static bool swap(struct claim *c, uint64_t *expected, uint64_t next)
{
	return atomic_compare_exchange_weak_explicit(&c->word, expected, next, memory_order_acq_rel, memory_order_acquire);
}

void claim_init(struct claim *c)
{
	atomic_init(&c->word, (uint64_t)1 << 32 | CLAIM_OWNED | CLAIM_DEAD);
	c->answer = NULL;
}

uint32_t claim_open(struct claim *c)
{
	uint32_t generation = generation_of(atomic_load_explicit(&c->word, memory_order_relaxed));

	c->answer = NULL;
	atomic_store_explicit(&c->word, (uint64_t)generation << 32 | CLAIM_OWNED, memory_order_release);
	return generation;
}

enum claim_result claim_hint(struct claim *c, uint32_t generation, unsigned hints)
{
	uint64_t word = atomic_load_explicit(&c->word, memory_order_acquire);

	do {
		if (generation_of(word) != generation || (word & CLAIM_DEAD))
			return CLAIM_GONE;
	} while (!swap(c, &word, word | hints | CLAIM_OWNED));
	return word & CLAIM_OWNED ? CLAIM_LEFT : CLAIM_WON;
}

enum claim_result claim_answer(struct claim *c, uint32_t generation, void *answer)
{
	uint64_t word = atomic_load_explicit(&c->word, memory_order_acquire);

	do {
		if (generation_of(word) != generation || !(word & CLAIM_PARKED) || (word & (CLAIM_DEAD | CLAIM_ANSWERING | CLAIM_ANSWERED)))
			return CLAIM_GONE;
	} while (!swap(c, &word, word | CLAIM_ANSWERING));
	/* Nobody else writes now, and the connection cannot be retired. */
	c->answer = answer;
	word = atomic_load_explicit(&c->word, memory_order_acquire);
	while (!swap(c, &word, (word & ~(uint64_t)CLAIM_ANSWERING) | CLAIM_ANSWERED | CLAIM_OWNED))
		continue;
	return word & CLAIM_OWNED ? CLAIM_LEFT : CLAIM_WON;
}

unsigned claim_take_hints(struct claim *c)
{
	return (unsigned)(atomic_fetch_and_explicit(&c->word, ~(uint64_t)CLAIM_HINTS, memory_order_acq_rel) & CLAIM_HINTS);
}

void claim_park(struct claim *c)
{
	atomic_fetch_or_explicit(&c->word, CLAIM_PARKED, memory_order_acq_rel);
}

bool claim_take_answer(struct claim *c, void **out)
{
	if (!(atomic_load_explicit(&c->word, memory_order_acquire) & CLAIM_ANSWERED))
		return false;
	*out = c->answer;
	c->answer = NULL;
	atomic_fetch_and_explicit(&c->word, ~(uint64_t)(CLAIM_ANSWERED | CLAIM_PARKED), memory_order_acq_rel);
	return true;
}

bool claim_release(struct claim *c)
{
	uint64_t word = atomic_load_explicit(&c->word, memory_order_acquire);

	do {
		if (word & (CLAIM_HINTS | CLAIM_ANSWERED))
			return false;
	} while (!swap(c, &word, word & ~(uint64_t)CLAIM_OWNED));
	return true;
}

bool claim_retire(struct claim *c, void **answer_out)
{
	uint64_t word = atomic_load_explicit(&c->word, memory_order_acquire);
	uint32_t next;

	for (;;) {
		if (word & CLAIM_ANSWERING) { /* a few instructions of another thread */
			sched_yield();
			word = atomic_load_explicit(&c->word, memory_order_acquire);
			continue;
		}
		next = generation_of(word) + 1;
		if (next == 0)
			next = 1; /* 0 names what is no connection */
		if (swap(c, &word, (uint64_t)next << 32 | CLAIM_OWNED | CLAIM_DEAD))
			break;
	}
	*answer_out = c->answer;
	c->answer = NULL;
	return (word & CLAIM_ANSWERED) != 0;
}
