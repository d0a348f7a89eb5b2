/* imap/parse_list.c: the arguments of LIST, LSUB, STATUS and CREATE. Each begins behind the verb, at its space. */
#include "daemon/imap/commands.h"
#include "daemon/imap/limits.h"
#include "daemon/imap/parse_metadata.h"
#include "daemon/imap/special_use.h"

#define ANY CAP_NONE /* the protocol's own */

struct option {
	struct span name;
	enum imap_capability capability, other; /* one of them must be on offer */
	unsigned bit;
};

/* The one that stands here, if it is on offer. */
static const struct option *find_option(struct imap_parser *p, const struct option *options, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (parse_word(p, options[i].name))
			return parse_may(p, options[i].capability) || parse_may(p, options[i].other) ? &options[i] : NULL;
	return NULL;
}

static const struct option status_items[] = {
	{ SPAN("MESSAGES"), ANY, ANY, STATUS_MESSAGES },
	{ SPAN("RECENT"), ANY, ANY, STATUS_RECENT },
	{ SPAN("UIDNEXT"), ANY, ANY, STATUS_UIDNEXT },
	{ SPAN("UIDVALIDITY"), ANY, ANY, STATUS_UIDVALIDITY },
	{ SPAN("UNSEEN"), ANY, ANY, STATUS_UNSEEN },
	{ SPAN("SIZE"), CAP_STATUS_SIZE, CAP_STATUS_SIZE, STATUS_SIZE },               /* RFC 8438 */
	{ SPAN("DELETED"), CAP_IMAP4REV2, CAP_QUOTA, STATUS_DELETED },                 /* RFC 9051 6.3.11, RFC 9208 */
	{ SPAN("DELETED-STORAGE"), CAP_QUOTA, CAP_QUOTA, STATUS_DELETED_STORAGE },     /* RFC 9208 */
	{ SPAN("HIGHESTMODSEQ"), CAP_CONDSTORE, CAP_CONDSTORE, STATUS_HIGHESTMODSEQ }, /* RFC 7162 */
	{ SPAN("MAILBOXID"), CAP_OBJECTID, CAP_OBJECTID, STATUS_MAILBOXID },           /* RFC 8474 */
	{ SPAN("APPENDLIMIT"), CAP_APPENDLIMIT, CAP_APPENDLIMIT, STATUS_APPENDLIMIT }, /* RFC 7889 */
};

/* "(" status-att *(SP status-att) ")" */
static enum err parse_status_items(struct imap_parser *p, unsigned *items)
{
	enum err e = parse_expect(p, '(');

	while (!e) {
		const struct option *item = find_option(p, status_items, sizeof status_items / sizeof *status_items);

		if (!item)
			return ERR_SYNTAX;
		*items |= item->bit;
		if (!parse_char(p, ' '))
			return parse_expect(p, ')');
	}
	return e;
}

/* status = "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")" */
enum err imap_parse_status(struct imap_parser *p, union imap_args *out)
{
	enum err e = parse_expect(p, ' ');

	if (!e)
		e = parse_mailbox(p, &out->status.name);
	if (!e)
		e = parse_expect(p, ' ');
	return e ? e : parse_status_items(p, &out->status.items);
}

static enum err parse_pattern(struct imap_parser *p, union imap_args *out)
{
	if (out->list.count == IMAP_PATTERNS_MAX)
		return ERR_LIMIT;
	return parse_list_mailbox(p, &out->list.patterns[out->list.count++]);
}

/* SP mailbox SP, and room for what comes next */
static enum err parse_reference(struct imap_parser *p, size_t patterns, union imap_args *out)
{
	enum err e = parse_expect(p, ' ');

	if (!e)
		e = parse_mailbox(p, &out->list.reference);
	if (!e)
		e = parse_expect(p, ' ');
	if (e)
		return e;
	out->list.patterns = arena_array(p->arena, patterns, sizeof *out->list.patterns);
	return out->list.patterns ? ERR_OK : ERR_LIMIT;
}

/* lsub = "LSUB" SP mailbox SP list-mailbox */
enum err imap_parse_lsub(struct imap_parser *p, union imap_args *out)
{
	enum err e = parse_reference(p, 1, out);

	return e ? e : parse_pattern(p, out);
}

/* list-select-opts = "(" [...] ")"; RECURSIVEMATCH needs company that says what to look for below (RFC 5258 3.1). */
static enum err parse_select(struct imap_parser *p, union imap_args *out)
{
	static const struct option options[] = {
		{ SPAN("SUBSCRIBED"), ANY, ANY, LIST_SUBSCRIBED },
		{ SPAN("REMOTE"), ANY, ANY, 0 },
		{ SPAN("RECURSIVEMATCH"), ANY, ANY, LIST_RECURSIVE },
		{ SPAN("SPECIAL-USE"), CAP_SPECIAL_USE, CAP_SPECIAL_USE, LIST_SPECIAL_USE },
	};

