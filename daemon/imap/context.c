/* imap/context.c: contexts of a session, and which messages a change puts into them or takes out of them:
 *
 *   new and changed messages ──▶ the tree of each context, level by level ──▶ is it a member? ──▶ `in`, `out`
 *
 * (1) Only what the sync names is looked at, and a message once a level for all contexts; the text only where a context is still in doubt.
 * (2) Sets in the search keep the messages they meant when it was given; only one that ends in "*" goes on to what arrives.
 */
#include "daemon/imap/context.h"

#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/imap/commands.h"
#include "daemon/imap/inside_context.h"
#include "daemon/imap/reply_sync.h"
#include "daemon/imap/sort.h"
#include "daemon/imap/sync.h"
#include "daemon/imap/table.h"
#include "daemon/mime/fuzzy.h"

static void context_free(struct imap_context *c)
{
	arena_clear(&c->arena);
	uid_ranges_clear(&c->members);
	uid_ranges_clear(&c->out);
	uid_ranges_clear(&c->in);
	free(c->order);
	free(c);
}

/* Without the last one nothing is held. */
static void drop(struct imap_session *s, struct imap_context **at)
{
	struct imap_contexts *all = s->contexts;
	struct imap_context *c = *at;

	*at = c->next;
	context_free(c);
	if (--all->count)
		return;
	uid_ranges_clear(&all->todo);
	free(all);
	s->contexts = NULL;
}

void context_end_all(struct imap_session *s)
{
	while (s->contexts)
		drop(s, &s->contexts->first);
}

static struct imap_context **find(const struct imap_session *s, struct span tag)
{
	struct imap_context **at = s->contexts ? &s->contexts->first : NULL;

	while (at && *at && !span_equals(span_str((*at)->tag), tag))
		at = &(*at)->next;
	return at && *at ? at : NULL;
}

bool context_exists(const struct imap_session *s, struct span tag)
{
	return find(s, tag);
}

void context_cancel(struct imap_session *s, struct span tag)
{
	struct imap_context **at = find(s, tag);

	if (at)
		drop(s, at);
}

/* ---- beginning ---- */

/* Where a range that ends in "*" begins, as a UID; 0: none does. Messages to come are behind it. */
static uint32_t open_from(const struct imap_session *s, const struct search_node *node)
{
	uint32_t lowest = 0;

	for (size_t i = 0; i < node->set.count; i++) {
		const struct imap_range *r = &node->set.ranges[i];
		uint32_t from = r->first ? r->first : r->last;

		if (!r->first == !r->last)
			continue;
		if (node->op == SEARCH_SEQUENCE)
			from = from <= s->service->view_count(s->view) ? s->service->view_uid_of(s->view, from) : s->service->view_last_uid(s->view) + 1;
		if (!lowest || from < lowest)
			lowest = from;
	}
	return lowest;
}

/* Room for one more range is there. */
static void open_end(struct uid_set *set, uint32_t from)
{
	while (set->count && set->ranges[set->count - 1].first >= from)
		set->count--;
	if (set->count && set->ranges[set->count - 1].last >= from - 1)
		set->ranges[set->count - 1].last = UINT32_MAX;
	else
		set->ranges[set->count++] = (struct uid_range){ from, UINT32_MAX };
}

static bool copy_node(const struct imap_session *s, struct imap_context *c, struct search_node *to, const struct search_node *from)
{
	const uint32_t open = open_from(s, from);

	*to = *from;
	to->hits = NULL; /* the index is behind of what is new */
	to->name = arena_copy(&c->arena, from->name);
	to->key = arena_copy(&c->arena, from->key);
	if (from->fuzzy) {
		struct fuzzy_key *fuzzy = arena_alloc(&c->arena, sizeof *fuzzy);

		if (fuzzy)
			*fuzzy = *from->fuzzy;
		to->fuzzy = fuzzy;
	}
	to->set = (struct imap_set){ 0 };
	to->uids.ranges = arena_array(&c->arena, from->uids.count + 1, sizeof *to->uids.ranges);
	if (c->arena.failed)
		return false;
	if (from->uids.count)
		memcpy(to->uids.ranges, from->uids.ranges, from->uids.count * sizeof *to->uids.ranges);
	if (open)
		open_end(&to->uids, open);
	c->by_flags = c->by_flags || from->op == SEARCH_FLAGGED || from->op == SEARCH_UNFLAGGED || from->op == SEARCH_KEYWORD ||
		      from->op == SEARCH_UNKEYWORD || from->op == SEARCH_MODSEQ;
	return true;
}

