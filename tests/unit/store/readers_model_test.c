/* tests/unit/store/readers_model_test.c: random work of three people on the mailboxes of two accounts, compared with a model that is too simple to be wrong.
 *
 * The model is a list of messages a mailbox, each with its flags and with who has seen it. Clients follow it, each as its own viewer: what each was told must
 * make its list equal to what the model says of it; and what a client that was away asks for must bring it there from any moment in its past.
 */
#include "tests/unit/store/fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon/store/seen.h"
#include "daemon/store/share.h"

#define PEOPLE 3 /* accounts 1..3; 1 and 2 have mail */
#define BOXES 3
#define CLIENTS 9
#define MESSAGES 400
#define STEPS 3000
#define MOMENTS 4

struct thing {
	uint32_t uid;
	uint64_t flags; /* without \Seen */
	bool seen[PEOPLE + 1];
	unsigned changed, seen_changed[PEOPLE + 1]; /* steps; the owner's \Seen counts as a flag of the message */
};
struct box {
	unsigned owner;
	const char *name;
	uint64_t id;
	uint32_t uid_next;
	struct thing things[MESSAGES];
	size_t count;
};
struct row {
	uint32_t uid;
	uint64_t flags;
};
struct rows {
	struct row list[MESSAGES];
	size_t count;
};
struct client {
	struct view *v;
	size_t box;
	unsigned viewer;
	struct rows known;
	struct moment {
		uint64_t modseq;
		unsigned step;
		struct rows known;
	} moments[MOMENTS];
	size_t moment_count;
};
struct world {
	struct fixture *f;
	struct mailstore *m[PEOPLE + 1];
	uint64_t seed;
	unsigned step;
	struct box boxes[BOXES];
	struct client clients[CLIENTS];
};

static uint32_t pick(struct world *w, uint32_t bound)
{
	w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((w->seed >> 33) % bound);
}

static struct mailstore *store_of(struct world *w, const struct box *b)
{
	return w->m[b->owner];
}

static struct box *box_of(struct world *w, const struct client *c)
{
	return &w->boxes[c->box];
}

static uint64_t flags_for(const struct thing *t, unsigned viewer)
{
	return t->flags | (t->seen[viewer] ? FLAG_SEEN : 0);
}

/* As the viewer was last told of a change. */
static unsigned changed_for(const struct thing *t, unsigned viewer)
{
	return t->seen_changed[viewer] > t->changed ? t->seen_changed[viewer] : t->changed;
}

static struct thing *arrive(struct world *w, struct box *b, uint64_t flags, unsigned viewer)
{
	struct thing *t = &b->things[b->count++];

	assert_true(b->count <= MESSAGES);
	*t = (struct thing){ .uid = b->uid_next++, .flags = flags & ~(uint64_t)FLAG_SEEN, .changed = w->step };
	t->seen[viewer] = flags & FLAG_SEEN;
	return t;
}

static void take_away(struct box *b, size_t i)
{
	memmove(&b->things[i], &b->things[i + 1], (b->count - i - 1) * sizeof(b->things[0]));
	b->count--;
}

static struct uid_set random_set(struct world *w, const struct box *b, struct uid_range *ranges)
{
	uint32_t at = 1 + pick(w, 5);
	size_t count = 0;

	while (count < 4 && at < b->uid_next + 5) {
		uint32_t last = at + pick(w, 6);

		ranges[count++] = (struct uid_range){ at, last };
		at = last + 1 + pick(w, 20);
	}
	return (struct uid_set){ ranges, count };
}

static bool in_set(const struct uid_set *set, uint32_t uid)
{
	for (size_t i = 0; i < set->count; i++) {
		if (uid >= set->ranges[i].first && uid <= set->ranges[i].last)
			return true;
	}
	return false;
}

static struct row *find_row(struct rows *rows, uint32_t uid)
{
	for (size_t i = 0; i < rows->count; i++) {
		if (rows->list[i].uid == uid)
			return &rows->list[i];
	}
	return NULL;
}

