/* store/check_search.c: does search.db fit mail.db?
 *
 * The index may be behind, and may say "may have"; what it must never say is that a text has not the word that stands in it. Some messages, spread over all
 * that it knows, are read and their words looked up. What is not so is put aside as any damage is, and made anew by the indexer, or, where there is none,
 * emptied here: the next daemon fills it.
 */
#include "daemon/store/check_search.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#include "daemon/base/clock.h"
#include "daemon/store/search.h"
#include "daemon/store/search_file.h"
#include "daemon/store/search_indexer.h"
#include "daemon/store/search_limits.h"
#include "daemon/store/search_words.h"
#include "daemon/store/text.h"
#include "db/mail_account.h"
#include "db/search_source.h"

#define SAMPLES 16
#define TURN_US 5000
#define WORD_MIN 4

struct sample {
	struct checking *c;
	struct message_text text;
	uint64_t content;
	char head[SEARCH_EXACT_MAX + 1], body[SEARCH_EXACT_MAX + 1]; /* a word of each; empty: none that fits */
};

/* The longest that an index knows as it is. */
static void pick_word(struct span text, char out[SEARCH_EXACT_MAX + 1])
{
	struct search_words words = { text, SPAN("") };
	struct span word, best = SPAN("");

	while (search_word_next(&words, &word))
		if (word.len >= WORD_MIN && word.len <= SEARCH_EXACT_MAX && word.len > best.len)
			best = word;
	memcpy(out, best.ptr, best.len);
	out[best.len] = '\0';
}

static bool take_sample(void *arg, const struct db_source *source)
{
	struct sample *s = arg;
	struct message_body body = { .bytes = source->body, .size = source->body_size };
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%.*s", s->c->m->files_dir, (int)source->file.len, source->file.ptr);

	if (n <= 0 || n >= (int)sizeof(path))
		return false;
	if (source->file.len)
		body.path = path;
	message_text_next(&s->text);
	s->content = source->id;
	s->head[0] = s->body[0] = '\0';
	pick_word(message_text_headers(&s->text, source->prefix, source->head, source->parts, &body), s->head);
	pick_word(message_text_body(&s->text, source->parts, &body), s->body);
	/* What is cut here may be cut elsewhere in the index. */
	if (!s->text.is_head_whole)
		s->head[0] = '\0';
	if (!s->text.is_body_whole)
		s->body[0] = '\0';
	message_text_next(&s->text);
	return false;
}

/* *denied_out: the index says that the text has not the word. */
static enum err look_up(struct sample *s, const char *word, unsigned where, bool *denied_out)
{
	struct search_hits *hits;
	bool done = false;
	enum err e;

	if (!word[0])
		return ERR_OK;
	e = search_find_begin(s->c->m, span_str(word), where, &hits);
	if (e)
		return e == ERR_NOT_FOUND ? ERR_OK : e;
	while (!e && !done) {
		e = search_find_more(hits, clock_mono_us() + TURN_US, &done);
		if (!e)
			e = check_rest(s->c);
	}
	if (!e)
		*denied_out = *denied_out || search_verdict_of(hits, s->content) == SEARCH_HAS_NOT;
	search_find_end(&hits);
	return e;
}

static enum err sample_words(struct checking *c, uint64_t indexed, bool *denied_out)
{
	struct sample s = { .c = c };
	enum err e = ERR_OK;

	message_text_init(&s.text, SEARCH_TEXT_MAX);
	for (uint64_t i = 0; i < SAMPLES && !e && !*denied_out; i++) {
		const uint64_t after = indexed / SAMPLES * i;

		s.content = 0;
		e = db_source_each(c->db, after, take_sample, &s);
		if (e || !s.content || s.content > indexed)
			continue;
		e = look_up(&s, s.head, SEARCH_IN_HEADER, denied_out);
		if (!e)
			e = look_up(&s, s.body, SEARCH_IN_BODY, denied_out);
	}
	message_text_clear(&s.text);
	return e;
}

static bool rebuild(struct checking *c)
{
	struct mailstore *m = c->m;
	struct db_search_state state;
	struct db *db;

	pthread_mutex_lock(&m->lock);
	m->search_damaged = true;
	pthread_mutex_unlock(&m->lock);
	if (m->indexer) {
		search_indexer_wake(m);
		return true;
	}
	if (search_file_write(m, &db, &state, NULL))
		return false;
	search_file_write_end(m, &db, ERR_OK);
	return true;
}

enum err check_search(struct checking *c)
{
	struct db_search_state state;
	struct db *db;
	uint64_t last = 0;
	bool is_wrong = false;
	enum err e = check_rest(c);

	if (e || search_file_read(c->m, &db, &state))
		return e; /* none, or one that nobody believes and the indexer makes anew */
	search_file_read_end(c->m, &db, ERR_OK);
	/* Behind the snapshot of the index: ids only grow. */
	e = db_mail_account_content(c->db, &last);
	is_wrong = !e && state.indexed > last;
	if (!e && !is_wrong)
		e = sample_words(c, state.indexed, &is_wrong);
	if (is_wrong)
		check_tell(c, CHECK_SEARCH, c->options->repairs && rebuild(c), NULL, arena_printf(&c->scratch, "knows up to content %" PRIu64 " of %" PRIu64, state.indexed, last));
	return e == ERR_STATE ? e : ERR_OK; /* a damaged page of either is somebody else's to tell: of search.db its readers', of mail.db the walks' */
}
