/* Annotations (store/annotation.h): all or nothing, within limits, gone with their mailbox; others hear of changes. */
#include "tests/unit/store/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store/annotation.h"
#include "daemon/store/mailstore.h"
#include "daemon/store/seen.h"

struct found {
	char names[4096];
	size_t count, bytes, stop_after;
};

static bool take(void *arg, struct span entry, struct span value)
{
	struct found *f = arg;
	const size_t used = strlen(f->names);

	if (used + entry.len + value.len + 3 < sizeof f->names && value.len < 100)
		snprintf(f->names + used, sizeof f->names - used, "%.*s=%.*s;", (int)entry.len, entry.ptr, (int)value.len, value.ptr);
	f->bytes += value.len;
	return ++f->count != f->stop_after;
}

static struct found read(struct fixture *f, uint64_t mailbox, uint64_t reader, const char *top, const char *after)
{
	struct found out = { .count = 0 };

	assert_int_equal(annotation_each(f->m, mailbox, reader, span_str(top), span_str(after), take, &out), ERR_OK);
	return out;
}

static enum err set(struct fixture *f, uint64_t mailbox, uint64_t reader, const char *entry, const char *value)
{
	const struct annotation one = { .reader = reader, .entry = span_str(entry), .value = value ? span_str(value) : SPAN(""), .removed = !value };

	return annotation_set(f->m, mailbox, &one, 1, NULL);
}

static bool is_first(void *arg, uint64_t id)
{
	(void)arg;
	return id == 1;
}

static void each_reader_has_his_own(void **state)
{
	struct fixture *f = *state;
	const uint64_t inbox = fixture_mailbox(f, "INBOX");

	assert_int_equal(set(f, inbox, 0, "/comment", "for all"), ERR_OK);
	assert_int_equal(set(f, inbox, 1, "/comment", "mine"), ERR_OK);
	assert_int_equal(set(f, inbox, 2, "/comment", "his"), ERR_OK);
	assert_int_equal(set(f, 0, 1, "/comment", "account"), ERR_OK);
	fixture_restart(f);
	assert_string_equal(read(f, inbox, 0, "/comment", "").names, "/comment=for all;");
	assert_string_equal(read(f, inbox, 1, "/comment", "").names, "/comment=mine;");
	assert_string_equal(read(f, inbox, 2, "/comment", "").names, "/comment=his;");
	assert_string_equal(read(f, 0, 1, "/comment", "").names, "/comment=account;");
	assert_int_equal(set(f, inbox, 1, "/comment", NULL), ERR_OK);
	assert_int_equal(set(f, inbox, 1, "/comment", NULL), ERR_OK);
	assert_int_equal(read(f, inbox, 1, "", "").count, 0);
	assert_int_equal(readers_tend(f->m, is_first, NULL), ERR_OK);
	assert_int_equal(read(f, inbox, 2, "", "").count, 0);
	assert_string_equal(read(f, inbox, 0, "", "").names, "/comment=for all;");
	assert_int_equal(set(f, 999, 0, "/comment", "x"), ERR_NOT_FOUND);
	fixture_check(f);
}

static void below_a_name_is_what_continues_it_with_a_slash(void **state)
{
	struct fixture *f = *state;
	struct found some = { .stop_after = 2 };

	assert_int_equal(set(f, 0, 1, "/a", "1"), ERR_OK);
	assert_int_equal(set(f, 0, 1, "/a!", "2"), ERR_OK);
	assert_int_equal(set(f, 0, 1, "/a/b", "3"), ERR_OK);
	assert_int_equal(set(f, 0, 1, "/a/b/c", "4"), ERR_OK);
	assert_int_equal(set(f, 0, 1, "/a0", "5"), ERR_OK);
	assert_string_equal(read(f, 0, 1, "/a", "").names, "/a=1;/a/b=3;/a/b/c=4;");
	assert_string_equal(read(f, 0, 1, "/a", "/a/b").names, "/a/b/c=4;");
	assert_string_equal(read(f, 0, 1, "", "").names, "/a=1;/a!=2;/a/b=3;/a/b/c=4;/a0=5;");
	assert_int_equal(annotation_each(f->m, 0, 1, SPAN(""), SPAN(""), take, &some), ERR_OK);
	assert_int_equal(some.count, 2);
}

