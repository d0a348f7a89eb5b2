/* store/notice.h: telling the watches of an account, after a commit. For the files of store/ only. */
#ifndef POSTROOM_STORE_NOTICE_H
#define POSTROOM_STORE_NOTICE_H

#include "daemon/store/store.h"

void notice_changed(struct mailstore *m, uint64_t mailbox_id);

#endif
