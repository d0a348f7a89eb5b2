/* cli/sse.c: reads an event stream line by line. */
#include "daemon/cli/sse.h"

#define LINE_MAX_BYTES 1048576
#define DATA_MAX_BYTES 1048576

void sse_init(struct sse *s)
{
	*s = (struct sse){ .id = 0 };
	buf_init(&s->line, LINE_MAX_BYTES);
	buf_init(&s->data, DATA_MAX_BYTES);
}

void sse_clear(struct sse *s)
{
	buf_clear(&s->line);
	buf_clear(&s->data);
}

static void read_field(struct sse *s, struct span line)
{
	struct span name = line, value = { NULL, 0 };
	uint64_t id;
	size_t colon;

	if (span_find_char(line, ':', &colon)) {
		name = span_take(line, colon);
		value = span_skip(line, colon + 1);
		if (span_starts(value, SPAN(" ")))
			value = span_skip(value, 1);
	}
	if (span_equals(name, SPAN("data"))) {
		buf_add(&s->data, value);
		buf_add_char(&s->data, '\n');
	} else if (span_equals(name, SPAN("id")) && span_to_u64(value, UINT64_MAX, &id) == ERR_OK) {
		s->id = id;
	} else if (span_equals(name, SPAN("event")) && value.len < sizeof s->type) {
		if (value.len > 0)
			memcpy(s->type, value.ptr, value.len);
		s->type[value.len] = '\0';
	}
}

/* An empty line ends the event. */
static bool end_event(struct sse *s, bool (*on_event)(void *arg, const struct sse_event *e), void *arg)
{
	struct sse_event event = { .id = s->id, .type = s->type, .data = buf_span(&s->data) };
	bool go_on = true;

	if (event.data.len > 0 && !s->data.failed) {
		event.data.len--;
		go_on = on_event(arg, &event);
	}
	buf_reset(&s->data);
	s->type[0] = '\0';
	return go_on;
}

bool sse_feed(struct sse *s, struct span in, bool (*on_event)(void *arg, const struct sse_event *e), void *arg)
{
	bool go_on = true;
	size_t at;

	while (go_on && span_find_char(in, '\n', &at)) {
		struct span line;

		buf_add(&s->line, span_take(in, at));
		in = span_skip(in, at + 1);
		line = buf_span(&s->line);
		if (span_ends(line, SPAN("\r")))
			line.len--;
		if (!s->line.failed && line.len > 0)
			read_field(s, line);
		else if (!s->line.failed)
			go_on = end_event(s, on_event, arg);
		buf_reset(&s->line);
	}
	buf_add(&s->line, in);
	return go_on;
}
