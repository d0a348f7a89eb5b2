/* imap/search_parse.c: SEARCH's keys to a tree in a flat array (RFC 3501 6.4.4), without recursion: what is open is a stack of nodes.
 *
 * search = "SEARCH" [SP "RETURN" SP "(" ... ")"] [SP "CHARSET" SP astring] 1*(SP search-key)
 * esearch = "ESEARCH" [SP "IN" SP "(" source-mbox [SP "(" scope-options ")"] ")"] ... (RFC 7377 4)
 */
#include "daemon/imap/search_parse.h"

#include "daemon/imap/commands.h"
#include "daemon/imap/limits.h"
#include "daemon/imap/mailbox_filter.h"
#include "daemon/imap/objectid.h"
#include "daemon/imap/sort.h"

enum argument {
	ARG_NONE,
	ARG_TEXT,
	ARG_HEADER, /* field name and text */
	ARG_DATE,
	ARG_NUMBER,
	ARG_POSITIVE, /* seconds, a UID */
	ARG_MODSEQ,
	ARG_OBJECTID,
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
	enum imap_capability capability;
} keys[] = {
	{ SPAN("ALL"), SEARCH_ALL, ARG_NONE, 0, { NULL, 0 }, CAP_NONE },
	{ SPAN("ANSWERED"), SEARCH_FLAGGED, ARG_NONE, FLAG_ANSWERED, { NULL, 0 }, CAP_NONE },
	{ SPAN("BCC"), SEARCH_ADDRESS, ARG_TEXT, 0, SPAN("Bcc"), CAP_NONE },
	{ SPAN("BEFORE"), SEARCH_BEFORE, ARG_DATE, 0, { NULL, 0 }, CAP_NONE },
	{ SPAN("BODY"), SEARCH_BODY, ARG_TEXT, 0, { NULL, 0 }, CAP_NONE },
	{ SPAN("CC"), SEARCH_ADDRESS, ARG_TEXT, 0, SPAN("Cc"), CAP_NONE },
	{ SPAN("DELETED"), SEARCH_FLAGGED, ARG_NONE, FLAG_DELETED, { NULL, 0 }, CAP_NONE },
	{ SPAN("DRAFT"), SEARCH_FLAGGED, ARG_NONE, FLAG_DRAFT, { NULL, 0 }, CAP_NONE },
	{ SPAN("EMAILID"), SEARCH_EMAILID, ARG_OBJECTID, 0, { NULL, 0 }, CAP_OBJECTID },
	{ SPAN("FLAGGED"), SEARCH_FLAGGED, ARG_NONE, FLAG_FLAGGED, { NULL, 0 }, CAP_NONE },
	{ SPAN("FROM"), SEARCH_ADDRESS, ARG_TEXT, 0, SPAN("From"), CAP_NONE },
	{ SPAN("HEADER"), SEARCH_HEADER, ARG_HEADER, 0, { NULL, 0 }, CAP_NONE },
	{ SPAN("KEYWORD"), SEARCH_KEYWORD, ARG_KEYWORD, 0, { NULL, 0 }, CAP_NONE },
	{ SPAN("LARGER"), SEARCH_LARGER, ARG_NUMBER, 0, { NULL, 0 }, CAP_NONE },
	{ SPAN("MODSEQ"), SEARCH_MODSEQ, ARG_MODSEQ, 0, { NULL, 0 }, CAP_CONDSTORE },
	{ SPAN("NOT"), SEARCH_NOT, ARG_KEY, 0, { NULL, 0 }, CAP_NONE },
	{ SPAN("OLDER"), SEARCH_OLDER, ARG_POSITIVE, 0, { NULL, 0 }, CAP_WITHIN },
	{ SPAN("ON"), SEARCH_ON, ARG_DATE, 0, { NULL, 0 }, CAP_NONE },
	{ SPAN("OR"), SEARCH_OR, ARG_TWO_KEYS, 0, { NULL, 0 }, CAP_NONE },
	{ SPAN("RECENT"), SEARCH_RECENT, ARG_NONE, 0, { NULL, 0 }, CAP_NONE },
	{ SPAN("SAVEDATESUPPORTED"), SEARCH_SAVEDATE_SUPPORTED, ARG_NONE, 0, { NULL, 0 }, CAP_SAVEDATE },
	{ SPAN("SAVEDBEFORE"), SEARCH_SAVED_BEFORE, ARG_DATE, 0, { NULL, 0 }, CAP_SAVEDATE },
	{ SPAN("SAVEDON"), SEARCH_SAVED_ON, ARG_DATE, 0, { NULL, 0 }, CAP_SAVEDATE },
	{ SPAN("SAVEDSINCE"), SEARCH_SAVED_SINCE, ARG_DATE, 0, { NULL, 0 }, CAP_SAVEDATE },
	{ SPAN("SEEN"), SEARCH_FLAGGED, ARG_NONE, FLAG_SEEN, { NULL, 0 }, CAP_NONE },
	{ SPAN("SENTBEFORE"), SEARCH_SENT_BEFORE, ARG_DATE, 0, { NULL, 0 }, CAP_NONE },
	{ SPAN("SENTON"), SEARCH_SENT_ON, ARG_DATE, 0, { NULL, 0 }, CAP_NONE },
	{ SPAN("SENTSINCE"), SEARCH_SENT_SINCE, ARG_DATE, 0, { NULL, 0 }, CAP_NONE },
	{ SPAN("SINCE"), SEARCH_SINCE, ARG_DATE, 0, { NULL, 0 }, CAP_NONE },
	{ SPAN("SMALLER"), SEARCH_SMALLER, ARG_NUMBER, 0, { NULL, 0 }, CAP_NONE },
	{ SPAN("SUBJECT"), SEARCH_SUBJECT, ARG_TEXT, 0, SPAN("Subject"), CAP_NONE },
	{ SPAN("TEXT"), SEARCH_TEXT, ARG_TEXT, 0, { NULL, 0 }, CAP_NONE },
	{ SPAN("THREADID"), SEARCH_THREADID, ARG_OBJECTID, 0, { NULL, 0 }, CAP_OBJECTID },
	{ SPAN("TO"), SEARCH_ADDRESS, ARG_TEXT, 0, SPAN("To"), CAP_NONE },
	{ SPAN("UID"), SEARCH_UID, ARG_SET, 0, { NULL, 0 }, CAP_NONE },
	{ SPAN("UIDAFTER"), SEARCH_UID_AFTER, ARG_POSITIVE, 0, { NULL, 0 }, CAP_MESSAGELIMIT },
	{ SPAN("UIDBEFORE"), SEARCH_UID_BEFORE, ARG_POSITIVE, 0, { NULL, 0 }, CAP_MESSAGELIMIT },
	{ SPAN("UNANSWERED"), SEARCH_UNFLAGGED, ARG_NONE, FLAG_ANSWERED, { NULL, 0 }, CAP_NONE },
	{ SPAN("UNDELETED"), SEARCH_UNFLAGGED, ARG_NONE, FLAG_DELETED, { NULL, 0 }, CAP_NONE },
	{ SPAN("UNDRAFT"), SEARCH_UNFLAGGED, ARG_NONE, FLAG_DRAFT, { NULL, 0 }, CAP_NONE },
	{ SPAN("UNFLAGGED"), SEARCH_UNFLAGGED, ARG_NONE, FLAG_FLAGGED, { NULL, 0 }, CAP_NONE },
	{ SPAN("UNKEYWORD"), SEARCH_UNKEYWORD, ARG_KEYWORD, 0, { NULL, 0 }, CAP_NONE },
	{ SPAN("UNSEEN"), SEARCH_UNFLAGGED, ARG_NONE, FLAG_SEEN, { NULL, 0 }, CAP_NONE },
	{ SPAN("YOUNGER"), SEARCH_YOUNGER, ARG_POSITIVE, 0, { NULL, 0 }, CAP_WITHIN },
};

