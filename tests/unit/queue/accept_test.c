/* Taking a message: what is kept, where, and what is left when it is not. */
#include "tests/unit/queue/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/directory/setting.h"

static bool has(struct span text, const char *what)
{
	size_t at;

	return span_find(text, span_str(what), &at);
}

static void ids_sort_by_time_and_read_back(void **state)
{
	struct queue_id a, b, c;
	char text[QUEUE_ID_TEXT];

	(void)state;
	queue_id_new(&a);
	clock_fake_advance_ms(1);
	queue_id_new(&b);
	assert_true(memcmp(a.bytes, b.bytes, sizeof(a.bytes)) < 0);
	queue_id_text(&b, text);
	assert_int_equal(strlen(text), QUEUE_ID_TEXT - 1);
	assert_int_equal(queue_id_parse(span_str(text), &c), ERR_OK);
	assert_memory_equal(b.bytes, c.bytes, sizeof(b.bytes));
	assert_int_equal(queue_id_parse(SPAN("12"), &c), ERR_SYNTAX);
	assert_int_equal(queue_id_parse(SPAN("zz000000000000000000000000000000"), &c), ERR_SYNTAX);
}

static void accepted_mail_is_delivered_with_its_trace(void **state)
{
	struct fixture *f = *state;
	struct span text;

	fixture_start(f);
	(void)fixture_send(f, &(struct mail){ .from = "eve@other.test", .to = { "bob@example.test" } });
	fixture_wait_count(f, f->bob, 1);
	text = fixture_read(f, f->bob, 1);
	assert_true(span_starts(text, SPAN("Return-Path: <eve@other.test>\r\nDelivered-To: bob@example.test\r\nReceived: from here by mail.example.test\r\nFrom: <eve@other.test>\r\n")));
	assert_true(span_ends(text, SPAN("\r\n\r\nGood day.\r\n")));
	fixture_wait_empty(f);
	queue_stop(f->queue, 5000);
	assert_int_equal(fixture_rows(f), 0);
}

static void header_arriving_in_single_bytes_is_the_same(void **state)
{
	struct fixture *f = *state;
	struct span text = SPAN("Subject: x\r\n folded\r\nFrom: a@b\r\n\r\nbody\r\n\r\nmore\r\n");
	struct accept *a;

	assert_int_equal(accept_begin(f->queue, &a), ERR_OK);
	for (size_t i = 0; i < text.len; i++)
		assert_int_equal(accept_add(a, span_make(text.ptr + i, 1)), ERR_OK);
	assert_true(span_equals(accept_header(a), SPAN("Subject: x\r\n folded\r\nFrom: a@b\r\n\r\n")));
	accept_end(&a);
	assert_null(a);
}

static void header_check(struct fixture *f, struct span text, struct span header)
{
	struct accept *a;

	assert_int_equal(accept_begin(f->queue, &a), ERR_OK);
	assert_int_equal(accept_add(a, text), ERR_OK);
	assert_true(span_equals(accept_header(a), header));
	accept_end(&a);
}

static void every_header_gets_its_empty_line(void **state)
{
	struct fixture *f = *state;

	header_check(f, SPAN("\r\nbody only\r\n"), SPAN("\r\n"));
	header_check(f, SPAN("Subject: no body\r\n"), SPAN("Subject: no body\r\n\r\n"));
	header_check(f, SPAN("Subject: x\r\nno field here\r\n\r\nbody\r\n"), SPAN("Subject: x\r\n\r\n"));
	header_check(f, SPAN("no field at all\r\n"), SPAN("\r\n"));
}

static void header_over_the_ceiling_is_refused(void **state)
{
	struct fixture *f = *state;
	struct accept *a;
	enum err e = ERR_OK;

	assert_int_equal(accept_begin(f->queue, &a), ERR_OK);
	for (int i = 0; i < 10000 && !e; i++)
		e = accept_add(a, SPAN("X-Filler: 0123456789012345678901234567890123456789\r\n"));
	assert_int_equal(e, ERR_LIMIT);
	assert_int_equal(accept_add(a, SPAN("x\r\n")), ERR_LIMIT);
	accept_end(&a);
}

