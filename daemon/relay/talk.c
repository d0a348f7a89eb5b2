/* relay/talk.c: see talk.h.
 *
 *   connect -> greeting -> EHLO (HELO) -> [STARTTLS -> EHLO] -> [AUTH] -> MAIL RCPT... DATA -> content -> the dot -> QUIT
 *
 * Before the final dot is sent a lost connection leaves the message where it was, and another host may be tried. Behind it nobody
 * knows: those recipients are tried again later, which may show the message twice but never loses it (RFC 5321 4.5.3.2.6).
 */
#include "daemon/relay/talk.h"

#include <stdio.h>

#include "daemon/base/clock.h"
#include "daemon/base/encode.h"
#include "daemon/directory/directory.h"
#include "daemon/relay/content.h"

#define SUBMISSIONS_PORT 465 /* RFC 8314: TLS from the first byte */

struct offers {
	bool pipelining, eightbit, utf8, start_tls, size, auth_plain, auth_login;
	uint64_t size_max; /* 0: not said */
};

struct talk {
	const struct talk_setup *setup;
	struct relay_job *job;
	struct results *results;
	struct failure *why;
	struct stream *stream;
	struct note note;
	struct answer answer;
	struct offers offers;
	enum relay_tls policy;
	size_t *window; /* recipients whose RCPT was sent, job arena */
	bool *accepted; /* one a recipient, job arena */
	size_t accepted_count;
};

static enum talk_end lost(struct talk *t, const char *where, enum err e)
{
	t->job->answered = false;
	failure_ours(t->why, RELAY_RETRY, e == ERR_TEMP || e == ERR_STATE ? "4.4.2" : "4.5.0", "%s: %s: %s", t->setup->target->host, where, t->note.text[0] ? t->note.text : err_name(e));
	return TALK_NEXT;
}

static enum talk_end refused(struct talk *t)
{
	t->job->answered = false;
	failure_remote(t->why, &t->answer, t->setup->target->host);
	return TALK_NEXT;
}

static enum talk_end all_done(struct talk *t, const struct failure *f)
{
	results_fail_rest(t->results, f);
	return TALK_DONE;
}

/* What is left of a step's time. */
static int64_t step_ms(const struct talk *t, int64_t timeout_ms)
{
	int64_t left_ms = t->setup->until_ms - clock_mono_ms();

	return left_ms < timeout_ms ? left_ms : timeout_ms;
}

static enum err read_answer(struct talk *t, int64_t timeout_ms)
{
	enum err e = answer_read(t->stream, timeout_ms, &t->answer, NULL, NULL, &t->note);

	if (e == ERR_STATE && t->note.text[0] == '\0')
		note_set(&t->note, "connection closed");
	return e;
}

static enum err send_text(struct talk *t, struct span text)
{
	return stream_write(t->stream, text, step_ms(t, RELAY_BLOCK_MS), &t->note);
}

static enum err send_line(struct talk *t, const char *format, ...) PRINTF_LIKE(2, 3);

/* Buffered; goes out before the next answer is read. */
static enum err send_line(struct talk *t, const char *format, ...)
{
	struct buf line;
	va_list args;
	enum err e;

	buf_init(&line, STREAM_LINE_MAX * 4);
	va_start(args, format);
	buf_addv(&line, format, args);
	va_end(args);
	buf_add(&line, SPAN("\r\n"));
	e = line.failed ? ERR_LIMIT : send_text(t, buf_span(&line));
	buf_wipe(&line);
	return e;
}

static enum err command(struct talk *t, const char *text)
{
	enum err e = send_line(t, "%s", text);

	return e == ERR_OK ? read_answer(t, step_ms(t, RELAY_COMMAND_MS)) : e;
}

/* ---- greeting and EHLO ---- */

static void read_auth(struct offers *o, struct span mechanisms)
{
	struct span word;

	while (span_split(&mechanisms, ' ', &word)) {
		o->auth_plain = o->auth_plain || span_iequals(word, SPAN("PLAIN"));
		o->auth_login = o->auth_login || span_iequals(word, SPAN("LOGIN"));
	}
}

