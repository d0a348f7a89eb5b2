/* relay/talk_content.h: the message itself, by DATA or BDAT, and what the server says to its end. */
#ifndef POSTROOM_RELAY_TALK_CONTENT_H
#define POSTROOM_RELAY_TALK_CONTENT_H

#include "daemon/relay/talk_line.h"

/* How the message can go to this server: as it is, as binary, or converted. False: not at all, and *f says why. */
bool talk_prepare_content(struct talk *t, uint64_t *size_out, struct failure *f);
/* For the recipients that were accepted. TALK_DONE: those have their outcome. */
enum talk_end talk_content(struct talk *t, bool data_sent);

#endif
