/* store/state.c: mailbox states.
 *
 * (1) A change of flags is noted while its transaction runs, before its commit: whoever reads a snapshot that holds the change
 *     finds the note. A note of a transaction that rolled back names UIDs that did not change, which costs a look.
 * (2) Flags are changed only through views, so a state exists before the first note is due, and what changed before it existed
 *     has a modseq of at most open_modseq.
 * (3) A map only gets newer.
 * (4) How far everything is seen is lowered as (1) says, and raised only by who has read a snapshot that holds every lowering there was.
 * (5) A view holds its state before it reads the mailbox's row for the last time: a mailbox that is deleted after that marks this state.
 */
#include "daemon/store/state.h"

#include <stdlib.h>

static void free_state(struct mailbox_state *state)
{
	while (state->seen.next) {
		struct state_seen *seen = state->seen.next;

		state->seen.next = seen->next;
		free(seen);
	}
	uidmap_release(&state->map);
	free(state);
}

static struct mailbox_state **bucket(struct mailstore *m, uint64_t mailbox_id)
{
	return &m->states[mailbox_id % MAILSTORE_STATE_BUCKETS];
}

/* With the lock. One that is gone is that of its holders alone: the id may be that of a mailbox again (store/renew.h). */
static struct mailbox_state *find(struct mailstore *m, uint64_t mailbox_id)
{
	struct mailbox_state *state = *bucket(m, mailbox_id);

	while (state && (state->id != mailbox_id || atomic_load(&state->gone)))
		state = state->next;
	return state;
}

struct mailbox_state *state_get(struct mailstore *m, uint64_t mailbox_id, uint64_t recent_from)
{
	struct mailbox_state *state;

	pthread_mutex_lock(&m->lock);
	state = find(m, mailbox_id);
	if (!state)
		state = calloc(1, sizeof(*state));
	if (state && !state->id) {
		state->id = mailbox_id;
		state->recent_from = recent_from;
		state->changes_floor = m->open_modseq;
		state->next = *bucket(m, mailbox_id);
		*bucket(m, mailbox_id) = state;
	}
	if (state)
		state->holders++;
	pthread_mutex_unlock(&m->lock);
	return state;
}

/* With the lock. */
static void forget_if_gone(struct mailstore *m, struct mailbox_state *state)
{
	struct mailbox_state **at = bucket(m, state->id);

	if (state->holders || !atomic_load(&state->gone))
		return;
	while (*at != state)
		at = &(*at)->next;
	*at = state->next;
	free_state(state);
}

void state_release(struct mailstore *m, struct mailbox_state **state)
{
	if (!*state)
		return;
	pthread_mutex_lock(&m->lock);
	(*state)->holders--;
	forget_if_gone(m, *state);
	pthread_mutex_unlock(&m->lock);
	*state = NULL;
}

void state_free_all(struct mailstore *m)
{
	for (size_t i = 0; i < MAILSTORE_STATE_BUCKETS; i++) {
		while (m->states[i]) {
			struct mailbox_state *state = m->states[i];

			m->states[i] = state->next;
			free_state(state);
		}
	}
}

void state_announce(struct mailbox_state *state, uint64_t modseq)
{
	uint64_t known = atomic_load_explicit(&state->modseq, memory_order_relaxed);

	while (known < modseq && !atomic_compare_exchange_weak_explicit(&state->modseq, &known, modseq, memory_order_release, memory_order_relaxed))
		;
}

void state_announce_at(struct mailstore *m, uint64_t mailbox_id, uint64_t recent_from, uint64_t modseq)
{
	struct mailbox_state *state = state_get(m, mailbox_id, recent_from);

	if (state)
		state_announce(state, modseq);
	state_release(m, &state);
}

void state_gone(struct mailstore *m, uint64_t mailbox_id)
{
	struct mailbox_state *state;

	pthread_mutex_lock(&m->lock);
	state = find(m, mailbox_id);
	if (state) {
		atomic_store(&state->gone, true);
		uidmap_release(&state->map);
		forget_if_gone(m, state);
	}
	pthread_mutex_unlock(&m->lock);
}

void state_note_change(struct mailstore *m, struct mailbox_state *state, uint64_t modseq, uint64_t audience, uint32_t first, uint32_t last)
{
	struct state_change *slot;

	pthread_mutex_lock(&m->lock);
	slot = &state->changes[state->change_at];
	if (state->change_count == STATE_CHANGES) {
		if (slot->modseq > state->changes_floor)
			state->changes_floor = slot->modseq;
	} else {
		state->change_count++;
	}
	*slot = (struct state_change){ modseq, audience, first, last };
	state->change_at = (state->change_at + 1) % STATE_CHANGES;
	pthread_mutex_unlock(&m->lock);
}

/* With the lock. Who is not known has no view. */
static struct state_seen *seen_of(struct mailbox_state *state, uint64_t viewer)
{
	struct state_seen *seen = &state->seen;

	while (seen && seen->viewer != viewer)
		seen = seen->next;
	return seen;
}

bool state_add_viewer(struct mailstore *m, struct mailbox_state *state, uint64_t viewer)
{
	struct state_seen *seen;

	pthread_mutex_lock(&m->lock);
	seen = seen_of(state, viewer);
	if (!seen) {
		seen = calloc(1, sizeof(*seen));
		if (seen) {
			*seen = (struct state_seen){ .viewer = viewer, .next = state->seen.next };
			state->seen.next = seen;
		}
	}
	pthread_mutex_unlock(&m->lock);
	return seen;
}

