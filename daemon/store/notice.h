/* store/notice.h: telling the watches and the journal of an account, after a commit. For the files of store/ only. */
#ifndef POSTROOM_STORE_NOTICE_H
#define POSTROOM_STORE_NOTICE_H

#include "daemon/store/journal.h"

/* What the journal keeps. Under watch_lock. */
#define JOURNAL_CHANGES 256
#define JOURNAL_NAMES 128
struct journal {
	unsigned followers;
	uint64_t change_count, name_count; /* of all time */
	struct {
		uint64_t mailbox_id, audience;
		unsigned what;
	} changes[JOURNAL_CHANGES];
	struct {
		enum journal_event event;
		char *text; /* name, then old name */
		size_t name_len, old_len;
	} names[JOURNAL_NAMES];
};

/* mailbox_id 0: of the account, every watch is called. `what`: CHANGE_; 0: nothing that the journal keeps. `audience`: whose \Seen alone it is (the account's id); 0: it is everybody's. */
void notice_changed(struct mailstore *m, uint64_t mailbox_id, unsigned what, uint64_t audience);
/* `old_name`: of RENAMED. */
void notice_name(struct mailstore *m, enum journal_event event, struct span name, struct span old_name);

#endif
