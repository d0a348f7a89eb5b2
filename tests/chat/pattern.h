/* chat/pattern.h: the escapes and wildcards of transcript lines. */
#ifndef POSTROOM_CHAT_PATTERN_H
#define POSTROOM_CHAT_PATTERN_H

#include "daemon/base/span.h"

/* Cuts one byte off *text (not empty), its escape read. */
char chat_unescape(struct span *text);
/* '*' is any run of bytes, an escaped one a star. */
bool chat_matches(struct span pattern, struct span line);

#endif
