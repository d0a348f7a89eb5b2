/* imap/search_eval.c: the tree against a message, in three values: most answers come from the thin row, and the text is read only
 * where they leave a doubt. */
#include "daemon/imap/search.h"
#include "daemon/imap/sync.h"
#include "daemon/mime/date.h"
#include "daemon/mime/text.h"

static enum search_answer answer(bool yes)
{
	return yes ? SEARCH_YES : SEARCH_NO;
}

static bool compare_day(enum search_op op, int64_t day, int64_t wanted)
{
	if (op == SEARCH_BEFORE || op == SEARCH_SENT_BEFORE)
		return day < wanted;
	if (op == SEARCH_SINCE || op == SEARCH_SENT_SINCE)
		return day >= wanted;
	return day == wanted;
}

/* RFC 3501 6.4.4: the Date field "disregarding time and timezone", so as written. The row knows the moment: a zone moves it by a
 * day at most, and only near the border the field itself must be read. */
static enum search_answer sent(const struct search_node *node, const struct search_message *m)
{
	int64_t day = date_day_of(m->row->sent_ms, 0), written;
	bool same;

	if (m->row->sent_ms == 0)
		return SEARCH_NO;
	same = compare_day(node->op, day - 1, node->day) == compare_day(node->op, day, node->day) &&
	       compare_day(node->op, day, node->day) == compare_day(node->op, day + 1, node->day);
	if (same)
		return answer(compare_day(node->op, day, node->day));
	if (!m->scratch)
		return SEARCH_UNSURE;
	return answer(compare_day(node->op, search_sent_day(m, &written) ? written : day, node->day));
}

static enum search_answer match_leaf(const struct search_node *node, const struct search_message *m)
{
	const struct message_row *row = m->row;

	switch (node->op) {
	case SEARCH_ALL: return SEARCH_YES;
	case SEARCH_FLAGGED: return answer(row->flags & node->flags);
	case SEARCH_UNFLAGGED: return answer(!(row->flags & node->flags));
	case SEARCH_KEYWORD: return answer(row->flags & node->flags);
	case SEARCH_UNKEYWORD: return answer(!(row->flags & node->flags));
	case SEARCH_RECENT: return answer(m->s->service->view_is_recent(m->s->view, row->uid));
	case SEARCH_SEQUENCE:
	case SEARCH_UID: return answer(uid_set_has(&node->uids, row->uid));
	case SEARCH_LARGER: return answer(row->size > node->number);
	case SEARCH_SMALLER: return answer(row->size < node->number);
	case SEARCH_BEFORE:
	case SEARCH_ON:
	case SEARCH_SINCE: return answer(compare_day(node->op, date_day_of(row->internal_ms, row->internal_offset_minutes), node->day));
	case SEARCH_SENT_BEFORE:
	case SEARCH_SENT_ON:
	case SEARCH_SENT_SINCE: return sent(node, m);
	case SEARCH_HEADER: return m->scratch ? answer(search_header(m, node->name, node->key)) : SEARCH_UNSURE;
	case SEARCH_BODY: return m->scratch ? answer(search_text(m, node->key, false)) : SEARCH_UNSURE;
	case SEARCH_TEXT: return m->scratch ? answer(search_text(m, node->key, true)) : SEARCH_UNSURE;
	case SEARCH_MODSEQ:
	case SEARCH_YOUNGER:
	case SEARCH_OLDER:
	case SEARCH_SAVED_BEFORE:
	case SEARCH_SAVED_ON:
	case SEARCH_SAVED_SINCE:
	case SEARCH_SAVEDATE_SUPPORTED:
	case SEARCH_EMAILID:
	case SEARCH_THREADID:
	case SEARCH_AND:
	case SEARCH_OR:
	case SEARCH_NOT: break;
	}
	return SEARCH_NO;
}

/* The recursion is no deeper than the parser allowed. */
static enum search_answer match(const struct search_tree *tree, uint32_t index, const struct search_message *m)
{
	const struct search_node *node = &tree->nodes[index];
	enum search_answer decisive = node->op == SEARCH_OR ? SEARCH_YES : SEARCH_NO, all = node->op == SEARCH_OR ? SEARCH_NO : SEARCH_YES;

