/* events/trace_batch.c: what one second brought, as few rows as tell it.
 *
 * (1) A message that came and went within the batch is written once, with the states in which it ended.
 * (2) A turn of an older message changes its row; one whose arrival is not known (noted before an upgrade, dropped) makes the rows it needs.
 * (3) Deferrals are steps of their own; the last turn is in the recipient's row.
 * (4) Ids grow with the time of arrival; when the clock was set back they go on by one until it has caught up.
 */
#include "daemon/events/trace_batch.h"

#include <stdlib.h>

#include "db/trace_message.h"

#define BATCH_ARENA_MAX (64u * 1024u * 1024u)
#define LOWER_MAX (TRACE_TEXT_MAX + 1)

struct arrival {
	const struct trace_note *note;
	struct span texts;
	int64_t id;
	const struct trace_note **last; /* of each recipient; null: none yet */
};

struct work {
	struct db *db;
	struct trace_batch *batch;
	struct arena arena;
	struct arrival *arrivals;
	size_t count;
	uint32_t *buckets; /* index + 1; open addressing */
	size_t bucket_count;
};

/* A copy in lower case (ASCII), in `room`. */
static struct span lower(struct span s, char room[LOWER_MAX])
{
	for (size_t i = 0; i < s.len; i++)
		room[i] = ascii_lower(s.ptr[i]);
	return span_make(room, s.len);
}

static int64_t new_message(struct trace_batch *b, int64_t at_ms)
{
	int64_t by_time = at_ms > 0 && at_ms < (1LL << 42) ? at_ms << TRACE_MESSAGE_BITS : 0;

	b->last_message = by_time > b->last_message ? by_time : b->last_message + 1;
	return b->last_message;
}

static uint32_t *bucket_of(const struct work *w, const uint8_t id[16])
{
	uint64_t random;
	size_t at;

	/* The time stands in front. */
	memcpy(&random, id + 8, sizeof(random));
	for (at = (size_t)random & (w->bucket_count - 1); w->buckets[at]; at = (at + 1) & (w->bucket_count - 1))
		if (memcmp(w->arrivals[w->buckets[at] - 1].note->queue_id, id, 16) == 0)
			break;
	return &w->buckets[at];
}

static enum err make_tables(struct work *w)
{
	struct span texts;
	size_t at = 0, arrivals = 0;
	const struct trace_note *n;

	while ((n = note_next(w->batch->notes, &at, &texts)))
		arrivals += n->kind == NOTE_ARRIVAL;
	for (w->bucket_count = 16; w->bucket_count < 2 * arrivals + 1;)
		w->bucket_count *= 2;
	w->arrivals = arena_array(&w->arena, arrivals, sizeof(*w->arrivals));
	w->buckets = arena_array(&w->arena, w->bucket_count, sizeof(*w->buckets));
	return w->arrivals && w->buckets ? ERR_OK : ERR_LIMIT;
}

static enum err take_arrival(struct work *w, const struct trace_note *n, struct span texts)
{
	struct arrival *a = &w->arrivals[w->count];

	*a = (struct arrival){ .note = n, .texts = texts };
	if (n->refused) {
		w->count++;
	} else {
		uint32_t *bucket = bucket_of(w, n->queue_id);

		if (*bucket)
			return ERR_OK;
		a->last = arena_array(&w->arena, n->recipients, sizeof(*a->last)); /* NOLINT(bugprone-sizeof-expression): pointers are meant */
		if (!a->last)
			return ERR_LIMIT;
		*bucket = (uint32_t)++w->count;
	}
	a->id = new_message(w->batch, n->at_ms);
	return ERR_OK;
}

static void fill_turn(const struct trace_note *n, struct span texts, struct trace_recipient_row *row)
{
	(void)note_text(&texts);
	(void)note_text(&texts);
	row->state = n->state;
	row->attempts = n->attempt;
	row->last_ms = n->at_ms;
	row->next_ms = n->other_ms;
	row->host = note_text(&texts);
	row->tls = note_text(&texts);
	row->reply = note_text(&texts);
}

/* A message that was accepted before anybody noted it: its id says when. */
static enum err insert_unknown(struct work *w, const struct trace_note *n, int64_t *id_out)
{
	struct trace_message_row m = { .queue_id = span_make((const char *)n->queue_id, sizeof(n->queue_id)) };

	for (size_t i = 0; i < 6; i++)
		m.at_ms = m.at_ms << 8 | n->queue_id[i];
	m.id = *id_out = new_message(w->batch, n->at_ms);
	return db_trace_insert_message(w->db, &m);
}

static enum err insert_turned(struct work *w, struct span texts, struct trace_recipient_row *row)
{
	char address[LOWER_MAX], original[LOWER_MAX];
	enum err e;

	row->address = lower(note_text(&texts), address);
	row->original = lower(note_text(&texts), original);
	if (span_equals(row->address, row->original))
		row->original = SPAN("");
	e = db_trace_insert_recipient(w->db, row);
	row->address = row->original = SPAN("");
	return e;
}