static bool copy_tree(const struct imap_session *s, struct imap_context *c, const struct search_tree *from)
{
	c->tree = (struct search_tree){ .nodes = arena_array(&c->arena, from->count, sizeof *c->tree.nodes), .count = from->count };
	for (size_t i = 0; c->tree.nodes && i < from->count; i++)
		if (!copy_node(s, c, &c->tree.nodes[i], &from->nodes[i]))
			return false;
	return c->tree.nodes;
}

static bool copy_found(struct imap_session *s, struct imap_context *c, const struct search_found *f)
{
	struct search_found rising = *f;
	struct uid_set set;

	rising.sorted = NULL;
	if (search_found_set(s, &rising, &s->run.arena, &set))
		return false;
	uid_ranges_unite(&c->members, &set);
	if (c->members.failed || !f->sorted)
		return !c->members.failed;
	c->room = f->count + 16;
	c->order = calloc(c->room, sizeof *c->order);
	for (; c->order && c->count < f->count; c->count++)
		c->order[c->count] = s->service->view_uid_of(s->view, f->sorted[c->count]);
	return c->order;
}

/* What all of them hold, in ranges and places. */
static size_t weight(const struct imap_contexts *all)
{
	size_t n = 0;

	for (const struct imap_context *c = all->first; c; c = c->next)
		n += c->members.set.count + c->count;
	return n;
}

static bool copy_items(struct imap_session *s, struct imap_context *c)
{
	struct imap_parser p = { arena_copy(&c->arena, s->run.args.search.wants.update), &c->arena, s->off, s->enabled };

	return !p.rest.len ? !c->arena.failed : imap_parse_fetch_atts(&p, &c->items, &c->item_count) == ERR_OK;
}

static struct imap_context *make(struct imap_session *s, const struct search_found *f)
{
	struct imap_context *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	arena_init(&c->arena, IMAP_CONTEXT_TREE_MAX);
	arena_charge(&c->arena, s->run.arena.budget);
	memcpy(c->tag, s->run.tag, sizeof c->tag);
	c->by_uid = s->run.command->law & BY_UID;
	c->needs = *f->needs;
	c->sort = f->sorted ? s->run.args.search.sort : (struct sort_program){ .count = 0 };
	if (copy_items(s, c) && copy_tree(s, c, &s->run.args.search.tree) && copy_found(s, c, f))
		return c;
	context_free(c);
	return NULL;
}

bool context_begin(struct imap_session *s, const struct search_found *f, struct out *out)
{
	struct imap_contexts *all = s->contexts ? s->contexts : calloc(1, sizeof *all);
	struct imap_context **end, *c = NULL;
	const bool is_first = !s->contexts;

	/* By relevancy, how well each of them fits would have to be kept, too. */
	if (all && all->count < IMAP_CONTEXTS_MAX && !sort_is_by_relevancy(&s->run.args.search.sort))
		c = make(s, f);
	if (c && weight(all) + c->members.set.count + c->count > IMAP_CONTEXT_WEIGHT_MAX) {
		context_free(c);
		c = NULL;
	}
	if (!c) {
		if (is_first)
			free(all);
		reply_noupdate(out, s->run.tag);
		return false;
	}
	if (!all->count)
		all->known_uid = s->service->view_last_uid(s->view);
	for (end = &all->first; *end; end = &(*end)->next)
		;
	*end = c;
	all->count++;
	s->contexts = all;
	return true;
}

void context_correlate(struct imap_session *s, struct span mailbox, uint32_t uid_validity)
{
	struct imap_context *c = s->contexts->first;

	while (c->next)
		c = c->next;
	c->mailbox = arena_copy(&c->arena, mailbox);
	c->uid_validity = uid_validity;
}

/* ---- what is to be looked at ---- */

