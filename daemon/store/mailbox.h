/* store/mailbox.h: the mailboxes of one account. Names are UTF-8 in NFC, '/' between levels; INBOX in any case is "INBOX". */
#ifndef POSTROOM_STORE_MAILBOX_H
#define POSTROOM_STORE_MAILBOX_H

#include "daemon/store/store.h"

#define MAILBOX_NAME_MAX 1000 /* bytes */
#define MAILBOX_DEPTH_MAX 20
#define MAILBOX_COUNT_MAX 10000

/* RFC 6154, and \Important (RFC 8457); one use stands at one mailbox only. Values are stored. */
enum special_use { USE_NONE = 0,
		   USE_DRAFTS,
		   USE_SENT,
		   USE_JUNK,
		   USE_TRASH,
		   USE_ARCHIVE,
		   USE_IMPORTANT };

struct mailbox_info {
	uint64_t id;
	struct span name;
	enum special_use use;
	bool subscribed, has_children;
	bool exists; /* false: a parent that is only a name (\NonExistent), or a subscription to what is gone */
	uint32_t uid_validity, uid_next;
	uint64_t highest_modseq;
	uint32_t messages, unseen, deleted;
	uint64_t size_bytes;
};

/* Valid for a name to be created: length, depth, no empty level, no control characters, no "." or ".." level; made normal (NFC, INBOX) in the arena. ERR_SYNTAX, ERR_LIMIT. */
enum err mailbox_name_normal(struct span name, struct arena *a, struct span *out) MUST_CHECK;

/* All, sorted by name, INBOX first; subscriptions to missing mailboxes too (exists = false). */
enum err mailbox_list(struct mailstore *m, struct arena *a, struct mailbox_info **out, size_t *count_out) MUST_CHECK;
/* Bytes of its messages with \Deleted (RFC 9208 DELETED-STORAGE). */
enum err mailbox_deleted_bytes(struct mailstore *m, uint64_t mailbox_id, uint64_t *out) MUST_CHECK;
/* A name that only stands above others is found with exists = false. ERR_NOT_FOUND: but `subscribed` is set as it is. */
enum err mailbox_find(struct mailstore *m, struct span name, struct arena *a, struct mailbox_info *out) MUST_CHECK;

/* Parents are created too (RFC 9051 6.3.4). ERR_EXISTS, ERR_SYNTAX, ERR_LIMIT, ERR_DENIED (INBOX). A special use is
 * taken from the mailbox that has it. */
enum err mailbox_create(struct mailstore *m, struct span name, enum special_use use) MUST_CHECK;
/* INBOX: ERR_DENIED. With children its messages go and the name stays, above them (RFC 3501 6.3.4); such a name: ERR_STATE (RFC 9051 6.3.5:
 * NO [HASCHILDREN]). UIDVALIDITY is never used again for a name. */
enum err mailbox_delete(struct mailstore *m, struct span name) MUST_CHECK;
/* Children move along; INBOX: its messages move to the new name, INBOX stays (RFC 9051 6.3.6). ERR_DENIED into its own child;
 * ERR_EXISTS also where below both names there are mailboxes. */
enum err mailbox_rename(struct mailstore *m, struct span from, struct span to) MUST_CHECK;
enum err mailbox_subscribe(struct mailstore *m, struct span name, bool on) MUST_CHECK;

#endif
