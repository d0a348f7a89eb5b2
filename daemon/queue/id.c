/* queue/id.c: names of messages. Time first, so that they sort by acceptance; 80 random bits, so that none comes twice. */
#include "daemon/base/clock.h"
#include "daemon/base/encode.h"
#include "daemon/base/rng.h"
#include "daemon/queue/queue.h"

void queue_id_new(struct queue_id *out)
{
	uint64_t ms = (uint64_t)clock_real_ms();

	for (int i = 5; i >= 0; i--) {
		out->bytes[i] = (uint8_t)(ms & 0xff);
		ms >>= 8;
	}
	rng_bytes(out->bytes + 6, sizeof(out->bytes) - 6);
}

void queue_id_text(const struct queue_id *id, char out[QUEUE_ID_TEXT])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < sizeof(id->bytes); i++) {
		out[2 * i] = digits[id->bytes[i] >> 4];
		out[2 * i + 1] = digits[id->bytes[i] & 15];
	}
	out[QUEUE_ID_TEXT - 1] = '\0';
}

enum err queue_id_parse(struct span text, struct queue_id *out)
{
	struct buf bytes;
	enum err e;

	if (text.len != QUEUE_ID_TEXT - 1)
		return ERR_SYNTAX;
	buf_init(&bytes, sizeof(out->bytes));
	e = hex_decode(text, &bytes);
	if (!e && bytes.len != sizeof(out->bytes))
		e = ERR_SYNTAX;
	if (!e)
		memcpy(out->bytes, bytes.ptr, sizeof(out->bytes));
	buf_clear(&bytes);
	return e;
}
