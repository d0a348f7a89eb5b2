/* imap/search_eval.c: the tree against a message, in three values: most answers come from the thin row, and the text is read only
 * where they leave a doubt. */
#include "daemon/imap/objectid.h"
#include "daemon/imap/search.h"
#include "daemon/imap/sync.h"
#include "daemon/mime/date.h"
#include "daemon/mime/envelope_read.h"
#include "daemon/mime/fuzzy.h"
#include "daemon/mime/text.h"
#include "daemon/store/search.h"

#define HITS_MAX 64 /* keys that the index is asked about: the answer to each holds some bits a message */

static enum search_answer answer(bool yes)
{
	return yes ? SEARCH_YES : SEARCH_NO;
}

static bool compare_day(enum search_op op, int64_t day, int64_t wanted)
{
	if (op == SEARCH_BEFORE || op == SEARCH_SENT_BEFORE || op == SEARCH_SAVED_BEFORE)
		return day < wanted;
	if (op == SEARCH_SINCE || op == SEARCH_SENT_SINCE || op == SEARCH_SAVED_SINCE)
		return day >= wanted;
	return day == wanted;
}

/* RFC 3501 6.4.4: the Date field "disregarding time and timezone", so as written. The row knows the moment: a zone moves it by a
 * day at most, and only near the border the field itself must be read. A message without a date is older than any, as elsewhere. */
static enum search_answer sent(const struct search_node *node, const struct search_message *m)
{
	int64_t day = date_day_of(m->row->sent_ms, 0), written;
	bool same;

	if (m->row->sent_ms == 0)
		return answer(node->op == SEARCH_SENT_BEFORE);
	same = compare_day(node->op, day - 1, node->day) == compare_day(node->op, day, node->day) &&
	       compare_day(node->op, day, node->day) == compare_day(node->op, day + 1, node->day);
	if (same)
		return answer(compare_day(node->op, day, node->day));
	if (m->level < SEARCH_AT_TEXT)
		return SEARCH_UNSURE;
	return answer(compare_day(node->op, search_sent_day(m, &written) ? written : day, node->day));
}

/* RFC 8514 4: of a message without a save date, the internal one. The save date is told in UTC. */
static enum search_answer saved(const struct search_node *node, const struct search_message *m)
{
	const struct message_row *row = m->row;

	if (row->saved_ms)
		return answer(compare_day(node->op, date_day_of(row->saved_ms, 0), node->day));
	if (m->level < SEARCH_AT_META)
		return SEARCH_UNSURE;
	return answer(compare_day(node->op, date_day_of(row->internal_ms, row->internal_offset_minutes), node->day));
}

/* What the index says of a text: a field's text is part of the header's, so it can only say no. */
static enum search_answer indexed(const struct search_node *node, uint64_t content, uint8_t *score_out)
{
	if (!node->hits)
		return SEARCH_UNSURE;
	switch (search_verdict_of(node->hits, content)) {
	case SEARCH_HAS_NOT: return SEARCH_NO;
	case SEARCH_HAS:
		if (node->op == SEARCH_HEADER)
			return SEARCH_UNSURE;
		*score_out = search_score_of(node->hits, content);
		return SEARCH_YES;
	case SEARCH_MAY_HAVE:
	case SEARCH_NOT_INDEXED: break;
	}
	return SEARCH_UNSURE;
}

/* HEADER Subject: the row can say yes; for a no, and for how much so, all fields of that name must be read, of which the row has one. */
static bool asks_subject(const struct search_node *node)
{
	return node->op == SEARCH_HEADER && !node->fuzzy && node->key.len && span_iequals(node->name, SPAN("Subject"));
}

static enum search_answer match_text(const struct search_node *node, const struct search_message *m, uint8_t *score_out)
{
	enum search_answer a = indexed(node, m->row->content, score_out);

	if (a != SEARCH_UNSURE || m->level < SEARCH_AT_WORDS)
		return a;
	if (asks_subject(node) && search_subject_shows(m, node))
		return SEARCH_YES;
	if (m->level < SEARCH_AT_TEXT)
		return a;
	*score_out = node->op == SEARCH_HEADER ? search_header(m, node->name, node) : search_text(m, node);
	return answer(*score_out);
}

