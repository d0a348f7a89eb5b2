/* imap/append_walk.c: what stands between the literals of APPEND and REPLACE (RFC 9051 6.3.12, RFC 3502, 4469, 6855, 8508).
 *
 * append         = "APPEND" SP mailbox 1*append-message
 * append-message = [SP flag-list] [SP date-time] SP append-data
 * append-data    = literal / literal8 / "CATENATE" SP "(" cat-part *(SP cat-part) ")" / "UTF8" SP "(" literal8 ")"
 * cat-part       = "TEXT" SP (literal / literal8) / "URL" SP astring / "UTF8" SP "(" literal8 ")"
 *
 *   OPTIONS ──literal──▶ MESSAGE_END ──SP──▶ OPTIONS           OPTIONS ──UTF8 (literal──▶ UTF8_END ──")"──▶ MESSAGE_END
 *   OPTIONS ──CATENATE (──▶ PART ──TEXT literal──▶ PART_END ──SP──▶ PART       PART_END ──")"──▶ MESSAGE_END
 *                           PART ──URL──▶ URL ──astring──▶ COPY ──▶ PART_END
 *
 * (1) Each piece is walked over once, however many literals the command has.
 * (2) Messages are streamed; s->line holds at most what is not walked over yet.
 */
#include "daemon/base/bug.h"
#include "daemon/base/clock.h"
#include "daemon/imap/append.h"
#include "daemon/imap/append_binary.h"
#include "daemon/imap/limits.h"
#include "daemon/imap/parse.h"
#include "daemon/imap/place.h"
#include "daemon/imap/sync.h"
#include "daemon/imap/url_place.h"

struct walk {
	struct imap_session *s;
	struct imap_append *ap;
	const struct imap_literal *literal;
	struct imap_parser p;
	int64_t start_us;
	enum append_step step;
	bool goes_on; /* else it stops with `step` */
};

void imap_append_refuse(struct imap_session *s, enum imap_status status, struct span text)
{
	s->run.status = status;
	s->run.text = text;
}

static void stop(struct walk *w, enum append_step step)
{
	w->step = step;
	w->goes_on = false;
}

static void fail(struct walk *w, enum imap_status status, struct span text)
{
	imap_append_refuse(w->s, status, text);
	stop(w, APPEND_FAILED);
}

static void bad(struct walk *w)
{
	fail(w, IMAP_BAD, SPAN("The arguments are not right"));
}

/* Is what follows the literal that is announced, and not yet there? */
static bool at_literal(const struct walk *w)
{
	return w->literal && parse_peek(&w->p, '{') && w->p.rest.len == w->literal->length;
}

/* RFC 9208: what is too much is refused before it is sent. */
static bool is_over(const struct imap_append *ap, uint64_t more)
{
	uint64_t bytes = ap->used.bytes + ap->bytes + (ap->now ? ap->now->size : 0), messages = ap->used.messages + ap->count;

	if (!ap->has_room)
		return false;
	if (ap->replaced) /* what is replaced is free: only the commit knows */
		return ap->room.bytes && more > ap->room.bytes;
	return (ap->room.bytes && (more > ap->room.bytes || bytes > ap->room.bytes - more)) || (ap->room.messages && messages >= ap->room.messages);
}

/* The literal is (a piece of) a message. */
static void take_data(struct walk *w, bool may_be_empty, enum append_place behind)
{
	uint64_t size = w->literal ? w->literal->size : 0;

	if (!at_literal(w)) {
		bad(w);
	} else if (size == 0 && !may_be_empty) {
		fail(w, IMAP_NO, SPAN("[CANNOT] The message is empty"));
	} else if (size > IMAP_MESSAGE_MAX - (w->ap->now->size < IMAP_MESSAGE_MAX ? w->ap->now->size : IMAP_MESSAGE_MAX)) {
		fail(w, IMAP_NO, SPAN("[TOOBIG] The message is too large"));
	} else if (is_over(w->ap, size)) {
		fail(w, IMAP_NO, SPAN("[OVERQUOTA] There is no room for the message"));
	} else if (w->ap->now->failed.ptr) {
		fail(w, IMAP_NO, w->ap->now->failed);
	} else {
		w->ap->place = behind;
		stop(w, APPEND_WANTS_MESSAGE);
	}
}

