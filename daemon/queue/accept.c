/* queue/accept.c: taking responsibility for a message.
 *
 *   WRITING --accept_seal--> SEALED --accept_store, commit--> QUEUED
 *      |                        |
 *      +------ accept_end ------+--> nothing, the file is removed
 *
 * (1) A body file gets its final name at once; one that no row names is not ours: queue_open removes it.
 * (2) A row exists only for a sealed message: the body in the row, or a file that is fsynced with its directory.
 * (3) Only QUEUED may be acknowledged to the peer.
 * (4) The envelope is routed inside accept_seal, so the recipients that aliases lead to are stored with the message.
 * (5) The file of a commit that failed goes after the next one that succeeds (body_doubt).
 * (6) All memory that the scheduling needs is there before the commit: after it nothing can fail.
 */
#include "daemon/queue/accept.h"

#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/arena.h"
#include "daemon/base/clock.h"
#include "daemon/directory/setting.h"
#include "daemon/mime/header.h"
#include "daemon/queue/body.h"
#include "daemon/queue/content.h"
#include "daemon/queue/detail.h"
#include "daemon/queue/entry.h"
#include "daemon/queue/flush.h"
#include "daemon/queue/lane.h"
#include "daemon/queue/route.h"
#include "daemon/queue/sent.h"
#include "daemon/queue/tell.h"
#include "db/checkpointer.h"
#include "db/queue_message.h"
#include "db/queue_srs.h"

#define SRS_TRIM_ROWS 4
#define HEADER_PIECE 8192u
#define SUBJECT_MAX 400u
#define ROW_PAGES_BYTES 8192u                  /* of the WAL, beside the content */
#define PATH_MAX_BYTES 450u                    /* of an address with every character of the local part quoted */
#define ACCEPT_ARENA_MAX (32u * 1024u * 1024u) /* ROUTE_MAX_ADDRESSES of them */

enum accept_state { ACCEPT_WRITING,
		    ACCEPT_SEALED,
		    ACCEPT_QUEUED };

struct accept {
	struct queue *q;
	enum accept_state state;
	enum err failed; /* latched */
	struct buf header;
	bool header_done, header_replaced;
	size_t header_check_at; /* length at which a header without an empty line is looked at again */
	struct content *content;
	struct body_writer file;
	struct message_parser *parser; /* fed while a large body arrives */
	uint64_t size, size_max;

	/* of a sealed one */
	struct arena arena; /* the row and its recipients */
	struct route_result route;
	struct queue_row row;
	struct queue_recipient_row *recipients;
	struct span *hops;
	size_t recipient_count;
	struct entry *entry;
	struct tell_accepted told; /* in the arena */
	struct sent *sent;         /* null: nothing of it counts */
	struct db_member member;
	void (*done)(void *arg, enum err result);
	void *done_arg;
	struct accept *next;
};

static uint64_t size_limit(struct queue *q)
{
	const struct snapshot *s = directory_hold(q->config.directory);
	int64_t max = snapshot_number(s, SETTING_MESSAGE_SIZE_MAX);

	snapshot_release(&s);
	return (uint64_t)max;
}

void accept_is_ours(struct accept *a)
{
	a->size_max = UINT64_MAX;
}

enum err accept_begin(struct queue *q, struct accept **out)
{
	struct accept *a = calloc(1, sizeof(*a));

	*out = a;
	if (!a)
		return ERR_TEMP;
	a->q = q;
	a->size_max = size_limit(q);
	a->file = BODY_WRITER_NONE;
	a->header_check_at = 2 * HEADER_PIECE;
	buf_init(&a->header, STORE_HEAD_MAX + HEADER_PIECE + 2);
	arena_init(&a->arena, ACCEPT_ARENA_MAX);
	a->content = content_new();
	if (!a->content) {
		accept_end(out);
		return ERR_TEMP;
	}
	return ERR_OK;
}

static enum err start_file(struct accept *a)
{
	struct content *c = a->content;
	enum err e = body_create(a->q, &a->file, &c->path);

	if (!e)
		e = message_parser_begin(&a->parser);
	if (e)
		return e;
	message_parser_feed(a->parser, buf_span(&a->header));
	message_parser_feed(a->parser, buf_span(&c->body));
	return body_write(&a->file, buf_span(&c->body));
}

