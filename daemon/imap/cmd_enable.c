/* imap/cmd_enable.c: ENABLE (RFC 5161): what changes the protocol for a client that asks for it. */
#include "daemon/imap/commands.h"
#include "daemon/imap/reply.h"

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
};

enum step imap_run_enable(struct imap_session *s, const union imap_args *args, struct out *out)
{
	unsigned before = s->enabled;

	reply_add(out, SPAN("* ENABLED"));
	for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++)
		if ((args->enable.bits & ~before & extensions[i].bit) && imap_has(s, extensions[i].capability)) {
			s->enabled |= extensions[i].bit;
			reply_add(out, SPAN(" "));
			reply_add(out, span_str(extensions[i].name));
		}
	reply_add(out, SPAN("\r\n"));
	if (s->enabled & ENABLED_QRESYNC) /* RFC 7162 3.2.3 */
		s->enabled |= ENABLED_CONDSTORE;
	if (s->view && (s->enabled & ~before & ENABLED_CONDSTORE)) /* RFC 7162 3.1.8 */
		reply_ok_code(out, arena_printf(&s->run.arena, "[HIGHESTMODSEQ %llu] Highest", (unsigned long long)s->service->view_modseq(s->view)));
	return imap_finish(s, out, IMAP_OK, SPAN("Done"));
}
