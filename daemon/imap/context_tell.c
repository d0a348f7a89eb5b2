/* imap/context_tell.c: notices are lines of pairs, a position and what is put there or taken from there:
 *
 *   * ESEARCH (TAG "a") UID ADDTO (4 7,9:11 2 12)
 *
 * (1) A context of SEARCH is told with position 0, in the mailbox's order; one of SORT with the true positions.
 * (2) Of SORT what leaves is told from the end, so no pair moves what the next one names.
 * (3) Each line is whole: when there is more, the next call goes on behind it.
 */
#include "daemon/imap/context_tell.h"

#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/imap/context.h"
#include "daemon/imap/context_order.h"
#include "daemon/imap/reply.h"
#include "daemon/imap/reply_mailbox.h"
#include "daemon/imap/reply_sync.h"
#include "daemon/imap/sync.h"

#define LINE_RUNS 400
#define LINE_NUMBERS 20000

struct notice {
	struct imap_session *s;
	struct out *out;
	const struct imap_context *c;
	struct span word;
	bool is_open, has_run;
	size_t runs, numbers; /* of this line */
	uint32_t run_first, run_last;
};

/* UIDONLY may have come since the search was given. */
static bool is_by_uid(const struct imap_session *s, const struct imap_context *c)
{
	return c->by_uid || (s->enabled & ENABLED_UIDONLY);
}

static void end_run(struct notice *n)
{
	if (n->has_run)
		reply_add(n->out, SPAN(","));
	reply_number(n->out, n->run_first);
	if (n->run_last != n->run_first) {
		reply_add(n->out, SPAN(":"));
		reply_number(n->out, n->run_last);
	}
	n->has_run = true;
	n->runs++;
}

static void begin_line(struct notice *n)
{
	reply_add(n->out, SPAN("* ESEARCH (TAG \""));
	reply_add(n->out, span_str(n->c->tag));
	reply_add(n->out, SPAN("\""));
	if (n->c->mailbox.ptr) {
		reply_add(n->out, SPAN(" MAILBOX "));
		reply_mailbox_name(n->s, n->out, n->c->mailbox);
		reply_add(n->out, SPAN(" UIDVALIDITY "));
		reply_number(n->out, n->c->uid_validity);
	}
	reply_add(n->out, is_by_uid(n->s, n->c) ? SPAN(") UID ") : SPAN(") "));
	reply_add(n->out, n->word);
	n->runs = n->numbers = 0;
}

/* `follows`: it stands behind the last one, in one pair with it. */
static void notice_add(struct notice *n, size_t position, bool follows, uint32_t number)
{
	n->numbers++;
	if (n->is_open && follows && number == n->run_last + 1) {
		n->run_last = number;
		return;
	}
	if (n->is_open)
		end_run(n);
	else
		begin_line(n);
	if (!n->is_open || !follows) {
		reply_add(n->out, n->is_open ? SPAN(" ") : SPAN(" ("));
		reply_number(n->out, position);
		reply_add(n->out, SPAN(" "));
		n->has_run = false;
	}
	n->is_open = true;
	n->run_first = n->run_last = number;
}

static void notice_end(struct notice *n)
{
	if (!n->is_open)
		return;
	end_run(n);
	reply_add(n->out, SPAN(")\r\n"));
	n->is_open = false;
}

static bool is_line_full(const struct notice *n)
{
	return n->runs >= LINE_RUNS || n->numbers >= LINE_NUMBERS;
}

/* The number it had before it vanished. */
static bool old_number(const struct imap_session *s, uint32_t uid, uint32_t *out)
{
	const struct view_changes *changes = &s->run.changes;
	size_t low = 0, high = changes->vanished_count, at;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (changes->vanished[middle].last < uid)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == changes->vanished_count || changes->vanished[low].first > uid || !s->contexts->vanished_before)
		return false;
	at = s->contexts->vanished_before[low] + (uid - changes->vanished[low].first);
	if (at >= changes->expunged_count)
		return false;
	*out = changes->expunged[changes->expunged_count - 1 - at];
	return true;
}

