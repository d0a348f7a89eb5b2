/* Hold rules: what they fit, what outlives a restart, and their limits. */
#include "tests/unit/queue/fixture.h"

#include "daemon/queue/rules.h"
#include "daemon/queue/steering.h"

static uint64_t add(struct fixture *f, const char *sender, const char *recipient)
{
	struct hold_rule rule = { .sender = span_str(sender), .recipient = span_str(recipient), .note = SPAN("why") };
	struct note why = { "" };
	uint64_t id = 0;

	if (hold_rule_add(f->queue, &rule, &id, &why))
		fail_msg("%s", why.text);
	return id;
}

static bool holds(struct fixture *f, const char *sender, const char *address, const char *original)
{
	return rules_hold(f->queue, span_str(sender), span_str(address), span_str(original));
}

static size_t list(struct fixture *f, struct hold_rule **out)
{
	size_t count;

	assert_int_equal(hold_rules(f->queue, &f->arena, out, &count), ERR_OK);
	return count;
}

static void a_rule_fits_by_address_domain_or_any(void **state)
{
	struct fixture *f = *state;

	assert_false(holds(f, "eve@other.test", "bob@example.test", "bob@example.test"));
	(void)add(f, "eve@other.test", "");
	assert_true(holds(f, "Eve@OTHER.test", "bob@example.test", "bob@example.test"));
	assert_false(holds(f, "eva@other.test", "bob@example.test", "bob@example.test"));
	assert_false(holds(f, "", "bob@example.test", "bob@example.test"));
	(void)add(f, "", "@Far.test");
	assert_true(holds(f, "", "x@far.test", "x@far.test"));
	assert_false(holds(f, "", "x@sub.far.test", "x@sub.far.test"));
	assert_true(holds(f, "", "bob@example.test", "old@far.test"));
	(void)add(f, "@third.test", "ann@example.test");
	assert_true(holds(f, "a@third.test", "ANN@example.test", "list@example.test"));
	assert_false(holds(f, "a@third.test", "bob@example.test", "list@example.test"));
}

static void what_was_held_is_counted_and_outlives_a_restart(void **state)
{
	struct fixture *f = *state;
	struct hold_rule *rules;
	uint64_t id = add(f, "@other.test", "");

	for (int i = 0; i < 5; i++)
		assert_true(holds(f, "x@other.test", "bob@example.test", "bob@example.test"));
	clock_fake_advance_ms(61000);
	assert_true(holds(f, "x@other.test", "bob@example.test", "bob@example.test"));
	assert_true(holds(f, "x@other.test", "bob@example.test", "bob@example.test"));
	assert_int_equal(list(f, &rules), 1);
	assert_int_equal(rules[0].matched, 7);
	fixture_close(f);
	fixture_open(f);
	assert_int_equal(list(f, &rules), 1);
	assert_int_equal(rules[0].id, id);
	assert_int_equal(rules[0].matched, 7);
	assert_true(span_equals(rules[0].sender, SPAN("@other.test")));
	assert_true(span_equals(rules[0].note, SPAN("why")));
	assert_true(holds(f, "x@other.test", "bob@example.test", "bob@example.test"));
}

static void a_removed_rule_holds_no_more(void **state)
{
	struct fixture *f = *state;
	struct hold_rule *rules;
	uint64_t first = add(f, "@other.test", ""), second = add(f, "@third.test", "");

	assert_int_equal(hold_rule_remove(f->queue, first), ERR_OK);
	assert_int_equal(hold_rule_remove(f->queue, first), ERR_NOT_FOUND);
	assert_int_equal(hold_rule_remove(f->queue, UINT64_MAX), ERR_NOT_FOUND);
	assert_false(holds(f, "x@other.test", "a@b.test", "a@b.test"));
	assert_true(holds(f, "x@third.test", "a@b.test", "a@b.test"));
	fixture_close(f);
	fixture_open(f);
	assert_int_equal(list(f, &rules), 1);
	assert_int_equal(rules[0].id, second);
}

static void a_rule_ends_at_its_time(void **state)
{
	struct fixture *f = *state;
	struct hold_rule rule = { .sender = SPAN("@other.test"), .expires_ms = clock_real_ms() + 1000 }, *rules;
	uint64_t id;

	assert_int_equal(hold_rule_add(f->queue, &rule, &id, NULL), ERR_OK);
	assert_true(holds(f, "x@other.test", "a@b.test", "a@b.test"));
	clock_fake_advance_ms(1000);
	assert_false(holds(f, "x@other.test", "a@b.test", "a@b.test"));
	assert_int_equal(list(f, &rules), 0);
	assert_int_equal(hold_rule_add(f->queue, &rule, &id, NULL), ERR_SYNTAX);
	rule.expires_ms = 0;
	assert_int_equal(hold_rule_add(f->queue, &rule, &id, NULL), ERR_OK); /* the ended one is no twin */
	assert_int_equal(list(f, &rules), 1);
}

static void nonsense_and_twins_are_refused(void **state)
{
	struct fixture *f = *state;
	struct hold_rule rule = { 0 };
	struct note why = { "" };
	uint64_t id;

	assert_int_equal(hold_rule_add(f->queue, &rule, &id, &why), ERR_SYNTAX);
	rule.sender = SPAN("nonsense");
	assert_int_equal(hold_rule_add(f->queue, &rule, &id, &why), ERR_SYNTAX);
	rule.sender = SPAN("a@b.test");
	rule.note = SPAN("two\nlines");
	assert_int_equal(hold_rule_add(f->queue, &rule, &id, &why), ERR_SYNTAX);
	rule.note = SPAN("");
	assert_int_equal(hold_rule_add(f->queue, &rule, &id, &why), ERR_OK);
	rule.sender = SPAN("A@B.TEST");
	assert_int_equal(hold_rule_add(f->queue, &rule, &id, &why), ERR_EXISTS);
}

static void there_are_a_thousand_at_most(void **state)
{
	struct fixture *f = *state;
	struct hold_rule rule = { 0 };
	uint64_t id;

	for (unsigned i = 0; i < HOLD_RULES_MAX; i++) {
		rule.sender = arena_printf(&f->arena, "a%u@b.test", i);
		assert_int_equal(hold_rule_add(f->queue, &rule, &id, NULL), ERR_OK);
	}
	rule.sender = SPAN("@c.test");
	assert_int_equal(hold_rule_add(f->queue, &rule, &id, NULL), ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_rule_fits_by_address_domain_or_any, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(what_was_held_is_counted_and_outlives_a_restart, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_removed_rule_holds_no_more, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_rule_ends_at_its_time, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(nonsense_and_twins_are_refused, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(there_are_a_thousand_at_most, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
