/* store/mailbox_row.h: a row of the database as the store shows it. For the files of store/ only. */
#ifndef POSTROOM_STORE_MAILBOX_ROW_H
#define POSTROOM_STORE_MAILBOX_ROW_H

#include "daemon/store/mailbox.h"
#include "db/mail_mailbox.h"

/* All but the name, and what stands in other rows: subscribed, has_children. */
void mailbox_row_show(const struct db_mailbox *row, struct mailbox_info *info);

#endif