struct build {
	struct imap_parser *p;
	struct search_node *nodes;
	size_t count, room;
	struct open {
		uint32_t node, last; /* last: its newest child, 0: none yet */
		unsigned left;       /* keys that are still to come; 0: as many as stand before the ")" or the end */
	} * open;
	size_t depth;
	bool fuzzy; /* the next key */
	struct search_tree *tree;
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

/* A child of what is open. */
static enum err add_child(struct build *b, enum search_op op, uint32_t *index_out)
{
	struct open *at = &b->open[b->depth - 1];
	enum err e = add_node(b, op, index_out);

	if (e)
		return e;
	if (at->last)
		b->nodes[at->last].next = *index_out;
	else
		b->nodes[at->node].first_child = *index_out;
	at->last = *index_out;
	b->nodes[*index_out].is_fuzzy = b->fuzzy || b->nodes[at->node].is_fuzzy;
	b->fuzzy = false;
	return ERR_OK;
}

/* There are never more open than nodes. */
static void push(struct build *b, uint32_t node, unsigned left)
{
	b->open[b->depth++] = (struct open){ node, 0, left };
}

/* search-modseq-ext = entry-name SP entry-type-req SP; entry-name = DQUOTE "/flags/" attr-flag DQUOTE. A flag's modseq is not kept apart: the message's
 * stands for it (RFC 7162 3.1.5). */
static enum err parse_modseq(struct imap_parser *p, uint64_t *out)
{
	struct span entry;
	enum err e;