static enum err add_body(struct accept *a, struct span s)
{
	struct content *c = a->content;
	enum err e = ERR_OK;

	if (!s.len)
		return ERR_OK;
	c->body_size += s.len;
	if (a->file.fd < 0) {
		if (s.len <= STORE_INLINE_MAX - c->body.len) {
			buf_add(&c->body, s);
			return c->body.failed ? ERR_TEMP : ERR_OK;
		}
		e = start_file(a);
		if (e)
			return e;
		buf_reset(&c->body);
	}
	message_parser_feed(a->parser, s);
	/* From here the buffer gathers small pieces for the file. */
	if (s.len > STORE_INLINE_MAX - c->body.len) {
		e = body_write(&a->file, buf_span(&c->body));
		buf_reset(&c->body);
	}
	if (!e && s.len >= STORE_INLINE_MAX)
		return body_write(&a->file, s);
	buf_add(&c->body, s);
	return e ? e : c->body.failed ? ERR_TEMP
				      : ERR_OK;
}

/* The header ends at `end` of what was gathered, the rest is body. A header that its own lines did not end gets its empty line:
 * what stands in front of the body must not run into it. */
static enum err header_ends(struct accept *a, size_t end)
{
	struct buf rest = { 0 };
	enum err e;

	if (end > STORE_HEAD_MAX)
		return ERR_LIMIT;
	buf_init(&rest, a->header.max);
	buf_add(&rest, span_skip(buf_span(&a->header), end));
	a->header.len = end;
	if (!span_equals(buf_span(&a->header), SPAN("\r\n")) && !span_ends(buf_span(&a->header), SPAN("\r\n\r\n")))
		buf_add_str(&a->header, "\r\n");
	a->header_done = true;
	e = rest.failed || a->header.failed ? ERR_TEMP : add_body(a, buf_span(&rest));
	buf_clear(&rest);
	return e;
}

/* A line that is no field ends the header too (header_length); looked for at doubling lengths, so that it costs no more than twice the header. */
static enum err find_header_end(struct accept *a, size_t from)
{
	struct span all = buf_span(&a->header), tail = span_skip(all, from);
	size_t at, lines = all.len, length;

	if (span_starts(all, SPAN("\r\n")))
		return header_ends(a, 2);
	if (span_find(tail, SPAN("\r\n\r\n"), &at))
		return header_ends(a, header_length(span_take(all, from + at + 4)));
	if (all.len < a->header_check_at)
		return ERR_OK;
	a->header_check_at = all.len * 2 < STORE_HEAD_MAX ? all.len * 2 : STORE_HEAD_MAX;
	while (lines > 0 && all.ptr[lines - 1] != '\n')
		lines--;
	length = header_length(span_take(all, lines));
	if (length < lines)
		return header_ends(a, length);
	return all.len > STORE_HEAD_MAX ? ERR_LIMIT : ERR_OK;
}

static enum err add_bytes(struct accept *a, struct span bytes)
{
	enum err e = ERR_OK;

	while (!e && bytes.len && !a->header_done) {
		struct span piece = span_take(bytes, HEADER_PIECE);
		size_t from = a->header.len > 3 ? a->header.len - 3 : 0;

		buf_add(&a->header, piece);
		bytes = span_skip(bytes, piece.len);
		e = a->header.failed ? ERR_LIMIT : find_header_end(a, from);
	}
	return e ? e : add_body(a, bytes);
}

enum err accept_add(struct accept *a, struct span bytes)
{
	if (a->failed)
		return a->failed;
	if (a->state != ACCEPT_WRITING)
		return ERR_STATE;
	a->size += bytes.len;
	a->failed = a->size > a->size_max ? ERR_LIMIT : add_bytes(a, bytes);
	return a->failed;
}

/* A message that ended within its header. */
static void finish_header(struct accept *a)
{
	if (!a->header_done && !a->failed)
		a->failed = header_ends(a, header_length(buf_span(&a->header)));
}

struct span accept_header(struct accept *a)
{
	finish_header(a);
	return buf_span(&a->header);
}

