/* mime/fuzzy.h: words that are nearly those of a key, for SEARCH's FUZZY (RFC 6203).
 *
 * A word is a run of letters, digits and marks; its letters are folded: case, marks and compatibility forms make no difference ("Straße" is "strasse",
 * "Ångström" is "angstrom"). A word of a text is like a word of the key when
 *
 *   it is the same                                             100
 *   it begins with it                                          80 and more, the more of it is the key's
 *   it has it inside                                           60 and more
 *   it is one slip away: a letter more, less, another one,
 *     or two neighbours swapped, from four letters on          50
 *   it is two of these away, from eight letters on             30
 *
 * and the number is how much so. A number in a word is meant as written: words of the key with a digit are not looked for with slips. What has a key as it
 * stands has its words, too: whatever is found exactly is found this way.
 */
#ifndef POSTROOM_MIME_FUZZY_H
#define POSTROOM_MIME_FUZZY_H

#include "daemon/base/span.h"

#define FUZZY_WORDS_MAX 8    /* of a key; what stands behind is not looked at */
#define FUZZY_LETTERS_MAX 64 /* of a word of a key, and as many bytes; what stands behind is not looked at */
#define FUZZY_TERM_MAX 256   /* bytes of a text that are looked at together */

struct fuzzy_word {
	uint64_t signature; /* which letters it has, roughly */
	uint32_t letters[FUZZY_LETTERS_MAX];
	uint8_t count, slips; /* slips: that are overlooked */
	bool is_cut;
};
struct fuzzy_key {
	struct fuzzy_word words[FUZZY_WORDS_MAX];
	size_t count; /* 0: there is no word in it */
};

/* `mapped`: case-mapped UTF-8 (text.h), as all texts here. */
void fuzzy_key_make(struct span mapped, struct fuzzy_key *out);
/* How like word `word` of the key the likest of a few words is; 0: not at all. */
unsigned fuzzy_grade(const struct fuzzy_key *key, size_t word, struct span term);
/* The same for all words of the key: raises best[]. False: it can't be raised further. */
bool fuzzy_look(const struct fuzzy_key *key, struct span term, uint8_t best[FUZZY_WORDS_MAX]);
/* The score of `before` words together, with one more. */
uint8_t fuzzy_join(size_t before, uint8_t score, uint8_t grade);
/* Of all words: 1 to 100, or 0 when one of them isn't there. */
uint8_t fuzzy_score(const struct fuzzy_key *key, const uint8_t best[FUZZY_WORDS_MAX]);

#endif
