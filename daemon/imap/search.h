/* imap/search.h: does a message match? Internal to the search_*.c files and search_run.c. */
#ifndef POSTROOM_IMAP_SEARCH_H
#define POSTROOM_IMAP_SEARCH_H

#include "daemon/imap/session.h"
#include "daemon/store/text.h"

enum search_answer {
	SEARCH_NO,
	SEARCH_YES,
	SEARCH_UNSURE, /* more of the message must be read */
};

/* How much of a message is at hand. What a lower level leaves open is asked again at the next that the tree needs. */
enum search_level {
	SEARCH_AT_FLAGS, /* the thin row */
	SEARCH_AT_META,  /* dates, size, thread */
	SEARCH_AT_WORDS, /* envelope, subject */
	SEARCH_AT_TEXT,
	SEARCH_LEVELS,
};

/* Working memory of one turn. */
struct search_scratch {
	struct message_text text; /* of one message, once a key has asked for it */
	struct buf folded, line;
	struct arena arena; /* of one message */
};
void search_scratch_init(struct search_scratch *x);
void search_scratch_next(struct search_scratch *x); /* to another message */
void search_scratch_clear(struct search_scratch *x);

/* Where is searched: the selected mailbox, or one that a command has opened. */
struct search_place {
	uint64_t owner; /* account */
	struct mailstore *store;
	struct view *view;
};

/* A message while it is looked at. */
struct search_message {
	struct imap_session *s;
	struct view *view;
	const struct message_row *row;
	enum search_level level;
	int64_t now_ms;
	struct search_scratch *scratch;
};

/* What to read at which level; 0: nothing is asked there. */
struct search_needs {
	unsigned want[SEARCH_LEVELS];
	enum search_level from; /* nothing is decided below */
};

/* Once: keys to case-mapped UTF-8. ERR_SYNTAX: the charset is unknown. */
enum err search_prepare(struct imap_session *s, struct search_tree *tree) MUST_CHECK;
/* For one place after the other: sets to UIDs (in the arena), keywords to bits, and what the account's index knows of the keys is begun. */
enum err search_aim(struct imap_session *s, const struct search_place *place, struct search_tree *tree, struct arena *a, struct search_needs *needs) MUST_CHECK;
enum search_answer search_matches(const struct search_tree *tree, const struct search_message *m);
/* What a key without keys inside says; of FUZZY with a score of 1 to 100, else 0. */
enum search_answer search_leaf_matches(const struct search_node *node, const struct search_message *m, uint8_t *score_out);
/* search_score.c: the same as search_matches(), but unsure as long as the score is. */
enum search_answer search_scores(const struct search_tree *tree, const struct search_message *m, uint8_t *score_out);
/* Of a prepared tree, at any time. */
void search_forget(struct search_tree *tree);

/* search_text.c: runs of blanks as one space: so SUBJECT is compared, which is folded and spaced as each mailer likes. */
void search_pack(struct span text, struct buf *out);
/* How well texts have a node's key: 0 not at all, 100 as it stands, of FUZZY fuzzy_score(). */
uint8_t search_header(const struct search_message *m, struct span name, const struct search_node *node);
uint8_t search_text(const struct search_message *m, const struct search_node *node);
/* In the envelope's list that `number` says. */
uint8_t search_address(const struct search_message *m, const struct search_node *node);
bool search_subject_shows(const struct search_message *m, const struct search_node *node); /* as much of it as the row has */
enum search_answer search_subject(const struct search_message *m, const struct search_node *node, uint8_t *score_out);
/* The Date field's day as it is written there. */
bool search_sent_day(const struct search_message *m, int64_t *day_out);

#endif
