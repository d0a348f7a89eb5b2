/* store/expunge.h: messages that leave a mailbox: by EXPUNGE, MOVE, RENAME of INBOX or with their mailbox. Inside a write; for the files of store/ only. */
#ifndef POSTROOM_STORE_EXPUNGE_H
#define POSTROOM_STORE_EXPUNGE_H

#include "daemon/store/mailstore.h"
#include "daemon/store/view.h"
#include "db/mail_message.h"

/* Message rows read in a transaction, ascending by UID. */
struct picked {
	uint32_t uid;
	uint64_t flags, content, size;
};
struct picked_list {
	struct picked *rows;
	size_t count, cap;
	bool failed; /* no memory */
};
/* Adds the rows of the set (null: all) up to last_uid whose flags have all bits of `mask`. */
enum err picked_read(struct db *db, uint64_t mailbox_id, const struct uid_set *set, uint32_t last_uid, uint64_t mask, struct picked_list *list) MUST_CHECK;
void picked_clear(struct picked_list *list);

/* Takes the rows out of the mailbox, logs them as expunged, adjusts its counters. Contents stay. */
enum err expunge_rows(struct db *db, uint64_t mailbox_id, const struct picked_list *list, uint64_t modseq) MUST_CHECK;

/* Names of files to unlink after the commit. */
struct file_list {
	char (*names)[DB_CONTENT_FILE_MAX];
	size_t count, cap;
};
/* Removes those contents of the list that nothing names any more. */
enum err expunge_contents(struct db *db, const struct picked_list *list, struct file_list *files) MUST_CHECK;
void expunge_files(struct mailstore *m, struct file_list *files); /* unlinks, and clears the list */
void file_list_clear(struct file_list *files);

#endif
