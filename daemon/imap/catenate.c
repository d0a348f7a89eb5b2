/* imap/catenate.c: CATENATE's URLs.
 *
 * A part is picked as FETCH picks it, into an output chain of its own: memory of a row, at most, and a range of the body's file. The chain
 * is drained into the new message a piece at a time, and a turn ends after IMAP_TURN_US.
 */
#include "daemon/imap/catenate.h"

#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/imap/fetch.h"
#include "daemon/imap/imap_url.h"
#include "daemon/imap/limits.h"
#include "daemon/imap/url_place.h"

#define PIECE (64u * 1024u)
#define URL_ARENA_MAX (256u * 1024u)

struct catenate {
	struct out content;
	char piece[PIECE];
};

struct picking {
	struct imap_session *s;
	const struct fetch_item *item;
	struct catenate *c;
};

static bool pick(void *arg, const struct message_row *row)
{
	struct picking *k = arg;
	struct fetch_source source = { .s = k->s, .row = row };

	fetch_section(&source, k->item, &k->c->content);
	fetch_source_end(&source);
	return false;
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
	struct picking k = { s, &item, c };
	struct url_place place = { .m = NULL };
	struct imap_url url;
	enum err e = imap_url_parse(text, a, &url);

	if (!e)
		e = url_place_item(&url, a, &item);
	if (!e)
		e = url_place_open(s, &url, &place);
	if (!e)
		e = url_place_read(s, &place, url.uid, WANT_PARTS | WANT_HEAD | WANT_BODY, pick, &k);
	url_place_close(s, &place);
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