unsigned accept_received_count(struct accept *a)
{
	finish_header(a);
	return (unsigned)header_count(buf_span(&a->header), SPAN("Received"));
}

enum err accept_set_header(struct accept *a, struct span header)
{
	struct buf copy;

	if (a->state != ACCEPT_WRITING)
		return ERR_STATE;
	finish_header(a);
	if (a->failed)
		return a->failed;
	if (header.len > STORE_HEAD_MAX)
		return ERR_LIMIT;
	/* `header` may point into the old one. */
	buf_init(&copy, a->header.max);
	buf_add(&copy, header);
	if (!span_equals(header, SPAN("\r\n")) && !span_ends(header, SPAN("\r\n\r\n")))
		buf_add_str(&copy, "\r\n");
	if (copy.failed) {
		buf_clear(&copy);
		return ERR_TEMP;
	}
	buf_clear(&a->header);
	a->header = copy;
	a->header_replaced = true;
	return ERR_OK;
}

/* Cut at a character, for lists. */
static struct span list_subject(struct accept *a)
{
	const struct content *c = a->content;
	struct header_field field;
	struct span subject = c->mime.subject;

	if (!c->parsed) {
		if (!header_find(buf_span(&a->header), SPAN("Subject"), 0, &field))
			return span_make(NULL, 0);
		subject = header_decode(&a->arena, header_unfold(&a->arena, field.value));
	}
	if (subject.len > SUBJECT_MAX) {
		subject.len = SUBJECT_MAX;
		while (subject.len && ((uint8_t)subject.ptr[subject.len] & 0xc0) == 0x80)
			subject.len--;
	}
	return arena_copy(&a->arena, subject);
}

static enum err parse_content(struct accept *a, const struct routed *routed, size_t count)
{
	bool local = false;

	for (size_t i = 0; i < count; i++)
		local |= routed[i].kind == RCPT_LOCAL;
	if (!local)
		return ERR_OK;
	return content_parse(a->content, a->header_replaced ? NULL : a->parser);
}

static void fill_recipient(struct accept *a, size_t n, const struct routed *routed)
{
	struct queue_recipient_row *row = &a->recipients[n];

	*row = (struct queue_recipient_row){ .n = (uint32_t)n, .kind = routed->kind, .state = RECIPIENT_WAITING, .account_id = routed->account_id, .next_ms = a->row.release_ms };
	row->address = arena_copy(&a->arena, routed->address);
	if (!span_equals(routed->address, routed->original))
		row->original = arena_copy(&a->arena, routed->original);
	row->notify = routed->notify;
	row->orcpt = arena_copy(&a->arena, routed->orcpt);
	row->hold = routed->hold;
	row->status = routed->status;
	row->reply = routed->reply;
	row->reverse_path = routed->reverse_path;
}

static void fill_message(struct accept *a, const struct accept_envelope *envelope, int64_t lifetime_ms)
{
	int64_t now_ms = clock_real_ms(), begun_ms = envelope->release_ms > now_ms ? envelope->release_ms : now_ms;

	a->row = (struct queue_row){
		.source = envelope->source,
		.account_id = envelope->account_id,
		.accepted_ms = now_ms,
		.expires_ms = begun_ms + lifetime_ms,
		.size = a->content->head.len + a->content->body_size,
		.ret = envelope->ret,
		.priority = envelope->priority,
		.release_ms = envelope->release_ms > now_ms ? envelope->release_ms : 0,
		.deliver_by_ms = envelope->deliver_by_ms,
		.deliver_by = envelope->deliver_by,
	};
	memcpy(a->row.id, envelope->id.bytes, sizeof(a->row.id));
	a->row.flags = (envelope->smtputf8 ? ROW_SMTPUTF8 : 0) | (envelope->body_8bit ? ROW_8BIT : 0) | (envelope->body_binary ? ROW_BINARY : 0) | (envelope->require_tls ? ROW_REQUIRE_TLS : 0) | (envelope->counted ? ROW_COUNTED : 0);
	a->row.reverse_path = arena_copy(&a->arena, envelope->reverse_path);
	a->row.envid = arena_copy(&a->arena, envelope->envid);
	a->row.subject = list_subject(a);
	a->row.body_file = body_file_name(&a->file);
}

