/* events/trace_find.c: one message as a timeline. */
#include <stdlib.h>

#include "daemon/base/encode.h"
#include "daemon/events/trace_state.h"
#include "db/trace_search.h"

#define ROWS_MAX 16384u
#define STEPS_MAX 20000u
#define REFUSED SPAN("refused_")

struct timeline {
	struct arena *a;
	struct trace_message *out;
	struct trace_row *rows;
	struct trace_recipient_row *recipients; /* their last turns */
	size_t row_count, row_room;
	struct trace_step *steps;
	size_t step_count, step_room;
	bool refused;
};

/* Room for one more; doubles in the arena. */
static void *make_room(struct arena *a, void *list, size_t count, size_t *room, size_t size)
{
	size_t wider = *room ? *room * 2 : 16;
	void *moved;

	if (count < *room)
		return list;
	moved = arena_array(a, wider, size);
	if (!moved)
		return NULL;
	if (count)
		memcpy(moved, list, count * size);
	*room = wider;
	return moved;
}

static void add_step(struct timeline *t, const struct trace_step *step)
{
	struct trace_step *steps = make_room(t->a, t->steps, t->step_count, &t->step_room, sizeof(*steps));

	if (!steps)
		return;
	t->steps = steps;
	steps[t->step_count++] = *step;
}

static struct span given_lines(struct arena *a, struct span lines, const struct span **out, size_t *count_out)
{
	struct span rest = arena_copy(a, lines), one, *list;
	size_t count = 1;

	for (size_t i = 0; i < lines.len; i++)
		count += lines.ptr[i] == '\n';
	list = lines.len ? arena_array(a, count, sizeof(*list)) : NULL;
	*count_out = 0;
	*out = list;
	while (list && span_split(&rest, '\n', &one))
		list[(*count_out)++] = one;
	return lines;
}

static void take_message(void *arg, const struct trace_message_row *m)
{
	struct timeline *t = arg;
	struct trace_arrival *to = &t->out->arrival;
	struct arena *a = t->a;
	struct span id = arena_copy(a, m->queue_id);

	*to = (struct trace_arrival){
		.queue_id = id.len ? (const uint8_t *)id.ptr : NULL,
		.direction = (enum trace_direction)m->direction,
		.connected_ms = m->connected_ms,
		.at_ms = m->at_ms,
		.peer = arena_copy(a, m->peer),
		.helo = arena_copy(a, m->helo),
		.tls = arena_copy(a, m->tls),
		.account_id = m->account_id,
		.sid = m->sid,
		.sender = arena_copy(a, m->sender),
		.message_id = arena_copy(a, m->message_id),
		.subject = arena_copy(a, m->subject),
		.size = m->size,
		.reply = arena_copy(a, m->reply),
	};
	t->refused = m->queue_id.len == 0;
	(void)given_lines(a, m->given, &to->given, &to->given_count);
}

static void take_recipient(void *arg, const struct trace_recipient_row *r)
{
	struct timeline *t = arg;
	const struct trace_arrival *from = &t->out->arrival;
	size_t room = t->row_room;
	struct trace_row *rows = make_room(t->a, t->rows, t->row_count, &t->row_room, sizeof(*rows));
	struct trace_recipient_row *recipients = make_room(t->a, t->recipients, t->row_count, &room, sizeof(*recipients));
	struct trace_recipient_row *turn;
	struct buf id;

	if (!rows || !recipients)
		return;
	t->rows = rows;
	t->recipients = recipients;
	turn = &recipients[t->row_count];
	*turn = *r;
	turn->address = arena_copy(t->a, r->address);
	turn->original = arena_copy(t->a, r->original);
	turn->host = arena_copy(t->a, r->host);
	turn->tls = arena_copy(t->a, r->tls);
	turn->reply = arena_copy(t->a, r->reply);
	rows[t->row_count] = (struct trace_row){ .id = (uint64_t)r->id, .at_ms = from->at_ms, .last_ms = r->last_ms, .next_ms = r->next_ms, .direction = from->direction, .state = (enum trace_state)r->state, .sender = from->sender, .recipient = turn->address, .original = turn->original, .subject = from->subject, .message_id = from->message_id, .last_reply = turn->reply, .size = from->size, .attempts = r->attempts };
	if (from->queue_id) {
		buf_init(&id, sizeof(rows->queue_id));
		hex_encode(span_make((const char *)from->queue_id, 16), &id);
		memcpy(rows[t->row_count].queue_id, id.ptr, id.len);
		buf_clear(&id);
	}
	t->row_count++;
}

static struct span recipient_of(const struct timeline *t, int64_t id)
{
	for (size_t i = 0; i < t->row_count; i++)
		if (t->recipients[i].id == id)
			return t->recipients[i].address;
	return SPAN("");
}

