/* store/append.c: APPEND: one message or several, in one transaction. */
#include "daemon/store/append.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/store/room.h"
#include "db/mail_account.h"

struct appending {
	uint64_t mailbox_id;
	struct filing *filings;
	size_t count;
	const struct store_room *room;
	uint64_t bytes;
	struct append_result first;
	uint64_t modseq;
	bool did_run;
};

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

static bool is_arriving(const struct mailstore *m, const struct filing *f)
{
	return f->message->body.path && files_is_arriving(m->files_dir, f->message->body.path);
}

enum err append_take(struct mailstore *m, struct filing *filings, size_t count)
{
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < count; i++) {
		if (is_arriving(m, &filings[i]))
			e = sync_arrived(filings[i].message->body.path);
	}
	if (e)
		return e;
	filing_take_files(m, filings, count);
	for (size_t i = 0; !e && i < count; i++)
		e = filings[i].result;
	return e;
}

void append_taken(const struct mailstore *m, const struct filing *filings, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (is_arriving(m, &filings[i]))
			(void)unlink(filings[i].message->body.path);
	}
}

enum err append_rows(struct db *db, const struct db_mailbox *mailbox, const struct filing *filings, size_t count, struct db_message row)
{
	struct db_mailbox_delta delta = { .messages = 0 };
	enum err e = mailbox->uid_next + count - 1 > UINT32_MAX ? ERR_LIMIT : ERR_OK;

	row.mailbox = mailbox->id;
	for (size_t i = 0; !e && i < count; i++) {
		row.uid = (uint32_t)(mailbox->uid_next + i);
		row.flags = filings[i].message->flags;
		e = filing_add(db, &row, &filings[i], &delta);
		row.content++;
	}
	return e ? e : db_mailbox_adjust(db, mailbox->id, &delta, row.modseq);
}

static enum err run_append(struct db *db, void *arg)
{
	struct appending *a = arg;
	struct db_message row = { .mailbox = a->mailbox_id };
	struct db_mailbox mailbox;
	enum err e = db_mailbox_by_id(db, a->mailbox_id, &mailbox);

	a->did_run = false;
	if (!e)
		e = room_check(db, a->room, (int64_t)a->bytes, (int64_t)a->count);
	if (!e)
		e = db_mail_allot(db, a->count, &row.modseq, &row.content);
	if (!e)
		e = append_rows(db, &mailbox, a->filings, a->count, row);
	if (e)
		return e;
	a->first = (struct append_result){ mailbox.uid_validity, (uint32_t)mailbox.uid_next };
	a->modseq = row.modseq;
	a->did_run = true;
	return ERR_OK;
}

enum err message_append_all(struct mailstore *m, uint64_t mailbox_id, const struct new_message *messages, size_t count, const struct store_room *room,
			    struct append_result *first)
{
	struct appending a = { .mailbox_id = mailbox_id, .count = count, .room = room };
	size_t weight = 0;
	enum err e;

	if (!count)
		return ERR_STATE;
	a.filings = calloc(count, sizeof(*a.filings));
	if (!a.filings)
		return ERR_TEMP;
	for (size_t i = 0; i < count; i++) {
		a.filings[i].message = &messages[i];
		a.bytes += filing_size(&messages[i]);
		weight += filing_weight(&messages[i]);
	}
	e = append_take(m, a.filings, count);
	if (!e)
		e = mailstore_write(m, run_append, &a, weight);
	filing_drop_files(m, a.filings, count, !e, a.did_run);
	if (!e) {
		append_taken(m, a.filings, count);
		filing_arrived(m, mailbox_id, a.first.uid, a.modseq);
		*first = a.first;
	}
	free(a.filings);
	return e;
}

enum err message_append(struct mailstore *m, uint64_t mailbox_id, const struct new_message *message, struct append_result *out)
{
	return message_append_all(m, mailbox_id, message, 1, NULL, out);
}

enum err message_body_path(struct mailstore *m, struct arena *a, const char **path_out)
{
	return files_arriving(m->files_dir, a, path_out);
}
