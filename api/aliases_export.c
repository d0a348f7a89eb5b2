/* api/aliases_export.c: GET /aliases:export: all that the filter finds, as CSV or JSON. */
#include "api/alias.h"
#include "api/csv.h"
#include "api/resources.h"
#include "api/value.h"

#include <jansson.h>

#define TARGETS_BYTES_MAX ((size_t)1 << 20)

static void add_csv(struct buf *out, const struct alias *a)
{
	struct buf targets;

	buf_init(&targets, TARGETS_BYTES_MAX);
	for (size_t i = 0; i < a->target_count; i++) {
		buf_add_str(&targets, i ? " " : "");
		buf_add(&targets, a->targets[i]);
	}
	csv_add(out, a->address, false);
	csv_add(out, buf_span(&targets), true);
	out->failed |= targets.failed;
	buf_clear(&targets);
}

/* Written one by one: the whole as one JSON value would take ten times the room. */
static void add_json(struct buf *out, const struct alias *a, bool first)
{
	json_t *one = alias_json(a);

	buf_add_str(out, first ? "" : ",\n");
	if (!json_write(one, out))
		out->failed = true;
	json_decref(one);
}

void api_aliases_export(struct api_call *c)
{
	const struct snapshot *s = call_directory(c);
	const struct alias_filter filter = alias_filter_of_query(c);
	const bool json = span_equals(call_query(c, "format"), SPAN("json"));
	const struct alias *aliases;
	size_t count = snapshot_aliases(s, &aliases), found = 0;
	struct buf out;

	buf_init(&out, API_RESPONSE_MAX);
	buf_add_str(&out, json ? "{\"aliases\":[\n" : "address,targets\r\n");
	for (size_t i = 0; i < count && !out.failed; i++) {
		if (!alias_fits(c, &filter, &aliases[i]))
			continue;
		if (json)
			add_json(&out, &aliases[i], found++ == 0);
		else
			add_csv(&out, &aliases[i]);
	}
	buf_add_str(&out, json ? "]}\n" : "");
	call_release(c, &s);
	if (out.failed)
		call_reply_problem(c, 422, "limit", NULL, "more than %u MiB: export by domain", API_RESPONSE_MAX >> 20);
	else
		call_reply_text(c, 200, json ? "application/json" : "text/csv; charset=utf-8", &out);
	buf_clear(&out);
}