static enum search_answer match_meta(const struct search_node *node, const struct search_message *m)
{
	const struct message_row *row = m->row;
	int64_t age_s = (m->now_ms - row->internal_ms) / 1000;

	switch ((int)node->op) {
	case SEARCH_LARGER: return answer(row->size > node->number);
	case SEARCH_SMALLER: return answer(row->size < node->number);
	case SEARCH_SENT_BEFORE:
	case SEARCH_SENT_ON:
	case SEARCH_SENT_SINCE: return sent(node, m);
	case SEARCH_YOUNGER: return answer(age_s <= (int64_t)node->number);
	case SEARCH_OLDER: return answer(age_s >= (int64_t)node->number);
	case SEARCH_THREADID: return answer(node->number && (row->thread ? row->thread : row->content) == node->number);
	}
	return answer(compare_day(node->op, date_day_of(row->internal_ms, row->internal_offset_minutes), node->day));
}

/* The level at which a key is surely decided; those that are not here, by the thin row. */
static enum search_level level_of(enum search_op op)
{
	static const enum search_level levels[] = {
		[SEARCH_LARGER] = SEARCH_AT_META,
		[SEARCH_SMALLER] = SEARCH_AT_META,
		[SEARCH_BEFORE] = SEARCH_AT_META,
		[SEARCH_ON] = SEARCH_AT_META,
		[SEARCH_SINCE] = SEARCH_AT_META,
		[SEARCH_YOUNGER] = SEARCH_AT_META,
		[SEARCH_OLDER] = SEARCH_AT_META,
		[SEARCH_SAVED_BEFORE] = SEARCH_AT_META,
		[SEARCH_SAVED_ON] = SEARCH_AT_META,
		[SEARCH_SAVED_SINCE] = SEARCH_AT_META,
		[SEARCH_ADDRESS] = SEARCH_AT_WORDS,
		[SEARCH_SENT_BEFORE] = SEARCH_AT_TEXT,
		[SEARCH_SENT_ON] = SEARCH_AT_TEXT,
		[SEARCH_SENT_SINCE] = SEARCH_AT_TEXT,
		[SEARCH_SUBJECT] = SEARCH_AT_TEXT,
		[SEARCH_HEADER] = SEARCH_AT_TEXT,
		[SEARCH_BODY] = SEARCH_AT_TEXT,
		[SEARCH_TEXT] = SEARCH_AT_TEXT,
		[SEARCH_THREADID] = SEARCH_AT_META, /* the last of them */
	};

	return levels[op];
}

static enum search_answer match_address(const struct search_node *node, const struct search_message *m, uint8_t *score_out)
{
	*score_out = search_address(m, node);
	return answer(*score_out);
}

static enum search_answer match_leaf(const struct search_node *node, const struct search_message *m, uint8_t *score_out)
{
	const struct message_row *row = m->row;

