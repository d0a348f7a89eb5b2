/* store/annotation.h: annotations of mailboxes and of the account itself (RFC 5464): values under names, for one reader or for all.
 *
 * They go with their mailbox, and stay with it when it is renamed. Names come in lower case and begin with '/'.
 */
#ifndef POSTROOM_STORE_ANNOTATION_H
#define POSTROOM_STORE_ANNOTATION_H

#include "daemon/store/mailbox.h"
#include "daemon/store/store.h"

#define ANNOTATION_VALUE_MAX 65536                       /* bytes; plain digits: replies show it */
#define ANNOTATION_ENTRY_MAX 1000                        /* bytes of a name */
#define ANNOTATION_DEPTH_MAX 20                          /* its levels */
#define ANNOTATION_ENTRIES_MAX 1000                      /* of a mailbox and reader, and of one change */
#define ANNOTATION_BYTES_MAX (16ull * 1024ull * 1024ull) /* names and values of an account; apart from them, as much of all readers of its mailboxes */
#define ANNOTATION_READER_BYTES_MAX (1024ull * 1024ull)  /* of one of those: nobody takes the room of others */

#define ANNOTATION_OF_ACCOUNT 0 /* as a mailbox */
#define ANNOTATION_OF_ALL 0     /* as a reader: /shared; else whose /private it is */

#define ANNOTATION_USE SPAN("/specialuse") /* of the owner: the mailbox's special use (RFC 6154 4) */

struct annotation {
	uint64_t reader;
	struct span entry;
	struct span value;
	bool removed;         /* of a change: there is none any more */
	bool is_use;          /* of a change: it is ANNOTATION_USE of the owner, and not a value is kept but the mailbox's special use set */
	enum special_use use; /* that one; whichever mailbox has it loses it */
};

/* `top` and what is below it ("": all), by name, behind `after` ("": from the start), until `each` returns false. Spans live during the call. */
enum err annotation_each(struct mailstore *m, uint64_t mailbox_id, uint64_t reader, struct span top, struct span after,
			 bool (*each)(void *arg, struct span entry, struct span value), void *arg) MUST_CHECK;
/* All or nothing. ERR_NOT_FOUND: no such mailbox; ERR_LIMIT: there would be too many, or too much. `by` is who won't be told of it by annotation_news(). */
enum err annotation_set(struct mailstore *m, uint64_t mailbox_id, const struct annotation *list, size_t count, const void *by) MUST_CHECK;

struct db;
/* In a change's transaction: the new mailbox gets those that are everybody's and the owner's. ERR_LIMIT as above. */
enum err annotation_copy(struct db *db, uint64_t account_id, uint64_t from, uint64_t to) MUST_CHECK;
/* Another mailbox has got its special use: news for everybody of the account. */
void annotation_use_lost(struct mailstore *m, uint64_t mailbox_id);

/* What changed since a mark: kept in memory while the account is open, the last ANNOTATION_NEWS_MAX names; who comes later hears of those. */
#define ANNOTATION_NEWS_MAX 1024
struct annotation_ring;
void annotation_ring_free(struct annotation_ring **ring); /* of mailstore.c */
struct annotation_news {
	uint64_t mailbox_id, reader;
	struct span entry;
};
uint64_t annotation_mark(struct mailstore *m);
/* Others' changes that `viewer` (an account) may hear of; the mark moves. In the arena. ERR_LIMIT: no room. */
enum err annotation_news(struct mailstore *m, uint64_t viewer, const void *by, uint64_t *mark, struct arena *a, struct annotation_news **out,
			 size_t *count_out) MUST_CHECK;

#endif
