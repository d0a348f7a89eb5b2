/* relay/talk_hello.h: from the connection to where mail can be sent: greeting, EHLO, TLS, AUTH. */
#ifndef POSTROOM_RELAY_TALK_HELLO_H
#define POSTROOM_RELAY_TALK_HELLO_H

#include "daemon/relay/talk_line.h"

/* Connects; link.stream is then there. TALK_DONE, or as talk_with(). */
enum talk_end talk_begin(struct talk *t);

#endif