static void read_offer(void *arg, struct span text)
{
	struct offers *o = arg;
	struct span rest = text, word;

	if (!span_split(&rest, ' ', &word))
		return;
	if (span_iequals(word, SPAN("PIPELINING")))
		o->pipelining = true;
	else if (span_iequals(word, SPAN("8BITMIME")))
		o->eightbit = true;
	else if (span_iequals(word, SPAN("SMTPUTF8")))
		o->utf8 = true;
	else if (span_iequals(word, SPAN("STARTTLS")))
		o->start_tls = true;
	else if (span_iequals(word, SPAN("AUTH")))
		read_auth(o, rest);
	else if (span_iequals(word, SPAN("SIZE"))) {
		o->size = true;
		if (!rest.ptr || span_to_u64(span_trim(rest), UINT64_MAX, &o->size_max) != ERR_OK)
			o->size_max = 0;
	}
}

static enum talk_end say_hello(struct talk *t)
{
	struct span name = t->job->helo;
	struct net_addr local = stream_local(t->stream);
	struct net_addr_text literal = net_literal_text(&local);
	enum err e;

	if (name.len == 0)
		name = span_str(literal.text);
	memset(&t->offers, 0, sizeof(t->offers));
	e = send_line(t, "EHLO %.*s", (int)name.len, name.ptr);
	if (e == ERR_OK)
		e = answer_read(t->stream, step_ms(t, RELAY_COMMAND_MS), &t->answer, read_offer, &t->offers, &t->note);
	if (e != ERR_OK)
		return lost(t, "EHLO", e);
	if (answer_is(&t->answer, 2))
		return TALK_DONE;
	/* What a refusal said is no offer. */
	memset(&t->offers, 0, sizeof(t->offers));
	if (!answer_is(&t->answer, 5) || stream_is_tls(t->stream))
		return refused(t);
	e = send_line(t, "HELO %.*s", (int)name.len, name.ptr);
	if (e == ERR_OK)
		e = read_answer(t, step_ms(t, RELAY_COMMAND_MS));
	if (e != ERR_OK)
		return lost(t, "HELO", e);
	return answer_is(&t->answer, 2) ? TALK_DONE : refused(t);
}

/* ---- TLS and AUTH ---- */

static enum talk_end handshake(struct talk *t)
{
	enum tls_verify verify = t->policy == RELAY_TLS_REQUIRED ? TLS_VERIFY_NAME : TLS_VERIFY_NONE;

	const struct tls_expect expect = { .verify = verify, .sni = t->setup->target->host };

	if (stream_start_tls(t->stream, t->setup->tls, &expect, step_ms(t, RELAY_CONNECT_MS), NULL, &t->note) == ERR_OK) {
		(void)snprintf(t->job->tls_version, sizeof(t->job->tls_version), "%s", stream_tls_version(t->stream));
		return TALK_DONE;
	}
	failure_ours(t->why, RELAY_RETRY, "4.7.5", "%s: TLS handshake failed: %s", t->setup->target->host, t->note.text);
	return t->policy == RELAY_TLS_REQUIRED ? TALK_NEXT : TALK_PLAIN;
}

/* Also says EHLO again. */
static enum talk_end start_tls(struct talk *t)
{
	enum talk_end end;
	enum err e;

	if (t->policy == RELAY_TLS_NONE || stream_is_tls(t->stream) || (t->setup->plain && t->policy != RELAY_TLS_REQUIRED))
		return TALK_DONE;
	if (t->offers.start_tls) {
		e = command(t, "STARTTLS");
		if (e != ERR_OK)
			return lost(t, "STARTTLS", e);
		if (t->answer.code == 220) {
			/* Somebody between us wrote behind the answer, to be taken for the server's words inside TLS. */
			if (stream_has_buffered(t->stream)) {
				failure_ours(t->why, RELAY_RETRY, "4.7.0", "%s: plain text behind the answer to STARTTLS", t->setup->target->host);
				return TALK_NEXT;
			}
			end = handshake(t);
			return end == TALK_DONE ? say_hello(t) : end;
		}
	}
	if (t->policy != RELAY_TLS_REQUIRED)
		return TALK_DONE;
	failure_ours(t->why, RELAY_RETRY, "4.7.4", "%s: TLS is required and not offered", t->setup->target->host);
	return TALK_NEXT;
}

