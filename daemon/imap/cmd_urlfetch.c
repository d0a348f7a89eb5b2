/* imap/cmd_urlfetch.c: URLFETCH (RFC 4467 7) and its parameters (RFC 5524).
 *
 *   FIND ──▶ MEASURE, for a structure of what will be decoded ──▶ SEND ──▶ STREAM ──▶ FIND the next
 *     └────────────────────── NIL: nothing, and no word why ───────────────────────────▲
 *
 * (1) The mailbox that a URL leads to is open while a message's row is looked at and not longer: a slow reader holds nobody's account.
 * (2) Leave is asked for again before anything is sent.
 */
#include "daemon/base/clock.h"
#include "daemon/imap/commands.h"
#include "daemon/imap/fetch.h"
#include "daemon/imap/part_structure.h"
#include "daemon/imap/reply.h"
#include "daemon/imap/reply_url.h"
#include "daemon/imap/url_place.h"

#define STRUCTURE_MAX (1024u * 1024u) /* of one part */

struct url_work {
	size_t at;
	enum { URL_FIND,
	       URL_MEASURE,
	       URL_SEND,
	       URL_STREAM } phase;
	struct imap_url url;
	struct fetch_item item;
	struct fetch_row row;
	bool is_decoded; /* measured: `decoded_size` octets in this encoding */
	uint64_t decoded_size;
	struct span decoded_encoding;
};

struct url_turn {
	struct imap_session *s;
	struct url_work *work;
	struct out *out;
	bool sent;
};

static const struct url_request *request(const struct imap_session *s, const struct url_work *w)
{
	return &s->run.args.urls.list[w->at];
}

static enum err with_message(struct imap_session *s, struct url_work *w, unsigned want, bool (*each)(void *arg, const struct message_row *row), void *arg)
{
	struct url_place place;
	enum err e = url_place_open(s, &w->url, &place);

	if (!e)
		e = url_place_read(s, &place, w->url.uid, want | WANT_PARTS | WANT_HEAD | WANT_BODY, each, arg);
	url_place_close(s, &place);
	return e;
}

static enum err find(struct imap_session *s, struct url_work *w)
{
	const struct url_request *r = request(s, w);
	enum err e = imap_url_parse(r->url, &s->run.arena, &w->url);

	if (!e && !w->url.token.len)
		e = ERR_NOT_FOUND;
	if (!e)
		e = url_place_item(&w->url, &s->run.arena, &w->item);
	if (e)
		return e;
	if (r->what & URL_BINARY) {
		w->item.kind = FETCH_BINARY;
		w->item.label = SPAN("BINARY");
	} else if (r->what) {
		w->item.label = SPAN("BODY");
	}
	w->is_decoded = false;
	w->row = (struct fetch_row){ .begun = false };
	w->phase = (r->what & URL_BINARY) && (r->what & URL_STRUCTURE) ? URL_MEASURE : URL_SEND;
	return ERR_OK;
}

/* ---- how large it is without its encoding ---- */

static struct fetch_item size_item(const struct url_work *w)
{
	struct fetch_item item = w->item;

	item.kind = FETCH_BINARY_SIZE;
	item.partial = false;
	return item;
}

static bool begin_measure(void *arg, const struct message_row *row)
{
	struct url_turn *t = arg;
	struct fetch_source src = { .s = t->s, .row = row, .at = &t->work->row };
	struct fetch_item *item = arena_alloc(&t->s->run.arena, sizeof *item);

	if (!item)
		return false;
	*item = size_item(t->work);
	(void)fetch_section(&src, item, t->out);
	fetch_source_end(&src);
	return false;
}

static void measured(struct url_work *w)
{
	const struct fetch_stream *st = &w->row.stream;

	w->is_decoded = st->decoder.kind != TRANSFER_AS_IS;
	w->decoded_size = st->size;
	w->decoded_encoding = st->has_nul ? SPAN("binary") : st->has_8bit ? SPAN("8bit")
									  : SPAN("7bit");
	w->row = (struct fetch_row){ .begun = false };
	w->phase = URL_SEND;
}

/* The number goes nowhere: what was read on the way to it is what counts. */
static enum err measure(struct imap_session *s, struct url_work *w)
{
	struct url_turn t = { .s = s, .work = w };
	struct out number;
	enum err e = ERR_OK;

	out_init(&number);
	t.out = &number;
	if (w->row.stream.phase == STREAM_NONE)
		e = with_message(s, w, 0, begin_measure, &t);
	else if (fetch_stream_run(s, &w->row.stream, &number))
		arena_reset(&s->run.batch);
	out_clear(&number);
	if (!e && w->row.stream.phase == STREAM_NONE)
		measured(w);
	return e;
}

/* ---- sending ---- */

