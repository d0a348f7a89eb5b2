/* queue/steer.c: what operators do to messages.
 *
 * (1) The entry is held while it is steered: its words are in memory and nobody frees it.
 * (2) A part is taken out of the schedule (claimed) while its recipients are finished or get another route: no attempt begins meanwhile.
 * (3) What a restart must not forget is written when the call returns: holds and ends with the next flush, which is waited for; routes and times in a
 *     transaction of their own, before memory says so.
 */
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/wait.h"
#include "daemon/directory/directory.h"
#include "daemon/directory/setting.h"
#include "daemon/queue/detail.h"
#include "daemon/queue/entry.h"
#include "daemon/queue/filter.h"
#include "daemon/queue/flush.h"
#include "daemon/queue/hop.h"
#include "daemon/queue/lane.h"
#include "daemon/queue/lifetime.h"
#include "daemon/queue/list.h"
#include "daemon/queue/outcome.h"
#include "daemon/queue/route.h"
#include "daemon/queue/tell.h"
#include "db/queue_message.h"

#define WRITTEN_MS 10000         /* until a flush that does not come is given up */
#define HOP_ARENA_MAX (1u << 20) /* names of next hops, of one part */

struct steering {
	struct queue *q;
	struct queue_id id;
	const struct queue_order *order;
	struct entry *e; /* held */
	bool *chosen;    /* of its recipients */
	size_t count;    /* how many are */
	bool is_active;  /* one that is meant is in the middle of an attempt */
};

/* ---- choosing ---- */

static bool is_for(const struct steering *s, const struct part *p, const struct rcpt *r)
{
	switch (s->order->action) {
	case QUEUE_RETRY: return !r->hold && p->state != PART_ACTIVE && !lifetime_begin_ms(s->e);
	case QUEUE_HOLD: return !r->hold;
	case QUEUE_RELEASE: return r->hold != HOLD_NONE;
	case QUEUE_ROUTE: return r->kind == RCPT_REMOTE && p->state != PART_ACTIVE;
	case QUEUE_BOUNCE:
	case QUEUE_DELETE:
	case QUEUE_EXPIRE: break;
	}
	return true;
}

/* With queue.lock held. */
static void choose(struct steering *s)
{
	struct queue_entry message;

	list_message(s->e, &message);
	if (!filter_fits_message(s->order->filter, &message))
		return;
	for (const struct part *p = s->e->parts; p; p = p->sibling) {
		for (uint32_t n = p->first; p->state != PART_DONE && n < p->first + p->count; n++) {
			struct queue_recipient seen;

			list_recipient(s->e, p, n, &seen);
			if (!filter_fits_recipient(s->order->filter, &message, &seen) || !is_for(s, p, &s->e->detail->rcpts[n]))
				continue;
			s->chosen[n] = true;
			s->count++;
			s->is_active |= p->state == PART_ACTIVE;
		}
	}
}

/* One that is still open. */
static bool has_chosen(const struct steering *s, const struct part *p)
{
	for (uint32_t n = p->first; n < p->first + p->count; n++)
		if (s->chosen[n] && s->e->detail->rcpts[n].state == RECIPIENT_WAITING)
			return true;
	return false;
}

/* ---- in memory, with queue.lock held ---- */

static void retry(struct steering *s)
{
	for (struct part *p = s->e->parts; p; p = p->sibling) {
		if (p->state == PART_DONE || p->state == PART_ACTIVE || !has_chosen(s, p))
			continue;
		/* Those that were not meant take no part in this round. */
		for (uint32_t n = p->first; n < p->first + p->count; n++)
			s->e->detail->rcpts[n].tried = !s->chosen[n];
		part_force(s->q, p);
	}
}

static void set_hold(struct steering *s, struct part *p, uint32_t n, enum queue_hold hold)
{
	struct rcpt *r = &s->e->detail->rcpts[n];

	if (!s->chosen[n] || r->state != RECIPIENT_WAITING)
		return;
	part_change(s->q, p, r, RECIPIENT_WAITING, hold);
	if (hold)
		tell_held(s->q, s->e, n, hold);
	else
		tell_released(s->q, s->e, n);
}

