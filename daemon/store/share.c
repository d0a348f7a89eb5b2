/* store/share.c: messages of one account filed in another.
 *
 *   measured --> a batch read from the source --> filed in the target --> ... --> (MOVE) removed from the source
 *                                                      |                                  |
 *                                                      +------- what was filed is removed again
 *
 * (1) A batch is in memory while it changes sides: no handle, statement or lock of the one account is held while the other works.
 * (2) What a MOVE removes is in the target, durably. Where it is not known whether the removal was, the copies stay.
 * (3) Bodies' files get a second name in the target's folder; the source's names are its own.
 */
#include "daemon/store/share.h"

#include <stdlib.h>

#include "daemon/store/append.h"
#include "daemon/store/expunge.h"
#include "daemon/store/gone.h"
#include "daemon/store/inside_view.h"
#include "daemon/store/notice.h"
#include "daemon/store/room.h"
#include "db/mail_account.h"

#define BATCH_ROWS 500
#define BATCH_BYTES (4u * 1024u * 1024u)  /* with this much a batch is full */
#define BATCH_ARENA (16u * 1024u * 1024u) /* the last message of a batch may be a large one */
#define NAMES_ARENA (64u * 1024u)
#define WRITE_WEIGHT 16384
#define ROW_WEIGHT 64

struct sharing {
	struct view *v;
	const struct uid_set *set;
	struct mailstore *target;
	uint64_t target_id;
	const struct share_terms *terms;
	uint64_t bytes, count; /* of the whole set, as measured */

	uint64_t keywords[FLAG_KEYWORDS_MAX]; /* the target's bit for each of ours; 0: none */
	uint64_t mapped;                      /* our bits whose place there is known */

	struct arena batch;
	struct new_message messages[BATCH_ROWS];
	uint32_t uids[BATCH_ROWS];
	struct filing filings[BATCH_ROWS];
	size_t rows;
	uint64_t rows_bytes;
	uint32_t last_uid; /* of the source, read so far */
	bool is_full;

	struct append_result first; /* of the batch */
	uint64_t modseq;
	bool did_run;

	struct uid_pair *pairs; /* null: no room to tell them */
	size_t filed;
	struct gone_list filed_uids; /* in the target */
	uint32_t uid_validity;
};

/* ---- reading ---- */

static bool measure_one(void *arg, const struct db_message_row *row)
{
	struct sharing *s = arg;

	s->bytes += row->content.size;
	s->count++;
	return true;
}

/* Of what the view holds, all must be there. */
static enum err measure(struct sharing *s)
{
	const uint32_t known = view_last_known(s->v);
	struct db *db;
	enum err e = mailstore_reader_take(s->v->m, &db);

	if (e)
		return e;
	s->bytes = s->count = 0;
	e = db_begin(db);
	for (size_t i = 0; !e && i < s->set->count && s->set->ranges[i].first <= known; i++) {
		const struct uid_range *r = &s->set->ranges[i];

		e = db_message_scan(db, s->v->state->id, r->first, r->last < known ? r->last : known, DB_ROW_META, measure_one, s);
	}
	mailstore_reader_give(s->v->m, &db);
	return !e && s->count < view_count_of(s->v, s->set) ? ERR_STATE : e;
}

/* What is not known stays so. */
static struct span keep(struct sharing *s, struct span bytes)
{
	return bytes.ptr ? arena_copy(&s->batch, bytes) : bytes;
}

static bool keep_body(struct sharing *s, const struct message_row *row, struct message_body *out)
{
	*out = (struct message_body){ .size = row->body.size };
	if (!row->body.path) {
		out->bytes = keep(s, row->body.bytes);
		return true;
	}
	return !span_cstr(&s->batch, span_str(row->body.path), &out->path);
}

static bool read_one(void *arg, const struct message_row *row)
{
	struct sharing *s = arg;
	struct new_message *n = &s->messages[s->rows];

	*n = (struct new_message){
		.prefix = keep(s, row->prefix),
		.head = keep(s, row->head),
		.envelope = keep(s, row->envelope),
		.body_structure = keep(s, row->body_structure),
		.body_text_structure = keep(s, row->body_text_structure),
		.parts = keep(s, row->parts),
		.subject = keep(s, row->subject),
		.message_id = keep(s, row->message_id),
		.preview = keep(s, row->preview),
		.refs = keep(s, row->refs),
		.sent_ms = row->sent_ms,
		.internal_ms = row->internal_ms,
		.internal_offset_minutes = row->internal_offset_minutes,
		.flags = row->flags,
		.viewer = view_audience(s->v),
	};
	s->is_full = !keep_body(s, row, &n->body) || s->batch.failed;
	if (s->is_full) /* this one is for the next batch */
		return false;
	s->uids[s->rows++] = s->last_uid = row->uid;
	s->rows_bytes += filing_weight(n);
	s->is_full = s->rows == BATCH_ROWS || s->rows_bytes >= BATCH_BYTES;
	return !s->is_full;
}

