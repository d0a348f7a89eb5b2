/* imap/search_run.h: a search in turns, and what it has found: shared by SEARCH, SORT and THREAD. */
#ifndef POSTROOM_IMAP_SEARCH_RUN_H
#define POSTROOM_IMAP_SEARCH_RUN_H

#include "daemon/imap/search.h"

/* Messages found, a bit each by message number: a million cost 125 KiB. With `sorted` their order; else they rise. */
struct search_found {
	uint64_t *bits;
	uint32_t size, count; /* messages in the mailbox; found */
	const uint32_t *sorted;
	const struct search_needs *needs;
	const struct view *view;                    /* whose messages they are */
	uint8_t *scores;                            /* of each message, 0: not found; null: not asked for (RFC 6203) */
	uint64_t modseq, first_modseq, last_modseq; /* the highest of all; of the first and the last found */
};
/* The next one at or behind *at (0 at first), which is moved behind it. False: no more. */
bool search_found_next(const struct search_found *f, uint32_t *at, uint32_t *sequence_out);

struct search_work;
/* What the session's state forbids. */
bool search_is_refused(struct imap_session *s, struct out *out, enum step *step_out);
/* In the selected mailbox. Refuses what can't be searched: *step_out is then what to return. Null without memory as well. What it holds outside of the arena goes with s->run.drop. */
struct search_work *search_work_begin(struct imap_session *s, struct out *out, enum step *step_out);
/* For one place after the other; the tree was prepared. */
enum err search_work_new(struct imap_session *s, const struct search_place *place, struct arena *a, struct search_work **out) MUST_CHECK;
/* Works until `until_us`; *done_out: all is found. No line may be open: it tells how far it is; `out` null: it doesn't. */
enum err search_work_turn(struct imap_session *s, struct search_work *w, int64_t until_us, struct out *out, bool *done_out) MUST_CHECK;
struct search_found *search_found_of(struct search_work *w);
/* The messages found as a set of UIDs. */
enum err search_found_set(const struct imap_session *s, const struct search_found *f, struct arena *a, struct uid_set *out) MUST_CHECK;

#endif
