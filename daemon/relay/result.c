/* relay/result.c: see result.h. */
#include "daemon/relay/result.h"

#include <stdarg.h>
#include <stdio.h>

void failure_ours(struct failure *f, enum relay_outcome outcome, const char *status, const char *format, ...)
{
	va_list args;

	memset(f, 0, sizeof(*f));
	f->outcome = outcome;
	(void)snprintf(f->status, sizeof(f->status), "%s", status);
	va_start(args, format);
	(void)vsnprintf(f->text, sizeof(f->text), format, args);
	va_end(args);
}

void failure_remote(struct failure *f, const struct answer *a, const char *host)
{
	bool permanent = answer_is(a, 5);

	memset(f, 0, sizeof(*f));
	f->outcome = permanent ? RELAY_FAILED : RELAY_RETRY;
	if (a->status[0] != '\0' && (answer_is(a, 5) || answer_is(a, 4)))
		memcpy(f->status, a->status, sizeof(f->status));
	else
		(void)snprintf(f->status, sizeof(f->status), "%c.0.0", permanent ? '5' : '4');
	memcpy(f->text, a->text, a->text_len + 1);
	f->remote = true;
	(void)snprintf(f->host, sizeof(f->host), "%s", host);
}

enum err results_begin(struct results *r, struct relay_job *job)
{
	r->job = job;
	r->open = job->recipient_count;
	r->decided = arena_array(job->arena, job->recipient_count + 1, sizeof(*r->decided));
	for (size_t i = 0; i < job->recipient_count; i++) {
		job->recipients[i].outcome = RELAY_RETRY;
		memcpy(job->recipients[i].status, "4.3.0", 6);
		job->recipients[i].reply = SPAN("not tried");
		job->recipients[i].host = SPAN("");
		job->recipients[i].remote = false;
		job->recipients[i].at_rcpt = job->recipients[i].passed_on = job->recipients[i].by_lost = false;
	}
	return r->decided ? ERR_OK : ERR_LIMIT;
}

static void decide(struct results *r, size_t i, enum relay_outcome outcome, const char *status, struct span text, const char *host)
{
	struct relay_recipient *to = &r->job->recipients[i];
	struct span kept;

	if (r->decided[i])
		return;
	r->decided[i] = true;
	r->open--;
	to->outcome = outcome;
	(void)snprintf(to->status, sizeof(to->status), "%s", status);
	kept = arena_copy(r->job->arena, text);
	to->reply = kept.ptr ? kept : SPAN("no memory for the reply");
	to->remote = host && kept.ptr;
	if (to->remote)
		to->host = arena_copy(r->job->arena, span_str(host));
}

void result_delivered(struct results *r, size_t recipient, const struct answer *a, const char *host)
{
	decide(r, recipient, RELAY_DELIVERED, a->status[0] ? a->status : "2.0.0", span_make(a->text, a->text_len), host);
}

void result_failed(struct results *r, size_t recipient, const struct failure *f)
{
	decide(r, recipient, f->outcome, f->status, span_str(f->text), f->remote ? f->host : NULL);
}

void results_fail_rest(struct results *r, const struct failure *f)
{
	for (size_t i = 0; i < r->job->recipient_count; i++)
		result_failed(r, i, f);
}
