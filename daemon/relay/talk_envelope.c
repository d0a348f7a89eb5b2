/* relay/talk_envelope.c: see talk_envelope.h.
 *
 * RFC 2920 3.1: MAIL, RCPT... and DATA go in one piece to a server that pipelines, and each answer is looked at. BDAT waits for the answers: whoever
 * refuses everybody and doesn't count the bytes of a chunk would take the message for commands.
 */
#include "daemon/relay/talk_envelope.h"

#include "daemon/base/clock.h"

#define DELIVER_BY_MAX 999999999 /* RFC 2852 section 4 */

/* ---- MAIL ---- */

/* An alias may lead a message that came without SMTPUTF8 to an address that needs it. */
static bool has_utf8_path(const struct talk *t)
{
	for (size_t i = 0; i < t->job->recipient_count; i++) {
		if (!t->results->decided[i] && !span_is_ascii(t->job->recipients[i].address))
			return true;
	}
	return !span_is_ascii(t->job->reverse_path);
}

/* RFC 2852 section 4.1.4: what is left of the time goes on with it; negative when it is over and the sender has been told. */
static void add_deliver_by(const struct talk *t, struct buf *line)
{
	int64_t left_s = (t->job->deliver_by_ms - clock_real_ms()) / 1000;

	if (t->job->deliver_by_ms == 0 || !t->link.offers.deliver_by)
		return;
	if (left_s > DELIVER_BY_MAX || left_s < -DELIVER_BY_MAX)
		left_s = left_s > 0 ? DELIVER_BY_MAX : -DELIVER_BY_MAX;
	buf_addf(line, " BY=%lld;%s%s", (long long)left_s, t->job->deliver_by & 1 ? "R" : "N", t->job->deliver_by & 4 ? "T" : "");
}

static void add_dsn(const struct relay_job *job, struct buf *line)
{
	if (job->ret)
		buf_add_str(line, job->ret == 'F' ? " RET=FULL" : " RET=HDRS");
	if (job->envid.len > 0)
		buf_addf(line, " ENVID=%.*s", (int)job->envid.len, job->envid.ptr);
}

static enum err send_mail(struct talk *t, uint64_t size)
{
	const struct relay_job *job = t->job;
	const struct offers *offers = &t->link.offers;
	struct buf line;
	enum err e;

	buf_init(&line, STREAM_LINE_MAX * 4);
	buf_addf(&line, "MAIL FROM:<%.*s>", (int)job->reverse_path.len, job->reverse_path.ptr);
	if (offers->size)
		buf_addf(&line, " SIZE=%llu", (unsigned long long)size);
	if (t->binary || t->eightbit)
		buf_add_str(&line, t->binary ? " BODY=BINARYMIME" : " BODY=8BITMIME");
	if (offers->utf8 && (job->smtputf8 || has_utf8_path(t)))
		buf_add_str(&line, " SMTPUTF8");
	if (offers->dsn)
		add_dsn(job, &line);
	if (job->require_tls)
		buf_add_str(&line, " REQUIRETLS");
	if (offers->priority && job->priority != 0)
		buf_addf(&line, " MT-PRIORITY=%d", job->priority);
	add_deliver_by(t, &line);
	buf_add_str(&line, "\r\n");
	e = line.failed ? ERR_LIMIT : talk_send(t, buf_span(&line));
	buf_clear(&line);
	return e;
}

static enum talk_end read_mail(struct talk *t)
{
	enum err e = talk_read(t, talk_step_ms(t, t->reused ? KEPT_ANSWER_MS : RELAY_COMMAND_MS));
	struct failure f;

	if (e != ERR_OK)
		return talk_lost(t, "MAIL", e);
	talk_tell(t, "mail", answer_is(&t->answer, 2) ? PROBE_OK : PROBE_FAILED, true, "%s", answer_is(&t->answer, 2) ? "the sender was taken" : "the sender was refused");
	if (answer_is(&t->answer, 2)) {
		t->reused = false;
		t->link.messages++;
		return TALK_DONE;
	}
	failure_remote(&f, &t->answer, t->setup->target->host);
	/* On a kept connection it may be the connection that is meant: a refusal for good is believed from a fresh one. */
	if (f.outcome == RELAY_RETRY || t->reused)
		return talk_refused(t);
	t->odd = true;
	results_fail_rest(t->results, &f);
	return TALK_DONE;
}

