/* What operators do to messages: by message, by recipient, by what is asked for; and to destinations. */
#include "tests/unit/queue/fixture.h"

#include <stdatomic.h>

#include "daemon/queue/steer_account.h"
#include "daemon/queue/steering.h"

static bool has(struct span text, const char *what)
{
	size_t at;

	return span_find(text, span_str(what), &at);
}

static void take_all(struct relay_job *job)
{
	fake_relay_answer(job, RELAY_DELIVERED, "2.0.0", "250 ok");
}

static struct span last_via;
static char via_text[300];
static atomic_uint last_count;

static void note_way(struct relay_job *job)
{
	last_via = SPAN("");
	if (job->via) {
		memcpy(via_text, job->via->host.ptr, job->via->host.len);
		last_via = span_make(via_text, job->via->host.len);
	}
	atomic_store(&last_count, (unsigned)job->recipient_count);
	fake_relay_answer(job, RELAY_DELIVERED, "2.0.0", "250 ok");
}

static struct queue_id send_out(struct fixture *f, const char *first, const char *second)
{
	return fixture_send(f, &(struct mail){ .from = "bob@example.test", .to = { first, second }, .source = FROM_SUBMISSION });
}

static void settle(struct fixture *f)
{
	WAIT_UNTIL(queue_stats(f->queue).active == 0);
}

/* One that was tried, and waits. */
static struct queue_id deferred(struct fixture *f, const char *first, const char *second)
{
	unsigned before = fake_relay_attempts();
	struct queue_id id = send_out(f, first, second);

	fake_relay_wait_attempts(before + 1);
	settle(f);
	return id;
}

static struct queue_entry look(struct fixture *f, const struct queue_id *id)
{
	struct queue_entry e;

	assert_int_equal(queue_find(f->queue, id, &f->arena, &e), ERR_OK);
	return e;
}

static enum err steer(struct fixture *f, const struct queue_id *id, struct queue_order order, size_t *changed)
{
	return queue_steer(f->queue, id, &order, changed, NULL);
}

static size_t count_fitting(struct fixture *f, struct queue_filter filter)
{
	struct queue_entry *list;
	struct queue_id last;
	size_t count;
	bool more;

	assert_int_equal(queue_list(f->queue, &filter, NULL, 100, &f->arena, &list, &count, &last, &more), ERR_OK);
	assert_false(more);
	return count;
}

static void what_is_held_is_not_tried_and_outlives_a_restart(void **state)
{
	struct fixture *f = *state;
	struct queue_id id;
	struct queue_entry e;

	fixture_start(f);
	id = deferred(f, "x@other.test", NULL);
	assert_int_equal(fixture_steer(f, &id, QUEUE_HOLD), ERR_OK);
	assert_int_equal(fixture_steer(f, &id, QUEUE_HOLD), ERR_STATE);
	assert_int_equal(fixture_steer(f, &id, QUEUE_RETRY), ERR_STATE);
	assert_int_equal(queue_stats(f->queue).held, 1);
	assert_int_equal(queue_stats(f->queue).waiting, 0);
	fixture_restart(f);
	assert_int_equal(queue_stats(f->queue).held, 1);
	e = look(f, &id);
	assert_int_equal(e.recipients[0].state, RECIPIENT_HELD);
	assert_int_equal(e.recipients[0].hold, HOLD_OPERATOR);
	assert_int_equal(e.recipients[0].next_ms, 0);
	assert_true(span_equals(e.recipients[0].last_reply, SPAN("nobody answers")));
	fake_relay_set(take_all);
	/* Nor does it expire. */
	fixture_advance(f, 10 * 86400000LL);
	fixture_pause();
	assert_int_equal(fake_relay_attempts(), 0);
	assert_int_equal(queue_stats(f->queue).messages, 1);
	assert_int_equal(fixture_steer(f, &id, QUEUE_RELEASE), ERR_OK);
	fixture_wait_empty(f);
	assert_int_equal(fake_relay_attempts(), 1);
	assert_int_equal(fixture_count(f, f->bob), 0);
}