static void garbage_without_an_empty_line_is_a_body(void **state)
{
	struct fixture *f = *state;

	fixture_start(f);
	(void)fixture_send(f, &(struct mail){ .from = "e@other.test", .to = { "bob@example.test" }, .header = "no field\r\n", .body_size = 400000 });
	fixture_wait_count(f, f->bob, 1);
	assert_true(has(fixture_read(f, f->bob, 1), "mail.example.test\r\n\r\nno field\r\nxxx"));
}

static void received_fields_are_counted(void **state)
{
	struct fixture *f = *state;
	struct accept *a;

	assert_int_equal(accept_begin(f->queue, &a), ERR_OK);
	for (int i = 0; i < 51; i++)
		assert_int_equal(accept_add(a, SPAN("received: from a by b\r\n")), ERR_OK);
	assert_int_equal(accept_add(a, SPAN("\r\nReceived: not this\r\n")), ERR_OK);
	assert_int_equal(accept_received_count(a), 51);
	accept_end(&a);
}

static void replaced_header_is_what_is_stored(void **state)
{
	struct fixture *f = *state;
	struct accept_envelope envelope = { .source = FROM_SUBMISSION, .account_id = f->bob, .reverse_path = SPAN("bob@example.test"), .recipients = &SPAN("ann@example.test"), .recipient_count = 1 };
	struct accept *a;

	assert_int_equal(accept_begin(f->queue, &a), ERR_OK);
	assert_int_equal(accept_add(a, SPAN("Bcc: secret@example.test\r\nSubject: s\r\n\r\nb\r\n")), ERR_OK);
	assert_int_equal(accept_set_header(a, SPAN("Subject: s\r\nDate: now\r\n\r\n")), ERR_OK);
	queue_id_new(&envelope.id);
	assert_int_equal(accept_seal(a, &envelope, NULL), ERR_OK);
	assert_int_equal(accept_seal(a, &envelope, NULL), ERR_STATE);
	accept_end(&a);
	assert_int_equal(fixture_rows(f), 0);
}

static void large_body_is_a_file_until_delivered(void **state)
{
	struct fixture *f = *state;
	struct span text;

	(void)fixture_send(f, &(struct mail){ .from = "e@other.test", .to = { "bob@example.test", "ann@example.test" }, .body_size = 300000 });
	assert_int_equal(fixture_files(f), 1);
	fixture_start(f);
	fixture_wait_count(f, f->bob, 1);
	fixture_wait_count(f, f->ann, 1);
	text = fixture_read(f, f->bob, 1);
	assert_true(span_ends(text, SPAN("xxx\r\n")));
	assert_true(text.len > 300000);
	fixture_close(f);
	assert_int_equal(fixture_files(f), 0);
	assert_int_equal(fixture_rows(f), 0);
}

static void end_without_commit_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct accept_envelope envelope = { .source = FROM_MX, .reverse_path = SPAN("e@other.test"), .recipients = &SPAN("bob@example.test"), .recipient_count = 1 };

	for (int seal = 0; seal < 2; seal++) {
		struct accept *a;

		assert_int_equal(accept_begin(f->queue, &a), ERR_OK);
		assert_int_equal(accept_add(a, SPAN("Subject: s\r\n\r\n")), ERR_OK);
		for (int i = 0; i < 100; i++)
			assert_int_equal(accept_add(a, span_make((char[2048]){ 0 }, 2048)), ERR_OK);
		assert_int_equal(fixture_files(f), 1);
		queue_id_new(&envelope.id);
		if (seal)
			assert_int_equal(accept_seal(a, &envelope, NULL), ERR_OK);
		accept_end(&a);
		accept_end(&a);
		assert_int_equal(fixture_files(f), 0);
	}
	assert_int_equal(fixture_rows(f), 0);
	assert_int_equal(queue_stats(f->queue).messages, 0);
}

static void too_large_message_is_refused(void **state)
{
	struct fixture *f = *state;
	struct queue_id id;

	assert_int_equal(fixture_accept(f, &(struct mail){ .from = "e@other.test", .to = { "bob@example.test" }, .body_size = 51u << 20 }, &id), ERR_LIMIT);
	assert_int_equal(fixture_files(f), 0);
}