	if (parse_char(p, ')'))
		return ERR_OK;
	do {
		const struct option *option = find_option(p, options, sizeof options / sizeof *options);

		if (!option)
			return ERR_SYNTAX;
		out->list.select |= option->bit;
	} while (parse_char(p, ' '));
	if (out->list.select == LIST_RECURSIVE)
		return ERR_SYNTAX;
	out->list.show |= out->list.select & (LIST_SUBSCRIBED | LIST_SPECIAL_USE);
	return parse_expect(p, ')');
}

/* return-options = "(" [return-option *(SP return-option)] ")" */
static enum err parse_return(struct imap_parser *p, union imap_args *out)
{
	static const struct option options[] = {
		{ SPAN("SUBSCRIBED"), ANY, ANY, LIST_SUBSCRIBED },
		{ SPAN("CHILDREN"), CAP_CHILDREN, CAP_CHILDREN, LIST_CHILDREN },
		{ SPAN("SPECIAL-USE"), CAP_SPECIAL_USE, CAP_SPECIAL_USE, LIST_SPECIAL_USE },
	};
	enum err e = parse_expect(p, '(');

	if (e || parse_char(p, ')'))
		return e;
	do {
		const struct option *option = find_option(p, options, sizeof options / sizeof *options);

		if (option)
			out->list.show |= option->bit;
		else if (parse_may(p, CAP_LIST_METADATA) && parse_word(p, SPAN("METADATA")))
			e = parse_char(p, ' ') ? parse_metadata_entries(p, &out->list.metadata, &out->list.metadata_count) : ERR_SYNTAX;
		else if (parse_may(p, CAP_LIST_MYRIGHTS) && parse_word(p, SPAN("MYRIGHTS")))
			out->list.rights = true;
		else if (!parse_may(p, CAP_LIST_STATUS) || !parse_word(p, SPAN("STATUS")) || !parse_char(p, ' '))
			return ERR_SYNTAX;
		else
			e = parse_status_items(p, &out->list.status);
	} while (!e && parse_char(p, ' '));
	return e ? e : parse_expect(p, ')');
}

/* mbox-or-pat = list-mailbox / "(" list-mailbox *(SP list-mailbox) ")" */
static enum err parse_patterns(struct imap_parser *p, union imap_args *out)
{
	enum err e;

	if (!parse_char(p, '('))
		return parse_pattern(p, out);
	out->list.extended = true;
	do
		e = parse_pattern(p, out);
	while (!e && parse_char(p, ' '));
	return e ? e : parse_expect(p, ')');
}

/* list = "LIST" [SP list-select-opts] SP mailbox SP mbox-or-pat [SP "RETURN" SP return-options] */
enum err imap_parse_list(struct imap_parser *p, union imap_args *out)
{
	enum err e = ERR_OK;

	if (span_starts(p->rest, SPAN(" ("))) {
		p->rest = span_skip(p->rest, 2);
		out->list.extended = true;
		e = parse_select(p, out);
	}
	if (!e)
		e = parse_reference(p, IMAP_PATTERNS_MAX, out);
	if (!e)
		e = parse_patterns(p, out);
	if (!e && parse_char(p, ' ')) {
		out->list.extended = true;
		e = parse_word(p, SPAN("RETURN")) ? parse_expect(p, ' ') : ERR_SYNTAX;
		if (!e)
			e = parse_return(p, out);
	}
	return !e && out->list.extended && !parse_may(p, CAP_LIST_EXTENDED) ? ERR_SYNTAX : e;
}

/* "USE" SP "(" [use-attr *(SP use-attr)] ")"   (RFC 6154 6) */
static enum err parse_use(struct imap_parser *p, union imap_args *out)
{
	enum err e = parse_expect(p, '(');
	enum special_use use;

	if (e || parse_char(p, ')'))
		return e;
	do {
		struct span name;

		e = parse_expect(p, '\\');
		if (!e)
			e = parse_atom(p, &name);
		if (e)
			return e;
		use = special_use_find(name);
		out->create.impossible = out->create.impossible || use == USE_NONE || (out->create.use != USE_NONE && out->create.use != use);
		out->create.use = use;
	} while (parse_char(p, ' '));
	return parse_expect(p, ')');
}

/* create = "CREATE" SP mailbox [SP "(" create-param *(SP create-param) ")"]   (RFC 4466 2.2, RFC 6154 6) */
enum err imap_parse_create(struct imap_parser *p, union imap_args *out)
{
	enum err e = parse_expect(p, ' ');

	if (!e)
		e = parse_mailbox(p, &out->create.name);
	if (e || !parse_char(p, ' '))
		return e;
	e = parse_expect(p, '(');
	if (e || !parse_may(p, CAP_CREATE_SPECIAL_USE) || !parse_word(p, SPAN("USE")) || !parse_char(p, ' '))
		return ERR_SYNTAX;
	e = parse_use(p, out);
	return e ? e : parse_expect(p, ')');
}