/* literal / literal8 */
static void take_text(struct walk *w, bool may_be_empty, enum append_place behind)
{
	w->ap->may_nul = imap_has(w->s, CAP_BINARY) && parse_char(&w->p, '~');
	w->ap->now->has_literal8 = w->ap->now->has_literal8 || w->ap->may_nul;
	take_data(w, may_be_empty, behind);
}

/* "UTF8" SP "(" literal8 ")", behind the word */
static void take_utf8(struct walk *w)
{
	if (!(w->s->enabled & ENABLED_UTF8) || !parse_char(&w->p, ' ') || !parse_char(&w->p, '(') || !parse_peek(&w->p, '~'))
		bad(w);
	else
		take_text(w, w->ap->in_catenate, APPEND_AT_UTF8_END);
}

static enum err parse_options(struct walk *w, struct imap_flags *flags, struct new_message *m)
{
	enum err e = parse_expect(&w->p, ' ');

	m->internal_ms = clock_real_ms();
	if (!e && parse_peek(&w->p, '(')) {
		e = parse_flag_list(&w->p, flags);
		if (!e)
			e = parse_expect(&w->p, ' ');
	}
	if (!e && parse_peek(&w->p, '"')) {
		e = parse_date_time(&w->p, &m->internal_ms, &m->internal_offset_minutes);
		if (!e)
			e = parse_expect(&w->p, ' ');
	}
	return e;
}

static void begin_message(struct walk *w, const struct new_message *options)
{
	if (append_message_new(&w->ap->now)) {
		fail(w, IMAP_NO, SPAN("[UNAVAILABLE] Temporary failure, try again later"));
		return;
	}
	w->ap->now->filed = *options;
	w->ap->in_catenate = false;
	if (imap_has(w->s, CAP_CATENATE) && parse_word(&w->p, SPAN("CATENATE"))) {
		w->ap->in_catenate = true;
		w->ap->place = APPEND_AT_PART;
		if (!parse_char(&w->p, ' ') || !parse_char(&w->p, '('))
			bad(w);
	} else if (parse_word(&w->p, SPAN("UTF8"))) {
		take_utf8(w);
	} else {
		take_text(w, false, APPEND_AT_MESSAGE_END);
	}
}

static void at_options(struct walk *w)
{
	struct imap_flags flags = { 0, NULL, 0 };
	struct new_message options = { .flags = 0 };
	enum err e = parse_options(w, &flags, &options);

	if (e == ERR_LIMIT) {
		fail(w, IMAP_BAD, SPAN("[LIMIT] Too many or too long arguments"));
		return;
	}
	if (e) {
		bad(w);
		return;
	}
	/* RFC 4314 4: flags without a right to set them are left out. */
	e = imap_flags_resolve(w->s, w->ap->store, &flags, w->ap->rights & RIGHT_WRITE, &options.flags);
	options.flags &= imap_rights_flags(w->ap->rights);
	options.viewer = w->s->account_id;
	if (e == ERR_LIMIT)
		fail(w, IMAP_NO, SPAN("[LIMIT] Too many keywords in this account"));
	else if (e)
		fail(w, IMAP_NO, SPAN("[UNAVAILABLE] Temporary failure, try again later"));
	else
		begin_message(w, &options);
}

static void at_part(struct walk *w)
{
	if (parse_word(&w->p, SPAN("TEXT")) && parse_char(&w->p, ' '))
		take_text(w, true, APPEND_AT_PART_END);
	else if (parse_word(&w->p, SPAN("URL")) && parse_char(&w->p, ' '))
		w->ap->place = APPEND_AT_URL;
	else if (parse_word(&w->p, SPAN("UTF8")))
		take_utf8(w);
	else
		bad(w);
}

static void at_url(struct walk *w)
{
	struct span url;
	enum err e;

	if (at_literal(w)) {
		stop(w, APPEND_WANTS_STRING);
		return;
	}
	w->p.arena = &w->s->run.arena; /* the batch's is for what the URL leads to */
	if (parse_astring(&w->p, &url)) {
		bad(w);
		return;
	}
	w->p.arena = &w->s->run.batch;
	e = catenate_begin(w->s, url, &w->ap->source);
	w->ap->place = APPEND_AT_COPY;
	if (e == ERR_TEMP)
		fail(w, IMAP_NO, SPAN("[UNAVAILABLE] Temporary failure, try again later"));
	else if (e)
		fail(w, IMAP_NO, url_place_bad(w->s, url, "Nothing here has this URL"));
}

