/* tests/unit/store/share_test.c: private \Seen, and messages that go into another account. */
#include "tests/unit/store/fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/store/journal.h"
#include "daemon/store/seen.h"
#include "daemon/store/share.h"

#define OWNER 0
#define READER 2
#define OTHER 3
#define ALL SET(1, UINT32_MAX)

static const struct share_terms copying = { .flags = FLAG_SYSTEM, .keywords = SHARE_ALL_KEYWORDS };
static const struct share_terms moving = { .is_move = true, .flags = FLAG_SYSTEM, .keywords = SHARE_ALL_KEYWORDS };

static struct view *open_as(struct fixture *f, const char *name, uint64_t viewer)
{
	struct view *v;

	assert_int_equal(view_open(f->m, fixture_mailbox(f, name), viewer, &v), ERR_OK);
	return v;
}

static void store_flags(struct fixture *f, struct view *v, uint32_t first, uint32_t last, enum flag_change how, uint64_t flags)
{
	struct view_flags_changed *rows;
	size_t count;

	assert_int_equal(view_store(v, SET(first, last), how, flags, &f->arena, &rows, &count), ERR_OK);
}

/* How many changes it is told of. */
static size_t told(struct fixture *f, struct view *v)
{
	struct view_changes ch;

	assert_int_equal(view_sync(v, true, &f->arena, &ch), ERR_OK);
	return ch.changed_count;
}

static bool take_flags(void *arg, const struct message_row *row)
{
	*(uint64_t *)arg = row->flags;
	return true;
}

static uint64_t flags_of(struct view *v, uint32_t uid)
{
	uint64_t flags = UINT64_MAX;
	uint32_t last;
	bool end;

	assert_int_equal(view_read(v, SET(uid, uid), 0, WANT_FLAGS, take_flags, &flags, &last, &end), ERR_OK);
	return flags;
}

static uint32_t unseen_for(struct fixture *f, const char *name, uint64_t viewer)
{
	uint32_t count;

	assert_int_equal(mailbox_unseen_for(f->m, fixture_mailbox(f, name), viewer, &count), ERR_OK);
	return count;
}

static void append(struct fixture *f, const char *name, unsigned count)
{
	struct new_message *messages = calloc(count, sizeof(*messages));
	struct append_result first;

	assert_non_null(messages);
	for (unsigned i = 0; i < count; i++)
		messages[i] = fixture_message("m", 0);
	assert_int_equal(message_append_all(f->m, fixture_mailbox(f, name), messages, count, NULL, &first), ERR_OK);
	free(messages);
}

/* ---- \Seen ---- */

static void what_a_reader_has_seen_is_told_to_his_own_sessions(void **state)
{
	struct fixture *f = *state;
	struct view *owner, *here, *there, *other;

	append(f, "INBOX", 3);
	owner = open_as(f, "INBOX", OWNER);
	here = open_as(f, "INBOX", READER);
	there = open_as(f, "INBOX", READER);
	other = open_as(f, "INBOX", OTHER);

	store_flags(f, here, 1, 2, FLAGS_ADD, FLAG_SEEN);
	assert_int_equal(told(f, here), 0);
	assert_int_equal(told(f, there), 2);
	assert_int_equal(told(f, owner), 0);
	assert_int_equal(told(f, other), 0);
	assert_int_equal(view_modseq(there), view_modseq(here));

	store_flags(f, owner, 3, 3, FLAGS_ADD, FLAG_SEEN);
	assert_int_equal(told(f, here) + told(f, there) + told(f, other), 0);
	assert_int_equal(flags_of(here, 3), 0);

	store_flags(f, other, 1, 3, FLAGS_REPLACE, FLAG_SEEN | FLAG_FLAGGED);
	assert_int_equal(told(f, owner), 3);
	assert_int_equal(told(f, there), 3);
	assert_int_equal(flags_of(owner, 1), FLAG_FLAGGED);
	assert_int_equal(flags_of(owner, 3), FLAG_FLAGGED | FLAG_SEEN);
	assert_int_equal(flags_of(there, 1), FLAG_FLAGGED | FLAG_SEEN);
	assert_int_equal(flags_of(there, 3), FLAG_FLAGGED);

	view_close(&owner);
	view_close(&here);
	view_close(&there);
	view_close(&other);
}

