/* api/status.c: /status: what is running, and its counters since the start. */
#include <jansson.h>

#include "api/resources.h"
#include "daemon/base/clock.h"
#include "daemon/base/counter.h"
#include "daemon/base/version.h"
#include "daemon/directory/directory.h"
#include "daemon/queue/sending.h"

#define STOPPED_MAX 1000 /* counted */

static json_t *counters_json(void)
{
	json_t *out = json_object();

	for (int i = 0; i < COUNTER_COUNT; i++)
		json_object_set_new(out, counter_words((enum counter)i).name, json_integer((json_int_t)counter_get((enum counter)i)));
	return out;
}

static json_t *queue_json(struct api_call *c)
{
	struct queue_stats s = queue_stats(c->context->queue);
	struct sending_state *stopped;
	size_t count = 0;

	if (sending_list(c->context->queue, 0, STOPPED_MAX, true, &c->arena, &stopped, &count) != ERR_OK)
		count = 0;
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "messages", (json_int_t)s.messages, "waiting", (json_int_t)s.waiting, "active", (json_int_t)s.active, "held", (json_int_t)s.held,
			 "destinations_paused", (json_int_t)s.paused, "senders_stopped", (json_int_t)count, "oldest_at", json_time(s.oldest_ms));
}

void api_status_get(struct api_call *c)
{
	const struct snapshot *s = directory_hold(c->context->directory);
	const struct span *domains;
	const struct account *const *accounts;
	json_t *out;

	out = json_pack("{s:s, s:o, s:o, s:I, s:I, s:I, s:o, s:o}", "version", POSTROOM_VERSION, "hostname", json_span(snapshot_hostname(s)), "started_at", json_time(c->context->started_ms),
			"uptime_seconds", (json_int_t)((clock_real_ms() - c->context->started_ms) / 1000), "domains", (json_int_t)snapshot_domains(s, &domains),
			"users", (json_int_t)snapshot_accounts(s, &accounts), "queue", queue_json(c), "counters", counters_json());
	snapshot_release(&s);
	call_reply_json(c, 200, &out);
}