static void set_holds(struct steering *s, enum queue_hold hold)
{
	for (struct part *p = s->e->parts; p; p = p->sibling) {
		if (p->state == PART_DONE || !has_chosen(s, p))
			continue;
		for (uint32_t n = p->first; n < p->first + p->count; n++)
			set_hold(s, p, n, hold);
		if (hold == HOLD_NONE)
			p->due_ms = lifetime_begin_ms(s->e);
		if (p->state != PART_ACTIVE)
			part_place(s->q, p);
	}
	flush_mark(s->q, s->e, true);
}

/* ---- what is written first ---- */

static enum err release(struct steering *s)
{
	enum err err = lifetime_after_hold(s->q, s->e);

	if (err)
		return err;
	pthread_mutex_lock(&s->q->lock);
	set_holds(s, HOLD_NONE);
	pthread_mutex_unlock(&s->q->lock);
	return ERR_OK;
}

static enum err run_route(struct db *db, void *arg)
{
	const struct steering *s = arg;
	enum err e = ERR_OK;

	for (uint32_t n = 0; !e && n < s->e->rcpt_count; n++)
		if (s->chosen[n])
			e = db_queue_recipient_route(db, s->id.bytes, n, s->order->route);
	return e;
}

/* Null: no memory; it goes where its route says all the same, from the lane where it stands. */
static struct lane *lane_for(struct steering *s, const struct rcpt *r, const struct snapshot *snapshot, struct arena *a)
{
	struct span hop = r->route;

	if (!hop.len)
		hop = route_hop(snapshot, route_domain(r->address), route_domain(s->e->detail->reverse_path), a);
	return a->failed ? NULL : lane_hold(s->q, false, 0, hop, s->e->priority != 0);
}

static void set_route(struct rcpt *r, struct span route)
{
	char *copy = malloc(route.len + 1);

	if (!copy)
		return;
	if (route.len)
		memcpy(copy, route.ptr, route.len);
	free(r->own_route);
	r->own_route = copy;
	r->route = span_make(copy, route.len);
}

/* Cuts a claimed part where the lanes of its recipients differ. */
static void move_recipients(struct steering *s, struct part *p, const struct snapshot *snapshot, struct arena *a)
{
	const struct rcpt *rcpts = s->e->detail->rcpts;

	while (p) {
		struct lane *lane = lane_for(s, &rcpts[p->first], snapshot, a);
		uint32_t at = p->first + 1;
		struct part *rest = NULL;

		if (!lane)
			return;
		for (bool same = true; same && at < p->first + p->count;) {
			struct lane *its = lane_for(s, &rcpts[at], snapshot, a);

			same = its == lane;
			if (its)
				lane_let_go(s->q, its);
			at += same;
		}
		if (at < p->first + p->count)
			rest = part_split(s->q, p, at);
		part_move(s->q, p, lane);
		p = rest;
	}
}

/* Takes the parts of the chosen ones out of the schedule, so that no attempt begins; those that are in the middle of one by now are left alone. With
 * queue.lock held. Null: no memory. */
static struct part **claim_chosen(struct steering *s, size_t *count_out)
{
	struct part **claimed;
	size_t room = 0;

	*count_out = 0;
	for (const struct part *p = s->e->parts; p; p = p->sibling)
		room++;
	claimed = calloc(room + 1, sizeof(struct part *));
	for (struct part *p = claimed ? s->e->parts : NULL; p; p = p->sibling) {
		if (p->state == PART_DONE || p->state == PART_ACTIVE || !has_chosen(s, p))
			continue;
		part_claim(s->q, p);
		claimed[(*count_out)++] = p;
	}
	return claimed;
}

