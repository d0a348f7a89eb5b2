/* tests/unit/store/search_test.c: what search.db says is what reading says. */
#include "tests/unit/store/search_world.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/store/search_limits.h"
#include "daemon/store/search_words.h"

#define BOTH (SEARCH_IN_HEADER | SEARCH_IN_BODY)

static uint64_t seed;

static uint32_t below(uint32_t bound)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(seed >> 33) % bound;
}

/* ---- random texts and keys ---- */

static void add_character(struct buf *b)
{
	static const char *const odd[] = { "ä", "Ö", "ß", "é", "日", "本", "語", "検", "索", "한", "글", "😀", "👩", "ﬁ", "İ", "ǆ", "Ω", "\xff", "\xc3" };
	static const char *const between[] = { " ", " ", "\r\n", ".", "-", "@", "_", "'", ",", "+", "/", "..", "-.", "\t", "=", "\x01" };

	switch (below(12)) {
	case 0: buf_add_str(b, odd[below(sizeof(odd) / sizeof(*odd))]); break;
	case 1:
	case 2: buf_add_str(b, between[below(sizeof(between) / sizeof(*between))]); break;
	default: buf_add_char(b, "aBcDeo1"[below(7)]);
	}
}

static void add_run(struct buf *b)
{
	static const char *const units[] = { "x", "é", "日本", "q-", "a.b", "😀" };
	const char *unit = units[below(6)];

	for (uint32_t i = 0, n = 60 + below(240); i < n; i++) {
		buf_add_str(b, unit);
		if (below(9) == 0)
			buf_add_char(b, (char)('a' + below(26)));
	}
}

static void random_text(struct buf *b)
{
	buf_reset(b);
	for (uint32_t i = 0, n = below(400); i < n; i++) {
		if (below(150) == 0)
			add_run(b);
		else
			add_character(b);
	}
}

/* A piece of some text, at characters' borders, sometimes spoilt. */
static void random_key(const struct world *w, struct buf *key)
{
	static const uint32_t lengths[] = { 1, 2, 3, 4, 6, 9, 15, 30, 63, 64, 65, 70, 140, 300 };
	const uint64_t content = 1 + below((uint32_t)w->count);
	struct span text = buf_span(below(3) ? &w->bodies[content] : &w->heads[content]);
	size_t from = text.len ? below((uint32_t)text.len) : 0, to = from + 1 + below(lengths[below(14)]);

	buf_reset(key);
	if (to > text.len)
		to = text.len;
	while (from < to && ((uint8_t)text.ptr[from] & 0xc0) == 0x80)
		from++;
	while (to < text.len && ((uint8_t)text.ptr[to] & 0xc0) == 0x80)
		to++;
	buf_add(key, span_make(text.ptr + from, to - from));
	if (below(4) == 0)
		buf_add_str(key, below(2) ? "A" : "日");
	if (key->len && below(6) == 0 && (uint8_t)key->ptr[0] < 0x80)
		key->ptr[0] = "ABC.-@ 1"[below(8)];
}

static bool is_exact(struct span key)
{
	struct search_pieces pieces;

	search_key_pieces(key, &pieces);
	return pieces.is_exact;
}

static unsigned judged[2];

static void check_key(struct world *w, struct span key, unsigned where)
{
	struct search_hits *h;
	bool done = false;
	enum err e = search_find_begin(w->f->m, key, where, &h);

	if (e) {
		assert_int_equal(e, ERR_NOT_FOUND);
		return;
	}
	while (!done)
		assert_int_equal(search_find_more(h, clock_mono_us() + (int64_t)below(200), &done), ERR_OK);
	for (uint64_t content = 1; content <= w->count; content++) {
		const enum search_verdict v = search_verdict_of(h, content);
		const bool has = world_has(w, key, where, content);

		if ((v == SEARCH_HAS && !has) || (v == SEARCH_HAS_NOT && has) || v == SEARCH_NOT_INDEXED || (v == SEARCH_MAY_HAVE && is_exact(key)))
			fail_msg("key \"%.*s\" content %u where %u: verdict %d, reading says %d", (int)key.len, key.ptr, (unsigned)content, where, (int)v, has);
	}
	judged[is_exact(key)]++;
	search_find_end(&h);
}

