/* mime/thread.c: see the header.
 *
 *   messages ──add──▶ nodes (one a message-id, linked by references) ──finish──▶ `up` of each entity ──▶ sorted lists ──▶ text
 *
 * (1) An entity is a message (its index) or a dummy (behind the messages): what stands for messages that are not there. Dummies are roots.
 * (2) Messages are put in order once, by date and number; a list that is filled in that order is in order, and a thread stands where its first message does.
 * (3) Links between nodes never close a circle.
 */
#include "daemon/mime/thread.h"

#include <stdlib.h>

#include "daemon/mime/thread_table.h"

/* Steps up the tree that a whole command may take to see whether a link would close a circle: about a second. Only a link from below one tree to the top
 * of another takes such steps, which a hundred thousand hostile messages could ask for again and again; past this it is not made. */
#define CLIMB_MAX 200000000u

struct node {
	uint32_t parent;  /* node, 0: none */
	uint32_t message; /* message index + 1; 0: nobody has that message-id */
	uint32_t entity;  /* of a dummy that was needed: entity + 1 */
	uint32_t stands;  /* once asked: the node that its children hang at; 0: not asked */
	bool has_children;
};

struct item {
	int64_t date;
	struct span base;
	uint32_t number, node;
	bool is_reply;
};

struct threading {
	enum thread_algorithm algorithm;
	struct arena *arena;
	struct item *items;
	size_t count, room;
	struct node *nodes; /* [0] is nobody */
	size_t node_count, node_room;
	struct thread_table ids;
	uint64_t seed, climbed;
	/* of finish: by entity */
	size_t entities, entities_max;
	uint32_t *up, *first, *last, *next; /* entity + 1; 0: none */
	uint32_t *order;                    /* message indexes, sorted */
};

enum err thread_begin(enum thread_algorithm algorithm, uint64_t seed, struct arena *a, struct threading **out)
{
	struct threading *t = arena_alloc(a, sizeof *t);

	*out = t;
	if (!t)
		return ERR_LIMIT;
	t->algorithm = algorithm;
	t->arena = a;
	t->seed = seed;
	t->node_count = 1;
	thread_table_init(&t->ids, seed, a);
	return ERR_OK;
}

/* Room for one more in an array that doubles; what it leaves behind in the arena is less than what it has. */
static void *grown(struct arena *a, void *array, size_t count, size_t *room, size_t size)
{
	size_t wanted = *room ? 2 * *room : 64;
	void *more;

	if (count < *room)
		return array;
	more = arena_array(a, wanted, size);
	if (more && array)
		memcpy(more, array, count * size);
	if (more)
		*room = wanted;
	return more;
}

static uint32_t node_new(struct threading *t)
{
	struct node *nodes = grown(t->arena, t->nodes, t->node_count, &t->node_room, sizeof *nodes);

	if (!nodes)
		return 0;
	t->nodes = nodes;
	t->nodes[t->node_count] = (struct node){ 0 };
	return (uint32_t)t->node_count++;
}

/* The node of a message-id; 0: the arena is full. */
static uint32_t node_of(struct threading *t, struct span id)
{
	uint32_t *value = thread_table_value(&t->ids, id);

	if (value && !*value)
		*value = node_new(t);
	return value ? *value : 0;
}

static bool is_above(struct threading *t, uint32_t above, uint32_t node)
{
	for (; node && node != above; node = t->nodes[node].parent)
		if (++t->climbed > CLIMB_MAX)
			return true;
	return node == above;
}

/* RFC 5256 3, REFERENCES (1)(A): a link that is there stays, and none closes a circle. */
static void link_nodes(struct threading *t, uint32_t parent, uint32_t child)
{
	if (parent == child || t->nodes[child].parent)
		return;
	if (t->nodes[child].has_children && is_above(t, child, parent))
		return;
	t->nodes[child].parent = parent;
	t->nodes[parent].has_children = true;
}

static enum err add_links(struct threading *t, const struct thread_message *m)
{
	struct span rest = m->refs, id;
	struct item *item = &t->items[t->count - 1];
	uint32_t own = m->message_id.len ? node_of(t, m->message_id) : node_new(t), parent = 0;

