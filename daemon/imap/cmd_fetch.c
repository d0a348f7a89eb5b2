/* imap/cmd_fetch.c: FETCH (RFC 3501 6.4.5), a turn at a time: a batch of rows is read and rendered until the output is full or
 * the turn is over; the next turn goes on behind the last UID. No statement of the store stays open between turns.
 *
 * \Seen: BODY[...] without PEEK shows the message as seen, and the turn ends with one commit that makes it so. To a client that wants modseqs (RFC 7162)
 * it is told behind that commit, in a line of its own.
 *
 * Messages that others have expunged and that this client was not told of yet are still there by their numbers (RFC 2180 4.1): UID and FLAGS are answered,
 * with what they surely were.
 */
#include "daemon/base/clock.h"
#include "daemon/imap/commands.h"
#include "daemon/imap/context.h"
#include "daemon/imap/fetch.h"
#include "daemon/imap/reply.h"
#include "daemon/imap/reply_sync.h"
#include "daemon/imap/sync.h"
#include "daemon/imap/table.h"

#define SEEN_BATCH 1024

struct fetch_work {
	struct fetch_slice slice;
	uint32_t lowest_uid;     /* over the limit: the lowest that is worked on; else 0 */
	struct uid_set vanished; /* to be told first (RFC 7162 3.2.6) */
	size_t vanished_at;
	unsigned want;
	bool shows_flags, marks_seen, tells_modseq;
	bool only_numbers; /* nothing but UID and FLAGS is asked for */
	bool some_gone;
	bool wants_preview;
	uint32_t after_uid;
	size_t range_at; /* of the slice: the sequence number that is to be shown next */
	uint32_t next_sequence;
	struct fetch_row row;
	struct uid_range seen[SEEN_BATCH]; /* to be marked at the end of the turn */
	size_t seen_count;
	enum err failed;
};

struct turn {
	struct imap_session *s;
	struct fetch_work *work;
	struct out *out;
	int64_t start_us;
	unsigned rows;
	bool paused; /* in the middle of a message */
};

static void note_seen(struct fetch_work *w, uint32_t uid)
{
	if (w->seen_count && w->seen[w->seen_count - 1].last + 1 == uid)
		w->seen[w->seen_count - 1].last = uid;
	else
		w->seen[w->seen_count++] = (struct uid_range){ uid, uid };
}

/* ---- messages that are gone ---- */

static void show_gone(struct imap_session *s, uint32_t sequence, struct out *out)
{
	const uint32_t uid = s->service->view_uid_of(s->view, sequence);

	reply_fetch_begin(s, out, sequence, uid);
	for (size_t i = 0; i < s->run.args.fetch.count; i++) {
		if (i)
			reply_add(out, SPAN(" "));
		if (s->run.args.fetch.items[i].kind == FETCH_UID) {
			reply_add(out, SPAN("UID "));
			reply_number(out, uid);
		} else {
			reply_add(out, SPAN("FLAGS "));
			reply_flags(s, out, FLAG_DELETED, false);
		}
	}
	reply_add(out, SPAN(")\r\n"));
}

/* Those of the slice in front of `sequence`, which has come; 0: all that is left. False: the output is full. */
static bool pass_gone(struct imap_session *s, struct fetch_work *w, uint32_t sequence, struct out *out)
{
	const struct uid_set *all = &w->slice.sequences;

	while (w->range_at < all->count) {
		const struct uid_range *r = &all->ranges[w->range_at];

		if (w->next_sequence < r->first)
			w->next_sequence = r->first;
		if (w->next_sequence > r->last) {
			w->range_at++;
			continue;
		}
		if (sequence && w->next_sequence >= sequence)
			break;
		if (w->only_numbers) {
			if (out_is_full(out))
				return false;
			show_gone(s, w->next_sequence, out);
		}
		w->some_gone = true;
		w->next_sequence++;
	}
	return true;
}

/* ---- a turn ---- */

static void abandon(struct imap_session *s, struct fetch_work *w, struct out *out)
{
	uint32_t sequence;

	fetch_abandon(s, &w->row, out);
	if (s->service->view_sequence_of(s->view, w->row.uid, &sequence))
		w->next_sequence = sequence + 1;
}

/* What is in front of this row, and all that it takes, is there. */
static bool is_ready(struct turn *t, const struct message_row *row, uint32_t sequence)
{
	struct fetch_work *w = t->work;

	if (w->wants_preview && !row->preview.ptr && !(w->want & WANT_BODY)) {
		w->want |= WANT_PARTS | WANT_BODY; /* it has to be made: from here on the rows come with what that takes */
		return false;
	}
	return w->row.begun || t->s->run.args.fetch.has_since || pass_gone(t->s, w, sequence, t->out);
}

