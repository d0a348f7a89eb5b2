/* pop3/cmd_list.c: LIST and UIDL, of one message or of all, some of them a turn.
 *
 * LIST tells what RETR will send (RFC 6856 2.1), which is more than what is stored where a header has to be written in ASCII. To know that, headers have to be read;
 * in a large maildrop, whose owner fetches the list again and again, that is not done, and LIST tells what is stored, as STAT does.
 */
#include "daemon/pop3/commands.h"
#include "daemon/pop3/reply.h"
#include "daemon/pop3/surrogate.h"

struct listing {
	struct pop3_session *s;
	struct out *out;
	bool is_single, was_shown;
	size_t written; /* of headers in ASCII, for their length alone */
};

static unsigned list_wants(const struct pop3_session *s)
{
	return s->utf8 || s->service->drop_count(s->drop) > POP3_EXACT_MAX ? WANT_META : WANT_META | WANT_HEAD;
}

static uint64_t size_of(struct listing *l, const struct message_row *row)
{
	struct surrogate x;
	uint64_t size = row->size;

	if (!(list_wants(l->s) & WANT_HEAD))
		return size;
	if (pop3_surrogate_begin(l->s, row, &x))
		size = pop3_surrogate_size(&x, row);
	l->written += x.prefix_text.len + x.head_text.len;
	pop3_surrogate_end(&x);
	return size;
}

static bool list_row(void *arg, uint32_t number, const struct message_row *row)
{
	struct listing *l = arg;

	if (!pop3_is_marked(&l->s->deleted, number))
		pop3_reply_message(l->out, l->is_single, number, size_of(l, row));
	l->was_shown = true;
	return !out_is_full(l->out) && l->written < POP3_HEAD_MAX; /* others have their turn */
}

static bool uidl_row(void *arg, uint32_t number, const struct message_row *row)
{
	struct listing *l = arg;
	char id[DROP_ID_LEN + 1];

	l->s->service->drop_id(l->s->drop, row, id);
	if (!pop3_is_marked(&l->s->deleted, number))
		pop3_reply_id(l->out, l->is_single, number, id);
	l->was_shown = true;
	return !out_is_full(l->out);
}

static enum step one(struct pop3_session *s, uint64_t number, unsigned want, bool (*each)(void *, uint32_t, const struct message_row *), struct out *out)
{
	struct listing l = { .s = s, .out = out, .is_single = true };
	uint32_t next;
	enum err e;

	if (!pop3_is_there(s, number))
		return pop3_fail(s, out, ERR_NOT_FOUND);
	e = s->service->drop_read(s->drop, (uint32_t)number, (uint32_t)number, want, each, &l, &next);
	return e || !l.was_shown ? pop3_fail(s, out, e ? e : ERR_STATE) : STEP_REPLY;
}

/* In the middle of a reply there is no -ERR: what can't be listed is a connection that ends. */
static enum step some(struct pop3_session *s, unsigned want, bool (*each)(void *, uint32_t, const struct message_row *), struct out *out)
{
	struct listing l = { .s = s, .out = out };

	if (s->run.next <= s->run.last && s->service->drop_read(s->drop, s->run.next, s->run.last, want, each, &l, &s->run.next))
		return pop3_bye(s, out, NULL);
	if (s->run.next <= s->run.last)
		return STEP_MORE;
	s->run.more = NULL;
	pop3_reply_end(out);
	return STEP_REPLY;
}

static enum step list_more(struct pop3_session *s, struct out *out)
{
	return some(s, list_wants(s), list_row, out);
}

static enum step uidl_more(struct pop3_session *s, struct out *out)
{
	return some(s, WANT_FLAGS, uidl_row, out);
}

static enum step all(struct pop3_session *s, enum step (*more)(struct pop3_session *s, struct out *out), struct out *out)
{
	pop3_reply_maildrop(out, pop3_left_count(s), pop3_left_bytes(s));
	s->run = (struct pop3_run){ .more = more, .next = 1, .last = s->service->drop_count(s->drop) };
	return more(s, out);
}

enum step pop3_run_list(struct pop3_session *s, const union pop3_args *args, struct out *out)
{
	return args->message.given ? one(s, args->message.number, list_wants(s), list_row, out) : all(s, list_more, out);
}

enum step pop3_run_uidl(struct pop3_session *s, const union pop3_args *args, struct out *out)
{
	return args->message.given ? one(s, args->message.number, WANT_FLAGS, uidl_row, out) : all(s, uidl_more, out);
}
