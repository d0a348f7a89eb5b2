/* store/search_batch.c: terms of texts.
 *
 * (1) A text has each term once, and all of its terms or the mark 0 for those that found no room: too little is never taken for all.
 * (2) Terms are looked up and added in the order of their bytes: neighbours in the tree of terms share its pages.
 * (3) Hashes are keyed by a number that nobody outside knows: chosen words cannot make a slow table.
 */
#include "daemon/store/search_batch.h"

#include <stdlib.h>

#include "daemon/base/rng.h"
#include "daemon/crypto/digest.h"
#include "daemon/store/search_bits.h"
#include "daemon/store/search_limits.h"
#include "daemon/store/search_words.h"

#define SLOTS (4u * (SEARCH_BATCH_TERMS + SEARCH_TEXT_TERMS_MAX)) /* a quarter is in use at most; a power of two */
#define TERM_BYTES_MAX (3u * SEARCH_BATCH_TERM_BYTES)
#define LIST_MAX (10u * (SEARCH_TEXT_TERMS_MAX + 1))
#define CHUNK_MAX (SEARCH_CHUNK + SEARCH_WORD_MAX + 1)
#define STOP_EVERY 256

struct entry {
	uint32_t at, length; /* in `words` */
	uint32_t hash;
	uint32_t text;  /* the last that has it: number in the batch + 1 */
	uint32_t texts; /* how many have it */
	uint32_t id;    /* 0: no room for it */
};

struct text {
	uint64_t doc;
	size_t first; /* in `pairs`; its last is before the next text's first */
	bool is_whole;
};

struct search_batch {
	uint64_t seed;
	uint32_t *slots; /* index of an entry + 1 */
	struct entry *entries;
	size_t entry_count, entry_cap;
	struct buf words;
	uint32_t *pairs; /* entries of the texts, one after the other */
	size_t pair_count, pair_cap;
	struct text texts[SEARCH_BATCH_TEXTS + 2];
	size_t text_count;
	size_t bytes;
};

enum err search_batch_new(struct search_batch **out)
{
	struct search_batch *b = calloc(1, sizeof(*b));

	*out = NULL;
	if (!b)
		return ERR_TEMP;
	b->slots = calloc(SLOTS, sizeof(*b->slots));
	b->seed = rng_u64();
	buf_init(&b->words, TERM_BYTES_MAX);
	if (!b->slots) {
		free(b);
		return ERR_TEMP;
	}
	*out = b;
	return ERR_OK;
}

void search_batch_free(struct search_batch **batch)
{
	struct search_batch *b = *batch;

	if (!b)
		return;
	free(b->slots);
	free(b->entries);
	free(b->pairs);
	buf_clear(&b->words);
	free(b);
	*batch = NULL;
}

void search_batch_reset(struct search_batch *b)
{
	if (b->entry_count)
		memset(b->slots, 0, SLOTS * sizeof(*b->slots));
	b->entry_count = b->pair_count = b->text_count = b->bytes = 0;
	buf_reset(&b->words);
}

bool search_batch_is_full(const struct search_batch *b)
{
	return b->text_count >= SEARCH_BATCH_TEXTS || b->bytes >= SEARCH_BATCH_TEXT_BYTES || b->entry_count >= SEARCH_BATCH_TERMS ||
	       b->words.len >= SEARCH_BATCH_TERM_BYTES || b->pair_count >= SEARCH_BATCH_PAIRS;
}

size_t search_batch_bytes(const struct search_batch *b)
{
	return b->bytes;
}

static uint32_t hash_of(uint64_t seed, struct span s)
{
	uint64_t h = seed ^ s.len * UINT64_C(0x9e3779b97f4a7c15), word;

	for (; s.len >= sizeof(word); s = span_skip(s, sizeof(word))) {
		memcpy(&word, s.ptr, sizeof(word));
		h = (h ^ word) * UINT64_C(0xff51afd7ed558ccd);
		h ^= h >> 32;
	}
	word = 0;
	memcpy(&word, s.ptr, s.len);
	h = (h ^ word) * UINT64_C(0xc4ceb9fe1a85ec53);
	return (uint32_t)(h ^ h >> 32);
}