static void verdicts_agree_with_reading(void **state)
{
	struct world *w = *state;
	const char *given = getenv("SEED");
	struct buf text, subject, key;

	seed = given ? strtoull(given, NULL, 10) : (uint64_t)clock_real_ms();
	print_message("SEED=%llu\n", (unsigned long long)seed);
	buf_init(&text, 1u << 20);
	buf_init(&subject, 1u << 20);
	buf_init(&key, 1u << 20);
	for (unsigned round = 0; round < 6; round++) {
		for (unsigned i = 0; i < 40; i++) {
			random_text(&text);
			random_text(&subject);
			for (size_t k = 0; k < subject.len; k++)
				subject.ptr[k] = subject.ptr[k] == '\r' || subject.ptr[k] == '\n' ? ' ' : subject.ptr[k];
			(void)world_add_text(w, buf_span(&subject), buf_span(&text));
		}
		world_index(w);
		for (unsigned i = 0; i < 300; i++) {
			random_key(w, &key);
			check_key(w, buf_span(&key), 1 + below(3));
		}
	}
	assert_true(judged[0] > 100 && judged[1] > 100);
	buf_clear(&text);
	buf_clear(&subject);
	buf_clear(&key);
}

/* Each key of each length at each place of a long word, around the borders of windows. */
static void every_piece_of_a_long_word_is_found(void **state)
{
	struct world *w = *state;
	struct buf text;

	buf_init(&text, 1u << 16);
	seed = 6;
	for (unsigned i = 0; i < 700; i++) {
		if (i % 7 == 3)
			buf_add_str(&text, "日");
		else
			buf_add_char(&text, (char)('A' + below(26)));
	}
	(void)world_add_text(w, SPAN("x"), buf_span(&text));
	world_index(w);
	for (size_t from = 0; from < text.len; from++) {
		if (((uint8_t)text.ptr[from] & 0xc0) == 0x80)
			continue;
		for (size_t length = from % 3 + 60; length <= SEARCH_EXACT_MAX && from + length <= text.len; length++) {
			struct span key = span_make(text.ptr + from, length);

			if (span_is_utf8(key))
				assert_int_equal(world_verdict(w, key, SEARCH_IN_BODY, 1), SEARCH_HAS);
		}
	}
	assert_int_equal(world_verdict(w, buf_span(&text), SEARCH_IN_BODY, 1), SEARCH_MAY_HAVE);
	buf_clear(&text);
}

/* ---- examples ---- */

static void words_addresses_and_cjk_are_answered_exactly(void **state)
{
	struct world *w = *state;
	const uint64_t c = world_add_text(w, SPAN("Grüße aus =?utf-8?q?K=C3=B6ln?="), SPAN("Mail to max.muster@mail.example.org, it's 検索エンジンの話。\r\nEnd-of-line\r\n"));

	world_index(w);
	assert_int_equal(world_verdict(w, SPAN("köln"), SEARCH_IN_HEADER, c), SEARCH_HAS);
	assert_int_equal(world_verdict(w, SPAN("KÖLN"), SEARCH_IN_BODY, c), SEARCH_HAS_NOT);
	assert_int_equal(world_verdict(w, SPAN("muster@mail.exam"), SEARCH_IN_BODY, c), SEARCH_HAS);
	assert_int_equal(world_verdict(w, SPAN("muster@mail.exan"), BOTH, c), SEARCH_HAS_NOT);
	assert_int_equal(world_verdict(w, SPAN("IT'S"), BOTH, c), SEARCH_HAS);
	assert_int_equal(world_verdict(w, SPAN("エンジン"), BOTH, c), SEARCH_HAS);
	assert_int_equal(world_verdict(w, SPAN("検索"), BOTH, c), SEARCH_HAS);
	assert_int_equal(world_verdict(w, SPAN("検話"), BOTH, c), SEARCH_HAS_NOT);
	assert_int_equal(world_verdict(w, SPAN("f"), BOTH, c), SEARCH_HAS);
	assert_int_equal(world_verdict(w, SPAN("mail to"), BOTH, c), SEARCH_MAY_HAVE);
	assert_int_equal(world_verdict(w, SPAN("mai to"), BOTH, c), SEARCH_HAS_NOT);
	assert_int_equal(world_verdict(w, SPAN("mail max"), BOTH, c), SEARCH_MAY_HAVE); /* to be read: both are words, if not beside each other */
	assert_int_equal(world_verdict(w, SPAN(".org"), BOTH, c), SEARCH_MAY_HAVE);
}

