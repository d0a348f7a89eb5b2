/* From acceptance to mailboxes: aliases, duplicates, restarts, what cannot be delivered. */
#include "tests/unit/queue/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/queue/flush.h"

static bool has(struct span text, const char *what)
{
	size_t at;

	return span_find(text, span_str(what), &at);
}

static void alias_reaches_every_target_once(void **state)
{
	struct fixture *f = *state;

	fixture_alias(f, "team@example.test", "ann@example.test bob@example.test inner@example.test");
	fixture_alias(f, "inner@example.test", "bob@example.test team@example.test");
	fixture_start(f);
	(void)fixture_send(f, &(struct mail){ .from = "e@other.test", .to = { "team@example.test", "bob+x@example.test", "inner@example.test" } });
	fixture_wait_empty(f);
	assert_int_equal(fixture_count(f, f->ann), 1);
	assert_int_equal(fixture_count(f, f->bob), 1);
	assert_true(has(fixture_read(f, f->ann, 1), "Delivered-To: team@example.test\r\n"));
}

static void catch_all_takes_what_nobody_has(void **state)
{
	struct fixture *f = *state;

	fixture_alias(f, "@example.test", "bob@example.test");
	fixture_start(f);
	(void)fixture_send(f, &(struct mail){ .from = "e@other.test", .to = { "whoever@example.test" } });
	fixture_wait_count(f, f->bob, 1);
	assert_true(has(fixture_read(f, f->bob, 1), "Delivered-To: whoever@example.test\r\n"));
}

static void alias_circle_is_told_to_the_sender(void **state)
{
	struct fixture *f = *state;

	fixture_alias(f, "a@example.test", "b@example.test");
	fixture_alias(f, "b@example.test", "a@example.test");
	fixture_start(f);
	(void)fixture_send(f, &(struct mail){ .from = "bob@example.test", .to = { "a@example.test", "b@example.test", "ann@example.test" } });
	fixture_wait_count(f, f->bob, 1);
	fixture_wait_count(f, f->ann, 1);
	assert_true(has(fixture_read(f, f->bob, 1), "Status: 5.4.6\r\n"));
	fixture_wait_empty(f);
}

static void waiting_mail_is_delivered_once_after_a_restart(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 20; i++)
		(void)fixture_send(f, &(struct mail){ .from = "e@other.test", .to = { "bob@example.test" } });
	assert_int_equal(queue_stats(f->queue).waiting, 20);
	assert_int_equal(fixture_rows(f), 20);
	fixture_restart(f);
	fixture_wait_empty(f);
	assert_int_equal(fixture_count(f, f->bob), 20);
	fixture_restart(f);
	assert_int_equal(queue_stats(f->queue).messages, 0);
	assert_int_equal(fixture_count(f, f->bob), 20);
	assert_int_equal(fixture_rows(f), 0);
}

static void copy_file(const char *from, const char *to)
{
	FILE *in = fopen(from, "r"), *out = fopen(to, "w");
	char piece[4096];
	size_t got;

	assert_non_null(in);
	assert_non_null(out);
	while ((got = fread(piece, 1, sizeof(piece), in)) > 0)
		assert_int_equal(fwrite(piece, 1, got, out), got);
	assert_int_equal(fclose(in) | fclose(out), 0);
}

static void move_rows(const struct fixture *f, bool keep)
{
	static const char *const ends[] = { "", "-wal" };

	for (size_t i = 0; i < 2; i++) {
		char live[200], kept[200];

		(void)snprintf(live, sizeof(live), "%s%s", f->path, ends[i]);
		(void)snprintf(kept, sizeof(kept), "%s%s.kept", f->path, ends[i]);
		copy_file(keep ? live : kept, keep ? kept : live);
	}
}

/* The power goes after the filing and before the queue knows of it. */
static void result_that_was_lost_gives_no_second_copy(void **state)
{
	struct fixture *f = *state;
	char shm[200];

	(void)fixture_send(f, &(struct mail){ .from = "e@other.test", .to = { "bob@example.test", "ann@example.test" } });
	fixture_close(f);
	move_rows(f, true);
	fixture_open(f);
	fixture_start(f);
	fixture_wait_empty(f);
	fixture_close(f);
	move_rows(f, false);
	(void)snprintf(shm, sizeof(shm), "%s-shm", f->path);
	(void)unlink(shm);
	fixture_open(f);
	assert_int_equal(fixture_rows(f), 2);
	fixture_start(f);
	fixture_wait_empty(f);
	assert_int_equal(fixture_count(f, f->bob), 1);
	assert_int_equal(fixture_count(f, f->ann), 1);
}