static void take_attempt(void *arg, const struct trace_recipient_row *r)
{
	struct timeline *t = arg;
	struct trace_step step = { .at_ms = r->last_ms, .what = "deferred", .recipient = recipient_of(t, r->id), .host = arena_copy(t->a, r->host), .detail = arena_copy(t->a, r->reply), .tls = arena_copy(t->a, r->tls), .next_ms = r->next_ms };

	add_step(t, &step);
}

static void add_arrival(struct timeline *t)
{
	const struct trace_arrival *a = &t->out->arrival;
	struct trace_step step = { .at_ms = a->connected_ms, .what = "connected", .host = a->helo, .detail = a->peer };

	if (a->connected_ms && a->peer.len)
		add_step(t, &step);
	step = (struct trace_step){ .at_ms = a->connected_ms, .what = "tls", .detail = a->tls };
	if (a->connected_ms && a->tls.len)
		add_step(t, &step);
	step = (struct trace_step){ .at_ms = a->at_ms, .what = t->refused ? "rejected" : "accepted", .detail = a->reply };
	add_step(t, &step);
}

static void add_expansions(struct timeline *t)
{
	for (size_t i = 0; i < t->row_count; i++) {
		const struct trace_recipient_row *r = &t->recipients[i];
		struct trace_step step = { .at_ms = t->out->arrival.at_ms, .what = "expanded", .recipient = r->address, .detail = r->original };

		if (r->original.len)
			add_step(t, &step);
	}
}

/* The last turn of each; deferrals are steps already. */
static void add_ends(struct timeline *t)
{
	for (size_t i = 0; i < t->row_count && !t->refused; i++) {
		const struct trace_recipient_row *r = &t->recipients[i];
		struct trace_step step = { .at_ms = r->last_ms, .what = trace_state_name((enum trace_state)r->state), .recipient = r->address, .host = r->host, .detail = r->reply, .tls = r->tls };

		if (r->state == TRACE_QUEUED || r->state == TRACE_DEFERRED)
			continue;
		add_step(t, &step);
	}
}

struct ordered {
	struct trace_step step;
	size_t order;
};

static int compare_steps(const void *left, const void *right)
{
	const struct ordered *a = left, *b = right;
	int by_time = (a->step.at_ms > b->step.at_ms) - (a->step.at_ms < b->step.at_ms);

	return by_time ? by_time : (a->order > b->order) - (a->order < b->order);
}

/* What happened within a millisecond stays as it was added. */
static void sort_steps(struct timeline *t)
{
	struct ordered *all = arena_array(t->a, t->step_count, sizeof(*all));

	if (!all)
		return;
	for (size_t i = 0; i < t->step_count; i++)
		all[i] = (struct ordered){ t->steps[i], i };
	qsort(all, t->step_count, sizeof(*all), compare_steps);
	for (size_t i = 0; i < t->step_count; i++)
		t->steps[i] = all[i].step;
}

static enum err find_message(struct trace *t, struct span id, int64_t *message_out)
{
	uint64_t number;
	struct buf bytes;
	enum err e;

	if (span_starts(id, REFUSED)) {
		e = span_to_u64(span_skip(id, REFUSED.len), INT64_MAX, &number);
		*message_out = e ? 0 : (int64_t)(number >> TRACE_RECIPIENT_BITS);
		return e ? ERR_NOT_FOUND : ERR_OK;
	}
	buf_init(&bytes, TRACE_QUEUE_ID);
	e = id.len == 2 * TRACE_QUEUE_ID ? hex_decode(id, &bytes) : ERR_NOT_FOUND;
	if (!e)
		e = db_trace_find(t->reader, buf_span(&bytes), message_out);
	buf_clear(&bytes);
	return e == ERR_SYNTAX ? ERR_NOT_FOUND : e;
}

enum err trace_find(struct trace *t, struct span id, struct arena *a, struct trace_message *out)
{
	struct timeline line = { .a = a, .out = out };
	int64_t message = 0;
	enum err e;

	memset(out, 0, sizeof(*out));
	trace_settle(t);
	pthread_mutex_lock(&t->reader_lock);
	e = db_begin(t->reader);
	if (!e)
		e = find_message(t, id, &message);
	if (!e)
		e = db_trace_message(t->reader, message, take_message, &line);
	if (!e)
		e = db_trace_recipients(t->reader, message, ROWS_MAX, take_recipient, &line);
	if (!e) {
		add_arrival(&line);
		add_expansions(&line);
		e = db_trace_steps(t->reader, message, STEPS_MAX, take_attempt, &line);
	}
	db_rollback(t->reader);
	pthread_mutex_unlock(&t->reader_lock);
	if (e)
		return e;
	/* A refused one is known by its rows, an accepted one by its queue id alone. */
	if (line.refused && !span_starts(id, REFUSED))
		return ERR_NOT_FOUND;
	if (!line.refused && span_starts(id, REFUSED))
		return ERR_NOT_FOUND;
	add_ends(&line);
	sort_steps(&line);
	out->rows = line.rows;
	out->row_count = line.row_count;
	out->steps = line.steps;
	out->step_count = line.step_count;
	return a->failed ? ERR_LIMIT : ERR_OK;
}