	if (own && t->nodes[own].message) /* the second of that message-id stands for itself */
		own = node_new(t);
	if (!own)
		return ERR_LIMIT;
	t->nodes[own].message = (uint32_t)t->count;
	item->node = own;
	while (span_split(&rest, '\0', &id)) {
		uint32_t node;

		if (!id.len)
			continue;
		node = node_of(t, id);
		if (!node)
			return ERR_LIMIT;
		if (parent)
			link_nodes(t, parent, node);
		parent = node;
	}
	/* (1)(B): the message itself knows best whose reply it is. */
	if (t->nodes[own].parent != parent)
		t->nodes[own].parent = 0;
	if (parent)
		link_nodes(t, parent, own);
	return ERR_OK;
}

enum err thread_add(struct threading *t, const struct thread_message *m)
{
	struct item *items = grown(t->arena, t->items, t->count, &t->room, sizeof *items), *item;

	if (!items)
		return ERR_LIMIT;
	t->items = items;
	item = &t->items[t->count++];
	*item = (struct item){ .date = m->date, .number = m->number, .is_reply = m->is_reply };
	if (t->algorithm != THREAD_REFS)
		item->base = arena_copy(t->arena, m->base);
	if (t->arena->failed)
		return ERR_LIMIT;
	return t->algorithm == THREAD_ORDEREDSUBJECT ? ERR_OK : add_links(t, m);
}

/* ---- finishing ---- */

