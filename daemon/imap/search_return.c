/* imap/search_return.c: what a SEARCH or SORT is to give back, and in which order. */
#include "daemon/imap/search_parse.h"

#include "daemon/imap/commands.h"

/* nz-number ":" nz-number, or both with "-": positions from the end (RFC 9394 4); 500:400 is 400:500. */
static enum err parse_partial(struct imap_parser *p, struct imap_partial *out)
{
	enum err e;

	out->from_end = parse_char(p, '-');
	e = parse_number(p, &out->first);
	if (!e)
		e = parse_expect(p, ':');
	if (!e && parse_char(p, '-') != out->from_end)
		e = ERR_SYNTAX;
	if (!e)
		e = parse_number(p, &out->last);
	if (!e && (!out->first || !out->last))
		e = ERR_SYNTAX;
	if (e)
		return e;
	out->given = true;
	if (out->first > out->last) {
		uint32_t first = out->last;

		out->last = out->first;
		out->first = first;
	}
	return ERR_OK;
}

/* modifier-update = "UPDATE" ["(" fetch-att *(SP fetch-att) ")"] (RFC 5465 8); in the example of 7 with a space before it. */
static enum err parse_update(struct imap_parser *p, struct search_return *out)
{
	const bool spaced = span_starts(p->rest, SPAN(" ("));
	struct fetch_item *items;
	size_t count;
	enum err e;

	if (!parse_may(p, CAP_NOTIFY) || (!spaced && !parse_peek(p, '(')))
		return ERR_OK;
	p->rest = span_skip(p->rest, spaced ? 2 : 1);
	out->update = p->rest;
	e = imap_parse_fetch_atts(p, &items, &count);
	out->update.len -= p->rest.len;
	return e;
}

static enum err parse_option(struct imap_parser *p, enum imap_capability context, struct search_return *out)
{
	static const struct {
		struct span word;
		unsigned what;
		enum imap_capability capability;
	} all[] = {
		{ SPAN("MIN"), RETURN_MIN, CAP_NONE },
		{ SPAN("MAX"), RETURN_MAX, CAP_NONE },
		{ SPAN("ALL"), RETURN_ALL, CAP_NONE },
		{ SPAN("COUNT"), RETURN_COUNT, CAP_NONE },
		{ SPAN("SAVE"), RETURN_SAVE, CAP_SEARCHRES },
		{ SPAN("PARTIAL"), RETURN_PARTIAL, CAP_PARTIAL },
		{ SPAN("RELEVANCY"), RETURN_RELEVANCY, CAP_SEARCH_FUZZY },
	};
	enum err e;

	if (parse_may(p, context) && parse_word(p, SPAN("CONTEXT"))) /* a hint that there will be more of the kind (RFC 5267 4.2) */
		return ERR_OK;
	if (parse_may(p, context) && parse_word(p, SPAN("UPDATE"))) {
		out->what |= RETURN_UPDATE;
		return parse_update(p, out);
	}
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		const bool may = parse_may(p, all[i].capability) || (all[i].what == RETURN_PARTIAL && parse_may(p, context)); /* RFC 5267 4.4 */

		if (!may || !parse_word(p, all[i].word))
			continue;
		if (all[i].what == RETURN_PARTIAL) {
			if (out->what & RETURN_PARTIAL)
				return ERR_SYNTAX;
			e = parse_expect(p, ' ');
			if (!e)
				e = parse_partial(p, &out->partial);
			if (e)
				return e;
		}
		out->what |= all[i].what;
		return ERR_OK;
	}
	return ERR_SYNTAX;
}

enum err search_parse_return(struct imap_parser *p, enum imap_capability context, struct search_return *out)
{
	const unsigned either = RETURN_ALL | RETURN_PARTIAL; /* RFC 9394 3.1: not both */
	enum err e;

	if (!parse_word(p, SPAN("RETURN")))
		return ERR_OK;
	out->given = true;
	e = parse_expect(p, ' ');
	if (!e)
		e = parse_expect(p, '(');
	if (!e && !parse_char(p, ')')) {
		do
			e = parse_option(p, context, out);
		while (!e && parse_char(p, ' '));
		if (!e)
			e = parse_expect(p, ')');
	}
	if (!e && (out->what & either) == either)
		e = ERR_SYNTAX;
	if (!out->what) /* RFC 4731 3.1: an empty list is ALL */
		out->what = RETURN_ALL;
	return e ? e : parse_expect(p, ' ');
}

/* sort-criteria = "(" sort-criterion *(SP sort-criterion) ")"; sort-criterion = ["REVERSE" SP] sort-key */
enum err search_parse_program(struct imap_parser *p, struct sort_program *out)
{
	static const struct {
		struct span word;
		enum sort_key key;
		enum imap_capability capability;
	} all[] = {
		{ SPAN("ARRIVAL"), SORT_ARRIVAL, CAP_NONE },
		{ SPAN("CC"), SORT_CC, CAP_NONE },
		{ SPAN("DATE"), SORT_DATE, CAP_NONE },
		{ SPAN("FROM"), SORT_FROM, CAP_NONE },
		{ SPAN("SIZE"), SORT_SIZE, CAP_NONE },
		{ SPAN("SUBJECT"), SORT_SUBJECT, CAP_NONE },
		{ SPAN("TO"), SORT_TO, CAP_NONE },
		{ SPAN("DISPLAYFROM"), SORT_DISPLAYFROM, CAP_SORT_DISPLAY },
		{ SPAN("DISPLAYTO"), SORT_DISPLAYTO, CAP_SORT_DISPLAY },
		{ SPAN("RELEVANCY"), SORT_RELEVANCY, CAP_SEARCH_FUZZY },
	};
	enum err e = parse_expect(p, '(');

	if (e)
		return e;
	do {
		bool reverse = parse_word(p, SPAN("REVERSE"));
		size_t i = 0;

		if (reverse && !parse_char(p, ' '))
			return ERR_SYNTAX;
		while (i < sizeof all / sizeof *all && !(parse_may(p, all[i].capability) && parse_word(p, all[i].word)))
			i++;
		if (i == sizeof all / sizeof *all)
			return ERR_SYNTAX;
		if (out->count == SORT_KEYS_MAX)
			return ERR_LIMIT;
		out->keys[out->count].key = all[i].key;
		out->keys[out->count++].reverse = reverse;
	} while (parse_char(p, ' '));
	return parse_expect(p, ')');
}