/* *end_out: nothing is left behind it. */
static enum err read_batch(struct sharing *s, bool *end_out)
{
	const unsigned all = WANT_META | WANT_ENVELOPE | WANT_STRUCTURE | WANT_PARTS | WANT_HEAD | WANT_BODY | WANT_WORDS | WANT_SUBJECT;
	enum err e = ERR_OK;

	arena_reset(&s->batch);
	s->rows = 0;
	s->rows_bytes = 0;
	s->is_full = *end_out = false;
	while (!e && !s->is_full && !*end_out) {
		uint32_t last;

		e = view_read(s->v, s->set, s->last_uid, all, read_one, s, &last, end_out);
	}
	return !e && !s->rows && !*end_out ? ERR_LIMIT : e;
}

/* ---- keywords ---- */

static enum err map_one(struct sharing *s, unsigned bit, struct span name)
{
	uint64_t there = 0;
	enum err e = ERR_NOT_FOUND;

	if (name.len)
		e = message_keyword_bit(s->target, name, s->terms->keywords == SHARE_ALL_KEYWORDS, &there);
	if (e && e != ERR_NOT_FOUND && e != ERR_LIMIT)
		return e;
	s->keywords[bit] = e ? 0 : there;
	return ERR_OK;
}

/* By name, those that the batch has and none before it had. */
static enum err map_keywords(struct sharing *s)
{
	uint64_t used = 0, missing;
	struct arena a;
	struct span *names;
	size_t count;
	enum err e;

	for (size_t i = 0; i < s->rows; i++)
		used |= s->messages[i].flags >> FLAG_KEYWORD_SHIFT;
	missing = used & ~s->mapped;
	if (!missing || s->terms->keywords == SHARE_NO_KEYWORDS)
		return ERR_OK;
	arena_init(&a, NAMES_ARENA);
	e = message_keywords(s->v->m, &a, &names, &count);
	for (unsigned bit = 0; !e && bit < FLAG_KEYWORDS_MAX; bit++) {
		if (missing >> bit & 1)
			e = map_one(s, bit, bit < count ? names[bit] : SPAN(""));
	}
	arena_clear(&a);
	if (!e)
		s->mapped |= missing;
	return e;
}

static uint64_t flags_there(const struct sharing *s, uint64_t flags)
{
	uint64_t there = flags & FLAG_SYSTEM & s->terms->flags;

	for (unsigned bit = 0; bit < FLAG_KEYWORDS_MAX; bit++) {
		if (flags >> (FLAG_KEYWORD_SHIFT + bit) & 1)
			there |= s->keywords[bit];
	}
	return there;
}

/* ---- filing ---- */

static enum err run_file(struct db *db, void *arg)
{
	struct sharing *s = arg;
	struct db_message row = { .mailbox = s->target_id };
	struct db_mailbox mailbox;
	const uint64_t rest = s->count - s->filed;
	enum err e = db_mailbox_by_id(db, s->target_id, &mailbox);

	s->did_run = false;
	if (!e)
		e = room_check(db, s->terms->room, (int64_t)s->bytes, (int64_t)rest);
	if (!e)
		e = db_mail_allot(db, s->rows, &row.modseq, &row.content);
	if (!e)
		e = append_rows(db, &mailbox, s->filings, s->rows, row);
	if (e)
		return e;
	s->first = (struct append_result){ mailbox.uid_validity, (uint32_t)mailbox.uid_next };
	s->modseq = row.modseq;
	s->did_run = true;
	return ERR_OK;
}

static enum err note_filed(struct sharing *s)
{
	uint64_t bytes = 0;

	filing_arrived(s->target, s->target_id, s->first.uid, s->modseq);
	s->uid_validity = s->first.uid_validity;
	for (size_t i = 0; i < s->rows; i++) {
		if (s->pairs)
			s->pairs[s->filed + i] = (struct uid_pair){ s->uids[i], (uint32_t)(s->first.uid + i) };
		bytes += filing_size(&s->messages[i]);
	}
	s->filed += s->rows;
	s->bytes -= bytes < s->bytes ? bytes : s->bytes;
	return gone_add(&s->filed_uids, s->first.uid, (uint32_t)(s->first.uid + s->rows - 1)) ? ERR_OK : ERR_TEMP;
}

/* One whose body's file has gone was expunged since it was read. */
static enum err why_not_taken(struct sharing *s, enum err e)
{
	const enum err now = e == ERR_CORRUPT ? measure(s) : e;

	return now ? now : e;
}