	if (parse_peek(p, '"')) {
		e = parse_string(p, &entry);
		if (!e && (!span_istarts(entry, SPAN("/flags/")) || entry.len == 7))
			e = ERR_SYNTAX;
		if (!e)
			e = parse_expect(p, ' ');
		if (!e && !parse_word(p, SPAN("priv")) && !parse_word(p, SPAN("shared")) && !parse_word(p, SPAN("all")))
			e = ERR_SYNTAX;
		if (!e)
			e = parse_expect(p, ' ');
		if (e)
			return e;
	}
	return parse_number64(p, out);
}

static enum err parse_set_key(struct build *b, struct search_node *node)
{
	enum err e = parse_set(b->p, &node->set);

	b->tree->has_sequences = b->tree->has_sequences || (node->op == SEARCH_SEQUENCE && !node->set.saved);
	return e;
}

static enum err parse_header_key(struct imap_parser *p, struct search_node *node)
{
	enum err e = parse_astring(p, &node->name);

	if (!e)
		e = parse_expect(p, ' ');
	return e ? e : parse_astring(p, &node->key);
}

static enum err parse_object_id(struct imap_parser *p, struct span *out)
{
	enum err e = parse_astring(p, out);

	return !e && !objectid_is_one(*out) ? ERR_SYNTAX : e;
}

/* nz-number, of 32 bits (RFC 5032 3, RFC 3501 9) */
static enum err parse_positive(struct imap_parser *p, uint64_t *out)
{
	uint32_t n;
	enum err e = parse_number(p, &n);

	if (e)
		return e;
	*out = n;
	return n ? ERR_OK : ERR_SYNTAX;
}

static enum err parse_argument(struct build *b, enum argument argument, uint32_t index)
{
	struct search_node *node = &b->nodes[index];

	if (argument == ARG_NONE)
		return ERR_OK;
	if (!parse_char(b->p, ' '))
		return ERR_SYNTAX;
	switch (argument) {
	case ARG_NONE: break;
	case ARG_TEXT: return parse_astring(b->p, &node->key);
	case ARG_OBJECTID: return parse_object_id(b->p, &node->key);
	case ARG_HEADER: return parse_header_key(b->p, node);
	case ARG_DATE: return parse_date(b->p, &node->day);
	case ARG_NUMBER: return parse_number64(b->p, &node->number);
	case ARG_POSITIVE: return parse_positive(b->p, &node->number);
	case ARG_MODSEQ: b->tree->has_modseq = true; return parse_modseq(b->p, &node->number);
	case ARG_KEYWORD: return parse_atom(b->p, &node->name);
	case ARG_SET: return parse_set_key(b, node);
	case ARG_KEY: push(b, index, 1); return ERR_OK;
	case ARG_TWO_KEYS: push(b, index, 2); return ERR_OK;
	}
	return ERR_SYNTAX;
}

/* "OLD" and "NEW" are words for two keys (RFC 3501 6.4.4). */
static enum err add_recent(struct build *b, bool is_new)
{
	uint32_t both, recent, unseen;
	enum err e = add_child(b, is_new ? SEARCH_AND : SEARCH_NOT, &both);

	if (!e)
		e = add_node(b, SEARCH_RECENT, &recent);
	if (e)
		return e;
	b->nodes[both].first_child = recent;
	if (!is_new)
		return ERR_OK;
	e = add_node(b, SEARCH_UNFLAGGED, &unseen);
	if (e)
		return e;
	b->nodes[unseen].flags = FLAG_SEEN;
	b->nodes[recent].next = unseen;
	return ERR_OK;
}

static enum err parse_named(struct build *b)
{
	struct span word;
	uint32_t index;
	enum err e = parse_atom(b->p, &word);

