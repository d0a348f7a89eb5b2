/* What names mean, how the directory is changed, and what another process and another key see of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <pthread.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/crypto/seal.h"
#include "daemon/directory/manage.h"
#include "db/db.h"

struct place {
	char dir[64], path[96];
	struct seal_key key;
	struct directory *d;
	uint64_t owner, bob;
};

static struct directory *open_at(struct place *p)
{
	struct directory_config config = { p->path, &p->key, NULL };
	struct directory *d;
	struct note why = { "" };

	if (directory_open(&config, &d, &why))
		fail_msg("%s", why.text);
	return d;
}

static enum err add_alias(struct directory *d, const char *address, const char *target)
{
	struct span to = span_str(target);

	return directory_alias_add(d, span_str(address), &to, 1, NULL);
}

static int make_place(void **state)
{
	static struct place p;
	struct directory_setup setup = { SPAN("Mail.Example.Test"), SPAN("Example.Test"), SPAN("Ann@example.test"), SPAN("$hash$ann") };
	const struct snapshot *s;

	(void)snprintf(p.dir, sizeof(p.dir), "/tmp/postroom-directory-XXXXXX");
	if (!mkdtemp(p.dir) || db_init())
		return -1;
	(void)snprintf(p.path, sizeof(p.path), "%s/control.db", p.dir);
	seal_key_random(&p.key);
	p.d = open_at(&p);
	s = directory_hold(p.d);
	assert_false(snapshot_is_set_up(s));
	snapshot_release(&s);
	assert_int_equal(directory_setup(p.d, &setup, NULL), ERR_OK);
	assert_int_equal(directory_account_add(p.d, SPAN("bob@example.test"), SPAN("$hash$bob"), ROLE_USER, &p.bob, NULL), ERR_OK);
	s = directory_hold(p.d);
	p.owner = snapshot_account_by_login(s, SPAN("ann@example.test"))->id;
	snapshot_release(&s);
	*state = &p;
	return 0;
}

static int remove_place(void **state)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	struct place *p = *state;
	char path[128];

	directory_close(&p->d);
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof(path), "%s%s", p->path, suffixes[i]);
		(void)unlink(path);
	}
	return rmdir(p->dir);
}

static struct address address_of(const char *text)
{
	struct span all = span_str(text);
	size_t at = all.len;

	while (at > 0 && text[at - 1] != '@')
		at--;
	if (at == 0)
		return (struct address){ all, SPAN("") };
	return (struct address){ span_make(text, at - 1), span_skip(all, at) };
}

/* Of the snapshot of now; `target` is the first of an alias. */
static enum resolution_kind meaning(struct directory *d, const char *text, uint64_t *account, char target[64])
{
	const struct snapshot *s = directory_hold(d);
	struct address addr = address_of(text);
	struct resolution r;

	snapshot_resolve(s, &addr, &r);
	if (account)
		*account = r.account_id;
	if (target && r.target_count)
		(void)snprintf(target, 64, "%.*s", (int)r.targets[0].len, r.targets[0].ptr);
	snapshot_release(&s);
	return r.kind;
}

static void assert_account(struct directory *d, const char *text, uint64_t id)
{
	uint64_t account = 0;

	assert_int_equal(meaning(d, text, &account, NULL), RESOLVED_ACCOUNT);
	assert_int_equal(account, id);
}

static void assert_alias(struct directory *d, const char *text, const char *first)
{
	char target[64] = "";

	assert_int_equal(meaning(d, text, NULL, target), RESOLVED_ALIAS);
	assert_string_equal(target, first);
}

static bool may_send(struct directory *d, uint64_t id, const char *text)
{
	const struct snapshot *s = directory_hold(d);
	struct address addr = address_of(text);
	bool may = snapshot_may_send_as(s, id, &addr);

	snapshot_release(&s);
	return may;
}

