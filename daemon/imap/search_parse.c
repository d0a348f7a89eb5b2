/* imap/search_parse.c: SEARCH's keys to a tree in a flat array (RFC 3501 6.4.4). Depth and size have ceilings, so neither the
 * parser nor the evaluation can be driven into deep recursion.
 *
 * search = "SEARCH" [SP "CHARSET" SP astring] 1*(SP search-key)
 */
#include "daemon/imap/commands.h"

#include "daemon/imap/limits.h"

enum argument {
	ARG_NONE,
	ARG_TEXT,
	ARG_HEADER, /* field name and text */
	ARG_DATE,
	ARG_NUMBER,
	ARG_KEYWORD,
	ARG_SET,
	ARG_KEY,
	ARG_TWO_KEYS,
};

static const struct key {
	struct span word;
	enum search_op op;
	enum argument argument;
	uint64_t flags;
	struct span name;
} keys[] = {
	{ SPAN("ALL"), SEARCH_ALL, ARG_NONE, 0, { NULL, 0 } },
	{ SPAN("ANSWERED"), SEARCH_FLAGGED, ARG_NONE, FLAG_ANSWERED, { NULL, 0 } },
	{ SPAN("BCC"), SEARCH_HEADER, ARG_TEXT, 0, SPAN("Bcc") },
	{ SPAN("BEFORE"), SEARCH_BEFORE, ARG_DATE, 0, { NULL, 0 } },
	{ SPAN("BODY"), SEARCH_BODY, ARG_TEXT, 0, { NULL, 0 } },
	{ SPAN("CC"), SEARCH_HEADER, ARG_TEXT, 0, SPAN("Cc") },
	{ SPAN("DELETED"), SEARCH_FLAGGED, ARG_NONE, FLAG_DELETED, { NULL, 0 } },
	{ SPAN("DRAFT"), SEARCH_FLAGGED, ARG_NONE, FLAG_DRAFT, { NULL, 0 } },
	{ SPAN("FLAGGED"), SEARCH_FLAGGED, ARG_NONE, FLAG_FLAGGED, { NULL, 0 } },
	{ SPAN("FROM"), SEARCH_HEADER, ARG_TEXT, 0, SPAN("From") },
	{ SPAN("HEADER"), SEARCH_HEADER, ARG_HEADER, 0, { NULL, 0 } },
	{ SPAN("KEYWORD"), SEARCH_KEYWORD, ARG_KEYWORD, 0, { NULL, 0 } },
	{ SPAN("LARGER"), SEARCH_LARGER, ARG_NUMBER, 0, { NULL, 0 } },
	{ SPAN("NOT"), SEARCH_NOT, ARG_KEY, 0, { NULL, 0 } },
	{ SPAN("ON"), SEARCH_ON, ARG_DATE, 0, { NULL, 0 } },
	{ SPAN("OR"), SEARCH_OR, ARG_TWO_KEYS, 0, { NULL, 0 } },
	{ SPAN("RECENT"), SEARCH_RECENT, ARG_NONE, 0, { NULL, 0 } },
	{ SPAN("SEEN"), SEARCH_FLAGGED, ARG_NONE, FLAG_SEEN, { NULL, 0 } },
	{ SPAN("SENTBEFORE"), SEARCH_SENT_BEFORE, ARG_DATE, 0, { NULL, 0 } },
	{ SPAN("SENTON"), SEARCH_SENT_ON, ARG_DATE, 0, { NULL, 0 } },
	{ SPAN("SENTSINCE"), SEARCH_SENT_SINCE, ARG_DATE, 0, { NULL, 0 } },
	{ SPAN("SINCE"), SEARCH_SINCE, ARG_DATE, 0, { NULL, 0 } },
	{ SPAN("SMALLER"), SEARCH_SMALLER, ARG_NUMBER, 0, { NULL, 0 } },
	{ SPAN("SUBJECT"), SEARCH_HEADER, ARG_TEXT, 0, SPAN("Subject") },
	{ SPAN("TEXT"), SEARCH_TEXT, ARG_TEXT, 0, { NULL, 0 } },
	{ SPAN("TO"), SEARCH_HEADER, ARG_TEXT, 0, SPAN("To") },
	{ SPAN("UID"), SEARCH_UID, ARG_SET, 0, { NULL, 0 } },
	{ SPAN("UNANSWERED"), SEARCH_UNFLAGGED, ARG_NONE, FLAG_ANSWERED, { NULL, 0 } },
	{ SPAN("UNDELETED"), SEARCH_UNFLAGGED, ARG_NONE, FLAG_DELETED, { NULL, 0 } },
	{ SPAN("UNDRAFT"), SEARCH_UNFLAGGED, ARG_NONE, FLAG_DRAFT, { NULL, 0 } },
	{ SPAN("UNFLAGGED"), SEARCH_UNFLAGGED, ARG_NONE, FLAG_FLAGGED, { NULL, 0 } },
	{ SPAN("UNKEYWORD"), SEARCH_UNKEYWORD, ARG_KEYWORD, 0, { NULL, 0 } },
	{ SPAN("UNSEEN"), SEARCH_UNFLAGGED, ARG_NONE, FLAG_SEEN, { NULL, 0 } },
};

struct build {
	struct imap_parser *p;
	struct search_node *nodes;
	size_t count, room;
};

