/* ops/webhook_sign.c: see webhook_sign.h. Two secrets are valid after a rotation, so that a receiver can change over without missing any. */
#include "daemon/ops/webhook_sign.h"

#include "daemon/base/encode.h"
#include "daemon/crypto/digest.h"

#define SIGNED_EXTRA 128u

void webhook_sign(const struct span *secrets, size_t count, struct span id, int64_t unix_s, struct span body, struct buf *out)
{
	uint8_t mac[SHA256_BYTES];
	struct buf text;
	bool first = true;

	buf_init(&text, body.len + id.len + SIGNED_EXTRA);
	buf_add(&text, id);
	buf_addf(&text, ".%lld.", (long long)unix_s);
	buf_add(&text, body);
	for (size_t i = 0; i < count && !text.failed; i++) {
		if (!secrets[i].len)
			continue;
		crypto_hmac_sha256(secrets[i], buf_span(&text), mac);
		buf_add_str(out, first ? "v1," : " v1,");
		base64_encode(span_make((const char *)mac, sizeof(mac)), out);
		first = false;
	}
	if (text.failed)
		out->failed = true;
	buf_clear(&text);
}