/* ---- RCPT ---- */

static struct span domain_of(struct span address)
{
	for (size_t i = address.len; i-- > 0;) {
		if (address.ptr[i] == '@')
			return span_skip(address, i + 1);
	}
	return address;
}

/* RFC 9422 RCPTDOMAINMAX: is there room for the domain of recipient `i` among those that are chosen? */
static bool fits_domains(const struct talk *t, size_t i)
{
	struct span domain = domain_of(t->job->recipients[i].address);
	uint64_t others = 0;

	if (t->link.offers.rcpt_domain_max == 0)
		return true;
	for (size_t k = 0; k < t->chosen_count; k++) {
		struct span other = domain_of(t->job->recipients[t->chosen[k]].address);

		if (span_iequals(domain, other))
			return true;
		others += k == 0 || !span_iequals(other, domain_of(t->job->recipients[t->chosen[k - 1]].address));
	}
	return others < t->link.offers.rcpt_domain_max;
}

static void choose(struct talk *t)
{
	uint64_t max = t->link.offers.rcpt_max > 0 ? t->link.offers.rcpt_max : UINT64_MAX;

	t->chosen_count = t->accepted_count = 0;
	for (size_t i = 0; i < t->job->recipient_count && t->chosen_count < max; i++) {
		t->accepted[i] = false;
		if (!t->results->decided[i] && fits_domains(t, i))
			t->chosen[t->chosen_count++] = i;
	}
}

/* RFC 6533 section 3: to a server without SMTPUTF8 an address of type utf-8 goes as utf-8-addr-xtext. */
static void add_orcpt(struct buf *line, struct span orcpt, bool utf8)
{
	while (orcpt.len > 0) {
		size_t len = span_utf8_len(orcpt);
		uint32_t c;

		if (utf8 || len < 2) {
			buf_add_char(line, orcpt.ptr[0]);
			orcpt = span_skip(orcpt, 1);
			continue;
		}
		c = (uint8_t)orcpt.ptr[0] & (0xffu >> (len + 1));
		for (size_t i = 1; i < len; i++)
			c = c << 6 | ((uint8_t)orcpt.ptr[i] & 0x3f);
		buf_addf(line, "\\x{%X}", (unsigned)c);
		orcpt = span_skip(orcpt, len);
	}
}

static void add_notify(struct buf *line, unsigned notify)
{
	static const char *const words[] = { "NEVER", "SUCCESS", "FAILURE", "DELAY" };
	const char *before = " NOTIFY=";

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (notify & 1u << i) {
			buf_addf(line, "%s%s", before, words[i]);
			before = ",";
		}
	}
}

static enum err send_rcpt(struct talk *t, size_t recipient)
{
	const struct relay_recipient *to = &t->job->recipients[recipient];
	struct buf line;
	enum err e;

	buf_init(&line, STREAM_LINE_MAX * 4);
	buf_addf(&line, "RCPT TO:<%.*s>", (int)to->address.len, to->address.ptr);
	if (t->link.offers.dsn) {
		add_notify(&line, to->notify);
		if (to->orcpt.len > 0)
			buf_add_str(&line, " ORCPT=");
		add_orcpt(&line, to->orcpt, t->link.offers.utf8);
	}
	buf_add_str(&line, "\r\n");
	e = line.failed ? ERR_LIMIT : talk_send(t, buf_span(&line));
	buf_clear(&line);
	return e;
}

/* RFC 5321 4.5.3.1.10: 452, and from old servers 552, say that there are too many recipients: those are for another transaction. One that has none
 * yet means the recipient. */
static bool is_put_off(const struct talk *t)
{
	return t->accepted_count > 0 && (t->answer.code == 452 || (t->answer.code == 552 && t->answer.status[0] == '\0'));
}

static enum talk_end read_rcpt(struct talk *t, size_t recipient)
{
	enum err e = talk_read(t, talk_step_ms(t, RELAY_COMMAND_MS));
	struct failure f;

