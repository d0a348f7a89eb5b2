/* relay/result.h: what became of each recipient, written once. */
#ifndef POSTROOM_RELAY_RESULT_H
#define POSTROOM_RELAY_RESULT_H

#include "daemon/relay/answer.h"
#include "daemon/relay/relay.h"

/* Why it did not go: the remote's reply or our own words. */
struct failure {
	enum relay_outcome outcome;
	char status[12];
	char text[RELAY_REPLY_TEXT + 1];
	bool remote;
	char host[RELAY_HOST_TEXT]; /* who said it, when remote */
};

void failure_ours(struct failure *f, enum relay_outcome outcome, const char *status, const char *format, ...) PRINTF_LIKE(4, 5);
/* 5xx: FAILED; anything else: RETRY. Without an enhanced code it gets X.0.0 of its class. */
void failure_remote(struct failure *f, const struct answer *a, const char *host);

/* Recipients that have an outcome are left alone. */
struct results {
	struct relay_job *job;
	bool *decided; /* one a recipient, job arena */
	size_t open;   /* not decided */
};
enum err results_begin(struct results *r, struct relay_job *job) MUST_CHECK;
void result_delivered(struct results *r, size_t recipient, const struct answer *a, const char *host);
void result_failed(struct results *r, size_t recipient, const struct failure *f);
void results_fail_rest(struct results *r, const struct failure *f);

#endif
