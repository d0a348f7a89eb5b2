/* base/rng.h: random bytes from the kernel. */
#ifndef POSTROOM_BASE_RNG_H
#define POSTROOM_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* Always fills; getrandom(2) cannot fail for these sizes once the pool is up (it waits for that). len <= 256. */
void rng_bytes(void *out, size_t len);
uint64_t rng_u64(void);
/* 0 .. bound - 1, bound > 0. */
uint64_t rng_below(uint64_t bound);

#endif
