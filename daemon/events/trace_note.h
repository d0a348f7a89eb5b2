/* events/trace_note.h: notes of the mail path as bytes, until the writer takes them. */
#ifndef POSTROOM_EVENTS_TRACE_NOTE_H
#define POSTROOM_EVENTS_TRACE_NOTE_H

#include "daemon/base/buf.h"
#include "daemon/events/trace.h"

#define TRACE_TEXT_MAX 1000u
#define TRACE_RECIPIENTS_MAX 16000u

enum note_kind { NOTE_ARRIVAL,
		 NOTE_TURN };

/* As it lies in the buffer, aligned to 8 bytes; the texts follow, read in the order in which they were added. */
struct trace_note {
	uint32_t size; /* with texts and padding */
	uint8_t kind, refused, direction, state;
	uint8_t queue_id[16];
	int64_t at_ms, other_ms; /* connected_ms, next_ms */
	uint64_t account_id, sid, bytes;
	uint32_t recipients, given; /* of an arrival */
	uint32_t n, attempt;        /* of a turn */
};

/* What one takes; to be added with note_add_*(). */
size_t note_arrival_size(const struct trace_arrival *a);
size_t note_turn_size(const struct trace_turn *turn);
/* Nothing is added when the buffer fails. Texts: peer, helo, tls, sender, message_id, subject, reply; address and original of each recipient; given ones. */
void note_add_arrival(struct buf *out, const struct trace_arrival *a, size_t size);
/* Texts: recipient, original, host, tls, reply. */
void note_add_turn(struct buf *out, const struct trace_turn *turn, size_t size);

/* The next note at *at, with *texts_out before its first text; null at the end. */
const struct trace_note *note_next(struct span all, size_t *at, struct span *texts_out);
struct span note_text(struct span *texts);

#endif
