/* relay/talk_auth.h: AUTH at a relay host (RFC 4954). */
#ifndef POSTROOM_RELAY_TALK_AUTH_H
#define POSTROOM_RELAY_TALK_AUTH_H

#include "daemon/relay/talk_line.h"

/* TALK_DONE also where there are no credentials. */
enum talk_end talk_authenticate(struct talk *t);

#endif