static void owner_named_by_his_id_is_the_owner(void **state)
{
	struct fixture *f = *state;
	struct view *v;

	append(f, "INBOX", 1);
	v = open_as(f, "INBOX", 1);
	store_flags(f, v, 1, 1, FLAGS_ADD, FLAG_SEEN);
	view_close(&v);
	assert_int_equal(fixture_info(f, "INBOX").unseen, 0);
	assert_int_equal(unseen_for(f, "INBOX", 1), 0);
	assert_int_equal(unseen_for(f, "INBOX", READER), 1);
}

static void seen_outlives_a_restart_and_goes_with_the_message(void **state)
{
	struct fixture *f = *state;
	struct view *v;
	uint32_t sequence;

	append(f, "INBOX", 4);
	v = open_as(f, "INBOX", READER);
	store_flags(f, v, 1, 3, FLAGS_ADD, FLAG_SEEN);
	view_close(&v);
	fixture_restart(f);

	v = open_as(f, "INBOX", READER);
	assert_int_equal(unseen_for(f, "INBOX", READER), 1);
	assert_int_equal(unseen_for(f, "INBOX", OTHER), 4);
	assert_int_equal(view_first_unseen(v, &sequence), ERR_OK);
	assert_int_equal(sequence, 4);
	store_flags(f, v, 2, 2, FLAGS_REMOVE, FLAG_SEEN);
	assert_int_equal(view_first_unseen(v, &sequence), ERR_OK);
	assert_int_equal(sequence, 2);
	store_flags(f, v, 1, 2, FLAGS_ADD, FLAG_DELETED);
	assert_int_equal(view_expunge(v, NULL, NULL), ERR_OK);
	assert_int_equal(unseen_for(f, "INBOX", READER), 1);
	assert_int_equal(unseen_for(f, "INBOX", OTHER), 2);
	view_close(&v);
	fixture_check(f);
}

static void seen_moves_along_with_inbox_and_goes_with_a_mailbox(void **state)
{
	struct fixture *f = *state;
	struct view *v;

	append(f, "INBOX", 3);
	append(f, "Archive", 2);
	v = open_as(f, "INBOX", READER);
	store_flags(f, v, 1, 1, FLAGS_ADD, FLAG_SEEN);
	view_close(&v);
	assert_int_equal(mailbox_rename(f->m, SPAN("INBOX"), SPAN("Old")), ERR_OK);
	assert_int_equal(unseen_for(f, "Old", READER), 2);
	assert_int_equal(unseen_for(f, "INBOX", READER), 0);

	v = open_as(f, "Archive", READER);
	store_flags(f, v, 1, 2, FLAGS_ADD, FLAG_SEEN);
	view_close(&v);
	assert_int_equal(mailbox_delete(f->m, SPAN("Archive")), ERR_OK);
	fixture_check(f);
}

static bool is_other(void *arg, uint64_t id)
{
	(void)arg;
	return id == OTHER;
}

static void reader_whose_account_is_gone_has_seen_nothing(void **state)
{
	struct fixture *f = *state;
	struct view *v;
	uint32_t sequence;

	append(f, "INBOX", 3);
	v = open_as(f, "INBOX", READER);
	store_flags(f, v, 1, 3, FLAGS_ADD, FLAG_SEEN);
	assert_int_equal(view_first_unseen(v, &sequence), ERR_OK);
	assert_int_equal(sequence, 0);
	view_close(&v);
	v = open_as(f, "INBOX", OTHER);
	store_flags(f, v, 1, 1, FLAGS_ADD, FLAG_SEEN);
	view_close(&v);
	assert_int_equal(readers_tend(f->m, is_other, NULL), ERR_OK);
	assert_int_equal(unseen_for(f, "INBOX", READER), 3);
	assert_int_equal(unseen_for(f, "INBOX", OTHER), 2);
	v = open_as(f, "INBOX", READER);
	assert_int_equal(view_first_unseen(v, &sequence), ERR_OK);
	assert_int_equal(sequence, 1);
	view_close(&v);
}

