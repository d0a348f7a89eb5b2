/* ops/check_json.c: findings of a check as JSON (RFC 8259); what is not UTF-8 in them becomes U+FFFD. */
#include "daemon/ops/check_json.h"

#include <jansson.h>

#define VALUE_MAX 8192u

static json_t *text(struct span s)
{
	struct buf clean;
	json_t *value;

	buf_init(&clean, VALUE_MAX);
	while (s.len) {
		size_t len = span_utf8_len(s);

		buf_add(&clean, len ? span_take(s, len) : SPAN("\xef\xbf\xbd"));
		s = span_skip(s, len ? len : 1);
	}
	value = clean.failed ? NULL : json_stringn(clean.ptr ? clean.ptr : "", clean.len);
	buf_clear(&clean);
	return value;
}

static json_t *text_or_null(struct span s)
{
	return s.len ? text(s) : json_null();
}

static json_t *places(const struct check_report *r, int fault)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->count; i++) {
		const struct check_finding *f = &r->findings[i];

		if (f->fault != fault)
			continue;
		(void)json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o, s:o, s:b}", "mailbox", text_or_null(f->mailbox), "uid", f->uid ? json_integer(f->uid) : json_null(), "message_id",
							    text_or_null(f->message_id), "subject", text_or_null(f->subject), "detail", text(f->detail), "repaired", (int)f->is_repaired));
	}
	return list;
}

static int add(const char *bytes, size_t len, void *arg)
{
	buf_add(arg, span_make(bytes, len));
	return 0;
}

bool check_json(const struct check_report *r, struct buf *out)
{
	json_t *all = json_array();
	bool made;

	for (int i = 0; i < CHECK_FAULT_COUNT; i++) {
		if (!r->found[i])
			continue;
		(void)json_array_append_new(all, json_pack("{s:s, s:s, s:I, s:I, s:b, s:o}", "fault", check_fault_name(i), "words", check_fault_words(i), "count", (json_int_t)r->found[i], "repaired",
							   (json_int_t)r->repaired[i], "garbage", (int)check_fault_is_garbage(i), "places", places(r, i)));
	}
	made = all && json_dump_callback(all, add, out, JSON_COMPACT) == 0 && !out->failed;
	json_decref(all);
	return made;
}