static enum err send_base64(struct talk *t, const char *verb, struct span secret)
{
	struct buf line;
	enum err e;

	buf_init(&line, STREAM_LINE_MAX);
	buf_add_str(&line, verb);
	base64_encode(secret, &line);
	buf_add(&line, SPAN("\r\n"));
	e = line.failed ? ERR_LIMIT : send_text(t, buf_span(&line));
	buf_wipe(&line);
	return e == ERR_OK ? read_answer(t, step_ms(t, RELAY_COMMAND_MS)) : e;
}

static enum err auth_plain(struct talk *t, const struct relay_host *via)
{
	struct buf message;
	enum err e;

	buf_init(&message, STREAM_LINE_MAX);
	buf_add_char(&message, '\0');
	buf_add(&message, via->user);
	buf_add_char(&message, '\0');
	buf_add(&message, via->password);
	e = message.failed ? ERR_LIMIT : send_base64(t, "AUTH PLAIN ", buf_span(&message));
	buf_wipe(&message);
	return e;
}

static enum err auth_login(struct talk *t, const struct relay_host *via)
{
	enum err e = command(t, "AUTH LOGIN");

	if (e == ERR_OK && t->answer.code == 334)
		e = send_base64(t, "", via->user);
	if (e == ERR_OK && t->answer.code == 334)
		e = send_base64(t, "", via->password);
	return e;
}

/* A refusal is a RETRY whatever its code: the password is the administrator's, not the sender's, and can be set right. */
static enum talk_end authenticate(struct talk *t)
{
	const struct relay_host *via = t->job->via;
	enum err e;

	if (!via || via->user.len == 0)
		return TALK_DONE;
	if (!stream_is_tls(t->stream) || !(t->offers.auth_plain || t->offers.auth_login)) {
		failure_ours(t->why, RELAY_RETRY, "4.7.0", "%s: %s", t->setup->target->host, stream_is_tls(t->stream) ? "offers neither AUTH PLAIN nor LOGIN" : "the password is not sent without TLS");
		return TALK_NEXT;
	}
	e = t->offers.auth_plain ? auth_plain(t, via) : auth_login(t, via);
	if (e != ERR_OK)
		return lost(t, "AUTH", e);
	if (t->answer.code == 235)
		return TALK_DONE;
	failure_remote(t->why, &t->answer, t->setup->target->host);
	t->why->outcome = RELAY_RETRY;
	t->why->status[0] = '4';
	return TALK_NEXT;
}

/* ---- what the server can't take ---- */

/* 8-bit in the header: what SMTPUTF8 stands for beside addresses. */
static bool header_has_8bit(struct talk *t)
{
	char block[4096], last[3] = { 0 };
	uint64_t offset = 0;
	size_t count;

	while (offset < RELAY_HEADER_MAX && t->job->read(t->job->arg, offset, block, sizeof(block), &count) == ERR_OK && count > 0) {
		for (size_t i = 0; i < count; i++) {
			if (block[i] & 0x80)
				return true;
			if (block[i] == '\n' && last[0] == '\n' && last[1] == '\r')
				return false;
			last[0] = last[1], last[1] = block[i];
		}
		offset += count;
	}
	return false;
}

/* An alias may lead a message that came without SMTPUTF8 to an address that needs it. */
static bool has_utf8_path(const struct talk *t)
{
	for (size_t i = 0; i < t->job->recipient_count; i++) {
		if (!span_is_ascii(t->job->recipients[i].address))
			return true;
	}
	return !span_is_ascii(t->job->reverse_path);
}

static bool needs_utf8(struct talk *t)
{
	return !span_is_ascii(t->job->reverse_path) || (t->job->smtputf8 && header_has_8bit(t));
}