static void flags_that_are_not_allowed_stay(void **state)
{
	struct fixture *f = *state;
	struct view *v;

	(void)fixture_append(f, fixture_mailbox(f, "INBOX"), "m", FLAG_FLAGGED | FLAG_SEEN);
	v = open_as(f, "INBOX", READER);
	view_allow(v, FLAG_SEEN | FLAG_DELETED);
	store_flags(f, v, 1, 1, FLAGS_REPLACE, FLAG_SEEN | FLAG_ANSWERED);
	assert_int_equal(flags_of(v, 1), FLAG_SEEN | FLAG_FLAGGED);
	view_allow(v, 0);
	store_flags(f, v, 1, 1, FLAGS_REPLACE, FLAG_DELETED);
	assert_int_equal(flags_of(v, 1), FLAG_SEEN | FLAG_FLAGGED);
	view_close(&v);
	assert_int_equal(fixture_info(f, "INBOX").unseen, 0);
}

static void journal_tells_each_what_is_his(void **state)
{
	struct fixture *f = *state;
	struct journal_mark owner, reader;
	struct journal_news news;
	struct view *v;

	append(f, "INBOX", 3);
	v = open_as(f, "INBOX", READER);
	assert_int_equal(journal_follow(f->m, OWNER, &owner), ERR_OK);
	assert_int_equal(journal_follow(f->m, READER, &reader), ERR_OK);
	store_flags(f, v, 1, 2, FLAGS_ADD, FLAG_SEEN);
	assert_int_equal(journal_read(f->m, &owner, &f->arena, &news), ERR_OK);
	assert_int_equal(news.change_count, 0);
	assert_int_equal(journal_read(f->m, &reader, &f->arena, &news), ERR_OK);
	assert_int_equal(news.change_count, 1);
	assert_int_equal(news.changes[0].what, CHANGE_FLAGS);
	assert_int_equal(news.changes[0].mailbox.unseen, 1);
	store_flags(f, v, 1, 1, FLAGS_ADD, FLAG_FLAGGED);
	assert_int_equal(journal_read(f->m, &owner, &f->arena, &news), ERR_OK);
	assert_int_equal(news.change_count, 1);
	assert_int_equal(news.changes[0].mailbox.unseen, 3);
	journal_leave(f->m);
	journal_leave(f->m);
	view_close(&v);
}

/* ---- another account ---- */

static struct mailstore *open_other(struct fixture *f)
{
	struct mailstore *m;
	struct note why;

	assert_int_equal(store_open(f->store, READER, &m, &why), ERR_OK);
	return m;
}

static struct mailbox_info info_in(struct fixture *f, struct mailstore *m, const char *name)
{
	struct mailbox_info info;

	assert_int_equal(mailbox_find(m, span_str(name), &f->arena, &info), ERR_OK);
	return info;
}

static void check(struct mailstore *m)
{
	struct note why = { "" };

	if (store_check(m, &why))
		fail_msg("%s", why.text);
}

struct seen_row {
	struct message_row row;
	char path[256];
};

static bool keep_row(void *arg, const struct message_row *row)
{
	struct seen_row *s = arg;

	s->row = *row;
	if (row->body.path)
		(void)snprintf(s->path, sizeof(s->path), "%s", row->body.path);
	assert_true(span_equals(row->head, SPAN("From: a@example.org\r\nSubject: test\r\n\r\n")));
	assert_true(span_equals(row->envelope, SPAN("(NIL \"test\" NIL NIL NIL NIL NIL NIL NIL NIL)")));
	assert_true(span_equals(row->parts, SPAN("p")));
	return true;
}