static void a_key_without_a_word_is_not_answered(void **state)
{
	struct world *w = *state;
	struct search_hits *h;

	(void)world_add_text(w, SPAN("x"), SPAN("y"));
	world_index(w);
	assert_int_equal(world_find(w, SPAN(" ... "), BOTH, &h), ERR_NOT_FOUND);
	assert_null(h);
	assert_int_equal(world_find(w, SPAN(""), BOTH, &h), ERR_NOT_FOUND);
}

static void what_is_not_indexed_yet_is_said_to_be_so(void **state)
{
	struct world *w = *state;
	struct search_hits *h;
	uint64_t late;

	(void)world_add_text(w, SPAN("one"), SPAN("needle"));
	assert_int_equal(world_find(w, SPAN("needle"), BOTH, &h), ERR_NOT_FOUND);
	world_index(w);
	late = world_add_text(w, SPAN("two"), SPAN("needle"));
	assert_int_equal(world_verdict(w, SPAN("needle"), BOTH, 1), SEARCH_HAS);
	assert_int_equal(world_verdict(w, SPAN("needle"), BOTH, late), SEARCH_NOT_INDEXED);
	world_index(w);
	assert_int_equal(world_verdict(w, SPAN("needle"), BOTH, late), SEARCH_HAS);
	fixture_restart(w->f);
	assert_int_equal(world_verdict(w, SPAN("needle"), BOTH, late), SEARCH_HAS);
}

/* ---- ceilings ---- */

static void add_random_words(struct buf *b, size_t bytes)
{
	while (b->len < bytes)
		buf_addf(b, "%08x%s", below(UINT32_MAX), b->len % 70 < 9 ? "\r\n" : " ");
}

static uint64_t index_size(struct world *w)
{
	char path[256];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/1/search.db-wal", w->f->accounts);
	assert_int_equal(stat(path, &st), 0);
	return (uint64_t)st.st_size;
}

static void a_message_of_random_words_is_bounded(void **state)
{
	struct world *w = *state;
	struct buf text;
	uint64_t large, many, small;

	buf_init(&text, 16u << 20);
	seed = 1;
	add_random_words(&text, 8u << 20);
	large = world_add_text(w, SPAN("large"), buf_span(&text));
	many = world_add_text(w, SPAN("many"), span_take(buf_span(&text), 1u << 20));
	small = world_add_text(w, SPAN("small"), span_take(buf_span(&text), 64u << 10));
	world_index(w);
	/* Its head is in the index, of its body only that it is to be read. */
	assert_int_equal(world_verdict(w, SPAN("large"), BOTH, large), SEARCH_HAS);
	assert_int_equal(world_verdict(w, SPAN("large"), BOTH, small), SEARCH_HAS_NOT);
	assert_int_equal(world_verdict(w, SPAN("nowhere"), BOTH, large), SEARCH_MAY_HAVE);
	assert_int_equal(world_verdict(w, SPAN("nowhere"), SEARCH_IN_HEADER, large), SEARCH_HAS_NOT);
	assert_int_equal(world_verdict(w, SPAN("nowhere"), BOTH, many), SEARCH_MAY_HAVE);
	assert_int_equal(world_verdict(w, SPAN("nowhere"), BOTH, small), SEARCH_HAS_NOT);
	assert_int_equal(world_verdict(w, span_take(buf_span(&text), 8), BOTH, small), SEARCH_HAS);
	assert_true(index_size(w) < 4u << 20);
	buf_clear(&text);
}

/* ---- many texts: postings and fresh ones, removal ---- */

static void add_crowd(struct world *w, unsigned count)
{
	struct buf text;

	buf_init(&text, 1u << 20);
	for (unsigned i = 0; i < count; i++) {
		buf_reset(&text);
		buf_addf(&text, "common number%u ", (unsigned)w->count + 1);
		for (unsigned k = 0; k < 250; k++)
			buf_addf(&text, "w%u ", below(5000));
		(void)world_add_text(w, SPAN("s"), buf_span(&text));
	}
	buf_clear(&text);
}

