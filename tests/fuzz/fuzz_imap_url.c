/* What is read as the URL of a message names one: its numbers are there, its names are UTF-8 without control characters. One that gives leave says to
 * whom, and is its rump and what signs it. */
#include <stdlib.h>

#include "daemon/imap/imap_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(struct span name)
{
	if (!span_is_utf8(name))
		abort();
	for (size_t i = 0; i < name.len; i++)
		if ((unsigned char)name.ptr[i] < 0x20 || name.ptr[i] == 0x7f)
			abort();
}

static void check_leave(const struct imap_url *url, struct span text)
{
	size_t signature = url->token.len ? url->token.len + url->mechanism.len + 2 : 0;

	if (url->access == URL_ACCESS_NONE) {
		if (url->token.len || url->rump.len)
			abort();
		return;
	}
	if (!url->user.len || url->rump.ptr != text.ptr || url->rump.len + signature != text.len || (url->token.len && url->token.len < 32))
		abort();
	if ((url->access >= URL_ACCESS_USER) != (url->access_user.len > 0))
		abort();
	check_name(url->access_user);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct imap_url url;
	struct arena a;

	arena_init(&a, 1u << 20);
	if (imap_url_parse(span_make((const char *)data, size), &a, &url) == ERR_OK) {
		if (!url.uid || (url.has_mailbox && !url.mailbox.len) || (url.has_host && !url.host.len) || (url.is_partial && !url.length))
			abort();
		check_name(url.user);
		check_name(url.mailbox);
		check_name(url.section);
		check_leave(&url, span_make((const char *)data, size));
	}
	arena_clear(&a);
	return 0;
}