/* Without numbers: the message itself. */
static bool find_part(struct fetch_source *src, const struct fetch_item *item, uint32_t *index_out)
{
	*index_out = 0;
	return fetch_read_parts(src, &src->s->run.batch) && (!item->number_count || mime_part_find(&src->parts, item->numbers, item->number_count, index_out));
}

/* False: it is no part that has a structure. */
static bool structure_of(struct fetch_source *src, const struct url_work *w, struct span *out)
{
	struct buf changed;
	uint32_t index;
	bool ok;

	if (w->item.text != SECTION_ALL || !find_part(src, &w->item, &index) || !part_structure_find(&src->parts, index, src->row->body_structure, out))
		return false;
	if (!w->is_decoded)
		return true;
	buf_init(&changed, STRUCTURE_MAX);
	ok = part_structure_decoded(*out, w->decoded_encoding, w->decoded_size, &changed);
	if (ok)
		*out = arena_copy(&src->s->run.batch, buf_span(&changed));
	buf_clear(&changed);
	return ok && out->ptr;
}

static bool has_part(struct fetch_source *src, const struct fetch_item *item)
{
	uint32_t index;

	return !item->number_count || find_part(src, item, &index);
}

static bool begin_send(void *arg, const struct message_row *row)
{
	struct url_turn *t = arg;
	struct url_work *w = t->work;
	const unsigned what = request(t->s, w)->what;
	struct fetch_source src = { .s = t->s, .row = row, .at = &w->row };
	struct span structure = SPAN("");
	bool done = true;

	t->sent = has_part(&src, &w->item) && (!(what & URL_STRUCTURE) || structure_of(&src, w, &structure));
	if (t->sent) {
		t->s->run.mid_line = true;
		reply_add(t->out, SPAN("* URLFETCH "));
		reply_url(t->out, request(t->s, w)->url);
		if (structure.len) {
			reply_add(t->out, SPAN(" (BODYPARTSTRUCTURE "));
			reply_add(t->out, structure);
			reply_add(t->out, SPAN(")"));
		}
		if (what & (URL_BODY | URL_BINARY))
			reply_add(t->out, SPAN(" ("));
		if (what != URL_STRUCTURE)
			done = fetch_section(&src, &w->item, t->out);
	}
	fetch_source_end(&src);
	w->phase = done ? URL_FIND : URL_STREAM;
	return false;
}

static void end_line(struct imap_session *s, struct url_work *w, struct out *out)
{
	reply_add(out, request(s, w)->what & (URL_BODY | URL_BINARY) ? SPAN(")\r\n") : SPAN("\r\n"));
	s->run.mid_line = false;
	w->phase = URL_FIND;
	w->at++;
}

static void nothing(struct imap_session *s, struct url_work *w, struct out *out)
{
	reply_add(out, SPAN("* URLFETCH "));
	reply_url(out, request(s, w)->url);
	reply_add(out, SPAN(" NIL\r\n"));
	w->phase = URL_FIND;
	w->at++;
}

static void send_url(struct imap_session *s, struct url_work *w, struct out *out)
{
	struct url_turn t = { s, w, out, false };

	if (with_message(s, w, WANT_STRUCTURE, begin_send, &t) || !t.sent)
		nothing(s, w, out);
	else if (w->phase == URL_FIND)
		end_line(s, w, out);
}

/* One step; STREAM waits for room. */
static void go_on(struct imap_session *s, struct url_work *w, struct out *out)
{
	switch (w->phase) {
	case URL_FIND:
		if (find(s, w))
			nothing(s, w, out);
		break;
	case URL_MEASURE:
		if (measure(s, w))
			nothing(s, w, out);
		break;
	case URL_SEND: send_url(s, w, out); break;
	case URL_STREAM:
		if (!fetch_stream_run(s, &w->row.stream, out))
			break;
		arena_reset(&s->run.batch);
		end_line(s, w, out);
		break;
	}
}

static enum step urlfetch_more(struct imap_session *s, struct out *out)
{
	const int64_t start_us = clock_mono_us();
	struct url_work *w = s->run.work;

	while (w->at < s->run.args.urls.count) {
		if (out_is_full(out) || clock_mono_us() - start_us > IMAP_TURN_US) {
			imap_in_progress(s, out, w->at, s->run.args.urls.count);
			return STEP_MORE;
		}
		go_on(s, w, out);
	}
	return imap_finish(s, out, IMAP_OK, SPAN("Done"));
}

enum step imap_run_urlfetch(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct url_work *w = arena_alloc(&s->run.arena, sizeof *w);

	(void)args;
	if (!w)
		return imap_finish_err(s, out, ERR_LIMIT, SPAN(""));
	*w = (struct url_work){ .phase = URL_FIND };
	s->run.work = w;
	s->run.more = urlfetch_more;
	return urlfetch_more(s, out);
}