static void apply_route(struct steering *s, struct part *p, const struct snapshot *snapshot, struct arena *a)
{
	const struct part *next = p->sibling;

	for (uint32_t n = p->first; n < p->first + p->count; n++)
		if (s->chosen[n])
			set_route(&s->e->detail->rcpts[n], s->order->route);
	move_recipients(s, p, snapshot, a);
	for (struct part *piece = p; piece != next; piece = piece->sibling)
		part_wait(s->q, piece, has_chosen(s, piece) ? lifetime_begin_ms(s->e) : piece->due_ms);
}

static enum err reroute(struct steering *s)
{
	const struct snapshot *snapshot;
	struct part **claimed;
	struct arena a;
	size_t count;
	enum err err;

	pthread_mutex_lock(&s->q->lock);
	claimed = claim_chosen(s, &count);
	pthread_mutex_unlock(&s->q->lock);
	err = count ? db_group_run(s->q->group, run_route, s, 256 * s->count) : ERR_STATE;
	snapshot = directory_hold(s->q->config.directory);
	arena_init(&a, HOP_ARENA_MAX);
	pthread_mutex_lock(&s->q->lock);
	for (size_t i = 0; i < count; i++) {
		if (err)
			part_place(s->q, claimed[i]);
		else
			apply_route(s, claimed[i], snapshot, &a);
	}
	pthread_mutex_unlock(&s->q->lock);
	arena_clear(&a);
	snapshot_release(&snapshot);
	free(claimed);
	return err;
}

/* ---- ends ---- */

static bool end_part(struct steering *s, struct part *p)
{
	struct outcome *outcomes = calloc(p->count, sizeof(*outcomes));
	struct span words = s->order->words.len ? s->order->words : SPAN("returned by the administrator");
	bool ended;

	if (!outcomes) {
		pthread_mutex_lock(&s->q->lock);
		part_place(s->q, p);
		pthread_mutex_unlock(&s->q->lock);
		return false;
	}
	for (uint32_t i = 0; i < p->count; i++)
		if (s->chosen[p->first + i])
			outcome_set_words(&outcomes[i], s->order->action == QUEUE_BOUNCE ? OUTCOME_FAILED : OUTCOME_REMOVED, "5.7.0", words);
	ended = outcome_chore(s->q, p, outcomes);
	free(outcomes);
	return ended;
}

static bool is_any_left(struct steering *s)
{
	bool left = false;

	pthread_mutex_lock(&s->q->lock);
	for (const struct part *p = s->e->parts; p; p = p->sibling)
		left |= p->state != PART_DONE && has_chosen(s, p);
	pthread_mutex_unlock(&s->q->lock);
	return left;
}

/* One notice tells of so many recipients only: what is left comes with the next. */
static enum err end_chosen(struct steering *s)
{
	bool begun = false, ended = true;
	size_t count = 1;

	while (ended && count) {
		struct part **claimed;

		pthread_mutex_lock(&s->q->lock);
		claimed = claim_chosen(s, &count);
		pthread_mutex_unlock(&s->q->lock);
		if (!claimed)
			return ERR_TEMP;
		for (size_t i = 0; i < count; i++)
			ended &= end_part(s, claimed[i]);
		free(claimed);
		begun |= count > 0;
	}
	if (!ended)
		return ERR_TEMP;
	/* What was free a moment ago may be on its way now. */
	return begun && !is_any_left(s) ? ERR_OK : ERR_STATE;
}

/* ---- one order ---- */

/* One that has ended is, when it is gone. */
static bool is_written(const struct entry *e)
{
	return !e || (e->open && !e->dirty && !e->writing);
}

/* Until what is known of the entry is written, or it is gone. */
static enum err wait_until_written(struct queue *q, const struct queue_id *id)
{
	int64_t until_ms = clock_mono_ms() + WRITTEN_MS;
	bool written;