static void postings_and_fresh_texts_are_one(void **state)
{
	struct world *w = *state;

	seed = 2;
	for (unsigned round = 0; round < 4; round++) {
		add_crowd(w, 600);
		world_index(w);
		for (unsigned i = 0; i < 30; i++) {
			char key[32];

			(void)snprintf(key, sizeof(key), i % 2 ? "W%u" : "NUMBER%u", below(i % 2 ? 5000 : (uint32_t)w->count + 1));
			check_key(w, span_str(key), BOTH);
		}
		check_key(w, SPAN("COMMON"), BOTH);
		check_key(w, SPAN("W"), SEARCH_IN_BODY);
		check_key(w, SPAN("COMMON NUMBER1"), BOTH);
	}
}

/* Between two slices of one search texts are added and turned round. */
static void a_search_sees_the_index_grow_and_stays_right(void **state)
{
	struct world *w = *state;
	struct search_hits *h;
	uint64_t begun;
	bool done = false;

	seed = 3;
	add_crowd(w, 700);
	world_index(w);
	begun = w->count;
	assert_int_equal(search_find_begin(w->f->m, SPAN("W1"), BOTH, &h), ERR_OK);
	for (unsigned slice = 0; !done; slice++) {
		assert_int_equal(search_find_more(h, 0, &done), ERR_OK);
		if (slice % 40 == 20 && w->count < begun + 2000) {
			add_crowd(w, 700);
			world_index(w);
		}
	}
	assert_true(w->count > begun);
	for (uint64_t c = 1; c <= w->count; c++)
		assert_int_equal(search_verdict_of(h, c), c > begun ? SEARCH_NOT_INDEXED : world_has(w, SPAN("W1"), BOTH, c) ? SEARCH_HAS
															     : SEARCH_HAS_NOT);
	search_find_end(&h);
}

static void remove_uids(struct world *w, uint32_t first, uint32_t last)
{
	struct view *v;
	struct view_flags_changed *rows;
	size_t count;

	assert_int_equal(view_open(w->f->m, fixture_mailbox(w->f, "INBOX"), 0, &v), ERR_OK);
	assert_int_equal(view_store(v, SET(first, last), FLAGS_ADD, FLAG_DELETED, &w->f->arena, &rows, &count), ERR_OK);
	assert_int_equal(view_expunge(v, NULL, NULL), ERR_OK);
	assert_int_equal(count, last - first + 1);
	view_close(&v);
}

static void the_index_is_made_anew_when_a_third_is_gone(void **state)
{
	struct world *w = *state;
	struct search_hits *h;
	bool done = false;

	seed = 4;
	add_crowd(w, 1200);
	world_index(w);
	assert_int_equal(search_find_begin(w->f->m, SPAN("COMMON"), BOTH, &h), ERR_OK);
	remove_uids(w, 1, 500);
	fixture_check(w->f);
	w->f->m->search_counted = 0;
	world_index(w);
	/* A search that had begun knows nothing now, rather than something that is not so. */
	while (!done)
		assert_int_equal(search_find_more(h, 0, &done), ERR_OK);
	assert_int_equal(search_verdict_of(h, 1), SEARCH_NOT_INDEXED);
	assert_int_equal(search_verdict_of(h, 1200), SEARCH_NOT_INDEXED);
	search_find_end(&h);
	assert_int_equal(world_verdict(w, SPAN("common"), BOTH, 1), SEARCH_HAS_NOT);
	assert_int_equal(world_verdict(w, SPAN("common"), BOTH, 501), SEARCH_HAS);
	assert_int_equal(world_verdict(w, SPAN("number1200"), BOTH, 1200), SEARCH_HAS);
}

/* ---- damage, loss, stops ---- */

static void index_path(struct world *w, const char *end, char path[256])
{
	(void)snprintf(path, 256, "%s/1/search.db%s", w->f->accounts, end);
}

static void spoil(struct world *w, off_t from)
{
	char path[256], block[4096];
	struct stat st;
	int fd;

	index_path(w, "", path);
	memset(block, 0xa5, sizeof(block));
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	for (off_t at = from; at < st.st_size; at += (off_t)sizeof(block))
		assert_int_equal(pwrite(fd, block, sizeof(block), at), (ssize_t)sizeof(block));
	assert_int_equal(close(fd), 0);
}

