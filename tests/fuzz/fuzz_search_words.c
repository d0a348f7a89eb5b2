/* Words of a text, pieces of a key: a key that is in the text has all of its pieces in words of the text, an exact one is in a word only when it is in the text.
 * And what is there as it stands is there fuzzily. */
#include <stdlib.h>

#include "daemon/base/buf.h"
#include "daemon/mime/fuzzy.h"
#include "daemon/mime/text.h"
#include "daemon/store/search_bits.h"
#include "daemon/store/search_words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void gather(struct span text, struct buf *words)
{
	struct search_words reader = { .rest = text };
	struct span word;

	while (search_word_next(&reader, &word)) {
		if (word.len == 0 || word.len > SEARCH_WORD_MAX || !span_is_utf8(word))
			abort();
		buf_add(words, word);
		buf_add_char(words, 0);
	}
	if (words->failed)
		abort();
}

static void check_key(struct span text, struct span words, struct span key)
{
	struct search_pieces pieces;
	size_t at;
	bool in_text = span_find(text, key, &at), in_words = true;

	search_key_pieces(key, &pieces);
	for (size_t i = 0; i < pieces.count; i++) {
		if (pieces.list[i].text.len > SEARCH_EXACT_MAX)
			abort();
		at = 0;
		in_words = in_words && search_piece_find(&pieces.list[i], words, &at);
	}
	if (in_text && !in_words)
		abort();
	if (pieces.is_exact && pieces.count && in_words != in_text)
		abort();
}

static void check_fuzzily(struct span text, struct span words, struct span key)
{
	uint8_t best[FUZZY_WORDS_MAX] = { 0 };
	struct fuzzy_key fuzzy;
	struct span word;
	size_t at;

	fuzzy_key_make(key, &fuzzy);
	if (fuzzy.count > FUZZY_WORDS_MAX)
		abort();
	while (words.len && span_split(&words, 0, &word)) {
		(void)fuzzy_look(&fuzzy, word, best);
		for (size_t i = 0; i < fuzzy.count; i++)
			if (fuzzy_grade(&fuzzy, i, word) > best[i] || best[i] > 100)
				abort();
	}
	if (fuzzy.count && span_find(text, key, &at) && !fuzzy_score(&fuzzy, best))
		abort();
}

/* What stands in a damaged file. */
static void check_lists(struct span list)
{
	uint64_t number;
	size_t before = list.len;

	while (bits_unpack(&list, &number)) {
		if (list.len >= before)
			abort();
		before = list.len;
	}
}

/* The first byte says how long the key is that follows; keys are cut from the text, too. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_make((const char *)data, size);
	struct buf text, key, words;
	const size_t key_length = size ? data[0] : 0;

	buf_init(&text, 1u << 24);
	buf_init(&key, 1u << 16);
	buf_init(&words, 1u << 26);
	text_casemap(span_take(span_skip(in, 1), key_length), &key);
	text_casemap(span_skip(in, 1 + key_length), &text);
	gather(buf_span(&text), &words);
	check_key(buf_span(&text), buf_span(&words), buf_span(&key));
	check_fuzzily(buf_span(&text), buf_span(&words), buf_span(&key));
	for (size_t from = 0; from < text.len && from < 600; from += 7) {
		struct span cut = span_take(span_skip(buf_span(&text), from), key_length);

		if (cut.len && span_is_utf8(cut))
			check_key(buf_span(&text), buf_span(&words), cut);
		if (cut.len && span_is_utf8(cut) && from % 5 == 0)
			check_fuzzily(buf_span(&text), buf_span(&words), cut);
	}
	check_lists(in);
	buf_clear(&text);
	buf_clear(&key);
	buf_clear(&words);
	return 0;
}