static void add_rows(struct imap_contexts *all, const struct view_flags_changed *rows, size_t count)
{
	struct uid_ranges more = { .room = 0 };

	for (size_t i = 0; i < count; i++)
		uid_ranges_add(&more, rows[i].uid, rows[i].uid);
	uid_ranges_unite(&all->todo, &more.set);
	all->todo.failed = all->todo.failed || more.failed;
	uid_ranges_clear(&more);
}

void context_note(struct imap_session *s, const struct view_flags_changed *rows, size_t count)
{
	if (s->contexts)
		add_rows(s->contexts, rows, count);
}

/* Prepares LEAVE; false: nothing of any context has vanished. */
static bool find_vanished(struct imap_session *s, const struct view_changes *changes)
{
	const struct uid_set gone = { changes->vanished, changes->vanished_count };
	struct imap_contexts *all = s->contexts;
	size_t before = 0;
	bool is_any = false;

	for (struct imap_context *c = all->first; c; c = c->next) {
		uid_ranges_common(&c->members.set, &gone, &c->out);
		is_any = is_any || c->out.set.count;
	}
	all->vanished_before = arena_array(&s->run.arena, gone.count, sizeof *all->vanished_before);
	for (size_t i = 0; all->vanished_before && i < gone.count; i++) {
		all->vanished_before[i] = before;
		before += (size_t)(gone.ranges[i].last - gone.ranges[i].first) + 1;
	}
	return is_any;
}

void context_sync(struct imap_session *s)
{
	const struct view_changes *changes = &s->run.changes;
	struct imap_contexts *all = s->contexts;
	uint32_t last_uid;

	if (!all || changes->gone)
		return;
	last_uid = s->service->view_last_uid(s->view);
	all->new_from = all->known_uid + 1;
	add_rows(all, changes->changed, changes->changed_count);
	if (last_uid > all->known_uid)
		uid_ranges_unite(&all->todo, &(struct uid_set){ &(struct uid_range){ all->known_uid + 1, last_uid }, 1 });
	all->at = all->first;
	all->after_uid = 0;
	all->stage = changes->vanished_count && find_vanished(s, changes) ? CONTEXT_LEAVE : CONTEXT_LOOK;
}

/* ---- looking ---- */

struct looking {
	struct imap_session *s;
	struct imap_contexts *all;
	struct search_scratch scratch;
	int64_t now_ms, until_us;
	enum search_level level;
	bool is_shown; /* the message is there at this level */
	enum search_answer answers[IMAP_CONTEXTS_MAX];
	unsigned unsure;
	uint32_t last_uid; /* looked at */
	enum err e;
};

static void ask(struct looking *l, const struct message_row *row)
{
	struct search_message m = { l->s, l->s->view, row, l->level, l->now_ms, &l->scratch };
	unsigned i = 0;

	l->unsure = 0;
	for (const struct imap_context *c = l->all->first; c; c = c->next, i++) {
		if (l->answers[i] == SEARCH_UNSURE && c->needs.want[l->level])
			l->answers[i] = search_matches(&c->tree, &m);
		l->unsure += l->answers[i] == SEARCH_UNSURE;
	}
}

static bool each_again(void *arg, const struct message_row *row)
{
	struct looking *l = arg;

	l->is_shown = true;
	ask(l, row);
	return true;
}

/* What those in doubt want at this level. */
static unsigned wanted(const struct looking *l)
{
	unsigned want = 0, i = 0;

	for (const struct imap_context *c = l->all->first; c; c = c->next, i++)
		if (l->answers[i] == SEARCH_UNSURE)
			want |= c->needs.want[l->level];
	return want;
}

/* Up the levels until all are sure. A message that is gone stays what it was, until it is told. */
static void climb(struct looking *l, uint32_t uid)
{
	struct uid_range range = { uid, uid };
	struct uid_set set = { &range, 1 };

	for (l->level = SEARCH_AT_META; !l->e && l->unsure && l->level < SEARCH_LEVELS; l->level++) {
		unsigned want = wanted(l);
		uint32_t last;
		bool end;

		if (!want)
			continue;
		l->is_shown = false;
		l->e = l->s->service->view_read(l->s->view, &set, 0, want, each_again, l, &last, &end);
		if (!l->is_shown || (l->e && l->e != ERR_TEMP)) /* nor does one that can't be read change what it was */
			l->unsure = 0;
		if (l->e != ERR_TEMP)
			l->e = ERR_OK;
	}
	search_scratch_next(&l->scratch);
}

