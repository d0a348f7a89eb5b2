/* bench/text.h: messages to send: the same ones in every run. */
#ifndef POSTROOM_BENCH_TEXT_H
#define POSTROOM_BENCH_TEXT_H

#include "daemon/base/buf.h"

/* A plain message of about `size` bytes, no line of it begins with a dot; without a From field when `from` is null. */
void text_plain(struct buf *b, const char *from, size_t number, size_t size);
#define TEXT_COMMON_WORD "shipment" /* in nearly every message of a mailbox */
#define TEXT_RARE_WORD "xyloneedle" /* in one of a hundred */

/* Number `number` of a mailbox: 2 to 100 KiB, log-uniform, two of five with an attachment, headers as they come from outside, 25 KiB on average. */
void text_mixed(struct buf *b, size_t number);

#endif
