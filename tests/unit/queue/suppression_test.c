/* The suppression list: what it learns and what not, for how long, and how it is asked. */
#include "tests/unit/queue/fixture.h"

#include "daemon/directory/setting.h"
#include "daemon/queue/steering.h"
#include "daemon/queue/suppression.h"
#include "daemon/queue/suppression_meant.h"

#define DAY 86400000LL

static enum err find(struct fixture *f, const char *text, struct suppression *out)
{
	struct address address;

	assert_int_equal(address_parse(span_str(text), &f->arena, &address), ERR_OK);
	return suppression_find(f->queue, &address, &f->arena, out);
}

static enum err nothing(struct db *db, void *arg)
{
	(void)db;
	(void)arg;
	return ERR_OK;
}

static void learn(struct fixture *f, const char *address, const char *status, const char *reply)
{
	suppression_learn(f->queue, span_str(address), span_str(status), span_str(reply), true, true);
	/* What was submitted before is done then. */
	assert_int_equal(db_group_run(f->queue->group, nothing, NULL, 1), ERR_OK);
}

static void words_about_the_address_are_learnt_and_no_others(void **state)
{
	static const struct {
		const char *status, *reply;
		bool remote, at_rcpt, meant;
	} cases[] = {
		{ "5.1.1", "550 5.1.1 no such user", true, true, true },
		{ "5.1.2", "the domain other.test does not exist", false, false, true },
		{ "5.1.10", "the domain takes no mail", false, false, true },
		{ "5.1.3", "553 5.1.3 bad address", true, true, true },
		{ "5.1.6", "551 5.1.6 moved", true, true, true },
		{ "5.2.1", "550 5.2.1 disabled", true, true, true },
		{ "5.0.0", "550 Unknown user", true, true, true },
		{ "5.0.0", "550 Unknown user", true, false, false },
		{ "5.0.0", "550 blocked by spam filter", true, true, false },
		{ "5.0.0", "550 Relaying denied", true, true, false },
		{ "5.0.0", "554 no", true, true, false },
		{ "5.1.1", "ours", false, false, false },
		{ "5.1.8", "550 5.1.8 bad sender", true, true, false },
		{ "5.2.2", "552 5.2.2 full", true, true, false },
		{ "5.3.4", "552 5.3.4 too large", true, true, false },
		{ "5.4.6", "loop", true, true, false },
		{ "5.6.0", "554 5.6.0 content", true, false, false },
		{ "5.7.1", "550 5.7.1 no such user here, says the filter", true, true, false },
		{ "4.4.7", "too old", true, true, false },
		{ "5.7.30", "no protected way", false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(suppression_is_meant(span_str(cases[i].status), span_str(cases[i].reply), cases[i].remote, cases[i].at_rcpt), cases[i].meant);
}

static void a_failure_is_known_with_its_words_until_its_time(void **state)
{
	struct fixture *f = *state;
	struct suppression s;

	assert_int_equal(find(f, "gone@other.test", &s), ERR_NOT_FOUND);
	learn(f, "Gone@other.test", "5.1.1", "550 5.1.1 no such user\r\nX");
	assert_int_equal(find(f, "gone@OTHER.test", &s), ERR_OK);
	assert_true(span_equals(s.address, SPAN("gone@other.test")));
	assert_true(span_equals(s.status, SPAN("5.1.1")));
	assert_true(span_equals(s.reply, SPAN("550 5.1.1 no such user??X")));
	assert_false(s.by_operator);
	assert_int_equal(s.failures, 1);
	learn(f, "gone@other.test", "5.1.6", "551 moved");
	assert_int_equal(find(f, "gone@other.test", &s), ERR_OK);
	assert_int_equal(s.failures, 2);
	assert_true(span_equals(s.status, SPAN("5.1.6")));
	fixture_close(f);
	fixture_open(f);
	assert_int_equal(find(f, "gone@other.test", &s), ERR_OK);
	assert_int_equal(find(f, "other@other.test", &s), ERR_NOT_FOUND);
	clock_fake_advance_ms(s.expires_ms - clock_real_ms());
	assert_int_equal(find(f, "gone@other.test", &s), ERR_NOT_FOUND);
}

static void those_whose_time_is_over_are_trimmed(void **state)
{
	struct fixture *f = *state;
	struct suppression s, *list;
	size_t count;

	for (unsigned i = 0; i < 300; i++)
		learn(f, arena_printf(&f->arena, "a%u@other.test%c", i, 0).ptr, "5.1.1", "550 5.1.1 no");
	clock_fake_advance_ms(200 * DAY);
	learn(f, "b@other.test", "5.1.1", "550 5.1.1 no");
	assert_int_equal(find(f, "b@other.test", &s), ERR_OK);
	fixture_close(f);
	fixture_open(f);
	assert_int_equal(suppressions(f->queue, SPAN(""), SPAN(""), 1000, &f->arena, &list, &count), ERR_OK);
	assert_int_equal(count, 1);
	assert_true(span_equals(list[0].address, SPAN("b@other.test")));
}

static void an_operator_sets_and_removes(void **state)
{
	struct fixture *f = *state;
	struct suppression s = { .address = SPAN("Stop@other.test"), .by_operator = true, .reply = SPAN("asked us to stop") }, found;
	struct note why = { "" };

	assert_int_equal(suppression_set(f->queue, &s, &why), ERR_OK);
	learn(f, "stop@other.test", "5.1.1", "550 5.1.1 no");
	assert_int_equal(find(f, "stop@other.test", &found), ERR_OK);
	assert_true(found.by_operator);
	assert_int_equal(found.expires_ms, 0);
	assert_int_equal(found.failures, 1);
	assert_true(span_equals(found.reply, SPAN("asked us to stop")));
	assert_int_equal(suppression_remove(f->queue, SPAN("STOP@other.test")), ERR_OK);
	assert_int_equal(suppression_remove(f->queue, SPAN("stop@other.test")), ERR_NOT_FOUND);
	assert_int_equal(find(f, "stop@other.test", &found), ERR_NOT_FOUND);
	s.address = SPAN("nonsense");
	assert_int_equal(suppression_set(f->queue, &s, &why), ERR_SYNTAX);
	s.address = SPAN("a@b.test");
	s.reply = SPAN("two\nlines");
	assert_int_equal(suppression_set(f->queue, &s, &why), ERR_SYNTAX);
	s.reply = SPAN("");
	s.expires_ms = clock_real_ms();
	assert_int_equal(suppression_set(f->queue, &s, &why), ERR_SYNTAX);
}

static void only_a_permanent_status_suppresses(void **state)
{
	static const char *const wrong[] = { "2.0.0", "4.1.1", "5", "5.1", "5.1.", "5.1.1.1", "5.1111.1", "5.1.x", "5..1", "55.1.1", "5.1.1 " };
	struct suppression s = { .address = SPAN("a@b.test"), .by_operator = true };
	struct note why = { "" };

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		s.status = span_str(wrong[i]);
		assert_int_equal(suppression_check(&s, &why), ERR_SYNTAX);
		assert_non_null(strstr(why.text, "status"));
	}
	s.status = SPAN("5.7.509");
	assert_int_equal(suppression_check(&s, &why), ERR_OK);
	s.status = SPAN("");
	assert_int_equal(suppression_check(&s, &why), ERR_OK);
}

static void the_list_is_read_in_pages_and_searched(void **state)
{
	struct fixture *f = *state;
	struct suppression *list;
	size_t count;

	learn(f, "c@other.test", "5.1.1", "550 5.1.1 no");
	learn(f, "a@other.test", "5.1.1", "550 5.1.1 no");
	learn(f, "b@third.test", "5.1.1", "550 5.1.1 no");
	assert_int_equal(suppressions(f->queue, SPAN(""), SPAN(""), 2, &f->arena, &list, &count), ERR_OK);
	assert_int_equal(count, 2);
	assert_true(span_equals(list[1].address, SPAN("b@third.test")));
	assert_int_equal(suppressions(f->queue, SPAN(""), list[1].address, 2, &f->arena, &list, &count), ERR_OK);
	assert_int_equal(count, 1);
	assert_true(span_equals(list[0].address, SPAN("c@other.test")));
	assert_int_equal(suppressions(f->queue, SPAN("THIRD"), SPAN(""), 10, &f->arena, &list, &count), ERR_OK);
	assert_int_equal(count, 1);
	assert_int_equal(suppressions(f->queue, SPAN("%"), SPAN(""), 10, &f->arena, &list, &count), ERR_OK);
	assert_int_equal(count, 0);
}

static void with_zero_days_no_list_is_kept(void **state)
{
	struct fixture *f = *state;
	struct suppression s = { .address = SPAN("stop@other.test"), .by_operator = true }, found;

	learn(f, "gone@other.test", "5.1.1", "550 5.1.1 no");
	assert_int_equal(suppression_set(f->queue, &s, NULL), ERR_OK);
	assert_int_equal(directory_setting_set(f->directory, SETTING_SUPPRESSION_DAYS, SPAN("0"), NULL), ERR_OK);
	assert_int_equal(find(f, "gone@other.test", &found), ERR_NOT_FOUND);
	assert_int_equal(find(f, "stop@other.test", &found), ERR_OK);
	learn(f, "new@other.test", "5.1.1", "550 5.1.1 no");
	assert_int_equal(directory_setting_set(f->directory, SETTING_SUPPRESSION_DAYS, SPAN("30"), NULL), ERR_OK);
	assert_int_equal(find(f, "gone@other.test", &found), ERR_OK);
	assert_int_equal(find(f, "new@other.test", &found), ERR_NOT_FOUND);
}

static void many_come_and_go(void **state)
{
	struct fixture *f = *state;
	struct suppression s;

	for (unsigned i = 0; i < 1500; i++)
		suppression_learn(f->queue, arena_printf(&f->arena, "n%u@other.test", i), SPAN("5.1.1"), SPAN("550 5.1.1 no"), true, true);
	assert_int_equal(db_group_run(f->queue->group, nothing, NULL, 1), ERR_OK);
	for (unsigned i = 0; i < 1500; i += 3)
		assert_int_equal(suppression_remove(f->queue, arena_printf(&f->arena, "n%u@other.test", i)), ERR_OK);
	for (unsigned i = 0; i < 1500; i++)
		assert_int_equal(find(f, arena_printf(&f->arena, "n%u@other.test%c", i, 0).ptr, &s), i % 3 ? ERR_OK : ERR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_about_the_address_are_learnt_and_no_others),
		cmocka_unit_test_setup_teardown(a_failure_is_known_with_its_words_until_its_time, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(those_whose_time_is_over_are_trimmed, fixture_setup, fixture_teardown),
		cmocka_unit_test(only_a_permanent_status_suppresses),
		cmocka_unit_test_setup_teardown(an_operator_sets_and_removes, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(the_list_is_read_in_pages_and_searched, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(with_zero_days_no_list_is_kept, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(many_come_and_go, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
