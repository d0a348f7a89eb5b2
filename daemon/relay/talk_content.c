/* relay/talk_content.c: see talk_content.h.
 *
 * (1) What ends a message can be read in one way only: by DATA goes nothing with a CR or LF alone (content.c); by BDAT such bytes go only when the
 *     server has taken BODY=BINARYMIME.
 * (2) Nothing counts as the answer to the end of the message that came before the end was sent.
 * (3) A chunk is only sent while all before it were taken, and the last one when they all have been: half a message is never whole to the server.
 *
 * Before its end is sent a lost connection leaves the message where it was, and another host may be tried. Behind it nobody knows: those
 * recipients are tried again later, which may show the message twice but never loses it (RFC 5321 4.5.3.2.6).
 */
#include "daemon/relay/talk_content.h"

#include <stdlib.h>

#include "daemon/relay/content.h"

struct pump {
	struct talk *t;
	struct stuffer stuffer;
	enum err wrote; /* of the connection */
	bool bare;      /* a CR or LF alone was met */
	bool begun;     /* some of the content is sent */
	bool early;     /* the server spoke in the middle of the content */
	bool refused;   /* a chunk was, as the answer says */
	/* BDAT */
	char *block;
	size_t len;
	unsigned unanswered, taken;
};

/* ---- what it can be sent as ---- */

static bool uses_chunks(const struct talk *t)
{
	return t->link.offers.chunking && !t->setup->unchunked;
}

static bool convert_for(struct talk *t, uint64_t *size_out, struct failure *f)
{
	const struct convert_source from = { t->job->read, t->job->arg };
	struct note why = { .text = "" };
	enum err e = convert_begin(&from, t->link.offers.eightbit, t->job->body_binary, &t->convert, &why);

	if (e == ERR_OK && t->convert)
		e = convert_size(t->convert, size_out);
	if (e == ERR_SYNTAX)
		failure_ours(f, RELAY_FAILED, "5.6.3", "%s takes no %s, and the message can't be converted: %s", t->setup->target->host,
			     t->link.offers.eightbit ? "binary mail (BINARYMIME)" : "8-bit mail (8BITMIME)", why.text);
	else if (e != ERR_OK)
		failure_ours(f, RELAY_RETRY, "4.3.0", "the message can't be converted now: %s", err_name(e));
	return e == ERR_OK;
}

bool talk_prepare_content(struct talk *t, uint64_t *size_out, struct failure *f)
{
	const struct offers *offers = &t->link.offers;

	*size_out = t->job->size;
	t->binary = t->job->body_binary && offers->binary && uses_chunks(t);
	t->eightbit = offers->eightbit && !t->binary && (t->job->body_8bit || t->job->body_binary);
	if (t->binary || (offers->eightbit && !t->job->body_binary))
		return true;
	return convert_for(t, size_out, f);
}

/* ---- pumping ---- */

static enum err send_bytes(void *arg, struct span bytes)
{
	struct pump *p = arg;

	p->wrote = talk_send(p->t, bytes);
	return p->wrote;
}

/* Who has seen enough says why and goes; later its words would be lost with the connection. */
static enum err pump_data(void *arg, struct span bytes)
{
	struct pump *p = arg;
	struct stream *s = p->t->link.stream;
	enum err e;

	/* Most messages are one piece, and are spared the question. */
	if (p->begun ? !stream_is_quiet(s) : stream_has_buffered(s)) {
		p->early = true;
		return ERR_STATE;
	}
	p->begun = true;
	e = stuffer_add(&p->stuffer, bytes, send_bytes, p);
	p->bare = p->bare || e == ERR_CORRUPT;
	return e;
}

static enum err pump_all(struct pump *p, enum err (*write)(void *arg, struct span bytes))
{
	struct relay_job *job = p->t->job;
	char block[RELAY_BLOCK];
	uint64_t offset = 0;
	size_t count;
	enum err e;

	if (p->t->convert)
		return convert_write(p->t->convert, write, p);
	for (;;) {
		e = job->read(job->arg, offset, block, sizeof(block), &count);
		if (e != ERR_OK || count == 0)
			return e;
		e = write(p, span_make(block, count));
		if (e != ERR_OK)
			return e;
		offset += count;
	}
}

/* ---- outcomes ---- */

