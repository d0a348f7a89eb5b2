/* store/message.c: filing: local delivery and APPEND; the delivery ledger; keywords.
 *
 *   body file: taken (linked, synced) --> named by a committed row
 *                                    \--> not committed: unlinked, or left to the sweep
 *
 * (1) Files are linked and their names synced before the transaction begins: no row names a file that a power cut can take.
 * (2) Ledger row and message are one transaction.
 * (3) When a commit fails its frames may still be in the WAL, and a crash could bring them back: the file stays for the sweep,
 *     which runs when the account is next opened and knows what was really committed.
 */
#include "daemon/store/message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/store/files.h"
#include "daemon/store/notice.h"
#include "daemon/store/state.h"
#include "db/mail_account.h"
#include "db/mail_mailbox.h"
#include "db/mail_message.h"

#define WEIGHT_ROW 4096
#define KEYWORD_MAX 128

/* ---- filing ---- */

/* One message on its way into a mailbox. */
struct filing {
	const struct new_message *message;
	char file[FILES_NAME]; /* "": the body goes into the row */
	enum err result;
};

static size_t filing_weight(const struct new_message *n)
{
	return WEIGHT_ROW + n->prefix.len + n->head.len + (n->body.path ? 0 : n->body.bytes.len) + n->envelope.len + n->body_structure.len;
}

static enum err filing_check(const struct new_message *n)
{
	if (n->head.len > STORE_HEAD_MAX || n->prefix.len > STORE_HEAD_MAX)
		return ERR_LIMIT;
	if (!n->body.path && n->body.bytes.len > STORE_INLINE_MAX)
		return ERR_LIMIT;
	return ERR_OK;
}

static void filing_take_file(struct mailstore *m, struct filing *f)
{
	f->file[0] = '\0';
	f->result = filing_check(f->message);
	if (f->result || !f->message->body.path)
		return;
	f->result = files_take(m->files_dir, f->message->body.path, f->message->body.size, f->file);
	if (f->result) {
		f->file[0] = '\0';
		if (f->result == ERR_NOT_FOUND)
			f->result = ERR_CORRUPT;
	}
}

static enum err file_content(struct db *db, uint64_t id, const struct filing *f, uint64_t *size_out)
{
	const struct new_message *n = f->message;
	const uint64_t body_size = f->file[0] ? n->body.size : n->body.bytes.len;
	const struct db_content content = {
		.internal_ms = n->internal_ms,
		.internal_offset = n->internal_offset_minutes,
		.sent_ms = n->sent_ms,
		.size = n->prefix.len + n->head.len + body_size,
		.body_size = body_size,
		.file = span_str(f->file),
		.envelope = n->envelope,
		.body_structure = n->body_structure,
		.body_text_structure = n->body_text_structure,
		.parts = n->parts,
		.subject = n->subject,
		.message_id = n->message_id,
		.prefix = n->prefix,
		.head = n->head,
		.body = n->body.bytes,
	};

	*size_out = content.size;
	return db_content_add(db, id, &content);
}

static enum err file_message(struct db *db, const struct db_message *row, const struct filing *f, struct db_mailbox_delta *delta)
{
	uint64_t size;
	enum err e = file_content(db, row->content, f, &size);

	if (!e)
		e = db_message_add(db, row);
	delta->messages++;
	delta->unseen += !(row->flags & FLAG_SEEN);
	delta->deleted += !!(row->flags & FLAG_DELETED);
	delta->size_bytes += (int64_t)size;
	delta->uids++;
	return e;
}

/* Files without a row: those that failed, were there already, or all when nothing was committed. */
static void drop_files(struct mailstore *m, const struct filing *filings, size_t count, bool is_committed, bool did_run)
{
	for (size_t i = 0; i < count; i++) {
		const bool is_row = !filings[i].result;

		if (!filings[i].file[0] || (is_row && is_committed))
			continue;
		if (is_row && did_run) {
			pthread_mutex_lock(&m->lock);
			m->has_strays = true;
			pthread_mutex_unlock(&m->lock);
		} else {
			files_remove(m->files_dir, filings[i].file);
		}
	}
}

