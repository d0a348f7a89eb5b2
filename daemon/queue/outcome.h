/* queue/outcome.h: what an attempt did to each recipient, applied: delivered, tried again later, or failed; the sender is told what he wants to hear. */
#ifndef POSTROOM_QUEUE_OUTCOME_H
#define POSTROOM_QUEUE_OUTCOME_H

#include "daemon/queue/state.h"

#define RETRY_MAX_MS (9 * 3600000LL) /* the longest wait between two attempts, with its spread */

enum outcome_kind { OUTCOME_UNTRIED, /* of an attempt: due again at once; of a chore: nothing new */
		    OUTCOME_DELIVERED,
		    OUTCOME_RETRY,
		    OUTCOME_FAILED,
		    OUTCOME_REMOVED /* by hand: nobody is told */ };

struct outcome {
	enum outcome_kind kind;
	char status[12];   /* "5.1.1" */
	struct span reply; /* words: the remote's, or ours */
	struct span host;  /* who said it, when remote */
	struct span tls;   /* of the connection; may be empty */
	bool remote;       /* the remote's */
	bool at_rcpt;      /* it answered RCPT */
	bool passed_on;    /* the next server sees to the DSNs (RFC 3461 5.2.2) */
	bool by_lost;      /* the next server knows of no time by which it is to be delivered */
	/* Of outcome_apply() alone: */
	bool open, held; /* when it began */
	bool told;       /* of a delay */
};

/* `outcomes`: one for each recipient of the active part, those already finished are ignored. Without queue.lock; the detail is in memory. May
 * change `outcomes`. False: a notice could not be made, and what it should tell of waits for another minute. */
bool outcome_apply(struct queue *q, struct part *p, struct outcome *outcomes);
/* Of a part for which nothing was attempted: some are given up, some senders are told of a delay; its next attempt is when it was. As above. */
bool outcome_chore(struct queue *q, struct part *p, struct outcome *outcomes);
/* The same failure for all of the part. */
void outcome_fail_all(struct queue *q, struct part *p, const char *status, const char *words);
void outcome_set_words(struct outcome *o, enum outcome_kind kind, const char *status, struct span words);

/* Delivered to its account, and the sender did not ask; with queue.lock held, the caller flushes. */
void outcome_delivered(struct queue *q, struct part *p);

#endif