	switch (node->op) {
	case SEARCH_ALL:
	case SEARCH_SAVEDATE_SUPPORTED: return SEARCH_YES;
	case SEARCH_FLAGGED:
	case SEARCH_KEYWORD: return answer(row->flags & node->flags);
	case SEARCH_UNFLAGGED:
	case SEARCH_UNKEYWORD: return answer(!(row->flags & node->flags));
	case SEARCH_RECENT: return answer(m->s->service->view_is_recent(m->view, row->uid));
	case SEARCH_SEQUENCE:
	case SEARCH_UID: return answer(uid_set_has(&node->uids, row->uid));
	case SEARCH_UID_AFTER: return answer(row->uid > node->number);
	case SEARCH_UID_BEFORE: return answer(row->uid < node->number);
	case SEARCH_MODSEQ: return answer(row->modseq >= node->number);
	case SEARCH_EMAILID: return answer(node->number && row->content == node->number);
	case SEARCH_SAVED_BEFORE:
	case SEARCH_SAVED_ON:
	case SEARCH_SAVED_SINCE: return saved(node, m);
	case SEARCH_LARGER:
	case SEARCH_SMALLER:
	case SEARCH_BEFORE:
	case SEARCH_ON:
	case SEARCH_SINCE:
	case SEARCH_YOUNGER:
	case SEARCH_OLDER:
	case SEARCH_THREADID:
	case SEARCH_SENT_BEFORE:
	case SEARCH_SENT_ON:
	case SEARCH_SENT_SINCE: return m->level < SEARCH_AT_META ? SEARCH_UNSURE : match_meta(node, m);
	case SEARCH_ADDRESS: return m->level < SEARCH_AT_WORDS ? SEARCH_UNSURE : match_address(node, m, score_out);
	case SEARCH_SUBJECT: return m->level < SEARCH_AT_WORDS ? SEARCH_UNSURE : search_subject(m, node, score_out);
	case SEARCH_HEADER:
	case SEARCH_BODY:
	case SEARCH_TEXT: return match_text(node, m, score_out);
	case SEARCH_AND:
	case SEARCH_OR:
	case SEARCH_NOT: break;
	}
	return SEARCH_NO;
}

enum search_answer search_leaf_matches(const struct search_node *node, const struct search_message *m, uint8_t *score_out)
{
	enum search_answer a;

	*score_out = 0;
	a = match_leaf(node, m, score_out);
	if (!node->fuzzy || a != SEARCH_YES)
		*score_out = 0;
	return a;
}

/* What a node with children says so far: its children's answers, as they come, may decide it. */
static bool is_decided(const struct search_node *node, enum search_answer child, enum search_answer *so_far)
{
	enum search_answer decisive = node->op == SEARCH_OR ? SEARCH_YES : SEARCH_NO;

	if (node->op == SEARCH_NOT) {
		*so_far = child == SEARCH_UNSURE ? child : answer(child == SEARCH_NO);
		return true;
	}
	if (child == decisive || child == SEARCH_UNSURE)
		*so_far = child;
	return child == decisive;
}

/* Depth first, without recursion: the path to the present node is on the stack. */
enum search_answer search_matches(const struct search_tree *tree, const struct search_message *m)
{
	struct {
		uint32_t node;
		enum search_answer so_far;
	} path[IMAP_SEARCH_NODES_MAX];
	size_t depth = 0;
	uint32_t at = 0;
	uint8_t score;

	for (;;) {
		const struct search_node *node = &tree->nodes[at];
		enum search_answer a;

		if (node->op == SEARCH_AND || node->op == SEARCH_OR || node->op == SEARCH_NOT) {
			path[depth].node = at;
			path[depth++].so_far = node->op == SEARCH_OR ? SEARCH_NO : SEARCH_YES;
			at = node->first_child;
			continue;
		}
		a = match_leaf(node, m, &score);
		while (depth && (is_decided(&tree->nodes[path[depth - 1].node], a, &path[depth - 1].so_far) || !tree->nodes[at].next)) {
			a = path[--depth].so_far;
			at = path[depth].node;
		}
		if (!depth)
			return a;
		at = tree->nodes[at].next;
	}
}

/* As the message's text will be: UTF-8, case-mapped. */
static enum err prepare_key(struct imap_session *s, struct span charset, struct search_node *node)
{
	struct buf utf8, packed, folded;
	enum err e;

	buf_init(&utf8, 4 * IMAP_LITERAL_MAX);
	buf_init(&packed, 4 * IMAP_LITERAL_MAX);
	buf_init(&folded, 16 * IMAP_LITERAL_MAX);
	text_decode_charset(charset.len ? charset : SPAN("UTF-8"), node->key, &utf8);
	if (node->op == SEARCH_SUBJECT)
		search_pack(buf_span(&utf8), &packed);
	text_casemap(buf_span(node->op == SEARCH_SUBJECT ? &packed : &utf8), &folded);
	node->key = arena_copy(&s->run.arena, buf_span(&folded));
	e = utf8.failed || folded.failed || s->run.arena.failed ? ERR_LIMIT : ERR_OK;
	buf_clear(&utf8);
	buf_clear(&packed);
	buf_clear(&folded);
	return e;
}

