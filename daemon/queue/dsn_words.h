/* queue/dsn_words.h: what a DSN says to people: what happened, to whom, and what to do. Pure. */
#ifndef POSTROOM_QUEUE_DSN_WORDS_H
#define POSTROOM_QUEUE_DSN_WORDS_H

#include "daemon/queue/dsn.h"

const char *dsn_subject(const struct dsn *d);
/* The text part, UTF-8, CRLF at each line's end. */
void dsn_add_words(const struct dsn *d, struct buf *out);

#endif