/* The WAL's frames into the file, so that there is something to spoil. */
static void settle(struct world *w)
{
	char path[256];
	struct db *db;
	int left;

	index_path(w, "", path);
	assert_int_equal(db_open(path, &db_schema_search, DB_WRITE, &db, NULL), ERR_OK);
	assert_int_equal(db_checkpoint(db, 0, &left), ERR_OK);
	db_close(&db);
	index_path(w, "-wal", path);
	assert_int_equal(truncate(path, 0), 0);
}

static void damage_leads_to_reading_and_then_to_a_new_index(void **state)
{
	struct world *w = *state;
	char path[256];

	for (unsigned round = 0; round < 2; round++) {
		struct search_hits *h = NULL;
		bool more, done = false;
		enum err e;

		add_crowd(w, 50);
		world_index(w);
		store_close(&w->f->m);
		store_free(&w->f->store);
		settle(w);
		spoil(w, round ? 0 : 4096);
		fixture_reopen(w->f);
		e = search_find_begin(w->f->m, SPAN("COMMON"), BOTH, &h);
		while (!e && !done)
			assert_int_equal(search_find_more(h, 0, &done), ERR_OK);
		if (!e) {
			assert_int_equal(search_verdict_of(h, 7), SEARCH_NOT_INDEXED);
			search_find_end(&h);
		}
		e = world_index_step(w, NULL, NULL, &more);
		if (e)
			assert_int_equal(e, ERR_CORRUPT);
		world_index(w);
		index_path(w, ".damaged", path);
		assert_int_equal(access(path, F_OK), 0);
		assert_int_equal(world_verdict(w, SPAN("common"), BOTH, 7), SEARCH_HAS);
		assert_int_equal(world_verdict(w, SPAN("number7"), BOTH, 8), SEARCH_HAS_NOT);
	}
}

static void a_lost_index_is_made_again(void **state)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	struct world *w = *state;
	char path[256];

	(void)world_add_text(w, SPAN("one"), SPAN("needle"));
	world_index(w);
	store_close(&w->f->m);
	store_free(&w->f->store);
	for (size_t i = 0; i < 3; i++) {
		index_path(w, ends[i], path);
		assert_int_equal(unlink(path), 0);
	}
	fixture_reopen(w->f);
	world_index(w);
	assert_int_equal(world_verdict(w, SPAN("needle"), BOTH, 1), SEARCH_HAS);
}

static void the_index_of_another_mail_db_is_not_believed(void **state)
{
	struct world *w = *state;
	struct search_hits *h;

	(void)world_add_text(w, SPAN("one"), SPAN("needle"));
	world_index(w);
	w->f->m->search_origin++;
	assert_int_equal(world_find(w, SPAN("needle"), BOTH, &h), ERR_NOT_FOUND);
	world_index(w);
	assert_int_equal(world_verdict(w, SPAN("needle"), BOTH, 1), SEARCH_HAS);
}

static void copy_file(const char *from, const char *to)
{
	char block[65536];
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
	size_t n;

	assert_non_null(in);
	assert_non_null(out);
	while ((n = fread(block, 1, sizeof(block), in)) > 0)
		assert_int_equal(fwrite(block, 1, n, out), n);
	(void)fclose(in);
	assert_int_equal(fclose(out), 0);
}

/* Puts mail.db aside, or what was put aside in its place; nobody has it open. */
static void put_mail(struct world *w, bool back)
{
	static const char *const ends[] = { "", "-wal" };
	char path[256], aside[300];

	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), "%s/1/mail.db%s", w->f->accounts, ends[i]);
		(void)snprintf(aside, sizeof(aside), "%s/1/old%s", w->f->accounts, ends[i]);
		if (back)
			(void)unlink(path);
		if (access(back ? aside : path, F_OK) == 0)
			copy_file(back ? aside : path, back ? path : aside);
	}
	(void)snprintf(path, sizeof(path), "%s/1/mail.db-shm", w->f->accounts);
	if (back)
		(void)unlink(path);
}

