/* api/send_fields.c: a message from the fields of a request. */
#include <jansson.h>

#include "api/send.h"
#include "daemon/base/clock.h"

#define FIELDS_MAX 100
#define NAME_MAX 64
#define VALUE_MAX 4000

/* ---- mailboxes ---- */

static bool answer_bad_mailbox(struct api_call *c, const char *pointer, struct span text)
{
	call_reply_problem(c, 422, "invalid", pointer, "\"%.*s\" is not one mailbox: alice@example.org or Alice <alice@example.org>", (int)(text.len < 100 ? text.len : 100), text.ptr ? text.ptr : "");
	return false;
}

static bool has_control(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
			return true;
	return false;
}

bool send_read_mailbox(struct api_call *c, struct span text, const char *pointer, struct compose_mailbox *out, struct address *address_out)
{
	struct header_address *list;
	struct buf written;
	size_t count;

	if (has_control(text) || address_list_parse_strict(text, &c->arena, &list, &count) != ERR_OK || count != 1 || list[0].group_start || list[0].group_end)
		return answer_bad_mailbox(c, pointer, text);
	if (address_parse(arena_printf(&c->arena, "%.*s@%.*s", (int)list[0].local.len, list[0].local.ptr, (int)list[0].domain.len, list[0].domain.ptr), &c->arena, address_out) != ERR_OK)
		return answer_bad_mailbox(c, pointer, text);
	buf_init(&written, ADDRESS_MAX * 2);
	address_write(address_out, &written);
	*out = (struct compose_mailbox){ arena_copy(&c->arena, list[0].name), arena_copy(&c->arena, buf_span(&written)) };
	buf_clear(&written);
	return true;
}

bool send_add_recipient(struct api_call *c, struct outgoing *o, const struct compose_mailbox *m, const struct address *address)
{
	for (size_t i = 0; i < o->recipient_count; i++)
		if (span_equals(o->recipients[i], m->address))
			return true;
	if (o->recipient_count == o->recipient_max) {
		call_reply_problem(c, 422, "limit", "to", "a message has %zu recipients at most", o->recipient_max);
		return false;
	}
	o->recipients[o->recipient_count] = m->address;
	o->addresses[o->recipient_count++] = *address;
	if (!span_is_ascii(m->address))
		o->smtputf8 = true;
	return true;
}

static bool read_list(struct api_call *c, struct outgoing *o, const char *field, const struct compose_mailbox **out, size_t *count_out)
{
	size_t count;
	const struct span *texts = body_texts(c, field, &count);
	struct compose_mailbox *list = arena_array(&c->arena, count ? count : 1, sizeof *list);

	for (size_t i = 0; i < count; i++) {
		struct address address;
		struct span pointer = arena_printf(&c->arena, "/%s/%zu%c", field, i, '\0');

		if (!list || !pointer.ptr) {
			call_reply_error(c, ERR_TEMP, NULL);
			return false;
		}
		if (!send_read_mailbox(c, texts[i], pointer.ptr, &list[i], &address) || !send_add_recipient(c, o, &list[i], &address))
			return false;
	}
	*out = list;
	*count_out = count;
	return true;
}

static bool read_sender(struct api_call *c, struct outgoing *o, struct compose *out)
{
	struct address reply_to;

	if (!send_read_mailbox(c, body_text(c, "from"), "from", &out->from, &o->from))
		return false;
	if (!send_may_use(c, &o->from)) {
		call_reply_problem(c, 403, "not_your_sender", "from", "you may not write as %.*s", (int)out->from.address.len, out->from.address.ptr);
		return false;
	}
	o->from_text = out->from.address;
	if (!span_is_ascii(o->from_text))
		o->smtputf8 = true;
	return !body_has(c, "reply_to") || send_read_mailbox(c, body_text(c, "reply_to"), "reply_to", &out->reply_to, &reply_to);
}

/* ---- further fields of the header ---- */

/* What is written by us, or tells of the transport. */
static bool is_ours(struct span name)
{
	static const char *const names[] = { "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Subject", "Date", "Message-ID", "MIME-Version", "Received", "Return-Path", "Delivered-To",
					     "DKIM-Signature", "Authentication-Results", "ARC-Seal", "ARC-Message-Signature", "ARC-Authentication-Results" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (span_iequals(name, span_str(names[i])))
			return true;
	return span_istarts(name, SPAN("Content-")) || span_istarts(name, SPAN("Resent-"));
}

/* RFC 5322 3.6.8 */
static bool is_field_name(struct span name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.ptr[i] <= ' ' || name.ptr[i] >= 0x7f || name.ptr[i] == ':')
			return false;
	return name.len > 0 && name.len <= NAME_MAX;
}

