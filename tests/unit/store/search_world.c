/* tests/unit/store/search_world.c */
#include "tests/unit/store/search_world.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon/mime/message.h"
#include "daemon/mime/text.h"
#include "daemon/store/search_build.h"
#include "daemon/store/text.h"

int world_setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	void *fixture;

	assert_non_null(w);
	assert_int_equal(fixture_setup(&fixture), 0);
	w->f = fixture;
	*state = w;
	return 0;
}

int world_teardown(void **state)
{
	struct world *w = *state;
	void *fixture = w->f;

	for (size_t i = 0; i < WORLD_MAX; i++) {
		buf_clear(&w->heads[i]);
		buf_clear(&w->bodies[i]);
	}
	assert_int_equal(fixture_teardown(&fixture), 0);
	free(w);
	return 0;
}

static void keep_texts(struct world *w, const struct new_message *n)
{
	struct message_text t;

	message_text_init(&t, MESSAGE_TEXT_MAX);
	buf_init(&w->heads[w->count], SIZE_MAX);
	buf_init(&w->bodies[w->count], SIZE_MAX);
	buf_add(&w->heads[w->count], message_text_head(&t, n->prefix, n->head));
	buf_add(&w->bodies[w->count], message_text_body(&t, n->parts, &n->body));
	message_text_clear(&t);
}

uint64_t world_add(struct world *w, struct span head, struct span body)
{
	struct new_message n = fixture_message("", 0);
	struct append_result result;
	struct message_parser *p;
	struct mime_message mime;
	struct arena a;
	struct buf parts;

	arena_init(&a, MIME_ARENA_BYTES);
	buf_init(&parts, 1u << 20);
	assert_int_equal(message_parser_begin(&p), ERR_OK);
	message_parser_feed(p, head);
	message_parser_feed(p, body);
	assert_int_equal(message_parser_finish(p, &a, &mime), ERR_OK);
	mime_parts_encode(&mime, &parts);
	n.head = head;
	n.parts = buf_span(&parts);
	n.body = (struct message_body){ .bytes = body, .size = body.len };
	if (body.len > STORE_INLINE_MAX) {
		n.body.path = fixture_file(w->f, "body", 0);
		FILE *file = fopen(n.body.path, "w");

		assert_non_null(file);
		assert_int_equal(fwrite(body.ptr, 1, body.len, file), body.len);
		assert_int_equal(fclose(file), 0);
	}
	assert_int_equal(message_append(w->f->m, fixture_mailbox(w->f, "INBOX"), &n, &result), ERR_OK);
	w->count++;
	if (w->count < WORLD_MAX)
		keep_texts(w, &n);
	message_parser_end(&p);
	buf_clear(&parts);
	arena_clear(&a);
	arena_reset(&w->f->arena);
	return w->count;
}

uint64_t world_add_text(struct world *w, struct span subject, struct span text)
{
	struct buf head;
	uint64_t content;

	buf_init(&head, 1u << 20);
	buf_add_str(&head, "From: a@example.org\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\nSubject: ");
	buf_add(&head, subject);
	buf_add_str(&head, "\r\n\r\n");
	content = world_add(w, buf_span(&head), text);
	buf_clear(&head);
	return content;
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

enum err world_index_step(struct world *w, bool (*stop)(void *arg), void *arg, bool *more_out)
{
	struct note why = { "" };
	struct search_build *b;
	enum err e;

	assert_int_equal(search_build_new(&b), ERR_OK);
	e = search_build_run(b, w->f->m, stop ? stop : never, arg, more_out, &why);
	search_build_free(&b);
	return e;
}

void world_index(struct world *w)
{
	bool more = true;

	while (more)
		assert_int_equal(world_index_step(w, NULL, NULL, &more), ERR_OK);
}

static enum err find_mapped(struct world *w, struct span key, unsigned where, struct search_hits **out)
{
	bool done = false;
	enum err e = search_find_begin(w->f->m, key, where, out);

	/* Deadlines that are over: as many slices as can be. */
	while (!e && !done)
		e = search_find_more(*out, 0, &done);
	return e;
}

enum err world_find(struct world *w, struct span key, unsigned where, struct search_hits **out)
{
	struct buf mapped;
	enum err e;

	buf_init(&mapped, SIZE_MAX);
	text_casemap(key, &mapped);
	e = find_mapped(w, buf_span(&mapped), where, out);
	buf_clear(&mapped);
	return e;
}

enum search_verdict world_verdict(struct world *w, struct span key, unsigned where, uint64_t content)
{
	struct search_hits *h;
	enum search_verdict v;

	assert_int_equal(world_find(w, key, where, &h), ERR_OK);
	v = search_verdict_of(h, content);
	search_find_end(&h);
	return v;
}

bool world_has(struct world *w, struct span key, unsigned where, uint64_t content)
{
	size_t at;

	return ((where & SEARCH_IN_HEADER) && span_find(buf_span(&w->heads[content]), key, &at)) ||
	       ((where & SEARCH_IN_BODY) && span_find(buf_span(&w->bodies[content]), key, &at));
}