static void setup_makes_domain_owner_and_hostname_once(void **state)
{
	struct place *p = *state;
	const struct snapshot *s = directory_hold(p->d);
	const struct span *domains;
	const struct account *a = snapshot_account_by_login(s, SPAN("ANN@EXAMPLE.test"));
	struct directory_setup again = { SPAN("h.test"), SPAN("b.test"), SPAN("x@b.test"), SPAN("$hash") };

	assert_true(snapshot_is_set_up(s));
	assert_true(span_equals(snapshot_hostname(s), SPAN("mail.example.test")));
	assert_int_equal(snapshot_domains(s, &domains), 1);
	assert_true(span_equals(domains[0], SPAN("example.test")));
	assert_non_null(a);
	assert_int_equal(a->role, ROLE_OWNER);
	assert_true(span_equals(a->address, SPAN("ann@example.test")));
	assert_ptr_equal(snapshot_account(s, a->id), a);
	assert_null(snapshot_account(s, 999));
	snapshot_release(&s);
	assert_null(s);
	assert_int_equal(directory_setup(p->d, &again, NULL), ERR_STATE);
}

static void setup_refuses_an_admin_of_another_domain(void **state)
{
	struct place *p = *state;
	struct directory_setup bad = { SPAN("h.test"), SPAN("b.test"), SPAN("x@c.test"), SPAN("$hash") };
	struct note why = { "" };

	assert_int_equal(directory_setup(p->d, &bad, &why), ERR_SYNTAX);
	assert_int_not_equal(why.text[0], 0);
}

static void names_resolve_in_the_order_of_the_contract(void **state)
{
	struct place *p = *state;
	uint64_t plus;

	assert_account(p->d, "bob@example.test", p->bob);
	assert_account(p->d, "BOB@Example.Test", p->bob);
	assert_account(p->d, "bob+news@example.test", p->bob);
	assert_account(p->d, "bob+a+b@example.test", p->bob);
	assert_int_equal(meaning(p->d, "+bob@example.test", NULL, NULL), RESOLVED_UNKNOWN);
	assert_int_equal(meaning(p->d, "carl@example.test", NULL, NULL), RESOLVED_UNKNOWN);
	assert_int_equal(meaning(p->d, "bob@elsewhere.test", NULL, NULL), RESOLVED_REMOTE);
	assert_int_equal(meaning(p->d, "a@b@example.test", NULL, NULL), RESOLVED_UNKNOWN);

	assert_int_equal(add_alias(p->d, "Sales@example.test", "bob@example.test"), ERR_OK);
	assert_alias(p->d, "sales@example.test", "bob@example.test");
	assert_alias(p->d, "sales+x@example.test", "bob@example.test");
	assert_int_equal(add_alias(p->d, "bob+lists@example.test", "lists@elsewhere.test"), ERR_OK);
	assert_alias(p->d, "bob+lists@example.test", "lists@elsewhere.test");
	assert_int_equal(directory_account_add(p->d, SPAN("bob+own@example.test"), SPAN(""), ROLE_USER, &plus, NULL), ERR_OK);
	assert_account(p->d, "bob+own@example.test", plus);

	assert_int_equal(add_alias(p->d, "@example.test", "ann@example.test"), ERR_OK);
	assert_alias(p->d, "carl@example.test", "ann@example.test");
	assert_account(p->d, "bob@example.test", p->bob);
	assert_int_equal(directory_alias_remove(p->d, SPAN("@example.test"), NULL), ERR_OK);
	assert_int_equal(meaning(p->d, "carl@example.test", NULL, NULL), RESOLVED_UNKNOWN);
}

static void postmaster_and_abuse_go_to_the_owner_until_named(void **state)
{
	struct place *p = *state;

	assert_account(p->d, "postmaster@example.test", p->owner);
	assert_account(p->d, "PostMaster", p->owner);
	assert_account(p->d, "abuse+x@example.test", p->owner);
	assert_int_equal(meaning(p->d, "someone", NULL, NULL), RESOLVED_UNKNOWN);
	assert_int_equal(meaning(p->d, "", NULL, NULL), RESOLVED_UNKNOWN);
	assert_int_equal(directory_domain_add(p->d, SPAN("second.test"), NULL), ERR_OK);
	assert_account(p->d, "abuse@second.test", p->owner);
	/* The catch-all comes after the owner. */
	assert_int_equal(add_alias(p->d, "@second.test", "bob@example.test"), ERR_OK);
	assert_account(p->d, "abuse@second.test", p->owner);
	assert_int_equal(add_alias(p->d, "abuse@second.test", "bob@example.test"), ERR_OK);
	assert_alias(p->d, "abuse@second.test", "bob@example.test");
	assert_account(p->d, "postmaster@second.test", p->owner);
}