static bool read_fields(struct api_call *c, struct compose *out)
{
	json_t *given = json_object_get(c->body, "headers"), *value;
	struct compose_field *list = arena_array(&c->arena, FIELDS_MAX, sizeof *list);
	const char *name;

	out->fields = list;
	if (!list) {
		call_reply_error(c, ERR_TEMP, NULL);
		return false;
	}
	json_object_foreach(given, name, value)
	{
		struct compose_field f = { span_str(name), span_make(json_string_value(value), json_string_length(value)) };

		if (!is_field_name(f.name) || is_ours(f.name) || f.value.len > VALUE_MAX || has_control(f.value)) {
			call_reply_problem(c, 422, "invalid", "headers", "%.*s: not a field that may be set here, or its value is too long or has control characters", (int)(f.name.len < 80 ? f.name.len : 80), name);
			return false;
		}
		if (out->field_count == FIELDS_MAX) {
			call_reply_problem(c, 422, "limit", "headers", "at most %d further fields", FIELDS_MAX);
			return false;
		}
		list[out->field_count++] = f;
	}
	return true;
}

/* ---- attachments ---- */

/* RFC 2045 5.1: token "/" token. What holds messages or parts may not be base64 (RFC 2046 5.1, 5.2). */
static bool is_media_type(struct span type)
{
	size_t slash;

	if (!span_find_char(type, '/', &slash) || slash == 0 || slash + 1 == type.len || span_istarts(type, SPAN("multipart/")) || span_istarts(type, SPAN("message/")))
		return false;
	for (size_t i = 0; i < type.len; i++)
		if (i != slash && !ascii_is_alpha(type.ptr[i]) && !ascii_is_digit(type.ptr[i]) && !(type.ptr[i] && strchr("!#$&-^_.+", type.ptr[i])))
			return false;
	return true;
}

static bool is_content_id(struct span id)
{
	for (size_t i = 0; i < id.len; i++)
		if (id.ptr[i] <= ' ' || id.ptr[i] >= 0x7f || id.ptr[i] == '<' || id.ptr[i] == '>')
			return false;
	return true;
}

static struct span text_of(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_string(value) ? span_make(json_string_value(value), json_string_length(value)) : SPAN("");
}

static const char *fault_of(const struct compose_part *p)
{
	if (!is_media_type(p->content_type))
		return "content_type";
	if (!is_content_id(p->content_id))
		return "content_id";
	if (has_control(p->filename))
		return "filename";
	return compose_is_base64(p->base64) ? NULL : "content";
}

static bool read_attachments(struct api_call *c, struct compose *out)
{
	const json_t *given = json_object_get(c->body, "attachments");
	size_t count = json_array_size(given);
	struct compose_part *list = arena_array(&c->arena, count ? count : 1, sizeof *list);

	if (!list) {
		call_reply_error(c, ERR_TEMP, NULL);
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		const json_t *one = json_array_get(given, i);
		const char *fault;

		list[i] = (struct compose_part){ text_of(one, "content_type"), text_of(one, "filename"), text_of(one, "content_id"), text_of(one, "content") };
		if (list[i].content_type.len == 0)
			list[i].content_type = SPAN("application/octet-stream");
		fault = fault_of(&list[i]);
		if (fault) {
			struct span pointer = arena_printf(&c->arena, "/attachments/%zu/%s%c", i, fault, '\0');

			call_reply_problem(c, 422, "invalid", pointer.ptr ? pointer.ptr : "attachments", "not valid: content is base64 without line breaks, content_type a media type that base64 may carry");
			return false;
		}
	}
	out->parts = list;
	out->part_count = count;
	return true;
}

/* ---- all ---- */

bool send_read_structured(struct api_call *c, struct outgoing *o, struct compose *out)
{
	const struct compose_mailbox *bcc;
	size_t bcc_count;

	*out = (struct compose){ .date_ms = clock_real_ms(), .message_id = o->message_id };
	if (!body_has(c, "from")) {
		call_reply_problem(c, 422, "missing_field", "from", "the field is required, unless raw is given");
		return false;
	}
	if (body_has(c, "subject"))
		out->subject = body_text(c, "subject");
	if (body_has(c, "html"))
		out->html = body_text(c, "html");
	if (body_has(c, "text") || !body_has(c, "html"))
		out->text = body_text(c, "text");
	return read_sender(c, o, out) && read_list(c, o, "to", &out->to, &out->to_count) && read_list(c, o, "cc", &out->cc, &out->cc_count) && read_list(c, o, "bcc", &bcc, &bcc_count) &&
	       read_fields(c, out) && read_attachments(c, out);
}