static void drop_row(struct rows *rows, size_t i)
{
	memmove(&rows->list[i], &rows->list[i + 1], (rows->count - i - 1) * sizeof(rows->list[0]));
	rows->count--;
}

/* A client acts on what its view knows of the mailbox. */
static bool acts_on(struct client *c, const struct uid_set *set, uint32_t uid)
{
	return (!set || in_set(set, uid)) && find_row(&c->known, uid);
}

/* ---- clients ---- */

static bool learn(void *arg, const struct message_row *row)
{
	struct rows *rows = arg;
	struct row *known = find_row(rows, row->uid);

	if (known) {
		known->flags = row->flags;
		return true;
	}
	assert_true(rows->count < MESSAGES);
	rows->list[rows->count++] = (struct row){ row->uid, row->flags };
	return true;
}

static void client_sync(struct world *w, struct client *c, bool may_expunge)
{
	struct view_changes ch;
	uint32_t last;
	bool end;

	assert_int_equal(view_sync(c->v, may_expunge, &w->f->arena, &ch), ERR_OK);
	assert_false(ch.gone);
	for (size_t i = 0; i < ch.expunged_count; i++)
		drop_row(&c->known, ch.expunged[i] - 1);
	for (size_t i = 0; i < ch.changed_count; i++) {
		assert_in_range(ch.changed[i].sequence, 1, c->known.count);
		assert_int_equal(c->known.list[ch.changed[i].sequence - 1].uid, ch.changed[i].uid);
		c->known.list[ch.changed[i].sequence - 1].flags = ch.changed[i].flags;
	}
	if (view_count(c->v) > c->known.count)
		assert_int_equal(view_read(c->v, SET(view_uid_of(c->v, (uint32_t)c->known.count + 1), UINT32_MAX), 0, WANT_FLAGS, learn, &c->known, &last, &end),
				 ERR_OK);
	/* What is expunged before it was read has a place in the view all the same. */
	for (size_t i = 0; i < view_count(c->v); i++) {
		const uint32_t uid = view_uid_of(c->v, (uint32_t)i + 1);

		if (i < c->known.count && c->known.list[i].uid == uid)
			continue;
		memmove(&c->known.list[i + 1], &c->known.list[i], (c->known.count - i) * sizeof(c->known.list[0]));
		c->known.list[i] = (struct row){ uid, 0 };
		c->known.count++;
	}
	assert_int_equal(view_count(c->v), c->known.count);
}

static void compare_rows(const struct box *b, unsigned viewer, const struct rows *rows)
{
	assert_int_equal(rows->count, b->count);
	for (size_t i = 0; i < b->count; i++) {
		assert_int_equal(rows->list[i].uid, b->things[i].uid);
		assert_int_equal(rows->list[i].flags, flags_for(&b->things[i], viewer));
	}
}

struct counting {
	struct box *b;
	unsigned viewer, since;
};

static bool is_changed(void *arg, const struct message_row *row)
{
	const struct counting *c = arg;
	size_t i = 0;

	while (c->b->things[i].uid != row->uid)
		i++;
	assert_true(changed_for(&c->b->things[i], c->viewer) > c->since);
	return true;
}

/* QRESYNC: what is told from that moment on is the difference. */
static void resync_from(struct world *w, struct client *c, const struct moment *at)
{
	static struct rows rows;
	struct counting counting = { box_of(w, c), c->viewer, at->step };
	struct uid_set gone;
	uint32_t last;
	bool end;

	rows = at->known;
	assert_int_equal(view_vanished(c->v, at->modseq, NULL, &w->f->arena, &gone), ERR_OK);
	for (size_t i = rows.count; i-- > 0;) {
		if (in_set(&gone, rows.list[i].uid))
			drop_row(&rows, i);
	}
	assert_int_equal(view_read_since(c->v, SET(1, UINT32_MAX), at->modseq, 0, WANT_FLAGS, learn, &rows, &last, &end), ERR_OK);
	assert_true(end);
	compare_rows(box_of(w, c), c->viewer, &rows);
	assert_int_equal(view_read_since(c->v, SET(1, UINT32_MAX), at->modseq, 0, WANT_META | WANT_ENVELOPE, is_changed, &counting, &last, &end), ERR_OK);
}