static void international_names_compare_without_case(void **state)
{
	struct place *p = *state;
	uint64_t id;

	assert_int_equal(directory_account_add(p->d, SPAN("J\xc3\xb6rg@example.test"), SPAN(""), ROLE_USER, &id, NULL), ERR_OK);
	assert_account(p->d, "j\xc3\x96RG@example.test", id);
	assert_account(p->d, "jo\xcc\x88rg+x@example.test", id);
	assert_int_equal(directory_account_add(p->d, SPAN("JO\xcc\x88RG@example.test"), SPAN(""), ROLE_USER, &id, NULL), ERR_EXISTS);
	assert_int_equal(directory_domain_add(p->d, SPAN("B\xc3\xbc"
							 "cher.test"),
					      NULL),
			 ERR_OK);
	assert_int_equal(meaning(p->d, "x@xn--bcher-kva.test", NULL, NULL), RESOLVED_UNKNOWN);
}

static void hostile_names_resolve_to_nothing(void **state)
{
	struct place *p = *state;
	static char longest[5000];

	memset(longest, 'a', sizeof(longest) - 1);
	memcpy(longest + 4000, "@example.test", sizeof("@example.test"));
	assert_int_equal(meaning(p->d, longest, NULL, NULL), RESOLVED_UNKNOWN);
	longest[0] = '\xc3';
	longest[1] = '\xb6';
	assert_int_equal(meaning(p->d, longest, NULL, NULL), RESOLVED_UNKNOWN);
	assert_int_equal(meaning(p->d, "\xff\xfe@example.test", NULL, NULL), RESOLVED_UNKNOWN);
	assert_int_equal(meaning(p->d, "a@[127.0.0.1]", NULL, NULL), RESOLVED_REMOTE);
	assert_int_equal(meaning(p->d, "@example.test", NULL, NULL), RESOLVED_UNKNOWN);
}

static void account_sends_as_itself_and_its_aliases(void **state)
{
	struct place *p = *state;
	struct span both[] = { SPAN("ann+team@example.test"), SPAN("bob@example.test"), SPAN("x@elsewhere.test") };

	assert_int_equal(directory_alias_add(p->d, SPAN("team@example.test"), both, 3, NULL), ERR_OK);
	assert_true(may_send(p->d, p->bob, "bob@example.test"));
	assert_true(may_send(p->d, p->bob, "bob+x@example.test"));
	assert_true(may_send(p->d, p->bob, "team@example.test"));
	assert_true(may_send(p->d, p->bob, "team+x@example.test"));
	assert_true(may_send(p->d, p->owner, "team@example.test"));
	assert_false(may_send(p->d, p->bob, "ann@example.test"));
	assert_false(may_send(p->d, p->bob, "postmaster@example.test"));
	assert_true(may_send(p->d, p->owner, "postmaster@example.test"));
	assert_false(may_send(p->d, p->bob, "bob@elsewhere.test"));
	assert_false(may_send(p->d, 0, "x@elsewhere.test"));
	assert_false(may_send(p->d, 0, "team@example.test"));
}

static void names_are_taken_once(void **state)
{
	struct place *p = *state;
	uint64_t id;
	struct note why = { "" };

	assert_int_equal(directory_account_add(p->d, SPAN("BOB@example.test"), SPAN(""), ROLE_USER, &id, &why), ERR_EXISTS);
	assert_non_null(strstr(why.text, "taken by a user"));
	assert_int_equal(add_alias(p->d, "Bob@example.test", "ann@example.test"), ERR_EXISTS);
	assert_int_equal(add_alias(p->d, "info@example.test", "ann@example.test"), ERR_OK);
	assert_int_equal(add_alias(p->d, "INFO@example.test", "bob@example.test"), ERR_EXISTS);
	assert_int_equal(directory_account_add(p->d, SPAN("info@example.test"), SPAN(""), ROLE_USER, &id, &why), ERR_EXISTS);
	assert_non_null(strstr(why.text, "taken by an alias"));
	assert_int_equal(directory_account_add(p->d, SPAN("info@example.test"), SPAN(""), ROLE_USER, &id, NULL), ERR_EXISTS);
	assert_int_equal(directory_domain_add(p->d, SPAN("EXAMPLE.test"), NULL), ERR_EXISTS);
}