static void read_in(struct mailstore *m, uint64_t mailbox_id, uint32_t uid, struct seen_row *out)
{
	const unsigned all = WANT_META | WANT_ENVELOPE | WANT_STRUCTURE | WANT_PARTS | WANT_HEAD | WANT_BODY | WANT_WORDS;
	struct view *v;
	uint32_t last;
	bool end;

	*out = (struct seen_row){ .row.uid = 0 };
	assert_int_equal(view_open(m, mailbox_id, 0, &v), ERR_OK);
	assert_int_equal(view_read(v, SET(uid, uid), 0, all, keep_row, out, &last, &end), ERR_OK);
	view_close(&v);
	assert_int_equal(out->row.uid, uid);
}

struct shared {
	struct mailstore *m;
	struct mailbox_info inbox;
	uint32_t uid_validity;
	struct uid_pair *pairs;
	size_t count;
};

static enum err share(struct fixture *f, struct shared *s, struct view *v, const struct uid_set *set, const struct share_terms *terms)
{
	s->inbox = info_in(f, s->m, "INBOX");
	return view_copy_to(v, set, s->m, s->inbox.id, terms, &f->arena, &s->uid_validity, &s->pairs, &s->count);
}

static void copy_is_the_other_accounts_own(void **state)
{
	struct fixture *f = *state;
	struct shared s = { .m = open_other(f) };
	struct new_message large = fixture_message("m", FLAG_FLAGGED | FLAG_DELETED);
	struct append_result result;
	struct seen_row here, there;
	struct stat st;
	struct view *v;

	large.body = (struct message_body){ .path = fixture_file(f, "body", 100000), .size = 100000 };
	large.preview = SPAN("look");
	assert_int_equal(message_append(f->m, fixture_mailbox(f, "INBOX"), &large, &result), ERR_OK);
	append(f, "INBOX", 1);
	v = open_as(f, "INBOX", READER);
	store_flags(f, v, 1, 1, FLAGS_ADD, FLAG_SEEN);
	assert_int_equal(share(f, &s, v, ALL, &(struct share_terms){ .flags = FLAG_SEEN | FLAG_FLAGGED }), ERR_OK);
	assert_int_equal(s.uid_validity, s.inbox.uid_validity);
	assert_int_equal(s.count, 2);
	assert_int_equal(s.pairs[1].to, 2);

	read_in(f->m, fixture_mailbox(f, "INBOX"), 1, &here);
	read_in(s.m, s.inbox.id, 1, &there);
	assert_int_equal(there.row.flags, FLAG_SEEN | FLAG_FLAGGED);
	assert_int_equal(there.row.internal_ms, here.row.internal_ms);
	assert_int_equal(there.row.internal_offset_minutes, 60);
	assert_int_equal(there.row.size, here.row.size);
	assert_non_null(there.row.preview.ptr);
	assert_int_equal(stat(there.path, &st), 0);
	assert_int_equal(st.st_nlink, 3); /* with the one it came by */
	read_in(s.m, s.inbox.id, 2, &there);
	assert_null(there.row.preview.ptr);
	assert_int_equal(there.row.thread, 1); /* the same message-id */

	/* Neither needs the other. */
	view_close(&v);
	v = open_as(f, "INBOX", OWNER);
	store_flags(f, v, 1, 2, FLAGS_ADD, FLAG_DELETED);
	assert_int_equal(view_expunge(v, NULL, NULL), ERR_OK);
	view_close(&v);
	assert_int_equal(fixture_count_files(f), 0);
	check(f->m);
	check(s.m);
	store_close(&s.m);
}