static struct span entry_span(const struct search_batch *b, const struct entry *entry)
{
	return span_make(b->words.ptr + entry->at, entry->length);
}

/* Null: no room. */
static struct entry *add_entry(struct search_batch *b, struct span word, uint32_t hash, uint32_t *slot)
{
	if (b->entry_count == b->entry_cap) {
		size_t cap = b->entry_cap ? b->entry_cap * 2 : 1024;
		struct entry *entries = realloc(b->entries, cap * sizeof(*entries));

		if (!entries)
			return NULL;
		b->entries = entries;
		b->entry_cap = cap;
	}
	b->entries[b->entry_count] = (struct entry){ .at = (uint32_t)b->words.len, .length = (uint32_t)word.len, .hash = hash };
	buf_add(&b->words, word);
	if (b->words.failed)
		return NULL;
	*slot = (uint32_t)++b->entry_count;
	return &b->entries[*slot - 1];
}

static struct entry *find_entry(struct search_batch *b, struct span word)
{
	const uint32_t hash = hash_of(b->seed, word);

	for (size_t i = hash % SLOTS;; i = (i + 1) % SLOTS) {
		struct entry *entry;

		if (!b->slots[i])
			return add_entry(b, word, hash, &b->slots[i]);
		entry = &b->entries[b->slots[i] - 1];
		if (entry->hash == hash && span_equals(entry_span(b, entry), word))
			return entry;
	}
}

static enum err add_pair(struct search_batch *b, const struct entry *entry)
{
	if (b->pair_count == b->pair_cap) {
		size_t cap = b->pair_cap ? b->pair_cap * 2 : 4096;
		uint32_t *pairs = realloc(b->pairs, cap * sizeof(*pairs));

		if (!pairs)
			return ERR_TEMP;
		b->pairs = pairs;
		b->pair_cap = cap;
	}
	b->pairs[b->pair_count++] = (uint32_t)(entry - b->entries);
	return ERR_OK;
}

/* The text has more than is taken: none of it is. */
static void drop_text(struct search_batch *b, struct text *text)
{
	while (b->pair_count > text->first)
		b->entries[b->pairs[--b->pair_count]].texts--;
	text->is_whole = false;
	b->words.failed = false;
}

enum err search_batch_add(struct search_batch *b, uint64_t doc, struct span text, bool is_whole)
{
	struct text *t = &b->texts[b->text_count++];
	const uint32_t mark = (uint32_t)b->text_count;
	struct search_words words = { .rest = text };
	struct span word;

	*t = (struct text){ doc, b->pair_count, is_whole };
	b->bytes += text.len;
	while (is_whole && search_word_next(&words, &word)) {
		struct entry *entry = find_entry(b, word);

		if (!entry && !b->words.failed)
			return ERR_TEMP;
		if (!entry || b->pair_count - t->first == SEARCH_TEXT_TERMS_MAX) {
			drop_text(b, t);
			break;
		}
		if (entry->text == mark)
			continue;
		entry->text = mark;
		entry->texts++;
		if (add_pair(b, entry))
			return ERR_TEMP;
	}
	return ERR_OK;
}

/* ---- writing ---- */

struct writing {
	struct search_batch *b;
	struct db *db;
	struct db_search_state *state;
	struct buf chunk; /* the last of the vocabulary */
	uint64_t chunk_first;
	struct buf list;
};

static int compare_entries(const void *left, const void *right, void *arg)
{
	const struct search_batch *b = arg;

	return span_compare(entry_span(b, &b->entries[*(const uint32_t *)left]), entry_span(b, &b->entries[*(const uint32_t *)right]));
}

static enum err put_chunk(struct writing *w)
{
	return w->chunk.len ? db_search_vocabulary_put(w->db, w->chunk_first, buf_span(&w->chunk)) : ERR_OK;
}

static enum err begin_chunk(struct writing *w)
{
	struct span words;
	enum err e = db_search_vocabulary_last(w->db, &w->chunk_first, &words);