static void refuse_utf8(struct talk *t, struct failure *f)
{
	failure_ours(f, RELAY_FAILED, "5.6.7", "%s does not take internationalized mail (SMTPUTF8)", t->setup->target->host);
}

/* The others can have it. */
static void refuse_utf8_recipients(struct talk *t)
{
	struct failure f;

	refuse_utf8(t, &f);
	for (size_t i = 0; i < t->job->recipient_count; i++) {
		if (!span_is_ascii(t->job->recipients[i].address))
			result_failed(t->results, i, &f);
	}
}

static bool is_impossible(struct talk *t, struct failure *f)
{
	const char *host = t->setup->target->host;

	if (t->offers.size_max > 0 && t->job->size > t->offers.size_max)
		failure_ours(f, RELAY_FAILED, "5.3.4", "%s takes at most %llu bytes", host, (unsigned long long)t->offers.size_max);
	else if (!t->offers.utf8 && needs_utf8(t))
		refuse_utf8(t, f);
	else
		return false;
	return true;
}

/* ---- the envelope ---- */

static enum err send_mail(struct talk *t)
{
	struct span path = t->job->reverse_path;
	char size[32] = "";

	if (t->offers.size)
		(void)snprintf(size, sizeof(size), " SIZE=%llu", (unsigned long long)t->job->size);
	return send_line(t, "MAIL FROM:<%.*s>%s%s%s", (int)path.len, path.ptr, size,
			 t->offers.eightbit && t->job->body_8bit ? " BODY=8BITMIME" : "",
			 t->offers.utf8 && (t->job->smtputf8 || has_utf8_path(t)) ? " SMTPUTF8" : "");
}

static enum talk_end read_mail(struct talk *t)
{
	enum err e = read_answer(t, step_ms(t, RELAY_COMMAND_MS));
	struct failure f;

	if (e != ERR_OK)
		return lost(t, "MAIL", e);
	if (answer_is(&t->answer, 2))
		return TALK_DONE;
	failure_remote(&f, &t->answer, t->setup->target->host);
	*t->why = f;
	if (f.outcome == RELAY_RETRY)
		return TALK_NEXT;
	results_fail_rest(t->results, &f);
	return TALK_DONE;
}

static enum talk_end read_rcpt(struct talk *t, size_t recipient)
{
	enum err e = read_answer(t, step_ms(t, RELAY_COMMAND_MS));
	struct failure f;

	if (e != ERR_OK)
		return lost(t, "RCPT", e);
	if (answer_is(&t->answer, 2)) {
		t->accepted[recipient] = true;
		t->accepted_count++;
		return TALK_DONE;
	}
	if (t->answer.code == 421)
		return refused(t);
	failure_remote(&f, &t->answer, t->setup->target->host);
	/* RFC 5321 4.5.3.1.10: 552 here meant "too many recipients" to old servers. */
	if (t->answer.code == 552 && t->answer.status[0] == '\0') {
		f.outcome = RELAY_RETRY;
		memcpy(f.status, "4.5.3", 6);
	}
	result_failed(t->results, recipient, &f);
	return TALK_DONE;
}

/* The next recipients without outcome, at most RELAY_WINDOW (1 without PIPELINING). */
static size_t fill_window(struct talk *t, size_t *next)
{
	size_t max = t->offers.pipelining ? RELAY_WINDOW : 1, count = 0;

	for (; *next < t->job->recipient_count && count < max; ++*next) {
		if (!t->results->decided[*next])
			t->window[count++] = *next;
	}
	return count;
}

/* RCPT for the recipients of the window and, behind the last one, DATA where the server pipelines. */
static enum err send_window(struct talk *t, size_t count, bool with_data)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < count && e == ERR_OK; i++) {
		struct span to = t->job->recipients[t->window[i]].address;

		e = send_line(t, "RCPT TO:<%.*s>", (int)to.len, to.ptr);
	}
	return e == ERR_OK && with_data ? send_line(t, "DATA") : e;
}

static enum talk_end read_window(struct talk *t, size_t count)
{
	enum talk_end end = TALK_DONE;