	if (e)
		return e;
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (span_iequals(word, keys[i].word) && parse_may(b->p, keys[i].capability)) {
			e = add_child(b, keys[i].op, &index);
			if (e)
				return e;
			b->nodes[index].flags = keys[i].flags;
			b->nodes[index].name = keys[i].name;
			return parse_argument(b, keys[i].argument, index);
		}
	if (span_iequals(word, SPAN("OLD")) || span_iequals(word, SPAN("NEW")))
		return add_recent(b, span_iequals(word, SPAN("NEW")));
	return ERR_SYNTAX;
}

/* One key; what takes keys itself is left open. */
static enum err parse_key(struct build *b)
{
	uint32_t index;
	enum err e;

	/* RFC 6203 3: "FUZZY" SP search-key; what is inside of that key is meant, too. */
	while (parse_may(b->p, CAP_SEARCH_FUZZY) && parse_word(b->p, SPAN("FUZZY"))) {
		if (!parse_char(b->p, ' '))
			return ERR_SYNTAX;
		b->fuzzy = b->tree->has_fuzzy = true;
	}
	if (parse_char(b->p, '(')) {
		e = add_child(b, SEARCH_AND, &index);
		if (!e)
			push(b, index, 0);
		return e;
	}
	if (b->p->rest.len && (ascii_is_digit(b->p->rest.ptr[0]) || memchr("*$", b->p->rest.ptr[0], 2))) {
		e = add_child(b, SEARCH_SEQUENCE, &index);
		return e ? e : parse_set_key(b, &b->nodes[index]);
	}
	return parse_named(b);
}

/* Behind a key: closes what it completes. *more: another key comes. */
static enum err close_keys(struct build *b, bool *more)
{
	*more = true;
	while (b->depth) {
		struct open *at = &b->open[b->depth - 1];

		if (at->left && --at->left)
			return parse_expect(b->p, ' ');
		if (b->nodes[at->node].op == SEARCH_AND && !at->left) {
			if (parse_char(b->p, ' '))
				return ERR_OK;
			if (b->depth > 1 && !parse_char(b->p, ')'))
				return ERR_SYNTAX;
		}
		b->depth--;
	}
	*more = false;
	return ERR_OK;
}

static enum err parse_keys(struct imap_parser *p, struct search_tree *tree)
{
	struct build b = { .p = p, .tree = tree, .open = arena_array(p->arena, IMAP_SEARCH_NODES_MAX, sizeof *b.open) };
	uint32_t root;
	bool more = true;
	enum err e = b.open ? add_node(&b, SEARCH_AND, &root) : ERR_LIMIT;

	if (e)
		return e;
	push(&b, root, 0);
	while (!e && more) {
		size_t depth = b.depth;

		e = parse_key(&b);
		if (!e && b.depth == depth)
			e = close_keys(&b, &more);
	}
	tree->nodes = b.nodes;
	tree->count = b.count;
	return e;
}

/* 1*(SP search-key), and what they must have for the rest of the command: without FUZZY there is no RELEVANCY (RFC 6203 4, 6). */
static enum err parse_program(struct imap_parser *p, union imap_args *out)
{
	enum err e = parse_keys(p, &out->search.tree);

	if (!e && !out->search.tree.has_fuzzy && ((out->search.wants.what & RETURN_RELEVANCY) || sort_is_by_relevancy(&out->search.sort)))
		e = ERR_SYNTAX;
	return e;
}

/* RFC 6855 3: with UTF8=ACCEPT the command is in UTF-8, and says nothing else. */
static enum err parse_charset(struct imap_parser *p, struct span *out)
{
	enum err e = parse_astring(p, out);

	if (!e && (p->enabled & ENABLED_UTF8) && !span_iequals(*out, SPAN("UTF-8")))
		e = ERR_SYNTAX;
	return e ? e : parse_expect(p, ' ');
}

/* Behind the space. */
static enum err parse_search(struct imap_parser *p, union imap_args *out)
{
	enum err e = ERR_OK;