static enum err take_turn(struct work *w, const struct trace_note *n, struct span texts)
{
	struct span queue_id = span_make((const char *)n->queue_id, sizeof(n->queue_id));
	uint32_t *bucket = bucket_of(w, n->queue_id);
	struct trace_recipient_row row = { .id = 0 };
	int64_t message = 0;
	enum err e = ERR_OK;

	if (*bucket)
		message = w->arrivals[*bucket - 1].id;
	else
		e = db_trace_find(w->db, queue_id, &message);
	if (e == ERR_NOT_FOUND)
		e = insert_unknown(w, n, &message);
	if (e)
		return e;
	row.id = (message << TRACE_RECIPIENT_BITS) | (n->n & ((1u << TRACE_RECIPIENT_BITS) - 1));
	fill_turn(n, texts, &row);
	if (n->state == TRACE_DEFERRED)
		e = db_trace_insert_step(w->db, &row);
	if (e)
		return e;
	if (*bucket && n->n < w->arrivals[*bucket - 1].note->recipients) {
		w->arrivals[*bucket - 1].last[n->n] = n;
		return ERR_OK;
	}
	e = db_trace_update_recipient(w->db, &row);
	return e == ERR_NOT_FOUND ? insert_turned(w, texts, &row) : e;
}

static enum err insert_recipient(struct work *w, const struct arrival *a, uint32_t n, struct span *texts)
{
	const struct trace_note *turn = a->last ? a->last[n] : NULL;
	char address[LOWER_MAX], original[LOWER_MAX];
	struct trace_recipient_row row = {
		.id = (a->id << TRACE_RECIPIENT_BITS) | (int64_t)n,
		.state = a->note->refused ? TRACE_REJECTED : TRACE_QUEUED,
		.last_ms = a->note->at_ms,
		.address = lower(note_text(texts), address),
		.original = lower(note_text(texts), original),
	};

	if (span_equals(row.address, row.original))
		row.original = SPAN("");
	if (turn)
		fill_turn(turn, span_make((const char *)(turn + 1), turn->size - sizeof(*turn)), &row);
	w->batch->rejected_rows += a->note->refused;
	return db_trace_insert_recipient(w->db, &row);
}

/* Who was named, where the rows no longer say it; one a line. */
static struct span given_lines(struct work *w, const struct arrival *a, struct span texts)
{
	struct buf lines;
	char name[LOWER_MAX];
	struct span all;

	if (!a->note->given)
		return SPAN("");
	for (uint32_t i = 0; i < 2 * a->note->recipients; i++)
		(void)note_text(&texts);
	buf_init(&lines, 1u << 20);
	for (uint32_t i = 0; i < a->note->given; i++) {
		if (i)
			buf_add_char(&lines, '\n');
		buf_add(&lines, lower(note_text(&texts), name));
	}
	all = arena_copy(&w->arena, buf_span(&lines));
	buf_clear(&lines);
	return all;
}

static enum err insert_arrival(struct work *w, const struct arrival *a)
{
	char sender[LOWER_MAX], message_id[LOWER_MAX];
	const struct trace_note *n = a->note;
	struct span texts = a->texts;
	struct trace_message_row m = {
		.id = a->id,
		.queue_id = n->refused ? SPAN("") : span_make((const char *)n->queue_id, sizeof(n->queue_id)),
		.direction = n->direction,
		.at_ms = n->at_ms,
		.connected_ms = n->other_ms,
		.account_id = n->account_id,
		.sid = n->sid,
		.size = n->bytes,
	};
	enum err e;

	m.peer = note_text(&texts);
	m.helo = note_text(&texts);
	m.tls = note_text(&texts);
	m.sender = lower(note_text(&texts), sender);
	m.message_id = lower(note_text(&texts), message_id);
	m.subject = note_text(&texts);
	if (!w->batch->keep_subjects)
		m.subject = SPAN("");
	m.reply = note_text(&texts);
	m.given = given_lines(w, a, texts);
	e = db_trace_insert_message(w->db, &m);
	for (uint32_t i = 0; !e && i < n->recipients; i++)
		e = insert_recipient(w, a, i, &texts);
	return e;
}

enum err trace_batch_write(struct db *db, struct trace_batch *b)
{
	struct work w = { .db = db, .batch = b };
	const struct trace_note *n;
	struct span texts;
	size_t at = 0;
	enum err e;

	arena_init(&w.arena, BATCH_ARENA_MAX);
	b->rejected_rows = 0;
	e = make_tables(&w);
	while (!e && (n = note_next(b->notes, &at, &texts)))
		e = n->kind == NOTE_ARRIVAL ? take_arrival(&w, n, texts) : take_turn(&w, n, texts);
	for (size_t i = 0; !e && i < w.count; i++)
		e = insert_arrival(&w, &w.arrivals[i]);
	arena_clear(&w.arena);
	return e;
}
