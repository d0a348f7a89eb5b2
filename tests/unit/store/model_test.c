/* tests/unit/store/model_test.c: random work on an account, compared with a model that is too simple to be wrong.
 *
 * The model is a list of messages a mailbox. Two views a mailbox follow it: what each was told must make its list equal to the store's.
 */
#include "tests/unit/store/fixture.h"

#include <stdio.h>
#include <stdlib.h>

#define BOXES 3
#define MESSAGES 400
#define STEPS 1500
#define VIEWS 4

struct model_message {
	uint32_t uid;
	uint64_t flags;
};
struct model_box {
	uint64_t id;
	uint32_t uid_next;
	struct model_message messages[MESSAGES];
	size_t count;
};
/* A client: it knows only what it was told. */
struct client {
	struct view *v;
	size_t box;
	struct model_message known[MESSAGES];
	size_t count;
};
struct model {
	struct fixture *f;
	uint64_t seed;
	struct model_box boxes[BOXES];
	struct client clients[VIEWS];
	unsigned queue_id;
};

static uint32_t pick(struct model *m, uint32_t bound)
{
	m->seed = m->seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((m->seed >> 33) % bound);
}

static void model_arrive(struct model_box *b, uint64_t flags)
{
	assert_true(b->count < MESSAGES);
	b->messages[b->count++] = (struct model_message){ b->uid_next++, flags };
}

static struct uid_set random_set(struct model *m, const struct model_box *b, struct uid_range *ranges)
{
	uint32_t at = 1 + pick(m, 5);
	size_t count = 0;