/* One DSN has a ceiling; nobody is left out of all of them, and nobody is in two. */
static void more_failures_than_a_dsn_holds_are_told_in_several(void **state)
{
	struct fixture *f = *state;
	static char text[1000][32];
	struct span targets[1000];
	size_t told = 0;

	for (int i = 0; i < 1000; i++) {
		(void)snprintf(text[i], sizeof(text[i]), "u%d@example.test", i);
		targets[i] = span_str(text[i]);
	}
	assert_int_equal(directory_alias_add(f->directory, SPAN("many@example.test"), targets, 1000, NULL), ERR_OK);
	fixture_start(f);
	fixture_send(f, &(struct mail){ .from = "bob@example.test", .to = { "many@example.test" } });
	fixture_wait_empty(f);
	fixture_wait_count(f, f->bob, 2);
	for (uint32_t n = 1; n <= 2; n++) {
		struct span dsn = fixture_read(f, f->bob, n);
		size_t at;

		while (span_find(dsn, SPAN("\nFinal-Recipient: "), &at)) {
			dsn = span_skip(dsn, at + 1);
			told++;
		}
	}
	assert_int_equal(told, 1000);
}

static void account_that_went_is_told_to_the_sender(void **state)
{
	struct fixture *f = *state;
	struct span text;

	(void)fixture_send(f, &(struct mail){ .from = "ann@example.test", .to = { "bob@example.test" } });
	assert_int_equal(directory_account_remove(f->directory, f->bob, NULL), ERR_OK);
	fixture_start(f);
	fixture_wait_count(f, f->ann, 1);
	text = fixture_read(f, f->ann, 1);
	assert_true(has(text, "Return-Path: <>\r\n"));
	assert_true(has(text, "Content-Type: multipart/report; report-type=delivery-status;"));
	assert_true(has(text, "Final-Recipient: rfc822; bob@example.test\r\nAction: failed\r\nStatus: 5.1.1\r\n"));
	assert_true(has(text, "Content-Type: text/rfc822-headers\r\n"));
	assert_true(has(text, "Message-ID: <1@other.test>\r\n"));
	assert_false(has(text, "Good day."));
	fixture_wait_empty(f);
	assert_int_equal(fixture_count(f, f->ann), 1);
}

static void failure_of_a_null_sender_ends_there(void **state)
{
	struct fixture *f = *state;

	(void)fixture_send(f, &(struct mail){ .from = "", .to = { "bob@example.test" } });
	assert_int_equal(directory_account_remove(f->directory, f->bob, NULL), ERR_OK);
	fixture_start(f);
	fixture_wait_empty(f);
	fixture_close(f);
	assert_int_equal(fixture_rows(f), 0);
	fixture_open(f);
}

static void missing_body_file_is_told_to_the_sender(void **state)
{
	struct fixture *f = *state;
	char command[300];

	(void)fixture_send(f, &(struct mail){ .from = "ann@example.test", .to = { "bob@example.test" }, .body_size = 100000 });
	fixture_close(f);
	(void)snprintf(command, sizeof(command), "rm %s/*", f->bodies);
	assert_int_equal(system(command), 0);
	fixture_open(f);
	fixture_start(f);
	fixture_wait_count(f, f->ann, 1);
	assert_true(has(fixture_read(f, f->ann, 1), "Status: 5.3.0\r\n"));
	fixture_wait_empty(f);
	assert_int_equal(fixture_count(f, f->bob), 0);
}

/* The account's folder cannot be made until the obstacle goes. */
static void full_disk_waits_and_does_not_bounce(void **state)
{
	struct fixture *f = *state;
	char folder[200];

	(void)snprintf(folder, sizeof(folder), "%s/%llu", f->accounts, (unsigned long long)f->bob);
	(void)mkdir(f->accounts, 0700);
	(void)fclose(fopen(folder, "w"));
	(void)fixture_send(f, &(struct mail){ .from = "ann@example.test", .to = { "bob@example.test" } });
	(void)fixture_send(f, &(struct mail){ .from = "ann@example.test", .to = { "bob@example.test" } });
	fixture_start(f);
	for (int i = 0; i < 3; i++) {
		WAIT_UNTIL(queue_stats(f->queue).active == 0);
		fixture_advance(f, 61000);
	}
	assert_int_equal(queue_stats(f->queue).messages, 2);
	assert_int_equal(unlink(folder), 0);
	for (int i = 0; queue_stats(f->queue).messages; i++) {
		assert_true(i < 5000);
		fixture_advance(f, 61000);
		fixture_pause();
	}
	assert_int_equal(fixture_count(f, f->bob), 2);
	assert_int_equal(fixture_count(f, f->ann), 0);
}

