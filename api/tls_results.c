/* api/tls_results.c: /tls_results: how TLS to other servers went, by day and domain, as RFC 8460 section 4 counts. */
#include <jansson.h>

#include "api/given.h"
#include "api/resources.h"
#include "daemon/mime/date.h"
#include "daemon/relay/tls_report.h"

#define ROWS_OF_A_DAY 64 /* policies of one domain on one day: one, in a day of changes some */
#define DAY_MS 86400000ll

static json_t *lines_json(struct span lines)
{
	json_t *list = json_array();
	struct span line;

	while (lines.len > 0 && span_split(&lines, '\n', &line))
		if (line.len > 0)
			json_array_append_new(list, json_span(line));
	return list;
}

static json_t *policy_json(const struct tls_summary *s)
{
	return json_pack("{s:o, s:o, s:o, s:I, s:I}", "type", json_span(s->policy_type), "policy", lines_json(s->policy), "mx", lines_json(s->mx), "successes", (json_int_t)s->successes, "failures",
			 (json_int_t)s->failures);
}

/* "2027-01-31" */
static json_t *day_json(int64_t day)
{
	struct buf text;
	json_t *out;

	buf_init(&text, 64);
	date_write_rfc3339(day * DAY_MS, &text);
	out = json_span(span_take(buf_span(&text), 10));
	buf_clear(&text);
	return out;
}

static json_t *failures_json(struct api_call *c, const struct tls_summary *s, enum err *e_out)
{
	struct tls_failure *list;
	size_t count = 0;
	json_t *out = json_array();

	*e_out = tls_failures(c->context->relay, s->day, s->domain, &c->arena, &list, &count);
	for (size_t i = 0; *e_out == ERR_OK && i < count; i++) {
		const struct tls_failure *f = &list[i];

		json_array_append_new(out, json_pack("{s:o, s:o, s:o, s:o, s:o, s:I}", "result", json_span(f->result_type), "sending_ip", json_span_or_null(f->sending_ip), "mx_host", json_span_or_null(f->mx_host), "mx_ip",
						     json_span_or_null(f->mx_ip), "reason", json_span_or_null(f->reason), "count", (json_int_t)f->count));
	}
	return out;
}

static bool is_same(const struct tls_summary *a, const struct tls_summary *b)
{
	return a->day == b->day && span_equals(a->domain, b->domain);
}

/* All rows of one day and domain, which stand together. */
static json_t *result_json(struct api_call *c, const struct tls_summary *rows, size_t count, enum err *e_out)
{
	uint64_t successes = 0, failures = 0;
	json_t *policies = json_array();

	for (size_t i = 0; i < count; i++) {
		successes += rows[i].successes;
		failures += rows[i].failures;
		json_array_append_new(policies, policy_json(&rows[i]));
	}
	return json_pack("{s:o, s:o, s:I, s:I, s:o, s:o}", "day", day_json(rows->day), "domain", json_span(rows->domain),
			 "successes", (json_int_t)successes, "failures", (json_int_t)failures, "policies", policies, "details", failures_json(c, rows, e_out));
}

/* A cursor is "20415 example.net". */
static void read_cursor(struct span after, int64_t *day, struct span *domain)
{
	uint64_t number = 0;
	struct span word;

	*day = 0;
	*domain = SPAN("");
	if (after.len == 0 || !span_split(&after, ' ', &word) || span_to_u64(word, INT32_MAX, &number) != ERR_OK)
		return;
	*day = (int64_t)number;
	*domain = after;
}

void api_tls_results_list(struct api_call *c)
{
	struct page page = { .total = -1 };
	struct tls_summary *rows = NULL;
	struct paging paging;
	struct span domain = given_domain(c, call_query(c, "domain")), after_domain;
	size_t count = 0, asked, shown = 0, at = 0;
	int64_t after_day;
	enum err e;

	if (!call_paging(c, &paging))
		return;
	read_cursor(paging.after, &after_day, &after_domain);
	asked = paging.limit + ROWS_OF_A_DAY;
	e = tls_summaries(c->context->relay, domain, after_day, after_domain, asked, &c->arena, &rows, &count);
	page.list = json_array();
	while (e == ERR_OK && at < count && shown < paging.limit) {
		size_t end = at + 1;

		while (end < count && is_same(&rows[at], &rows[end]))
			end++;
		/* The last may be cut off: it is the first of the next page. */
		if (end == count && count == asked && shown > 0)
			break;
		json_array_append_new(page.list, given_fields(c, result_json(c, &rows[at], end - at, &e)));
		shown++;
		at = end;
	}
	if (e != ERR_OK) {
		json_decref(page.list);
		call_reply_error(c, e, NULL);
		return;
	}
	if (at < count || count == asked)
		page.next_cursor = cursor_make(c, arena_printf(&c->arena, "%lld %.*s", (long long)rows[at - 1].day, (int)rows[at - 1].domain.len, rows[at - 1].domain.ptr));
	call_reply_page(c, &page);
}
