/* tests/unit/queue/fake_relay.c: stands where daemon/relay would be linked: outcomes without a network. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "tests/unit/queue/fixture.h"

static void (*_Atomic script_now)(struct relay_job *job);
static atomic_uint attempts;

void fake_relay_set(void (*script)(struct relay_job *job))
{
	atomic_store(&script_now, script);
	atomic_store(&attempts, 0);
}

unsigned fake_relay_attempts(void)
{
	return atomic_load(&attempts);
}

void fake_relay_wait_attempts(unsigned count)
{
	WAIT_UNTIL(fake_relay_attempts() >= count);
}

void fake_relay_answer(struct relay_job *job, enum relay_outcome outcome, const char *status, const char *reply)
{
	for (size_t i = 0; i < job->recipient_count; i++) {
		struct relay_recipient *r = &job->recipients[i];

		r->outcome = outcome;
		memcpy(r->status, status, strlen(status) + 1);
		r->reply = span_str(reply);
		r->remote = true;
		r->host = SPAN("mx.other.test");
	}
}

void relay_attempt(struct relay *r, struct relay_job *job)
{
	void (*script)(struct relay_job * job) = atomic_load(&script_now);

	(void)r;
	if (script)
		script(job);
	else
		fake_relay_answer(job, RELAY_RETRY, "4.4.1", "nobody answers");
	atomic_fetch_add(&attempts, 1);
}

void relay_cancel(struct relay *r)
{
	(void)r;
}