static void decide_accepted(struct talk *t, const struct failure *f)
{
	for (size_t i = 0; i < t->job->recipient_count; i++) {
		if (!t->accepted[i] || t->results->decided[i])
			continue;
		if (f) {
			result_failed(t->results, i, f);
			continue;
		}
		result_delivered(t->results, i, &t->answer, t->setup->target->host);
		t->job->recipients[i].passed_on = t->link.offers.dsn && t->job->recipients[i].notify != 0;
		t->job->recipients[i].by_lost = t->job->deliver_by_ms != 0 && !t->link.offers.deliver_by;
	}
}

/* The message or the chunk was not taken. */
static enum talk_end content_refused(struct talk *t)
{
	struct failure f;

	t->odd = true;
	if (t->answer.code == 421)
		return talk_refused(t);
	failure_remote(&f, &t->answer, t->setup->target->host);
	t->job->answered = !answer_is(&t->answer, 4);
	decide_accepted(t, &f);
	return TALK_DONE;
}

/* The server spoke before it had all of the message. */
static enum talk_end answered_early(struct talk *t)
{
	enum err e = talk_read(t, talk_step_ms(t, RELAY_QUIT_MS));

	t->broken = true;
	if (e == ERR_OK && (answer_is(&t->answer, 4) || answer_is(&t->answer, 5)))
		return content_refused(t);
	if (e == ERR_OK)
		note_set(&t->note, "an answer before the end of the message: %s", t->answer.text);
	return talk_lost(t, "content", e == ERR_OK ? ERR_SYNTAX : e);
}

static enum talk_end pump_failed(struct pump *p, enum err e)
{
	struct talk *t = p->t;
	struct failure f;

	/* Anything said now would be content. */
	t->broken = true;
	if (p->refused)
		return content_refused(t);
	if (p->early)
		return answered_early(t);
	if (p->wrote != ERR_OK)
		return talk_lost(t, "content", p->wrote);
	if (p->bare)
		failure_ours(&f, RELAY_FAILED, "5.6.0", "the message has a bare CR or LF");
	else
		failure_ours(&f, RELAY_RETRY, "4.3.0", "the message can't be read: %s", err_name(e));
	results_fail_rest(t->results, &f);
	return TALK_DONE;
}

static enum err read_end(struct talk *t, enum err e)
{
	if (e == ERR_OK)
		e = stream_flush(t->link.stream, RELAY_BLOCK_MS, &t->note);
	return e == ERR_OK ? talk_read(t, RELAY_FINAL_MS) : e;
}

static enum talk_end decide_final(struct talk *t, enum err e)
{
	struct failure f;

	if (e != ERR_OK) {
		t->job->answered = false;
		t->broken = true;
		failure_ours(&f, RELAY_RETRY, "4.4.2", "%s: no answer to the end of the message: %s", t->setup->target->host, t->note.text);
		decide_accepted(t, &f);
		return TALK_DONE;
	}
	t->job->answered = !answer_is(&t->answer, 4);
	if (answer_is(&t->answer, 2)) {
		decide_accepted(t, NULL);
		return TALK_DONE;
	}
	t->odd = true;
	failure_remote(&f, &t->answer, t->setup->target->host);
	decide_accepted(t, &f);
	return TALK_DONE;
}

/* ---- DATA ---- */

/* RFC 2920 3.1: a server that says 354 all the same gets an empty message for nobody. */
static enum talk_end end_for_nobody(struct talk *t, enum err e)
{
	if (e == ERR_OK && t->answer.code == 354 && stream_has_buffered(t->link.stream))
		e = ERR_SYNTAX;
	if (e == ERR_OK && t->answer.code == 354) {
		e = talk_send(t, SPAN(".\r\n"));
		if (e == ERR_OK)
			e = talk_read(t, talk_step_ms(t, RELAY_COMMAND_MS));
		t->odd = true;
	}
	t->broken = e != ERR_OK || t->answer.code == 421;
	return TALK_DONE;
}

static enum talk_end send_data(struct talk *t, bool data_sent)
{
	struct pump p = { .t = t };
	enum err e = data_sent ? ERR_OK : talk_send_line(t, "DATA");

	if (e == ERR_OK)
		e = talk_read(t, talk_step_ms(t, RELAY_DATA_MS));
	if (t->accepted_count == 0)
		return end_for_nobody(t, e);
	if (e != ERR_OK)
		return talk_lost(t, "DATA", e);
	if (t->answer.code != 354) {
		t->broken = answer_is(&t->answer, 2) || answer_is(&t->answer, 3);
		return content_refused(t);
	}
	e = pump_all(&p, pump_data);
	if (e == ERR_OK && p.stuffer.cr) {
		p.bare = true;
		e = ERR_CORRUPT;
	}
	if (e != ERR_OK)
		return pump_failed(&p, e);
	if (!stream_is_quiet(t->link.stream))
		return answered_early(t);
	return decide_final(t, read_end(t, stuffer_finish(&p.stuffer, send_bytes, &p)));
}