static void released_after_its_time_it_is_not_given_up_at_the_first_failure(void **state)
{
	struct fixture *f = *state;
	struct queue_id id;

	fixture_start(f);
	id = deferred(f, "x@other.test", NULL);
	assert_int_equal(fixture_steer(f, &id, QUEUE_HOLD), ERR_OK);
	fixture_advance(f, 10 * 86400000LL);
	assert_int_equal(fixture_steer(f, &id, QUEUE_RELEASE), ERR_OK);
	fake_relay_wait_attempts(2);
	settle(f);
	fixture_wait_count(f, f->bob, 1); /* that it takes long */
	WAIT_UNTIL(queue_stats(f->queue).messages == 1);
	assert_true(look(f, &id).expires_ms >= clock_real_ms() + 86000000);
}

static void a_single_recipient_is_held_while_the_other_goes(void **state)
{
	struct fixture *f = *state;
	struct queue_filter only = { .recipient = SPAN("X@other.test") };
	struct queue_id id;
	struct queue_entry e;
	size_t changed;

	fixture_start(f);
	id = deferred(f, "x@other.test", "y@other.test");
	assert_int_equal(steer(f, &id, (struct queue_order){ .action = QUEUE_HOLD, .filter = &only }, &changed), ERR_OK);
	assert_int_equal(changed, 1);
	fake_relay_set(note_way);
	assert_int_equal(fixture_steer(f, &id, QUEUE_RETRY), ERR_OK);
	fake_relay_wait_attempts(1);
	settle(f);
	assert_int_equal(atomic_load(&last_count), 1);
	e = look(f, &id);
	assert_int_equal(e.recipients[0].state, RECIPIENT_HELD);
	assert_int_equal(e.recipients[1].state, RECIPIENT_DELIVERED);
	assert_int_equal(fixture_steer(f, &id, QUEUE_RELEASE), ERR_OK);
	fixture_wait_empty(f);
}

static void a_retry_of_one_recipient_leaves_the_other_alone(void **state)
{
	struct fixture *f = *state;
	struct queue_filter only = { .recipient = SPAN("y@*") };
	struct queue_id id;
	size_t changed;

	fixture_start(f);
	id = deferred(f, "x@other.test", "y@other.test");
	fake_relay_set(note_way);
	assert_int_equal(steer(f, &id, (struct queue_order){ .action = QUEUE_RETRY, .filter = &only }, &changed), ERR_OK);
	assert_int_equal(changed, 1);
	fake_relay_wait_attempts(1);
	settle(f);
	assert_int_equal(atomic_load(&last_count), 1);
	assert_int_equal(look(f, &id).recipients[0].state, RECIPIENT_WAITING);
	assert_int_equal(look(f, &id).recipients[1].state, RECIPIENT_DELIVERED);
}

static void bounce_tells_the_sender_and_removal_nobody(void **state)
{
	struct fixture *f = *state;
	struct queue_filter only = { .recipient = SPAN("x@other.test") };
	struct queue_id id;

	fixture_start(f);
	id = deferred(f, "x@other.test", "y@other.test");
	assert_int_equal(steer(f, &id, (struct queue_order){ .action = QUEUE_BOUNCE, .filter = &only, .words = SPAN("not this one") }, NULL), ERR_OK);
	fixture_wait_count(f, f->bob, 1);
	assert_true(has(fixture_read(f, f->bob, 1), "not this one"));
	assert_false(has(fixture_read(f, f->bob, 1), "Final-Recipient: rfc822; y@other.test"));
	assert_int_equal(look(f, &id).recipients[1].state, RECIPIENT_WAITING);
	assert_int_equal(fixture_steer(f, &id, QUEUE_DELETE), ERR_OK);
	assert_int_equal(fixture_steer(f, &id, QUEUE_DELETE), ERR_NOT_FOUND);
	fixture_wait_empty(f);
	fixture_close(f);
	assert_int_equal(fixture_rows(f), 0);
	fixture_open(f);
	assert_int_equal(fixture_count(f, f->bob), 1);
}

static void what_was_ended_stays_so_after_a_restart(void **state)
{
	struct fixture *f = *state;
	struct queue_filter only = { .recipient = SPAN("x@other.test") };
	struct queue_id id;

	fixture_start(f);
	id = deferred(f, "x@other.test", "y@other.test");
	assert_int_equal(steer(f, &id, (struct queue_order){ .action = QUEUE_DELETE, .filter = &only }, NULL), ERR_OK);
	fixture_restart(f);
	assert_int_equal(look(f, &id).recipients[0].state, RECIPIENT_FAILED);
	assert_int_equal(look(f, &id).recipients[1].state, RECIPIENT_WAITING);
	assert_int_equal(queue_stats(f->queue).waiting, 1);
}

