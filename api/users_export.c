/* api/users_export.c: GET /users:export: all that the filter finds, as CSV or JSON; no hashes. */
#include "api/csv.h"
#include "api/resources.h"
#include "api/user.h"
#include "api/value.h"

#include <jansson.h>

#define FORWARDS_TEXT_MAX (FORWARDS_MAX * 2048)

static void add_csv(struct buf *out, const struct account *a)
{
	struct buf forwards;

	buf_init(&forwards, FORWARDS_TEXT_MAX);
	csv_add(out, a->address, false);
	csv_add(out, a->name, false);
	csv_add(out, span_str(user_role_names[a->role]), false);
	csv_add(out, a->suspended ? SPAN("true") : SPAN("false"), false);
	for (size_t i = 0; i < a->forward_count; i++) {
		buf_add_str(&forwards, i ? " " : "");
		buf_add(&forwards, a->forwards[i]);
	}
	csv_add(out, buf_span(&forwards), false);
	csv_add(out, a->forward_keeps ? SPAN("true") : SPAN("false"), false);
	csv_add(out, span_str(user_type_name(a->is_shared)), true);
	out->failed = out->failed || forwards.failed;
	buf_clear(&forwards);
}

/* Written one by one: the whole as one JSON value would take ten times the room. */
static void add_json(struct buf *out, const struct account *a, bool first)
{
	json_t *one = json_pack("{s:o, s:o, s:s, s:b}", "address", json_span(a->address), "name", json_span(a->name), "role", user_role_names[a->role], "suspended", (int)a->suspended);

	json_object_set_new(one, "forwards", json_spans(a->forwards, a->forward_count));
	json_object_set_new(one, "forward_keeps", json_boolean(a->forward_keeps));
	json_object_set_new(one, "type", json_string(user_type_name(a->is_shared)));
	buf_add_str(out, first ? "" : ",\n");
	if (!json_write(one, out))
		out->failed = true;
	json_decref(one);
}

void api_users_export(struct api_call *c)
{
	const struct snapshot *s = call_directory(c);
	const struct user_filter filter = user_filter_of_query(c);
	const bool json = span_equals(call_query(c, "format"), SPAN("json"));
	const struct account *const *accounts;
	size_t count = snapshot_accounts(s, &accounts), found = 0;
	struct buf out;

	buf_init(&out, API_RESPONSE_MAX);
	buf_add_str(&out, json ? "{\"users\":[\n" : "address,name,role,suspended,forwards,forward_keeps,type\r\n");
	for (size_t i = 0; i < count && !out.failed; i++) {
		if (!user_fits(c, &filter, accounts[i]))
			continue;
		if (json)
			add_json(&out, accounts[i], found++ == 0);
		else
			add_csv(&out, accounts[i]);
	}
	buf_add_str(&out, json ? "]}\n" : "");
	call_release(c, &s);
	if (out.failed)
		call_reply_problem(c, 422, "limit", NULL, "more than %u MiB: export by domain", API_RESPONSE_MAX >> 20);
	else
		call_reply_text(c, 200, json ? "application/json" : "text/csv; charset=utf-8", &out);
	buf_clear(&out);
}
