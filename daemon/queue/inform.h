/* queue/inform.h: which notices the outcomes of a part ask for (RFC 3461 section 5.2), made before the outcomes are applied. */
#ifndef POSTROOM_QUEUE_INFORM_H
#define POSTROOM_QUEUE_INFORM_H

#include "daemon/queue/outcome.h"

struct informed {
	struct accept *notices; /* sealed; for entry.dsns */
	bool put_off;           /* a failure could not be told, or a delivery: those wait */
	bool late;              /* a delay could not be told */
	bool untold;            /* of a delay: somebody may want to hear of it */
};

/* notice_ms: after how long the sender is told of a delay; 0: never. `attempted`: the outcomes are of an attempt. Without queue.lock. */
void inform(struct queue *q, const struct part *p, struct outcome *outcomes, int64_t notice_ms, bool attempted, struct informed *out);

#endif
