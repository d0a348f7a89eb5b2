/* tests/unit/store/message_test.c: filing, the ledger, body files, keywords. */
#include "tests/unit/store/fixture.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct seen {
	size_t count;
	struct message_row last;
	char body[64], path[256], envelope[128];
};

static bool see(void *arg, const struct message_row *row)
{
	struct seen *s = arg;

	s->count++;
	s->last = *row;
	(void)snprintf(s->body, sizeof(s->body), "%.*s", (int)row->body.bytes.len, row->body.bytes.ptr ? row->body.bytes.ptr : "");
	(void)snprintf(s->path, sizeof(s->path), "%s", row->body.path ? row->body.path : "");
	(void)snprintf(s->envelope, sizeof(s->envelope), "%.*s", (int)row->envelope.len, row->envelope.ptr ? row->envelope.ptr : "");
	return true;
}

static void read_all(struct view *v, unsigned want, struct seen *out)
{
	uint32_t after = 0;
	bool end = false;

	*out = (struct seen){ .count = 0 };
	while (!end)
		assert_int_equal(view_read(v, SET(1, UINT32_MAX), after, want, see, out, &after, &end), ERR_OK);
}

static void append_can_be_read_back(void **state)
{
	struct fixture *f = *state;
	uint64_t inbox = fixture_mailbox(f, "inbox");
	struct view *v;
	struct seen seen;

	assert_int_equal(fixture_append(f, inbox, "one", FLAG_SEEN | FLAG_FLAGGED), 1);
	assert_int_equal(fixture_append(f, inbox, "two", 0), 2);
	assert_int_equal(view_open(f->m, inbox, 0, &v), ERR_OK);
	assert_int_equal(view_count(v), 2);
	read_all(v, WANT_FLAGS | WANT_META | WANT_ENVELOPE | WANT_BODY, &seen);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.last.uid, 2);
	assert_int_equal(seen.last.flags, 0);
	assert_int_equal(seen.last.internal_ms, 1700000000000);
	assert_int_equal(seen.last.internal_offset_minutes, 60);
	assert_string_equal(seen.body, "Hello.\r\n");
	assert_string_equal(seen.envelope, "(NIL \"test\" NIL NIL NIL NIL NIL NIL NIL NIL)");
	assert_int_equal(seen.last.size, seen.last.head.len + 8);
	view_close(&v);
	fixture_check(f);
}

static void append_to_no_mailbox_is_not_found(void **state)
{
	struct fixture *f = *state;
	struct new_message n = fixture_message("x", 0);
	struct append_result result;

	n.body = (struct message_body){ .path = fixture_file(f, "b", 100000), .size = 100000 };
	assert_int_equal(message_append(f->m, 9999, &n, &result), ERR_NOT_FOUND);
	assert_int_equal(fixture_count_files(f), 0);
}

static struct new_delivery delivery(uint8_t id)
{
	struct new_delivery d = { .message = fixture_message("mail", 0) };

	memset(d.queue_id, id, sizeof(d.queue_id));
	d.message.prefix = SPAN("Return-Path: <>\r\n");
	return d;
}

static void delivery_of_one_queue_id_files_once(void **state)
{
	struct fixture *f = *state;
	struct new_delivery items[3] = { delivery(1), delivery(2), delivery(1) };
	enum err results[3];

	assert_int_equal(message_deliver(f->m, items, 3, results), ERR_OK);
	assert_int_equal(results[0], ERR_OK);
	assert_int_equal(results[1], ERR_OK);
	assert_int_equal(results[2], ERR_EXISTS);
	fixture_restart(f);
	assert_int_equal(message_deliver(f->m, items, 2, results), ERR_OK);
	assert_int_equal(results[0], ERR_EXISTS);
	assert_int_equal(results[1], ERR_EXISTS);
	assert_int_equal(fixture_info(f, "INBOX").messages, 2);
	fixture_check(f);
}

static void one_bad_delivery_does_not_fail_the_others(void **state)
{
	struct fixture *f = *state;
	struct new_delivery items[3] = { delivery(1), delivery(2), delivery(3) };
	enum err results[3];

	items[1].message.body = (struct message_body){ .path = "/nonexistent/body", .size = 100000 };
	items[2].message.body = (struct message_body){ .path = fixture_file(f, "big", 100000), .size = 100000 };
	assert_int_equal(message_deliver(f->m, items, 3, results), ERR_OK);
	assert_int_equal(results[0], ERR_OK);
	assert_int_not_equal(results[1], ERR_OK);
	assert_int_equal(results[2], ERR_OK);
	assert_int_equal(fixture_info(f, "INBOX").messages, 2);
	fixture_check(f);
}