static void a_change_is_whole_or_not_at_all(void **state)
{
	struct fixture *f = *state;
	static char names[ANNOTATION_ENTRIES_MAX + 1][16];
	static struct annotation list[ANNOTATION_ENTRIES_MAX + 1];

	assert_int_equal(set(f, 0, 1, "/kept", "1"), ERR_OK);
	for (size_t i = 0; i < ANNOTATION_ENTRIES_MAX; i++) {
		snprintf(names[i], sizeof names[i], "/n%zu", i);
		list[i] = (struct annotation){ .reader = 1, .entry = span_str(names[i]), .value = SPAN("x") };
	}
	assert_int_equal(annotation_set(f->m, 0, list, ANNOTATION_ENTRIES_MAX, NULL), ERR_LIMIT);
	assert_string_equal(read(f, 0, 1, "", "").names, "/kept=1;");
	list[0] = (struct annotation){ .reader = 1, .entry = SPAN("/kept"), .removed = true };
	assert_int_equal(annotation_set(f->m, 0, list, ANNOTATION_ENTRIES_MAX, NULL), ERR_OK);
	assert_int_equal(read(f, 0, 1, "", "").count, ANNOTATION_ENTRIES_MAX - 1);
	assert_int_equal(set(f, 0, 1, "/last", "1"), ERR_OK);
	assert_int_equal(set(f, 0, 1, "/more", "1"), ERR_LIMIT);
	assert_int_equal(set(f, 0, 1, "/last", "2"), ERR_OK);
	assert_int_equal(set(f, 0, 0, "/more", "of all"), ERR_OK);
}

static void an_account_holds_so_much(void **state)
{
	struct fixture *f = *state;
	struct annotation one = { .reader = 1, .value = { malloc(ANNOTATION_VALUE_MAX), ANNOTATION_VALUE_MAX } };
	const size_t room = ANNOTATION_BYTES_MAX / ANNOTATION_VALUE_MAX;
	char name[16];

	assert_non_null(one.value.ptr);
	memset((char *)one.value.ptr, 'v', one.value.len);
	for (size_t i = 0; i < room; i++) { /* the names do not fit beside them */
		snprintf(name, sizeof name, "/n%zu", i);
		one.entry = span_str(name);
		assert_int_equal(annotation_set(f->m, 0, &one, 1, NULL), i + 1 < room ? ERR_OK : ERR_LIMIT);
	}
	assert_int_equal(read(f, 0, 1, "", "").bytes, (room - 1) * ANNOTATION_VALUE_MAX);
	assert_int_equal(set(f, 0, 1, "/n0", NULL), ERR_OK);
	assert_int_equal(annotation_set(f->m, 0, &one, 1, NULL), ERR_OK);
	free((char *)one.value.ptr);
}

static void readers_take_no_room_of_the_owner(void **state)
{
	struct fixture *f = *state;
	struct annotation one = { .reader = 2, .value = { malloc(ANNOTATION_VALUE_MAX), ANNOTATION_VALUE_MAX } };
	const size_t room = ANNOTATION_READER_BYTES_MAX / ANNOTATION_VALUE_MAX, all = ANNOTATION_BYTES_MAX / ANNOTATION_READER_BYTES_MAX;
	const uint64_t inbox = fixture_mailbox(f, "INBOX");
	char name[32];

	assert_non_null(one.value.ptr);
	memset((char *)one.value.ptr, 'v', one.value.len);
	for (uint64_t reader = 2; reader < 2 + all + 2; reader++) {
		for (size_t i = 0; i < room; i++) { /* the names do not fit beside them */
			const bool fits = i + 1 < room && (reader - 2) * (room - 1) + i < ANNOTATION_BYTES_MAX / (ANNOTATION_VALUE_MAX + 8);

			snprintf(name, sizeof name, "/%07zu", i);
			one.reader = reader;
			one.entry = span_str(name);
			assert_int_equal(annotation_set(f->m, inbox, &one, 1, NULL), fits ? ERR_OK : ERR_LIMIT);
		}
	}
	one.reader = f->m->account_id;
	assert_int_equal(annotation_set(f->m, inbox, &one, 1, NULL), ERR_OK);
	one.reader = ANNOTATION_OF_ALL;
	assert_int_equal(annotation_set(f->m, inbox, &one, 1, NULL), ERR_OK);
	free((char *)one.value.ptr);
}

