/* pop3/cmd_small.c: STAT, DELE, NOOP, RSET, QUIT, CAPA, LANG, UTF8, STLS. */
#include "daemon/pop3/commands.h"
#include "daemon/pop3/reply.h"

enum step pop3_run_stat(struct pop3_session *s, const union pop3_args *args, struct out *out)
{
	(void)args;
	pop3_reply_count(out, pop3_left_count(s), pop3_left_bytes(s));
	return STEP_REPLY;
}

static bool note_size(void *arg, uint32_t number, const struct message_row *row)
{
	(void)number;
	*(uint64_t *)arg = row->size;
	return true;
}

/* What is there no more is marked all the same: the client wants it gone. Its size is not known then, and STAT counts it on. */
enum step pop3_run_dele(struct pop3_session *s, const union pop3_args *args, struct out *out)
{
	uint32_t number = (uint32_t)args->message.number, next;
	uint64_t size = 0;
	enum err e;

	if (!pop3_is_there(s, args->message.number))
		return pop3_fail(s, out, ERR_NOT_FOUND);
	e = s->service->drop_read(s->drop, number, number, WANT_META, note_size, &size, &next);
	if (!e && !pop3_mark(s, &s->deleted, number, size))
		e = ERR_TEMP;
	if (e)
		return pop3_fail(s, out, e);
	pop3_reply_ok(out, "Marked to be deleted");
	return STEP_REPLY;
}

enum step pop3_run_noop(struct pop3_session *s, const union pop3_args *args, struct out *out)
{
	(void)s;
	(void)args;
	pop3_reply_ok(out, "Done");
	return STEP_REPLY;
}

/* Of the marks only: what was fetched was fetched. */
enum step pop3_run_rset(struct pop3_session *s, const union pop3_args *args, struct out *out)
{
	(void)args;
	pop3_marks_clear(&s->deleted);
	pop3_reply_maildrop(out, pop3_left_count(s), pop3_left_bytes(s));
	return STEP_REPLY;
}

/* RFC 1939 6: the maildrop is given back, whatever came of it. What was not removed is all there. */
enum step pop3_run_quit(struct pop3_session *s, const union pop3_args *args, struct out *out)
{
	enum err e = ERR_OK;

	(void)args;
	if (s->state == POP3_TRANSACTION) {
		pop3_set_state(s, POP3_UPDATE);
		if (s->deleted.count)
			e = s->service->drop_remove(s->drop, s->deleted.bits);
		pop3_release(s);
	}
	if (e)
		pop3_reply_err(out, "[SYS/TEMP] The messages could not be deleted");
	else
		pop3_reply_ok(out, "Goodbye");
	pop3_set_state(s, POP3_ENDED);
	return STEP_CLOSE;
}

enum step pop3_run_capa(struct pop3_session *s, const union pop3_args *args, struct out *out)
{
	(void)args;
	pop3_reply_ok(out, "This can be done");
	pop3_reply_capabilities(s, out);
	pop3_reply_end(out);
	return STEP_REPLY;
}

/* RFC 6856 3: what there is, is English, whatever the country; "*" is the server's own choice. */
enum step pop3_run_lang(struct pop3_session *s, const union pop3_args *args, struct out *out)
{
	struct span language = args->text;

	(void)s;
	if (!language.len) {
		pop3_reply_ok(out, "Language listing follows:");
		pop3_reply_line(out, "en English");
		pop3_reply_line(out, "i-default Default language");
		pop3_reply_end(out);
		return STEP_REPLY;
	}
	if (span_iequals(language, SPAN("i-default")))
		pop3_reply_ok(out, "i-default Default language");
	else if (span_equals(language, SPAN("*")) || span_iequals(language, SPAN("en")) || span_istarts(language, SPAN("en-")))
		pop3_reply_ok(out, "en English");
	else
		pop3_reply_err(out, "Not in that language");
	return STEP_REPLY;
}

enum step pop3_run_utf8(struct pop3_session *s, const union pop3_args *args, struct out *out)
{
	(void)args;
	s->utf8 = true;
	pop3_reply_ok(out, "UTF8 is on");
	return STEP_REPLY;
}

/* RFC 2595 4: what was said before is forgotten, and input that was sent along is dropped by the pool. */
enum step pop3_run_stls(struct pop3_session *s, const union pop3_args *args, struct out *out)
{
	(void)args;
	if (s->peer->tls)
		return pop3_bad(s, out, "TLS is on already");
	if (!s->may_starttls)
		return pop3_bad(s, out, "TLS is not offered here");
	arena_wipe(&s->secret);
	s->user = span_make(NULL, 0);
	s->utf8 = false;
	pop3_reply_ok(out, "Begin the handshake");
	return STEP_STARTTLS;
}
