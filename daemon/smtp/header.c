/* smtp/header.c: see header.h. */
#include "daemon/smtp/header.h"

#include "daemon/mime/date.h"
#include "daemon/mime/header.h"
#include "daemon/smtp/trace.h"

/* An account writes in names that are its own, here and elsewhere: what bears our signature is believed. A program of this machine (SMTP_LOCAL), and a
 * machine in a trusted_network (a shop's server, a gateway), hands on what others wrote to it as well, and may name whoever is not of ours. */
static bool may_stand(const struct smtp_session *s, struct arena *work, const struct header_address *entry)
{
	struct address address;
	struct span text;

	text = arena_printf(work, "%.*s@%.*s", (int)entry->local.len, entry->local.ptr, (int)entry->domain.len, entry->domain.ptr);
	if (address_parse(text, work, &address) != ERR_OK)
		return false;
	struct smtp_recipient_verdict verdict;

	if (s->services->may_send_as(s->world, s->account_id, &address))
		return true;
	if (s->profile != SMTP_LOCAL && !s->peer->trusted)
		return false;
	s->services->recipient(s->world, &address, false, 0, &verdict);
	return verdict.kind == SMTP_RECIPIENT_REMOTE || verdict.kind == SMTP_RECIPIENT_SUPPRESSED || verdict.kind == SMTP_RECIPIENT_NO_MAIL;
}

/* At least one address, and none that may not stand there. */
static bool all_may_stand(const struct smtp_session *s, struct arena *work, struct span value)
{
	struct header_address *list;
	size_t count, addresses = 0;
	struct span unfolded = header_unfold(work, value);

	if (!unfolded.ptr || address_list_parse_strict(unfolded, work, &list, &count) != ERR_OK)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (list[i].group_start || list[i].group_end)
			continue;
		if (!may_stand(s, work, &list[i]))
			return false;
		addresses++;
	}
	return addresses > 0;
}

/* The blind copies of RFC 5322 3.6.3 and 3.6.6; and Return-Path, which the delivery writes (RFC 5321 4.4). */
static bool is_dropped(struct span name)
{
	return span_iequals(name, SPAN("Bcc")) || span_iequals(name, SPAN("Resent-Bcc")) || span_iequals(name, SPAN("Return-Path"));
}

/* The fields that say who wrote, sent or sent on (RFC 5322 3.6.2 and 3.6.6); of the last there may be a block for each time. */
static bool names_an_author(struct span name)
{
	return span_iequals(name, SPAN("From")) || span_iequals(name, SPAN("Sender")) || span_iequals(name, SPAN("Resent-From")) || span_iequals(name, SPAN("Resent-Sender"));
}

struct seen {
	unsigned from, date, message_id;
};

static enum smtp_reply_id take_field(const struct smtp_session *s, struct arena *work, const struct header_field *field, struct seen *seen, struct buf *out)
{
	if (is_dropped(field->name))
		return REPLY_NONE;
	seen->from += span_iequals(field->name, SPAN("From"));
	if (seen->from > 1 || (names_an_author(field->name) && !all_may_stand(s, work, field->value)))
		return REPLY_NOT_YOUR_HEADER;
	seen->date += span_iequals(field->name, SPAN("Date"));
	seen->message_id += span_iequals(field->name, SPAN("Message-ID"));
	buf_add(out, field->whole);
	return REPLY_NONE;
}

enum smtp_reply_id smtp_header_prepare(const struct smtp_session *s, struct span header, struct buf *out)
{
	enum smtp_reply_id refusal = REPLY_NONE;
	struct seen seen = { 0, 0, 0 };
	struct header_field field;
	char id[SMTP_ID_TEXT];
	struct arena work;

	arena_init(&work, SMTP_HEADER_WORK_MAX);
	while (refusal == REPLY_NONE && header_next(&header, &field))
		refusal = take_field(s, &work, &field, &seen, out);
	arena_clear(&work);
	if (refusal != REPLY_NONE)
		return refusal;
	if (seen.from == 0 && s->reverse_path.len == 0)
		return REPLY_NOT_YOUR_HEADER;
	if (seen.from == 0)
		buf_addf(out, "From: <%.*s>\r\n", (int)s->reverse_path.len, s->reverse_path.ptr);
	if (seen.date == 0) {
		buf_add_str(out, "Date: ");
		date_write_header(s->services->real_ms(s->world), out);
		buf_add_str(out, "\r\n");
	}
	if (seen.message_id == 0) {
		smtp_id_text(&s->id, id, sizeof(id));
		buf_addf(out, "Message-ID: <%s@%s>\r\n", id, s->hostname);
	}
	buf_add_str(out, "\r\n");
	return out->failed ? REPLY_TOO_LARGE : REPLY_NONE;
}

enum smtp_reply_id smtp_header_clean(struct span header, struct buf *out)
{
	struct header_field field;

	while (header_next(&header, &field)) {
		if (!span_iequals(field.name, SPAN("Return-Path")))
			buf_add(out, field.whole);
	}
	buf_add_str(out, "\r\n");
	return out->failed ? REPLY_TOO_LARGE : REPLY_NONE;
}
