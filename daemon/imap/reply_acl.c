/* imap/reply_acl.c: rights, with the virtual ones of RFC 2086 (RFC 4314 2.1.1): "c" for who has "k" or "x", "d" for who has "t" or "e". */
#include "daemon/imap/reply_acl.h"

#include "daemon/imap/reply.h"
#include "daemon/imap/reply_mailbox.h"

static void add_rights(struct out *out, unsigned rights)
{
	char letters[12];

	rights_write(rights, letters);
	reply_add(out, span_str(letters));
	if (rights & (RIGHT_CREATE | RIGHT_DELETE_MAILBOX))
		reply_add(out, SPAN("c"));
	if (rights & (RIGHT_DELETE_MESSAGES | RIGHT_EXPUNGE))
		reply_add(out, SPAN("d"));
}

/* As a literal where quoting needs escapes, and for who has not said that UTF-8 may be in quotes (RFC 9051 4.3, RFC 6855 3). */
static void add_identifier(const struct imap_session *s, struct out *out, struct span identifier)
{
	bool plain = span_is_ascii(identifier) || (s->enabled & (ENABLED_UTF8 | ENABLED_REV2));

	for (size_t i = 0; i < identifier.len && plain; i++)
		plain = identifier.ptr[i] != '"' && identifier.ptr[i] != '\\' && identifier.ptr[i] != '\r' && identifier.ptr[i] != '\n';
	if (plain)
		reply_add(out, SPAN("\""));
	else
		reply_literal_size(out, identifier.len);
	reply_add(out, identifier);
	if (plain)
		reply_add(out, SPAN("\""));
}

void reply_acl_begin(const struct imap_session *s, struct out *out, struct span mailbox)
{
	reply_add(out, SPAN("* ACL "));
	reply_mailbox_name(s, out, mailbox);
}

void reply_acl_entry(const struct imap_session *s, struct out *out, struct span identifier, unsigned rights)
{
	reply_add(out, SPAN(" "));
	add_identifier(s, out, identifier);
	reply_add(out, SPAN(" "));
	add_rights(out, rights);
}

void reply_acl_end(struct out *out)
{
	reply_add(out, SPAN("\r\n"));
}

void reply_listrights(const struct imap_session *s, struct out *out, struct span mailbox, struct span identifier, unsigned always)
{
	reply_add(out, SPAN("* LISTRIGHTS "));
	reply_mailbox_name(s, out, mailbox);
	reply_add(out, SPAN(" "));
	add_identifier(s, out, identifier);
	reply_add(out, SPAN(" "));
	if (always)
		add_rights(out, always);
	else /* none is tied to another */
		reply_add(out, SPAN("\"\" l r s w i p k x t e a c d"));
	reply_add(out, SPAN("\r\n"));
}

void reply_myrights(const struct imap_session *s, struct out *out, struct span mailbox, unsigned rights)
{
	reply_add(out, SPAN("* MYRIGHTS "));
	reply_mailbox_name(s, out, mailbox);
	reply_add(out, SPAN(" "));
	add_rights(out, rights);
	reply_add(out, SPAN("\r\n"));
}