/* After a commit that brought messages from first_uid on. */
static void arrived(struct mailstore *m, uint64_t mailbox_id, uint64_t first_uid, uint64_t modseq)
{
	state_announce_at(m, mailbox_id, first_uid, modseq);
	notice_changed(m, mailbox_id);
}

/* ---- delivery ---- */

struct delivery {
	struct mailstore *m;
	const struct new_delivery *items;
	struct filing *filings;
	size_t count, filed;
	uint8_t (*done)[16]; /* ledger rows to delete */
	size_t done_count;
	uint64_t modseq, first_uid;
	bool did_run;
};

static enum err deliver_items(struct db *db, struct delivery *d, const struct db_mailbox *inbox, struct db_mailbox_delta *delta)
{
	const int64_t now_ms = clock_real_ms();
	struct db_message row = { .mailbox = inbox->id };
	enum err e = db_mail_allot(db, d->count, &row.modseq, &row.content);

	for (size_t i = 0; !e && i < d->count; i++) {
		struct filing *f = &d->filings[i];
		bool is_new;

		if (f->result)
			continue;
		e = db_mail_ledger_add(db, d->items[i].queue_id, now_ms, &is_new);
		if (e)
			break;
		if (!is_new) {
			f->result = ERR_EXISTS;
			continue;
		}
		if (inbox->uid_next + d->filed > UINT32_MAX)
			return ERR_LIMIT;
		row.uid = (uint32_t)(inbox->uid_next + d->filed);
		row.flags = f->message->flags;
		e = file_message(db, &row, f, delta);
		row.content++;
		d->filed++;
	}
	d->modseq = row.modseq;
	d->first_uid = inbox->uid_next;
	return e;
}

static enum err run_deliver(struct db *db, void *arg)
{
	struct delivery *d = arg;
	struct db_mailbox_delta delta = { .messages = 0 };
	struct db_mailbox inbox;
	enum err e = db_mailbox_by_id(db, d->m->inbox_id, &inbox);

	d->filed = 0;
	for (size_t i = 0; !e && i < d->done_count; i++)
		e = db_mail_ledger_remove(db, d->done[i]);
	if (!e)
		e = deliver_items(db, d, &inbox, &delta);
	if (!e && d->filed)
		e = db_mailbox_adjust(db, inbox.id, &delta, d->modseq);
	d->did_run = !e;
	return e;
}

static void take_done(struct delivery *d)
{
	struct mailstore *m = d->m;

	pthread_mutex_lock(&m->lock);
	d->done = m->ledger_done;
	d->done_count = m->ledger_count;
	m->ledger_done = NULL;
	m->ledger_count = m->ledger_cap = 0;
	pthread_mutex_unlock(&m->lock);
}

/* Files of the batch: taken, and their names made durable at once. */
static void take_files(struct delivery *d)
{
	bool is_any = false;

	for (size_t i = 0; i < d->count; i++) {
		d->filings[i].message = &d->items[i].message;
		filing_take_file(d->m, &d->filings[i]);
		is_any = is_any || d->filings[i].file[0];
	}
	if (!is_any || !files_sync(d->m->files_dir))
		return;
	for (size_t i = 0; i < d->count; i++) {
		if (d->filings[i].file[0])
			d->filings[i].result = ERR_TEMP;
	}
}

enum err message_deliver(struct mailstore *m, const struct new_delivery *items, size_t count, enum err *results)
{
	struct delivery d = { .m = m, .items = items, .count = count };
	size_t weight = WEIGHT_ROW;
	enum err e = ERR_TEMP;

	d.filings = calloc(count ? count : 1, sizeof(*d.filings));
	if (d.filings) {
		take_files(&d);
		take_done(&d);
		for (size_t i = 0; i < count; i++)
			weight += filing_weight(&items[i].message);
		e = mailstore_write(m, run_deliver, &d, weight);
		drop_files(m, d.filings, count, !e, d.did_run);
	}
	for (size_t i = 0; i < count; i++)
		results[i] = e ? ERR_TEMP : d.filings[i].result;
	if (!e && d.filed)
		arrived(m, m->inbox_id, d.first_uid, d.modseq);
	if (e)
		message_ledger_done(m, (const uint8_t(*)[16])d.done, d.done_count);
	free(d.done);
	free(d.filings);
	return e ? ERR_TEMP : ERR_OK;
}