static bool number_of(const struct imap_session *s, const struct imap_context *c, uint32_t uid, uint32_t *out)
{
	*out = uid;
	if (is_by_uid(s, c))
		return true;
	return s->contexts->stage == CONTEXT_LEAVE ? old_number(s, uid, out) : s->service->view_sequence_of(s->view, uid, out);
}

/* Of a context of SEARCH. */
static bool tell_set(struct notice *n, const struct uid_set *set, uint64_t *from, bool *failed)
{
	for (size_t i = 0; i < set->count; i++) {
		uint64_t first = set->ranges[i].first > *from ? set->ranges[i].first : *from;

		for (uint64_t uid = first; uid <= set->ranges[i].last; uid++) {
			uint32_t number;

			if (!number_of(n->s, n->c, (uint32_t)uid, &number)) {
				*failed = true;
				continue;
			}
			notice_add(n, 0, true, number);
			*from = uid + 1;
			if (is_line_full(n)) {
				notice_end(n);
				return false;
			}
		}
	}
	notice_end(n);
	return true;
}

/* Of a context of SORT, from c->out_behind to the front. */
static bool tell_leaving(struct notice *n, struct imap_context *c)
{
	while (c->out_behind > 0) {
		size_t first = c->out_behind;

		while (first > 0 && c->out_behind - first < LINE_RUNS && uid_set_has(&c->out.set, c->order[first - 1]))
			first--;
		for (size_t i = first; i < c->out_behind; i++) {
			uint32_t number;

			if (!number_of(n->s, c, c->order[i], &number))
				c->over = true;
			else
				notice_add(n, first + 1, i > first, number);
		}
		c->out_behind = first == c->out_behind ? first - 1 : first;
		if (is_line_full(n)) {
			notice_end(n);
			return false;
		}
	}
	notice_end(n);
	return true;
}

static void leave(struct imap_context *c)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->count; i++)
		if (!uid_set_has(&c->out.set, c->order[i]))
			c->order[kept++] = c->order[i];
	c->count = kept;
	uid_ranges_subtract(&c->members, &c->out.set);
	uid_ranges_clear(&c->out);
	c->is_leaving = false;
}

static bool insert(struct imap_context *c, size_t place, uint32_t uid)
{
	if (c->count == c->room) {
		size_t room = c->room + c->room / 4 + 16;
		uint32_t *order = realloc(c->order, room * sizeof *order);

		if (!order)
			return false;
		c->order = order;
		c->room = room;
	}
	memmove(c->order + place + 1, c->order + place, (c->count - place) * sizeof *c->order);
	c->order[place] = uid;
	c->count++;
	return true;
}

/* One arrival of SORT. A message that is there no more has no place: that it was never there is told by no one missing it. */
static bool place_one(struct notice *n, struct imap_context *c, uint32_t uid, size_t *last_place)
{
	size_t place;
	uint32_t number;
	enum err e = context_place(n->s, c, uid, &place);

	if (e == ERR_NOT_FOUND)
		return true;
	if (e || !number_of(n->s, c, uid, &number) || !insert(c, place, uid))
		return false;
	notice_add(n, place + 1, place == *last_place + 1, number);
	*last_place = place;
	return true;
}

static bool tell_arriving(struct notice *n, struct imap_context *c)
{
	const int64_t until_us = clock_mono_us() + IMAP_TURN_US;
	size_t last_place = SIZE_MAX - 1;

	for (size_t i = 0; i < c->in.set.count; i++) {
		uint64_t first = c->in.set.ranges[i].first > c->in_from ? c->in.set.ranges[i].first : c->in_from;

		for (uint64_t uid = first; uid <= c->in.set.ranges[i].last; uid++) {
			c->over = c->over || !place_one(n, c, (uint32_t)uid, &last_place);
			c->in_from = uid + 1;
			if (c->over || is_line_full(n) || clock_mono_us() >= until_us) {
				notice_end(n);
				return c->over;
			}
		}
	}
	notice_end(n);
	return true;
}

