/* db/mail_annotation.h: what clients have noted on mailboxes and on the account (RFC 5464; mail.db annotation). */
#ifndef POSTROOM_DB_MAIL_ANNOTATION_H
#define POSTROOM_DB_MAIL_ANNOTATION_H

#include "db/db.h"

/* mailbox 0: of the account; reader 0: everybody's. Entries are lower-case, "/comment". */
enum err db_annotation_set(struct db *db, uint64_t mailbox, uint64_t reader, struct span entry, struct span value) MUST_CHECK;
enum err db_annotation_remove(struct db *db, uint64_t mailbox, uint64_t reader, struct span entry) MUST_CHECK;
/* `top` and all that is below it ("": all), by name, behind `after` ("": from the start), until `row` returns false. Spans live during the call. */
enum err db_annotation_each(struct db *db, uint64_t mailbox, uint64_t reader, struct span top, struct span after,
			    bool (*row)(void *arg, struct span entry, struct span value), void *arg) MUST_CHECK;
enum err db_annotation_count(struct db *db, uint64_t mailbox, uint64_t reader, uint64_t *out) MUST_CHECK;
/* Of names and values: those for all and of `owner`, and those of all other readers; of one reader. */
enum err db_annotation_bytes(struct db *db, uint64_t owner, uint64_t *own_out, uint64_t *others_out) MUST_CHECK;
enum err db_annotation_bytes_of(struct db *db, uint64_t reader, uint64_t *out) MUST_CHECK;
/* To a mailbox that has none: what is everybody's and what is the owner's. */
enum err db_annotation_copy(struct db *db, uint64_t from, uint64_t to, uint64_t owner) MUST_CHECK;
/* All of a mailbox. */
enum err db_annotation_forget(struct db *db, uint64_t mailbox) MUST_CHECK;
/* All of a reader, on all mailboxes. */
enum err db_annotation_forget_reader(struct db *db, uint64_t reader) MUST_CHECK;
/* The next one above *reader. ERR_NOT_FOUND. */
enum err db_annotation_next_reader(struct db *db, uint64_t *reader) MUST_CHECK;

#endif
