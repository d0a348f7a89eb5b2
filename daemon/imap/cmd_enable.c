/* imap/cmd_enable.c: ENABLE (RFC 5161): what changes the protocol for a client that asks for it. */
#include "daemon/imap/commands.h"
#include "daemon/imap/metadata.h"
#include "daemon/imap/reply.h"
#include "daemon/imap/sync.h"

static const struct {
	unsigned bit;
	enum imap_capability capability;
	const char *name;
} extensions[] = {
	{ ENABLED_REV2, CAP_IMAP4REV2, "IMAP4rev2" },
	{ ENABLED_CONDSTORE, CAP_CONDSTORE, "CONDSTORE" },
	{ ENABLED_QRESYNC, CAP_QRESYNC, "QRESYNC" },
	{ ENABLED_UTF8, CAP_UTF8_ACCEPT, "UTF8=ACCEPT" },
	{ ENABLED_UIDONLY, CAP_UIDONLY, "UIDONLY" },
	{ ENABLED_METADATA, CAP_METADATA, "METADATA" },
	{ ENABLED_METADATA_SERVER, CAP_METADATA, "METADATA-SERVER" },
};

enum step imap_run_enable(struct imap_session *s, const union imap_args *args, struct out *out)
{
	unsigned before = s->enabled, news = 0;

	reply_add(out, SPAN("* ENABLED"));
	for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++)
		if ((args->enable.bits & ~before & extensions[i].bit) && imap_has(s, extensions[i].capability)) {
			news |= extensions[i].bit;
			reply_add(out, SPAN(" "));
			reply_add(out, span_str(extensions[i].name));
		}
	reply_add(out, SPAN("\r\n"));
	if (news & (ENABLED_CONDSTORE | ENABLED_QRESYNC)) /* the one comes with the other (RFC 7162 3.2.3) */
		imap_condstore_on(s, out);
	s->enabled |= news;
	if (news & (ENABLED_METADATA | ENABLED_METADATA_SERVER))
		imap_metadata_use(s);
	return imap_finish(s, out, IMAP_OK, SPAN("Done"));
}