static enum err file_batch(struct sharing *s)
{
	enum err e = map_keywords(s);

	if (e)
		return e;
	for (size_t i = 0; i < s->rows; i++) {
		s->messages[i].flags = flags_there(s, s->messages[i].flags);
		s->filings[i] = (struct filing){ .message = &s->messages[i] };
	}
	s->did_run = false;
	e = append_take(s->target, s->filings, s->rows);
	if (e)
		e = why_not_taken(s, e);
	else
		e = mailstore_write(s->target, run_file, s, (size_t)s->rows_bytes);
	filing_drop_files(s->target, s->filings, s->rows, !e, s->did_run);
	return e ? e : note_filed(s);
}

static enum err file_all(struct sharing *s)
{
	bool is_end = false;
	enum err e = ERR_OK;

	while (!e && !is_end) {
		e = read_batch(s, &is_end);
		if (!e && s->rows)
			e = file_batch(s);
	}
	return !e && s->filed < s->count ? ERR_STATE : e;
}

/* ---- taking out: of the source what was moved, of the target what was filed in vain ---- */

struct taking {
	uint64_t mailbox_id;
	const struct uid_set *set;
	uint32_t last_uid;
	size_t want; /* so many must be there; 0: any */
	struct picked_list rows;
	struct file_list files;
	uint64_t modseq;
	bool did_run;
};

static enum err run_take_out(struct db *db, void *arg)
{
	struct taking *t = arg;
	enum err e = picked_read(db, t->mailbox_id, t->set, t->last_uid, 0, &t->rows);

	t->did_run = false;
	if (!e && t->rows.count < t->want)
		e = ERR_STATE;
	if (e || !t->rows.count)
		return e;
	e = db_mail_allot(db, 0, &t->modseq, NULL);
	if (!e)
		e = expunge_rows(db, t->mailbox_id, &t->rows, t->modseq);
	if (!e)
		e = expunge_contents(db, &t->rows, &t->files);
	t->did_run = !e;
	return e;
}

static enum err take_out(struct mailstore *m, struct taking *t, size_t messages)
{
	enum err e = mailstore_write(m, run_take_out, t, WRITE_WEIGHT + messages * ROW_WEIGHT);

	if (!e && t->rows.count) {
		state_announce_at(m, t->mailbox_id, 1, t->modseq);
		expunge_files(m, &t->files);
		notice_changed(m, t->mailbox_id, CHANGE_EXPUNGED, 0);
	}
	file_list_clear(&t->files);
	picked_clear(&t->rows);
	return e;
}

/* ERR_OK also when the copies must stay with the messages: *kept_out then has why. */
static enum err remove_moved(struct sharing *s, enum err *kept_out)
{
	struct taking t = { .mailbox_id = s->v->state->id, .set = s->set, .last_uid = view_last_known(s->v), .want = s->filed };
	enum err e = take_out(s->v->m, &t, s->filed);

	*kept_out = e && t.did_run ? e : ERR_OK;
	return *kept_out ? ERR_OK : e;
}

/* When this fails too the copies stay. */
static enum err undo(struct sharing *s)
{
	const struct uid_set filed = { s->filed_uids.ranges, s->filed_uids.count };
	struct taking t = { .mailbox_id = s->target_id, .set = &filed, .last_uid = UINT32_MAX };

	return filed.count ? take_out(s->target, &t, s->filed) : ERR_OK;
}

static enum err share_all(struct sharing *s, struct arena *a)
{
	enum err kept = ERR_OK, e = measure(s);

	if (e || !s->count)
		return e;
	s->pairs = arena_array(a, (size_t)s->count, sizeof(*s->pairs));
	e = file_all(s);
	if (!e && s->terms->is_move)
		e = remove_moved(s, &kept);
	if (e)
		return undo(s) ? ERR_TEMP : e;
	return kept;
}

enum err view_copy_to(struct view *v, const struct uid_set *set, struct mailstore *target, uint64_t target_mailbox_id, const struct share_terms *terms,
		      struct arena *a, uint32_t *uid_validity_out, struct uid_pair **out, size_t *count_out)
{
	struct sharing *s = calloc(1, sizeof(*s));
	enum err e;

	*out = NULL;
	*count_out = 0;
	if (!s)
		return ERR_TEMP;
	s->v = v;
	s->set = set;
	s->target = target;
	s->target_id = target_mailbox_id;
	s->terms = terms;
	arena_init(&s->batch, BATCH_ARENA);
	e = share_all(s, a);
	if (!e) {
		*uid_validity_out = s->uid_validity;
		*out = s->pairs;
		*count_out = s->pairs ? s->filed : 0;
	}
	gone_clear(&s->filed_uids);
	arena_clear(&s->batch);
	free(s);
	return e;
}
