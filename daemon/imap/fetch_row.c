/* imap/fetch_row.c: "* 12 FETCH (...)" of one message, straight into the output. Envelope and structures are stored ready to be sent. */
#include "daemon/base/clock.h"
#include "daemon/imap/fetch.h"
#include "daemon/imap/objectid.h"
#include "daemon/imap/reply.h"
#include "daemon/imap/sync.h"

static void stored(struct span label, struct span text, struct out *out)
{
	reply_add(out, label);
	reply_add(out, text.len ? text : SPAN("NIL"));
}

static void flags_item(struct imap_session *s, uint32_t uid, uint64_t flags, struct out *out)
{
	reply_add(out, SPAN("FLAGS "));
	reply_flags(s, out, flags, s->service->view_is_recent(s->view, uid));
}

static void object_item(const struct fetch_source *src, enum objectid_kind kind, struct out *out)
{
	uint64_t number = kind == OBJECTID_EMAIL ? src->row->content : src->row->thread;
	struct objectid id = objectid_make(kind, src->s->at.owner, number);

	reply_add(out, kind == OBJECTID_EMAIL ? SPAN("EMAILID (") : SPAN("THREADID ("));
	reply_add(out, span_str(id.text));
	reply_add(out, SPAN(")"));
}

static void saved_item(const struct message_row *row, struct out *out)
{
	reply_add(out, SPAN("SAVEDATE "));
	if (row->saved_ms)
		reply_internal_date(out, row->saved_ms, 0);
	else
		reply_add(out, SPAN("NIL")); /* RFC 8514 4.2: not kept then */
}

/* False: a stream that is not at its end. */
static bool render_item(struct fetch_source *src, const struct fetch_item *item, uint64_t flags, struct out *out)
{
	const struct message_row *row = src->row;

	switch (item->kind) {
	case FETCH_FLAGS: flags_item(src->s, row->uid, flags, out); break;
	case FETCH_UID:
		reply_add(out, SPAN("UID "));
		reply_number(out, row->uid);
		break;
	case FETCH_INTERNALDATE:
		reply_add(out, SPAN("INTERNALDATE "));
		reply_internal_date(out, row->internal_ms, row->internal_offset_minutes);
		break;
	case FETCH_SIZE:
		reply_add(out, SPAN("RFC822.SIZE "));
		reply_number(out, row->size);
		break;
	case FETCH_ENVELOPE: stored(SPAN("ENVELOPE "), row->envelope, out); break;
	case FETCH_BODY_PLAIN: stored(SPAN("BODY "), row->body_text_structure, out); break;
	case FETCH_BODY_STRUCTURE: stored(SPAN("BODYSTRUCTURE "), row->body_structure, out); break;
	case FETCH_SECTION:
	case FETCH_BINARY:
	case FETCH_BINARY_SIZE: return fetch_section(src, item, out);
	case FETCH_MODSEQ: reply_modseq(out, row->modseq); break;
	case FETCH_PREVIEW: fetch_preview(src, out); break;
	case FETCH_EMAILID: object_item(src, OBJECTID_EMAIL, out); break;
	case FETCH_THREADID: object_item(src, OBJECTID_THREAD, out); break;
	case FETCH_SAVEDATE: saved_item(row, out); break;
	}
	return true;
}

/* Between two items: sections may each hold much, or take long to be picked from a header of thousands of fields. */
static bool is_pause(const struct fetch_item *last, int64_t start_us, const struct out *out)
{
	const bool picks = last->kind == FETCH_SECTION || last->kind == FETCH_BINARY || last->kind == FETCH_BINARY_SIZE;

	return out->memory_bytes > IMAP_ROW_PAUSE || (picks && clock_mono_us() - start_us > IMAP_TURN_US);
}

bool fetch_render(struct imap_session *s, struct fetch_row *at, const struct message_row *row, uint32_t sequence, uint64_t flags, bool tell_flags,
		  struct out *out)
{
	const struct fetch_item *items = at->items ? at->items : s->run.args.fetch.items;
	struct fetch_source src = { .s = s, .row = row, .at = at };
	size_t count = at->items ? at->item_count : s->run.args.fetch.count;
	int64_t start_us = count > 1 ? clock_mono_us() : 0;

	if (!at->begun) {
		imap_keywords_refresh(s, out, flags);
		*at = (struct fetch_row){ .items = at->items, .item_count = at->item_count, .begun = true, .uid = row->uid, .unknown_encoding = at->unknown_encoding };
		reply_fetch_begin(s, out, sequence, row->uid);
	}
	s->run.mid_line = true;
	for (size_t first = at->item_at; at->item_at < count; at->item_at++) {
		if (at->item_at > first && is_pause(&items[at->item_at - 1], start_us, out))
			break;
		if (at->item_at)
			reply_add(out, SPAN(" "));
		if (!render_item(&src, &items[at->item_at], flags, out))
			break;
	}
	fetch_source_end(&src);
	if (at->item_at < count)
		return false;
	if (tell_flags) {
		if (count)
			reply_add(out, SPAN(" "));
		flags_item(s, row->uid, flags, out);
	}
	reply_add(out, SPAN(")\r\n"));
	at->begun = false;
	s->run.mid_line = false;
	return true;
}

/* The message was expunged by others between two of its items: the line ends with the items that were sent (RFC 2180 4.1). */
void fetch_abandon(struct imap_session *s, struct fetch_row *at, struct out *out)
{
	reply_add(out, SPAN(")\r\n"));
	at->begun = false;
	s->run.mid_line = false;
}
