/* base/rng.c: random bytes from the kernel. */
#include "daemon/base/rng.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void rng_bytes(void *out, size_t len)
{
	unsigned char *at = out;
	ssize_t got;

	while (len) {
		got = getrandom(at, len, 0);
		if (got < 0 && errno == EINTR)
			continue;
		/* A kernel without getrandom: going on with guessable keys would be worse than stopping. */
		if (got <= 0)
			abort();
		at += got;
		len -= (size_t)got;
	}
}

uint64_t rng_u64(void)
{
	uint64_t out;

	rng_bytes(&out, sizeof out);
	return out;
}

uint64_t rng_below(uint64_t bound)
{
	/* Values under 2^64 mod bound would make the small results more likely: drawn again. */
	uint64_t least = -bound % bound;
	uint64_t drawn;

	do
		drawn = rng_u64();
	while (drawn < least);
	return drawn % bound;
}
