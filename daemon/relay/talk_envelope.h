/* relay/talk_envelope.h: MAIL and RCPT of one transaction, with what the extensions add to them. */
#ifndef POSTROOM_RELAY_TALK_ENVELOPE_H
#define POSTROOM_RELAY_TALK_ENVELOPE_H

#include "daemon/relay/talk_line.h"

/* Chooses the recipients without outcome, as many as the server takes at a time, and sends MAIL and RCPT for them; those that were accepted are marked.
 * *data_sent_out: DATA was sent behind them, its answer is still to be read. TALK_DONE, or as talk_with(). */
enum talk_end talk_envelope(struct talk *t, uint64_t size, bool *data_sent_out);

#endif
