/* Senders rewritten and read back as the same; whatever comes as such a path, nothing opens that was not written. */
#include <stdlib.h>

#include "daemon/queue/srs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct srs srs = { .key = { 1 }, .now_ms = 1767225600000 };
	struct srs_path path, back;
	struct address sender;
	struct arena a;

	arena_init(&a, 1u << 20);
	if (address_parse(span_make((const char *)data, size), &a, &sender) == ERR_OK && sender.domain.len > 0 && sender.local.len > 0) {
		if (srs_write(&srs, &sender, SPAN("ours.test"), &a, &path) != ERR_OK || path.address.local.len > ADDRESS_LOCAL_MAX)
			abort();
		if (srs_read(&srs, &path.address, &a, &back) != ERR_OK || !span_equals(back.token, path.token))
			abort();
		/* A path of another forwarder comes back in its first spelling, a plain sender as he was. */
		if (!path.token.len && path.address.local.ptr[3] == '0' && (!span_equals(back.address.local, sender.local) || !span_equals(back.address.domain, sender.domain)))
			abort();
		if (srs_read(&srs, &sender, &a, &back) == ERR_OK)
			abort();
	}
	arena_clear(&a);
	return 0;
}