static void they_go_with_their_mailbox_and_stay_with_its_name(void **state)
{
	struct fixture *f = *state;
	const uint64_t inbox = fixture_mailbox(f, "INBOX");
	uint64_t id;

	assert_int_equal(mailbox_create(f->m, SPAN("a"), USE_NONE), ERR_OK);
	id = fixture_mailbox(f, "a");
	assert_int_equal(set(f, id, 1, "/comment", "x"), ERR_OK);
	assert_int_equal(mailbox_rename(f->m, SPAN("a"), SPAN("b")), ERR_OK);
	assert_string_equal(read(f, fixture_mailbox(f, "b"), 1, "", "").names, "/comment=x;");
	assert_int_equal(mailbox_delete(f->m, SPAN("b")), ERR_OK);
	assert_int_equal(read(f, id, 1, "", "").count, 0);
	/* INBOX keeps what is noted on it, and what its messages go to gets it, too (RFC 5464 4.1), but for readers from elsewhere. */
	assert_int_equal(set(f, inbox, 1, "/comment", "in"), ERR_OK);
	assert_int_equal(set(f, inbox, 0, "/comment", "all"), ERR_OK);
	assert_int_equal(set(f, inbox, 2, "/comment", "his"), ERR_OK);
	assert_int_equal(mailbox_rename(f->m, SPAN("INBOX"), SPAN("old")), ERR_OK);
	assert_string_equal(read(f, fixture_mailbox(f, "INBOX"), 1, "", "").names, "/comment=in;");
	assert_string_equal(read(f, fixture_mailbox(f, "old"), 1, "", "").names, "/comment=in;");
	assert_string_equal(read(f, fixture_mailbox(f, "old"), 0, "", "").names, "/comment=all;");
	assert_int_equal(read(f, fixture_mailbox(f, "old"), 2, "", "").count, 0);
}

static void a_copy_has_to_find_room(void **state)
{
	struct fixture *f = *state;
	const uint64_t inbox = fixture_mailbox(f, "INBOX");
	char *value = calloc(1, ANNOTATION_VALUE_MAX);
	char name[16];
	struct annotation one = { .value = span_make(value, ANNOTATION_VALUE_MAX) };

	assert_non_null(value);
	for (unsigned i = 0; i < ANNOTATION_BYTES_MAX / 2 / ANNOTATION_VALUE_MAX; i++) {
		(void)snprintf(name, sizeof name, "/n%u", i);
		one.entry = span_str(name);
		assert_int_equal(annotation_set(f->m, inbox, &one, 1, NULL), ERR_OK);
	}
	assert_int_equal(mailbox_rename(f->m, MAILSTORE_INBOX, SPAN("old")), ERR_LIMIT);
	assert_int_equal(annotation_set(f->m, inbox, &(struct annotation){ .entry = SPAN("/n0"), .removed = true }, 1, NULL), ERR_OK);
	assert_int_equal(mailbox_rename(f->m, MAILSTORE_INBOX, SPAN("old")), ERR_OK);
	assert_int_equal(read(f, fixture_mailbox(f, "old"), 0, "", "").count, read(f, inbox, 0, "", "").count);
	free(value);
}

