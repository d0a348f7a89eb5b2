/* relay/relay.c: one attempt: the hosts in their order, each address once, and once more as the end of the dialogue asks for (talk.h).
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
#include "daemon/relay/kept.h"
#include "daemon/relay/ledger.h"
#include "daemon/relay/sts.h"
#include "daemon/relay/talk.h"
#include "daemon/relay/tls_report.h"

/* On the ledger's thread. */
static void turn(void *arg)
{
	struct relay *r = arg;

	stream_thread_cancel(r->cancel_fd);
	tls_report_turn(r->report);
	sts_turn(r->sts);
}

/* What is remembered: the ledger's thread begins when all it writes is there. */
static enum err open_memory(struct relay *r, struct note *why)
{
	const struct ledger_config c = { .path = r->config.path, .checkpointer = r->config.checkpointer, .turn = turn, .arg = r };
	enum err e = ledger_open(&c, &r->ledger);

	if (e == ERR_OK)
		e = tls_report_new(r->ledger, &r->report);
	if (e == ERR_OK)
		e = sts_new(&r->config, r->ledger, &r->sts);
	return e == ERR_OK ? ledger_start(r->ledger, why) : e;
}

enum err relay_new(const struct relay_config *config, struct relay **out, struct note *why)
{
	struct relay *r = calloc(1, sizeof(*r));
	enum err e = ERR_OK;

	if (!r)
		return ERR_TEMP;
	r->config = *config;
	r->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->cancel_fd < 0)
		e = ERR_TEMP;
	if (e == ERR_OK)
		e = kept_new(r->cancel_fd, &r->kept);
	if (e == ERR_OK)
		e = open_memory(r, why);
	if (e == ERR_OK)
		*out = r;
	else
		relay_free(&r);
	return e;
}

void relay_free(struct relay **relay)
{
	struct relay *r = *relay;

	*relay = NULL;
	if (!r)
		return;
	kept_free(&r->kept);
	if (r->sts)
		sts_cancel(r->sts); /* the last turn fetches nothing */
	ledger_close(&r->ledger);
	sts_free(&r->sts);
	tls_report_free(&r->report);
	if (r->cancel_fd >= 0)
		close(r->cancel_fd);
	free(r);
}

void relay_cancel(struct relay *r)
{
	uint64_t one = 1;
	ssize_t count;

	atomic_store(&r->cancelled, true);
	sts_cancel(r->sts);
	do
		count = write(r->cancel_fd, &one, sizeof(one));
	while (count < 0 && errno == EINTR);
}

static enum talk_end try_target(struct talk_setup *setup, struct results *results, struct failure *why)
{
	enum talk_end end;

	do
		end = talk_with(setup, results, why);
	while (talk_goes_again(setup, end) && !relay_is_cancelled(setup->relay));
	return end;
}

/* One host's refusal is not for good while another may yet take the mail, now or later: then the temporary reason stays. */
static void try_all(struct relay *r, const struct route *route, struct results *results, struct failure *why)
{
	int64_t until_ms = clock_mono_ms() + RELAY_ATTEMPT_MS + (int64_t)(results->job->size / RELAY_BYTES_PER_MS);
	struct failure last = *why;

	if (route->put_off)
		*why = route->why_put_off;

	for (size_t i = 0; i < route->count && results->open > 0; i++) {
		struct talk_setup setup = { .relay = r, .target = &route->targets[i], .until_ms = until_ms };

		if (relay_is_cancelled(r) || clock_mono_ms() >= until_ms)
			return;
		/* Another address may be alive: this one is not waited for as if there were none. */
		setup.connect_ms = i + 1 < route->count ? RELAY_CONNECT_FIRST_MS : RELAY_CONNECT_MS;
		if (try_target(&setup, results, &last) == TALK_DONE)
			return;
		if ((i == 0 && !route->put_off) || why->outcome == RELAY_FAILED || last.outcome == RELAY_RETRY)
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
	if (route_find(r, job, &route, &why))
		try_all(r, &route, &results, &why);
	stream_thread_cancel(-1);
	if (relay_is_cancelled(r))
		failure_ours(&why, RELAY_RETRY, "4.3.2", "this server is stopping");
	results_fail_rest(&results, &why);
}
