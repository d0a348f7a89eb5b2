/* relay/relay.c: one attempt: the hosts in their order, each address once, and once more without TLS where that is allowed.
 *
 * (1) Every recipient leaves with exactly one outcome (result.c).
 * (2) A host that can't be spoken with gives way to the next; one that has decided about a recipient has decided.
 */
#include "daemon/relay/inside.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/relay/talk.h"

enum err relay_new(const struct relay_config *config, struct relay **out, struct note *why)
{
	struct relay *r = calloc(1, sizeof(*r));

	(void)why;
	if (!r)
		return ERR_TEMP;
	r->config = *config;
	r->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->cancel_fd < 0) {
		free(r);
		return ERR_TEMP;
	}
	*out = r;
	return ERR_OK;
}

void relay_free(struct relay **r)
{
	if (!*r)
		return;
	close((*r)->cancel_fd);
	free(*r);
	*r = NULL;
}

void relay_cancel(struct relay *r)
{
	uint64_t one = 1;
	ssize_t count;

	atomic_store(&r->cancelled, true);
	do
		count = write(r->cancel_fd, &one, sizeof(one));
	while (count < 0 && errno == EINTR);
}

static enum talk_end try_target(struct relay *r, const struct route_target *target, int64_t until_ms, struct results *results, struct failure *why)
{
	struct talk_setup setup = { .tls = r->config.tls, .target = target, .until_ms = until_ms };
	enum talk_end end = talk_with(&setup, results, why);

	if (end == TALK_PLAIN) {
		setup.plain = true;
		end = talk_with(&setup, results, why);
	}
	return end;
}

/* One host's refusal is not for good while another may yet take the mail: then the temporary reason stays. */
static void try_all(struct relay *r, const struct route *route, struct results *results, struct failure *why)
{
	int64_t until_ms = clock_mono_ms() + RELAY_ATTEMPT_MS + (int64_t)(results->job->size / RELAY_BYTES_PER_MS);
	struct failure last = *why;

	for (size_t i = 0; i < route->count && results->open > 0; i++) {
		if (relay_is_cancelled(r) || clock_mono_ms() >= until_ms)
			return;
		if (try_target(r, &route->targets[i], until_ms, results, &last) == TALK_DONE)
			return;
		if (i == 0 || why->outcome == RELAY_FAILED || last.outcome == RELAY_RETRY)
			*why = last;
	}
}

void relay_attempt(struct relay *r, struct relay_job *job)
{
	struct results results;
	struct failure why;
	struct route route;

	job->tls_version[0] = '\0';
	job->answered = false;
	if (results_begin(&results, job) != ERR_OK)
		return;
	failure_ours(&why, RELAY_RETRY, "4.4.1", "no host could be reached");
	stream_thread_cancel(r->cancel_fd);
	if (route_find(&r->config, job, &route, &why))
		try_all(r, &route, &results, &why);
	stream_thread_cancel(-1);
	if (relay_is_cancelled(r))
		failure_ours(&why, RELAY_RETRY, "4.3.2", "this server is stopping");
	results_fail_rest(&results, &why);
}
