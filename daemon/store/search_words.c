/* store/search_words.c: words are cut by looking at bytes alone; characters matter only where a long word is cut in windows. */
#include "daemon/store/search_words.h"

/* A piece that does not end within a window begins within the next: overlaps are 256 - 184 less a cut character. */
#define STRIDE 184
#define CHARACTER_MAX 4

static bool is_unit(char c)
{
	return (uint8_t)c >= 0x80 || ascii_is_alpha(c) || ascii_is_digit(c);
}

static bool is_joiner(char c)
{
	return c == '.' || c == '-' || c == '@' || c == '_' || c == '\'';
}

/* Of the word at the front. */
static size_t word_length(struct span s)
{
	size_t i = 0;

	while (i < s.len && is_unit(s.ptr[i])) {
		do
			i++;
		while (i < s.len && is_unit(s.ptr[i]));
		if (i + 1 < s.len && is_joiner(s.ptr[i]) && is_unit(s.ptr[i + 1]))
			i++;
	}
	return i;
}

/* `at` or a little less, where a character begins. */
static size_t cut(struct span s, size_t at)
{
	for (size_t i = 0; i < CHARACTER_MAX && i < at; i++) {
		if (((uint8_t)s.ptr[at - i] & 0xc0) != 0x80)
			return at - i;
	}
	return at;
}

bool search_word_next(struct search_words *w, struct span *out)
{
	if (!w->run.len) {
		size_t at = 0;

		while (at < w->rest.len && !is_unit(w->rest.ptr[at]))
			at++;
		w->rest = span_skip(w->rest, at);
		w->run = span_take(w->rest, word_length(w->rest));
		w->rest = span_skip(w->rest, w->run.len);
		if (!w->run.len)
			return false;
	}
	if (w->run.len <= SEARCH_WORD_MAX) {
		*out = w->run;
		w->run.len = 0;
	} else {
		*out = span_take(w->run, cut(w->run, SEARCH_WORD_MAX));
		w->run = span_skip(w->run, cut(w->run, STRIDE));
	}
	return true;
}

static void add_piece(struct search_pieces *p, struct search_piece piece)
{
	if (p->count == SEARCH_PIECES_MAX)
		p->is_exact = false;
	else
		p->list[p->count++] = piece;
}

/* Parts of a word that is too long. */
static void add_parts(struct search_pieces *p, struct span word)
{
	p->is_exact = false;
	while (word.len) {
		size_t length = word.len <= SEARCH_EXACT_MAX ? word.len : cut(word, SEARCH_EXACT_MAX);

		add_piece(p, (struct search_piece){ .text = span_take(word, length) });
		word = span_skip(word, length);
	}
}

/* A byte beside a word ends it in the text as it does here, but for a joiner that stands at the key's border: behind it the text may go on. */
void search_key_pieces(struct span key, struct search_pieces *out)
{
	size_t at = 0;

	*out = (struct search_pieces){ .is_exact = true };
	while (at < key.len) {
		struct span word = span_take(span_skip(key, at), word_length(span_skip(key, at)));
		const size_t end = at + word.len;

		if (!word.len) {
			out->is_exact = false;
			at++;
		} else if (word.len > SEARCH_EXACT_MAX) {
			add_parts(out, word);
		} else {
			add_piece(out, (struct search_piece){
					       .text = word,
					       .from_start = at > 1 || (at == 1 && !is_joiner(key.ptr[0])),
					       .to_end = end + 1 < key.len || (end + 1 == key.len && !is_joiner(key.ptr[end])),
				       });
		}
		at = end > at ? end : at;
	}
}

bool search_piece_find(const struct search_piece *piece, struct span words, size_t *at)
{
	const size_t length = piece->text.len;

	while (*at + length <= words.len) {
		const char *found = memmem(words.ptr + *at, words.len - *at, piece->text.ptr, length);
		size_t start;

		if (!found)
			return false;
		start = (size_t)(found - words.ptr);
		*at = start + length;
		if ((!piece->from_start || start == 0 || words.ptr[start - 1] == 0) && (!piece->to_end || *at == words.len || words.ptr[*at] == 0))
			return true;
		*at = start + 1;
	}
	return false;
}