	for (size_t i = 0; i < count && end == TALK_DONE; i++)
		end = read_rcpt(t, t->window[i]);
	return end;
}

/* MAIL, all RCPT and perhaps DATA; *data_sent_out: its answer is still to be read. */
static enum talk_end send_envelope(struct talk *t, bool *data_sent_out)
{
	bool mail_unread = true, with_data;
	size_t next = 0, count;
	enum talk_end end;
	enum err e = send_mail(t);

	*data_sent_out = false;
	while (e == ERR_OK) {
		/* Without PIPELINING each answer is read before the next command. */
		if (mail_unread && !t->offers.pipelining) {
			end = read_mail(t);
			if (end != TALK_DONE || t->results->open == 0)
				return end;
			mail_unread = false;
		}
		count = fill_window(t, &next);
		if (count == 0)
			return TALK_DONE;
		with_data = t->offers.pipelining && next == t->job->recipient_count;
		e = send_window(t, count, with_data);
		if (e != ERR_OK)
			break;
		end = mail_unread ? read_mail(t) : TALK_DONE;
		if (end != TALK_DONE || t->results->open == 0)
			return end;
		mail_unread = false;
		*data_sent_out = with_data;
		end = read_window(t, count);
		if (end != TALK_DONE)
			return end;
	}
	return lost(t, "envelope", e);
}

/* ---- content ---- */

static enum err write_bytes(void *arg, struct span bytes)
{
	return send_text(arg, bytes);
}

/* The content without its end. */
static enum talk_end send_content(struct talk *t, struct stuffer *stuffer)
{
	char block[RELAY_BLOCK];
	uint64_t offset = 0;
	struct failure f;
	size_t count;
	enum err e;

	for (;;) {
		e = t->job->read(t->job->arg, offset, block, sizeof(block), &count);
		if (e != ERR_OK) {
			failure_ours(&f, RELAY_RETRY, "4.3.0", "the message can't be read: %s", err_name(e));
			return all_done(t, &f);
		}
		if (count == 0)
			return TALK_DONE;
		e = stuffer_add(stuffer, span_make(block, count), write_bytes, t);
		if (e == ERR_CORRUPT) {
			failure_ours(&f, RELAY_FAILED, "5.6.0", "the message has a bare CR or LF");
			return all_done(t, &f);
		}
		if (e != ERR_OK)
			return lost(t, "content", e);
		offset += count;
	}
}

static void decide_accepted(struct talk *t, const struct failure *f)
{
	for (size_t i = 0; i < t->job->recipient_count; i++) {
		if (!t->accepted[i])
			continue;
		if (f)
			result_failed(t->results, i, f);
		else
			result_delivered(t->results, i, &t->answer, t->setup->target->host);
	}
}

static enum talk_end finish_content(struct talk *t, struct stuffer *stuffer)
{
	enum err e = stuffer_finish(stuffer, write_bytes, t);
	struct failure f;

	if (e == ERR_CORRUPT) {
		failure_ours(&f, RELAY_FAILED, "5.6.0", "the message has a bare CR");
		return all_done(t, &f);
	}
	if (e == ERR_OK)
		e = stream_flush(t->stream, RELAY_BLOCK_MS, &t->note);
	if (e == ERR_OK)
		e = read_answer(t, RELAY_FINAL_MS);
	if (e != ERR_OK) {
		t->job->answered = false;
		failure_ours(&f, RELAY_RETRY, "4.4.2", "%s: no answer to the end of the message: %s", t->setup->target->host, t->note.text);
		decide_accepted(t, &f);
		return TALK_DONE;
	}
	failure_remote(&f, &t->answer, t->setup->target->host);
	t->job->answered = !answer_is(&t->answer, 4);
	decide_accepted(t, answer_is(&t->answer, 2) ? NULL : &f);
	return TALK_DONE;
}

static enum talk_end send_data(struct talk *t, bool data_sent)
{
	struct stuffer stuffer = { false, false };
	enum talk_end end;
	struct failure f;
	enum err e;

