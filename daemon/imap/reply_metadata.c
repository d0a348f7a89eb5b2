/* imap/reply_metadata.c: names come back in the client's own spelling, values byte for byte. */
#include "daemon/imap/reply_metadata.h"

#include "daemon/imap/parse.h"
#include "daemon/imap/reply.h"
#include "daemon/imap/reply_mailbox.h"

#define QUOTED_MAX 1024 /* longer values come as literals */

void reply_metadata_begin(const struct imap_session *s, struct out *out, struct span mailbox)
{
	reply_add(out, SPAN("* METADATA "));
	reply_mailbox_name(s, out, mailbox);
	reply_add(out, SPAN(" ("));
}

static bool is_plain(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!parse_is_atom_char(text.ptr[i]) && text.ptr[i] != ']')
			return false;
	return true;
}

static void add_escaped(struct out *out, struct span text)
{
	size_t from = 0;

	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] == '"' || text.ptr[i] == '\\') {
			reply_add(out, span_skip(span_take(text, i), from));
			reply_add(out, SPAN("\\"));
			from = i;
		}
	reply_add(out, span_skip(text, from));
}

/* entry = astring */
static void add_name(struct out *out, struct span name, struct span name_end)
{
	const bool plain = is_plain(name) && is_plain(name_end);

	if (!plain)
		reply_add(out, SPAN("\""));
	add_escaped(out, name);
	add_escaped(out, name_end);
	if (!plain)
		reply_add(out, SPAN("\""));
}

static bool is_quotable(struct span value)
{
	for (size_t i = 0; i < value.len; i++)
		if (value.ptr[i] < 0x20 || value.ptr[i] > 0x7e)
			return false;
	return value.len <= QUOTED_MAX;
}

/* value = nstring / literal8 */
static void add_value(struct out *out, struct span value)
{
	if (!value.ptr) {
		reply_add(out, SPAN("NIL"));
	} else if (is_quotable(value)) {
		reply_add(out, SPAN("\""));
		add_escaped(out, value);
		reply_add(out, SPAN("\""));
	} else {
		if (memchr(value.ptr, 0, value.len))
			reply_add(out, SPAN("~"));
		reply_literal_size(out, value.len);
		reply_add(out, value);
	}
}

void reply_metadata_value(struct out *out, bool first, struct span name, struct span name_end, struct span value)
{
	if (!first)
		reply_add(out, SPAN(" "));
	add_name(out, name, name_end);
	reply_add(out, SPAN(" "));
	add_value(out, value);
}

void reply_metadata_end(struct out *out)
{
	reply_add(out, SPAN(")\r\n"));
}

void reply_metadata_changed(const struct imap_session *s, struct out *out, struct span mailbox)
{
	reply_add(out, SPAN("* METADATA "));
	reply_mailbox_name(s, out, mailbox);
}

void reply_metadata_name(struct out *out, struct span name, struct span name_end)
{
	reply_add(out, SPAN(" "));
	add_name(out, name, name_end);
}

void reply_metadata_changed_end(struct out *out)
{
	reply_add(out, SPAN("\r\n"));
}