static bool each(void *arg, const struct message_row *row)
{
	struct turn *t = arg;
	struct imap_session *s = t->s;
	struct fetch_work *w = t->work;
	bool marks = w->marks_seen && !(row->flags & FLAG_SEEN);
	uint32_t sequence;

	if (w->row.begun && row->uid != w->row.uid)
		abandon(s, w, t->out);
	if (!s->service->view_sequence_of(s->view, row->uid, &sequence))
		return true;
	t->paused = true;
	w->row.uid = row->uid;
	if (!is_ready(t, row, sequence))
		return false;
	if (!fetch_render(s, &w->row, row, sequence, marks ? row->flags | FLAG_SEEN : row->flags, marks && !w->shows_flags && !w->tells_modseq, t->out))
		return false;
	t->paused = false;
	w->next_sequence = sequence + 1;
	if (marks)
		note_seen(w, row->uid);
	if ((++t->rows % 16 == 0 || (w->want & WANT_PARTS)) && clock_mono_us() - t->start_us > IMAP_TURN_US)
		return false;
	return !out_is_full(t->out) && w->seen_count < SEEN_BATCH;
}

static void mark_seen(struct imap_session *s, struct fetch_work *w, struct out *out)
{
	struct uid_set set = { w->seen, w->seen_count };
	struct view_flags_changed *changed;
	size_t count;
	enum err e;

	if (!w->seen_count || w->row.stream.phase != STREAM_NONE || w->row.begun)
		return;
	e = s->service->view_store(s->view, &set, FLAGS_ADD, FLAG_SEEN, &s->run.batch, &changed, &count);
	if (e)
		w->failed = e;
	else
		context_note(s, changed, count);
	for (size_t i = 0; !e && w->tells_modseq && i < count; i++)
		reply_fetch_flags(s, out, changed[i].sequence, changed[i].uid, changed[i].flags, changed[i].modseq, true);
	arena_reset(&s->run.batch);
	w->seen_count = 0;
}

static enum step finish(struct imap_session *s, struct fetch_work *w, struct out *out)
{
	if (w->failed)
		return imap_finish_err(s, out, w->failed, SPAN(""));
	if (w->row.unknown_encoding)
		return imap_finish(s, out, IMAP_NO, SPAN("[UNKNOWN-CTE] A part is encoded in a way that is not known here"));
	if (w->some_gone && !w->only_numbers)
		return imap_finish(s, out, IMAP_OK, SPAN("[EXPUNGEISSUED] Some of the messages no longer exist"));
	return imap_finish(s, out, IMAP_OK, w->lowest_uid ? imap_limit_text(s, out, w->lowest_uid, false) : SPAN("Done"));
}

/* What stands in front of the rows: VANISHED, a stream that paused. False: the turn is over. */
static bool go_on(struct imap_session *s, struct fetch_work *w, struct out *out)
{
	while (w->vanished_at < w->vanished.count) {
		if (out_is_full(out))
			return false;
		w->vanished_at += reply_vanished(out, w->vanished.ranges + w->vanished_at, w->vanished.count - w->vanished_at, true);
	}
	if (w->row.stream.phase == STREAM_NONE)
		return true;
	if (!fetch_stream_run(s, &w->row.stream, out))
		return false;
	arena_reset(&s->run.batch);
	w->row.item_at++;
	return !out_is_full(out);
}

static enum step fetch_more(struct imap_session *s, struct out *out)
{
	struct fetch_work *w = s->run.work;
	struct turn t = { .s = s, .work = w, .out = out, .start_us = clock_mono_us() };
	const union imap_args *args = &s->run.args;
	uint32_t last = w->after_uid;
	bool end = false;
	enum err e;

	if (!go_on(s, w, out))
		return STEP_MORE;
	if (args->fetch.has_since)
		e = s->service->view_read_since(s->view, &w->slice.uids, args->fetch.since, w->after_uid, w->want, each, &t, &last, &end);
	else
		e = s->service->view_read(s->view, &w->slice.uids, w->after_uid, w->want, each, &t, &last, &end);
	if (w->row.begun && !t.paused)
		abandon(s, w, out);
	mark_seen(s, w, out);
	if (e)
		return imap_finish_err(s, out, e, SPAN(""));
	if (end && !t.paused && (args->fetch.has_since || pass_gone(s, w, 0, out)))
		return finish(s, w, out);
	w->after_uid = t.paused ? w->row.uid - 1 : last;
	return STEP_MORE;
}