static void the_index_of_a_later_mail_db_is_not_believed(void **state)
{
	struct world *w = *state;
	struct search_hits *h = NULL;

	(void)world_add_text(w, SPAN("one"), SPAN("hay"));
	store_close(&w->f->m);
	store_free(&w->f->store);
	put_mail(w, false);
	fixture_reopen(w->f);
	(void)world_add_text(w, SPAN("two"), SPAN("needle"));
	(void)world_add_text(w, SPAN("three"), SPAN("needle"));
	world_index(w);
	store_close(&w->f->m);
	store_free(&w->f->store);
	put_mail(w, true);
	fixture_reopen(w->f);
	for (; w->count > 1; w->count--) {
		buf_clear(&w->heads[w->count]);
		buf_clear(&w->bodies[w->count]);
	}
	/* Ids that the index knows are given to others; at last more of them than it knows. */
	for (unsigned i = 0; i < 3; i++) {
		(void)world_add_text(w, SPAN("other"), SPAN("thread"));
		assert_int_equal(world_find(w, SPAN("thread"), BOTH, &h), ERR_NOT_FOUND);
	}
	world_index(w);
	for (uint64_t content = 2; content <= 4; content++) {
		assert_int_equal(world_verdict(w, SPAN("needle"), BOTH, content), SEARCH_HAS_NOT);
		assert_int_equal(world_verdict(w, SPAN("thread"), BOTH, content), SEARCH_HAS);
	}
	assert_int_equal(world_verdict(w, SPAN("hay"), BOTH, 1), SEARCH_HAS);
}

static bool stop_after(void *arg)
{
	unsigned *left = arg;

	return *left == 0 || --*left == 0;
}

static void a_batch_that_is_stopped_leaves_nothing_and_is_done_again(void **state)
{
	struct world *w = *state;
	bool more;

	seed = 5;
	add_crowd(w, 100);
	world_index(w);
	add_crowd(w, 100);
	for (unsigned left = 1; left < 120; left += 7) {
		unsigned count = left;

		assert_int_equal(world_index_step(w, stop_after, &count, &more), ERR_STATE);
		assert_int_equal(world_verdict(w, SPAN("number1"), BOTH, 101), SEARCH_NOT_INDEXED);
		assert_int_equal(world_verdict(w, SPAN("number77"), BOTH, 77), SEARCH_HAS);
	}
	world_index(w);
	check_key(w, SPAN("W12"), BOTH);
	check_key(w, SPAN("COMMON"), BOTH);
}

/* A write past the limit of a file's size fails as one on a full disk does. */
static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes == RLIM_INFINITY ? limit.rlim_max : bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_puts_it_off(void **state)
{
	struct world *w = *state;
	bool more;

	(void)signal(SIGXFSZ, SIG_IGN);
	seed = 7;
	add_crowd(w, 100);
	world_index(w);
	add_crowd(w, 300);
	limit_files((rlim_t)index_size(w) + 8192);
	assert_int_equal(world_index_step(w, NULL, NULL, &more), ERR_TEMP);
	assert_int_equal(world_verdict(w, SPAN("number101"), BOTH, 101), SEARCH_NOT_INDEXED);
	assert_int_equal(world_verdict(w, SPAN("number77"), BOTH, 77), SEARCH_HAS);
	limit_files(RLIM_INFINITY);
	world_index(w);
	check_key(w, SPAN("W12"), BOTH);
	check_key(w, SPAN("COMMON"), BOTH);
}

int main(void)
{
#define ON_A_STORE(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		ON_A_STORE(verdicts_agree_with_reading),
		ON_A_STORE(every_piece_of_a_long_word_is_found),
		ON_A_STORE(words_addresses_and_cjk_are_answered_exactly),
		ON_A_STORE(a_key_without_a_word_is_not_answered),
		ON_A_STORE(what_is_not_indexed_yet_is_said_to_be_so),
		ON_A_STORE(a_message_of_random_words_is_bounded),
		ON_A_STORE(postings_and_fresh_texts_are_one),
		ON_A_STORE(a_search_sees_the_index_grow_and_stays_right),
		ON_A_STORE(the_index_is_made_anew_when_a_third_is_gone),
		ON_A_STORE(damage_leads_to_reading_and_then_to_a_new_index),
		ON_A_STORE(a_lost_index_is_made_again),
		ON_A_STORE(the_index_of_another_mail_db_is_not_believed),
		ON_A_STORE(the_index_of_a_later_mail_db_is_not_believed),
		ON_A_STORE(a_full_disk_puts_it_off),
		ON_A_STORE(a_batch_that_is_stopped_leaves_nothing_and_is_done_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