static void settle(struct looking *l, uint32_t uid)
{
	unsigned i = 0;

	for (struct imap_context *c = l->all->first; c; c = c->next, i++) {
		bool was = uid_set_has(&c->members.set, uid), skip = uid <= l->all->known_uid && !c->by_flags;

		if (skip || l->answers[i] == SEARCH_UNSURE || was == (l->answers[i] == SEARCH_YES))
			continue;
		uid_ranges_add(was ? &c->out : &c->in, uid, uid);
	}
}

/* One message, from its thin row; those that its flags do not matter to are not asked. */
static void look_at(struct looking *l, const struct message_row *row)
{
	unsigned i = 0;

	for (const struct imap_context *c = l->all->first; c; c = c->next, i++)
		l->answers[i] = c->over || (row->uid <= l->all->known_uid && !c->by_flags) ? SEARCH_NO : SEARCH_UNSURE;
	l->level = SEARCH_AT_FLAGS;
	ask(l, row);
	climb(l, row->uid);
	if (l->e)
		return;
	settle(l, row->uid);
	l->last_uid = row->uid;
}

struct thin_rows {
	struct message_row rows[64];
	size_t count;
};

static bool each_thin(void *arg, const struct message_row *row)
{
	struct thin_rows *thin = arg;

	thin->rows[thin->count++] = *row;
	return thin->count < sizeof thin->rows / sizeof *thin->rows;
}

/* Keywords that nobody had used when the search was given may have a bit by now. */
static void resolve_keywords(struct imap_session *s, struct imap_context *c)
{
	for (size_t i = 0; i < c->tree.count; i++) {
		struct search_node *node = &c->tree.nodes[i];

		if ((node->op == SEARCH_KEYWORD || node->op == SEARCH_UNKEYWORD) && !node->flags &&
		    s->service->keyword_bit(s->at.store, node->name, false, &node->flags))
			node->flags = 0;
	}
}

/* A turn. False: to be called again. *e_out: what is left has to wait for the next change. */
static bool look(struct imap_session *s, enum err *e_out)
{
	struct imap_contexts *all = s->contexts;
	struct looking l = { .s = s, .all = all, .now_ms = clock_real_ms(), .until_us = clock_mono_us() + IMAP_TURN_US, .last_uid = all->after_uid };
	bool end = !all->todo.set.count;

	for (struct imap_context *c = all->first; c && !all->after_uid; c = c->next)
		resolve_keywords(s, c);
	search_scratch_init(&l.scratch);
	while (!end && !l.e && clock_mono_us() < l.until_us) {
		struct thin_rows thin = { .count = 0 };
		uint32_t last = 0;

		l.e = s->service->view_read(s->view, &all->todo.set, l.last_uid, WANT_FLAGS, each_thin, &thin, &last, &end);
		for (size_t i = 0; !l.e && i < thin.count; i++) {
			look_at(&l, &thin.rows[i]);
			if (i + 1 < thin.count && clock_mono_us() >= l.until_us) {
				end = false;
				break;
			}
		}
	}
	search_scratch_clear(&l.scratch);
	all->after_uid = l.last_uid;
	*e_out = l.e;
	return end || l.e;
}

bool context_look(struct imap_session *s)
{
	struct imap_contexts *all = s->contexts;
	enum err e;

	if (!look(s, &e))
		return false;
	for (struct imap_context *c = all->first; c; c = c->next)
		c->over = c->over || c->out.failed || c->in.failed || c->members.failed || all->todo.failed;
	if (!e) {
		uid_ranges_clear(&all->todo);
		all->known_uid = s->service->view_last_uid(s->view);
	}
	all->at = all->first;
	all->stage = CONTEXT_FETCH;
	return true;
}

bool context_is_too_much(const struct imap_session *s)
{
	return weight(s->contexts) > IMAP_CONTEXT_WEIGHT_MAX;
}