static void keywords_go_by_name(void **state)
{
	struct fixture *f = *state;
	struct shared s = { .m = open_other(f) };
	uint64_t red, blue, there, other;
	struct seen_row row;
	struct view *v;
	char name[16];

	assert_int_equal(message_keyword_bit(f->m, SPAN("red"), true, &red), ERR_OK);
	assert_int_equal(message_keyword_bit(f->m, SPAN("blue"), true, &blue), ERR_OK);
	assert_int_equal(message_keyword_bit(s.m, SPAN("other"), true, &other), ERR_OK);
	assert_int_equal(message_keyword_bit(s.m, SPAN("BLUE"), true, &there), ERR_OK);
	(void)fixture_append(f, fixture_mailbox(f, "INBOX"), "m", red | blue);
	v = open_as(f, "INBOX", OWNER);
	assert_int_equal(share(f, &s, v, ALL, &(struct share_terms){ .keywords = SHARE_NO_KEYWORDS }), ERR_OK);
	read_in(s.m, s.inbox.id, 1, &row);
	assert_int_equal(row.row.flags, 0);
	assert_int_equal(share(f, &s, v, ALL, &(struct share_terms){ .keywords = SHARE_KNOWN_KEYWORDS }), ERR_OK);
	read_in(s.m, s.inbox.id, 2, &row);
	assert_int_equal(row.row.flags, there);
	for (unsigned i = 0; i < FLAG_KEYWORDS_MAX - 2; i++) {
		(void)snprintf(name, sizeof(name), "k%u", i);
		assert_int_equal(message_keyword_bit(s.m, span_str(name), true, &other), ERR_OK);
	}
	/* The table is full: a keyword is lost, no message. */
	assert_int_equal(share(f, &s, v, ALL, &copying), ERR_OK);
	read_in(s.m, s.inbox.id, 3, &row);
	assert_int_equal(row.row.flags, there);
	view_close(&v);
	store_close(&s.m);
}

static void copy_over_the_others_room_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct shared s = { .m = open_other(f) };
	const struct store_room three = { 0, 3 };
	struct view *v;

	append(f, "INBOX", 4);
	v = open_as(f, "INBOX", READER);
	assert_int_equal(share(f, &s, v, ALL, &(struct share_terms){ .room = &three }), ERR_LIMIT);
	assert_int_equal(info_in(f, s.m, "INBOX").messages, 0);
	assert_int_equal(share(f, &s, v, SET(1, 3), &(struct share_terms){ .room = &three }), ERR_OK);
	assert_int_equal(share(f, &s, v, SET(1, 1), &(struct share_terms){ .room = &three }), ERR_LIMIT);
	assert_int_equal(view_copy_to(v, ALL, s.m, 999, &copying, &f->arena, &s.uid_validity, &s.pairs, &s.count), ERR_NOT_FOUND);
	view_close(&v);
	check(s.m);
	store_close(&s.m);
}

static void copy_of_what_has_gone_is_refused(void **state)
{
	struct fixture *f = *state;
	struct shared s = { .m = open_other(f) };
	struct view *v, *other;

	append(f, "INBOX", 3);
	v = open_as(f, "INBOX", READER);
	other = open_as(f, "INBOX", OWNER);
	store_flags(f, other, 2, 2, FLAGS_ADD, FLAG_DELETED);
	assert_int_equal(view_expunge(other, NULL, NULL), ERR_OK);
	assert_int_equal(share(f, &s, v, ALL, &copying), ERR_STATE);
	assert_int_equal(info_in(f, s.m, "INBOX").messages, 0);
	assert_int_equal(share(f, &s, v, SET(3, 9), &copying), ERR_OK);
	view_close(&v);
	view_close(&other);
	store_close(&s.m);
}

static void many_messages_are_copied_in_their_order(void **state)
{
	enum { MANY = 1203 };
	struct fixture *f = *state;
	struct shared s = { .m = open_other(f) };
	struct view *v;

	append(f, "INBOX", MANY);
	v = open_as(f, "INBOX", OWNER);
	assert_int_equal(share(f, &s, v, ALL, &moving), ERR_OK);
	assert_int_equal(s.count, MANY);
	for (size_t i = 0; i < s.count; i++) {
		assert_int_equal(s.pairs[i].from, i + 1);
		assert_int_equal(s.pairs[i].to, i + 1);
	}
	assert_int_equal(info_in(f, s.m, "INBOX").unseen, MANY);
	assert_int_equal(fixture_info(f, "INBOX").messages, 0);
	view_close(&v);
	check(f->m);
	check(s.m);
	store_close(&s.m);
}

