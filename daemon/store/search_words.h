/* store/search_words.h: case-mapped UTF-8 as a row of words, and a key as what it asks of words.
 *
 *   word := unit *( joiner unit )        unit := 1*( letter / digit / any byte from 0x80 on )        joiner := "@" "." "_" "'" "-"
 *
 * Words are as long as they can be, so where a key that is a word itself is in a text, one word of the text has all of it: whoever knows the words
 * knows the answer. A long word comes as windows that overlap by more than SEARCH_EXACT_MAX.
 */
#ifndef POSTROOM_STORE_SEARCH_WORDS_H
#define POSTROOM_STORE_SEARCH_WORDS_H

#include "daemon/base/span.h"

#define SEARCH_WORD_MAX 256 /* bytes of a word or window */
#define SEARCH_EXACT_MAX 64 /* a piece of a key up to this long is in a text when it is in one of its words or windows, and only then */
#define SEARCH_PIECES_MAX 8

struct search_words {
	struct span rest, run;
};
/* From { text }. False at the end. */
bool search_word_next(struct search_words *w, struct span *out);

struct search_piece {
	struct span text;        /* of the key */
	bool from_start, to_end; /* of a word or window */
};
struct search_pieces {
	struct search_piece list[SEARCH_PIECES_MAX];
	size_t count;  /* 0: the key has no word */
	bool is_exact; /* the one piece is the key */
};
/* Every text with the key has all pieces. */
void search_key_pieces(struct span key, struct search_pieces *out);

/* Where in `words` (a NUL behind each) the piece is next, from *at on; *at is then behind it. */
bool search_piece_find(const struct search_piece *piece, struct span words, size_t *at);

#endif
