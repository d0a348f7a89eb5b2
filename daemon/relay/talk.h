/* relay/talk.h: the SMTP dialogue with one address of one host. */
#ifndef POSTROOM_RELAY_TALK_H
#define POSTROOM_RELAY_TALK_H

#include "daemon/relay/probe.h"
#include "daemon/relay/result.h"
#include "daemon/relay/route.h"

enum talk_end {
	TALK_DONE,      /* every recipient has its outcome */
	TALK_NEXT,      /* not here: *why says it; another address may do */
	TALK_PLAIN,     /* the handshake failed and TLS is not a must: once more without */
	TALK_FRESH,     /* a kept connection was none any more: once more with a new one */
	TALK_UNCHUNKED, /* BDAT is offered and not understood: once more with DATA */
};

/* Told of each step, for probes. Called in the thread of the dialogue; texts are gone afterwards. */
struct talk_watch {
	void (*step)(void *arg, const char *step, enum probe_result result, struct span words, struct span reply);
	void *arg;
};

struct talk_setup {
	struct relay *relay;
	const struct route_target *target;
	bool plain, fresh, unchunked;   /* what the ends of before ask for */
	int64_t connect_ms;             /* how long the connection may take */
	int64_t until_ms;               /* monotonic: when the attempt is over, whatever pace each answer has */
	bool probe;                     /* nothing is sent: QUIT behind the answers to RCPT. The outcomes are those of RCPT */
	const struct talk_watch *watch; /* may be null */
};
enum talk_end talk_with(const struct talk_setup *setup, struct results *results, struct failure *why);

/* Once more to the same address, as the end asks for? Each of it is given once. */
static inline bool talk_goes_again(struct talk_setup *setup, enum talk_end end)
{
	bool *asked = NULL;

	switch (end) {
	case TALK_DONE:
	case TALK_NEXT: return false;
	case TALK_PLAIN: asked = &setup->plain; break;
	case TALK_FRESH: asked = &setup->fresh; break;
	case TALK_UNCHUNKED: asked = &setup->unchunked; break;
	}
	if (!asked || *asked)
		return false;
	*asked = true;
	return true;
}

#endif
