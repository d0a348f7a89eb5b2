/* ops/event_json.c: events as JSON (RFC 8259); what is not UTF-8 in them becomes U+FFFD. */
#include "daemon/ops/event_json.h"

#include <jansson.h>

#include "daemon/mime/date.h"

#define VALUE_MAX (3u * EVENT_BYTES_MAX + 64u)

static json_t *text(struct span s)
{
	struct buf clean;
	json_t *value;

	if (span_is_utf8(s))
		return json_stringn(s.len ? s.ptr : "", s.len);
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

static json_t *time_text(int64_t unix_ms)
{
	struct buf out;
	json_t *value;

	buf_init(&out, 64);
	date_write_rfc3339(unix_ms, &out);
	value = text(buf_span(&out));
	buf_clear(&out);
	return value;
}

static int add(const char *bytes, size_t len, void *arg)
{
	buf_add(arg, span_make(bytes, len));
	return 0;
}

bool event_json(const struct event *event, struct buf *out)
{
	json_t *data = json_object(), *all;
	bool made;

	for (size_t i = 0; data && i < event->field_count; i++)
		(void)json_object_set_new(data, event->fields[i].name, text(event->fields[i].value));
	all = json_pack("{s:I, s:s, s:o, s:o, s:o, s:o}", "id", (json_int_t)event->id, "type", event_name(event->type), "time", time_text(event->at_ms), "subject", text(event->subject),
			"domain", event->domain.len ? text(event->domain) : json_null(), "data", data);
	made = all && json_dump_callback(all, add, out, JSON_COMPACT) == 0 && !out->failed;
	json_decref(all);
	return made;
}

bool event_pattern_fits(struct span pattern, enum event_type type)
{
	struct span name = span_str(event_name(type));

	if (span_equals(pattern, SPAN("*")))
		return true;
	if (span_ends(pattern, SPAN(".*")))
		return span_starts(name, span_take(pattern, pattern.len - 1));
	return span_equals(pattern, name);
}

bool event_pattern_is_known(struct span pattern)
{
	for (int type = 0; type < EVENT_COUNT; type++)
		if (event_pattern_fits(pattern, (enum event_type)type))
			return true;
	return false;
}
