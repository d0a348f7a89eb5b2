/* store/mailbox_row.c: rows as mailboxes. */
#include "daemon/store/mailbox_row.h"

void mailbox_row_show(const struct db_mailbox *row, struct mailbox_info *info)
{
	info->id = row->id;
	info->use = (enum special_use)row->special_use;
	info->exists = true;
	info->uid_validity = row->uid_validity;
	info->uid_next = (uint32_t)(row->uid_next > UINT32_MAX ? UINT32_MAX : row->uid_next);
	info->highest_modseq = row->modseq;
	info->messages = row->messages;
	info->unseen = row->unseen;
	info->deleted = row->deleted;
	info->size_bytes = row->size_bytes;
}