static void a_route_is_taken_at_once_and_kept(void **state)
{
	struct fixture *f = *state;
	struct queue_filter only = { .recipient = SPAN("y@other.test") };
	struct queue_order order = { .action = QUEUE_ROUTE, .route = SPAN("way.test:2525"), .filter = &only };
	struct queue_id id;
	struct queue_entry e;

	fixture_start(f);
	id = deferred(f, "x@other.test", "y@other.test");
	assert_int_equal(steer(f, &id, (struct queue_order){ .action = QUEUE_ROUTE, .route = SPAN("no port") }, NULL), ERR_SYNTAX);
	assert_int_equal(steer(f, &id, order, NULL), ERR_OK);
	fake_relay_wait_attempts(2);
	settle(f);
	fixture_restart(f);
	e = look(f, &id);
	assert_true(span_equals(e.recipients[1].route, SPAN("way.test:2525")));
	assert_true(span_equals(e.recipients[1].destination, SPAN("way.test:2525")));
	assert_true(span_equals(e.recipients[0].destination, SPAN("other.test")));
	fake_relay_set(note_way);
	assert_int_equal(steer(f, &id, (struct queue_order){ .action = QUEUE_RETRY, .filter = &only }, NULL), ERR_OK);
	fake_relay_wait_attempts(1);
	settle(f);
	assert_true(span_equals(last_via, SPAN("way.test")));
	assert_int_equal(look(f, &id).recipients[0].state, RECIPIENT_WAITING);
	order.filter = NULL;
	assert_int_equal(steer(f, &id, order, NULL), ERR_OK);
	fixture_wait_empty(f);
	assert_int_equal(fake_relay_attempts(), 2);
}

static void an_end_that_was_changed_is_kept(void **state)
{
	struct fixture *f = *state;
	struct queue_id id;

	fixture_start(f);
	id = deferred(f, "x@other.test", NULL);
	assert_int_equal(steer(f, &id, (struct queue_order){ .action = QUEUE_EXPIRE, .expires_ms = clock_real_ms() + 7 * 86400000LL }, NULL), ERR_OK);
	fixture_restart(f);
	assert_int_equal(look(f, &id).expires_ms, clock_real_ms() + 7 * 86400000LL);
	assert_int_equal(steer(f, &id, (struct queue_order){ .action = QUEUE_EXPIRE, .expires_ms = clock_real_ms() }, NULL), ERR_OK);
	fixture_advance(f, 1);
	fixture_wait_count(f, f->bob, 1);
	assert_true(has(fixture_read(f, f->bob, 1), "Status: 4.4.7\r\n"));
	fixture_wait_empty(f);
}

static void lists_show_what_is_asked_for(void **state)
{
	struct fixture *f = *state;
	struct span domains[] = { SPAN("example.test") };
	struct queue_id id;
	int64_t before_ms;

	fixture_start(f);
	id = deferred(f, "x@other.test", NULL);
	clock_fake_advance_ms(10);
	before_ms = clock_real_ms();
	clock_fake_advance_ms(10);
	(void)deferred(f, "y@third.test", "z@other.test");
	fake_relay_wait_attempts(3);
	settle(f);
	assert_int_equal(count_fitting(f, (struct queue_filter){ 0 }), 2);
	assert_int_equal(count_fitting(f, (struct queue_filter){ .recipient = SPAN("x@OTHER.test") }), 1);
	assert_int_equal(count_fitting(f, (struct queue_filter){ .recipient = SPAN("@other.test") }), 2);
	assert_int_equal(count_fitting(f, (struct queue_filter){ .recipient = SPAN("y@*") }), 1);
	assert_int_equal(count_fitting(f, (struct queue_filter){ .domain = SPAN("third.test") }), 1);
	assert_int_equal(count_fitting(f, (struct queue_filter){ .destination = SPAN("third.test") }), 1);
	assert_int_equal(count_fitting(f, (struct queue_filter){ .sender = SPAN("@example.test") }), 2);
	assert_int_equal(count_fitting(f, (struct queue_filter){ .sender = SPAN("ann@example.test") }), 0);
	assert_int_equal(count_fitting(f, (struct queue_filter){ .error = SPAN("NOBODY") }), 2);
	assert_int_equal(count_fitting(f, (struct queue_filter){ .error = SPAN("greylisted") }), 0);
	assert_int_equal(count_fitting(f, (struct queue_filter){ .accepted_before_ms = before_ms }), 1);
	assert_int_equal(count_fitting(f, (struct queue_filter){ .accepted_after_ms = before_ms }), 1);
	assert_int_equal(count_fitting(f, (struct queue_filter){ .account_id = f->ann }), 0);
	assert_int_equal(count_fitting(f, (struct queue_filter){ .account_id = f->bob }), 2);
	assert_int_equal(count_fitting(f, (struct queue_filter){ .domains = domains, .domain_count = 1 }), 2);
	assert_int_equal(count_fitting(f, (struct queue_filter){ .domains = domains, .domain_count = 0 }), 0);
	assert_int_equal(count_fitting(f, (struct queue_filter){ .tried = TRIED_NEVER }), 0);
	assert_int_equal(count_fitting(f, (struct queue_filter){ .tried = TRIED_BEFORE }), 2);
	assert_int_equal(fixture_steer(f, &id, QUEUE_HOLD), ERR_OK);
	assert_int_equal(count_fitting(f, (struct queue_filter){ .has_state = true, .state = RECIPIENT_HELD }), 1);
	assert_int_equal(count_fitting(f, (struct queue_filter){ .has_state = true, .state = RECIPIENT_WAITING }), 1);
}

