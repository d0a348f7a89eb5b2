/* net/claim.h: who owns a connection: one atomic word (internal to net; ARCHITECTURE.md, A connection).
 *
 *     ARMED ──hint or answer: the one who wins the CAS──▶ OWNED ──release, nothing waits──▶ ARMED
 *                                                          │  ▲
 *                                    hint, answer: a bit ──┘  └── release finds a bit: another turn
 *     OWNED ──retire──▶ DEAD (the generation moves on) ──open──▶ OWNED
 *
 * The word is generation << 32 | bits. A hint that names an old generation does nothing. Events of epoll, wakes and timers
 * are hints only: who loses the race leaves a bit and goes.
 */
#ifndef POSTROOM_NET_CLAIM_H
#define POSTROOM_NET_CLAIM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define CLAIM_OWNED 0x0001u
#define CLAIM_DEAD 0x0002u
#define CLAIM_PARKED 0x0004u    /* a question is open: an answer may be left */
#define CLAIM_ANSWERING 0x0008u /* someone is writing `answer` */
#define CLAIM_ANSWERED 0x0010u  /* `answer` is there */
/* Hints. */
#define CLAIM_IN 0x0100u
#define CLAIM_OUT 0x0200u
#define CLAIM_RDHUP 0x0400u
#define CLAIM_HUP 0x0800u
#define CLAIM_WAKE 0x1000u
#define CLAIM_KICK 0x2000u
#define CLAIM_TIMER 0x4000u
#define CLAIM_FORCE 0x8000u
#define CLAIM_HINTS 0xff00u

struct claim {
	_Atomic uint64_t word;
	void *answer; /* written under ANSWERING, read by the owner after ANSWERED */
};

enum claim_result { CLAIM_GONE, /* the connection, or its question, is no more */
		    CLAIM_LEFT, /* the owner will find it */
		    CLAIM_WON /* the caller is the owner now */ };

void claim_init(struct claim *c); /* DEAD, generation 1 */
/* DEAD to OWNED; returns the generation. */
uint32_t claim_open(struct claim *c);
enum claim_result claim_hint(struct claim *c, uint32_t generation, unsigned hints);
/* On CLAIM_GONE the answer is still the caller's. */
enum claim_result claim_answer(struct claim *c, uint32_t generation, void *answer);

/* For the owner. */
unsigned claim_take_hints(struct claim *c);
void claim_park(struct claim *c);
bool claim_take_answer(struct claim *c, void **out); /* and ends the parking */
/* False: something waits, and the caller is still the owner. True is the last touch. */
bool claim_release(struct claim *c);
/* OWNED to DEAD. True when an answer was left behind. */
bool claim_retire(struct claim *c, void **answer_out);

#endif
