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

/* lsub = "LSUB" SP mailbox SP list-mailbox */
enum err imap_parse_lsub(struct imap_parser *p, union imap_args *out)
{
	enum err e = parse_expect(p, ' ');

	if (!e)
		e = parse_mailbox(p, &out->list.reference);
	if (!e)
		e = parse_expect(p, ' ');
	return e ? e : parse_list_mailbox(p, &out->list.pattern);
}

/* "(" [option *(SP option)] ")" of the few options that are known (RFC 5258, RFC 6154). */
static enum err parse_list_options(struct imap_parser *p, bool selection, union imap_args *out)
{
	if (!parse_char(p, '('))
		return ERR_SYNTAX;
	if (parse_char(p, ')'))
		return ERR_OK;
	do {
		if (parse_word(p, SPAN("SUBSCRIBED"))) {
			out->list.return_subscribed = true;
			if (selection)
				out->list.only_subscribed = true;
		} else if (parse_word(p, SPAN("SPECIAL-USE"))) {
			if (selection)
				out->list.only_special = true;
		} else if (selection || !parse_word(p, SPAN("CHILDREN"))) {
			return ERR_SYNTAX;
		}
	} while (parse_char(p, ' '));
	return parse_expect(p, ')');
}

/* list = "LIST" [SP selection-options] SP mailbox SP list-mailbox [SP "RETURN" SP return-options] */
enum err imap_parse_list(struct imap_parser *p, union imap_args *out)
{
	enum err e = ERR_OK;

	if (span_starts(p->rest, SPAN(" ("))) {
		p->rest = span_skip(p->rest, 1);
		e = parse_list_options(p, true, out);
	}
	if (!e)
		e = imap_parse_lsub(p, out);
	if (e || !parse_char(p, ' '))
		return e;
	if (!parse_word(p, SPAN("RETURN")) || !parse_char(p, ' '))
		return ERR_SYNTAX;
	return parse_list_options(p, false, out);
}

static const struct {
	struct span name;
	unsigned bit;
} status_items[] = {
	{ { "MESSAGES", 8 }, STATUS_MESSAGES },
	{ { "RECENT", 6 }, STATUS_RECENT },
	{ { "UIDNEXT", 7 }, STATUS_UIDNEXT },
	{ { "UIDVALIDITY", 11 }, STATUS_UIDVALIDITY },
	{ { "UNSEEN", 6 }, STATUS_UNSEEN },
	{ { "SIZE", 4 }, STATUS_SIZE }, /* RFC 8438 */
};

static enum err parse_status_item(struct imap_parser *p, unsigned *items)
{
	for (size_t i = 0; i < sizeof status_items / sizeof *status_items; i++)
		if (parse_word(p, status_items[i].name)) {
			*items |= status_items[i].bit;
			return ERR_OK;
		}
	return ERR_SYNTAX;
}

/* status = "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")" */
enum err imap_parse_status(struct imap_parser *p, union imap_args *out)
{
	enum err e = parse_expect(p, ' ');

	if (!e)
		e = parse_mailbox(p, &out->status.name);
	if (!e)
		e = parse_expect(p, ' ');
	if (!e)
		e = parse_expect(p, '(');
	if (e)
		return e;
	do
		e = parse_status_item(p, &out->status.items);
	while (!e && parse_char(p, ' '));
	return e ? e : parse_expect(p, ')');
}

/* append = "APPEND" SP mailbox [SP flag-list] [SP date-time] SP literal */
enum err imap_parse_append(struct imap_parser *p, union imap_args *out)
{
	enum err e = parse_expect(p, ' ');

	if (!e)
		e = parse_mailbox(p, &out->append.name);
	if (!e)
		e = parse_expect(p, ' ');
	if (!e && parse_peek(p, '(')) {
		e = parse_flag_list(p, &out->append.flags);
		if (!e)
			e = parse_expect(p, ' ');
	}
	if (!e && parse_peek(p, '"')) {
		out->append.has_date = true;
		e = parse_date_time(p, &out->append.date_ms, &out->append.date_offset_minutes);
		if (!e)
			e = parse_expect(p, ' ');
	}
	return e;
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