static enum err fill_rows(struct accept *a, const struct accept_envelope *envelope, int64_t lifetime_ms, const struct routed *routed, size_t count)
{
	a->recipients = arena_array(&a->arena, count, sizeof(*a->recipients));
	a->hops = arena_array(&a->arena, count, sizeof(*a->hops));
	if (!a->recipients || !a->hops)
		return ERR_LIMIT;
	fill_message(a, envelope, lifetime_ms);
	for (size_t i = 0; i < count; i++) {
		fill_recipient(a, i, &routed[i]);
		a->hops[i] = routed[i].hop;
	}
	a->recipient_count = count;
	return a->arena.failed ? ERR_LIMIT : ERR_OK;
}

/* With < >; "" when there is none. */
static struct span message_id_of(struct accept *a)
{
	struct header_field field;

	if (a->content->parsed)
		return arena_copy(&a->arena, a->content->mime.message_id);
	if (!header_find(buf_span(&a->header), SPAN("Message-ID"), 0, &field))
		return SPAN("");
	return arena_copy(&a->arena, header_unfold(&a->arena, field.value));
}

static enum err fill_told(struct accept *a, const struct accept_envelope *envelope)
{
	const struct accept_origin *from = &envelope->origin;
	struct trace_recipient *recipients = arena_array(&a->arena, a->recipient_count, sizeof(*recipients));
	bool merged = envelope->recipient_count > a->recipient_count;
	struct span *given = arena_array(&a->arena, merged ? envelope->recipient_count : 0, sizeof(*given));

	if (!recipients || !given)
		return ERR_LIMIT;
	for (size_t i = 0; i < a->recipient_count; i++)
		recipients[i] = (struct trace_recipient){ a->recipients[i].address, a->recipients[i].original };
	for (size_t i = 0; merged && i < envelope->recipient_count; i++)
		given[i] = arena_copy(&a->arena, envelope->recipients[i]);
	a->told = (struct tell_accepted){ .id = envelope->id, .source = envelope->source, .first_is_local = a->recipients[0].kind == RCPT_LOCAL };
	a->told.arrival = (struct trace_arrival){
		.connected_ms = from->connected_ms,
		.at_ms = a->row.accepted_ms,
		.peer = arena_copy(&a->arena, from->peer),
		.helo = arena_copy(&a->arena, from->helo),
		.tls = arena_copy(&a->arena, from->tls),
		.account_id = envelope->account_id,
		.sid = from->sid,
		.sender = a->row.reverse_path,
		.message_id = message_id_of(a),
		.subject = a->row.subject,
		.size = a->row.size,
		.recipients = recipients,
		.recipient_count = a->recipient_count,
		.given = merged ? given : NULL,
		.given_count = merged ? envelope->recipient_count : 0,
	};
	return a->arena.failed ? ERR_LIMIT : ERR_OK;
}

static enum err make_entry(struct accept *a, const struct snapshot *s, int64_t lifetime_ms)
{
	struct entry_plan plan = {
		.row = &a->row,
		.recipients = a->recipients,
		.hops = a->hops,
		.count = a->recipient_count,
		.real_ms = a->row.accepted_ms,
		.mono_ms = clock_mono_ms(),
		.lifetime_max_ms = lifetime_ms,
		.notice_ms = snapshot_number(s, SETTING_QUEUE_NOTICE_HOURS) * 3600000,
		.with_detail = true,
	};

	return entry_new(a->q, &plan, &a->entry);
}

static enum err route_and_fill(struct accept *a, const struct accept_envelope *envelope, struct note *why)
{
	const struct snapshot *s = directory_hold(a->q->config.directory);
	int64_t lifetime_ms = snapshot_number(s, SETTING_QUEUE_DAYS) * DAY_MS;
	enum err e = route_expand(a->q, s, envelope, buf_span(&a->header), &a->arena, &a->route, why);

	if (!e)
		e = parse_content(a, a->route.recipients, a->route.count);
	if (!e)
		e = fill_rows(a, envelope, lifetime_ms, a->route.recipients, a->route.count);
	if (!e && (a->q->config.trace || a->q->config.events))
		e = fill_told(a, envelope);
	if (!e)
		e = make_entry(a, s, lifetime_ms);
	snapshot_release(&s);
	return e;
}

