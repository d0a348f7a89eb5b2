/* Envelope paths, addresses, header lists. What is accepted can be written and read again as the same. */
#include <stdlib.h>

#include "daemon/base/buf.h"
#include "daemon/mime/address.h"
#include "daemon/mime/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_written(const struct address *addr, struct arena *a)
{
	struct address again;
	struct buf text;

	buf_init(&text, 2000);
	address_write(addr, &text);
	if (addr->domain.len > 0) {
		if (address_parse(buf_span(&text), a, &again) != ERR_OK)
			abort();
		if (!span_equals(again.local, addr->local) || !span_equals(again.domain, addr->domain))
			abort();
	}
	buf_clear(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_make((const char *)data, size);
	struct header_address *list;
	struct address addr;
	struct arena a;
	struct date date;
	size_t used, count;

	arena_init(&a, 64u << 20);
	for (int utf8 = 0; utf8 < 2; utf8++)
		if (address_parse_path(in, utf8, &a, &addr, &used) == ERR_OK) {
			if (used > size || data[used - 1] != '>' || addr.local.len > ADDRESS_LOCAL_MAX || addr.domain.len > ADDRESS_DOMAIN_MAX)
				abort();
			check_written(&addr, &a);
		}
	if (address_parse(in, &a, &addr) == ERR_OK)
		check_written(&addr, &a);
	if (address_list_parse(in, &a, &list, &count) != ERR_OK || count > ADDRESS_LIST_MAX)
		abort();
	for (size_t i = 0, depth = 0; i < count; i++) {
		depth += list[i].group_start ? 1 : 0;
		depth -= list[i].group_end ? 1 : 0;
		if (depth > 1)
			abort();
	}
	(void)date_parse_header(in, &date);
	(void)date_parse_imap(in, &date);
	arena_clear(&a);
	return 0;
}