static void compare_client(struct world *w, struct client *c)
{
	const struct box *b = box_of(w, c);
	struct moment *now = &c->moments[pick(w, MOMENTS)];
	uint32_t first_unseen, at = 0;

	client_sync(w, c, true);
	compare_rows(b, c->viewer, &c->known);
	assert_false(view_is_stale(c->v));
	while (at < b->count && b->things[at].seen[c->viewer])
		at++;
	assert_int_equal(view_first_unseen(c->v, &first_unseen), ERR_OK);
	assert_int_equal(first_unseen, at < b->count ? at + 1 : 0);
	for (size_t i = 0; i < MOMENTS; i++) {
		if (c->moments[i].modseq)
			resync_from(w, c, &c->moments[i]);
	}
	*now = (struct moment){ view_modseq(c->v), w->step, c->known };
}

static void compare_counts(struct world *w, const struct box *b)
{
	for (unsigned viewer = 1; viewer <= PEOPLE; viewer++) {
		uint32_t unseen = 0, told;

		for (size_t i = 0; i < b->count; i++)
			unseen += !b->things[i].seen[viewer];
		assert_int_equal(mailbox_unseen_for(store_of(w, b), b->id, viewer, &told), ERR_OK);
		assert_int_equal(told, unseen);
	}
}

static void compare_all(struct world *w)
{
	struct note why = { "" };

	for (size_t i = 0; i < CLIENTS; i++)
		compare_client(w, &w->clients[i]);
	for (size_t i = 0; i < BOXES; i++)
		compare_counts(w, &w->boxes[i]);
	for (unsigned i = 1; i < PEOPLE; i++) {
		if (store_check(w->m[i], &why))
			fail_msg("%s", why.text);
	}
	arena_reset(&w->f->arena);
}

/* ---- what they do ---- */

static void step_append(struct world *w)
{
	struct box *b = &w->boxes[pick(w, BOXES)];
	const unsigned viewer = 1 + pick(w, PEOPLE);
	struct new_message n = fixture_message("m", pick(w, 32));
	struct append_result result;

	if (b->count > MESSAGES / 2)
		return;
	n.viewer = viewer;
	assert_int_equal(message_append(store_of(w, b), b->id, &n, &result), ERR_OK);
	assert_int_equal(result.uid, b->uid_next);
	(void)arrive(w, b, n.flags, viewer);
}

static uint64_t stored(enum flag_change how, uint64_t was, uint64_t flags, uint64_t allowed)
{
	const uint64_t is = how == FLAGS_ADD ? was | flags : how == FLAGS_REMOVE ? was & ~flags
										 : flags;

	return (was & ~allowed) | (is & allowed);
}

static void model_store(struct world *w, const struct box *b, struct thing *t, unsigned viewer, uint64_t is)
{
	const uint64_t was = flags_for(t, viewer);

	if ((was ^ is) & ~(uint64_t)FLAG_SEEN || ((was ^ is) && viewer == b->owner))
		t->changed = w->step;
	if ((was ^ is) & FLAG_SEEN)
		t->seen_changed[viewer] = w->step;
	t->flags = is & ~(uint64_t)FLAG_SEEN;
	t->seen[viewer] = is & FLAG_SEEN;
}