static void set_domain(struct fixture *f, enum domain_state state)
{
	struct domain domain = { .name = SPAN("second.test"), .state = state };

	assert_int_equal(directory_domain_set(f->directory, &domain, NULL), ERR_OK);
}

static void mail_of_a_disabled_domain_waits_and_goes_when_it_is_active_again(void **state)
{
	struct fixture *f = *state;
	struct queue_id id;
	uint64_t messages, carl;

	assert_int_equal(directory_domain_add(f->directory, SPAN("second.test"), NULL), ERR_OK);
	assert_int_equal(directory_account_add(f->directory, SPAN("carl@second.test"), SPAN("$hash$"), ROLE_USER, &carl, NULL), ERR_OK);
	fixture_start(f);
	set_domain(f, DOMAIN_HOLDS);
	id = fixture_send(f, &(struct mail){ .from = "e@other.test", .to = { "carl@second.test" } });
	assert_int_equal(look(f, &id).recipients[0].hold, HOLD_DOMAIN);
	assert_int_equal(look(f, &id).recipients[0].state, RECIPIENT_HELD);
	fixture_restart(f);
	assert_int_equal(look(f, &id).recipients[0].hold, HOLD_DOMAIN);
	set_domain(f, DOMAIN_ACTIVE);
	assert_int_equal(queue_domain_changed(f->queue, SPAN("third.test"), true, &messages, NULL), ERR_OK);
	assert_int_equal(messages, 0);
	assert_int_equal(queue_domain_changed(f->queue, SPAN("second.test"), true, &messages, NULL), ERR_OK);
	assert_int_equal(messages, 1);
	fixture_wait_count(f, carl, 1);
	fixture_wait_empty(f);
}