static void bad_changes_are_refused_by_name(void **state)
{
	struct place *p = *state;
	uint64_t id;
	static const char *const bad[] = { "", "bob", "bob@", "@example.test", "a b@example.test", "a@b@example.test", "a@[127.0.0.1]", "a\n@example.test" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(directory_account_add(p->d, span_str(bad[i]), SPAN(""), ROLE_USER, &id, NULL), ERR_SYNTAX);
	assert_int_equal(directory_account_add(p->d, SPAN("x@other.test"), SPAN(""), ROLE_USER, &id, NULL), ERR_NOT_FOUND);
	assert_int_equal(directory_domain_add(p->d, SPAN("not a domain"), NULL), ERR_SYNTAX);
	assert_int_equal(directory_domain_remove(p->d, SPAN("other.test"), NULL), ERR_NOT_FOUND);
	assert_int_equal(directory_account_remove(p->d, 999, NULL), ERR_NOT_FOUND);
	assert_int_equal(directory_alias_add(p->d, SPAN("x@example.test"), NULL, 0, NULL), ERR_SYNTAX);
	assert_int_equal(add_alias(p->d, "x@example.test", "X@example.test"), ERR_SYNTAX);
	assert_int_equal(add_alias(p->d, "x@example.test", "not an address"), ERR_SYNTAX);
	assert_int_equal(add_alias(p->d, "x@other.test", "bob@example.test"), ERR_NOT_FOUND);
	assert_int_equal(directory_alias_remove(p->d, SPAN("x@example.test"), NULL), ERR_NOT_FOUND);
}

static void domain_in_use_and_last_owner_stay(void **state)
{
	struct place *p = *state;
	struct note why = { "" };
	uint64_t second;

	assert_int_equal(directory_domain_remove(p->d, SPAN("example.test"), &why), ERR_STATE);
	assert_int_equal(directory_account_remove(p->d, p->owner, &why), ERR_STATE);
	assert_non_null(strstr(why.text, "owner"));
	assert_int_equal(directory_account_set_suspended(p->d, p->owner, true, NULL), ERR_STATE);
	assert_int_equal(directory_account_add(p->d, SPAN("eve@example.test"), SPAN(""), ROLE_OWNER, &second, NULL), ERR_OK);
	assert_int_equal(directory_account_remove(p->d, p->owner, NULL), ERR_OK);
	assert_account(p->d, "postmaster@example.test", second);
	assert_int_equal(directory_domain_add(p->d, SPAN("empty.test"), NULL), ERR_OK);
	assert_int_equal(directory_domain_remove(p->d, SPAN("Empty.test"), NULL), ERR_OK);
	assert_int_equal(meaning(p->d, "x@empty.test", NULL, NULL), RESOLVED_REMOTE);
}

static void removed_account_leaves_no_name_and_its_id_is_not_used_again(void **state)
{
	struct place *p = *state;
	struct span two[] = { SPAN("bob+x@example.test"), SPAN("ann@example.test") };
	uint64_t again;

	assert_int_equal(directory_alias_add(p->d, SPAN("team@example.test"), two, 2, NULL), ERR_OK);
	assert_int_equal(add_alias(p->d, "only@example.test", "BOB@example.test"), ERR_OK);
	assert_int_equal(directory_account_remove(p->d, p->bob, NULL), ERR_OK);
	assert_int_equal(meaning(p->d, "bob@example.test", NULL, NULL), RESOLVED_UNKNOWN);
	assert_int_equal(meaning(p->d, "only@example.test", NULL, NULL), RESOLVED_UNKNOWN);
	assert_alias(p->d, "team@example.test", "ann@example.test");
	assert_int_equal(directory_account_add(p->d, SPAN("bob@example.test"), SPAN(""), ROLE_USER, &again, NULL), ERR_OK);
	assert_true(again > p->bob);
}

static void suspended_account_is_told_apart(void **state)
{
	struct place *p = *state;
	uint64_t id;

	assert_int_equal(directory_account_set_suspended(p->d, p->bob, true, NULL), ERR_OK);
	assert_int_equal(meaning(p->d, "bob+x@example.test", &id, NULL), RESOLVED_SUSPENDED);
	assert_int_equal(id, p->bob);
	assert_int_equal(directory_account_set_suspended(p->d, p->bob, false, NULL), ERR_OK);
	assert_account(p->d, "bob@example.test", p->bob);
}

static void held_snapshot_does_not_change(void **state)
{
	struct place *p = *state;
	const struct snapshot *s = directory_hold(p->d);
	const struct account *const *accounts;
	uint64_t id;

	assert_int_equal(directory_account_add(p->d, SPAN("aaron@example.test"), SPAN(""), ROLE_USER, &id, NULL), ERR_OK);
	assert_int_equal(snapshot_accounts(s, &accounts), 2);
	assert_true(span_equals(accounts[0]->address, SPAN("ann@example.test")));
	snapshot_release(&s);
	s = directory_hold(p->d);
	assert_int_equal(snapshot_accounts(s, &accounts), 3);
	assert_true(span_equals(accounts[0]->address, SPAN("aaron@example.test")));
	assert_true(span_equals(accounts[2]->address, SPAN("bob@example.test")));
	snapshot_release(&s);
}

static void changes_of_another_process_appear_at_refresh(void **state)
{
	struct place *p = *state;
	struct directory *other = open_at(p);
	const uint64_t commits = directory_commits(p->d);
	const struct snapshot *s;

	assert_int_equal(directory_account_set_suspended(other, p->bob, true, NULL), ERR_OK);
	assert_int_equal(directory_refresh(p->d, NULL), ERR_OK);
	assert_true(directory_commits(p->d) > commits);
	s = directory_hold(p->d);
	assert_true(snapshot_account(s, p->bob)->suspended);
	assert_int_equal(directory_refresh(p->d, NULL), ERR_OK);
	directory_close(&other);
	snapshot_release(&s);
}

static void everything_is_there_after_reopening(void **state)
{
	struct place *p = *state;
	struct relay_host relay = { SPAN("*"), SPAN("Relay.Test"), 587, RELAY_TLS_REQUIRED, SPAN("us"), SPAN("s3cret") };
	const struct relay_host *found;
	const struct snapshot *s;

	assert_int_equal(add_alias(p->d, "info@example.test", "bob@example.test"), ERR_OK);
	assert_int_equal(directory_relay_set(p->d, &relay, NULL), ERR_OK);
	directory_close(&p->d);
	p->d = open_at(p);
	assert_account(p->d, "bob@example.test", p->bob);
	assert_alias(p->d, "info@example.test", "bob@example.test");
	s = directory_hold(p->d);
	found = snapshot_relay_for(s, SPAN("anywhere.test"), SPAN(""));
	assert_non_null(found);
	assert_true(span_equals(found->host, SPAN("relay.test")));
	assert_true(span_equals(found->password, SPAN("s3cret")));
	snapshot_release(&s);
}

static void relay_of_a_domain_goes_before_that_of_all(void **state)
{
	struct place *p = *state;
	struct relay_host all = { SPAN("*"), SPAN("192.0.2.1"), 25, RELAY_TLS_NONE, SPAN(""), SPAN("") };
	struct relay_host own = { SPAN("Big.Test"), SPAN("mx.big.test"), 25, RELAY_TLS_OPPORTUNISTIC, SPAN(""), SPAN("") };
	struct relay_host open_password = { SPAN("x.test"), SPAN("mx.x.test"), 25, RELAY_TLS_NONE, SPAN("u"), SPAN("p") };
	const struct snapshot *s;
	const struct relay_host *list;

	assert_int_equal(directory_relay_set(p->d, &own, NULL), ERR_OK);
	s = directory_hold(p->d);
	assert_null(snapshot_relay_for(s, SPAN("other.test"), SPAN("")));
	snapshot_release(&s);
	assert_int_equal(directory_relay_set(p->d, &all, NULL), ERR_OK);
	all.port = 26;
	assert_int_equal(directory_relay_set(p->d, &all, NULL), ERR_OK);
	assert_int_equal(directory_relay_set(p->d, &open_password, NULL), ERR_SYNTAX);
	s = directory_hold(p->d);
	assert_int_equal(snapshot_relays(s, &list), 2);
	assert_true(span_equals(snapshot_relay_for(s, SPAN("big.test"), SPAN(""))->host, SPAN("mx.big.test")));
	assert_int_equal(snapshot_relay_for(s, SPAN("other.test"), SPAN(""))->port, 26);
	snapshot_release(&s);
	assert_int_equal(directory_relay_remove(p->d, SPAN("BIG.test"), NULL), ERR_OK);
	assert_int_equal(directory_relay_remove(p->d, SPAN("big.test"), NULL), ERR_NOT_FOUND);
}

static void secrets_are_sealed_at_rest(void **state)
{
	static char bytes[1 << 20];
	struct place *p = *state;
	struct relay_host relay = { SPAN("*"), SPAN("relay.test"), 587, RELAY_TLS_REQUIRED, SPAN("us"), SPAN("findmeintheclear") };
	char wal[128];
	size_t len;
	FILE *f;

	assert_int_equal(directory_relay_set(p->d, &relay, NULL), ERR_OK);
	assert_int_equal(directory_certificate_set(p->d, SPAN("mail.example.test"), SPAN("chain"), SPAN("findmeintheclear"), NULL), ERR_OK);
	(void)snprintf(wal, sizeof(wal), "%s-wal", p->path);
	f = fopen(wal, "r");
	assert_non_null(f);
	len = fread(bytes, 1, sizeof(bytes), f);
	(void)fclose(f);
	assert_non_null(memmem(bytes, len, "relay.test", 10));
	assert_null(memmem(bytes, len, "findmeintheclear", 16));
}

static void certificates_come_back_with_their_keys(void **state)
{
	struct place *p = *state;
	struct stored_certificate *list;
	struct arena a;
	size_t count;

	arena_init(&a, 1 << 20);
	assert_int_equal(directory_certificates(p->d, &a, &list, &count), ERR_OK);
	assert_int_equal(count, 0);
	assert_int_equal(directory_certificate_set(p->d, SPAN("b.test"), SPAN("chain b"), SPAN("key b"), NULL), ERR_OK);
	assert_int_equal(directory_certificate_set(p->d, SPAN("a.test"), SPAN("chain a"), SPAN("key a"), NULL), ERR_OK);
	assert_int_equal(directory_certificate_set(p->d, SPAN("b.test"), SPAN("chain c"), SPAN("key c"), NULL), ERR_OK);
	assert_int_equal(directory_certificates(p->d, &a, &list, &count), ERR_OK);
	assert_int_equal(count, 2);
	assert_true(span_equals(list[0].name, SPAN("a.test")));
	assert_true(span_equals(list[0].key_pem, SPAN("key a")));
	assert_true(span_equals(list[1].chain_pem, SPAN("chain c")));
	assert_true(span_equals(list[1].key_pem, SPAN("key c")));
	arena_clear(&a);
}

static void wrong_secret_key_opens_nothing(void **state)
{
	struct place *p = *state;
	struct seal_key wrong;
	struct directory_config config = { p->path, &wrong, NULL };
	struct directory *d;
	struct note why = { "" };

	seal_key_random(&wrong);
	assert_int_equal(directory_open(&config, &d, &why), ERR_CORRUPT);
	assert_null(d);
	assert_non_null(strstr(why.text, "secret.key"));
}

static void *read_all_the_time(void *arg)
{
	struct place *p = arg;

	for (int i = 0; i < 3000; i++) {
		const struct snapshot *s = directory_hold(p->d);

		assert_non_null(snapshot_account(s, p->owner));
		snapshot_release(&s);
	}
	return NULL;
}

static void readers_and_a_writer_share_the_directory(void **state)
{
	struct place *p = *state;
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_all_the_time, p), 0);
	for (int i = 0; i < 50; i++)
		assert_int_equal(directory_account_set_suspended(p->d, p->bob, i % 2 == 0, NULL), ERR_OK);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_account(p->d, "bob@example.test", p->bob);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(setup_makes_domain_owner_and_hostname_once),
		CASE(setup_refuses_an_admin_of_another_domain),
		CASE(names_resolve_in_the_order_of_the_contract),
		CASE(postmaster_and_abuse_go_to_the_owner_until_named),
		CASE(international_names_compare_without_case),
		CASE(hostile_names_resolve_to_nothing),
		CASE(account_sends_as_itself_and_its_aliases),
		CASE(names_are_taken_once),
		CASE(bad_changes_are_refused_by_name),
		CASE(domain_in_use_and_last_owner_stay),
		CASE(removed_account_leaves_no_name_and_its_id_is_not_used_again),
		CASE(suspended_account_is_told_apart),
		CASE(held_snapshot_does_not_change),
		CASE(changes_of_another_process_appear_at_refresh),
		CASE(everything_is_there_after_reopening),
		CASE(relay_of_a_domain_goes_before_that_of_all),
		CASE(secrets_are_sealed_at_rest),
		CASE(certificates_come_back_with_their_keys),
		CASE(wrong_secret_key_opens_nothing),
		CASE(readers_and_a_writer_share_the_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