	flush_along(q);
	pthread_mutex_lock(&q->lock);
	while (!(written = is_written(entry_find(q, id)))) {
		struct flush *f = flush_take(q, true);

		if (f) {
			pthread_mutex_unlock(&q->lock);
			flush_submit(f);
			pthread_mutex_lock(&q->lock);
			continue;
		}
		if (q->flush_failures || !wait_for(&q->settled, &q->lock, until_ms - clock_mono_ms()))
			break;
	}
	pthread_mutex_unlock(&q->lock);
	return written ? ERR_OK : ERR_TEMP;
}

static enum err perform(struct steering *s)
{
	switch (s->order->action) {
	case QUEUE_RETRY:
	case QUEUE_HOLD:
		pthread_mutex_lock(&s->q->lock);
		if (s->order->action == QUEUE_RETRY)
			retry(s);
		else
			set_holds(s, HOLD_OPERATOR);
		pthread_mutex_unlock(&s->q->lock);
		return ERR_OK;
	case QUEUE_RELEASE: return release(s);
	case QUEUE_ROUTE: return reroute(s);
	case QUEUE_EXPIRE: return lifetime_set(s->q, s->e, s->order->expires_ms);
	case QUEUE_BOUNCE:
	case QUEUE_DELETE: break;
	}
	return end_chosen(s);
}

enum err queue_order_check(const struct queue_order *order, struct note *why)
{
	struct relay_host host;

	if (order->action == QUEUE_ROUTE && order->route.len && hop_parse(order->route, &host)) {
		note_set(why, "a route is host:port, in lower case");
		return ERR_SYNTAX;
	}
	if (order->action == QUEUE_EXPIRE && (order->expires_ms <= 0 || order->expires_ms > clock_real_ms() + setting_rules[SETTING_QUEUE_DAYS].max * DAY_MS)) {
		note_set(why, "the time is too far ahead");
		return ERR_SYNTAX;
	}
	return ERR_OK;
}

static enum err steer(struct steering *s, struct note *why)
{
	bool ends = s->order->action == QUEUE_BOUNCE || s->order->action == QUEUE_DELETE;
	enum err err = detail_need(s->q, s->e);

	if (err)
		return err;
	pthread_mutex_lock(&s->q->lock);
	choose(s);
	pthread_mutex_unlock(&s->q->lock);
	if (ends && s->is_active) {
		note_set(why, "it is being delivered at this moment");
		return ERR_STATE;
	}
	return s->count ? perform(s) : ERR_STATE;
}

static const char *verb(enum queue_action action)
{
	switch (action) {
	case QUEUE_RETRY: return "retry";
	case QUEUE_HOLD: return "hold";
	case QUEUE_RELEASE: return "release";
	case QUEUE_BOUNCE: return "bounce";
	case QUEUE_DELETE: break;
	case QUEUE_ROUTE: return "route";
	case QUEUE_EXPIRE: return "expire";
	}
	return "remove";
}

enum err queue_steer(struct queue *q, const struct queue_id *id, const struct queue_order *order, size_t *changed_out, struct note *why)
{
	struct steering s = { .q = q, .id = *id, .order = order };
	char text[QUEUE_ID_TEXT];
	enum err err = queue_order_check(order, why);

	if (changed_out)
		*changed_out = 0;
	if (err)
		return err;
	pthread_mutex_lock(&q->lock);
	s.e = entry_find(q, id);
	if (s.e && s.e->open)
		detail_hold(s.e);
	else
		s.e = NULL;
	pthread_mutex_unlock(&q->lock);
	if (!s.e)
		return ERR_NOT_FOUND;
	s.chosen = calloc(s.e->rcpt_count, sizeof(*s.chosen));
	err = s.chosen ? steer(&s, why) : ERR_TEMP;
	pthread_mutex_lock(&q->lock);
	detail_let_go(q, s.e);
	pthread_mutex_unlock(&q->lock);
	free(s.chosen);
	if (!err)
		err = wait_until_written(q, id);
	if (err)
		return err;
	if (changed_out)
		*changed_out = s.count;
	queue_id_text(id, text);
	log_event(LOG_INFO, "queue", "steered", "qid=%s action=%s recipients=%zu", text, verb(order->action), s.count);
	return ERR_OK;
}
