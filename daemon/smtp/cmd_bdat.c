/* smtp/cmd_bdat.c: BDAT: content in counted chunks (RFC 3030).
 *
 * The octets follow the command without waiting for an answer, so a chunk that is refused is read and forgotten: what is
 * content can never be taken for commands. One that is too large even for that ends the connection.
 */
#include <inttypes.h>
#include <stdio.h>

#include "daemon/smtp/commands.h"

/* Of the message, or of a chunk that belongs to none. */
static void refuse_chunk(struct smtp_session *s, struct smtp_reply *reply)
{
	reply->id = s->refusal;
	if (s->chunk_from != AT_READY || s->recipient_count == 0)
		return;
	smtp_content_refused(s, s->refusal, reply);
	/* RFC 2033 4.3: a reply for each recipient is what the last chunk has. */
	if (!s->chunk_last)
		s->answers = 0;
}

static enum step chunk_done(struct smtp_session *s, struct smtp_reply *reply)
{
	size_t used;

	if (s->refusal != REPLY_NONE) {
		refuse_chunk(s, reply);
		s->refusal = REPLY_NONE;
		if (s->chunk_from != AT_MAIL)
			smtp_transaction_clear(s);
		smtp_set_state(s, s->chunk_from);
		return STEP_REPLY;
	}
	if (!s->chunk_last) {
		(void)snprintf(s->text, sizeof(s->text), "%" PRIu64, s->chunk_size);
		*reply = (struct smtp_reply){ REPLY_CHUNK_OK, span_str(s->text) };
		smtp_set_state(s, AT_BDAT);
		return STEP_REPLY;
	}
	/* The store keeps whole lines: a last one without its end gets it. A CR alone is no line end. (The raw part of a binary message is never in a line.) */
	if (s->scanner.line == LINE_CR) {
		smtp_content_refused(s, REPLY_BARE_CR_LF, reply);
		return STEP_CLOSE;
	}
	if (s->scanner.line == LINE_TEXT)
		(void)smtp_content_add(s, SPAN("\r\n"), &used, reply);
	return smtp_content_finish(s, reply);
}

static enum step chunk_begin(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply)
{
	s->chunk_left = s->chunk_size = args->bdat.size;
	s->chunk_last = args->bdat.last;
	if (s->chunk_left == 0)
		return chunk_done(s, reply);
	smtp_set_state(s, AT_CHUNK);
	return STEP_BODY;
}

enum step smtp_bdat_refuse(struct smtp_session *s, const union smtp_args *args, enum smtp_reply_id refusal, struct smtp_reply *reply)
{
	if (args->bdat.size > SMTP_DISCARD_MAX) {
		reply->id = refusal;
		return STEP_CLOSE;
	}
	smtp_content_refuse(s, refusal);
	smtp_content_measure(s);
	s->chunk_from = s->state & (AT_START | AT_MAIL) ? s->state : AT_READY;
	return chunk_begin(s, args, reply);
}

enum step smtp_run_bdat(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply)
{
	if (s->state == AT_MAIL)
		return smtp_bdat_refuse(s, args, s->profile == SMTP_LMTP ? REPLY_NO_RECIPIENTS_LMTP : REPLY_NO_RECIPIENTS, reply);
	if (s->state == AT_RCPT && smtp_content_begin(s, false) != ERR_OK)
		return smtp_bdat_refuse(s, args, REPLY_TRY_LATER, reply);
	if (args->bdat.size > s->limits.size_max - s->content_bytes)
		return smtp_bdat_refuse(s, args, REPLY_TOO_LARGE, reply);
	s->chunk_from = AT_READY;
	return chunk_begin(s, args, reply);
}

enum step smtp_chunk_feed(struct smtp_session *s, struct span in, size_t *used_out, struct smtp_reply *reply)
{
	if (in.len > s->chunk_left)
		in.len = (size_t)s->chunk_left;
	*used_out = in.len;
	if (s->refusal != REPLY_NONE)
		s->content_bytes += in.len;
	else if (smtp_content_add(s, in, used_out, reply) == BODY_BAD)
		return STEP_CLOSE;
	s->chunk_left -= *used_out;
	if (s->chunk_left == 0)
		return chunk_done(s, reply);
	return smtp_content_is_endless(s, reply) ? STEP_CLOSE : STEP_BODY;
}