static int by_date(const void *a, const void *b, void *arg)
{
	const struct threading *t = arg;
	const struct item *x = &t->items[*(const uint32_t *)a], *y = &t->items[*(const uint32_t *)b];

	if (x->date != y->date)
		return x->date < y->date ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static uint32_t dummy_new(struct threading *t)
{
	return t->entities < t->entities_max ? (uint32_t)++t->entities : 0;
}

/* The node that what hangs below `node` is shown under: the nearest with a message, else the topmost (RFC 5256 3, REFERENCES (3)). */
static uint32_t stands_for(struct threading *t, uint32_t node)
{
	uint32_t at = node, found;

	while (!t->nodes[at].message && t->nodes[at].parent && !t->nodes[at].stands)
		at = t->nodes[at].parent;
	found = t->nodes[at].stands ? t->nodes[at].stands : at;
	for (at = node; at != found && !t->nodes[at].stands && !t->nodes[at].message; at = t->nodes[at].parent)
		t->nodes[at].stands = found;
	return found;
}

static void hang_by_references(struct threading *t)
{
	for (size_t i = 0; i < t->count; i++) {
		uint32_t parent = t->nodes[t->items[i].node].parent;
		struct node *at;

		if (!parent)
			continue;
		at = &t->nodes[stands_for(t, parent)];
		if (!at->message && !at->entity)
			at->entity = dummy_new(t);
		t->up[i] = at->message ? at->message : at->entity;
	}
}

/* RFC 5256 3, ORDEREDSUBJECT: the first of a subject, and all others below it. */
static enum err hang_by_subject(struct threading *t)
{
	struct thread_table subjects;

	thread_table_init(&subjects, t->seed, t->arena);
	for (size_t i = 0; i < t->count; i++) {
		uint32_t message = t->order[i], *first = thread_table_value(&subjects, t->items[message].base);

		if (!first)
			return ERR_LIMIT;
		if (*first)
			t->up[message] = *first;
		else
			*first = message + 1;
	}
	return ERR_OK;
}

/* A dummy with one child is nothing: the child takes its place. */
static void drop_lonely_dummies(struct threading *t)
{
	memset(t->first, 0, t->entities_max * sizeof *t->first);
	for (size_t i = 0; i < t->count; i++)
		if (t->up[i] > t->count)
			t->first[t->up[i] - 1]++;
	for (size_t i = 0; i < t->count; i++)
		if (t->up[i] > t->count && t->first[t->up[i] - 1] == 1)
			t->up[i] = 0;
}

/* Lists of children, each in order, and *roots_out: entities + 1 in the order of their first message. */
static size_t make_lists(struct threading *t, uint32_t *roots)
{
	size_t count = 0;

	memset(t->first, 0, t->entities_max * sizeof *t->first);
	memset(t->next, 0, t->entities_max * sizeof *t->next);
	for (size_t i = 0; i < t->count; i++) {
		uint32_t entity = t->order[i] + 1, up = t->up[entity - 1];

		if (!up || (up > t->count && !t->first[up - 1]))
			roots[count++] = up ? up : entity;
		if (up && t->first[up - 1])
			t->next[t->last[up - 1] - 1] = entity;
		else if (up)
			t->first[up - 1] = entity;
		if (up)
			t->last[up - 1] = entity;
	}
	return count;
}

/* ---- REFERENCES (5): threads of one subject ---- */

struct root {
	uint32_t entity; /* + 1, as everywhere */
	uint32_t parent; /* root + 1: the thread of that subject that it goes to */
	bool is_dummy, is_reply, is_gone;
};

struct gathering {
	struct root *roots;
	size_t count;
	uint32_t *moved; /* by dummy: to which other its children went */
};

/* (5)(B) */
static enum err gather_subjects(struct threading *t, struct gathering *g)
{
	struct thread_table subjects;

	thread_table_init(&subjects, t->seed, t->arena);
	for (size_t i = 0; i < g->count; i++) {
		struct root *root = &g->roots[i], *there;
		const struct item *item = &t->items[(root->is_dummy ? t->first[root->entity - 1] : root->entity) - 1];
		uint32_t *value;

		if (!item->base.len)
			continue;
		value = thread_table_value(&subjects, item->base);
		if (!value)
			return ERR_LIMIT;
		root->is_reply = item->is_reply;
		if (!*value) {
			*value = (uint32_t)i + 1;
			continue;
		}
		there = &g->roots[*value - 1];
		if (!there->is_dummy && (root->is_dummy || (there->is_reply && !root->is_reply))) {
			there->parent = (uint32_t)i + 1;
			*value = (uint32_t)i + 1;
		} else {
			root->parent = *value;
		}
	}
	return ERR_OK;
}

/* (5)(C) for one of them. */
static void merge_root(struct threading *t, struct gathering *g, struct root *root)
{
	struct root *to = &g->roots[root->parent - 1];

	while (to->parent)
		to = &g->roots[to->parent - 1];
	root->is_gone = true;
	if (root->is_dummy) {
		g->moved[root->entity - 1] = to->entity;
	} else if (to->is_dummy || (root->is_reply && !to->is_reply)) {
		t->up[root->entity - 1] = to->entity;
	} else {
		struct root *both = &g->roots[g->count++];

		*both = (struct root){ .entity = dummy_new(t), .is_dummy = true };
		t->up[to->entity - 1] = t->up[root->entity - 1] = both->entity;
		to->parent = (uint32_t)g->count;
		to->is_gone = true;
	}
}

static enum err merge_subjects(struct threading *t)
{
	struct gathering g = { .roots = arena_array(t->arena, t->entities_max, sizeof *g.roots),
			       .moved = arena_array(t->arena, t->entities_max, sizeof *g.moved) };
	uint32_t *roots = arena_array(t->arena, t->count, sizeof *roots);
	size_t count;
	enum err e;

	if (t->arena->failed)
		return ERR_LIMIT;
	count = make_lists(t, roots);
	for (size_t i = 0; i < count; i++)
		g.roots[g.count++] = (struct root){ .entity = roots[i], .is_dummy = roots[i] > t->count };
	e = gather_subjects(t, &g);
	for (size_t i = 0; !e && i < count; i++)
		if (g.roots[i].parent && !g.roots[i].is_gone)
			merge_root(t, &g, &g.roots[i]);
	for (size_t i = 0; !e && i < t->count; i++)
		if (t->up[i] > t->count && g.moved[t->up[i] - 1])
			t->up[i] = g.moved[t->up[i] - 1];
	return e;
}

/* ---- REFS: threads by their newest message ---- */

struct thread_rank {
	int64_t date;
	uint32_t number, entity;
};

static int by_rank(const void *a, const void *b)
{
	const struct thread_rank *x = a, *y = b;

	if (x->date != y->date)
		return x->date < y->date ? -1 : 1;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return x->entity < y->entity ? -1 : x->entity > y->entity;
}

/* The roots are walked as they will be written, so every message is met below its own. */
static uint32_t step(const struct threading *t, uint32_t root, uint32_t at)
{
	if (t->first[at - 1])
		return t->first[at - 1];
	while (at != root && !t->next[at - 1])
		at = t->up[at - 1];
	return at == root ? 0 : t->next[at - 1];
}

static enum err rank_by_newest(struct threading *t, uint32_t *roots, size_t count)
{
	struct thread_rank *ranks = arena_array(t->arena, count, sizeof *ranks);

	if (!ranks)
		return ERR_LIMIT;
	for (size_t i = 0; i < count; i++) {
		bool is_dummy = roots[i] > t->count;

		ranks[i] = (struct thread_rank){ INT64_MIN, is_dummy ? 0 : t->items[roots[i] - 1].number, roots[i] };
		for (uint32_t at = is_dummy ? t->first[roots[i] - 1] : roots[i]; at; at = step(t, roots[i], at))
			if (t->items[at - 1].date > ranks[i].date)
				ranks[i].date = t->items[at - 1].date;
	}
	qsort(ranks, count, sizeof *ranks, by_rank);
	for (size_t i = 0; i < count; i++)
		roots[i] = ranks[i].entity;
	return ERR_OK;
}

/* ---- writing ---- */

/* thread-members = nz-number *(SP nz-number) [SP thread-nested]: one alone on its level needs no parentheses, a root always has them. */
static bool has_parentheses(const struct threading *t, uint32_t root, uint32_t at)
{
	return at == root || t->next[t->first[t->up[at - 1] - 1] - 1];
}

static void write_thread(const struct threading *t, uint32_t root, struct buf *out)
{
	uint32_t at = root;

	for (;;) {
		uint32_t child = t->first[at - 1];

		if (has_parentheses(t, root, at))
			buf_add_char(out, '(');
		if (at <= t->count)
			buf_addf(out, child ? "%u " : "%u", t->items[at - 1].number);
		if (child) {
			at = child;
			continue;
		}
		for (;;) {
			if (has_parentheses(t, root, at))
				buf_add_char(out, ')');
			if (at == root)
				return;
			if (t->next[at - 1])
				break;
			at = t->up[at - 1];
		}
		at = t->next[at - 1];
	}
}

static enum err hang(struct threading *t)
{
	enum err e = ERR_OK;

	if (t->algorithm == THREAD_ORDEREDSUBJECT)
		return hang_by_subject(t);
	hang_by_references(t);
	if (t->algorithm == THREAD_REFS) /* a dummy with one child is not seen, and counts as older than messages of the same second */
		return ERR_OK;
	drop_lonely_dummies(t);
	e = merge_subjects(t);
	if (!e)
		drop_lonely_dummies(t);
	return e;
}

enum err thread_finish(struct threading *t, struct buf *out)
{
	uint32_t *roots;
	size_t count;
	enum err e;

	if (!t->count)
		return ERR_OK;
	/* A dummy of references has a child or more, and one of subjects joins two threads. */
	t->entities = t->count;
	t->entities_max = 3 * t->count;
	t->up = arena_array(t->arena, t->entities_max, sizeof *t->up);
	t->first = arena_array(t->arena, t->entities_max, sizeof *t->first);
	t->last = arena_array(t->arena, t->entities_max, sizeof *t->last);
	t->next = arena_array(t->arena, t->entities_max, sizeof *t->next);
	t->order = arena_array(t->arena, t->count, sizeof *t->order);
	roots = arena_array(t->arena, t->count, sizeof *roots);
	if (t->arena->failed)
		return ERR_LIMIT;
	for (size_t i = 0; i < t->count; i++)
		t->order[i] = (uint32_t)i;
	qsort_r(t->order, t->count, sizeof *t->order, by_date, t);
	e = hang(t);
	if (e)
		return e;
	count = make_lists(t, roots);
	if (t->algorithm == THREAD_REFS)
		e = rank_by_newest(t, roots, count);
	for (size_t i = 0; !e && i < count; i++)
		write_thread(t, roots[i], out);
	return !e && out->failed ? ERR_LIMIT : e;
}
