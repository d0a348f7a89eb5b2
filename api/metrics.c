/* api/metrics.c: /metrics: the text format of Prometheus, version 0.0.4. Names are API: they stay. */
#include "daemon/base/counter.h"

#include <stdio.h>

#include "api/resources.h"
#include "daemon/base/clock.h"
#include "daemon/base/timing.h"
#include "daemon/base/version.h"
#include "daemon/crypto/x509.h"
#include "daemon/directory/manage.h"
#include "daemon/events/events.h"
#include "daemon/events/trace.h"
#include "daemon/queue/sending.h"
#include "daemon/store/store.h"

#define TEXT_MAX (4u * 1024u * 1024u)
#define LABEL_MAX 256u
#define STOPPED_MAX 1000
#define STORED_MAX (64u * 1024u * 1024u) /* certificates with their keys */

static const struct {
	const char *family, *help;
} helps[] = {
	{ "smtp_connections", "Connections to the mail ports for sending." },
	{ "smtp_received", "Messages taken from outside." },
	{ "smtp_submitted", "Messages taken from users and programs." },
	{ "smtp_delivered", "Message-recipients that arrived: in a mailbox, or at another server (remote)." },
	{ "smtp_deferred", "Attempts that will be made again: the remote said so, was not reached, or the mailbox could not be written." },
	{ "smtp_bounced", "Message-recipients given up: the remote refused, time was over, or there is no way there." },
	{ "smtp_rejected", "Commands refused at the door." },
	{ "imap_connections", "Connections to IMAP." },
	{ "pop3_connections", "Connections to POP3." },
	{ "auth_attempts", "Logins tried." },
	{ "tls_sessions", "TLS handshakes that succeeded." },
	{ "webhook_deliveries", "Webhook deliveries: attempts that failed, and how deliveries ended." },
	{ "accounts_checked", "Checks of accounts for consistency." },
	{ "account_faults", "Faults that these found; what is derived is repaired." },
	{ "bugs", "Broken invariants that ended a session; please report." },
};

static const char *help_of(const char *family)
{
	for (size_t i = 0; i < sizeof helps / sizeof helps[0]; i++)
		if (span_equals(span_str(helps[i].family), span_str(family)))
			return helps[i].help;
	return family;
}

static void head(struct buf *out, const char *family, const char *kind, const char *help)
{
	buf_addf(out, "# HELP postroom_%s %s\n# TYPE postroom_%s %s\n", family, help, family, kind);
}

/* A label's value: backslash, quote and line feed are escaped; what is not printable ASCII or UTF-8 is left out. */
static void label(struct buf *out, struct span value)
{
	value = span_take(value, LABEL_MAX);
	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];

		if (c == '\\' || c == '"')
			buf_add_char(out, '\\');
		if (c == '\n')
			buf_add_str(out, "\\n");
		else if ((uint8_t)c >= 0x20 && c != 0x7f)
			buf_add_char(out, c);
	}
}

static void add_counters(struct buf *out)
{
	const char *last = "";
	char family[64];

	for (int i = 0; i < COUNTER_COUNT; i++) {
		struct counter_words w = counter_words((enum counter)i);

		(void)snprintf(family, sizeof family, "%s_total", w.family);
		if (!span_equals(span_str(w.family), span_str(last)))
			head(out, family, "counter", help_of(w.family));
		last = w.family;
		buf_addf(out, "postroom_%s%s%s%s %llu\n", family, w.labels[0] ? "{" : "", w.labels, w.labels[0] ? "}" : "", (unsigned long long)counter_get((enum counter)i));
	}
}

/* Buckets add up to all that is not longer; `labels` without braces. */
static void add_histogram(struct buf *out, const char *family, const char *labels, const struct timing *t, const double bounds[TIMING_BUCKETS])
{
	uint64_t below = 0;

	for (size_t i = 0; i < TIMING_BUCKETS; i++) {
		below += t->buckets[i];
		buf_addf(out, "postroom_%s_bucket{%s,le=\"%g\"} %llu\n", family, labels, bounds[i], (unsigned long long)below);
	}
	/* Counted one after the other while others count: never fewer than the buckets have. */
	below = t->count > below ? t->count : below;
	buf_addf(out, "postroom_%s_bucket{%s,le=\"+Inf\"} %llu\n", family, labels, (unsigned long long)below);
	buf_addf(out, "postroom_%s_sum{%s} %.6f\npostroom_%s_count{%s} %llu\n", family, labels, t->sum_s, family, labels, (unsigned long long)below);
}

static void add_timings(struct buf *out)
{
	struct timing t;
	char labels[160];

	head(out, "delivery_duration_seconds", "histogram", "From acceptance to the mailbox or the other server.");
	for (unsigned i = 0; timing_delivery(i, &t); i++) {
		(void)snprintf(labels, sizeof labels, "destination=\"%s\"", t.route);
		add_histogram(out, "delivery_duration_seconds", labels, &t, timing_delivery_bounds);
	}
	head(out, "http_request_duration_seconds", "histogram", "Requests to panel and API, by operationId; - for pages and what is no operation.");
	for (unsigned i = 0; timing_request_at(i, &t); i++) {
		if (!t.route)
			continue;
		(void)snprintf(labels, sizeof labels, "route=\"%s\",code=\"%d\"", t.route[0] ? t.route : "-", t.status);
		add_histogram(out, "http_request_duration_seconds", labels, &t, timing_request_bounds);
	}
}