	if (node->op != SEARCH_AND && node->op != SEARCH_OR && node->op != SEARCH_NOT)
		return match_leaf(node, m);
	if (node->op == SEARCH_NOT) {
		enum search_answer a = match(tree, node->first_child, m);

		return a == SEARCH_UNSURE ? a : answer(a == SEARCH_NO);
	}
	for (uint32_t child = node->first_child; child; child = tree->nodes[child].next) {
		enum search_answer a = match(tree, child, m);

		if (a == decisive)
			return a;
		if (a == SEARCH_UNSURE)
			all = a;
	}
	return all;
}

enum search_answer search_matches(const struct search_tree *tree, const struct search_message *m)
{
	return match(tree, 0, m);
}

/* As the message's text will be: UTF-8, case-mapped. */
static enum err prepare_key(struct imap_session *s, struct span charset, struct search_node *node)
{
	struct buf utf8, folded;
	enum err e;

	buf_init(&utf8, 4 * IMAP_LITERAL_MAX);
	buf_init(&folded, 16 * IMAP_LITERAL_MAX);
	text_decode_charset(charset.len ? charset : SPAN("UTF-8"), node->key, &utf8);
	text_casemap(buf_span(&utf8), &folded);
	node->key = arena_copy(&s->run.arena, buf_span(&folded));
	e = utf8.failed || folded.failed || s->run.arena.failed ? ERR_LIMIT : ERR_OK;
	buf_clear(&utf8);
	buf_clear(&folded);
	return e;
}

static enum err prepare_node(struct imap_session *s, struct span charset, struct search_node *node, struct search_needs *needs)
{
	enum err e;

	switch (node->op) {
	case SEARCH_SEQUENCE:
	case SEARCH_UID: return imap_set_resolve(s, &node->set, node->op == SEARCH_UID, true, &s->run.arena, &node->uids);
	case SEARCH_KEYWORD:
	case SEARCH_UNKEYWORD:
		e = s->service->keyword_bit(s->store, node->name, false, &node->flags);
		if (e == ERR_NOT_FOUND)
			node->flags = 0;
		return e == ERR_NOT_FOUND ? ERR_OK : e;
	case SEARCH_LARGER:
	case SEARCH_SMALLER:
	case SEARCH_BEFORE:
	case SEARCH_ON:
	case SEARCH_SINCE: needs->thin |= WANT_META; return ERR_OK;
	case SEARCH_SENT_BEFORE:
	case SEARCH_SENT_ON:
	case SEARCH_SENT_SINCE:
		needs->thin |= WANT_META;
		needs->text |= WANT_HEAD;
		return ERR_OK;
	case SEARCH_HEADER: needs->text |= WANT_HEAD; return prepare_key(s, charset, node);
	case SEARCH_BODY: needs->text |= WANT_PARTS | WANT_BODY; return prepare_key(s, charset, node);
	case SEARCH_TEXT: needs->text |= WANT_HEAD | WANT_PARTS | WANT_BODY; return prepare_key(s, charset, node);
	case SEARCH_ALL:
	case SEARCH_AND:
	case SEARCH_OR:
	case SEARCH_NOT:
	case SEARCH_FLAGGED:
	case SEARCH_UNFLAGGED:
	case SEARCH_MODSEQ:
	case SEARCH_YOUNGER:
	case SEARCH_OLDER:
	case SEARCH_SAVED_BEFORE:
	case SEARCH_SAVED_ON:
	case SEARCH_SAVED_SINCE:
	case SEARCH_SAVEDATE_SUPPORTED:
	case SEARCH_EMAILID:
	case SEARCH_THREADID:
	case SEARCH_RECENT: return ERR_OK;
	}
	return ERR_OK;
}

enum err search_prepare(struct imap_session *s, struct search_tree *tree, struct search_needs *needs)
{
	size_t keys = 0;

	*needs = (struct search_needs){ WANT_FLAGS, 0 };
	if (tree->charset.len && !text_charset_known(tree->charset))
		return ERR_SYNTAX;
	for (size_t i = 0; i < tree->count; i++) {
		enum err e = prepare_node(s, tree->charset, &tree->nodes[i], needs);

		keys += tree->nodes[i].op == SEARCH_BODY || tree->nodes[i].op == SEARCH_TEXT;
		if (!e && keys > IMAP_SEARCH_KEYS_MAX)
			e = ERR_LIMIT;
		if (e)
			return e == ERR_SYNTAX ? ERR_TEMP : e;
	}
	if (needs->text)
		needs->text |= needs->thin;
	return ERR_OK;
}
