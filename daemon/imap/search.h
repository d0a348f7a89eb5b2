/* imap/search.h: does a message match? Internal to the search_*.c files and cmd_search.c. */
#ifndef POSTROOM_IMAP_SEARCH_H
#define POSTROOM_IMAP_SEARCH_H

#include "daemon/imap/session.h"
#include "daemon/store/text.h"

enum search_answer {
	SEARCH_NO,
	SEARCH_YES,
	SEARCH_UNSURE, /* the message's text must be read */
};

/* Working memory of one turn. */
struct search_scratch {
	struct message_text text; /* of one message, once a key has asked for it */
	struct buf folded;
	struct arena arena; /* of one message */
};
void search_scratch_init(struct search_scratch *x);
void search_scratch_next(struct search_scratch *x); /* to another message */
void search_scratch_clear(struct search_scratch *x);

/* A message while it is looked at. */
struct search_message {
	struct imap_session *s;
	const struct message_row *row;
	struct search_scratch *scratch; /* null: the thin row alone, text can't be looked at */
};

/* What the tree needs of the rows. */
struct search_needs {
	unsigned thin; /* of every message */
	unsigned text; /* of those that are unsure; 0: none ever is */
};

/* Keys to case-mapped UTF-8, sets to UIDs, keywords to bits. ERR_SYNTAX: the charset is unknown. */
enum err search_prepare(struct imap_session *s, struct search_tree *tree, struct search_needs *needs) MUST_CHECK;
enum search_answer search_matches(const struct search_tree *tree, const struct search_message *m);

/* search_text.c: `key` is case-mapped. */
bool search_header(const struct search_message *m, struct span name, struct span key);
bool search_text(const struct search_message *m, struct span key, bool header_too);
/* The Date field's day as it is written there. */
bool search_sent_day(const struct search_message *m, int64_t *day_out);

#endif