	/* No answer to RCPT, but to something else: which recipients the others meant nobody knows. */
	if (e == ERR_OK && answer_is(&t->answer, 3)) {
		note_set(&t->note, "an answer out of its turn: %s", t->answer.text);
		e = ERR_SYNTAX;
	}
	if (e != ERR_OK)
		return talk_lost(t, "RCPT", e);
	talk_tell(t, "rcpt", answer_is(&t->answer, 2) ? PROBE_OK : PROBE_FAILED, true, "%s", answer_is(&t->answer, 2) ? "the recipient was taken" : "the recipient was refused");
	if (answer_is(&t->answer, 2)) {
		t->accepted[recipient] = true;
		t->accepted_count++;
		return TALK_DONE;
	}
	if (t->answer.code == 421)
		return talk_refused(t);
	failure_remote(&f, &t->answer, t->setup->target->host);
	if (t->answer.code == 552 && t->answer.status[0] == '\0') {
		f.outcome = RELAY_RETRY;
		memcpy(f.status, "4.5.3", 6);
	}
	if (is_put_off(t)) {
		t->put_off = f;
		t->has_put_off = true;
	} else {
		result_failed(t->results, recipient, &f);
		t->job->recipients[recipient].at_rcpt = f.outcome == RELAY_FAILED;
	}
	return TALK_DONE;
}

/* ---- both ---- */

/* Answers to what was sent behind a refused MAIL. A server that takes DATA all the same is left without a message. */
static void drain(struct talk *t, size_t count)
{
	for (size_t i = 0; i < count && !t->broken; i++) {
		if (talk_read(t, talk_step_ms(t, RELAY_QUIT_MS)) != ERR_OK || t->answer.code == 421 || t->answer.code == 354)
			t->broken = true;
	}
}

/* RCPT for the recipients of the window and, behind the last one, DATA where that may be. */
static enum err send_window(struct talk *t, size_t from, size_t to, bool with_data)
{
	enum err e = ERR_OK;

	for (size_t i = from; i < to && e == ERR_OK; i++)
		e = send_rcpt(t, t->chosen[i]);
	return e == ERR_OK && with_data ? talk_send_line(t, "DATA") : e;
}

static enum talk_end read_window(struct talk *t, size_t from, size_t to)
{
	enum talk_end end = TALK_DONE;

	for (size_t i = from; i < to && end == TALK_DONE; i++)
		end = read_rcpt(t, t->chosen[i]);
	return end;
}

/* MAIL and as many RCPT as a window has, before any answer is read. */
static enum talk_end send_pipelined(struct talk *t, uint64_t size, bool *data_sent_out)
{
	bool data_behind = !t->setup->probe && (!t->link.offers.chunking || t->setup->unchunked), with_data;
	enum talk_end end = TALK_DONE;
	enum err e = send_mail(t, size);

	for (size_t from = 0, to; from < t->chosen_count && end == TALK_DONE; from = to) {
		to = from + RELAY_WINDOW < t->chosen_count ? from + RELAY_WINDOW : t->chosen_count;
		with_data = data_behind && to == t->chosen_count;
		if (e == ERR_OK && from > 0)
			e = talk_silent(t);
		if (e == ERR_OK)
			e = send_window(t, from, to, with_data);
		if (e != ERR_OK)
			return talk_lost(t, "envelope", e);
		if (from == 0)
			end = read_mail(t);
		if (from == 0 && (end != TALK_DONE || t->results->open == 0)) {
			drain(t, to - from + with_data);
			return end;
		}
		*data_sent_out = with_data;
		end = read_window(t, from, to);
	}
	return end;
}

static enum talk_end send_one_by_one(struct talk *t, uint64_t size)
{
	enum err e = send_mail(t, size);
	enum talk_end end = e == ERR_OK ? read_mail(t) : talk_lost(t, "MAIL", e);

	for (size_t i = 0; i < t->chosen_count && end == TALK_DONE && t->results->open > 0; i++) {
		e = talk_silent(t);
		if (e == ERR_OK)
			e = send_rcpt(t, t->chosen[i]);
		end = e == ERR_OK ? read_rcpt(t, t->chosen[i]) : talk_lost(t, "RCPT", e);
	}
	return end;
}

enum talk_end talk_envelope(struct talk *t, uint64_t size, bool *data_sent_out)
{
	*data_sent_out = false;
	if (talk_silent(t) != ERR_OK)
		return talk_lost(t, "MAIL", ERR_SYNTAX);
	choose(t);
	return t->link.offers.pipelining ? send_pipelined(t, size, data_sent_out) : send_one_by_one(t, size);
}
