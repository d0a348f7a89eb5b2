/* imap/parse_args.c: the arguments of the commands on mailboxes and messages, without FETCH and SEARCH. Each begins behind the verb, at its space. */
#include "daemon/imap/commands.h"

#include "daemon/imap/limits.h"

enum err imap_parse_mailbox(struct imap_parser *p, union imap_args *out)
{
	enum err e = parse_expect(p, ' ');

	return e ? e : parse_mailbox(p, &out->mailbox.name);
}

enum err imap_parse_rename(struct imap_parser *p, union imap_args *out)
{
	enum err e = parse_expect(p, ' ');

	if (!e)
		e = parse_mailbox(p, &out->rename.from);
	if (!e)
		e = parse_expect(p, ' ');
	return e ? e : parse_mailbox(p, &out->rename.to);
}

/* append = "APPEND" SP mailbox 1*append-message; the messages are append_walk.c's */
enum err imap_parse_append(struct imap_parser *p, union imap_args *out)
{
	enum err e = parse_expect(p, ' ');

	return e ? e : parse_mailbox(p, &out->append.name);
}
