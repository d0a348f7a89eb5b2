/* store/append.h: what APPEND and REPLACE share: files that arrived under names of the account. For the files of store/ only. */
#ifndef POSTROOM_STORE_APPEND_H
#define POSTROOM_STORE_APPEND_H

#include "daemon/store/filing.h"

/* Makes durable what arrived, then takes it: nothing, or all of them. The files are to be dropped in either case. */
enum err append_take(struct mailstore *m, struct filing *filings, size_t count) MUST_CHECK;
/* All is committed: the names under which it arrived go. */
void append_taken(const struct mailstore *m, const struct filing *filings, size_t count);
/* Inside a write: all into the mailbox from its uidnext on; `row` has modseq and first content id. */
enum err append_rows(struct db *db, const struct db_mailbox *mailbox, const struct filing *filings, size_t count, struct db_message row) MUST_CHECK;

#endif