static bool ledger_push(struct mailstore *m, const uint8_t queue_id[16])
{
	if (m->ledger_count == m->ledger_cap) {
		size_t cap = m->ledger_cap ? m->ledger_cap * 2 : 32;
		uint8_t(*ids)[16] = realloc(m->ledger_done, cap * sizeof(*ids));

		if (!ids)
			return false;
		m->ledger_done = ids;
		m->ledger_cap = cap;
	}
	memcpy(m->ledger_done[m->ledger_count++], queue_id, 16);
	return true;
}

void message_ledger_done(struct mailstore *m, const uint8_t (*queue_ids)[16], size_t count)
{
	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < count; i++) {
		/* A row that stays only takes room; the next review finds it. */
		if (!ledger_push(m, queue_ids[i])) {
			m->ledger_reviewed = false;
			break;
		}
	}
	pthread_mutex_unlock(&m->lock);
}

struct review {
	struct mailstore *m;
	bool (*is_live)(void *arg, const uint8_t queue_id[16]);
	void *arg;
	uint8_t (*dead)[16];
	size_t count, cap;
};

static bool review_one(void *arg, const uint8_t queue_id[16])
{
	struct review *r = arg;

	if (r->is_live(r->arg, queue_id))
		return true;
	if (r->count == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 32;
		uint8_t(*dead)[16] = realloc(r->dead, cap * sizeof(*dead));

		if (!dead)
			return false;
		r->dead = dead;
		r->cap = cap;
	}
	memcpy(r->dead[r->count++], queue_id, 16);
	return true;
}

enum err message_ledger_review(struct mailstore *m, bool (*is_live)(void *arg, const uint8_t queue_id[16]), void *arg)
{
	struct review r = { .m = m, .is_live = is_live, .arg = arg };
	bool is_reviewed;
	struct db *db;
	enum err e;

	pthread_mutex_lock(&m->lock);
	is_reviewed = m->ledger_reviewed;
	m->ledger_reviewed = true;
	pthread_mutex_unlock(&m->lock);
	if (is_reviewed)
		return ERR_OK;
	e = mailstore_reader_take(m, &db);
	if (!e) {
		e = db_mail_ledger_each(db, review_one, &r);
		mailstore_reader_give(m, &db);
	}
	if (!e) {
		message_ledger_done(m, (const uint8_t(*)[16])r.dead, r.count);
	} else {
		pthread_mutex_lock(&m->lock);
		m->ledger_reviewed = false;
		pthread_mutex_unlock(&m->lock);
	}
	free(r.dead);
	return e;
}

/* ---- APPEND ---- */

struct appending {
	uint64_t mailbox_id;
	struct filing filing;
	struct append_result result;
	uint64_t modseq;
	bool did_run;
};

static enum err run_append(struct db *db, void *arg)
{
	struct appending *a = arg;
	struct db_mailbox_delta delta = { .messages = 0 };
	struct db_message row = { .mailbox = a->mailbox_id, .flags = a->filing.message->flags };
	struct db_mailbox mailbox;
	enum err e = db_mailbox_by_id(db, a->mailbox_id, &mailbox);

	a->did_run = false;
	if (!e && mailbox.uid_next > UINT32_MAX)
		e = ERR_LIMIT;
	if (!e)
		e = db_mail_allot(db, 1, &row.modseq, &row.content);
	if (e)
		return e;
	row.uid = (uint32_t)mailbox.uid_next;
	e = file_message(db, &row, &a->filing, &delta);
	if (!e)
		e = db_mailbox_adjust(db, a->mailbox_id, &delta, row.modseq);
	a->result = (struct append_result){ mailbox.uid_validity, row.uid };
	a->modseq = row.modseq;
	a->did_run = !e;
	return e;
}