static void a_paused_destination_gets_nothing_until_its_end(void **state)
{
	struct fixture *f = *state;
	struct queue_pause pause = { .destination = SPAN("other.test"), .reason = SPAN("they asked"), .created_ms = clock_real_ms(), .until_ms = clock_real_ms() + 3600000 };
	struct queue_destination *list, one;
	struct queue_id id;
	size_t count;

	fake_relay_set(take_all);
	fixture_start(f);
	assert_int_equal(queue_pause_set(f->queue, &(struct queue_pause){ .destination = SPAN("Other.test") }, NULL), ERR_SYNTAX);
	assert_int_equal(queue_pause_set(f->queue, &pause, NULL), ERR_OK);
	assert_int_equal(queue_stats(f->queue).paused, 1);
	id = send_out(f, "x@other.test", NULL);
	(void)send_out(f, "x@third.test", NULL);
	fake_relay_wait_attempts(1);
	settle(f);
	fixture_restart(f);
	fixture_pause();
	assert_int_equal(fake_relay_attempts(), 1);
	assert_int_equal(queue_destinations(f->queue, &f->arena, &list, &count), ERR_OK);
	assert_int_equal(count, 1);
	assert_true(list[0].paused && span_equals(list[0].pause.reason, SPAN("they asked")));
	assert_int_equal(list[0].messages, 1);
	assert_int_equal(list[0].oldest_ms, look(f, &id).accepted_ms);
	assert_int_equal(queue_destination_find(f->queue, SPAN("third.test"), &f->arena, &one), ERR_NOT_FOUND);
	/* An operator's retry goes all the same. */
	assert_int_equal(fixture_steer(f, &id, QUEUE_RETRY), ERR_OK);
	fixture_wait_empty(f);
	assert_int_equal(fake_relay_attempts(), 2);
	id = send_out(f, "x@other.test", NULL);
	fixture_advance(f, 3600001);
	fixture_wait_empty(f);
	assert_int_equal(queue_stats(f->queue).paused, 0);
	assert_int_equal(queue_pause_end(f->queue, SPAN("other.test")), ERR_NOT_FOUND);
	pause.until_ms = 0;
	assert_int_equal(queue_pause_set(f->queue, &pause, NULL), ERR_OK);
	(void)send_out(f, "x@other.test", NULL);
	fixture_pause();
	assert_int_equal(queue_destination_find(f->queue, SPAN("other.test"), &f->arena, &one), ERR_OK);
	assert_true(one.paused && one.messages == 1);
	assert_int_equal(queue_pause_end(f->queue, SPAN("other.test")), ERR_OK);
	fixture_wait_empty(f);
}

/* Nobody is there, for as long as `blocked`. */
static atomic_bool blocked;

static void block(struct relay_job *job)
{
	while (atomic_load(&blocked))
		fixture_pause();
	fake_relay_answer(job, RELAY_DELIVERED, "2.0.0", "250 ok");
}

static void a_retry_outlives_a_notice_that_is_made_meanwhile(void **state)
{
	struct fixture *f = *state;
	struct queue_id first, second;

	fixture_start(f);
	first = deferred(f, "x@other.test", NULL);
	second = fixture_send(f, &(struct mail){ .from = "bob@example.test", .to = { "y@other.test" }, .source = FROM_SUBMISSION, .deliver_by_ms = clock_real_ms() + 60000, .deliver_by = BY_NOTIFY });
	fake_relay_wait_attempts(2);
	settle(f);
	atomic_store(&blocked, true);
	fake_relay_set(block);
	assert_int_equal(fixture_steer(f, &first, QUEUE_RETRY), ERR_OK);
	WAIT_UNTIL(queue_stats(f->queue).active == 1);
	/* It waits for its turn. */
	assert_int_equal(fixture_steer(f, &second, QUEUE_RETRY), ERR_OK);
	fixture_advance(f, 61000);
	fixture_wait_count(f, f->bob, 1);
	atomic_store(&blocked, false);
	fixture_wait_empty(f);
}

static void a_bounce_ends_more_recipients_than_one_notice_tells_of(void **state)
{
	struct fixture *f = *state;
	struct queue_id id;
	size_t changed;

	fixture_start(f);
	assert_int_equal(queue_pause_set(f->queue, &(struct queue_pause){ .destination = SPAN("other.test") }, NULL), ERR_OK);
	id = fixture_send(f, &(struct mail){ .from = "bob@example.test", .many = 700, .source = FROM_SUBMISSION });
	assert_int_equal(steer(f, &id, (struct queue_order){ .action = QUEUE_BOUNCE }, &changed), ERR_OK);
	assert_int_equal(changed, 700);
	fixture_wait_empty(f);
	fixture_wait_count(f, f->bob, 2);
	assert_int_equal(queue_stats(f->queue).waiting, 0);
}

static void what_is_to_be_sent_later_is_not_sent_sooner_for_being_released(void **state)
{
	struct fixture *f = *state;
	struct queue_id id;

	fake_relay_set(take_all);
	fixture_start(f);
	id = fixture_send(f, &(struct mail){ .from = "bob@example.test", .to = { "x@other.test" }, .source = FROM_SUBMISSION, .release_ms = clock_real_ms() + 7200000 });
	assert_int_equal(fixture_steer(f, &id, QUEUE_HOLD), ERR_OK);
	assert_int_equal(fixture_steer(f, &id, QUEUE_RELEASE), ERR_OK);
	assert_int_equal(fixture_steer(f, &id, QUEUE_RETRY), ERR_STATE);
	assert_int_equal(steer(f, &id, (struct queue_order){ .action = QUEUE_ROUTE, .route = SPAN("way.test:2525") }, NULL), ERR_OK);
	assert_int_equal(look(f, &id).recipients[0].next_ms, look(f, &id).release_ms);
	fixture_restart(f);
	assert_int_equal(look(f, &id).recipients[0].next_ms, look(f, &id).release_ms);
	fixture_advance(f, 7190000);
	fixture_pause();
	assert_int_equal(fake_relay_attempts(), 0);
	fixture_advance(f, 10001);
	fixture_wait_empty(f);
	assert_int_equal(fake_relay_attempts(), 1);
}

