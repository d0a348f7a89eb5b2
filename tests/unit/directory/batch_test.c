/* Several changes as one, reading beside them, and what threads and other processes see of both. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "db/control_account.h"
#include "db/control_setting.h"
#include "tests/unit/directory/fixture.h"

static enum err add_user(struct directory *d, const char *address)
{
	uint64_t id;

	return directory_account_add(d, span_str(address), SPAN(""), ROLE_USER, &id, NULL);
}

static enum err set_mark(struct db *db, void *arg)
{
	return db_setting_set(db, SPAN("mark"), span_str(arg));
}

static enum err fail_after_setting(struct db *db, void *arg)
{
	assert_int_equal(db_setting_set(db, SPAN("mark"), span_str(arg)), ERR_OK);
	return ERR_EXISTS;
}

static enum err get_mark(struct db *db, void *arg)
{
	return db_setting_get(db, SPAN("mark"), arg);
}

/* What directory_read() sees in "mark"; empty: it is not there. */
static const char *mark(struct directory *d)
{
	static _Thread_local char text[64];
	struct buf b;
	enum err e;

	buf_init(&b, sizeof(text) - 1);
	e = directory_read(d, get_mark, &b);
	assert_true(e == ERR_OK || e == ERR_NOT_FOUND);
	(void)snprintf(text, sizeof(text), "%.*s", (int)b.len, b.len ? b.ptr : "");
	buf_clear(&b);
	return text;
}

static void changes_of_a_batch_come_together(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(directory_begin(f->d, NULL), ERR_OK);
	assert_true(directory_in_batch(f->d));
	assert_int_equal(directory_domain_add(f->d, SPAN("second.test"), NULL), ERR_OK);
	assert_int_equal(add_user(f->d, "carl@second.test"), ERR_OK);
	assert_int_equal(directory_write(f->d, set_mark, "in the batch", NULL), ERR_OK);
	assert_int_equal(fixture_find(f->d, "carl@second.test"), 0);
	assert_int_equal(directory_commit(f->d, NULL), ERR_OK);
	assert_false(directory_in_batch(f->d));
	assert_true(fixture_find(f->d, "carl@second.test") > 0);
	assert_string_equal(mark(f->d), "in the batch");
	directory_end(f->d);
}

static void ended_batch_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	const uint64_t commits = directory_commits(f->d);

	assert_int_equal(directory_begin(f->d, NULL), ERR_OK);
	assert_int_equal(add_user(f->d, "carl@example.test"), ERR_OK);
	assert_int_equal(directory_write(f->d, set_mark, "gone", NULL), ERR_OK);
	directory_end(f->d);
	assert_int_equal(fixture_find(f->d, "carl@example.test"), 0);
	assert_string_equal(mark(f->d), "");
	assert_true(directory_commits(f->d) == commits);
	/* And the next one begins. */
	assert_int_equal(add_user(f->d, "carl@example.test"), ERR_OK);
	assert_true(fixture_find(f->d, "carl@example.test") > 0);
	assert_true(directory_commits(f->d) == commits + 1);
}

static void failed_change_undoes_only_itself(void **state)
{
	struct fixture *f = *state;
	const struct span targets[] = { SPAN("bob@example.test") };

	assert_int_equal(directory_begin(f->d, NULL), ERR_OK);
	assert_int_equal(add_user(f->d, "carl@example.test"), ERR_OK);
	assert_int_equal(add_user(f->d, "bob@example.test"), ERR_EXISTS);
	assert_int_equal(directory_alias_add(f->d, SPAN("carl@example.test"), targets, 1, NULL), ERR_EXISTS);
	assert_int_equal(directory_account_remove(f->d, f->ann, NULL), ERR_STATE);
	assert_int_equal(directory_write(f->d, fail_after_setting, "half", NULL), ERR_EXISTS);
	assert_string_equal(mark(f->d), "");
	assert_int_equal(add_user(f->d, "dora@example.test"), ERR_OK);
	assert_int_equal(directory_commit(f->d, NULL), ERR_OK);
	assert_true(fixture_find(f->d, "carl@example.test") > 0);
	assert_true(fixture_find(f->d, "dora@example.test") > 0);
	assert_true(fixture_find(f->d, "ann@example.test") > 0);
	assert_string_equal(mark(f->d), "");
}