static void size_and_days_are_settings(void **state)
{
	struct fixture *f = *state;
	struct queue_entry *list;
	struct queue_id id, last;
	struct arena a;
	size_t count;
	bool more;

	assert_int_equal(directory_setting_set(f->directory, SETTING_MESSAGE_SIZE_MAX, SPAN("100000"), NULL), ERR_OK);
	assert_int_equal(directory_setting_set(f->directory, SETTING_QUEUE_DAYS, SPAN("2"), NULL), ERR_OK);
	assert_int_equal(fixture_accept(f, &(struct mail){ .from = "e@other.test", .to = { "bob@example.test" }, .body_size = 100000 }, &id), ERR_LIMIT);
	assert_int_equal(fixture_accept(f, &(struct mail){ .from = "e@other.test", .to = { "bob@example.test" }, .body_size = 90000 }, &id), ERR_OK);
	arena_init(&a, 1 << 20);
	assert_int_equal(queue_list(f->queue, NULL, NULL, 10, &a, &list, &count, &last, &more), ERR_OK);
	assert_int_equal(count, 1);
	assert_int_equal(list[0].expires_ms - list[0].accepted_ms, 2 * 86400000);
	arena_clear(&a);
}

static void stranger_cannot_relay(void **state)
{
	struct fixture *f = *state;
	struct queue_id id;

	assert_int_equal(fixture_accept(f, &(struct mail){ .from = "e@other.test", .to = { "bob@example.test", "x@third.test" } }, &id), ERR_DENIED);
	assert_int_equal(fixture_rows(f), 0);
}

static void control_characters_in_paths_are_refused(void **state)
{
	struct fixture *f = *state;
	struct queue_id id;

	assert_int_equal(fixture_accept(f, &(struct mail){ .from = "e@other.test\r\nBcc: x", .to = { "bob@example.test" } }, &id), ERR_SYNTAX);
}

static void orphan_files_go_at_the_start(void **state)
{
	struct fixture *f = *state;
	char orphan[200], other[200];

	(void)fixture_send(f, &(struct mail){ .from = "e@other.test", .to = { "bob@example.test" }, .body_size = 100000 });
	fixture_close(f);
	(void)snprintf(orphan, sizeof(orphan), "%s/0123456789abcdef0123456789abcdef", f->bodies);
	(void)snprintf(other, sizeof(other), "%s/notes", f->bodies);
	(void)fclose(fopen(orphan, "w"));
	(void)fclose(fopen(other, "w"));
	assert_int_equal(fixture_files(f), 3);
	fixture_open(f);
	assert_int_equal(fixture_files(f), 2);
	assert_int_not_equal(access(orphan, F_OK), 0);
	assert_int_equal(unlink(other), 0);
}

static void null_reverse_path_is_kept_as_such(void **state)
{
	struct fixture *f = *state;

	fixture_start(f);
	(void)fixture_send(f, &(struct mail){ .from = "", .to = { "bob@example.test" } });
	fixture_wait_count(f, f->bob, 1);
	assert_true(has(fixture_read(f, f->bob, 1), "Return-Path: <>\r\n"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(ids_sort_by_time_and_read_back),
		TEST(accepted_mail_is_delivered_with_its_trace),
		TEST(header_arriving_in_single_bytes_is_the_same),
		TEST(every_header_gets_its_empty_line),
		TEST(header_over_the_ceiling_is_refused),
		TEST(garbage_without_an_empty_line_is_a_body),
		TEST(received_fields_are_counted),
		TEST(replaced_header_is_what_is_stored),
		TEST(large_body_is_a_file_until_delivered),
		TEST(end_without_commit_leaves_nothing),
		TEST(too_large_message_is_refused),
		TEST(size_and_days_are_settings),
		TEST(stranger_cannot_relay),
		TEST(control_characters_in_paths_are_refused),
		TEST(orphan_files_go_at_the_start),
		TEST(null_reverse_path_is_kept_as_such),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