static void mail_of_an_account_that_was_stopped_for_long_is_tried_when_it_is_released(void **state)
{
	struct fixture *f = *state;
	struct queue_id id, later;
	uint64_t messages;

	fixture_start(f);
	id = deferred(f, "x@other.test", NULL);
	later = fixture_send(f, &(struct mail){ .from = "bob@example.test", .to = { "y@other.test" }, .source = FROM_SUBMISSION, .release_ms = clock_real_ms() + 20 * 86400000LL });
	assert_int_equal(steer_account_hold(f->queue, f->bob), 2);
	fixture_advance(f, 10 * 86400000LL);
	assert_int_equal(steer_account_release(f->queue, f->bob, false, &messages, NULL), ERR_OK);
	assert_int_equal(messages, 2);
	fake_relay_wait_attempts(2);
	settle(f);
	fixture_wait_count(f, f->bob, 1); /* that it takes long */
	WAIT_UNTIL(queue_stats(f->queue).messages == 2);
	assert_true(look(f, &id).expires_ms >= clock_real_ms() + 86000000);
	assert_int_equal(look(f, &later).recipients[0].attempts, 0);
	fixture_restart(f);
	assert_int_equal(queue_stats(f->queue).messages, 2);
	assert_true(look(f, &id).expires_ms >= clock_real_ms() + 86000000);
}

static void refuse_all(struct relay_job *job)
{
	fake_relay_answer(job, RELAY_FAILED, "5.1.1", "550 5.1.1 nobody here");
	for (size_t i = 0; i < job->recipient_count; i++)
		job->recipients[i].at_rcpt = true;
}

static bool is_suppressed(struct fixture *f, const char *local)
{
	struct address address = { span_str(local), SPAN("other.test") };
	struct suppression found;

	return suppression_find(f->queue, &address, &f->arena, &found) == ERR_OK;
}

/* Whoever may choose a route would else decide for all who cannot be written to. */
static void what_a_host_of_an_operators_route_refuses_is_not_learnt(void **state)
{
	struct fixture *f = *state;
	struct queue_id id;

	fixture_start(f);
	id = deferred(f, "x@other.test", NULL);
	fake_relay_set(refuse_all);
	assert_int_equal(steer(f, &id, (struct queue_order){ .action = QUEUE_ROUTE, .route = SPAN("way.test:2525") }, NULL), ERR_OK);
	fixture_wait_count(f, f->bob, 1);
	(void)send_out(f, "y@other.test", NULL);
	fixture_wait_count(f, f->bob, 2);
	fixture_wait_empty(f);
	WAIT_UNTIL(is_suppressed(f, "y"));
	assert_false(is_suppressed(f, "x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_held_is_not_tried_and_outlives_a_restart, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(released_after_its_time_it_is_not_given_up_at_the_first_failure, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_single_recipient_is_held_while_the_other_goes, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_retry_of_one_recipient_leaves_the_other_alone, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(bounce_tells_the_sender_and_removal_nobody, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(what_was_ended_stays_so_after_a_restart, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_route_is_taken_at_once_and_kept, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(an_end_that_was_changed_is_kept, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(lists_show_what_is_asked_for, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(mail_of_a_disabled_domain_waits_and_goes_when_it_is_active_again, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_paused_destination_gets_nothing_until_its_end, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_retry_outlives_a_notice_that_is_made_meanwhile, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_bounce_ends_more_recipients_than_one_notice_tells_of, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(what_is_to_be_sent_later_is_not_sent_sooner_for_being_released, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(mail_of_an_account_that_was_stopped_for_long_is_tried_when_it_is_released, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(what_a_host_of_an_operators_route_refuses_is_not_learnt, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