/* What arrived under a name of ours was not promised to be on the disk yet. */
static enum err sync_arrived(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	enum err e = ERR_OK;

	if (fd < 0)
		return errno == ENOENT ? ERR_CORRUPT : ERR_TEMP;
	if (fsync(fd) != 0)
		e = ERR_TEMP;
	(void)close(fd);
	return e;
}

enum err message_append(struct mailstore *m, uint64_t mailbox_id, const struct new_message *message, struct append_result *out)
{
	struct appending a = { .mailbox_id = mailbox_id, .filing.message = message };
	const bool is_arriving = message->body.path && files_is_arriving(m->files_dir, message->body.path);
	enum err e = is_arriving ? sync_arrived(message->body.path) : ERR_OK;

	if (e)
		return e;
	filing_take_file(m, &a.filing);
	e = a.filing.result;
	if (!e && a.filing.file[0])
		e = files_sync(m->files_dir);
	if (!e)
		e = mailstore_write(m, run_append, &a, filing_weight(message));
	drop_files(m, &a.filing, 1, !e, a.did_run);
	if (e)
		return e;
	if (is_arriving)
		(void)unlink(message->body.path);
	arrived(m, mailbox_id, a.result.uid, a.modseq);
	*out = a.result;
	return ERR_OK;
}

enum err message_body_path(struct mailstore *m, struct arena *a, const char **path_out)
{
	return files_arriving(m->files_dir, a, path_out);
}

/* ---- keywords ---- */

struct naming_keyword {
	struct mailstore *m;
	struct span name;
	unsigned bit;
};

static bool keyword_known(struct mailstore *m, struct span name, uint64_t *bit_out)
{
	bool known = false;

	pthread_mutex_lock(&m->lock);
	for (unsigned i = 0; !known && i < m->keyword_count; i++) {
		known = m->keywords[i] && span_iequals(span_str(m->keywords[i]), name);
		if (known)
			*bit_out = UINT64_C(1) << (FLAG_KEYWORD_SHIFT + i);
	}
	pthread_mutex_unlock(&m->lock);
	return known;
}

static enum err run_keyword(struct db *db, void *arg)
{
	struct naming_keyword *k = arg;
	enum err e = db_mail_keyword_find(db, k->name, &k->bit);

	return e == ERR_NOT_FOUND ? db_mail_keyword_add(db, k->name, FLAG_KEYWORDS_MAX, &k->bit) : e;
}

enum err message_keyword_bit(struct mailstore *m, struct span name, bool create, uint64_t *bit_out)
{
	struct naming_keyword k = { m, name, 0 };
	char *copy;
	enum err e;

	if (keyword_known(m, name, bit_out))
		return ERR_OK;
	if (!create)
		return ERR_NOT_FOUND;
	if (name.len == 0 || name.len > KEYWORD_MAX)
		return ERR_LIMIT;
	copy = calloc(1, name.len + 1);
	if (!copy)
		return ERR_TEMP;
	memcpy(copy, name.ptr, name.len);
	e = mailstore_write(m, run_keyword, &k, WEIGHT_ROW);
	if (!e) {
		pthread_mutex_lock(&m->lock);
		if (!m->keywords[k.bit]) {
			m->keywords[k.bit] = copy;
			copy = NULL;
		}
		if (k.bit >= m->keyword_count)
			m->keyword_count = k.bit + 1;
		pthread_mutex_unlock(&m->lock);
		*bit_out = UINT64_C(1) << (FLAG_KEYWORD_SHIFT + k.bit);
	}
	free(copy);
	return e;
}

enum err message_keywords(struct mailstore *m, struct arena *a, struct span **out, size_t *count_out)
{
	struct span *names = arena_array(a, FLAG_KEYWORDS_MAX, sizeof(*names));

	if (!names)
		return ERR_LIMIT;
	pthread_mutex_lock(&m->lock);
	for (unsigned i = 0; i < m->keyword_count; i++) {
		if (m->keywords[i])
			names[i] = arena_copy(a, span_str(m->keywords[i]));
	}
	*count_out = m->keyword_count;
	pthread_mutex_unlock(&m->lock);
	*out = names;
	return a->failed ? ERR_LIMIT : ERR_OK;
}
