/* imap/reply_mailbox.c: the writer of what is said about mailboxes (RFC 3501 7.2.2 to 7.2.4). */
#include "daemon/imap/reply_mailbox.h"

#include "daemon/imap/objectid.h"
#include "daemon/imap/reply.h"
#include "daemon/imap/special_use.h"
#include "daemon/imap/utf7.h"

#define NAME_TEXT_MAX 8192

void reply_mailbox_name(const struct imap_session *s, struct out *out, struct span name)
{
	struct buf text;
	bool plain = true;

	buf_init(&text, NAME_TEXT_MAX);
	buf_add_char(&text, '"');
	if (s->enabled & (ENABLED_REV2 | ENABLED_UTF8))
		buf_add(&text, name);
	else
		utf7_encode(name, &text);
	for (size_t i = 1; i < text.len && plain; i++) /* a name holds no control characters */
		plain = text.ptr[i] != '"' && text.ptr[i] != '\\';
	if (plain) {
		buf_add_char(&text, '"');
		out_add(out, buf_span(&text));
	} else { /* rare: quoting needs escapes, so it goes as a literal */
		reply_literal_size(out, text.len - 1);
		out_add(out, span_skip(buf_span(&text), 1));
	}
	buf_clear(&text);
}

static void add_attributes(struct out *out, const struct list_line *line)
{
	static const struct {
		unsigned bit;
		struct span name;
	} all[] = {
		{ LINE_NOSELECT, SPAN("\\Noselect") },
		{ LINE_NONEXISTENT, SPAN("\\NonExistent") },
		{ LINE_NO_ACCESS, SPAN("\\NoAccess") },
		{ LINE_SUBSCRIBED, SPAN("\\Subscribed") },
		{ LINE_CHILDREN, SPAN("\\HasChildren") },
		{ LINE_NO_CHILDREN, SPAN("\\HasNoChildren") },
	};
	bool some = false;

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (line->attributes & all[i].bit) {
			out_add(out, some ? SPAN(" ") : SPAN(""));
			out_add(out, all[i].name);
			some = true;
		}
	if (line->use != USE_NONE) {
		out_add(out, some ? SPAN(" ") : SPAN(""));
		out_add(out, special_use_name(line->use));
	}
}

/* mbox-list-extended = "(" [mbox-list-extended-item *(SP mbox-list-extended-item)] ")" */
static void add_extended(const struct imap_session *s, struct out *out, const struct list_line *line)
{
	if (!line->child_info && !line->old_name.ptr)
		return;
	out_add(out, SPAN(" ("));
	if (line->child_info) {
		out_add(out, SPAN("\"CHILDINFO\" ("));
		out_add(out, line->child_info & LIST_SUBSCRIBED ? SPAN("\"SUBSCRIBED\"") : SPAN(""));
		out_add(out, line->child_info == (LIST_SUBSCRIBED | LIST_SPECIAL_USE) ? SPAN(" ") : SPAN(""));
		out_add(out, line->child_info & LIST_SPECIAL_USE ? SPAN("\"SPECIAL-USE\"") : SPAN(""));
		out_add(out, line->old_name.ptr ? SPAN(") ") : SPAN(")"));
	}
	if (line->old_name.ptr) {
		out_add(out, SPAN("\"OLDNAME\" ("));
		reply_mailbox_name(s, out, line->old_name);
		out_add(out, SPAN(")"));
	}
	out_add(out, SPAN(")"));
}

void reply_list(const struct imap_session *s, struct out *out, const char *word, const struct list_line *line)
{
	out_add(out, SPAN("* "));
	out_add(out, span_str(word));
	out_add(out, SPAN(" ("));
	add_attributes(out, line);
	out_add(out, SPAN(") \"/\" "));
	reply_mailbox_name(s, out, line->name);
	add_extended(s, out, line);
	out_add(out, SPAN("\r\n"));
}

void reply_status(const struct imap_session *s, struct out *out, const struct status_values *values, unsigned items)
{
	const struct mailbox_info *m = values->mailbox;
	const struct {
		unsigned bit;
		const char *name;
		uint64_t value;
	} all[] = {
		{ STATUS_MESSAGES, "MESSAGES", m->messages },
		{ STATUS_RECENT, "RECENT", values->recent },
		{ STATUS_UIDNEXT, "UIDNEXT", m->uid_next },
		{ STATUS_UIDVALIDITY, "UIDVALIDITY", m->uid_validity },
		{ STATUS_UNSEEN, "UNSEEN", m->unseen },
		{ STATUS_DELETED, "DELETED", m->deleted },
		{ STATUS_SIZE, "SIZE", m->size_bytes },
		{ STATUS_HIGHESTMODSEQ, "HIGHESTMODSEQ", m->highest_modseq },
		{ STATUS_APPENDLIMIT, "APPENDLIMIT", IMAP_MESSAGE_MAX },
		{ STATUS_DELETED_STORAGE, "DELETED-STORAGE", values->deleted_bytes },
	};
	bool some = false;

	out_add(out, SPAN("* STATUS "));
	reply_mailbox_name(s, out, m->name);
	out_add(out, SPAN(" ("));
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (items & all[i].bit) {
			out_addf(out, "%s%s %llu", some ? " " : "", all[i].name, (unsigned long long)all[i].value);
			some = true;
		}
	if (items & STATUS_MAILBOXID)
		out_addf(out, "%sMAILBOXID (%s)", some ? " " : "", objectid_make(OBJECTID_MAILBOX, values->owner, m->uid_validity).text);
	out_add(out, SPAN(")\r\n"));
}
