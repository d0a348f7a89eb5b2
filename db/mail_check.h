/* db/mail_check.h: is mail.db true to its own rules? For the doctor, tests and restores.
 *
 * Rows are looked at in walks, slice by slice: what a slice says is of one moment, since it is one statement.
 */
#ifndef POSTROOM_DB_MAIL_CHECK_H
#define POSTROOM_DB_MAIL_CHECK_H

#include "db/db.h"

enum mail_fault {
	/* of a message row */
	MAIL_NO_META,    /* it names a content of which the account knows nothing */
	MAIL_NO_MAILBOX, /* it stands in a mailbox that is not there */
	MAIL_UID_AHEAD,  /* its UID is past uidnext */
	MAIL_UID_ZERO,   /* or was never given */
	MAIL_MODSEQ_AHEAD,
	/* of a content */
	MAIL_NO_CONTENT,    /* meta without a content row: header and body are gone */
	MAIL_NOT_NAMED,     /* no message names it: garbage */
	MAIL_CONTENT_AHEAD, /* its id was not given yet */
	MAIL_BODY_PLACE,    /* neither in the row nor in a file, or in both */
	MAIL_BODY_LENGTH,   /* the body in the row has not its length */
	MAIL_SIZE,          /* of the whole: not the sum of its parts */
	MAIL_THREAD,        /* of a later message */
	MAIL_CONTENT_ALONE, /* content row without meta */
	/* of a key by which threads are found */
	MAIL_KEY_LEFT, /* of a content that is gone: garbage (release 0001 leaves it) */
	MAIL_KEY_WRONG,
	/* of a mailbox */
	MAIL_MAILBOX_AHEAD, /* of the account's modseq */
	MAIL_VALIDITY_AHEAD,
	MAIL_EXPUNGED, /* the log of what left it is not sane */
	MAIL_COUNTERS,
	MAIL_ROWS_LEFT, /* rows of mailboxes or messages that are gone: garbage */
	MAIL_FAULT_COUNT
};
const char *mail_fault_words(enum mail_fault fault);

enum mail_walk { MAIL_MESSAGES, /* by mailbox and UID */
		 MAIL_METAS,    /* by content id */
		 MAIL_CONTENTS, /* the same */
		 MAIL_KEYS,     /* by key and content id */
		 MAIL_WALK_COUNT };
/* Behind which row of a walk. */
struct mail_place {
	int64_t major, minor;
};
extern const struct mail_place mail_place_first;

struct mail_checked {
	uint32_t faults;         /* bits: 1 << enum mail_fault */
	struct mail_place place; /* of the row */
	uint64_t mailbox, content;
	uint32_t uid;
	/* MAIL_METAS alone; until the callback returns */
	struct span parts, file;
	uint64_t body_size;
};

/* Where a slice of `rows` rows behind `from` ends. ERR_NOT_FOUND: there are none. */
enum err db_mail_walk_next(struct db *db, enum mail_walk walk, const struct mail_place *from, size_t rows, struct mail_place *to) MUST_CHECK;
/* The rows behind `from` up to `to`: of MAIL_METAS each one, of the others those with a fault. `whole`: every byte of MAIL_METAS's contents is read. */
enum err db_mail_walk(struct db *db, enum mail_walk walk, const struct mail_place *from, const struct mail_place *to, bool whole, bool (*each)(void *arg, const struct mail_checked *row), void *arg) MUST_CHECK;

/* Mailboxes with one of their faults, MAIL_MAILBOX_AHEAD to MAIL_EXPUNGED. `each` returns false: ERR_TEMP. */
enum err db_mail_check_mailboxes(struct db *db, bool (*each)(void *arg, uint64_t mailbox, enum mail_fault fault), void *arg) MUST_CHECK;
/* Rows of what is gone. */
enum err db_mail_check_left(struct db *db, uint64_t *rows_out) MUST_CHECK;

/* What the messages of a slice come to; added to *sum. */
struct mail_sum {
	int64_t messages, unseen, deleted, size;
	uint64_t modseq; /* the highest */
	uint32_t uid;    /* likewise */
};
enum err db_mail_sum(struct db *db, const struct mail_place *from, const struct mail_place *to, struct mail_sum *sum) MUST_CHECK;

/* SQLite's own check of pages and indexes, table by table (but `content`, which a walk reads whole). ERR_NOT_FOUND: no such number. *is_index: what is
 * wrong is in an index alone, which can be made anew. */
enum err db_mail_check_pages(struct db *db, size_t table, const char **name_out, void (*each)(void *arg, struct span words, bool is_index), void *arg) MUST_CHECK;

/* All of it at once, but the pages: ERR_CORRUPT, and the first fault stands in `why`. While nobody writes. */
enum err db_mail_check(struct db *db, struct note *why) MUST_CHECK;
/* Every body that is a file. ERR_CORRUPT when `each` returns false. */
enum err db_mail_check_files(struct db *db, bool (*each)(void *arg, struct span file, uint64_t size), void *arg) MUST_CHECK;

#endif