static void at_copy(struct walk *w)
{
	struct append_message *m = w->ap->now;

	if (!m) {
		BUG("imap", "a part without a message");
		fail(w, IMAP_NO, SPAN("[UNAVAILABLE] Temporary failure, try again later"));
		return;
	}
	switch (catenate_copy(w->s, w->ap->source, m)) {
	case CATENATE_MORE: stop(w, APPEND_PAUSED); return;
	case CATENATE_FAILED: fail(w, IMAP_NO, SPAN("[UNAVAILABLE] Temporary failure, try again later")); return;
	case CATENATE_DONE: break;
	}
	catenate_end(&w->ap->source);
	w->ap->place = APPEND_AT_PART_END;
	if (m->failed.ptr)
		fail(w, IMAP_NO, m->failed);
	else if (is_over(w->ap, 0))
		fail(w, IMAP_NO, SPAN("[OVERQUOTA] There is no room for the message"));
	else if (clock_mono_us() - w->start_us > IMAP_TURN_US) /* a line has room for thousands of URLs, and each opens a mailbox */
		stop(w, APPEND_PAUSED);
}

static void at_part_end(struct walk *w)
{
	if (parse_char(&w->p, ' '))
		w->ap->place = APPEND_AT_PART;
	else if (parse_char(&w->p, ')'))
		w->ap->place = APPEND_AT_MESSAGE_END;
	else
		bad(w);
}

static void seal(struct walk *w)
{
	struct imap_append *ap = w->ap;
	struct append_message *m;

	append_message_seal(w->s, ap->now);
	if (ap->now->has_literal8)
		append_binary_convert(w->s, &ap->now);
	m = ap->now;
	if (m->failed.ptr) {
		fail(w, IMAP_NO, m->failed);
		return;
	}
	ap->now = NULL;
	if (ap->last)
		ap->last->next = m;
	else
		ap->first = m;
	ap->last = m;
	ap->count++;
	ap->held += m->held;
	ap->bytes += m->size;
	if (ap->held > IMAP_APPEND_MEMORY_MAX || ap->bytes > IMAP_APPEND_BYTES_MAX)
		fail(w, IMAP_NO, SPAN("[LIMIT] Too much in one command"));
}

static void at_message_end(struct walk *w)
{
	if (w->ap->now) {
		seal(w);
		return;
	}
	if (!w->p.rest.len && !w->literal)
		stop(w, APPEND_DONE);
	else if (!parse_peek(&w->p, ' ') || w->ap->replaced || !imap_has(w->s, CAP_MULTIAPPEND))
		fail(w, IMAP_BAD, SPAN("Nothing may follow the message"));
	else if (w->ap->count >= IMAP_APPEND_MESSAGES_MAX)
		fail(w, IMAP_NO, SPAN("[LIMIT] Too many messages in one command"));
	else
		w->ap->place = APPEND_AT_OPTIONS;
}

enum append_step imap_append_walk(struct imap_session *s, const struct imap_literal *literal)
{
	struct imap_append *ap = s->append;
	struct walk w = { .s = s, .ap = ap, .literal = literal, .start_us = clock_mono_us(), .goes_on = true };
	struct span text = span_skip(buf_span(&s->line), ap->at);

	w.p = (struct imap_parser){ .rest = span_take(text, text.len - 2), .arena = &s->run.batch, .off = s->off, .enabled = s->enabled };
	while (w.goes_on) {
		switch (ap->place) {
		case APPEND_AT_OPTIONS: at_options(&w); break;
		case APPEND_AT_PART: at_part(&w); break;
		case APPEND_AT_URL: at_url(&w); break;
		case APPEND_AT_COPY: at_copy(&w); break;
		case APPEND_AT_PART_END: at_part_end(&w); break;
		case APPEND_AT_UTF8_END:
			if (!parse_char(&w.p, ')'))
				bad(&w);
			ap->place = ap->in_catenate ? APPEND_AT_PART_END : APPEND_AT_MESSAGE_END;
			break;
		case APPEND_AT_MESSAGE_END: at_message_end(&w); break;
		}
	}
	arena_reset(&s->run.batch);
	ap->at = (size_t)(w.p.rest.ptr - s->line.ptr);
	return w.step;
}