/* A body that cannot be linked, behind what one batch holds. */
static void later_batch_that_fails_takes_the_first_along(void **state)
{
	struct fixture *f = *state;
	struct shared s = { .m = open_other(f) };
	struct new_message large = fixture_message("m", 0);
	struct append_result result;
	struct seen_row row;
	struct view *v;

	large.body = (struct message_body){ .path = fixture_file(f, "body", 100000), .size = 100000 };
	append(f, "INBOX", 600);
	assert_int_equal(message_append(f->m, fixture_mailbox(f, "INBOX"), &large, &result), ERR_OK);
	read_in(f->m, fixture_mailbox(f, "INBOX"), result.uid, &row);
	assert_int_equal(unlink(row.path), 0);
	v = open_as(f, "INBOX", OWNER);
	assert_int_equal(share(f, &s, v, ALL, &moving), ERR_CORRUPT);
	assert_int_equal(info_in(f, s.m, "INBOX").messages, 0);
	assert_int_equal(info_in(f, s.m, "INBOX").uid_next, 501);
	assert_int_equal(fixture_info(f, "INBOX").messages, 601);
	view_close(&v);
	check(s.m);
	store_close(&s.m);
}

/* ---- between the copy and the removal ---- */

struct between {
	struct store_watch watch;
	struct view *v;
	bool dies, was_called;
};

static void interfere(void *arg)
{
	struct between *b = arg;
	struct view_flags_changed *rows;
	struct arena a;
	size_t count;

	if (b->dies)
		_exit(7);
	if (b->was_called)
		return;
	b->was_called = true;
	arena_init(&a, 65536);
	assert_int_equal(view_store(b->v, SET(2, 2), FLAGS_ADD, FLAG_DELETED, &a, &rows, &count), ERR_OK);
	assert_int_equal(view_expunge(b->v, NULL, NULL), ERR_OK);
	arena_clear(&a);
}

static void move_of_what_goes_meanwhile_leaves_no_copy(void **state)
{
	struct fixture *f = *state;
	struct shared s = { .m = open_other(f) };
	struct between b = { .watch = { .changed = interfere } };
	struct view *v;

	append(f, "INBOX", 3);
	v = open_as(f, "INBOX", READER);
	b.v = open_as(f, "INBOX", OWNER);
	b.watch.arg = &b;
	store_watch_add(s.m, &b.watch);
	assert_int_equal(share(f, &s, v, ALL, &moving), ERR_STATE);
	store_watch_remove(s.m, &b.watch);
	assert_int_equal(info_in(f, s.m, "INBOX").messages, 0);
	assert_int_equal(fixture_info(f, "INBOX").messages, 2);
	view_close(&v);
	view_close(&b.v);
	check(s.m);
	store_close(&s.m);
}

static void move_that_dies_between_leaves_both(void **state)
{
	struct fixture *f = *state;
	struct mailstore *other = open_other(f);
	pid_t child;
	int status;

	append(f, "INBOX", 3);
	store_close(&other);
	store_close(&f->m);
	store_free(&f->store);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct between b = { .watch = { .changed = interfere }, .dies = true };
		struct shared s;
		struct view *v;

		fixture_reopen(f);
		s.m = open_other(f);
		v = open_as(f, "INBOX", OWNER);
		b.watch.arg = &b;
		store_watch_add(s.m, &b.watch);
		(void)!share(f, &s, v, ALL, &moving);
		_exit(8);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	fixture_reopen(f);
	other = open_other(f);
	assert_int_equal(fixture_info(f, "INBOX").messages, 3);
	assert_int_equal(info_in(f, other, "INBOX").messages, 3);
	check(f->m);
	check(other);
	store_close(&other);
}

/* ---- many at once ---- */

#define ROUNDS 15

struct work {
	pthread_t thread;
	struct mailstore *from, *to;
	uint64_t from_id, to_id;
	bool failed;
};