static enum err add_node(struct build *b, enum search_op op, uint32_t *index_out)
{
	if (b->count == b->room) {
		size_t room = b->room ? 2 * b->room : 16;
		struct search_node *more = room <= 2 * IMAP_SEARCH_NODES_MAX ? arena_array(b->p->arena, room, sizeof *more) : NULL;

		if (!more)
			return ERR_LIMIT;
		if (b->count)
			memcpy(more, b->nodes, b->count * sizeof *more);
		b->nodes = more;
		b->room = room;
	}
	if (b->count >= IMAP_SEARCH_NODES_MAX)
		return ERR_LIMIT;
	*index_out = (uint32_t)b->count++;
	b->nodes[*index_out].op = op;
	return ERR_OK;
}

static enum err parse_key(struct build *b, unsigned depth, uint32_t *index_out);

/* search-key *(SP search-key) as children of `parent`, or just `exactly` so many. */
static enum err parse_children(struct build *b, uint32_t parent, unsigned exactly, unsigned depth)
{
	uint32_t last = 0, child;
	unsigned n = 0;

	do {
		enum err e = parse_key(b, depth, &child);

		if (e)
			return e;
		if (last)
			b->nodes[last].next = child;
		else
			b->nodes[parent].first_child = child;
		last = child;
		n++;
	} while ((!exactly || n < exactly) && parse_char(b->p, ' '));
	return exactly && n != exactly ? ERR_SYNTAX : ERR_OK;
}

static enum err parse_argument(struct build *b, const struct key *key, uint32_t index, unsigned depth)
{
	struct search_node *node = &b->nodes[index];
	enum err e;

	if (key->argument == ARG_NONE)
		return ERR_OK;
	if (!parse_char(b->p, ' '))
		return ERR_SYNTAX;
	switch (key->argument) {
	case ARG_NONE: break;
	case ARG_TEXT: return parse_astring(b->p, &node->key);
	case ARG_HEADER:
		e = parse_astring(b->p, &node->name);
		if (!e)
			e = parse_expect(b->p, ' ');
		return e ? e : parse_astring(b->p, &node->key);
	case ARG_DATE: return parse_date(b->p, &node->day);
	case ARG_NUMBER: return parse_number64(b->p, &node->number);
	case ARG_KEYWORD: return parse_atom(b->p, &node->name);
	case ARG_SET: return parse_set(b->p, &node->set);
	case ARG_KEY: return parse_children(b, index, 1, depth);
	case ARG_TWO_KEYS: return parse_children(b, index, 2, depth);
	}
	return ERR_SYNTAX;
}

static enum err parse_named(struct build *b, unsigned depth, uint32_t *index_out)
{
	struct span word;
	enum err e = parse_atom(b->p, &word);

	if (e)
		return e;
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (span_iequals(word, keys[i].word)) {
			e = add_node(b, keys[i].op, index_out);
			if (e)
				return e;
			b->nodes[*index_out].flags = keys[i].flags;
			b->nodes[*index_out].name = keys[i].name;
			return parse_argument(b, &keys[i], *index_out, depth);
		}
	/* "OLD" and "NEW" are words for two keys (RFC 3501 6.4.4). */
	if (span_iequals(word, SPAN("OLD")) || span_iequals(word, SPAN("NEW"))) {
		bool old = span_iequals(word, SPAN("OLD"));
		uint32_t recent, unseen;

		e = add_node(b, old ? SEARCH_NOT : SEARCH_AND, index_out);
		if (!e)
			e = add_node(b, SEARCH_RECENT, &recent);
		if (e)
			return e;
		b->nodes[*index_out].first_child = recent;
		if (old)
			return ERR_OK;
		e = add_node(b, SEARCH_UNFLAGGED, &unseen);
		if (e)
			return e;
		b->nodes[unseen].flags = FLAG_SEEN;
		b->nodes[recent].next = unseen;
		return ERR_OK;
	}
	return ERR_SYNTAX;
}

static enum err parse_key(struct build *b, unsigned depth, uint32_t *index_out)
{
	enum err e;

	if (depth >= IMAP_SEARCH_DEPTH_MAX)
		return ERR_LIMIT;
	if (parse_char(b->p, '(')) {
		e = add_node(b, SEARCH_AND, index_out);
		if (!e)
			e = parse_children(b, *index_out, 0, depth + 1);
		return e ? e : parse_expect(b->p, ')');
	}
	if (b->p->rest.len && (ascii_is_digit(b->p->rest.ptr[0]) || b->p->rest.ptr[0] == '*')) {
		e = add_node(b, SEARCH_SEQUENCE, index_out);
		return e ? e : parse_set(b->p, &b->nodes[*index_out].set);
	}
	return parse_named(b, depth + 1, index_out);
}

enum err imap_parse_search(struct imap_parser *p, union imap_args *out)
{
	struct build b = { .p = p };
	uint32_t root;
	enum err e = parse_expect(p, ' ');

	if (!e && parse_word(p, SPAN("CHARSET"))) {
		e = parse_expect(p, ' ');
		if (!e)
			e = parse_astring(p, &out->search.tree.charset);
		if (!e)
			e = parse_expect(p, ' ');
	}
	if (!e)
		e = add_node(&b, SEARCH_AND, &root);
	if (!e)
		e = parse_children(&b, root, 0, 0);
	out->search.tree.nodes = b.nodes;
	out->search.tree.count = b.count;
	return e;
}
