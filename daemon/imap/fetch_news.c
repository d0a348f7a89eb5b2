/* imap/fetch_news.c: see the header. */
#include "daemon/imap/fetch_news.h"

#include "daemon/base/clock.h"

struct turn {
	struct imap_session *s;
	struct fetch_news *f;
	struct out *out;
	int64_t start_us;
	bool paused; /* in the middle of a message */
};

bool fetch_news_begin(struct imap_session *s, struct fetch_news *f, const struct uid_set *set, const struct fetch_item *items, size_t count)
{
	struct fetch_item *all = arena_array(&s->run.arena, count + 2, sizeof *all);
	bool has_modseq = !(s->enabled & ENABLED_CONDSTORE), has_uid = s->enabled & ENABLED_UIDONLY;
	size_t n = 0;

	if (!all)
		return false;
	for (size_t i = 0; i < count; i++) {
		has_modseq = has_modseq || items[i].kind == FETCH_MODSEQ;
		has_uid = has_uid || items[i].kind == FETCH_UID;
	}
	if (!has_uid)
		all[n++] = (struct fetch_item){ .kind = FETCH_UID };
	memcpy(all + n, items, count * sizeof *items);
	n += count;
	if (!has_modseq)
		all[n++] = (struct fetch_item){ .kind = FETCH_MODSEQ };
	*f = (struct fetch_news){ .begun = true, .set = *set, .want = fetch_want(all, n), .row = { .items = all, .item_count = n } };
	for (size_t i = 0; i < n; i++)
		if (all[i].kind == FETCH_PREVIEW)
			f->want |= WANT_PARTS | WANT_BODY;
	return true;
}

static bool each_new(void *arg, const struct message_row *row)
{
	struct turn *turn = arg;
	struct fetch_news *f = turn->f;
	uint32_t sequence;

	if (f->row.begun && row->uid != f->row.uid)
		fetch_abandon(turn->s, &f->row, turn->out);
	if (!turn->s->service->view_sequence_of(turn->s->view, row->uid, &sequence))
		return true;
	turn->paused = true;
	f->row.uid = row->uid;
	if (!fetch_render(turn->s, &f->row, row, sequence, row->flags, false, turn->out))
		return false;
	turn->paused = false;
	return !out_is_full(turn->out) && clock_mono_us() - turn->start_us <= IMAP_TURN_US;
}

/* What was begun in the turn before. False: it goes on in the next. */
static bool go_on(struct imap_session *s, struct fetch_news *f, struct out *out)
{
	if (f->row.stream.phase == STREAM_NONE)
		return true;
	if (!fetch_stream_run(s, &f->row.stream, out))
		return false;
	arena_reset(&s->run.batch);
	f->row.item_at++;
	return !out_is_full(out);
}

bool fetch_news_more(struct imap_session *s, struct fetch_news *f, struct out *out)
{
	struct turn turn = { .s = s, .f = f, .out = out, .start_us = clock_mono_us() };
	uint32_t read = 0;
	bool end = false;
	enum err e;

	if (!go_on(s, f, out))
		return false;
	e = s->service->view_read(s->view, &f->set, f->after_uid, f->want, each_new, &turn, &read, &end);
	if (f->row.begun && !turn.paused)
		fetch_abandon(s, &f->row, out);
	f->after_uid = turn.paused ? f->row.uid - 1 : read;
	if (!e && (!end || turn.paused))
		return false;
	if (f->row.begun)
		fetch_abandon(s, &f->row, out);
	*f = (struct fetch_news){ .begun = false };
	return true;
}
