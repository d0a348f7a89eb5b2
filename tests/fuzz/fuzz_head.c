/* The request head checker: whatever it accepts is framed in one way only. */
#include <stdint.h>
#include <stdlib.h>

#include "webui/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_make((const char *)data, size);
	struct head head, shorter;
	enum err e = head_check(in, &head);

	if (e != ERR_OK)
		return 0;
	if (head.length > size || head.length < 16 || head.method.len == 0 || head.target.ptr[0] != '/')
		abort();
	/* Complete means: neither a byte less nor the bytes behind it change the verdict. */
	if (head_check(span_take(in, head.length - 1), &shorter) != ERR_STATE)
		abort();
	if (head_check(span_take(in, head.length), &shorter) != ERR_OK || shorter.content_length != head.content_length)
		abort();
	return 0;
}
