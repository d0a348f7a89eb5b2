/* store/filing.c: how a message gets its file and its rows, however it comes.
 *
 * (1) Files are linked and their names synced before the transaction begins: no row names a file that a power cut can take.
 * (2) When a commit fails its frames may still be in the WAL, and a crash could bring them back: the file stays for the sweep,
 *     which runs when the account is next opened and knows what was really committed.
 */
#include "daemon/store/filing.h"

#include "daemon/base/clock.h"
#include "daemon/store/notice.h"
#include "daemon/store/search_indexer.h"
#include "daemon/store/state.h"
#include "daemon/store/thread.h"
#include "db/mail_seen.h"

size_t filing_weight(const struct new_message *n)
{
	return FILING_ROW_WEIGHT + n->prefix.len + n->head.len + (n->body.path ? 0 : n->body.bytes.len) + n->envelope.len + n->body_structure.len;
}

uint64_t filing_size(const struct new_message *n)
{
	return n->prefix.len + n->head.len + (n->body.path ? n->body.size : n->body.bytes.len);
}

static enum err filing_check(const struct new_message *n)
{
	if (n->head.len > STORE_HEAD_MAX || n->prefix.len > STORE_HEAD_MAX)
		return ERR_LIMIT;
	if (!n->body.path && n->body.bytes.len > STORE_INLINE_MAX)
		return ERR_LIMIT;
	return ERR_OK;
}

static void take_file(struct mailstore *m, struct filing *f)
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

void filing_take_files(struct mailstore *m, struct filing *filings, size_t count)
{
	bool is_any = false;

	for (size_t i = 0; i < count; i++) {
		filings[i].viewer = filings[i].message->viewer == m->account_id ? 0 : filings[i].message->viewer;
		take_file(m, &filings[i]);
		is_any = is_any || filings[i].file[0];
	}
	if (!is_any || !files_sync(m->files_dir))
		return;
	for (size_t i = 0; i < count; i++) {
		if (filings[i].file[0])
			filings[i].result = ERR_TEMP;
	}
}

static enum err add_content(struct db *db, uint64_t id, const struct filing *f)
{
	const struct new_message *n = f->message;
	struct db_content content = {
		.internal_ms = n->internal_ms,
		.internal_offset = n->internal_offset_minutes,
		.sent_ms = n->sent_ms,
		.size = filing_size(n),
		.body_size = f->file[0] ? n->body.size : n->body.bytes.len,
		.file = span_str(f->file),
		.envelope = n->envelope,
		.body_structure = n->body_structure,
		.body_text_structure = n->body_text_structure,
		.parts = n->parts,
		.subject = n->subject,
		.message_id = n->message_id,
		.preview = n->preview,
		.refs = n->refs,
		.prefix = n->prefix,
		.head = n->head,
		.body = n->body.bytes,
	};
	enum err e = thread_join(db, id, n->message_id, n->refs, &content.thread);

	return e ? e : db_content_add(db, id, &content);
}

enum err filing_add(struct db *db, const struct db_message *row, const struct filing *f, struct db_mailbox_delta *delta)
{
	struct db_message placed = *row;
	enum err e = add_content(db, row->content, f);

	placed.saved_ms = clock_real_ms();
	if (f->viewer)
		placed.flags &= ~(uint64_t)FLAG_SEEN;
	if (!e)
		e = db_message_add(db, &placed);
	if (!e && placed.flags != row->flags)
		e = db_seen_set(db, row->mailbox, f->viewer, row->uid, row->uid, true, row->modseq);
	delta->messages++;
	delta->unseen += !(placed.flags & FLAG_SEEN);
	delta->deleted += !!(row->flags & FLAG_DELETED);
	delta->size_bytes += (int64_t)filing_size(f->message);
	delta->uids++;
	return e;
}

void filing_drop_files(struct mailstore *m, const struct filing *filings, size_t count, bool is_committed, bool did_run)
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

void filing_arrived(struct mailstore *m, uint64_t mailbox_id, uint64_t first_uid, uint64_t modseq)
{
	state_announce_at(m, mailbox_id, first_uid, modseq);
	notice_changed(m, mailbox_id, CHANGE_NEW, 0);
	search_indexer_arrived(m);
}
