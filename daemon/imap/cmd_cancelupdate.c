/* imap/cmd_cancelupdate.c: CANCELUPDATE (RFC 5267 4.3.5). */
#include "daemon/imap/commands.h"
#include "daemon/imap/context.h"

/* "CANCELUPDATE" 1*(SP quoted) */
enum err imap_parse_cancelupdate(struct imap_parser *p, union imap_args *out)
{
	struct span *tags;
	enum err e = ERR_OK;

	if (!parse_may(p, CAP_CONTEXT_SEARCH) && !parse_may(p, CAP_CONTEXT_SORT))
		return ERR_SYNTAX;
	tags = arena_array(p->arena, IMAP_CONTEXTS_MAX, sizeof *tags);
	if (!tags)
		return ERR_LIMIT;
	out->cancel.tags = tags;
	out->cancel.count = 0;
	do {
		e = parse_expect(p, ' ');
		if (!e && !parse_peek(p, '"'))
			e = ERR_SYNTAX;
		if (!e && out->cancel.count == IMAP_CONTEXTS_MAX)
			e = ERR_LIMIT;
		if (!e)
			e = parse_string(p, &tags[out->cancel.count++]);
	} while (!e && p->rest.len);
	return e;
}

/* All of them or none. */
enum step imap_run_cancelupdate(struct imap_session *s, const union imap_args *args, struct out *out)
{
	for (size_t i = 0; i < args->cancel.count; i++)
		if (!context_exists(s, args->cancel.tags[i]))
			return imap_finish(s, out, IMAP_NO, SPAN("[CLIENTBUG] No search with that tag is kept up to date"));
	for (size_t i = 0; i < args->cancel.count; i++)
		context_cancel(s, args->cancel.tags[i]);
	return imap_finish(s, out, IMAP_OK, SPAN("Done"));
}
