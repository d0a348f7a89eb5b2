/* api/send_raw.c: a message as it is: its header is checked and completed as on submission (RFC 6409 section 8). */
#include "api/send.h"
#include "daemon/base/clock.h"
#include "daemon/mime/date.h"
#include "daemon/mime/header.h"

/* ---- line ends ---- */

/* One line with its end, or the last without. ERR_SYNTAX: a CR that ends none. */
static enum err add_line(struct span line, bool has_lf, enum err (*add)(void *arg, struct span bytes), void *arg)
{
	const char *cr = line.len ? memchr(line.ptr, '\r', line.len) : NULL;
	enum err e = ERR_OK;

	if (cr && !(has_lf && cr + 1 == line.ptr + line.len))
		return ERR_SYNTAX;
	if (cr)
		line.len--;
	if (line.len > 0)
		e = add(arg, line);
	return e == ERR_OK ? add(arg, SPAN("\r\n")) : e;
}

enum err send_add_lines(struct span text, enum err (*add)(void *arg, struct span bytes), void *arg)
{
	enum err e = ERR_OK;

	if (text.len > 0 && memchr(text.ptr, '\0', text.len))
		return ERR_SYNTAX;
	while (text.len > 0 && e == ERR_OK) {
		const char *lf = memchr(text.ptr, '\n', text.len);
		size_t len = lf ? (size_t)(lf - text.ptr) : text.len;

		e = add_line(span_take(text, len), lf != NULL, add, arg);
		text = span_skip(text, lf ? len + 1 : len);
	}
	return e;
}

static enum err add_to_header(void *arg, struct span bytes)
{
	buf_add(arg, bytes);
	return ERR_OK;
}

/* ---- fields ---- */

struct seen {
	unsigned from, date, message_id;
};

static bool answer_not_yours(struct api_call *c, struct span name)
{
	call_reply_problem(c, 403, "not_your_sender", "raw", "%.*s names an address that you may not write as", (int)(name.len < 40 ? name.len : 40), name.ptr);
	return false;
}

/* Mailboxes of one field. `each` says false when it has answered. */
static bool each_mailbox(struct api_call *c, struct outgoing *o, const struct header_field *field, bool (*each)(struct api_call *c, struct outgoing *o, const struct compose_mailbox *m, const struct address *address))
{
	struct span unfolded = header_unfold(&c->arena, field->value);
	struct header_address *list;
	size_t count;

	if (!unfolded.ptr || address_list_parse_strict(unfolded, &c->arena, &list, &count) != ERR_OK) {
		call_reply_problem(c, 422, "invalid", "raw", "the addresses of %.*s can't be read", (int)(field->name.len < 40 ? field->name.len : 40), field->name.ptr);
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		struct compose_mailbox m;
		struct address address;

		if (list[i].group_start || list[i].group_end)
			continue;
		if (!send_read_mailbox(c, arena_printf(&c->arena, "<%.*s@%.*s>", (int)list[i].local.len, list[i].local.ptr, (int)list[i].domain.len, list[i].domain.ptr), "raw", &m, &address) ||
		    !each(c, o, &m, &address))
			return false;
	}
	return true;
}

static bool take_sender(struct api_call *c, struct outgoing *o, const struct compose_mailbox *m, const struct address *address)
{
	if (!send_may_use(c, address))
		return answer_not_yours(c, m->address);
	if (!o->from_text.ptr) {
		o->from = *address;
		o->from_text = m->address;
	}
	return true;
}

static bool is_recipients(struct span name)
{
	return span_iequals(name, SPAN("To")) || span_iequals(name, SPAN("Cc")) || span_iequals(name, SPAN("Bcc"));
}

static bool is_dropped(struct span name)
{
	return span_iequals(name, SPAN("Bcc")) || span_iequals(name, SPAN("Resent-Bcc")) || span_iequals(name, SPAN("Return-Path"));
}

static void take_message_id(struct api_call *c, struct outgoing *o, const struct header_field *field)
{
	struct span id = span_trim(header_unfold(&c->arena, field->value));

	if (id.len > 2 && id.ptr[0] == '<' && id.ptr[id.len - 1] == '>')
		o->message_id = span_make(id.ptr + 1, id.len - 2);
}

static bool take_field(struct api_call *c, struct outgoing *o, const struct header_field *field, bool to_of_header, struct seen *seen, struct buf *out)
{
	bool is_from = span_iequals(field->name, SPAN("From"));

	seen->from += is_from;
	if ((is_from || span_iequals(field->name, SPAN("Sender"))) && (seen->from > 1 || !each_mailbox(c, o, field, take_sender)))
		return seen->from > 1 ? answer_not_yours(c, SPAN("a second From")) : false;
	if (to_of_header && is_recipients(field->name) && !each_mailbox(c, o, field, send_add_recipient))
		return false;
	if (span_iequals(field->name, SPAN("Message-ID"))) {
		take_message_id(c, o, field);
		seen->message_id++;
	}
	seen->date += span_iequals(field->name, SPAN("Date"));
	if (is_dropped(field->name))
		return true;
	if (send_add_lines(field->whole, add_to_header, out) == ERR_OK)
		return true;
	call_reply_problem(c, 422, "invalid", "raw", "a lone CR or a NUL is not allowed in a message");
	return false;
}

/* Those of the request's fields, when there are some: then the header's are for people only. */
static bool take_given(struct api_call *c, struct outgoing *o)
{
	static const char *const names[] = { "to", "cc", "bcc" };

	for (size_t n = 0; c->body && n < sizeof names / sizeof names[0]; n++) {
		size_t count;
		const struct span *texts = body_texts(c, names[n], &count);

		for (size_t i = 0; i < count; i++) {
			struct compose_mailbox m;
			struct address address;

			if (!send_read_mailbox(c, texts[i], names[n], &m, &address) || !send_add_recipient(c, o, &m, &address))
				return false;
		}
	}
	return true;
}

bool send_read_raw(struct api_call *c, struct outgoing *o, struct span raw, struct buf *header, struct span *body_out)
{
	size_t length = header_length(raw);
	struct span rest = span_take(raw, length);
	struct header_field field;
	struct seen seen = { 0, 0, 0 };
	bool to_of_header;

	*body_out = span_skip(raw, length);
	if (!take_given(c, o))
		return false;
	to_of_header = o->recipient_count == 0;
	while (header_next(&rest, &field))
		if (!take_field(c, o, &field, to_of_header, &seen, header))
			return false;
	if (!o->from_text.ptr || seen.from != 1) {
		call_reply_problem(c, 422, "invalid", "raw", "the message needs a From with an address, once");
		return false;
	}
	if (seen.date == 0) {
		buf_add_str(header, "Date: ");
		date_write_header(clock_real_ms(), header);
		buf_add_str(header, "\r\n");
	}
	if (seen.message_id == 0)
		buf_addf(header, "Message-ID: <%.*s>\r\n", (int)o->message_id.len, o->message_id.ptr);
	o->smtputf8 = o->smtputf8 || !span_is_ascii(buf_span(header));
	o->body_8bit = !span_is_ascii(*body_out);
	buf_add_str(header, "\r\n");
	if (header->failed)
		call_reply_problem(c, 413, "too_large", NULL, "the header has %zu bytes at most", header->max);
	return !header->failed;
}