static void add_queue(struct api_call *c, struct buf *out)
{
	struct queue_stats s = queue_stats(c->context->queue);
	struct sending_state *stopped;
	size_t count = 0;

	head(out, "queue_messages", "gauge", "Message-recipients in the queue: waiting for an attempt, in one (active), or held.");
	buf_addf(out, "postroom_queue_messages{state=\"waiting\"} %llu\npostroom_queue_messages{state=\"active\"} %llu\n", (unsigned long long)s.waiting, (unsigned long long)s.active);
	buf_addf(out, "postroom_queue_messages{state=\"held\"} %llu\n", (unsigned long long)s.held);
	head(out, "queue_oldest_age_seconds", "gauge", "Age of the oldest message in the queue; 0 when it is empty.");
	buf_addf(out, "postroom_queue_oldest_age_seconds %lld\n", (long long)(s.oldest_ms && clock_real_ms() > s.oldest_ms ? (clock_real_ms() - s.oldest_ms) / 1000 : 0));
	head(out, "queue_destinations_paused", "gauge", "Next hops to which nothing is sent for now.");
	buf_addf(out, "postroom_queue_destinations_paused %llu\n", (unsigned long long)s.paused);
	if (sending_list(c->context->queue, 0, STOPPED_MAX, true, &c->arena, &stopped, &count) != ERR_OK)
		return;
	head(out, "senders_stopped", "gauge", "Users whose sending was stopped; 1000 at most.");
	buf_addf(out, "postroom_senders_stopped %zu\n", count);
}

static void add_certificates(struct api_call *c, struct buf *out)
{
	struct stored_certificate *list;
	struct arena a;
	size_t count = 0;

	arena_init(&a, STORED_MAX);
	if (directory_certificates(c->context->directory, &a, &list, &count) != ERR_OK)
		count = 0;
	head(out, "certificate_expiry_timestamp_seconds", "gauge", "When a certificate runs out.");
	for (size_t i = 0; i < count; i++) {
		struct x509_info info;

		if (x509_check(list[i].chain_pem, list[i].key_pem, &info, NULL) != ERR_OK)
			continue;
		buf_add_str(out, "postroom_certificate_expiry_timestamp_seconds{name=\"");
		label(out, list[i].name);
		buf_addf(out, "\"} %lld\n", (long long)(info.not_after_ms / 1000));
	}
	arena_wipe(&a); /* the keys came along */
}

static void add_trace(struct buf *out, struct trace *t)
{
	struct trace_stats s = trace_stats(t);

	head(out, "trace_notes_total", "counter", "Notes for the message trace: written, or dropped in a rush or by a full disk.");
	buf_addf(out, "postroom_trace_notes_total{result=\"written\"} %llu\npostroom_trace_notes_total{result=\"dropped\"} %llu\n", (unsigned long long)s.written, (unsigned long long)s.dropped);
}

static void add_search(struct buf *out, struct store *store)
{
	struct store_search_stats s;

	store_search_stats(store, &s);
	head(out, "search_accounts_waiting", "gauge", "Accounts with mail that the search index does not have yet; it is searched by reading.");
	buf_addf(out, "postroom_search_accounts_waiting %llu\n", (unsigned long long)s.waiting);
	head(out, "search_index_stuck", "gauge", "1: the last attempt to index failed (a full disk, a damaged file) and will be made again.");
	buf_addf(out, "postroom_search_index_stuck %d\n", s.is_stuck);
}

void api_metrics_get(struct api_call *c)
{
	struct buf out;

	buf_init(&out, TEXT_MAX);
	head(&out, "build_info", "gauge", "The version that runs; always 1.");
	buf_addf(&out, "postroom_build_info{version=\"%s\"} 1\n", POSTROOM_VERSION);
	head(&out, "start_time_seconds", "gauge", "When the daemon was started.");
	buf_addf(&out, "postroom_start_time_seconds %lld\n", (long long)(c->context->started_ms / 1000));
	add_counters(&out);
	add_timings(&out);
	add_queue(c, &out);
	add_certificates(c, &out);
	add_trace(&out, c->context->trace);
	add_search(&out, c->context->store);
	if (c->context->events) {
		head(&out, "events_dropped_total", "counter", "Events that were not kept: a rush, strangers, or a full disk.");
		buf_addf(&out, "postroom_events_dropped_total %llu\n", (unsigned long long)events_dropped(c->context->events));
	}
	if (out.failed)
		call_reply_error(c, ERR_LIMIT, NULL);
	else
		call_reply_text(c, 200, "text/plain; version=0.0.4; charset=utf-8", &out);
	buf_clear(&out);
}
