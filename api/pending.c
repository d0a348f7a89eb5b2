/* api/pending.c: what the queue and the relay do not have yet, said as a temporary failure. */
#include "daemon/queue/sending.h"
#include "daemon/queue/steering.h"
#include "daemon/relay/probe.h"
#include "daemon/relay/tls_report.h"

#define PENDING __attribute__((weak))
#pragma GCC diagnostic ignored "-Wunused-parameter"

PENDING const char *queue_hold_name(enum queue_hold hold)
{
	return "operator";
}
PENDING enum err hold_rule_add(struct queue *q, const struct hold_rule *rule, uint64_t *id_out, struct note *why)
{
	return ERR_TEMP;
}
PENDING enum err hold_rule_remove(struct queue *q, uint64_t id)
{
	return ERR_TEMP;
}
PENDING enum err hold_rules(struct queue *q, struct arena *a, struct hold_rule **out, size_t *count_out)
{
	*count_out = 0;
	return ERR_OK;
}
PENDING enum err queue_pause_set(struct queue *q, const struct queue_pause *pause, struct note *why)
{
	return ERR_TEMP;
}
PENDING enum err queue_pause_end(struct queue *q, struct span destination)
{
	return ERR_TEMP;
}
PENDING enum err queue_destinations(struct queue *q, struct arena *a, struct queue_destination **out, size_t *count_out)
{
	*count_out = 0;
	return ERR_OK;
}
PENDING enum err queue_destination_find(struct queue *q, struct span name, struct arena *a, struct queue_destination *out)
{
	return ERR_NOT_FOUND;
}
PENDING enum err suppression_find(struct queue *q, const struct address *address, struct arena *a, struct suppression *out)
{
	return ERR_NOT_FOUND;
}
PENDING enum err suppression_set(struct queue *q, const struct suppression *s, struct note *why)
{
	return ERR_TEMP;
}
PENDING enum err suppression_remove(struct queue *q, struct span address)
{
	return ERR_TEMP;
}
PENDING enum err suppressions(struct queue *q, struct span part, struct span after, size_t limit, struct arena *a, struct suppression **out, size_t *count_out)
{
	*count_out = 0;
	return ERR_OK;
}
PENDING enum err sending_find(struct queue *q, uint64_t account_id, struct arena *a, struct sending_state *out)
{
	return ERR_TEMP;
}
PENDING enum err sending_list(struct queue *q, uint64_t after, size_t limit, bool stopped_only, struct arena *a, struct sending_state **out, size_t *count_out)
{
	*count_out = 0;
	return ERR_OK;
}
PENDING enum err sending_release(struct queue *q, uint64_t account_id, bool purge, uint64_t *messages_out, struct note *why)
{
	return ERR_TEMP;
}
PENDING enum err sending_stop(struct queue *q, uint64_t account_id, struct span detail, struct note *why)
{
	return ERR_TEMP;
}
PENDING void relay_probe(struct relay *r, struct relay_job *job, struct probe *out)
{
	out->count = 0;
	out->deliverable = false;
}
PENDING enum err tls_summaries(struct relay *r, struct span domain, int64_t after_day, struct span after_domain, size_t limit, struct arena *a, struct tls_summary **out, size_t *count_out)
{
	*count_out = 0;
	return ERR_OK;
}
PENDING enum err tls_failures(struct relay *r, int64_t day, struct span domain, struct arena *a, struct tls_failure **out, size_t *count_out)
{
	*count_out = 0;
	return ERR_OK;
}

#include "daemon/directory/directory.h"
PENDING const struct domain *snapshot_domain(const struct snapshot *s, struct span name)
{
	return NULL;
}
PENDING const struct tls_rule *snapshot_tls_rule(const struct snapshot *s, struct span domain)
{
	return NULL;
}
