/* ops/webhook_sign.h: how a delivery shows that it is from us (Standard Webhooks): HMAC-SHA-256 over "id.timestamp.body". */
#ifndef POSTROOM_OPS_WEBHOOK_SIGN_H
#define POSTROOM_OPS_WEBHOOK_SIGN_H

#include "daemon/base/buf.h"

/* "v1,<base64>" for each secret, a blank between; empty secrets are passed over. */
void webhook_sign(const struct span *secrets, size_t count, struct span id, int64_t unix_s, struct span body, struct buf *out);

#endif