static void many_messages_to_many_accounts_arrive_once(void **state)
{
	struct fixture *f = *state;

	fixture_start(f);
	for (int i = 0; i < 300; i++)
		(void)fixture_send(f, &(struct mail){ .from = "e@other.test", .to = { "bob@example.test", i % 3 ? "ann@example.test" : NULL } });
	fixture_wait_empty(f);
	assert_int_equal(fixture_count(f, f->bob), 300);
	assert_int_equal(fixture_count(f, f->ann), 200);
	queue_stop(f->queue, 5000);
	assert_int_equal(fixture_rows(f), 0);
}

static void removed_message_is_gone_without_a_word(void **state)
{
	struct fixture *f = *state;
	struct queue_id id = fixture_send(f, &(struct mail){ .from = "ann@example.test", .to = { "bob@example.test" }, .body_size = 100000 });
	struct queue_entry entry;

	assert_int_equal(queue_find(f->queue, &id, &f->arena, &entry), ERR_OK);
	assert_int_equal(fixture_steer(f, &id, QUEUE_DELETE), ERR_OK);
	assert_int_equal(fixture_steer(f, &id, QUEUE_DELETE), ERR_NOT_FOUND);
	assert_int_equal(queue_find(f->queue, &id, &f->arena, &entry), ERR_NOT_FOUND);
	assert_int_equal(queue_stats(f->queue).messages, 0);
	assert_int_equal(fixture_rows(f), 0);
	fixture_restart(f);
	assert_int_equal(fixture_files(f), 0);
	assert_int_equal(fixture_count(f, f->bob), 0);
	assert_int_equal(fixture_count(f, f->ann), 0);
}

static void list_goes_in_order_of_acceptance(void **state)
{
	struct fixture *f = *state;
	struct queue_id ids[5], last;
	struct queue_entry *entries;
	size_t count;
	bool more;

	for (int i = 0; i < 5; i++) {
		clock_fake_advance_ms(1);
		ids[i] = fixture_send(f, &(struct mail){ .from = "e@other.test", .to = { "bob@example.test", "ann@example.test" } });
	}
	assert_int_equal(queue_list(f->queue, NULL, NULL, 3, &f->arena, &entries, &count, &last, &more), ERR_OK);
	assert_int_equal(count, 3);
	assert_memory_equal(entries[0].id.bytes, ids[0].bytes, 16);
	assert_true(span_equals(entries[0].subject, SPAN("hello")));
	assert_true(span_equals(entries[0].reverse_path, SPAN("e@other.test")));
	assert_int_equal(entries[0].recipient_count, 2);
	assert_int_equal(entries[0].recipients[0].state, RECIPIENT_WAITING);
	assert_int_equal(entries[0].expires_ms - entries[0].accepted_ms, 5 * 86400000LL);
	assert_int_equal(queue_list(f->queue, NULL, &last, 10, &f->arena, &entries, &count, &last, &more), ERR_OK);
	assert_int_equal(count, 2);
	assert_memory_equal(entries[1].id.bytes, ids[4].bytes, 16);
	assert_int_equal(queue_stats(f->queue).oldest_ms, clock_real_ms() - 4);
}

/* Results of deliveries share commits: the ledger keeps them from being filed twice. */
static void what_was_filed_waits_for_company_before_its_row_goes(void **state)
{
	struct fixture *f = *state;

	fixture_start(f);
	(void)fixture_send(f, &(struct mail){ .from = "e@other.test", .to = { "bob@example.test" } });
	fixture_wait_empty(f);
	for (int i = 0; i < 50; i++)
		fixture_pause();
	assert_int_equal(fixture_rows(f), 1);
	fixture_advance(f, FLUSH_DELAY_MS + 1);
	WAIT_UNTIL(fixture_rows(f) == 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(alias_reaches_every_target_once),
		TEST(what_was_filed_waits_for_company_before_its_row_goes),
		TEST(catch_all_takes_what_nobody_has),
		TEST(alias_circle_is_told_to_the_sender),
		TEST(waiting_mail_is_delivered_once_after_a_restart),
		TEST(result_that_was_lost_gives_no_second_copy),
		TEST(more_failures_than_a_dsn_holds_are_told_in_several),
		TEST(account_that_went_is_told_to_the_sender),
		TEST(failure_of_a_null_sender_ends_there),
		TEST(missing_body_file_is_told_to_the_sender),
		TEST(full_disk_waits_and_does_not_bounce),
		TEST(many_messages_to_many_accounts_arrive_once),
		TEST(removed_message_is_gone_without_a_word),
		TEST(list_goes_in_order_of_acceptance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
