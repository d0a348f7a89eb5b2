/* queue/outcome.h: what an attempt did to each recipient, applied: delivered, tried again later, or failed with a DSN. */
#ifndef POSTROOM_QUEUE_OUTCOME_H
#define POSTROOM_QUEUE_OUTCOME_H

#include "daemon/queue/state.h"

enum outcome_kind { OUTCOME_UNTRIED, /* due again at once */
		    OUTCOME_DELIVERED,
		    OUTCOME_RETRY,
		    OUTCOME_FAILED };

struct outcome {
	enum outcome_kind kind;
	char status[12];   /* "5.1.1" */
	struct span reply; /* words: the remote's, or ours */
	struct span host;  /* who said it, when remote */
	struct span tls;   /* of the connection; may be empty */
	bool remote;       /* the remote's */
};

/* `outcomes`: one for each recipient of the active part, those already finished are ignored. Without queue.lock. May change `outcomes`. */
void outcome_apply(struct queue *q, struct part *p, struct outcome *outcomes);
/* The same failure for all of the part. */
void outcome_fail_all(struct queue *q, struct part *p, const char *status, const char *words);

/* Delivered to its account; with queue.lock held, the caller flushes. */
void outcome_delivered(struct queue *q, struct part *p);

/* One recipient: state, counts. With queue.lock held. */
void outcome_set(struct queue *q, struct entry *e, struct rcpt *r, enum recipient_state state);

#endif