static bool live_is_two(void *arg, const uint8_t queue_id[16])
{
	++*(int *)arg;
	return queue_id[0] == 2;
}

static void ledger_rows_go_when_the_queue_is_done(void **state)
{
	struct fixture *f = *state;
	struct new_delivery items[3] = { delivery(1), delivery(2), delivery(3) };
	enum err results[3];
	int asked = 0;

	assert_int_equal(message_deliver(f->m, items, 3, results), ERR_OK);
	message_ledger_done(f->m, (const uint8_t(*)[16]) & items[2].queue_id, 1);
	fixture_restart(f);
	/* What was done in memory only is found again. */
	assert_int_equal(message_ledger_review(f->m, live_is_two, &asked), ERR_OK);
	assert_int_equal(asked, 3);
	assert_int_equal(message_ledger_review(f->m, live_is_two, &asked), ERR_OK);
	assert_int_equal(asked, 3);
	items[0] = delivery(4);
	assert_int_equal(message_deliver(f->m, items, 1, results), ERR_OK);
	fixture_restart(f);
	asked = 0;
	assert_int_equal(message_ledger_review(f->m, live_is_two, &asked), ERR_OK);
	assert_int_equal(asked, 2); /* 2 and 4 */
	assert_int_equal(message_deliver(f->m, items + 1, 1, results), ERR_OK);
	assert_int_equal(results[0], ERR_EXISTS);
}

static void large_bodies_are_linked_and_unlinked(void **state)
{
	struct fixture *f = *state;
	struct new_message n = fixture_message("big", FLAG_DELETED);
	uint64_t inbox = fixture_mailbox(f, "INBOX"), archive = fixture_mailbox(f, "Archive");
	struct append_result result;
	struct uid_pair *pairs;
	uint32_t uid_validity;
	size_t count;
	struct stat st;
	struct seen seen;
	struct view *v;
	const char *path = fixture_file(f, "body", 200000);

	n.body = (struct message_body){ .path = path, .size = 200000 };
	assert_int_equal(message_append(f->m, inbox, &n, &result), ERR_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_nlink, 2);
	assert_int_equal(view_open(f->m, inbox, 0, &v), ERR_OK);
	read_all(v, WANT_BODY, &seen);
	assert_int_equal(stat(seen.path, &st), 0);
	assert_int_equal(st.st_size, 200000);
	assert_int_equal(seen.last.body.size, 200000);
	assert_int_equal(view_copy(v, SET(1, 1), archive, false, UINT64_MAX, NULL, &f->arena, &uid_validity, &pairs, &count), ERR_OK);
	assert_int_equal(fixture_count_files(f), 1);
	assert_int_equal(view_expunge(v, NULL, NULL), ERR_OK);
	assert_int_equal(fixture_count_files(f), 1); /* the copy names it */
	view_close(&v);
	assert_int_equal(view_open(f->m, archive, 0, &v), ERR_OK);
	assert_int_equal(view_expunge(v, NULL, NULL), ERR_OK);
	assert_int_equal(fixture_count_files(f), 0);
	view_close(&v);
	fixture_check(f);
}

static void body_with_another_size_is_refused(void **state)
{
	struct fixture *f = *state;
	struct new_message n = fixture_message("big", 0);
	struct append_result result;

	n.body = (struct message_body){ .path = fixture_file(f, "body", 200000), .size = 200001 };
	assert_int_equal(message_append(f->m, fixture_mailbox(f, "INBOX"), &n, &result), ERR_CORRUPT);
	assert_int_equal(fixture_count_files(f), 0);
}

static void arriving_body_is_taken_over(void **state)
{
	struct fixture *f = *state;
	struct new_message n = fixture_message("big", 0);
	struct append_result result;
	const char *path;

	assert_int_equal(message_body_path(f->m, &f->arena, &path), ERR_OK);
	assert_int_equal(rename(fixture_file(f, "body", 100000), path), 0);
	n.body = (struct message_body){ .path = path, .size = 100000 };
	assert_int_equal(message_append(f->m, fixture_mailbox(f, "INBOX"), &n, &result), ERR_OK);
	assert_int_equal(fixture_count_files(f), 1);
	fixture_check(f);
}