static void staged_directory_shows_the_batch(void **state)
{
	struct fixture *f = *state;
	const struct snapshot *staged, *held;

	assert_int_equal(directory_staged(f->d, &staged, NULL), ERR_STATE);
	assert_int_equal(directory_begin(f->d, NULL), ERR_OK);
	held = directory_hold(f->d);
	assert_int_equal(directory_staged(f->d, &staged, NULL), ERR_OK);
	assert_ptr_equal(staged, held);
	assert_int_equal(add_user(f->d, "carl@example.test"), ERR_OK);
	assert_int_equal(directory_staged(f->d, &staged, NULL), ERR_OK);
	assert_non_null(snapshot_account_by_login(staged, SPAN("carl@example.test")));
	assert_null(snapshot_account_by_login(held, SPAN("carl@example.test")));
	assert_int_equal(directory_account_set_suspended(f->d, f->bob, true, NULL), ERR_OK);
	assert_int_equal(directory_staged(f->d, &staged, NULL), ERR_OK);
	assert_true(snapshot_account(staged, f->bob)->suspended);
	assert_int_equal(directory_commit(f->d, NULL), ERR_OK);
	snapshot_release(&held);
	held = directory_hold(f->d);
	/* The very one that was staged: no other was made. */
	assert_ptr_equal(held, staged);
	snapshot_release(&held);
}

static void batches_do_not_nest(void **state)
{
	struct fixture *f = *state;
	struct note why = { "" };

	assert_int_equal(directory_commit(f->d, &why), ERR_STATE);
	assert_int_equal(directory_begin(f->d, NULL), ERR_OK);
	assert_int_equal(directory_begin(f->d, &why), ERR_STATE);
	directory_end(f->d);
	directory_end(f->d);
	assert_int_equal(directory_begin(f->d, NULL), ERR_OK);
	directory_end(f->d);
}

static void rows_beside_the_directory_make_no_snapshot(void **state)
{
	struct fixture *f = *state;
	const struct snapshot *before = directory_hold(f->d), *after;

	assert_int_equal(directory_write(f->d, set_mark, "alone", NULL), ERR_OK);
	after = directory_hold(f->d);
	assert_ptr_equal(before, after);
	assert_string_equal(mark(f->d), "alone");
	assert_int_equal(directory_write(f->d, fail_after_setting, "no", NULL), ERR_EXISTS);
	assert_string_equal(mark(f->d), "alone");
	snapshot_release(&before);
	snapshot_release(&after);
}

static void batch_hides_no_change_of_another_process(void **state)
{
	struct fixture *f = *state;
	struct directory *other = fixture_open(f);
	const struct snapshot *staged;

	assert_int_equal(add_user(other, "carl@example.test"), ERR_OK);
	/* Rows only: the other's change is found later. */
	assert_int_equal(directory_write(f->d, set_mark, "x", NULL), ERR_OK);
	assert_int_equal(directory_refresh(f->d, NULL), ERR_OK);
	assert_true(fixture_find(f->d, "carl@example.test") > 0);
	/* What a batch sees holds it at once. */
	assert_int_equal(add_user(other, "dora@example.test"), ERR_OK);
	assert_int_equal(directory_begin(f->d, NULL), ERR_OK);
	assert_int_equal(directory_staged(f->d, &staged, NULL), ERR_OK);
	assert_non_null(snapshot_account_by_login(staged, SPAN("dora@example.test")));
	directory_end(f->d);
	assert_int_equal(fixture_find(f->d, "dora@example.test"), 0);
	assert_int_equal(add_user(f->d, "emil@example.test"), ERR_OK);
	assert_true(fixture_find(f->d, "dora@example.test") > 0);
	assert_int_equal(directory_refresh(other, NULL), ERR_OK);
	assert_true(fixture_find(other, "emil@example.test") > 0);
	directory_close(&other);
}