static void step_store(struct world *w, struct client *c)
{
	struct box *b = box_of(w, c);
	const struct moment *since = pick(w, 2) ? &c->moments[pick(w, MOMENTS)] : NULL;
	const enum flag_change how = (enum flag_change)pick(w, 3);
	const uint64_t flags = pick(w, 3) ? pick(w, 32) : FLAG_SEEN, allowed = pick(w, 3) ? UINT64_MAX : pick(w, 32);
	struct uid_range ranges[4];
	struct uid_set set = random_set(w, b, ranges), modified = { NULL, 0 };
	struct view_flags_changed *rows;
	size_t count, at = 0;
	bool has_gone;

	if (since && !since->modseq)
		since = NULL;
	view_allow(c->v, allowed);
	assert_int_equal(since ? view_store_unchanged(c->v, &set, since->modseq, how, flags, &w->f->arena, &rows, &count, &modified, &has_gone)
			       : view_store(c->v, &set, how, flags, &w->f->arena, &rows, &count),
			 ERR_OK);
	for (size_t i = 0; i < b->count; i++) {
		struct thing *t = &b->things[i];

		if (!acts_on(c, &set, t->uid))
			continue;
		if (since && changed_for(t, c->viewer) > since->step) {
			assert_true(in_set(&modified, t->uid));
			continue;
		}
		assert_false(in_set(&modified, t->uid));
		model_store(w, b, t, c->viewer, stored(how, flags_for(t, c->viewer), flags, allowed));
		assert_true(at < count);
		assert_int_equal(rows[at].uid, t->uid);
		assert_int_equal(rows[at].flags, flags_for(t, c->viewer));
		find_row(&c->known, t->uid)->flags = rows[at].flags;
		at++;
	}
	assert_int_equal(at, count);
}

static void step_expunge(struct world *w, struct client *c)
{
	struct box *b = box_of(w, c);
	struct uid_range ranges[4];
	struct uid_set set = random_set(w, b, ranges);
	const struct uid_set *asked = pick(w, 2) ? NULL : &set;

	assert_int_equal(view_expunge(c->v, asked, NULL), ERR_OK);
	for (size_t i = b->count; i-- > 0;) {
		if (b->things[i].flags & FLAG_DELETED && acts_on(c, asked, b->things[i].uid))
			take_away(b, i);
	}
}

static bool has_gone(struct client *c, const struct box *b, const struct uid_set *set)
{
	for (size_t i = 0; i < c->known.count; i++) {
		size_t at = 0;

		while (at < b->count && b->things[at].uid != c->known.list[i].uid)
			at++;
		if (at == b->count && in_set(set, c->known.list[i].uid))
			return true;
	}
	return false;
}

static enum err copy(struct world *w, struct client *c, const struct uid_set *set, struct box *to, bool move, uint64_t flags, struct uid_pair **pairs, size_t *count)
{
	const struct share_terms terms = { .is_move = move, .flags = flags, .keywords = SHARE_ALL_KEYWORDS };
	uint32_t uid_validity;

	if (to->owner == box_of(w, c)->owner)
		return view_copy(c->v, set, to->id, move, flags, NULL, &w->f->arena, &uid_validity, pairs, count);
	return view_copy_to(c->v, set, store_of(w, to), to->id, &terms, &w->f->arena, &uid_validity, pairs, count);
}

/* How a copy looks: within an account to everybody as before, but for what the viewer may not set; in another one to the viewer alone. */
static void model_copy(struct world *w, const struct client *c, const struct box *from, const struct thing *was, struct box *to, uint64_t flags)
{
	struct thing *t = arrive(w, to, flags_for(was, c->viewer) & flags, c->viewer);

	for (unsigned i = 1; from->owner == to->owner && i <= PEOPLE; i++) {
		if (i != c->viewer)
			t->seen[i] = was->seen[i];
	}
}

