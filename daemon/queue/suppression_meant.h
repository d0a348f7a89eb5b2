/* queue/suppression_meant.h: does a failure say that there is nobody, now and later? Pure. */
#ifndef POSTROOM_QUEUE_SUPPRESSION_MEANT_H
#define POSTROOM_QUEUE_SUPPRESSION_MEANT_H

#include "daemon/base/span.h"

/* `remote`: the words are another server's; `at_rcpt`: they answered RCPT. */
bool suppression_is_meant(struct span status, struct span reply, bool remote, bool at_rcpt);

#endif