/* ---- the plan ---- */

static bool asks_for(const union imap_args *args, enum fetch_kind kind)
{
	for (size_t i = 0; i < args->fetch.count; i++)
		if (args->fetch.items[i].kind == kind)
			return true;
	return false;
}

static void plan(const struct imap_session *s, struct fetch_work *w)
{
	const union imap_args *args = &s->run.args;

	w->want = WANT_FLAGS;
	w->only_numbers = true;
	w->shows_flags = asks_for(args, FETCH_FLAGS);
	w->wants_preview = asks_for(args, FETCH_PREVIEW);
	w->want |= fetch_want(args->fetch.items, args->fetch.count);
	for (size_t i = 0; i < args->fetch.count; i++) {
		const struct fetch_item *item = &args->fetch.items[i];
		const bool content = item->kind == FETCH_SECTION || item->kind == FETCH_BINARY;

		w->only_numbers = w->only_numbers && (item->kind == FETCH_FLAGS || item->kind == FETCH_UID);
		w->marks_seen = w->marks_seen || (content && !item->peek && !s->read_only && (s->at.rights & RIGHT_SEEN));
	}
}

/* The parser leaves room for two. */
static void add_item(union imap_args *args, enum fetch_kind kind, bool in_front)
{
	struct fetch_item *at = args->fetch.items + (in_front ? 0 : args->fetch.count);

	if (asks_for(args, kind))
		return;
	if (in_front)
		memmove(at + 1, at, args->fetch.count * sizeof *at);
	*at = (struct fetch_item){ .kind = kind };
	args->fetch.count++;
}

static enum err find_vanished(struct imap_session *s, struct uid_set *out)
{
	struct uid_set known;
	enum err e = imap_set_known(&s->run.args.fetch.set, &s->run.arena, &known);

	return e ? e : s->service->view_vanished(s->view, s->run.args.fetch.since, &known, &s->run.arena, out);
}

static enum err resolve(struct imap_session *s, struct fetch_work *w, bool by_uid, struct out *out)
{
	const union imap_args *args = &s->run.args;
	struct uid_set set;
	enum err e = imap_set_resolve(s, &args->fetch.set, by_uid, false, &s->run.arena, &set);

	if (!e && args->fetch.vanished)
		e = find_vanished(s, &w->vanished);
	if (!e && (args->fetch.has_since || asks_for(args, FETCH_MODSEQ)))
		imap_condstore_on(s, out);
	/* A client that knows no MESSAGELIMIT would take what is not told for expunged. */
	if (!e && (s->enabled & ENABLED_UIDONLY) && !args->fetch.partial.given)
		(void)imap_set_limit(s, &set, &w->lowest_uid);
	/* PARTIAL first, then CHANGEDSINCE of those (RFC 9394 3.4). */
	return e ? e : fetch_slice(s, &set, &args->fetch.partial, &w->slice);
}

enum step imap_run_fetch(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct fetch_work *w = arena_alloc(&s->run.arena, sizeof *w);
	const bool by_uid = s->run.command->law & BY_UID;
	enum err e;

	/* RFC 7162 3.2.6, RFC 9394 3.4 */
	if (args->fetch.vanished && (!by_uid || !args->fetch.has_since || !(s->enabled & ENABLED_QRESYNC)))
		return imap_finish(s, out, IMAP_BAD, SPAN("VANISHED is for UID FETCH with CHANGEDSINCE and QRESYNC enabled"));
	if (args->fetch.partial.given && !by_uid)
		return imap_finish(s, out, IMAP_BAD, SPAN("PARTIAL is for UID FETCH"));
	e = w ? resolve(s, w, by_uid, out) : ERR_LIMIT;
	if (e == ERR_SYNTAX)
		return imap_finish(s, out, IMAP_BAD, SPAN("No such message"));
	if (e)
		return imap_finish_err(s, out, e, SPAN(""));
	if (args->fetch.has_since)
		add_item(&s->run.args, FETCH_MODSEQ, false);
	if (by_uid && !(s->enabled & ENABLED_UIDONLY)) /* RFC 3501 6.4.8; under UIDONLY the line begins with it */
		add_item(&s->run.args, FETCH_UID, true);
	plan(s, w);
	w->tells_modseq = s->enabled & ENABLED_CONDSTORE;
	s->run.work = w;
	s->run.more = fetch_more;
	return fetch_more(s, out);
}