static void sealed_value_opens_in_its_place_only(void **state)
{
	struct fixture *f = *state;
	struct buf sealed, plain;

	buf_init(&sealed, 256);
	buf_init(&plain, 256);
	assert_int_equal(directory_seal(f->d, SPAN("totp:17"), SPAN("secret"), &sealed), ERR_OK);
	assert_null(memmem(sealed.ptr, sealed.len, "secret", 6));
	assert_int_equal(directory_unseal(f->d, SPAN("totp:18"), buf_span(&sealed), &plain), ERR_CORRUPT);
	assert_int_equal(directory_unseal(f->d, SPAN("totp:17"), buf_span(&sealed), &plain), ERR_OK);
	assert_true(span_equals(buf_span(&plain), SPAN("secret")));
	buf_clear(&sealed);
	buf_clear(&plain);
}

static void derived_keys_are_one_a_purpose_and_stay(void **state)
{
	struct fixture *f = *state;
	uint8_t first[32], second[32], again[32];

	directory_derive_key(f->d, SPAN("cursor"), first);
	directory_derive_key(f->d, SPAN("other"), second);
	assert_memory_not_equal(first, second, 32);
	directory_close(&f->d);
	f->d = fixture_open(f);
	directory_derive_key(f->d, SPAN("cursor"), again);
	assert_memory_equal(first, again, 32);
}

static void roles_come_with_their_domains(void **state)
{
	struct fixture *f = *state;
	const struct span granted[] = { SPAN("Second.test"), SPAN("example.test") }, foreign[] = { SPAN("elsewhere.test") };
	const struct snapshot *s;
	const struct account *bob;
	struct note why = { "" };

	assert_int_equal(directory_domain_add(f->d, SPAN("second.test"), NULL), ERR_OK);
	assert_int_equal(directory_account_set_role(f->d, f->bob, ROLE_DOMAIN_ADMIN, NULL, 0, &why), ERR_SYNTAX);
	assert_int_equal(directory_account_set_role(f->d, f->bob, ROLE_ADMIN, granted, 1, &why), ERR_SYNTAX);
	assert_int_equal(directory_account_set_role(f->d, f->bob, ROLE_DOMAIN_ADMIN, foreign, 1, &why), ERR_NOT_FOUND);
	assert_int_equal(directory_account_set_role(f->d, 999, ROLE_ADMIN, NULL, 0, &why), ERR_NOT_FOUND);
	assert_int_equal(directory_account_set_role(f->d, f->bob, ROLE_DOMAIN_ADMIN, granted, 2, NULL), ERR_OK);
	s = directory_hold(f->d);
	bob = snapshot_account(s, f->bob);
	assert_int_equal(bob->role, ROLE_DOMAIN_ADMIN);
	assert_int_equal(bob->granted_count, 2);
	assert_true(span_equals(bob->granted[0], SPAN("example.test")));
	assert_true(span_equals(bob->granted[1], SPAN("second.test")));
	snapshot_release(&s);
	/* A domain that goes takes its grants along. */
	assert_int_equal(directory_domain_remove(f->d, SPAN("second.test"), NULL), ERR_OK);
	s = directory_hold(f->d);
	assert_int_equal(snapshot_account(s, f->bob)->granted_count, 1);
	snapshot_release(&s);
	assert_int_equal(directory_account_set_role(f->d, f->bob, ROLE_AUDITOR, NULL, 0, NULL), ERR_OK);
	s = directory_hold(f->d);
	assert_int_equal(snapshot_account(s, f->bob)->role, ROLE_AUDITOR);
	assert_int_equal(snapshot_account(s, f->bob)->granted_count, 0);
	snapshot_release(&s);
}

static void last_owner_keeps_the_role(void **state)
{
	struct fixture *f = *state;
	struct note why = { "" };

	assert_int_equal(directory_account_set_role(f->d, f->ann, ROLE_USER, NULL, 0, &why), ERR_STATE);
	assert_int_equal(directory_account_set_role(f->d, f->bob, ROLE_OWNER, NULL, 0, NULL), ERR_OK);
	assert_int_equal(directory_account_set_role(f->d, f->ann, ROLE_ADMIN, NULL, 0, NULL), ERR_OK);
	assert_int_equal(directory_account_set_suspended(f->d, f->bob, true, NULL), ERR_STATE);
}