	while (count < 4 && at < b->uid_next + 5) {
		uint32_t last = at + pick(m, 6);

		ranges[count++] = (struct uid_range){ at, last };
		at = last + 1 + pick(m, 20);
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

/* A client acts on what its view has seen of the mailbox. */
static bool seen_by(const struct client *c, uint32_t uid)
{
	for (size_t i = 0; i < c->count; i++) {
		if (c->known[i].uid == uid)
			return true;
	}
	return false;
}

static void client_sync(struct model *m, struct client *c, bool may_expunge)
{
	struct view_changes ch;

	assert_int_equal(view_sync(c->v, may_expunge, &m->f->arena, &ch), ERR_OK);
	assert_false(ch.gone);
	assert_true(may_expunge || ch.expunged_count == 0);
	for (size_t i = 0; i < ch.expunged_count; i++) {
		assert_in_range(ch.expunged[i], 1, c->count);
		memmove(&c->known[ch.expunged[i] - 1], &c->known[ch.expunged[i]], (c->count - ch.expunged[i]) * sizeof(c->known[0]));
		c->count--;
	}
	for (size_t i = 0; i < ch.changed_count; i++) {
		assert_in_range(ch.changed[i].sequence, 1, c->count);
		assert_int_equal(c->known[ch.changed[i].sequence - 1].uid, ch.changed[i].uid);
		c->known[ch.changed[i].sequence - 1].flags = ch.changed[i].flags;
	}
	assert_int_equal(ch.count_changed, view_count(c->v) != c->count);
	assert_true(view_count(c->v) >= c->count);
}

struct reading {
	struct client *c;
	size_t rows;
};

static bool learn(void *arg, const struct message_row *row)
{
	struct reading *r = arg;
	uint32_t sequence;

	assert_true(view_sequence_of(r->c->v, row->uid, &sequence));
	r->c->known[sequence - 1] = (struct model_message){ row->uid, row->flags };
	r->rows++;
	return true;
}

/* FETCH of what EXISTS announced. */
static void client_learn(struct client *c)
{
	struct reading r = { c, 0 };
	uint32_t last;
	bool end;

	if (view_count(c->v) == c->count)
		return;
	for (uint32_t i = (uint32_t)c->count; i < view_count(c->v); i++)
		c->known[i] = (struct model_message){ view_uid_of(c->v, i + 1), 0 };
	assert_int_equal(view_read(c->v, SET(c->known[c->count].uid, UINT32_MAX), 0, WANT_FLAGS, learn, &r, &last, &end), ERR_OK);
	c->count = view_count(c->v);
}

static void compare_client(struct model *m, struct client *c)
{
	const struct model_box *b = &m->boxes[c->box];

	client_sync(m, c, true);
	client_learn(c);
	assert_int_equal(c->count, b->count);
	for (size_t i = 0; i < c->count; i++) {
		uint32_t sequence;

		assert_int_equal(c->known[i].uid, b->messages[i].uid);
		assert_int_equal(c->known[i].flags, b->messages[i].flags);
		assert_int_equal(view_uid_of(c->v, (uint32_t)i + 1), b->messages[i].uid);
		assert_true(view_sequence_of(c->v, b->messages[i].uid, &sequence));
		assert_int_equal(sequence, i + 1);
	}
	assert_false(view_is_stale(c->v));
}

static void compare_counters(struct model *m, const struct model_box *b, const char *name)
{
	struct mailbox_info info = fixture_info(m->f, name);
	uint32_t unseen = 0, deleted = 0;

	for (size_t i = 0; i < b->count; i++) {
		unseen += !(b->messages[i].flags & FLAG_SEEN);
		deleted += !!(b->messages[i].flags & FLAG_DELETED);
	}
	assert_int_equal(info.messages, b->count);
	assert_int_equal(info.unseen, unseen);
	assert_int_equal(info.deleted, deleted);
	assert_int_equal(info.uid_next, b->uid_next);
}

static void step_append(struct model *m, size_t box)
{
	uint64_t flags = pick(m, 32);

	if (m->boxes[box].count < MESSAGES / 2)
		assert_int_equal(fixture_append(m->f, m->boxes[box].id, "m", flags), m->boxes[box].uid_next);
	else
		return;
	model_arrive(&m->boxes[box], flags);
}

static void step_deliver(struct model *m)
{
	struct new_delivery items[3];
	enum err results[3];

	if (m->boxes[0].count > MESSAGES / 2)
		return;
	for (size_t i = 0; i < 3; i++) {
		items[i] = (struct new_delivery){ .message = fixture_message("d", 0) };
		memcpy(items[i].queue_id, &m->queue_id, sizeof(m->queue_id));
		m->queue_id += pick(m, 2);
	}
	assert_int_equal(message_deliver(m->f->m, items, 3, results), ERR_OK);
	for (size_t i = 0; i < 3; i++) {
		assert_true(results[i] == ERR_OK || results[i] == ERR_EXISTS);
		if (!results[i])
			model_arrive(&m->boxes[0], 0);
	}
}

/* Is something of the set that the client knows there no more? */
static bool has_gone(const struct client *c, const struct model_box *b, const struct uid_set *set)
{
	for (size_t i = 0; i < c->count; i++) {
		size_t at = 0;

		while (at < b->count && b->messages[at].uid != c->known[i].uid)
			at++;
		if (at == b->count && in_set(set, c->known[i].uid))
			return true;
	}
	return false;
}

static void step_store(struct model *m, struct client *c)
{
	struct model_box *b = &m->boxes[c->box];
	struct uid_range ranges[4];
	struct uid_set set = random_set(m, b, ranges);
	enum flag_change how = (enum flag_change)pick(m, 3);
	uint64_t flags = pick(m, 32);
	struct view_flags_changed *rows;
	size_t count, at = 0;

	assert_int_equal(view_store(c->v, &set, how, flags, &m->f->arena, &rows, &count), ERR_OK);
	for (size_t i = 0; i < b->count; i++) {
		struct model_message *x = &b->messages[i];
		uint64_t is = how == FLAGS_ADD ? x->flags | flags : how == FLAGS_REMOVE ? x->flags & ~flags
											: flags;

		if (!in_set(&set, x->uid) || !seen_by(c, x->uid))
			continue;
		x->flags = is;
		assert_true(at < count);
		assert_int_equal(rows[at].uid, x->uid);
		assert_int_equal(rows[at].flags, is);
		assert_int_equal(c->known[rows[at].sequence - 1].uid, x->uid);
		c->known[rows[at].sequence - 1].flags = is;
		at++;
	}
	assert_int_equal(at, count);
}

static void model_remove(struct model_box *b, size_t i)
{
	memmove(&b->messages[i], &b->messages[i + 1], (b->count - i - 1) * sizeof(b->messages[0]));
	b->count--;
}

static void step_expunge(struct model *m, struct client *c)
{
	struct model_box *b = &m->boxes[c->box];
	struct uid_range ranges[4];
	struct uid_set set = random_set(m, b, ranges);
	bool all = pick(m, 2);

	assert_int_equal(view_expunge(c->v, all ? NULL : &set, NULL), ERR_OK);
	for (size_t i = b->count; i-- > 0;) {
		const struct model_message *x = &b->messages[i];

		if (x->flags & FLAG_DELETED && (all || in_set(&set, x->uid)) && seen_by(c, x->uid))
			model_remove(b, i);
	}
}

static void step_copy(struct model *m, struct client *c, bool move)
{
	struct model_box *from = &m->boxes[c->box], *to = &m->boxes[pick(m, BOXES)];
	struct model_message taken[MESSAGES];
	struct uid_range ranges[4];
	struct uid_set set = random_set(m, from, ranges);
	struct uid_pair *pairs;
	uint32_t uid_validity;
	size_t count, at = 0;

	if (to->count > MESSAGES / 2)
		return;
	if (has_gone(c, from, &set)) {
		assert_int_equal(view_copy(c->v, &set, to->id, move, UINT64_MAX, NULL, &m->f->arena, &uid_validity, &pairs, &count), ERR_STATE);
		return;
	}
	assert_int_equal(view_copy(c->v, &set, to->id, move, UINT64_MAX, NULL, &m->f->arena, &uid_validity, &pairs, &count), ERR_OK);
	for (size_t i = 0; i < from->count; i++) {
		if (in_set(&set, from->messages[i].uid) && seen_by(c, from->messages[i].uid))
			taken[at++] = from->messages[i];
	}
	assert_int_equal(at, count);
	for (size_t i = from->count; move && i-- > 0;) {
		if (in_set(&set, from->messages[i].uid) && seen_by(c, from->messages[i].uid))
			model_remove(from, i);
	}
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(pairs[i].from, taken[i].uid);
		assert_int_equal(pairs[i].to, to->uid_next);
		model_arrive(to, taken[i].flags);
	}
}

static void random_step(struct model *m)
{
	struct client *c = &m->clients[pick(m, VIEWS)];

	switch (pick(m, 10)) {
	case 0:
	case 1: step_append(m, pick(m, BOXES)); break;
	case 2: step_deliver(m); break;
	case 3:
	case 4: step_store(m, c); break;
	case 5: step_expunge(m, c); break;
	case 6: step_copy(m, c, pick(m, 2)); break;
	case 7:
	case 8:
		client_sync(m, c, false);
		client_learn(c);
		break;
	case 9:
		client_sync(m, c, true);
		client_learn(c);
		break;
	}
}

static void open_clients(struct model *m)
{
	for (size_t i = 0; i < VIEWS; i++) {
		struct client *c = &m->clients[i];

		c->box = i % BOXES;
		c->count = 0;
		assert_int_equal(view_open(m->f->m, m->boxes[c->box].id, 0, &c->v), ERR_OK);
		client_learn(c);
	}
}

static void compare_all(struct model *m, const char *const *names)
{
	for (size_t i = 0; i < VIEWS; i++)
		compare_client(m, &m->clients[i]);
	for (size_t i = 0; i < BOXES; i++)
		compare_counters(m, &m->boxes[i], names[i]);
	fixture_check(m->f);
	arena_reset(&m->f->arena);
}

static void random_work_agrees_with_the_model(void **state)
{
	static const char *const names[BOXES] = { "INBOX", "Archive", "Trash" };
	struct model *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	m->f = *state;
	m->seed = 20260101;
	for (size_t i = 0; i < BOXES; i++) {
		m->boxes[i].id = fixture_mailbox(m->f, names[i]);
		m->boxes[i].uid_next = 1;
	}
	open_clients(m);
	for (unsigned step = 1; step <= STEPS; step++) {
		random_step(m);
		if (step % 50 == 0)
			compare_all(m, names);
		if (step % 500 == 0) {
			for (size_t i = 0; i < VIEWS; i++)
				view_close(&m->clients[i].v);
			fixture_restart(m->f);
			open_clients(m);
		}
	}
	for (size_t i = 0; i < VIEWS; i++)
		view_close(&m->clients[i].v);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(random_work_agrees_with_the_model, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests_name("store/model", tests, NULL, NULL);
}