/* A key without words is compared as it stands. */
static enum err prepare_fuzzy(struct imap_session *s, struct search_node *node)
{
	struct fuzzy_key *key = arena_alloc(&s->run.arena, sizeof *key);

	if (!key)
		return ERR_LIMIT;
	fuzzy_key_make(node->key, key);
	node->fuzzy = key->count ? key : NULL;
	return ERR_OK;
}

/* What the index knows; without it, or for such a key, the messages are read. */
static void ask_index(const struct search_place *place, struct search_node *node)
{
	unsigned where = node->op == SEARCH_HEADER ? SEARCH_IN_HEADER : node->op == SEARCH_BODY ? SEARCH_IN_BODY
												: SEARCH_IN_HEADER | SEARCH_IN_BODY;
	enum err e = ERR_NOT_FOUND;

	if (node->key.len)
		e = node->fuzzy ? search_fuzzy_begin(place->store, node->fuzzy, where, &node->hits) : search_find_begin(place->store, node->key, where, &node->hits);
	if (e)
		node->hits = NULL;
}

static enum err prepare_text(struct imap_session *s, struct span charset, struct search_node *node)
{
	static const struct {
		struct span name;
		enum envelope_item item;
	} lists[] = {
		{ SPAN("From"), ENVELOPE_FROM },
		{ SPAN("To"), ENVELOPE_TO },
		{ SPAN("Cc"), ENVELOPE_CC },
		{ SPAN("Bcc"), ENVELOPE_BCC },
	};
	enum err e = prepare_key(s, charset, node);

	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		if (span_iequals(node->name, lists[i].name))
			node->number = lists[i].item;
	/* An empty text asks whether there is such a field. */
	if (!node->key.len && (node->op == SEARCH_SUBJECT || node->op == SEARCH_ADDRESS))
		node->op = SEARCH_HEADER;
	if (!e && node->is_fuzzy)
		e = prepare_fuzzy(s, node);
	return e;
}

static bool has_text(const struct search_node *node)
{
	return level_of(node->op) >= SEARCH_AT_WORDS && node->op != SEARCH_SENT_BEFORE && node->op != SEARCH_SENT_ON && node->op != SEARCH_SENT_SINCE;
}

/* What is another thing in each mailbox or account. */
static enum err aim_node(struct imap_session *s, const struct search_place *place, struct arena *a, struct search_node *node)
{
	enum objectid_kind kind = node->op == SEARCH_EMAILID ? OBJECTID_EMAIL : OBJECTID_THREAD;
	enum err e = ERR_OK;

