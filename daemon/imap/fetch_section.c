/* imap/fetch_section.c: BODY[section]<partial> (RFC 3501 6.4.5, 7.4.2): a list of pieces of memory and of the body, never a copy; and BINARY.
 *
 * BINARY takes the encoding off a part's own content. Whole messages, multiparts, headers and what else the section names are their own identity: without
 * a decoded part in the middle of a message that says it was encoded. */
#include "daemon/imap/fetch.h"
#include "daemon/imap/reply.h"
#include "daemon/mime/header.h"

static struct fetch_piece *next_piece(struct fetch_content *c)
{
	struct fetch_piece *more;
	size_t room = c->room ? 2 * c->room : 8;

	if (c->count < c->room)
		return &c->pieces[c->count++];
	more = arena_array(c->arena, room, sizeof *more);
	if (!more) {
		c->nil = true;
		return NULL;
	}
	if (c->pieces)
		memcpy(more, c->pieces, c->count * sizeof *more);
	c->pieces = more;
	c->room = room;
	return &c->pieces[c->count++];
}

static void add_bytes(struct fetch_content *c, struct span bytes)
{
	struct fetch_piece *p = c->count ? &c->pieces[c->count - 1] : NULL;

	if (!bytes.len)
		return;
	if (!p || !p->bytes.ptr || p->bytes.ptr + p->bytes.len != bytes.ptr) {
		p = next_piece(c);
		if (!p)
			return;
		*p = (struct fetch_piece){ .bytes = span_make(bytes.ptr, 0) };
	}
	p->bytes.len += bytes.len; /* fields that stand together are one piece */
	p->length += bytes.len;
	c->length += bytes.len;
}

static void add_body(struct fetch_content *c, const struct message_body *body, uint64_t start, uint64_t end)
{
	struct fetch_piece *p;

	if (end > body->size)
		end = body->size;
	if (start >= end)
		return;
	if (!body->path) {
		add_bytes(c, span_take(span_skip(body->bytes, (size_t)start), (size_t)(end - start)));
		return;
	}
	p = next_piece(c);
	if (!p)
		return;
	*p = (struct fetch_piece){ .offset = start, .length = end - start };
	c->length += end - start;
}

static bool is_listed(const struct fetch_item *item, struct span name)
{
	for (size_t i = 0; i < item->field_count; i++)
		if (span_iequals(item->fields[i], name))
			return true;
	return false;
}

static void add_fields(struct fetch_content *c, const struct fetch_item *item, struct span header)
{
	struct header_field field;

	while (header_next(&header, &field))
		if (is_listed(item, field.name) == (item->text == SECTION_FIELDS))
			add_bytes(c, field.whole);
}

/* The header of an embedded message, as memory. */
static struct span embedded_header(struct fetch_source *src, struct fetch_content *c, uint64_t start, uint64_t end)
{
	const struct message_body *body = &src->row->body;
	struct span header = { NULL, 0 };
	struct buf text;

	if (end > body->size)
		end = body->size;
	if (start >= end)
		return SPAN("");
	if (!body->path)
		return span_take(span_skip(body->bytes, (size_t)start), (size_t)(end - start));
	buf_init(&text, MIME_MAX_HEADER);
	if (src->s->service->body_read(body->path, start, end - start < MIME_MAX_HEADER ? (size_t)(end - start) : MIME_MAX_HEADER, &text))
		c->nil = true;
	else
		header = arena_copy(c->arena, buf_span(&text));
	buf_clear(&text);
	return header;
}

static void find_whole(struct fetch_source *src, const struct fetch_item *item, struct fetch_content *c)
{
	const struct message_row *row = src->row;

	switch (item->text) {
	case SECTION_ALL:
		add_bytes(c, row->prefix);
		add_bytes(c, row->head);
		add_body(c, &row->body, 0, row->body.size);
		break;
	case SECTION_HEADER:
	case SECTION_MIME:
		add_bytes(c, row->prefix);
		add_bytes(c, row->head);
		break;
	case SECTION_FIELDS:
	case SECTION_FIELDS_NOT:
		add_fields(c, item, row->prefix);
		add_fields(c, item, row->head);
		add_bytes(c, SPAN("\r\n"));
		break;
	case SECTION_TEXT:
		add_body(c, &row->body, 0, row->body.size);
		break;
	}
}