void state_forget_viewer(struct mailstore *m, uint64_t mailbox_id, uint64_t viewer)
{
	struct mailbox_state *state;
	struct state_seen *seen;

	pthread_mutex_lock(&m->lock);
	state = find(m, mailbox_id);
	seen = state ? seen_of(state, viewer) : NULL;
	if (seen) {
		seen->below = 0;
		seen->unseen_modseq = UINT64_MAX;
	}
	pthread_mutex_unlock(&m->lock);
}

void state_note_unseen(struct mailstore *m, struct mailbox_state *state, uint64_t viewer, uint64_t modseq, uint32_t first)
{
	struct state_seen *seen;

	pthread_mutex_lock(&m->lock);
	seen = seen_of(state, viewer);
	if (seen) {
		if (first < seen->below)
			seen->below = first;
		if (modseq > seen->unseen_modseq)
			seen->unseen_modseq = modseq;
	}
	pthread_mutex_unlock(&m->lock);
}

uint32_t state_seen_below(struct mailstore *m, struct mailbox_state *state, uint64_t viewer)
{
	const struct state_seen *seen;
	uint32_t uid;

	pthread_mutex_lock(&m->lock);
	seen = seen_of(state, viewer);
	uid = seen ? seen->below : 0;
	pthread_mutex_unlock(&m->lock);
	return uid ? uid : 1;
}

void state_set_seen_below(struct mailstore *m, struct mailbox_state *state, uint64_t viewer, uint64_t modseq, uint32_t uid)
{
	struct state_seen *seen;

	pthread_mutex_lock(&m->lock);
	seen = seen_of(state, viewer);
	if (seen && modseq >= seen->unseen_modseq && uid > seen->below)
		seen->below = uid;
	pthread_mutex_unlock(&m->lock);
}

static bool is_own(uint64_t modseq, const uint64_t *own, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (own[i] == modseq)
			return true;
	}
	return false;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct uid_range *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

/* Ascending and not overlapping. */
static size_t merge(struct uid_range *ranges, size_t count)
{
	size_t kept = 0;

	qsort(ranges, count, sizeof(*ranges), compare_ranges);
	for (size_t i = 0; i < count; i++) {
		if (kept && ranges[i].first <= ranges[kept - 1].last) {
			if (ranges[i].last > ranges[kept - 1].last)
				ranges[kept - 1].last = ranges[i].last;
		} else {
			ranges[kept++] = ranges[i];
		}
	}
	return kept;
}

bool state_changes(struct mailstore *m, struct mailbox_state *state, uint64_t since, uint64_t audience, const uint64_t *own, size_t own_count,
		   struct uid_range *out, size_t *count_out)
{
	bool is_complete;
	size_t count = 0;

	pthread_mutex_lock(&m->lock);
	is_complete = since >= state->changes_floor;
	for (unsigned i = 0; is_complete && i < state->change_count; i++) {
		const struct state_change *c = &state->changes[i];

		if (c->modseq > since && (!c->audience || c->audience == audience) && !is_own(c->modseq, own, own_count))
			out[count++] = (struct uid_range){ c->first, c->last };
	}
	pthread_mutex_unlock(&m->lock);
	*count_out = merge(out, count);
	return is_complete;
}

struct uidmap *state_map(struct mailstore *m, struct mailbox_state *state, uint64_t *modseq_out, uint64_t *uid_next_out)
{
	struct uidmap *map;

	pthread_mutex_lock(&m->lock);
	map = state->map ? uidmap_hold(state->map) : NULL;
	*modseq_out = state->map_modseq;
	*uid_next_out = state->map_uid_next;
	pthread_mutex_unlock(&m->lock);
	return map;
}

void state_set_map(struct mailstore *m, struct mailbox_state *state, struct uidmap *map, uint64_t modseq, uint64_t uid_next)
{
	struct uidmap *old = NULL;

	pthread_mutex_lock(&m->lock);
	if (!state->map || state->map_modseq < modseq) {
		old = state->map;
		state->map = uidmap_hold(map);
		state->map_modseq = modseq;
		state->map_uid_next = uid_next;
	}
	pthread_mutex_unlock(&m->lock);
	uidmap_release(&old);
}

bool state_take_recent(struct mailstore *m, struct mailbox_state *state, uint64_t from, uint64_t uid_next, bool take, struct uid_range *out)
{
	bool is_any;

	pthread_mutex_lock(&m->lock);
	if (from < state->recent_from)
		from = state->recent_from;
	is_any = from < uid_next;
	if (is_any)
		*out = (struct uid_range){ (uint32_t)from, (uint32_t)(uid_next - 1) };
	if (is_any && take)
		state->recent_from = uid_next;
	pthread_mutex_unlock(&m->lock);
	return is_any;
}

bool state_recent_from(struct mailstore *m, uint64_t mailbox_id, uint64_t *from_out)
{
	const struct mailbox_state *state;

	pthread_mutex_lock(&m->lock);
	state = find(m, mailbox_id);
	if (state)
		*from_out = state->recent_from;
	pthread_mutex_unlock(&m->lock);
	return state;
}