static void names_of_people_are_text(void **state)
{
	struct fixture *f = *state;
	const struct snapshot *s;
	char longest[202];

	memset(longest, 'x', sizeof(longest));
	assert_int_equal(directory_account_set_name(f->d, f->bob, SPAN("B\xc3\xb6"
								       "b Smith"),
						    NULL),
			 ERR_OK);
	assert_int_equal(directory_account_set_name(f->d, f->bob, SPAN("a\nb"), NULL), ERR_SYNTAX);
	assert_int_equal(directory_account_set_name(f->d, f->bob, SPAN("a\xc2\x85"), NULL), ERR_SYNTAX);
	assert_int_equal(directory_account_set_name(f->d, f->bob, SPAN("\xff"), NULL), ERR_SYNTAX);
	assert_int_equal(directory_account_set_name(f->d, f->bob, span_make(longest, 201), NULL), ERR_LIMIT);
	assert_int_equal(directory_account_set_name(f->d, 999, SPAN("x"), NULL), ERR_NOT_FOUND);
	s = directory_hold(f->d);
	assert_true(span_equals(snapshot_account(s, f->bob)->name, SPAN("B\xc3\xb6"
									"b Smith")));
	snapshot_release(&s);
}

static void alias_gets_other_targets(void **state)
{
	struct fixture *f = *state;
	const struct span one[] = { SPAN("bob@example.test") }, two[] = { SPAN("ann@example.test"), SPAN("x@elsewhere.test") };
	const struct alias *aliases;
	const struct snapshot *s;

	assert_int_equal(directory_alias_set(f->d, SPAN("info@example.test"), one, 1, NULL), ERR_NOT_FOUND);
	assert_int_equal(directory_alias_add(f->d, SPAN("info@example.test"), one, 1, NULL), ERR_OK);
	assert_int_equal(directory_alias_set(f->d, SPAN("Info@example.test"), two, 2, NULL), ERR_OK);
	assert_int_equal(directory_alias_set(f->d, SPAN("info@example.test"), two, 0, NULL), ERR_SYNTAX);
	s = directory_hold(f->d);
	assert_int_equal(snapshot_aliases(s, &aliases), 1);
	assert_int_equal(aliases[0].target_count, 2);
	assert_true(span_equals(aliases[0].targets[0], SPAN("ann@example.test")));
	snapshot_release(&s);
}

static void removed_certificate_is_gone(void **state)
{
	struct fixture *f = *state;
	struct stored_certificate *list;
	struct arena a;
	size_t count;

	assert_int_equal(directory_certificate_set(f->d, SPAN("a.test"), SPAN("chain"), SPAN("key"), NULL), ERR_OK);
	assert_int_equal(directory_certificate_remove(f->d, SPAN("a.test"), NULL), ERR_OK);
	assert_int_equal(directory_certificate_remove(f->d, SPAN("a.test"), NULL), ERR_NOT_FOUND);
	arena_init(&a, 4096);
	assert_int_equal(directory_certificates(f->d, &a, &list, &count), ERR_OK);
	assert_int_equal(count, 0);
	arena_clear(&a);
}

static enum err read_hash(struct db *db, void *arg)
{
	return db_account_get_password(db, 2, arg);
}

static void stored_hash_is_read_beside_the_snapshot(void **state)
{
	struct fixture *f = *state;
	struct buf hash;

	buf_init(&hash, 512);
	assert_int_equal(f->bob, 2);
	assert_int_equal(directory_read(f->d, read_hash, &hash), ERR_OK);
	assert_true(span_equals(buf_span(&hash), SPAN("$hash$bob")));
	buf_clear(&hash);
}

/* ---- threads ---- */

#define BATCHES 20
#define OTHERS 3

static enum err add_one(struct db *db, void *arg)
{
	struct buf b;
	uint64_t count = 0;
	char text[24];
	enum err e;

	buf_init(&b, 32);
	e = db_setting_get(db, span_str(arg), &b);
	if (!e)
		e = span_to_u64(buf_span(&b), UINT32_MAX, &count);
	else if (e == ERR_NOT_FOUND)
		e = ERR_OK;
	buf_clear(&b);
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)count + 1);
	return e ? e : db_setting_set(db, span_str(arg), span_str(text));
}