/* ---- BDAT (RFC 3030) ---- */

static enum err read_chunk_answers(struct pump *p, unsigned until)
{
	while (p->unanswered > until) {
		p->wrote = talk_read(p->t, talk_step_ms(p->t, RELAY_DATA_MS));
		if (p->wrote != ERR_OK)
			return p->wrote;
		p->unanswered--;
		if (!answer_is(&p->t->answer, 2)) {
			p->refused = true;
			return ERR_STATE;
		}
		p->taken++;
	}
	return ERR_OK;
}

static enum err send_chunk(struct pump *p, bool last)
{
	enum err e = talk_send_line(p->t, "BDAT %zu%s", p->len, last ? " LAST" : "");

	if (e == ERR_OK)
		e = talk_send(p->t, span_make(p->block, p->len));
	p->wrote = e;
	p->len = 0;
	p->unanswered++;
	if (e == ERR_OK && !last)
		e = read_chunk_answers(p, p->t->link.offers.pipelining ? RELAY_CHUNKS_AHEAD : 0);
	return e;
}

static enum err ignore(void *arg, struct span bytes)
{
	(void)arg;
	(void)bytes;
	return ERR_OK;
}

/* A full block waits for one more byte: the last one is then never empty. */
static enum err pump_chunks(void *arg, struct span bytes)
{
	struct pump *p = arg;
	enum err e = p->t->binary ? ERR_OK : stuffer_add(&p->stuffer, bytes, ignore, NULL);

	p->bare = p->bare || e == ERR_CORRUPT;
	while (e == ERR_OK && bytes.len > 0) {
		struct span piece = span_take(bytes, RELAY_CHUNK - p->len);

		if (piece.len == 0) {
			e = send_chunk(p, false);
			continue;
		}
		memcpy(p->block + p->len, piece.ptr, piece.len);
		p->len += piece.len;
		bytes = span_skip(bytes, piece.len);
	}
	return e;
}

/* Text ends with a line's end, as by DATA. */
static enum err end_line(struct pump *p)
{
	if (p->t->binary || !p->stuffer.in_line)
		return ERR_OK;
	if (p->stuffer.cr) {
		p->bare = true;
		return ERR_CORRUPT;
	}
	return pump_chunks(p, SPAN("\r\n"));
}

/* Who offers CHUNKING and knows no BDAT. */
static bool is_no_command(const struct pump *p)
{
	unsigned code = p->t->answer.code;

	return p->taken == 0 && (code == 500 || code == 502 || code == 503 || code == 504);
}

static enum talk_end chunks_failed(struct pump *p, enum err e)
{
	if (!p->refused || !is_no_command(p))
		return pump_failed(p, e);
	p->t->broken = true;
	return TALK_UNCHUNKED;
}

static enum talk_end send_last_chunk(struct pump *p)
{
	struct talk *t = p->t;
	enum err e = read_chunk_answers(p, 0);

	if (e != ERR_OK)
		return chunks_failed(p, e);
	if (!stream_is_quiet(t->link.stream))
		return answered_early(t);
	e = read_end(t, send_chunk(p, true));
	p->refused = e == ERR_OK && !answer_is(&t->answer, 2);
	return p->refused && is_no_command(p) ? chunks_failed(p, e) : decide_final(t, e);
}

static enum talk_end send_chunks(struct talk *t)
{
	struct pump p = { .t = t, .block = malloc(RELAY_CHUNK) };
	enum talk_end end;
	struct failure f;
	enum err e;

	if (!p.block) {
		failure_ours(&f, RELAY_RETRY, "4.3.0", "no memory");
		results_fail_rest(t->results, &f);
		t->odd = true;
		return TALK_DONE;
	}
	e = pump_all(&p, pump_chunks);
	if (e == ERR_OK)
		e = end_line(&p);
	end = e == ERR_OK ? send_last_chunk(&p) : chunks_failed(&p, e);
	free(p.block);
	return end;
}

enum talk_end talk_content(struct talk *t, bool data_sent)
{
	if (!data_sent && talk_silent(t) != ERR_OK)
		return talk_lost(t, "content", ERR_SYNTAX);
	if (!uses_chunks(t))
		return send_data(t, data_sent);
	return send_chunks(t);
}
