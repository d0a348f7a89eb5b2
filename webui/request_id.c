/* webui/request_id.c: makes the names of requests. */
#include "webui/request_id.h"

#include "daemon/base/rng.h"

struct request_id request_id_new(void)
{
	static const char digits[] = "0123456789abcdef";
	struct request_id id = { "req_" };
	uint8_t bytes[(REQUEST_ID_LEN - 4) / 2];

	rng_bytes(bytes, sizeof bytes);
	for (size_t i = 0; i < sizeof bytes; i++) {
		id.text[4 + 2 * i] = digits[bytes[i] >> 4];
		id.text[5 + 2 * i] = digits[bytes[i] & 15];
	}
	return id;
}
