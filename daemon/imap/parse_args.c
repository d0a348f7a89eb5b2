/* imap/parse_args.c: the arguments of the commands, without FETCH and SEARCH. Each begins behind the verb, at its space. */
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

static enum err parse_set_first(struct imap_parser *p, struct imap_set *out)
{
	enum err e = parse_expect(p, ' ');

	return e ? e : parse_set(p, out);
}

/* store = "STORE" SP sequence-set SP ["+" / "-"] "FLAGS" [".SILENT"] SP (flag-list / (flag *(SP flag))) */
enum err imap_parse_store(struct imap_parser *p, union imap_args *out)
{
	enum err e = parse_set_first(p, &out->store.set);

	if (!e)
		e = parse_expect(p, ' ');
	if (e)
		return e;
	out->store.how = parse_char(p, '+') ? FLAGS_ADD : parse_char(p, '-') ? FLAGS_REMOVE
									     : FLAGS_REPLACE;
	if (parse_word(p, SPAN("FLAGS.SILENT")))
		out->store.silent = true;
	else if (!parse_word(p, SPAN("FLAGS")))
		return ERR_SYNTAX;
	if (!parse_char(p, ' '))
		return ERR_SYNTAX;
	return parse_peek(p, '(') ? parse_flag_list(p, &out->store.flags) : parse_flags_plain(p, &out->store.flags);
}

/* copy = "COPY" SP sequence-set SP mailbox; MOVE likewise (RFC 6851) */
enum err imap_parse_copy(struct imap_parser *p, union imap_args *out)
{
	enum err e = parse_set_first(p, &out->copy.set);

	if (!e)
		e = parse_expect(p, ' ');
	return e ? e : parse_mailbox(p, &out->copy.name);
}

/* uid-expunge = "UID" SP "EXPUNGE" SP sequence-set (RFC 4315) */
enum err imap_parse_uid_expunge(struct imap_parser *p, union imap_args *out)
{
	return parse_set_first(p, &out->expunge.set);
}