/* Moves all there and all back. */
static void *move_to_and_fro(void *arg)
{
	struct work *w = arg;
	struct arena a;

	arena_init(&a, 1024 * 1024);
	for (unsigned i = 0; i < ROUNDS * 2 && !w->failed; i++) {
		struct view *v = NULL;
		struct uid_pair *pairs;
		uint32_t uid_validity;
		size_t count;
		enum err e = view_open(i % 2 ? w->to : w->from, i % 2 ? w->to_id : w->from_id, READER, &v);

		if (!e)
			e = view_copy_to(v, ALL, i % 2 ? w->from : w->to, i % 2 ? w->from_id : w->to_id, &moving, &a, &uid_validity, &pairs, &count);
		w->failed = e && e != ERR_STATE; /* somebody was quicker */
		if (v)
			view_close(&v);
		arena_reset(&a);
	}
	arena_clear(&a);
	return NULL;
}

static void *read_and_mark(void *arg)
{
	struct work *w = arg;
	struct arena a;

	arena_init(&a, 1024 * 1024);
	for (unsigned i = 0; i < ROUNDS * 3 && !w->failed; i++) {
		struct view_flags_changed *rows;
		struct view *v = NULL;
		uint32_t unseen, sequence;
		size_t count;
		enum err e = view_open(w->from, w->from_id, OTHER, &v);

		if (!e)
			e = view_store(v, ALL, i % 2 ? FLAGS_ADD : FLAGS_REMOVE, FLAG_SEEN, &a, &rows, &count);
		if (!e)
			e = view_first_unseen(v, &sequence);
		if (!e)
			e = mailbox_unseen_for(w->from, w->from_id, OTHER, &unseen);
		w->failed = e;
		if (v)
			view_close(&v);
		arena_reset(&a);
	}
	arena_clear(&a);
	return NULL;
}

static void moves_in_both_directions_lose_and_double_nothing(void **state)
{
	enum { EACH = 40 };
	struct fixture *f = *state;
	struct mailstore *other = open_other(f);
	const uint64_t here = fixture_mailbox(f, "INBOX"), archive = fixture_mailbox(f, "Archive"), there = info_in(f, other, "INBOX").id;
	struct work work[] = {
		{ .from = f->m, .to = other, .from_id = here, .to_id = there },
		{ .from = other, .to = f->m, .from_id = there, .to_id = archive },
		{ .from = f->m, .from_id = here },
		{ .from = other, .from_id = there },
	};

	append(f, "INBOX", EACH);
	append(f, "Archive", EACH);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&work[i].thread, NULL, i < 2 ? move_to_and_fro : read_and_mark, &work[i]), 0);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(work[i].thread, NULL), 0);
		assert_false(work[i].failed);
	}
	assert_int_equal(fixture_info(f, "INBOX").messages + fixture_info(f, "Archive").messages + info_in(f, other, "INBOX").messages, 2 * EACH);
	check(f->m);
	check(other);
	store_close(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_a_reader_has_seen_is_told_to_his_own_sessions),
		TEST(owner_named_by_his_id_is_the_owner),
		TEST(seen_outlives_a_restart_and_goes_with_the_message),
		TEST(seen_moves_along_with_inbox_and_goes_with_a_mailbox),
		TEST(reader_whose_account_is_gone_has_seen_nothing),
		TEST(flags_that_are_not_allowed_stay),
		TEST(journal_tells_each_what_is_his),
		TEST(copy_is_the_other_accounts_own),
		TEST(keywords_go_by_name),
		TEST(copy_over_the_others_room_leaves_nothing),
		TEST(copy_of_what_has_gone_is_refused),
		TEST(many_messages_are_copied_in_their_order),
		TEST(later_batch_that_fails_takes_the_first_along),
		TEST(move_of_what_goes_meanwhile_leaves_no_copy),
		TEST(move_that_dies_between_leaves_both),
		TEST(moves_in_both_directions_lose_and_double_nothing),
	};

	return cmocka_run_group_tests_name("store/share", tests, NULL, NULL);
}
