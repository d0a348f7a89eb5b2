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
	uint64_t modseq, first_modseq, last_modseq; /* the highest of all; of the first and the last found */
};
/* The next one at or behind *at (0 at first), which is moved behind it. False: no more. */
bool search_found_next(const struct search_found *f, uint32_t *at, uint32_t *sequence_out);

struct search_work;
/* Refuses what can't be searched: *step_out is then what to return. Null without memory as well. What it holds outside of the arena goes with s->run.drop. */
struct search_work *search_work_begin(struct imap_session *s, struct out *out, enum step *step_out);
/* Works until `until_us`; *done_out: all is found. No line may be open: it tells how far it is. */
enum err search_work_turn(struct imap_session *s, struct search_work *w, int64_t until_us, struct out *out, bool *done_out) MUST_CHECK;
struct search_found *search_found_of(struct search_work *w);
/* The messages found as a set of UIDs. */
enum err search_found_set(const struct imap_session *s, const struct search_found *f, struct arena *a, struct uid_set *out) MUST_CHECK;

#endif
