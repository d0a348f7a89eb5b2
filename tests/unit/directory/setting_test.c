/* The table of the settings, and what is stored of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/directory/setting.h"
#include "db/control_setting.h"
#include "tests/unit/directory/fixture.h"

static int64_t number(struct directory *d, enum setting which)
{
	const struct snapshot *s = directory_hold(d);
	int64_t value = snapshot_number(s, which);

	snapshot_release(&s);
	return value;
}

static bool is_set(struct directory *d, enum setting which)
{
	const struct snapshot *s = directory_hold(d);
	bool value = snapshot_has_setting(s, which);

	snapshot_release(&s);
	return value;
}

static void every_rule_is_whole(void **state)
{
	(void)state;
	assert_true(SETTING_COUNT <= 60);
	for (enum setting i = 0; i < SETTING_COUNT; i++) {
		const struct setting_rule *rule = &setting_rules[i];
		enum setting found;
		int64_t value;

		assert_non_null(rule->name);
		assert_true(setting_find(span_str(rule->name), &found));
		assert_int_equal(found, i);
		assert_non_null(rule->group);
		assert_true(span_ends(span_str(rule->help), SPAN(".")));
		assert_true(strlen(rule->why) > strlen(rule->help));
		assert_true(rule->min <= rule->max);
		assert_true(strlen(rule->why) < 600);
		if (i != SETTING_HOSTNAME)
			assert_int_equal(setting_parse(i, span_str(rule->fallback), &value, NULL), ERR_OK);
	}
	assert_false(setting_find(SPAN("data_key"), &(enum setting){ 0 }));
}

static void setting_that_is_not_stored_has_its_default(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(number(f->d, SETTING_MESSAGE_SIZE_MAX), 50 * 1024 * 1024);
	assert_int_equal(number(f->d, SETTING_TRACE_SUBJECTS), 1);
	assert_int_equal(number(f->d, SETTING_DISK_RESERVE), 256 * 1024 * 1024);
	assert_int_equal(number(f->d, SETTING_SMTP_GREETING_SECONDS), 1);
	assert_int_equal(number(f->d, SETTING_WEBHOOKS_TO_PRIVATE_ADDRESSES), 0);
	assert_false(is_set(f->d, SETTING_QUEUE_DAYS));
	assert_int_equal(directory_setting_reset(f->d, SETTING_QUEUE_DAYS, NULL), ERR_OK);
}

static void value_holds_until_it_is_reset(void **state)
{
	struct fixture *f = *state;
	const struct snapshot *s;

	assert_int_equal(directory_setting_set(f->d, SETTING_QUEUE_DAYS, SPAN("007"), NULL), ERR_OK);
	assert_int_equal(directory_setting_set(f->d, SETTING_TRACE_SUBJECTS, SPAN("false"), NULL), ERR_OK);
	assert_int_equal(number(f->d, SETTING_QUEUE_DAYS), 7);
	directory_close(&f->d);
	f->d = fixture_open(f);
	assert_int_equal(number(f->d, SETTING_QUEUE_DAYS), 7);
	assert_int_equal(number(f->d, SETTING_TRACE_SUBJECTS), 0);
	assert_true(is_set(f->d, SETTING_QUEUE_DAYS));
	s = directory_hold(f->d);
	assert_true(span_equals(snapshot_text(s, SETTING_QUEUE_DAYS), SPAN("7")));
	snapshot_release(&s);
	assert_int_equal(directory_setting_reset(f->d, SETTING_QUEUE_DAYS, NULL), ERR_OK);
	assert_int_equal(number(f->d, SETTING_QUEUE_DAYS), 5);
	assert_false(is_set(f->d, SETTING_QUEUE_DAYS));
}

static void bad_values_are_refused_with_the_range(void **state)
{
	struct fixture *f = *state;
	struct note why = { "" };

	assert_int_equal(directory_setting_set(f->d, SETTING_QUEUE_DAYS, SPAN("0"), &why), ERR_LIMIT);
	assert_non_null(strstr(why.text, "1 to 14"));
	assert_int_equal(directory_setting_set(f->d, SETTING_QUEUE_DAYS, SPAN("15"), NULL), ERR_LIMIT);
	assert_int_equal(directory_setting_set(f->d, SETTING_QUEUE_DAYS, SPAN("99999999999999999999"), NULL), ERR_LIMIT);
	assert_int_equal(directory_setting_set(f->d, SETTING_QUEUE_DAYS, SPAN("-1"), NULL), ERR_SYNTAX);
	assert_int_equal(directory_setting_set(f->d, SETTING_QUEUE_DAYS, SPAN(""), NULL), ERR_SYNTAX);
	assert_int_equal(directory_setting_set(f->d, SETTING_TRACE_SUBJECTS, SPAN("yes"), NULL), ERR_SYNTAX);
	assert_int_equal(number(f->d, SETTING_QUEUE_DAYS), 5);
}

static void address_from_which_mail_leaves_is_one_of_its_family(void **state)
{
	struct fixture *f = *state;
	struct note why = { "" };

	assert_int_equal(directory_setting_set(f->d, SETTING_RELAY_SOURCE_IPV4, SPAN("192.0.2.7"), NULL), ERR_OK);
	assert_int_equal(directory_setting_set(f->d, SETTING_RELAY_SOURCE_IPV6, SPAN("2001:db8::7"), NULL), ERR_OK);
	assert_int_equal(directory_setting_set(f->d, SETTING_RELAY_SOURCE_IPV4, SPAN("2001:db8::7"), &why), ERR_SYNTAX);
	assert_non_null(strstr(why.text, "IPv4"));
	assert_int_equal(directory_setting_set(f->d, SETTING_RELAY_SOURCE_IPV6, SPAN("::ffff:192.0.2.7"), NULL), ERR_SYNTAX);
	assert_int_equal(directory_setting_set(f->d, SETTING_RELAY_SOURCE_IPV4, SPAN("192.0.2.7/24"), NULL), ERR_SYNTAX);
	assert_int_equal(directory_setting_set(f->d, SETTING_RELAY_SOURCE_IPV4, SPAN("mail.example.org"), NULL), ERR_SYNTAX);
	assert_int_equal(directory_setting_set(f->d, SETTING_RELAY_SOURCE_IPV4, SPAN(""), NULL), ERR_OK);
}

static void hostname_changes_but_never_goes(void **state)
{
	struct fixture *f = *state;
	const struct snapshot *s;

	assert_int_equal(directory_setting_set(f->d, SETTING_HOSTNAME, SPAN("MX.Example.Test"), NULL), ERR_OK);
	assert_int_equal(directory_setting_set(f->d, SETTING_HOSTNAME, SPAN("not a name"), NULL), ERR_SYNTAX);
	assert_int_equal(directory_setting_set(f->d, SETTING_HOSTNAME, SPAN(""), NULL), ERR_SYNTAX);
	assert_int_equal(directory_setting_reset(f->d, SETTING_HOSTNAME, NULL), ERR_STATE);
	s = directory_hold(f->d);
	assert_true(span_equals(snapshot_hostname(s), SPAN("mx.example.test")));
	assert_true(snapshot_is_set_up(s));
	snapshot_release(&s);
}

static enum err store_nonsense(struct db *db, void *arg)
{
	(void)arg;
	return db_setting_set(db, SPAN("queue_days"), SPAN("never"));
}

static void stored_nonsense_is_as_good_as_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(directory_write(f->d, store_nonsense, NULL, NULL), ERR_OK);
	directory_close(&f->d);
	f->d = fixture_open(f);
	assert_int_equal(number(f->d, SETTING_QUEUE_DAYS), 5);
	assert_false(is_set(f->d, SETTING_QUEUE_DAYS));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_make, fixture_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rule_is_whole),
		CASE(setting_that_is_not_stored_has_its_default),
		CASE(value_holds_until_it_is_reset),
		CASE(bad_values_are_refused_with_the_range),
		CASE(address_from_which_mail_leaves_is_one_of_its_family),
		CASE(hostname_changes_but_never_goes),
		CASE(stored_nonsense_is_as_good_as_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