	if (t->accepted_count == 0 && !data_sent)
		return TALK_DONE;
	e = data_sent ? ERR_OK : send_line(t, "DATA");
	if (e == ERR_OK)
		e = read_answer(t, step_ms(t, RELAY_DATA_MS));
	if (t->accepted_count == 0) {
		/* RFC 2920 3.1: a server that says 354 all the same gets an empty message for nobody. */
		if (e == ERR_OK && t->answer.code == 354 && send_line(t, ".") == ERR_OK && read_answer(t, step_ms(t, RELAY_COMMAND_MS)) != ERR_OK)
			t->note.text[0] = '\0';
		return TALK_DONE;
	}
	if (e != ERR_OK)
		return lost(t, "DATA", e);
	if (t->answer.code != 354) {
		if (t->answer.code == 421)
			return refused(t);
		failure_remote(&f, &t->answer, t->setup->target->host);
		t->job->answered = !answer_is(&t->answer, 4);
		decide_accepted(t, &f);
		return TALK_DONE;
	}
	end = send_content(t, &stuffer);
	if (end != TALK_DONE || t->results->open == 0)
		return end;
	return finish_content(t, &stuffer);
}

/* ---- all of it ---- */

static enum talk_end begin(struct talk *t)
{
	bool implicit = t->policy != RELAY_TLS_NONE && t->job->via && t->job->via->port == SUBMISSIONS_PORT;
	enum talk_end end;
	enum err e;

	e = stream_connect(&t->setup->target->addr, step_ms(t, RELAY_CONNECT_MS), &t->stream, &t->note);
	if (e != ERR_OK) {
		struct net_addr_text where = net_addr_text(&t->setup->target->addr);

		failure_ours(t->why, RELAY_RETRY, "4.4.1", "%s (%s): %s", t->setup->target->host, where.text, t->note.text);
		return TALK_NEXT;
	}
	if (implicit) {
		end = handshake(t);
		if (end != TALK_DONE)
			return TALK_NEXT;
	}
	e = read_answer(t, step_ms(t, RELAY_GREETING_MS));
	if (e != ERR_OK)
		return lost(t, "greeting", e);
	if (!answer_is(&t->answer, 2))
		return refused(t);
	end = say_hello(t);
	if (end == TALK_DONE)
		end = start_tls(t);
	return end == TALK_DONE ? authenticate(t) : end;
}

static enum talk_end deliver(struct talk *t)
{
	enum talk_end end;
	bool data_sent;
	struct failure f;

	if (is_impossible(t, &f))
		return all_done(t, &f);
	if (!t->offers.utf8)
		refuse_utf8_recipients(t);
	if (t->results->open == 0)
		return TALK_DONE;
	end = send_envelope(t, &data_sent);
	t->job->answered = end == TALK_DONE;
	if (end != TALK_DONE || (t->results->open == 0 && !data_sent))
		return end;
	return send_data(t, data_sent);
}

enum talk_end talk_with(const struct talk_setup *setup, struct results *results, struct failure *why)
{
	struct relay_job *job = results->job;
	struct talk t = { .setup = setup, .job = job, .results = results, .why = why };
	enum talk_end end;

	t.policy = job->via ? job->via->tls : RELAY_TLS_OPPORTUNISTIC;
	t.window = arena_array(job->arena, RELAY_WINDOW, sizeof(*t.window));
	t.accepted = arena_array(job->arena, job->recipient_count + 1, sizeof(*t.accepted));
	if (!t.window || !t.accepted) {
		failure_ours(why, RELAY_RETRY, "4.3.0", "no memory");
		return TALK_NEXT;
	}
	job->tls_version[0] = '\0';
	end = begin(&t);
	if (end == TALK_DONE)
		end = deliver(&t);
	/* All is decided: the answer to QUIT changes nothing. In the middle of the content it would be content. */
	if (end == TALK_DONE && t.answer.code != 354 && send_line(&t, "QUIT") == ERR_OK && read_answer(&t, RELAY_QUIT_MS) != ERR_OK)
		t.note.text[0] = '\0';
	stream_close(&t.stream);
	return end;
}
