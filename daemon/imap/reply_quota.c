/* imap/reply_quota.c: what an account may hold. */
#include "daemon/imap/reply_quota.h"

#include "daemon/imap/reply_mailbox.h"

/* STORAGE counts in 1,024 bytes; what is begun counts (RFC 9208 5.1). */
static unsigned long long kibibytes(uint64_t bytes)
{
	return bytes / 1024 + (bytes % 1024 != 0);
}

void reply_quota(const struct imap_session *s, struct out *out, struct span root, const struct store_room *limits, const struct store_room *used)
{
	out_add(out, SPAN("* QUOTA "));
	reply_mailbox_name(s, out, root);
	out_add(out, SPAN(" ("));
	if (limits->bytes)
		out_addf(out, "STORAGE %llu %llu", kibibytes(used->bytes), kibibytes(limits->bytes));
	if (limits->messages)
		out_addf(out, "%sMESSAGE %llu %llu", limits->bytes ? " " : "", (unsigned long long)used->messages, (unsigned long long)limits->messages);
	out_add(out, SPAN(")\r\n"));
}

void reply_quota_root(const struct imap_session *s, struct out *out, struct span mailbox, struct span root)
{
	out_add(out, SPAN("* QUOTAROOT "));
	reply_mailbox_name(s, out, mailbox);
	out_add(out, SPAN(" "));
	reply_mailbox_name(s, out, root);
	out_add(out, SPAN("\r\n"));
}