/* The paths stand in trace fields and DSNs. */
static bool is_safe_path(struct span path)
{
	for (size_t i = 0; i < path.len; i++)
		if ((uint8_t)path.ptr[i] < 0x20 || path.ptr[i] == 0x7f)
			return false;
	return path.len <= PATH_MAX_BYTES;
}

static enum err check_envelope(const struct accept_envelope *envelope)
{
	bool safe = is_safe_path(envelope->reverse_path);

	if (envelope->recipient_count == 0)
		return ERR_STATE;
	if (envelope->recipient_count > QUEUE_MAX_RECIPIENTS)
		return ERR_LIMIT;
	for (size_t i = 0; i < envelope->recipient_count; i++)
		safe &= is_safe_path(envelope->recipients[i]);
	return safe ? ERR_OK : ERR_SYNTAX;
}

/* Who forwards what he sends to himself has named them, too. */
static bool counts(const struct accept *a, size_t n)
{
	const struct queue_recipient_row *r = &a->recipients[n];

	return r->kind == RCPT_REMOTE && (a->route.recipients[n].own || sent_was_named(r->address, r->original));
}

static enum err count_sent(struct accept *a)
{
	size_t count = 0;
	enum err e;

	for (size_t i = 0; i < a->recipient_count; i++)
		count += counts(a, i);
	if (count == 0)
		return ERR_OK;
	e = sent_new(a->q, a->row.account_id, count, &a->sent);
	for (size_t i = 0; !e && i < a->recipient_count; i++)
		if (counts(a, i))
			sent_add(a->sent, a->recipients[i].address);
	return e;
}

enum err accept_seal(struct accept *a, const struct accept_envelope *envelope, struct note *why)
{
	struct content *c = a->content;
	enum err e = check_envelope(envelope);

	if (e)
		return e;
	if (a->state != ACCEPT_WRITING)
		return ERR_STATE;
	finish_header(a);
	if (a->failed)
		return a->failed;
	buf_add(&c->head, envelope->trace);
	buf_add(&c->head, buf_span(&a->header));
	if (c->head.failed) {
		note_set(why, "the header is larger than %u bytes", STORE_HEAD_MAX);
		return a->failed = ERR_LIMIT;
	}
	if (a->file.fd >= 0) {
		a->failed = body_write(&a->file, buf_span(&c->body));
		buf_clear(&c->body);
	}
	if (!a->failed)
		a->failed = route_and_fill(a, envelope, why);
	if (!a->failed && envelope->counted && envelope->account_id)
		a->failed = count_sent(a);
	message_parser_end(&a->parser);
	if (!a->failed && a->file.fd >= 0) {
		a->failed = body_finish(a->q, &a->file);
		if (a->failed)
			note_set(why, "cannot write to %s", a->q->config.bodies_dir);
	}
	if (!a->failed)
		a->state = ACCEPT_SEALED;
	return a->failed;
}

enum err accept_store(struct db *db, void *arg)
{
	struct accept *a = arg;
	enum err e = db_queue_insert(db, &a->row, buf_span(&a->content->head), buf_span(&a->content->body), a->recipients, a->recipient_count);

	if (!e && a->route.srs_token.len)
		e = db_queue_srs_put(db, a->route.srs_token, a->route.srs_path, a->route.srs_expires_ms);
	/* As many may go as come. */
	if (!e && a->route.srs_token.len)
		e = db_queue_srs_trim(db, a->row.accepted_ms, SRS_TRIM_ROWS);
	return e;
}

/* Held against the limits last: what is refused then is undone with all else of the message. */
static enum err store_counted(struct db *db, void *arg)
{
	struct accept *a = arg;
	enum err e = accept_store(db, a);

	return e ? e : sent_write(a->sent, db);
}

size_t accept_weight(const struct accept *a)
{
	return a->content->head.len + a->content->body.len + 512 * a->recipient_count;
}

