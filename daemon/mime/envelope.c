/* mime/envelope.c: date, subject, from, sender, reply-to, to, cc, bcc, in-reply-to, message-id. Encoded words stay as they are. */
#include "daemon/mime/envelope.h"

#include "daemon/mime/address.h"
#include "daemon/mime/header.h"
#include "daemon/mime/imap_string.h"

#define NIL SPAN("NIL")

/* addr-name SP addr-adl SP addr-mailbox SP addr-host. A NIL host means group syntax: the name in the mailbox begins one, NIL ends it. */
static void write_address(const struct header_address *entry, struct buf *out)
{
	struct span host = entry->domain.ptr ? entry->domain : SPAN("");

	if (entry->group_end) {
		buf_add(out, SPAN("(NIL NIL NIL NIL)"));
	} else if (entry->group_start) {
		buf_add(out, SPAN("(NIL NIL "));
		imap_string_write(entry->name, out);
		buf_add(out, SPAN(" NIL)"));
	} else {
		buf_add_char(out, '(');
		imap_nstring_write(entry->name.len > 0 ? entry->name : span_make(NULL, 0), out);
		buf_add_char(out, ' ');
		imap_nstring_write(entry->route.len > 0 ? entry->route : span_make(NULL, 0), out);
		buf_add_char(out, ' ');
		imap_string_write(entry->local, out);
		buf_add_char(out, ' ');
		imap_string_write(host, out);
		buf_add_char(out, ')');
	}
}

/* False when there is no address in it: nothing is written then. */
static bool write_list(struct span raw, struct arena *scratch, struct buf *out)
{
	struct header_address *list;
	size_t count = 0;

	arena_reset(scratch);
	if (!raw.ptr || address_list_parse(header_unfold(scratch, raw), scratch, &list, &count) != ERR_OK || count == 0)
		return false;
	buf_add_char(out, '(');
	for (size_t i = 0; i < count; i++)
		write_address(&list[i], out);
	buf_add_char(out, ')');
	return true;
}

static void write_text(struct span raw, struct arena *scratch, struct buf *out)
{
	arena_reset(scratch);
	imap_nstring_write(raw.ptr ? header_unfold(scratch, raw) : raw, out);
}

static void repeat(struct buf *out, size_t at, size_t len)
{
	char *to = buf_reserve(out, len);

	if (!to)
		return;
	memcpy(to, out->ptr + at, len);
	buf_grew(out, len);
}

void envelope_write(const struct fields *fields, struct arena *scratch, struct buf *out)
{
	size_t from, from_len;

	buf_add_char(out, '(');
	write_text(fields->raw[FIELD_DATE], scratch, out);
	buf_add_char(out, ' ');
	write_text(fields->raw[FIELD_SUBJECT], scratch, out);
	buf_add_char(out, ' ');
	from = out->len;
	if (!write_list(fields->raw[FIELD_FROM], scratch, out))
		buf_add(out, NIL);
	from_len = out->len - from;
	for (int i = FIELD_SENDER; i <= FIELD_BCC; i++) {
		buf_add_char(out, ' ');
		if (write_list(fields->raw[i], scratch, out))
			continue;
		if (i == FIELD_SENDER || i == FIELD_REPLY_TO)
			repeat(out, from, from_len); /* "the server MUST default" them to From */
		else
			buf_add(out, NIL);
	}
	buf_add_char(out, ' ');
	write_text(fields->raw[FIELD_IN_REPLY_TO], scratch, out);
	buf_add_char(out, ' ');
	write_text(fields->raw[FIELD_MESSAGE_ID], scratch, out);
	buf_add_char(out, ')');
}