	if (parse_may(p, CAP_ESEARCH))
		e = search_parse_return(p, CAP_CONTEXT_SEARCH, &out->search.wants);
	if (!e && !(p->enabled & ENABLED_UTF8) && parse_word(p, SPAN("CHARSET"))) {
		e = parse_expect(p, ' ');
		if (!e)
			e = parse_charset(p, &out->search.tree.charset);
	}
	return e ? e : parse_program(p, out);
}

enum err imap_parse_search(struct imap_parser *p, union imap_args *out)
{
	enum err e = parse_expect(p, ' ');

	return e ? e : parse_search(p, out);
}

/* source-mbox = filter-mailboxes *(SP filter-mailboxes): RFC 5465's without "selected-delayed", and "subtree-one". There are no scope options yet. */
static enum err parse_sources(struct imap_parser *p, union imap_args *out)
{
	enum err e = parse_expect(p, '(');

	if (e)
		return e;
	do {
		struct mailbox_filter *f;

		if (out->search.source_count == IMAP_SEARCH_SOURCES_MAX)
			return ERR_LIMIT;
		out->search.sources = parse_grow(p->arena, out->search.sources, out->search.source_count, sizeof *f);
		if (!out->search.sources)
			return ERR_LIMIT;
		f = &out->search.sources[out->search.source_count++];
		e = mailbox_filter_parse(p, f);
		if (!e && f->kind == FILTER_SELECTED_DELAYED)
			e = ERR_SYNTAX;
	} while (!e && parse_char(p, ' '));
	return e ? e : parse_expect(p, ')');
}

enum err imap_parse_esearch(struct imap_parser *p, union imap_args *out)
{
	static struct mailbox_filter selected = { .kind = FILTER_SELECTED };
	enum err e = parse_expect(p, ' ');

	out->search.sources = &selected;
	out->search.source_count = 1;
	if (!e && parse_word(p, SPAN("IN"))) {
		out->search.sources = NULL;
		out->search.source_count = 0;
		e = parse_expect(p, ' ');
		if (!e)
			e = parse_sources(p, out);
		if (!e)
			e = parse_expect(p, ' ');
	}
	if (!e)
		e = parse_search(p, out);
	if (!out->search.wants.given) /* RFC 7377 2.1 */
		out->search.wants = (struct search_return){ .given = true, .what = RETURN_ALL };
	return e;
}

/* sort = "SORT" [SP "RETURN" ...] SP sort-criteria SP search-criteria; search-criteria = charset 1*(SP search-key) (RFC 5256 5, RFC 5267 3) */
enum err imap_parse_sort(struct imap_parser *p, union imap_args *out)
{
	enum err e = parse_expect(p, ' ');

	if (!e && parse_may(p, CAP_ESORT))
		e = search_parse_return(p, CAP_CONTEXT_SORT, &out->search.wants);
	if (!e)
		e = search_parse_program(p, &out->search.sort);
	if (!e)
		e = parse_expect(p, ' ');
	if (!e)
		e = parse_charset(p, &out->search.tree.charset);
	return e ? e : parse_program(p, out);
}

/* thread = "THREAD" SP thread-alg SP search-criteria */
enum err imap_parse_thread(struct imap_parser *p, union imap_args *out)
{
	static const struct {
		struct span word;
		enum thread_algorithm algorithm;
		enum imap_capability capability;
	} all[] = {
		{ SPAN("ORDEREDSUBJECT"), THREAD_ORDEREDSUBJECT, CAP_THREAD_ORDEREDSUBJECT },
		{ SPAN("REFERENCES"), THREAD_REFERENCES, CAP_THREAD_REFERENCES },
		{ SPAN("REFS"), THREAD_REFS, CAP_THREAD_REFS },
	};
	struct span word;
	bool known = false;
	enum err e = parse_expect(p, ' ');

	if (!e)
		e = parse_atom(p, &word);
	for (size_t i = 0; !e && i < sizeof all / sizeof *all; i++)
		if (span_iequals(word, all[i].word) && parse_may(p, all[i].capability)) {
			out->search.algorithm = all[i].algorithm;
			known = true;
		}
	if (!e && !known)
		e = ERR_SYNTAX;
	if (!e)
		e = parse_expect(p, ' ');
	if (!e)
		e = parse_charset(p, &out->search.tree.charset);
	return e ? e : parse_program(p, out);
}