	if (!e && words.len < SEARCH_CHUNK / 2) {
		buf_add(&w->chunk, words);
		return w->chunk.failed ? ERR_TEMP : ERR_OK;
	}
	w->chunk_first = w->state->terms + 1;
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err add_term(struct writing *w, struct span key, struct span word, uint32_t *id_out)
{
	enum err e;

	if (w->state->terms >= SEARCH_TERMS_MAX || w->state->vocabulary_bytes >= SEARCH_VOCABULARY_MAX)
		return ERR_OK;
	if (w->chunk.len >= SEARCH_CHUNK) {
		e = put_chunk(w);
		if (e)
			return e;
		buf_reset(&w->chunk);
		w->chunk_first = w->state->terms + 1;
	}
	buf_add(&w->chunk, word);
	buf_add_char(&w->chunk, 0);
	*id_out = (uint32_t)++w->state->terms;
	w->state->vocabulary_bytes += word.len + 1;
	return db_search_term_add(w->db, key, *id_out);
}

static enum err resolve(struct writing *w, struct entry *entry)
{
	const struct span word = entry_span(w->b, entry);
	uint8_t digest[SHA256_BYTES];
	struct span key = word;
	uint64_t id;
	enum err e;

	if (word.len >= SHA256_BYTES) {
		crypto_sha256(word, digest);
		key = span_make((const char *)digest, sizeof(digest));
	}
	entry->id = 0;
	e = db_search_term_find(w->db, key, &id);
	if (e == ERR_NOT_FOUND)
		return add_term(w, key, word, &entry->id);
	if (!e && (id == 0 || id > w->state->terms))
		return ERR_CORRUPT;
	if (!e)
		entry->id = (uint32_t)id;
	return e;
}

static enum err resolve_all(struct writing *w, bool (*stop)(void *arg), void *arg)
{
	const size_t count = w->b->entry_count;
	uint32_t *order = malloc((count ? count : 1) * sizeof(*order));
	enum err e = order ? begin_chunk(w) : ERR_TEMP;

	for (size_t i = 0; order && i < count; i++)
		order[i] = (uint32_t)i;
	if (!e)
		qsort_r(order, count, sizeof(*order), compare_entries, w->b);
	for (size_t i = 0; !e && i < count; i++) {
		struct entry *entry = &w->b->entries[order[i]];

		if (i % STOP_EVERY == 0 && stop(arg))
			e = ERR_STATE;
		else if (entry->texts)
			e = resolve(w, entry);
	}
	free(order);
	if (!e && w->chunk.failed)
		e = ERR_TEMP;
	return e ? e : put_chunk(w);
}

static int compare_numbers(const void *left, const void *right)
{
	const uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return (a > b) - (a < b);
}

static enum err write_text(struct writing *w, const struct text *text, size_t end)
{
	const size_t count = end - text->first;
	uint32_t *ids = count ? w->b->pairs + text->first : NULL, last = 0; /* a batch of texts without words has no pairs */
	bool is_whole = text->is_whole;

	for (size_t i = 0; i < count; i++) {
		ids[i] = w->b->entries[ids[i]].id;
		is_whole = is_whole && ids[i];
	}
	if (count)
		qsort(ids, count, sizeof(*ids), compare_numbers);
	buf_reset(&w->list);
	if (!is_whole)
		bits_pack(&w->list, 0);
	for (size_t i = 0; i < count; i++) {
		if (!ids[i])
			continue;
		bits_pack(&w->list, ids[i] - last);
		last = ids[i];
		w->state->fresh++;
	}
	w->state->fresh += !is_whole;
	if (w->list.failed)
		return ERR_TEMP;
	return w->list.len ? db_search_fresh_add(w->db, text->doc, buf_span(&w->list)) : ERR_OK;
}

enum err search_batch_write(struct search_batch *b, struct db *db, struct db_search_state *state, bool (*stop)(void *arg), void *arg)
{
	struct writing w = { .b = b, .db = db, .state = state };
	enum err e;

	buf_init(&w.chunk, CHUNK_MAX);
	buf_init(&w.list, LIST_MAX);
	e = resolve_all(&w, stop, arg);
	for (size_t i = 0; !e && i < b->text_count; i++)
		e = write_text(&w, &b->texts[i], i + 1 < b->text_count ? b->texts[i + 1].first : b->pair_count);
	buf_clear(&w.chunk);
	buf_clear(&w.list);
	return e;
}