	if (node->op == SEARCH_SEQUENCE || node->op == SEARCH_UID)
		return imap_set_resolve_in(s, place->view, &node->set, node->op == SEARCH_UID, true, a, &node->uids);
	if (node->op == SEARCH_KEYWORD || node->op == SEARCH_UNKEYWORD)
		e = s->service->keyword_bit(place->store, node->name, false, &node->flags);
	if (node->op == SEARCH_EMAILID || node->op == SEARCH_THREADID)
		e = objectid_parse(node->key, kind, place->owner, &node->number);
	if (e) { /* nothing has it */
		node->flags = 0;
		node->number = 0;
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static void add_needs(const struct search_node *node, struct search_needs *needs)
{
	switch ((int)node->op) {
	case SEARCH_ADDRESS: needs->want[SEARCH_AT_WORDS] |= WANT_ENVELOPE; return;
	case SEARCH_SUBJECT:
		needs->want[SEARCH_AT_WORDS] |= WANT_SUBJECT;
		needs->want[SEARCH_AT_TEXT] |= WANT_HEAD;
		return;
	case SEARCH_SENT_BEFORE:
	case SEARCH_SENT_ON:
	case SEARCH_SENT_SINCE:
		needs->want[SEARCH_AT_META] |= WANT_META;
		needs->want[SEARCH_AT_TEXT] |= WANT_HEAD;
		return;
	case SEARCH_HEADER:
		if (node->hits && asks_subject(node)) /* those left by the index */
			needs->want[SEARCH_AT_WORDS] |= WANT_SUBJECT;
		needs->want[SEARCH_AT_TEXT] |= WANT_HEAD;
		return;
	case SEARCH_BODY: needs->want[SEARCH_AT_TEXT] |= WANT_PARTS | WANT_BODY; return;
	case SEARCH_TEXT: needs->want[SEARCH_AT_TEXT] |= WANT_HEAD | WANT_PARTS | WANT_BODY; return;
	}
	if (level_of(node->op) == SEARCH_AT_META)
		needs->want[SEARCH_AT_META] |= WANT_META;
}

/* The first level at which one of the keys that all must match may decide. What a key with keys inside needs is the most that one of these needs:
 * children stand behind their parents. */
static enum search_level first_level(const struct search_tree *tree)
{
	enum search_level first = SEARCH_AT_TEXT;

	for (uint32_t child = tree->nodes[0].first_child; child; child = tree->nodes[child].next) {
		const struct search_node *node = &tree->nodes[child];
		enum search_level level = level_of(node->op);

		if (node->hits || node->op == SEARCH_AND || node->op == SEARCH_OR || node->op == SEARCH_NOT)
			return SEARCH_AT_FLAGS;
		if (node->op == SEARCH_SUBJECT)
			level = SEARCH_AT_WORDS;
		if (node->op == SEARCH_SENT_BEFORE || node->op == SEARCH_SENT_ON || node->op == SEARCH_SENT_SINCE)
			level = SEARCH_AT_META;
		if (level < first)
			first = level;
	}
	return first;
}

enum err search_prepare(struct imap_session *s, struct search_tree *tree)
{
	size_t keys = 0, fuzzy = 0;

	if (tree->charset.len && !text_charset_known(tree->charset))
		return ERR_SYNTAX;
	for (size_t i = 0; i < tree->count; i++) {
		struct search_node *node = &tree->nodes[i];
		enum err e = has_text(node) ? prepare_text(s, tree->charset, node) : ERR_OK;

		keys += node->op == SEARCH_BODY || node->op == SEARCH_TEXT;
		fuzzy += node->fuzzy != NULL;
		if (!e && (keys > IMAP_SEARCH_KEYS_MAX || fuzzy > IMAP_SEARCH_FUZZY_MAX))
			e = ERR_LIMIT;
		if (e)
			return e;
	}
	return ERR_OK;
}

/* One answer is for all mailboxes of the account. */
static void ask_indexes(const struct search_place *place, struct search_tree *tree)
{
	size_t hits = 0;

	if (tree->asked == place->store)
		return;
	search_forget(tree);
	tree->asked = place->store;
	for (size_t i = 0; i < tree->count; i++) {
		struct search_node *node = &tree->nodes[i];

		if (node->op != SEARCH_HEADER && node->op != SEARCH_BODY && node->op != SEARCH_TEXT)
			continue;
		if (hits < HITS_MAX)
			ask_index(place, node);
		hits += node->hits != NULL;
	}
}

enum err search_aim(struct imap_session *s, const struct search_place *place, struct search_tree *tree, struct arena *a, struct search_needs *needs)
{
	*needs = (struct search_needs){ .want = { WANT_FLAGS } };
	ask_indexes(place, tree);
	for (size_t i = 0; i < tree->count; i++) {
		enum err e = aim_node(s, place, a, &tree->nodes[i]);

		if (e)
			return e;
		add_needs(&tree->nodes[i], needs);
	}
	/* A level has all that those below it have. */
	for (int i = 1, had = WANT_FLAGS; i < SEARCH_LEVELS; i++)
		if (needs->want[i])
			had = (int)(needs->want[i] |= (unsigned)had);
	needs->from = first_level(tree);
	while (!needs->want[needs->from])
		needs->from--;
	return ERR_OK;
}

void search_forget(struct search_tree *tree)
{
	for (size_t i = 0; i < tree->count; i++)
		if (tree->nodes[i].hits)
			search_find_end(&tree->nodes[i].hits);
	tree->asked = NULL;
}
