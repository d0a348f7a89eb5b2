/* Notices of hostile words: always a report of three parts in CRLF lines, whose fields nobody else has written. */
#include <stdlib.h>

#include "daemon/mime/message.h"
#include "daemon/queue/dsn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct span cut(struct span *rest, size_t max)
{
	struct span out;

	if (!span_split(rest, '\n', &out))
		return SPAN("");
	return span_take(out, max);
}

/* As the queue has them: without control characters. */
static struct span path(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
			return SPAN("x@other.test");
	return s;
}

static void check(const struct buf *out)
{
	static const char actions[] = "\r\nAction: ";
	struct message_parser *parser;
	struct mime_message m;
	struct arena a;
	size_t found = 0, at;

	for (size_t i = 0; i < out->len; i++)
		if ((out->ptr[i] == '\n') != (i > 0 && out->ptr[i - 1] == '\r'))
			abort();
	for (struct span rest = buf_span(out); span_find(rest, span_str(actions), &at); rest = span_skip(rest, at + 1))
		found++;
	if (found != 1)
		abort();
	arena_init(&a, MIME_ARENA_BYTES);
	if (message_parser_begin(&parser) || (message_parser_feed(parser, buf_span(out)), message_parser_finish(parser, &a, &m)) || m.count != 4)
		abort();
	message_parser_end(&parser);
	arena_clear(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_make((const char *)data, size);
	struct dsn_recipient r = { .status = SPAN("5.1.1"), .remote = size & 1, .last_ms = 1, .until_ms = 1 };
	struct dsn d = { .kind = (enum notice_kind)(size / 2 % 5), .hostname = SPAN("mail.example.test"), .queue_id = SPAN("q"), .boundary = SPAN("unique"), .recipients = &r, .count = 1, .utf8_reader = size / 10 % 2, .header = SPAN("Subject: x\r\n\r\n") };
	struct buf out;
	bool utf8, eight_bit;

	r.reply = cut(&rest, 5000);
	r.host = cut(&rest, 255);
	r.orcpt = path(cut(&rest, 500));
	r.address = path(cut(&rest, 450));
	r.original = path(cut(&rest, 450));
	d.envid = path(cut(&rest, 300));
	d.from = path(cut(&rest, 255));
	d.to = path(cut(&rest, 450));
	buf_init(&out, 4u << 20);
	if (dsn_write(&d, &out, &utf8, &eight_bit) != ERR_OK || (!eight_bit && !span_is_ascii(buf_span(&out))))
		abort();
	check(&out);
	buf_clear(&out);
	return 0;
}
