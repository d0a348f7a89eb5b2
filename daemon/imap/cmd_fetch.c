/* imap/cmd_fetch.c: FETCH (RFC 3501 6.4.5), a turn at a time: a batch of rows is read and rendered until the output is full or
 * the turn is over; the next turn goes on behind the last UID. No statement of the store stays open between turns.
 *
 * \Seen: BODY[...] without PEEK shows the message as seen, and the turn ends with one commit that makes it so.
 */
#include "daemon/base/clock.h"
#include "daemon/imap/commands.h"
#include "daemon/imap/fetch.h"
#include "daemon/imap/sync.h"
#include "daemon/imap/table.h"

#define SEEN_BATCH 1024

struct fetch_work {
	struct uid_set set;
	unsigned want;
	bool shows_flags, marks_seen;
	uint32_t after_uid;
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

static bool each(void *arg, const struct message_row *row)
{
	struct turn *t = arg;
	struct imap_session *s = t->s;
	struct fetch_work *w = t->work;
	bool marks = w->marks_seen && !(row->flags & FLAG_SEEN);
	uint32_t sequence;

	if (w->row.begun && row->uid != w->row.uid)
		fetch_abandon(s, &w->row, t->out);
	if (!s->service->view_sequence_of(s->view, row->uid, &sequence))
		return true;
	if (!fetch_render(s, &w->row, row, sequence, marks ? row->flags | FLAG_SEEN : row->flags, marks && !w->shows_flags, t->out)) {
		t->paused = true;
		return false;
	}
	if (marks)
		note_seen(w, row->uid);
	if (++t->rows % 16 == 0 && clock_mono_us() - t->start_us > IMAP_TURN_US)
		return false;
	return !out_is_full(t->out) && w->seen_count < SEEN_BATCH;
}

static void mark_seen(struct imap_session *s, struct fetch_work *w)
{
	struct uid_set set = { w->seen, w->seen_count };
	struct view_flags_changed *changed;
	size_t count;
	enum err e;

	if (!w->seen_count)
		return;
	e = s->service->view_store(s->view, &set, FLAGS_ADD, FLAG_SEEN, &s->run.batch, &changed, &count);
	if (e)
		w->failed = e;
	arena_reset(&s->run.batch);
	w->seen_count = 0;
}

static enum step fetch_more(struct imap_session *s, struct out *out)
{
	struct fetch_work *w = s->run.work;
	struct turn t = { .s = s, .work = w, .out = out, .start_us = clock_mono_us() };
	uint32_t last = w->after_uid;
	bool end = false;
	enum err e = s->service->view_read(s->view, &w->set, w->after_uid, w->want, each, &t, &last, &end);

	mark_seen(s, w);
	if (w->row.begun && !t.paused)
		fetch_abandon(s, &w->row, out);
	if (e)
		return imap_finish_err(s, out, e, SPAN(""));
	if (end && !t.paused)
		return imap_finish_err(s, out, w->failed, SPAN("Done"));
	w->after_uid = t.paused ? w->row.uid - 1 : last;
	return STEP_MORE;
}

static unsigned want_section(const struct fetch_item *item)
{
	bool header = item->text == SECTION_HEADER || item->text == SECTION_FIELDS || item->text == SECTION_FIELDS_NOT;

	if (item->number_count)
		return WANT_PARTS | WANT_BODY | (item->text == SECTION_MIME ? WANT_HEAD : 0);
	return header ? WANT_HEAD : item->text == SECTION_TEXT ? WANT_BODY
							       : WANT_HEAD | WANT_BODY;
}

static void plan(struct imap_session *s, struct fetch_work *w)
{
	const struct fetch_item *items = s->run.args.fetch.items;

	w->want = WANT_FLAGS;
	for (size_t i = 0; i < s->run.args.fetch.count; i++) {
		switch (items[i].kind) {
		case FETCH_FLAGS: w->shows_flags = true; break;
		case FETCH_UID: break;
		case FETCH_INTERNALDATE:
		case FETCH_SIZE: w->want |= WANT_META; break;
		case FETCH_ENVELOPE: w->want |= WANT_ENVELOPE; break;
		case FETCH_BODY_PLAIN:
		case FETCH_BODY_STRUCTURE: w->want |= WANT_STRUCTURE; break;
		case FETCH_BINARY:
		case FETCH_BINARY_SIZE:
		case FETCH_MODSEQ:
		case FETCH_PREVIEW:
		case FETCH_EMAILID:
		case FETCH_THREADID:
		case FETCH_SAVEDATE: break;
		case FETCH_SECTION:
			w->want |= want_section(&items[i]);
			w->marks_seen = w->marks_seen || (!items[i].peek && !s->read_only);
			break;
		}
	}
}

/* UID FETCH always shows the UID (RFC 3501 6.4.8). */
static void add_uid(union imap_args *args)
{
	for (size_t i = 0; i < args->fetch.count; i++)
		if (args->fetch.items[i].kind == FETCH_UID)
			return;
	memmove(args->fetch.items + 1, args->fetch.items, args->fetch.count * sizeof *args->fetch.items);
	args->fetch.items[0] = (struct fetch_item){ .kind = FETCH_UID };
	args->fetch.count++;
}

enum step imap_run_fetch(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct fetch_work *w = arena_alloc(&s->run.arena, sizeof *w);
	bool by_uid = s->run.command->law & BY_UID;
	enum err e = w ? imap_set_resolve(s, &args->fetch.set, by_uid, false, &s->run.arena, &w->set) : ERR_LIMIT;

	if (e == ERR_SYNTAX)
		return imap_finish(s, out, IMAP_BAD, SPAN("No such message"));
	if (e)
		return imap_finish_err(s, out, e, SPAN(""));
	if (!w->set.count)
		return imap_finish(s, out, IMAP_OK, SPAN("Done"));
	if (by_uid)
		add_uid(&s->run.args);
	plan(s, w);
	s->run.work = w;
	s->run.more = fetch_more;
	return fetch_more(s, out);
}