static void strays_are_swept_at_opening(void **state)
{
	struct fixture *f = *state;
	struct new_message n = fixture_message("big", 0);
	struct append_result result;
	char to[256];

	n.body = (struct message_body){ .path = fixture_file(f, "body", 100000), .size = 100000 };
	assert_int_equal(message_append(f->m, fixture_mailbox(f, "INBOX"), &n, &result), ERR_OK);
	(void)snprintf(to, sizeof(to), "%s/1/files/0123456789abcdef", f->accounts);
	assert_int_equal(link(n.body.path, to), 0);
	(void)snprintf(to, sizeof(to), "%s/1/files/tmp-0123456789abcdef", f->accounts);
	assert_int_equal(link(n.body.path, to), 0);
	assert_int_equal(fixture_count_files(f), 3);
	fixture_restart(f);
	assert_int_equal(fixture_count_files(f), 1);
	fixture_check(f);
}

static void keywords_are_bits_up_to_58(void **state)
{
	struct fixture *f = *state;
	uint64_t bit, again;
	struct span *names;
	size_t count;
	char name[16];

	assert_int_equal(message_keyword_bit(f->m, SPAN("$Junk"), false, &bit), ERR_NOT_FOUND);
	assert_int_equal(message_keyword_bit(f->m, SPAN("$Junk"), true, &bit), ERR_OK);
	assert_int_equal(bit, 1u << FLAG_KEYWORD_SHIFT);
	assert_int_equal(message_keyword_bit(f->m, SPAN("$JUNK"), true, &again), ERR_OK);
	assert_int_equal(bit, again);
	for (int i = 1; i < FLAG_KEYWORDS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "k%d", i);
		assert_int_equal(message_keyword_bit(f->m, span_str(name), true, &bit), ERR_OK);
	}
	assert_true(bit == UINT64_C(1) << 62);
	assert_int_equal(message_keyword_bit(f->m, SPAN("more"), true, &again), ERR_LIMIT);
	fixture_restart(f);
	assert_int_equal(message_keywords(f->m, &f->arena, &names, &count), ERR_OK);
	assert_int_equal(count, FLAG_KEYWORDS_MAX);
	assert_true(span_equals(names[0], SPAN("$Junk")));
	fixture_append(f, fixture_mailbox(f, "INBOX"), "x", bit | FLAG_SEEN);
	fixture_check(f);
}

static void erase_removes_the_folder(void **state)
{
	struct fixture *f = *state;
	char path[256];
	struct stat st;

	fixture_append(f, fixture_mailbox(f, "INBOX"), "x", 0);
	(void)snprintf(path, sizeof(path), "%s/1", f->accounts);
	assert_int_equal(store_erase(f->store, 1, NULL), ERR_STATE);
	store_close(&f->m);
	assert_int_equal(store_erase(f->store, 1, NULL), ERR_OK);
	assert_int_equal(stat(path, &st), -1);
	assert_int_equal(store_open(f->store, 1, &f->m, NULL), ERR_OK);
	assert_int_equal(fixture_info(f, "INBOX").messages, 0);
}

static void idle_accounts_past_the_limit_are_closed_and_come_back(void **state)
{
	struct fixture *f = *state;
	struct mailstore *others[6];

	for (uint64_t i = 0; i < 6; i++)
		assert_int_equal(store_open(f->store, 10 + i, &others[i], NULL), ERR_OK);
	for (uint64_t i = 0; i < 6; i++)
		store_close(&others[i]);
	for (uint64_t i = 0; i < 6; i++) {
		struct mailbox_info info;

		assert_int_equal(store_open(f->store, 10 + i, &others[i], NULL), ERR_OK);
		assert_int_equal(mailbox_find(others[i], SPAN("Sent"), &f->arena, &info), ERR_OK);
		assert_int_equal(info.use, USE_SENT);
		store_close(&others[i]);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(append_can_be_read_back),
		T(append_to_no_mailbox_is_not_found),
		T(delivery_of_one_queue_id_files_once),
		T(one_bad_delivery_does_not_fail_the_others),
		T(ledger_rows_go_when_the_queue_is_done),
		T(large_bodies_are_linked_and_unlinked),
		T(body_with_another_size_is_refused),
		T(arriving_body_is_taken_over),
		T(strays_are_swept_at_opening),
		T(keywords_are_bits_up_to_58),
		T(erase_removes_the_folder),
		T(idle_accounts_past_the_limit_are_closed_and_come_back),
	};

	return cmocka_run_group_tests_name("store/message", tests, NULL, NULL);
}