static void step_copy(struct world *w, struct client *c, bool move)
{
	static struct thing taken[MESSAGES];
	struct box *from = box_of(w, c), *to = &w->boxes[pick(w, BOXES)];
	const uint64_t flags = pick(w, 2) ? UINT64_MAX : pick(w, 32);
	struct uid_range ranges[4];
	struct uid_set set = random_set(w, from, ranges);
	struct uid_pair *pairs;
	size_t count, at = 0;

	if (to->count > MESSAGES / 2)
		return;
	if (has_gone(c, from, &set)) {
		assert_int_equal(copy(w, c, &set, to, move, flags, &pairs, &count), ERR_STATE);
		return;
	}
	assert_int_equal(copy(w, c, &set, to, move, flags, &pairs, &count), ERR_OK);
	for (size_t i = 0; i < from->count; i++) {
		if (acts_on(c, &set, from->things[i].uid))
			taken[at++] = from->things[i];
	}
	assert_int_equal(at, count);
	for (size_t i = from->count; move && i-- > 0;) {
		if (acts_on(c, &set, from->things[i].uid))
			take_away(from, i);
	}
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(pairs[i].from, taken[i].uid);
		assert_int_equal(pairs[i].to, to->uid_next);
		model_copy(w, c, from, &taken[i], to, flags);
	}
}

static void random_step(struct world *w)
{
	struct client *c = &w->clients[pick(w, CLIENTS)];

	switch (pick(w, 11)) {
	case 0:
	case 1: step_append(w); break;
	case 2:
	case 3:
	case 4: step_store(w, c); break;
	case 5: step_expunge(w, c); break;
	case 6:
	case 7: step_copy(w, c, pick(w, 2)); break;
	case 8:
	case 9: client_sync(w, c, false); break;
	case 10: client_sync(w, c, true); break;
	}
}

/* ---- the world ---- */

static void open_clients(struct world *w)
{
	static const struct {
		size_t box;
		unsigned viewer;
	} who[CLIENTS] = { { 0, 1 }, { 0, 2 }, { 0, 2 }, { 0, 3 }, { 0, 1 }, { 1, 1 }, { 1, 2 }, { 2, 2 }, { 2, 1 } };
	struct note why;

	w->m[1] = w->f->m;
	assert_int_equal(store_open(w->f->store, 2, &w->m[2], &why), ERR_OK);
	for (size_t i = 0; i < CLIENTS; i++) {
		struct client *c = &w->clients[i];

		c->box = who[i].box;
		c->viewer = who[i].viewer;
		c->known.count = 0;
		assert_int_equal(view_open(store_of(w, box_of(w, c)), box_of(w, c)->id, c->viewer, &c->v), ERR_OK);
		client_sync(w, c, true);
	}
}

static void close_clients(struct world *w)
{
	for (size_t i = 0; i < CLIENTS; i++)
		view_close(&w->clients[i].v);
	store_close(&w->m[2]);
}

static void open_boxes(struct world *w)
{
	static const struct box boxes[BOXES] = { { .owner = 1, .name = "INBOX" }, { .owner = 1, .name = "Archive" }, { .owner = 2, .name = "INBOX" } };
	struct mailstore *other;
	struct note why;

	assert_int_equal(store_open(w->f->store, 2, &other, &why), ERR_OK);
	for (size_t i = 0; i < BOXES; i++) {
		struct mailbox_info info;

		w->boxes[i] = boxes[i];
		w->boxes[i].uid_next = 1;
		assert_int_equal(mailbox_find(boxes[i].owner == 1 ? w->f->m : other, span_str(boxes[i].name), &w->f->arena, &info), ERR_OK);
		w->boxes[i].id = info.id;
	}
	store_close(&other);
}

static void random_work_of_three_agrees_with_the_model(void **state)
{
	const char *seed = getenv("SEED");
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->f = *state;
	w->seed = seed ? strtoull(seed, NULL, 10) : 20260601;
	open_boxes(w);
	open_clients(w);
	for (w->step = 1; w->step <= STEPS; w->step++) {
		random_step(w);
		if (w->step % 50 == 0)
			compare_all(w);
		if (w->step % 500 == 0) {
			close_clients(w);
			fixture_restart(w->f);
			open_clients(w);
		}
	}
	close_clients(w);
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(random_work_of_three_agrees_with_the_model, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests_name("store/readers_model", tests, NULL, NULL);
}
