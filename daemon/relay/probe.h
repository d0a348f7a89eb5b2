/* relay/probe.h: would mail to an address go out, and if not, where does it stop? All steps of an attempt up to RCPT, then it ends: nothing is sent.
 *
 * Blocking, for a thread of its own: PROBE_MS at most for the servers, and before that what the DNS and a policy take.
 */
#ifndef POSTROOM_RELAY_PROBE_H
#define POSTROOM_RELAY_PROBE_H

#include "daemon/relay/relay.h"

#define PROBE_MS 60000
#define PROBE_STEPS_MAX 200

enum probe_result { PROBE_OK,
		    PROBE_WARNING, /* goes on, and somebody should know */
		    PROBE_FAILED,
		    PROBE_NOTE /* neither good nor bad */ };
struct probe_step {
	const char *step; /* "route", "mx", "address", "tls_policy", "connect", "greeting", "ehlo", "tls", "auth", "mail", "rcpt", "result" */
	enum probe_result result;
	struct span host;  /* "mx.example.net (192.0.2.1)"; may be empty */
	struct span words; /* "TLS 1.3, certificate of mx.example.net, verified by DANE" */
	struct span reply; /* the server's, verbatim; may be empty */
	int64_t took_ms;
};
struct probe {
	bool deliverable; /* some host took the recipient */
	struct probe_step steps[PROBE_STEPS_MAX];
	size_t count;
};
/* `job` as for relay_attempt(), with one recipient and no read(). Text in job->arena. Every host of the route is tried, until the first that takes it. */
void relay_probe(struct relay *r, struct relay_job *job, struct probe *out);

#endif
