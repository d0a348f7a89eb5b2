/* db/trace_key.c: texts as numbers: FNV-1a, folded. A number stands for many texts; who looks compares. */
#include "db/trace_key.h"

#define HASH_BITS 38 /* of a Message-ID; the time has the other 25 */

static uint64_t hash(struct span s)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < s.len; i++)
		h = (h ^ (uint8_t)s.ptr[i]) * 1099511628211u;
	return h;
}

static uint32_t fold(uint64_t h)
{
	return (uint32_t)(h ^ (h >> 32));
}

static size_t at_sign(struct span address)
{
	size_t at = address.len;

	while (at > 0 && address.ptr[at - 1] != '@')
		at--;
	return at;
}

struct span trace_domain_of(struct span address)
{
	size_t at = at_sign(address);

	return at ? span_skip(address, at) : SPAN("");
}

int64_t trace_domain_key(struct span domain)
{
	return domain.len ? (int64_t)fold(hash(domain)) | 1 : 0;
}

static int64_t local_key(struct span local)
{
	return (int64_t)(fold(hash(local)) >> 1) << 32;
}

int64_t trace_address_key(struct span address)
{
	size_t at = at_sign(address);

	if (!address.len)
		return 0;
	return local_key(span_take(address, at ? at - 1 : address.len)) | trace_domain_key(trace_domain_of(address)) | 1;
}

void trace_local_range(struct span local, int64_t *first_out, int64_t *last_out)
{
	*first_out = local_key(local);
	*last_out = *first_out | 0xffffffff;
}

int64_t trace_message_key(struct span message_id, int64_t at_ms)
{
	uint64_t span_of_time = at_ms > 0 ? (uint64_t)at_ms / TRACE_MESSAGE_KEY_MS : 0;

	if (!message_id.len)
		return 0;
	return (int64_t)(((span_of_time << HASH_BITS) | (hash(message_id) >> (64 - HASH_BITS)) | 1) & INT64_MAX);
}
