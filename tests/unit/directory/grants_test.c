/* Who may do what in whose mailboxes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/directory/grants.h"
#include "tests/unit/directory/fixture.h"

#define READ (RIGHT_LOOKUP | RIGHT_READ)

static unsigned rights(struct directory *d, uint64_t who, uint64_t owner, uint64_t mailbox)
{
	const struct snapshot *s = directory_hold(d);
	const struct grants *g = grants_hold(d);
	unsigned has = grants_rights(g, s, who, owner, mailbox);

	grants_release(&g);
	snapshot_release(&s);
	return has;
}

static void set(struct directory *d, uint64_t owner, uint64_t mailbox, uint64_t grantee, unsigned rights)
{
	const struct grant g = { owner, mailbox, grantee, rights };

	assert_int_equal(directory_grant_set(d, &g, NULL), ERR_OK);
}

static size_t count(struct directory *d, uint64_t owner)
{
	const struct grants *g = grants_hold(d);
	const struct grant *rows;
	size_t n = grants_of(g, owner, &rows);

	grants_release(&g);
	return n;
}

static uint64_t add(struct directory *d, const char *address)
{
	uint64_t id;

	assert_int_equal(directory_account_add(d, span_str(address), SPAN("x"), ROLE_USER, &id, NULL), ERR_OK);
	return id;
}

static void letters_come_and_go(void **state)
{
	unsigned has = 0;
	char text[12];

	(void)state;
	assert_int_equal(rights_parse(SPAN("rlae"), &has), ERR_OK);
	rights_write(has, text);
	assert_string_equal(text, "lrea");
	assert_int_equal(rights_parse(SPAN("cd"), &has), ERR_OK);
	rights_write(has, text);
	assert_string_equal(text, "kxte");
	rights_write(RIGHT_ALL, text);
	assert_string_equal(text, "lrswipkxtea");
	assert_int_equal(rights_parse(SPAN(""), &has), ERR_OK);
	assert_int_equal(has, 0);
	assert_int_equal(rights_parse(SPAN("lrz"), &has), ERR_SYNTAX);
	assert_int_equal(rights_parse(SPAN("LR"), &has), ERR_SYNTAX);
}

static void an_owner_may_everything_and_others_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rights(f->d, f->ann, f->ann, 7), RIGHT_ALL);
	assert_int_equal(rights(f->d, f->bob, f->ann, 7), 0);
	assert_int_equal(rights(f->d, 999, f->ann, 7), 0);
	assert_int_equal(rights(f->d, f->bob, 999, 7), 0);
}

static void a_mailboxs_own_grant_stands_before_that_of_all(void **state)
{
	struct fixture *f = *state;

	set(f->d, f->ann, 7, f->bob, RIGHT_INSERT);
	assert_int_equal(rights(f->d, f->bob, f->ann, 7), RIGHT_INSERT);
	assert_int_equal(rights(f->d, f->bob, f->ann, 8), 0);
	set(f->d, f->ann, GRANT_EVERY_MAILBOX, f->bob, READ);
	assert_int_equal(rights(f->d, f->bob, f->ann, 7), RIGHT_INSERT);
	assert_int_equal(rights(f->d, f->bob, f->ann, 8), READ);
	set(f->d, f->ann, 8, f->bob, 0);
	assert_int_equal(rights(f->d, f->bob, f->ann, 8), 0);
	assert_int_equal(count(f->d, f->ann), 3);
	set(f->d, f->ann, GRANT_EVERY_MAILBOX, f->bob, 0);
	set(f->d, f->ann, 8, f->bob, 0);
	set(f->d, f->ann, 7, f->bob, 0);
	assert_int_equal(count(f->d, f->ann), 0);
}

static void anyone_is_who_has_an_account_in_the_domain(void **state)
{
	struct fixture *f = *state;
	uint64_t stranger;

	assert_int_equal(directory_domain_add(f->d, SPAN("other.test"), NULL), ERR_OK);
	stranger = add(f->d, "eve@other.test");
	set(f->d, f->ann, 7, GRANTEE_ANYONE, READ);
	set(f->d, f->ann, 7, f->bob, RIGHT_SEEN);
	assert_int_equal(rights(f->d, f->bob, f->ann, 7), READ | RIGHT_SEEN);
	assert_int_equal(rights(f->d, stranger, f->ann, 7), 0);
	set(f->d, f->ann, 7, stranger, RIGHT_LOOKUP);
	assert_int_equal(rights(f->d, stranger, f->ann, 7), RIGHT_LOOKUP);
}

static void owners_are_those_that_grant_anything(void **state)
{
	struct fixture *f = *state;
	uint64_t carl = add(f->d, "carl@example.test"), dora = add(f->d, "dora@example.test"), *owners;
	const struct snapshot *s;
	const struct grants *g;
	struct arena a;
	size_t n;

	set(f->d, dora, 3, f->bob, READ);
	set(f->d, dora, 4, f->bob, READ);
	set(f->d, dora, 4, GRANTEE_ANYONE, READ);
	set(f->d, carl, 1, GRANTEE_ANYONE, READ);
	set(f->d, f->bob, 1, GRANTEE_ANYONE, READ);
	set(f->d, f->ann, 1, carl, READ);
	s = directory_hold(f->d);
	g = grants_hold(f->d);
	arena_init(&a, 65536);
	assert_int_equal(grants_owners(g, s, f->bob, &a, &owners, &n), ERR_OK);
	assert_int_equal(n, 2);
	assert_int_equal(owners[0], carl);
	assert_int_equal(owners[1], dora);
	arena_clear(&a);
	grants_release(&g);
	snapshot_release(&s);
}

static void suspended_accounts_neither_grant_nor_are_granted(void **state)
{
	struct fixture *f = *state;

	set(f->d, f->ann, 7, f->bob, READ);
	assert_int_equal(directory_account_set_suspended(f->d, f->bob, true, NULL), ERR_OK);
	assert_int_equal(rights(f->d, f->bob, f->ann, 7), 0);
	assert_int_equal(directory_account_set_suspended(f->d, f->bob, false, NULL), ERR_OK);
	assert_int_equal(rights(f->d, f->bob, f->ann, 7), READ);
}

static void what_is_gone_takes_its_grants_along(void **state)
{
	struct fixture *f = *state;
	uint64_t carl = add(f->d, "carl@example.test");

	set(f->d, f->ann, 7, carl, READ);
	set(f->d, carl, 7, f->ann, READ);
	set(f->d, f->ann, 7, f->bob, READ);
	assert_int_equal(directory_grants_inherit(f->d, f->ann, 7, 9, NULL), ERR_OK);
	assert_int_equal(rights(f->d, carl, f->ann, 9), READ);
	assert_int_equal(directory_account_remove(f->d, carl, NULL), ERR_OK);
	assert_int_equal(count(f->d, f->ann), 2);
	assert_int_equal(count(f->d, carl), 0);
	assert_int_equal(directory_grants_forget(f->d, f->ann, 9, NULL), ERR_OK);
	assert_int_equal(count(f->d, f->ann), 1);
	assert_int_equal(directory_grants_forget(f->d, f->ann, 9, NULL), ERR_OK);
	assert_int_equal(directory_grants_inherit(f->d, f->ann, 9, 10, NULL), ERR_OK);
	assert_int_equal(count(f->d, f->ann), 1);
}

static void what_can_not_be_granted_is_refused(void **state)
{
	struct fixture *f = *state;
	const struct grant own = { f->ann, 7, f->ann, READ }, nobody = { f->ann, 7, 999, READ }, nobodys = { 999, 7, f->ann, READ };
	struct note why = { "" };

	assert_int_equal(directory_grant_set(f->d, &own, &why), ERR_STATE);
	assert_int_equal(directory_grant_set(f->d, &nobody, &why), ERR_NOT_FOUND);
	assert_int_equal(directory_grant_set(f->d, &nobodys, &why), ERR_NOT_FOUND);
	assert_int_equal(directory_begin(f->d, NULL), ERR_OK);
	for (uint64_t i = 1; i <= GRANTS_PER_OWNER_MAX; i++)
		set(f->d, f->ann, i, f->bob, READ);
	assert_int_equal(directory_grant_set(f->d, &(struct grant){ f->ann, 0, f->bob, READ }, &why), ERR_LIMIT);
	assert_int_equal(directory_commit(f->d, NULL), ERR_OK);
	assert_int_equal(directory_grants_inherit(f->d, f->ann, 1, GRANTS_PER_OWNER_MAX + 1, &why), ERR_LIMIT);
	assert_int_equal(count(f->d, f->ann), GRANTS_PER_OWNER_MAX);
}

static void a_batch_that_ends_has_granted_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(directory_begin(f->d, NULL), ERR_OK);
	set(f->d, f->ann, 7, f->bob, READ);
	directory_end(f->d);
	assert_int_equal(rights(f->d, f->bob, f->ann, 7), 0);
}

static void another_process_is_heard_and_a_restart_forgets_nothing(void **state)
{
	struct fixture *f = *state;
	struct directory *other = fixture_open(f);

	set(other, f->ann, 7, f->bob, READ);
	assert_int_equal(rights(f->d, f->bob, f->ann, 7), 0);
	assert_int_equal(directory_refresh(f->d, NULL), ERR_OK);
	assert_int_equal(rights(f->d, f->bob, f->ann, 7), READ);
	directory_close(&other);
	other = fixture_open(f);
	assert_int_equal(rights(other, f->bob, f->ann, 7), READ);
	directory_close(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make, fixture_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(letters_come_and_go),
		TEST(an_owner_may_everything_and_others_nothing),
		TEST(a_mailboxs_own_grant_stands_before_that_of_all),
		TEST(anyone_is_who_has_an_account_in_the_domain),
		TEST(owners_are_those_that_grant_anything),
		TEST(suspended_accounts_neither_grant_nor_are_granted),
		TEST(what_is_gone_takes_its_grants_along),
		TEST(what_can_not_be_granted_is_refused),
		TEST(a_batch_that_ends_has_granted_nothing),
		TEST(another_process_is_heard_and_a_restart_forgets_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
