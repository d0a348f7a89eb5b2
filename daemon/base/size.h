/* base/size.h: size arithmetic that cannot wrap. */
#ifndef POSTROOM_BASE_SIZE_H
#define POSTROOM_BASE_SIZE_H

#include <stdbool.h>
#include <stddef.h>

/* False when the result does not fit; *out is then untouched. */
static inline bool size_add(size_t a, size_t b, size_t *out)
{
	size_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return false;
	*out = sum;
	return true;
}

static inline bool size_mul(size_t a, size_t b, size_t *out)
{
	size_t product;

	if (__builtin_mul_overflow(a, b, &product))
		return false;
	*out = product;
	return true;
}

#endif
