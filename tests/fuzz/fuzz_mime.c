/* Whole messages: pieces of any size give what the whole gives; offsets nest; the stored table comes back. */
#include <stdlib.h>

#include "daemon/mime/header.h"
#include "daemon/mime/message.h"
#include "daemon/mime/preview.h"
#include "daemon/mime/transfer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(struct span in, const uint8_t *sizes, size_t sizes_len, struct arena *a, struct mime_message *out)
{
	struct message_parser *p;

	if (message_parser_begin(&p) != ERR_OK)
		abort();
	for (size_t i = 0; in.len > 0; i++) {
		size_t piece = sizes_len > 0 ? (size_t)sizes[i % sizes_len] % 23 + 1 : in.len;

		message_parser_feed(p, span_take(in, piece));
		in = span_skip(in, piece);
	}
	if (message_parser_finish(p, a, out) != ERR_OK)
		abort();
	message_parser_end(&p);
}

static void check_parts(const struct mime_message *m)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct mime_part *p = &m->parts[i], *parent = &m->parts[p->parent];

		if (p->body_start > p->body_end || p->header_start > p->body_start || p->body_end > parent->body_end || p->header_start < (i ? parent->body_start : 0))
			abort();
		if ((p->kind == MIME_LEAF) != (p->first_child == 0) || p->body_lines > p->body_end - p->body_start)
			abort();
		if (i > 0 && p->parent >= i)
			abort();
	}
	if (m->parts[0].body_end != m->size_bytes - m->header_bytes)
		abort();
}

static void check_same_texts(const struct mime_message *x, const struct mime_message *y)
{
	const struct span *const pairs[][2] = {
		{ &x->envelope, &y->envelope },
		{ &x->body_structure, &y->body_structure },
		{ &x->body, &y->body },
		{ &x->subject, &y->subject },
		{ &x->from, &y->from },
		{ &x->preview, &y->preview },
		{ &x->refs, &y->refs },
	};

	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		if (!span_equals(*pairs[i][0], *pairs[i][1]))
			abort();
}

static void check_same(const struct mime_message *x, const struct mime_message *y, struct arena *a)
{
	struct mime_message back;
	struct buf one, two;

	buf_init(&one, 8u << 20);
	buf_init(&two, 8u << 20);
	mime_parts_encode(x, &one);
	mime_parts_encode(y, &two);
	if (!span_equals(buf_span(&one), buf_span(&two)) || x->date_ms != y->date_ms || x->preview.len > PREVIEW_MAX || !span_is_utf8(x->preview))
		abort();
	check_same_texts(x, y);
	buf_reset(&two);
	if (mime_parts_decode(buf_span(&one), a, &back) != ERR_OK)
		abort();
	mime_parts_encode(&back, &two);
	if (!span_equals(buf_span(&one), buf_span(&two)))
		abort();
	for (size_t i = 0; i < x->count; i++)
		if (x->parts[i].first_child != back.parts[i].first_child || x->parts[i].next_sibling != back.parts[i].next_sibling)
			abort();
	buf_clear(&one);
	buf_clear(&two);
}

/* An encoding comes off the same in pieces of any size, and nothing grows. */
static void check_transfer(struct span in, struct span encoding, size_t piece)
{
	struct transfer_decoder d;
	struct buf whole, parts;

	buf_init(&whole, 8u << 20);
	buf_init(&parts, 8u << 20);
	if (!transfer_decoder_init(&d, encoding))
		abort();
	transfer_decoder_feed(&d, in, &whole);
	transfer_decoder_end(&d, &whole);
	(void)transfer_decoder_init(&d, encoding);
	for (; in.len > 0; in = span_skip(in, piece))
		transfer_decoder_feed(&d, span_take(in, piece), &parts);
	transfer_decoder_end(&d, &parts);
	if (!span_equals(buf_span(&whole), buf_span(&parts)) || whole.failed)
		abort();
	buf_clear(&whole);
	buf_clear(&parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mime_message whole, pieces, junk;
	struct span in;
	struct arena a;
	size_t sizes = size > 8 ? 8 : size;

	in = span_make((const char *)data + sizes, size - sizes);
	arena_init(&a, 4 * MIME_ARENA_BYTES);
	parse(in, NULL, 0, &a, &whole);
	check_parts(&whole);
	if (whole.header_bytes != header_length(in))
		abort();
	parse(in, data, sizes, &a, &pieces);
	check_same(&whole, &pieces, &a);
	check_transfer(in, SPAN("base64"), size % 7 + 1);
	check_transfer(in, SPAN("quoted-printable"), size % 7 + 1);
	if (mime_parts_decode(span_make((const char *)data, size), &a, &junk) == ERR_OK && junk.count == 0)
		abort();
	arena_clear(&a);
	return 0;
}
