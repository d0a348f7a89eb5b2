/* imap/catenate.c: CATENATE's URLs.
 *
 * A part is picked as FETCH picks it, into an output chain of its own: memory of a row, at most, and a range of the body's file. The chain
 * is drained into the new message a piece at a time, and a turn ends after IMAP_TURN_US.
 */
#include "daemon/imap/catenate.h"

#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/imap/commands.h"
#include "daemon/imap/fetch.h"
#include "daemon/imap/imap_url.h"
#include "daemon/imap/limits.h"
#include "daemon/imap/sync.h"

#define PIECE (64u * 1024u)
#define URL_ARENA_MAX (256u * 1024u)
#define URL_SHOWN_MAX 1000

struct catenate {
	struct out content;
	char piece[PIECE];
};

/* url-resp-text = 1*<any TEXT-CHAR except "]">; without what is none. */
struct span catenate_bad_url(struct imap_session *s, struct span url)
{
	struct span text = arena_copy(&s->run.arena, span_take(url, URL_SHOWN_MAX));
	char *to = (char *)text.ptr;

	for (size_t i = 0; i < text.len; i++) {
		if (to[i] < 0x20 || to[i] == 0x7f || to[i] == ']')
			to[i] = '?';
	}
	return arena_printf(&s->run.arena, "[BADURL %.*s] Nothing here has this URL", (int)text.len, text.ptr);
}

/* The section as FETCH would be asked for it; what does not parse there is no section. */
static enum err find_item(const struct imap_url *url, struct arena *a, struct fetch_item *out)
{
	union imap_args args = { .fetch = { .count = 0 } };
	struct imap_parser p = { .arena = a };
	enum err e;

	p.rest = url->is_partial && url->length ? arena_printf(a, " 1 BODY.PEEK[%.*s]<%u.%u>", (int)url->section.len, url->section.ptr, url->offset, url->length)
						: arena_printf(a, " 1 BODY.PEEK[%.*s]", (int)url->section.len, url->section.ptr);
	e = p.rest.ptr ? imap_parse_fetch(&p, &args) : ERR_LIMIT;
	if (e || p.rest.len || args.fetch.count != 1 || args.fetch.items[0].kind != FETCH_SECTION)
		return e == ERR_LIMIT ? e : ERR_SYNTAX;
	*out = args.fetch.items[0];
	out->label = SPAN("");
	return ERR_OK;
}

struct picking {
	struct imap_session *s;
	const struct fetch_item *item;
	struct catenate *c;
	bool found;
};

static bool pick(void *arg, const struct message_row *row)
{
	struct picking *k = arg;
	struct fetch_source source = { .s = k->s, .row = row };

	fetch_section(&source, k->item, &k->c->content);
	fetch_source_end(&source);
	k->found = true;
	return false;
}

static enum err pick_section(struct imap_session *s, uint64_t mailbox_id, uint32_t uid, const struct fetch_item *item, struct catenate *c)
{
	struct picking k = { s, item, c, false };
	const struct uid_set set = { &(struct uid_range){ uid, uid }, 1 };
	struct view *v = NULL;
	uint32_t last;
	bool end;
	enum err e = s->service->view_open_readonly(s->store, mailbox_id, &v);

	if (!e)
		e = s->service->view_read(v, &set, 0, WANT_PARTS | WANT_HEAD | WANT_BODY, pick, &k, &last, &end);
	if (v)
		s->service->view_close(&v);
	return !e && !k.found ? ERR_NOT_FOUND : e;
}

static enum err find_mailbox(struct imap_session *s, const struct imap_url *url, uint64_t *id_out)
{
	struct mailbox_info m;
	enum err e;

	if (url->has_host && !s->service->is_own(s->ctx, url->user, url->host))
		return ERR_NOT_FOUND;
	if (!url->has_mailbox) { /* relative to the selected one (RFC 4469 3) */
		*id_out = s->view ? s->service->view_mailbox_id(s->view) : 0;
		return s->view ? ERR_OK : ERR_NOT_FOUND;
	}
	e = imap_mailbox_find(s, url->mailbox, &m);
	if (!e && url->uid_validity && url->uid_validity != m.uid_validity)
		e = ERR_NOT_FOUND;
	*id_out = e ? 0 : m.id;
	return e;
}

/* Behind " {n}" CRLF the content begins; " NIL": there is no such part. */
static enum err skip_size(struct catenate *c)
{
	struct span start = out_peek(&c->content, c->piece, sizeof c->piece);
	size_t end;

	if (!span_find(start, SPAN("}\r\n"), &end))
		return c->content.failed ? ERR_TEMP : ERR_NOT_FOUND;
	out_drop(&c->content, end + 3);
	return ERR_OK;
}

static enum err find(struct imap_session *s, struct span text, struct arena *a, struct catenate *c)
{
	struct fetch_item item = { .kind = FETCH_SECTION };
	struct imap_url url;
	uint64_t mailbox_id;
	enum err e = imap_url_parse(text, a, &url);

	if (!e)
		e = find_item(&url, a, &item);
	if (!e)
		e = find_mailbox(s, &url, &mailbox_id);
	if (!e)
		e = pick_section(s, mailbox_id, url.uid, &item, c);
	return e ? e : skip_size(c);
}

enum err catenate_begin(struct imap_session *s, struct span url, struct catenate **out)
{
	struct catenate *c = malloc(sizeof *c);
	struct arena a;
	enum err e;

	*out = NULL;
	if (!c)
		return ERR_TEMP;
	out_init(&c->content);
	arena_init(&a, URL_ARENA_MAX);
	e = find(s, url, &a, c);
	arena_clear(&a);
	if (e)
		catenate_end(&c);
	*out = c;
	return e;
}

enum catenate_state catenate_copy(struct imap_session *s, struct catenate *c, struct append_message *to)
{
	const int64_t start_us = clock_mono_us();

	while (!to->failed.ptr) {
		struct span piece = out_peek(&c->content, c->piece, sizeof c->piece);

		if (!piece.len)
			return c->content.failed ? CATENATE_FAILED : CATENATE_DONE;
		piece = span_take(piece, sizeof c->piece);
		append_message_feed(s, to, piece, true);
		out_drop(&c->content, piece.len);
		if (clock_mono_us() - start_us > IMAP_TURN_US)
			return CATENATE_MORE;
	}
	return CATENATE_DONE;
}

void catenate_end(struct catenate **catenate)
{
	struct catenate *c = *catenate;

	*catenate = NULL;
	if (!c)
		return;
	out_clear(&c->content);
	free(c);
}
