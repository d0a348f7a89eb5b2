/* store/expunge.c: rows out, expunge log in, counters, contents without a row.
 *
 * (1) Row, log, counters and content go in one transaction; the body's file is unlinked after its commit.
 */
#include "daemon/store/expunge.h"

#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/store/files.h"
#include "daemon/store/thread.h"
#include "db/mail_mailbox.h"
#include "db/mail_seen.h"

#define LOG_AGE_MS (INT64_C(90) * 24 * 3600 * 1000)
#define LOG_ROWS 100000

struct picking {
	struct picked_list *list;
	uint64_t mask;
};

static bool pick(void *arg, const struct db_message_row *row)
{
	const struct picking *picking = arg;
	struct picked_list *list = picking->list;

	if ((row->message.flags & picking->mask) != picking->mask)
		return true;
	if (list->count == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 64;
		struct picked *rows = realloc(list->rows, cap * sizeof(*rows));

		list->failed = !rows;
		if (!rows)
			return false;
		list->rows = rows;
		list->cap = cap;
	}
	list->rows[list->count++] = (struct picked){ row->message.uid, row->message.flags, row->message.content, row->content.size };
	return true;
}

enum err picked_read(struct db *db, uint64_t mailbox_id, const struct uid_set *set, uint32_t last_uid, uint64_t mask, struct picked_list *list)
{
	static const struct uid_range all = { 1, UINT32_MAX };
	const struct uid_range *ranges = set ? set->ranges : &all;
	const size_t count = set ? set->count : 1;
	struct picking picking = { list, mask };
	enum err e = ERR_OK;

	list->count = 0;
	list->failed = false;
	for (size_t i = 0; !e && !list->failed && i < count && ranges[i].first <= last_uid; i++) {
		uint32_t last = ranges[i].last < last_uid ? ranges[i].last : last_uid;

		e = db_message_scan(db, mailbox_id, ranges[i].first, last, DB_ROW_META, pick, &picking);
	}
	return !e && list->failed ? ERR_TEMP : e;
}

void picked_clear(struct picked_list *list)
{
	free(list->rows);
	*list = (struct picked_list){ .rows = NULL };
}

static enum err remove_run(struct db *db, uint64_t mailbox_id, uint32_t first, uint32_t last, bool has_readers, uint64_t modseq, int64_t now_ms)
{
	enum err e = db_message_remove(db, mailbox_id, first, last);

	if (!e && has_readers)
		e = db_seen_remove(db, mailbox_id, first, last);

	return e ? e : db_expunged_add(db, mailbox_id, modseq, first, last, now_ms);
}

enum err expunge_rows(struct db *db, uint64_t mailbox_id, const struct picked_list *list, uint64_t modseq)
{
	const int64_t now_ms = clock_real_ms();
	struct db_mailbox_delta delta = { .messages = -(int64_t)list->count };
	uint64_t runs = 0;
	bool has_readers;
	enum err e = db_seen_is_used(db, mailbox_id, &has_readers);

	for (size_t i = 0, run = 0; !e && i < list->count; i++) {
		delta.unseen -= !(list->rows[i].flags & FLAG_SEEN);
		delta.deleted -= !!(list->rows[i].flags & FLAG_DELETED);
		delta.size_bytes -= (int64_t)list->rows[i].size;
		if (i + 1 < list->count && list->rows[i + 1].uid == list->rows[i].uid + 1)
			continue;
		e = remove_run(db, mailbox_id, list->rows[run].uid, list->rows[i].uid, has_readers, modseq, now_ms);
		runs++;
		run = i + 1;
	}
	if (!e)
		e = db_mailbox_adjust(db, mailbox_id, &delta, modseq);
	if (!e)
		e = db_expunged_trim(db, mailbox_id, runs, now_ms - LOG_AGE_MS, LOG_ROWS);
	return e;
}

static enum err add_file(struct file_list *files, const struct db_content_gone *gone)
{
	if (files->count == files->cap) {
		size_t cap = files->cap ? files->cap * 2 : 16;
		char(*names)[DB_CONTENT_FILE_MAX] = realloc(files->names, cap * sizeof(*names));

		if (!names)
			return ERR_TEMP;
		files->names = names;
		files->cap = cap;
	}
	memcpy(files->names[files->count++], gone->file, sizeof(gone->file));
	return ERR_OK;
}

static enum err forget_words(void *arg, uint64_t content, struct span message_id, struct span refs)
{
	return thread_leave(arg, content, message_id, refs);
}

enum err expunge_contents(struct db *db, const struct picked_list *list, struct file_list *files)
{
	enum err e = ERR_OK;

	files->count = 0;
	for (size_t i = 0; !e && i < list->count; i++) {
		struct db_content_gone gone;

		e = db_content_release(db, list->rows[i].content, forget_words, db, &gone);
		if (!e && gone.removed && gone.file_len)
			e = add_file(files, &gone);
	}
	return e;
}

void expunge_files(struct mailstore *m, struct file_list *files)
{
	for (size_t i = 0; i < files->count; i++)
		files_remove(m->files_dir, files->names[i]);
	file_list_clear(files);
}

void file_list_clear(struct file_list *files)
{
	free(files->names);
	*files = (struct file_list){ .names = NULL };
}