static void a_special_use_moves_with_its_annotation(void **state)
{
	struct fixture *f = *state;
	const uint64_t drafts = fixture_mailbox(f, "Drafts"), trash = fixture_mailbox(f, "Trash");
	const struct annotation list[] = { { .reader = 1, .entry = ANNOTATION_USE, .is_use = true, .use = USE_DRAFTS },
					   { .reader = 1, .entry = SPAN("/comment"), .value = SPAN("x") } };
	const struct annotation none = { .reader = 1, .entry = ANNOTATION_USE, .removed = true, .is_use = true, .use = USE_NONE };
	uint64_t mark = annotation_mark(f->m);
	struct annotation_news *news;
	size_t count;

	assert_int_equal(annotation_set(f->m, trash, list, 2, &mark), ERR_OK);
	assert_int_equal(fixture_info(f, "Trash").use, USE_DRAFTS);
	assert_int_equal(fixture_info(f, "Drafts").use, USE_NONE);
	assert_string_equal(read(f, trash, 1, "", "").names, "/comment=x;");
	/* Who did it hears only of the mailbox that has lost it. */
	assert_int_equal(annotation_news(f->m, 1, &mark, &mark, &f->arena, &news, &count), ERR_OK);
	assert_int_equal(count, 1);
	assert_true(news[0].mailbox_id == drafts && span_equals(news[0].entry, ANNOTATION_USE));
	assert_int_equal(annotation_set(f->m, trash, &none, 1, NULL), ERR_OK);
	assert_int_equal(fixture_info(f, "Trash").use, USE_NONE);
	assert_int_equal(fixture_info(f, "Sent").use, USE_SENT);
}

static void count_call(void *arg)
{
	++*(unsigned *)arg;
}

static void others_hear_of_what_concerns_them(void **state)
{
	struct fixture *f = *state;
	const uint64_t inbox = fixture_mailbox(f, "INBOX");
	const struct annotation list[] = { { .entry = SPAN("/comment"), .value = SPAN("x") },
					   { .reader = 1, .entry = SPAN("/mine"), .value = SPAN("x") },
					   { .reader = 2, .entry = SPAN("/his"), .removed = true } };
	uint64_t mark = annotation_mark(f->m), own = mark, later;
	struct annotation_news *news;
	unsigned calls = 0;
	struct store_watch watch = { .mailbox_id = inbox, .changed = count_call, .arg = &calls };
	size_t count;

	store_watch_add(f->m, &watch);
	assert_int_equal(annotation_set(f->m, inbox, list, 3, &calls), ERR_OK);
	assert_int_equal(calls, 1);
	assert_int_equal(set(f, 0, 1, "/account", "x"), ERR_OK);
	assert_int_equal(calls, 2);
	store_watch_remove(f->m, &watch);
	later = annotation_mark(f->m);
	assert_int_equal(annotation_news(f->m, 1, &mark, &mark, &f->arena, &news, &count), ERR_OK);
	assert_int_equal(count, 4 - 1);
	assert_true(span_equals(news[0].entry, SPAN("/comment")) && news[0].mailbox_id == inbox && news[0].reader == 0);
	assert_true(span_equals(news[1].entry, SPAN("/mine")) && news[1].reader == 1);
	assert_true(span_equals(news[2].entry, SPAN("/account")) && news[2].mailbox_id == 0);
	assert_int_equal(mark, later);
	assert_int_equal(annotation_news(f->m, 1, &mark, &mark, &f->arena, &news, &count), ERR_OK);
	assert_int_equal(count, 0);
	assert_int_equal(annotation_news(f->m, 2, &calls, &own, &f->arena, &news, &count), ERR_OK);
	assert_int_equal(count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_reader_has_his_own, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(below_a_name_is_what_continues_it_with_a_slash, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_change_is_whole_or_not_at_all, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(an_account_holds_so_much, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(readers_take_no_room_of_the_owner, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(they_go_with_their_mailbox_and_stay_with_its_name, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_copy_has_to_find_room, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_special_use_moves_with_its_annotation, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(others_hear_of_what_concerns_them, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
