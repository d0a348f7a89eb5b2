/* The PROXY header parser: it asks for no byte that is not the header's, and an address it gives is one. */
#include <stdint.h>
#include <stdlib.h>

#include "daemon/net/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_make((const char *)data, size);
	struct proxy_header header, again;
	enum err e = proxy_parse(in, &header);

	if (e == ERR_STATE && size > PROXY_MAX_BYTES)
		abort();
	if (e != ERR_OK)
		return 0;
	if (header.length > size || header.length > PROXY_MAX_BYTES)
		abort();
	if (header.from.family != NET_NONE && header.from.family != NET_IPV4 && header.from.family != NET_IPV6)
		abort();
	if (proxy_parse(span_take(in, header.length), &again) != ERR_OK || again.length != header.length)
		abort();
	for (size_t cut = 0; cut < header.length; cut++)
		if (proxy_parse(span_take(in, cut), &again) != ERR_STATE)
			abort();
	return 0;
}
