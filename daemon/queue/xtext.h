/* queue/xtext.h: the spellings of addresses and ids within DSN parameters and fields: xtext (RFC 3461 section 4), and \x{...} (RFC 6533 section 3). Pure. */
#ifndef POSTROOM_QUEUE_XTEXT_H
#define POSTROOM_QUEUE_XTEXT_H

#include "daemon/base/buf.h"

void xtext_encode(struct span text, struct buf *out);
/* What is no xtext stays as it is; what is not printable ASCII becomes '?'. */
void xtext_decode(struct span text, struct buf *out);
/* An address of type utf-8: '+', '=' and '\' are spelt out, and, unless `utf8`, all beyond ASCII. */
void xtext_embed(struct span text, bool utf8, struct buf *out);

#endif