/* The entry is freed under the lock; the file goes with what was not stored. */
static void accept_free(struct accept *a)
{
	if (a->state != ACCEPT_QUEUED)
		body_discard(&a->file, a->content ? a->content->path : NULL);
	body_close(&a->file);
	message_parser_end(&a->parser);
	buf_clear(&a->header);
	sent_free(&a->sent);
	arena_clear(&a->arena);
	content_release(&a->content);
	free(a);
}

void accept_tell(struct accept *a)
{
	if (!a->q->config.trace && !a->q->config.events)
		return;
	tell_accepted(a->q, &a->told);
	for (uint32_t n = 0; n < a->entry->rcpt_count; n++)
		if (a->entry->detail->rcpts[n].hold)
			tell_held(a->q, a->entry, n, a->entry->detail->rcpts[n].hold);
}

void accept_adopt(struct accept **accept)
{
	struct accept *a = *accept;
	struct queue *q = a->q;
	size_t memory = content_memory(a->content) + a->entry->detail->bytes;

	*accept = NULL;
	a->state = ACCEPT_QUEUED;
	if (q->fresh_bytes + memory <= FRESH_MAX_BYTES) {
		a->content->accounted_bytes = memory;
		q->fresh_bytes += memory;
		a->entry->content = content_hold(a->content);
	}
	/* A start that ran between the commit and here has loaded it already. */
	if (entry_find(q, &a->entry->id)) {
		entry_free(q, &a->entry);
	} else {
		entry_link(q, a->entry);
		entry_start(q, a->entry);
		/* What is not due now, or waits for a destination that is not there, or is too much, is read back. */
		detail_settle(q, a->entry, !a->entry->content || !lane_is_near(a->entry));
		a->entry = NULL;
	}
	accept_free(a);
}

/* On the committer's thread. */
static void accept_committed(void *arg, enum err result)
{
	struct accept *a = arg;
	struct queue *q = a->q;
	void (*done)(void *arg, enum err result) = a->done;
	void *done_arg = a->done_arg;
	struct doubtful_body *doubtful = NULL;
	struct sent *sent = a->sent;

	a->sent = NULL;
	if (!result) {
		checkpointer_touch(q->config.checkpointer, q->config.path, &db_schema_queue, a->member.weight_bytes + ROW_PAGES_BYTES);
		/* Before anything can become of it. */
		accept_tell(a);
	}
	pthread_mutex_lock(&q->lock);
	if (result) {
		body_doubt(q, &a->file);
	} else {
		accept_adopt(&a);
		doubtful = body_take_doubtful(q);
	}
	pthread_mutex_unlock(&q->lock);
	if (result)
		accept_end(&a);
	body_remove_doubtful(q, doubtful);
	sent_written(&sent, result);
	done(done_arg, result);
}

void accept_commit(struct accept **accept, void (*done)(void *arg, enum err result), void *arg)
{
	struct accept *a = *accept;

	*accept = NULL;
	if (a->state != ACCEPT_SEALED) {
		accept_end(&a);
		done(arg, ERR_STATE);
		return;
	}
	a->done = done;
	a->done_arg = arg;
	a->member = (struct db_member){ .run = store_counted, .done = accept_committed, .arg = a, .weight_bytes = accept_weight(a) };
	/* What was finished meanwhile shares this commit. */
	flush_along(a->q);
	db_group_submit(a->q->group, &a->member);
}

void accept_end(struct accept **accept)
{
	struct accept *a = *accept;

	*accept = NULL;
	if (!a)
		return;
	if (a->entry) {
		pthread_mutex_lock(&a->q->lock);
		entry_free(a->q, &a->entry);
		pthread_mutex_unlock(&a->q->lock);
	}
	accept_free(a);
}

void accept_push(struct accept **list, struct accept *a)
{
	a->next = *list;
	*list = a;
}

struct accept *accept_pop(struct accept **list)
{
	struct accept *a = *list;

	if (a) {
		*list = a->next;
		a->next = NULL;
	}
	return a;
}

struct accept *accept_next(const struct accept *a)
{
	return a->next;
}

void accept_free_list(struct accept **list)
{
	for (struct accept *a = accept_pop(list); a; a = accept_pop(list)) {
		entry_free(a->q, &a->entry);
		accept_free(a);
	}
}
