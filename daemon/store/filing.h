/* store/filing.h: one message on its way into a mailbox: its body's file, its rows. For the files of store/ only.
 *
 *   body file: taken (linked, synced) --> named by a committed row
 *                                    \--> not committed: unlinked, or left to the sweep
 */
#ifndef POSTROOM_STORE_FILING_H
#define POSTROOM_STORE_FILING_H

#include "daemon/store/files.h"
#include "daemon/store/mailstore.h"
#include "db/mail_mailbox.h"
#include "db/mail_message.h"

struct filing {
	const struct new_message *message;
	char file[FILES_NAME]; /* "": the body goes into the row */
	uint64_t viewer;       /* whose \Seen the message comes with; 0: the owner */
	enum err result;
};

/* What one row costs in the WAL, about; and all of a message. */
#define FILING_ROW_WEIGHT 4096
size_t filing_weight(const struct new_message *n);
uint64_t filing_size(const struct new_message *n); /* RFC822.SIZE */

/* Of each that has one: the body's file gets its name in the account, and the names are made durable at once. What fails stands in `result`. */
void filing_take_files(struct mailstore *m, struct filing *filings, size_t count);

/* Inside a write: content and message row, and what they add to the mailbox's counters. */
enum err filing_add(struct db *db, const struct db_message *row, const struct filing *f, struct db_mailbox_delta *delta) MUST_CHECK;

/* Files without a row: those that failed, were there already, or all when nothing was committed. */
void filing_drop_files(struct mailstore *m, const struct filing *filings, size_t count, bool is_committed, bool did_run);

/* After a commit that brought messages from first_uid on. */
void filing_arrived(struct mailstore *m, uint64_t mailbox_id, uint64_t first_uid, uint64_t modseq);

#endif
