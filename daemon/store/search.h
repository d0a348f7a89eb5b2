/* store/search.h: the words of an account's messages: which of them hold a text, without reading them.
 *
 * search.db is derived from mail.db: it may be behind, or gone; what it does not know has to be read. Texts are what IMAP's SEARCH compares:
 * decoded, in UTF-8, case-mapped (RFC 5051). A content has two texts, its header and its body.
 */
#ifndef POSTROOM_STORE_SEARCH_H
#define POSTROOM_STORE_SEARCH_H

#include "daemon/mime/fuzzy.h"
#include "daemon/store/store.h"

enum search_where {
	SEARCH_IN_HEADER = 1, /* every field, names too, as search_text.h has it */
	SEARCH_IN_BODY = 2,
};

enum search_verdict {
	SEARCH_HAS_NOT,
	SEARCH_HAS,
	SEARCH_MAY_HAVE,    /* the text must be looked at */
	SEARCH_NOT_INDEXED, /* the same, since nobody has done so yet */
};

/* One key's answer for a whole account; a few bits a message, of FUZZY two bytes. */
struct search_hits;

/* `key` is case-mapped UTF-8. May take long on a large index: search_find_more() works until `deadline_us` (clock_mono_us) and says in *done_out whether it is
 * through; the handle of search.db is not held between calls. ERR_NOT_FOUND: the index has no answer to such a key (too short, no word in it): read the messages. */
enum err search_find_begin(struct mailstore *m, struct span key, unsigned where, struct search_hits **out) MUST_CHECK;
/* The same for words like those of the key; header and body count together, and what it knows of a message it knows for sure. */
enum err search_fuzzy_begin(struct mailstore *m, const struct fuzzy_key *key, unsigned where, struct search_hits **out) MUST_CHECK;
enum err search_find_more(struct search_hits *h, int64_t deadline_us, bool *done_out) MUST_CHECK;
enum search_verdict search_verdict_of(const struct search_hits *h, uint64_t content); /* once done */
uint8_t search_score_of(const struct search_hits *h, uint64_t content);               /* of FUZZY, where the verdict is SEARCH_HAS: as fuzzy_score() */
void search_find_end(struct search_hits **h);

#endif