/* Part numbers lead to `part`; HEADER and TEXT are of the message inside of it. */
static void find_in_part(struct fetch_source *src, const struct fetch_item *item, const struct mime_part *part, struct fetch_content *c)
{
	const struct mime_part *inner = part->kind == MIME_MESSAGE && part->first_child ? &src->parts.parts[part->first_child] : NULL;
	const struct message_body *body = &src->row->body;

	if (item->text == SECTION_ALL) {
		add_body(c, body, part->body_start, part->body_end);
	} else if (item->text == SECTION_MIME) {
		if (part == src->parts.parts)
			add_bytes(c, src->row->head);
		else
			add_body(c, body, part->header_start, part->body_start);
	} else if (!inner) {
		c->nil = true;
	} else if (item->text == SECTION_HEADER) {
		add_body(c, body, inner->header_start, inner->body_start);
	} else if (item->text == SECTION_TEXT) {
		add_body(c, body, inner->body_start, inner->body_end);
	} else {
		add_fields(c, item, embedded_header(src, c, inner->header_start, inner->body_start));
		add_bytes(c, SPAN("\r\n"));
	}
}

bool fetch_read_parts(struct fetch_source *src, struct arena *a)
{
	if (!src->has_parts)
		src->has_parts = !mime_parts_decode(src->row->parts, a, &src->parts);
	return src->has_parts;
}

static void find_part(struct fetch_source *src, const struct fetch_item *item, struct fetch_content *c)
{
	uint32_t index;

	if (!fetch_read_parts(src, c->arena) || !mime_part_find(&src->parts, item->numbers, item->number_count, &index)) {
		c->nil = true;
		return;
	}
	find_in_part(src, item, &src->parts.parts[index], c);
	if (item->text == SECTION_ALL && src->parts.parts[index].kind == MIME_LEAF)
		c->encoding = src->parts.parts[index].encoding;
}

static void find(struct fetch_source *src, const struct fetch_item *item, struct fetch_content *c)
{
	*c = (struct fetch_content){ .arena = &src->s->run.batch };
	if (item->number_count)
		find_part(src, item, c);
	else
		find_whole(src, item, c);
}

static bool open_file(struct fetch_source *src, const struct fetch_content *c)
{
	for (size_t i = 0; i < c->count; i++)
		if (!c->pieces[i].bytes.ptr && !src->file && out_file_open(src->row->body.path, &src->file))
			return false;
	return true;
}

/* `skip` bytes of all the pieces are left out, then `left` are sent. */
static void send(const struct fetch_source *src, const struct fetch_content *c, uint64_t skip, uint64_t left, struct out *out)
{
	for (size_t i = 0; i < c->count && left; i++) {
		const struct fetch_piece *p = &c->pieces[i];
		uint64_t length;

		if (skip >= p->length) {
			skip -= p->length;
			continue;
		}
		length = p->length - skip < left ? p->length - skip : left;
		if (p->bytes.ptr)
			reply_add(out, span_make(p->bytes.ptr + skip, (size_t)length));
		else
			reply_file(out, src->file, p->offset + skip, length);
		left -= length;
		skip = 0;
	}
}

/* As it is stored. */
static void send_as_is(struct fetch_source *src, const struct fetch_item *item, const struct fetch_content *c, struct out *out)
{
	uint64_t skip = 0, left = c->length;

	reply_add(out, item->label);
	reply_add(out, SPAN(" "));
	if (item->kind == FETCH_BINARY_SIZE) {
		reply_number(out, c->length);
		return;
	}
	if (item->partial) {
		skip = item->offset < c->length ? item->offset : c->length;
		left = c->length - skip < item->length ? c->length - skip : item->length;
	}
	reply_literal_size(out, left);
	send(src, c, skip, left, out);
}

bool fetch_section(struct fetch_source *src, const struct fetch_item *item, struct out *out)
{
	const bool binary = item->kind != FETCH_SECTION;
	struct fetch_content c;
	struct transfer_decoder decoder = { .kind = TRANSFER_AS_IS };

	find(src, item, &c);
	if (binary && !transfer_decoder_init(&decoder, c.encoding)) {
		src->at->unknown_encoding = true;
		c.nil = true;
	}
	if (c.nil || !open_file(src, &c)) {
		reply_add(out, item->label);
		reply_add(out, item->kind == FETCH_BINARY_SIZE ? SPAN(" 0") : SPAN(" NIL"));
		return true;
	}
	if (src->at && (mime_parts_has_nul(src->row->parts) || (binary && decoder.kind != TRANSFER_AS_IS)))
		return fetch_stream_begin(src, item, &c, out);
	send_as_is(src, item, &c, out);
	return true;
}

void fetch_source_end(struct fetch_source *src)
{
	out_file_release(&src->file);
	if (!src->at || src->at->stream.phase == STREAM_NONE)
		arena_reset(&src->s->run.batch);
}