/* What left this context. False: there is more. */
static bool tell_out(struct imap_session *s, struct imap_context *c, struct out *out)
{
	struct notice n = { .s = s, .out = out, .c = c, .word = SPAN("REMOVEFROM") };
	bool done;

	if (!c->out.set.count)
		return true;
	if (!c->is_leaving) {
		c->is_leaving = true;
		c->out_behind = c->count;
		c->out_from = 0;
	}
	done = c->sort.count ? tell_leaving(&n, c) : tell_set(&n, &c->out.set, &c->out_from, &c->over);
	if (done)
		leave(c);
	return done;
}

static bool tell_in(struct imap_session *s, struct imap_context *c, struct out *out)
{
	struct notice n = { .s = s, .out = out, .c = c, .word = SPAN("ADDTO") };
	bool done;

	if (!c->in.set.count)
		return true;
	if (!c->is_arriving) {
		c->is_arriving = true;
		c->in_from = 0;
	}
	done = c->sort.count ? tell_arriving(&n, c) : tell_set(&n, &c->in.set, &c->in_from, &c->over);
	if (!done)
		return false;
	uid_ranges_unite(&c->members, &c->in.set);
	uid_ranges_clear(&c->in);
	c->is_arriving = false;
	return true;
}

bool context_tell_vanished(struct imap_session *s, struct out *out)
{
	struct imap_contexts *all = s->contexts;

	if (!all || all->stage != CONTEXT_LEAVE)
		return true;
	for (; all->at; all->at = all->at->next)
		if (out_is_full(out) || !tell_out(s, all->at, out))
			return false;
	all->stage = CONTEXT_LOOK;
	return true;
}

/* RFC 5465 7: before it is said that they have come to the context; not of messages that were there and have changed. */
static bool tell_fetched(struct imap_session *s, const struct imap_context *c, struct out *out)
{
	struct imap_contexts *all = s->contexts;
	struct uid_set set = { NULL, 0 };

	if (!c->item_count || !c->in.set.count)
		return true;
	if (!all->news.begun) {
		set.ranges = arena_array(&s->run.arena, c->in.set.count, sizeof *set.ranges);
		for (size_t i = 0; set.ranges && i < c->in.set.count; i++) {
			const struct uid_range *r = &c->in.set.ranges[i];

			if (r->last >= all->new_from)
				set.ranges[set.count++] = (struct uid_range){ r->first < all->new_from ? all->new_from : r->first, r->last };
		}
		if (!set.count || !fetch_news_begin(s, &all->news, &set, c->items, c->item_count))
			return true;
	}
	return fetch_news_more(s, &all->news, out);
}

/* What could not be kept is told and dropped. */
static void end_over(struct imap_session *s, struct out *out)
{
	struct imap_context *next;

	for (struct imap_context *c = s->contexts->first; c; c = next) {
		next = c->next;
		if (!c->over && !context_is_too_much(s))
			continue;
		reply_noupdate(out, c->tag);
		context_cancel(s, span_str(c->tag));
		if (!s->contexts)
			return;
	}
}

bool context_tell_changes(struct imap_session *s, struct out *out)
{
	struct imap_contexts *all = s->contexts;

	if (!all || all->stage == CONTEXT_REST)
		return true;
	if (all->stage == CONTEXT_LOOK && !context_look(s))
		return false;
	for (; all->stage == CONTEXT_FETCH && all->at; all->at = all->at->next)
		if (out_is_full(out) || !tell_fetched(s, all->at, out))
			return false;
	if (all->stage == CONTEXT_FETCH)
		all->at = all->first;
	all->stage = CONTEXT_TELL;
	for (; all->at; all->at = all->at->next)
		if (!all->at->over && (out_is_full(out) || !tell_out(s, all->at, out) || !tell_in(s, all->at, out)))
			return false;
	all->stage = CONTEXT_REST;
	end_over(s, out);
	return true;
}