static void *count_rows(void *arg)
{
	struct fixture *f = arg;

	for (int i = 0; i < BATCHES; i++) {
		assert_false(directory_in_batch(f->d));
		assert_int_equal(directory_write(f->d, add_one, "count", NULL), ERR_OK);
		assert_int_equal(directory_account_set_suspended(f->d, f->bob, i % 2 == 0, NULL), ERR_OK);
	}
	return NULL;
}

static enum err move_mark(struct db *db, void *arg)
{
	struct buf b;
	enum err e;

	buf_init(&b, 32);
	e = db_setting_get(db, span_str(arg), &b);
	if (!e)
		e = db_setting_set(db, SPAN("mark"), buf_span(&b));
	buf_clear(&b);
	return e;
}

static enum err both_marks(struct db *db, void *arg)
{
	struct buf a, b;
	enum err e;

	(void)arg;
	buf_init(&a, 32);
	buf_init(&b, 32);
	e = db_setting_get(db, SPAN("left"), &a);
	if (!e)
		e = db_setting_get(db, SPAN("right"), &b);
	/* Of one moment: a batch changes both. */
	assert_true(e || span_equals(buf_span(&a), buf_span(&b)));
	buf_clear(&a);
	buf_clear(&b);
	return e;
}

static void *read_rows(void *arg)
{
	struct fixture *f = arg;

	for (int i = 0; i < 20 * BATCHES; i++) {
		const struct snapshot *s = directory_hold(f->d);
		enum err e = directory_read(f->d, both_marks, NULL);

		assert_true(e == ERR_OK || e == ERR_NOT_FOUND);
		assert_non_null(snapshot_account(s, f->ann));
		snapshot_release(&s);
		assert_int_equal(directory_refresh(f->d, NULL), ERR_OK);
	}
	return NULL;
}

static void others_read_and_write_beside_the_batches_of_one(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[2 * OTHERS];
	char address[64];

	for (int i = 0; i < OTHERS; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, count_rows, f), 0);
		assert_int_equal(pthread_create(&threads[OTHERS + i], NULL, read_rows, f), 0);
	}
	for (int i = 0; i < BATCHES; i++) {
		assert_int_equal(directory_begin(f->d, NULL), ERR_OK);
		assert_int_equal(directory_write(f->d, add_one, "left", NULL), ERR_OK);
		(void)snprintf(address, sizeof(address), "user%d@example.test", i);
		assert_int_equal(add_user(f->d, address), ERR_OK);
		assert_int_equal(directory_write(f->d, add_one, "right", NULL), ERR_OK);
		if (i % 4 == 3)
			directory_end(f->d);
		else
			assert_int_equal(directory_commit(f->d, NULL), ERR_OK);
		assert_int_equal(fixture_find(f->d, address) > 0, i % 4 != 3);
	}
	for (int i = 0; i < 2 * OTHERS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(directory_write(f->d, add_one, "left", NULL), ERR_OK);
	assert_int_equal(directory_write(f->d, move_mark, "left", NULL), ERR_OK);
	(void)snprintf(address, sizeof(address), "%d", BATCHES / 4 * 3 + 1);
	assert_string_equal(mark(f->d), address);
	assert_int_equal(directory_write(f->d, move_mark, "count", NULL), ERR_OK);
	(void)snprintf(address, sizeof(address), "%d", OTHERS * BATCHES);
	assert_string_equal(mark(f->d), address);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_make, fixture_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(changes_of_a_batch_come_together),
		CASE(ended_batch_leaves_nothing),
		CASE(failed_change_undoes_only_itself),
		CASE(staged_directory_shows_the_batch),
		CASE(batches_do_not_nest),
		CASE(rows_beside_the_directory_make_no_snapshot),
		CASE(batch_hides_no_change_of_another_process),
		CASE(sealed_value_opens_in_its_place_only),
		CASE(derived_keys_are_one_a_purpose_and_stay),
		CASE(roles_come_with_their_domains),
		CASE(last_owner_keeps_the_role),
		CASE(names_of_people_are_text),
		CASE(alias_gets_other_targets),
		CASE(removed_certificate_is_gone),
		CASE(stored_hash_is_read_beside_the_snapshot),
		CASE(others_read_and_write_beside_the_batches_of_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
