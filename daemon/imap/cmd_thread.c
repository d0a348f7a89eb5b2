/* imap/cmd_thread.c: THREAD and UID THREAD (RFC 5256):
 *
 *   search ──▶ read who refers to whom ──▶ put together (mime/thread.h) ──▶ tell
 */
#include "daemon/base/clock.h"
#include "daemon/base/rng.h"
#include "daemon/imap/commands.h"
#include "daemon/imap/esearch.h"
#include "daemon/imap/reply.h"
#include "daemon/imap/search_rows.h"
#include "daemon/imap/sort.h"
#include "daemon/imap/table.h"
#include "daemon/mime/header.h"
#include "daemon/mime/refs.h"
#include "daemon/mime/subject.h"

#define NUMBER_TEXT_MAX 14 /* a number with its blank and parentheses */
#define SLICE 16384

struct thread_work {
	struct search_rows rows;
	struct threading *threading; /* once all is found */
	bool with_head;              /* messages filed before references were kept are among them */
	struct span text;            /* the answer, what is not told yet */
};

struct reading {
	struct imap_session *s;
	struct thread_work *work;
	int64_t until_us;
	unsigned rows;
	struct buf subject, id, refs;
	enum err e;
};

static struct span raw_field(const struct message_row *row, const char *name)
{
	struct header_field field;

	return header_find(row->head, span_str(name), 0, &field) ? field.value : span_make(NULL, 0);
}

static struct span message_id(struct reading *r, const struct message_row *row)
{
	struct span rest = row->message_id;

	return refs_next(&rest, &r->id) ? buf_span(&r->id) : SPAN("");
}

static enum err add_row(struct reading *r, const struct message_row *row)
{
	struct imap_session *s = r->s;
	struct thread_message m = { .number = row->uid, .date = sort_sent_date(row), .refs = row->refs };
	struct base_subject base;

	if (!s->service->view_sequence_of(s->view, row->uid, &m.number))
		return ERR_OK;
	if (s->run.command->law & BY_UID)
		m.number = row->uid;
	if (!m.refs.ptr) {
		buf_reset(&r->refs);
		refs_write(raw_field(row, "References"), raw_field(row, "In-Reply-To"), &r->refs);
		m.refs = buf_span(&r->refs);
	}
	subject_base(row->subject, &r->subject, &base);
	m.base = base.text;
	m.is_reply = base.is_reply;
	m.message_id = message_id(r, row);
	return thread_add(r->work->threading, &m);
}

static bool each_row(void *arg, const struct message_row *row)
{
	struct reading *r = arg;

	if (!row->refs.ptr && !r->work->with_head) {
		r->work->with_head = true;
		return false;
	}
	r->e = add_row(r, row);
	r->work->rows.after_uid = row->uid;
	return !r->e && (++r->rows % 64 || clock_mono_us() < r->until_us);
}

static enum err read_rows(struct imap_session *s, struct thread_work *w, int64_t until_us)
{
	struct reading r = { .s = s, .work = w, .until_us = until_us };
	struct search_rows *rows = &w->rows;

	buf_init(&r.subject, STORE_HEAD_MAX);
	buf_init(&r.id, REFS_ID_MAX);
	buf_init(&r.refs, STORE_HEAD_MAX);
	while (!r.e && !rows->end && clock_mono_us() < until_us) {
		unsigned want = WANT_FLAGS | WANT_META | WANT_WORDS | (w->with_head ? WANT_HEAD : 0);
		uint32_t last_uid;

		r.e = s->service->view_read(s->view, &rows->set, rows->after_uid, want, each_row, &r, &last_uid, &rows->end);
	}
	buf_clear(&r.subject);
	buf_clear(&r.id);
	buf_clear(&r.refs);
	return r.e;
}

static enum step thread_tell(struct imap_session *s, struct out *out)
{
	struct thread_work *w = s->run.work;

	while (w->text.len) {
		if (out_is_full(out))
			return STEP_MORE;
		reply_add(out, span_take(w->text, SLICE));
		w->text = span_skip(w->text, SLICE);
	}
	reply_add(out, SPAN("\r\n"));
	s->run.mid_line = false;
	return imap_finish(s, out, IMAP_OK, SPAN("Done"));
}

static enum err write_threads(struct imap_session *s, struct thread_work *w)
{
	struct buf text;
	enum err e;

	buf_init(&text, (size_t)NUMBER_TEXT_MAX * search_found_of(w->rows.search)->count + 64);
	e = thread_finish(w->threading, &text);
	if (!e)
		w->text = arena_copy(&s->run.arena, buf_span(&text));
	buf_clear(&text);
	return !e && s->run.arena.failed ? ERR_LIMIT : e;
}

static enum step thread_found(struct imap_session *s, struct out *out)
{
	struct thread_work *w = s->run.work;
	enum err e = w->threading ? ERR_OK : thread_begin(s->run.args.search.algorithm, rng_u64(), &s->run.arena, &w->threading);

	if (!e)
		e = read_rows(s, w, clock_mono_us() + IMAP_TURN_US);
	if (!e && !w->rows.end) {
		imap_in_progress(s, out, 0, 0);
		return STEP_MORE;
	}
	if (!e)
		e = write_threads(s, w);
	if (e)
		return search_fail(s, out, e);
	reply_add(out, w->text.len ? SPAN("* THREAD ") : SPAN("* THREAD"));
	s->run.mid_line = true;
	s->run.more = thread_tell;
	return thread_tell(s, out);
}

enum step imap_run_thread(struct imap_session *s, const union imap_args *args, struct out *out)
{
	(void)args;
	return search_rows_begin(s, sizeof(struct thread_work), thread_found, out);
}
