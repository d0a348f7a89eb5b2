/* imap/store_service.c: the store's own functions under the names by which a session asks for them. */
#include "daemon/imap/store_service.h"

#include "daemon/imap/body_file.h"

void imap_store_service(struct imap_service *out)
{
	*out = (struct imap_service){
		.body_begin = body_file_begin,
		.body_write = body_file_write,
		.body_seal = body_file_seal,
		.body_end = body_file_end,
		.body_read = body_file_read,
		.name_normal = mailbox_name_normal,
		.list = mailbox_list,
		.find = mailbox_find,
		.create = mailbox_create,
		.remove = mailbox_delete,
		.rename = mailbox_rename,
		.subscribe = mailbox_subscribe,
		.journal_follow = journal_follow,
		.journal_leave = journal_leave,
		.journal_read = journal_read,
		.append_all = message_append_all,
		.keyword_bit = message_keyword_bit,
		.deleted_bytes = mailbox_deleted_bytes,
		.keywords = message_keywords,
		.view_open = view_open,
		.view_open_readonly = view_open_readonly,
		.view_close = view_close,
		.view_modseq = view_modseq,
		.view_mailbox_id = view_mailbox_id,
		.view_count = view_count,
		.view_uid_of = view_uid_of,
		.view_sequence_of = view_sequence_of,
		.view_last_uid = view_last_uid,
		.view_first_from = view_first_from,
		.view_first_unseen = view_first_unseen,
		.view_recent_count = view_recent_count,
		.view_is_recent = view_is_recent,
		.view_is_stale = view_is_stale,
		.view_is_gone = view_is_gone,
		.view_sync = view_sync,
		.view_read = view_read,
		.view_read_since = view_read_since,
		.view_vanished = view_vanished,
		.view_recent_waiting = view_recent_waiting,
		.view_store = view_store,
		.view_store_unchanged = view_store_unchanged,
		.view_expunge = view_expunge,
		.view_replace = view_replace,
		.view_copy = view_copy,
	};
}
