/* Domains that stand for others or are disabled, forwards, identities, limits, and what destinations must have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/directory/fixture.h"

static struct address address_of(const char *text)
{
	struct span all = span_str(text);
	size_t at = all.len;

	while (at > 0 && text[at - 1] != '@')
		at--;
	return (struct address){ span_make(text, at - 1), span_skip(all, at) };
}

struct meant {
	enum resolution_kind kind;
	uint64_t account;
	bool held;
};

static struct meant meaning(struct fixture *f, const char *text)
{
	const struct snapshot *s = directory_hold(f->d);
	struct address addr = address_of(text);
	struct resolution r;
	struct meant out;

	snapshot_resolve(s, &addr, &r);
	assert_true(!r.account || r.account->id == r.account_id);
	assert_true((r.account != NULL) == (r.kind == RESOLVED_ACCOUNT || r.kind == RESOLVED_SUSPENDED));
	out = (struct meant){ r.kind, r.account_id, r.held };
	snapshot_release(&s);
	return out;
}

static bool may(struct fixture *f, uint64_t id, const char *text)
{
	const struct snapshot *s = directory_hold(f->d);
	struct address addr = address_of(text);
	bool out = snapshot_may_send_as(s, id, &addr);

	snapshot_release(&s);
	return out;
}

static bool is_disabled(struct fixture *f, uint64_t id)
{
	const struct snapshot *s = directory_hold(f->d);
	bool out = snapshot_account(s, id)->disabled;

	snapshot_release(&s);
	return out;
}

static void add_domain(struct fixture *f, const char *name)
{
	assert_int_equal(directory_domain_add(f->d, span_str(name), NULL), ERR_OK);
}

static enum err set_domain(struct fixture *f, const char *name, enum domain_state state, const char *alias_of)
{
	struct domain domain = { .name = span_str(name), .state = state, .alias_of = span_str(alias_of) };

	return directory_domain_set(f->d, &domain, NULL);
}

static uint64_t add_user(struct fixture *f, const char *address)
{
	uint64_t id = 0;

	assert_int_equal(directory_account_add(f->d, span_str(address), SPAN("$hash"), ROLE_USER, &id, NULL), ERR_OK);
	return id;
}

static void add_alias(struct fixture *f, const char *address, const char *target)
{
	struct span to = span_str(target);

	assert_int_equal(directory_alias_add(f->d, span_str(address), &to, 1, NULL), ERR_OK);
}

static void domain_alias_stands_for_its_domain(void **state)
{
	struct fixture *f = *state;

	add_domain(f, "short.test");
	add_alias(f, "info@example.test", "bob@example.test");
	assert_int_equal(meaning(f, "bob@short.test").kind, RESOLVED_UNKNOWN);
	assert_int_equal(set_domain(f, "short.test", DOMAIN_ACTIVE, "Example.test"), ERR_OK);
	assert_int_equal(meaning(f, "Bob@short.test").account, f->bob);
	assert_int_equal(meaning(f, "bob+news@SHORT.test").account, f->bob);
	assert_int_equal(meaning(f, "info@short.test").kind, RESOLVED_ALIAS);
	assert_int_equal(meaning(f, "postmaster@short.test").account, f->ann);
	assert_int_equal(meaning(f, "nobody@short.test").kind, RESOLVED_UNKNOWN);
	assert_int_equal(meaning(f, "bob@other.test").kind, RESOLVED_REMOTE);
	/* What is sent as, too. */
	assert_true(may(f, f->bob, "bob@short.test"));
	assert_true(may(f, f->bob, "info+x@short.test"));
	assert_false(may(f, f->ann, "bob@short.test"));
	assert_int_equal(set_domain(f, "short.test", DOMAIN_ACTIVE, ""), ERR_OK);
	assert_int_equal(meaning(f, "bob@short.test").kind, RESOLVED_UNKNOWN);
	assert_false(may(f, f->bob, "bob@short.test"));
}

static void domain_alias_has_no_names_and_stands_for_no_alias(void **state)
{
	struct fixture *f = *state;
	struct span to = SPAN("bob@example.test");
	uint64_t id;

	add_domain(f, "a.test");
	add_domain(f, "b.test");
	assert_int_equal(set_domain(f, "a.test", DOMAIN_ACTIVE, "a.test"), ERR_STATE);
	assert_int_equal(set_domain(f, "a.test", DOMAIN_ACTIVE, "none.test"), ERR_STATE);
	assert_int_equal(set_domain(f, "none.test", DOMAIN_ACTIVE, ""), ERR_NOT_FOUND);
	assert_int_equal(set_domain(f, "example.test", DOMAIN_ACTIVE, "a.test"), ERR_STATE);
	assert_int_equal(set_domain(f, "a.test", DOMAIN_ACTIVE, "example.test"), ERR_OK);
	assert_int_equal(set_domain(f, "b.test", DOMAIN_ACTIVE, "a.test"), ERR_STATE);
	assert_int_equal(directory_account_add(f->d, SPAN("x@a.test"), SPAN(""), ROLE_USER, &id, NULL), ERR_STATE);
	assert_int_equal(directory_alias_add(f->d, SPAN("@a.test"), &to, 1, NULL), ERR_STATE);
	assert_int_equal(set_domain(f, "b.test", DOMAIN_ACTIVE, "example.test"), ERR_OK);
	assert_int_equal(set_domain(f, "b.test", DOMAIN_ACTIVE, ""), ERR_OK);
	/* What a domain stands for stays while it does. */
	assert_int_equal(set_domain(f, "a.test", DOMAIN_ACTIVE, "b.test"), ERR_OK);
	assert_int_equal(directory_domain_remove(f->d, SPAN("b.test"), NULL), ERR_STATE);
	assert_int_equal(set_domain(f, "b.test", DOMAIN_ACTIVE, "example.test"), ERR_STATE);
	assert_int_equal(directory_domain_remove(f->d, SPAN("a.test"), NULL), ERR_OK);
	assert_int_equal(directory_domain_remove(f->d, SPAN("b.test"), NULL), ERR_OK);
}

static void state_of_a_domain_decides_over_its_mail_and_users(void **state)
{
	struct fixture *f = *state;
	uint64_t carl;

	add_domain(f, "shut.test");
	carl = add_user(f, "carl@shut.test");
	add_alias(f, "info@shut.test", "bob@example.test");
	assert_false(is_disabled(f, carl));
	assert_int_equal(set_domain(f, "shut.test", DOMAIN_ACCEPTS, ""), ERR_OK);
	assert_true(is_disabled(f, carl));
	assert_false(is_disabled(f, f->bob));
	assert_int_equal(meaning(f, "carl@shut.test").kind, RESOLVED_ACCOUNT);
	assert_false(meaning(f, "carl@shut.test").held);
	assert_int_equal(set_domain(f, "shut.test", DOMAIN_HOLDS, ""), ERR_OK);
	assert_true(is_disabled(f, carl));
	assert_int_equal(meaning(f, "carl@shut.test").kind, RESOLVED_ACCOUNT);
	assert_true(meaning(f, "carl@shut.test").held);
	assert_true(meaning(f, "info@shut.test").held);
	assert_int_equal(meaning(f, "nobody@shut.test").kind, RESOLVED_UNKNOWN);
	assert_false(meaning(f, "bob@example.test").held);
	assert_int_equal(set_domain(f, "shut.test", DOMAIN_REFUSES, ""), ERR_OK);
	assert_int_equal(meaning(f, "carl@shut.test").kind, RESOLVED_REFUSED);
	assert_int_equal(meaning(f, "nobody@shut.test").kind, RESOLVED_REFUSED);
	/* Of what stands for it, too. */
	add_domain(f, "door.test");
	assert_int_equal(set_domain(f, "door.test", DOMAIN_ACTIVE, "shut.test"), ERR_OK);
	assert_int_equal(meaning(f, "carl@door.test").kind, RESOLVED_REFUSED);
	assert_int_equal(set_domain(f, "shut.test", DOMAIN_ACTIVE, ""), ERR_OK);
	assert_int_equal(meaning(f, "carl@door.test").account, carl);
	assert_false(is_disabled(f, carl));
	assert_int_equal(set_domain(f, "door.test", DOMAIN_HOLDS, "shut.test"), ERR_OK);
	assert_true(meaning(f, "carl@door.test").held);
	assert_false(meaning(f, "carl@shut.test").held);
	/* Suspended is not the same: it holds in an active domain. */
	assert_int_equal(directory_account_set_suspended(f->d, carl, true, NULL), ERR_OK);
	assert_true(is_disabled(f, carl));
	assert_int_equal(meaning(f, "carl@shut.test").kind, RESOLVED_SUSPENDED);
}

static void last_owner_can_always_log_in(void **state)
{
	struct fixture *f = *state;
	uint64_t carl;

	assert_int_equal(set_domain(f, "example.test", DOMAIN_ACCEPTS, ""), ERR_STATE);
	assert_false(is_disabled(f, f->ann));
	add_domain(f, "other.test");
	carl = add_user(f, "carl@other.test");
	assert_int_equal(directory_account_set_role(f->d, carl, ROLE_OWNER, NULL, 0, NULL), ERR_OK);
	assert_int_equal(set_domain(f, "example.test", DOMAIN_ACCEPTS, ""), ERR_OK);
	assert_int_equal(set_domain(f, "other.test", DOMAIN_ACCEPTS, ""), ERR_STATE);
	assert_int_equal(directory_account_set_suspended(f->d, carl, true, NULL), ERR_STATE);
	assert_int_equal(meaning(f, "postmaster@other.test").account, carl);
}

static void source_addresses_of_a_domain_come_back(void **state)
{
	struct fixture *f = *state;
	struct domain domain = { .name = SPAN("example.test") };
	const struct domain *rows, *row;
	const struct snapshot *s;

	assert_int_equal(net_ip_parse(SPAN("192.0.2.7"), &domain.source4), ERR_OK);
	assert_int_equal(net_ip_parse(SPAN("2001:db8::7"), &domain.source6), ERR_OK);
	assert_int_equal(directory_domain_set(f->d, &domain, NULL), ERR_OK);
	s = directory_hold(f->d);
	row = snapshot_domain(s, SPAN("example.test"));
	assert_true(net_ip_equals(&row->source4, &domain.source4));
	assert_true(net_ip_equals(&row->source6, &domain.source6));
	assert_true(row->created_ms > 0);
	assert_int_equal(snapshot_domain_rows(s, &rows), 1);
	assert_ptr_equal(rows, row);
	assert_null(snapshot_domain(s, SPAN("bob@example.test")));
	snapshot_release(&s);
	domain.source4 = domain.source6;
	assert_int_equal(directory_domain_set(f->d, &domain, NULL), ERR_SYNTAX);
}

static enum err forward(struct fixture *f, uint64_t id, const char *first, const char *second, bool keeps)
{
	const struct span targets[] = { span_str(first), second ? span_str(second) : SPAN("") };

	return directory_account_set_forwards(f->d, id, targets, second ? 2 : 1, keeps, NULL);
}

static void assert_forwards(struct fixture *f, uint64_t id, const char *want, bool keeps)
{
	const struct snapshot *s = directory_hold(f->d);
	const struct account *a = snapshot_account(s, id);
	char got[256] = "";

	for (size_t i = 0; i < a->forward_count; i++)
		(void)snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%.*s", i ? " " : "", (int)a->forwards[i].len, a->forwards[i].ptr);
	assert_string_equal(got, want);
	assert_int_equal(a->forward_keeps, keeps);
	snapshot_release(&s);
}

static void forwards_are_kept_with_their_account(void **state)
{
	struct fixture *f = *state;
	struct span many[FORWARDS_MAX + 1];

	assert_forwards(f, f->bob, "", true);
	assert_int_equal(forward(f, f->bob, "Bob@Elsewhere.test", "carl@elsewhere.test", false), ERR_OK);
	assert_int_equal(forward(f, f->ann, "ann@elsewhere.test", "ANN@elsewhere.test", true), ERR_OK);
	assert_forwards(f, f->bob, "bob@elsewhere.test carl@elsewhere.test", false);
	assert_forwards(f, f->ann, "ann@elsewhere.test", true);
	directory_close(&f->d);
	f->d = fixture_open(f);
	assert_forwards(f, f->bob, "bob@elsewhere.test carl@elsewhere.test", false);
	assert_int_equal(directory_account_set_forwards(f->d, f->bob, NULL, 0, false, NULL), ERR_OK);
	assert_forwards(f, f->bob, "", true);
	assert_int_equal(forward(f, f->bob, "not an address", NULL, false), ERR_SYNTAX);
	assert_int_equal(forward(f, f->bob, "@example.test", NULL, false), ERR_SYNTAX);
	assert_int_equal(forward(f, 999, "x@elsewhere.test", NULL, false), ERR_NOT_FOUND);
	for (size_t i = 0; i < FORWARDS_MAX + 1; i++)
		many[i] = SPAN("x@elsewhere.test");
	assert_int_equal(directory_account_set_forwards(f->d, f->bob, many, FORWARDS_MAX + 1, true, NULL), ERR_LIMIT);
	assert_forwards(f, f->bob, "", true);
}

static void forward_to_oneself_is_a_copy_that_stays(void **state)
{
	struct fixture *f = *state;

	add_domain(f, "short.test");
	assert_int_equal(set_domain(f, "short.test", DOMAIN_ACTIVE, "example.test"), ERR_OK);
	assert_int_equal(forward(f, f->bob, "Bob@example.test", "x@elsewhere.test", false), ERR_OK);
	assert_forwards(f, f->bob, "x@elsewhere.test", true);
	assert_int_equal(forward(f, f->bob, "bob+copy@short.test", "x@elsewhere.test", false), ERR_OK);
	assert_forwards(f, f->bob, "x@elsewhere.test", true);
	assert_int_equal(forward(f, f->bob, "bob@example.test", "bob+x@example.test", true), ERR_STATE);
	assert_int_equal(forward(f, f->bob, "bob@short.test", NULL, true), ERR_STATE);
	assert_forwards(f, f->bob, "x@elsewhere.test", true);
}

static void forward_to_who_is_removed_goes_with_them(void **state)
{
	struct fixture *f = *state;
	uint64_t carl = add_user(f, "carl@example.test");

	assert_int_equal(forward(f, f->bob, "carl+bob@example.test", NULL, false), ERR_OK);
	assert_int_equal(forward(f, f->ann, "carl@example.test", "x@elsewhere.test", false), ERR_OK);
	assert_int_equal(forward(f, carl, "y@elsewhere.test", NULL, false), ERR_OK);
	assert_int_equal(directory_account_remove(f->d, carl, NULL), ERR_OK);
	assert_forwards(f, f->bob, "", true);
	assert_forwards(f, f->ann, "x@elsewhere.test", false);
}

static void identities_add_to_what_an_account_sends_as(void **state)
{
	struct fixture *f = *state;
	const struct span given[] = { SPAN("Sales@elsewhere.test"), SPAN("@team.test"), SPAN("ann@example.test") };
	const struct span foreign[] = { SPAN("@elsewhere.test") };

	add_domain(f, "team.test");
	add_domain(f, "short.test");
	assert_int_equal(set_domain(f, "short.test", DOMAIN_ACTIVE, "team.test"), ERR_OK);
	assert_false(may(f, f->bob, "sales@elsewhere.test"));
	assert_int_equal(directory_account_set_identities(f->d, f->bob, given, 3, NULL), ERR_OK);
	assert_true(may(f, f->bob, "sales@elsewhere.test"));
	assert_true(may(f, f->bob, "SALES+x@Elsewhere.test"));
	assert_false(may(f, f->bob, "buyer@elsewhere.test"));
	assert_true(may(f, f->bob, "anything@team.test"));
	assert_true(may(f, f->bob, "anything@short.test"));
	assert_true(may(f, f->bob, "ann@example.test"));
	assert_true(may(f, f->bob, "bob@example.test"));
	assert_false(may(f, f->ann, "sales@elsewhere.test"));
	assert_int_equal(directory_account_set_identities(f->d, f->bob, foreign, 1, NULL), ERR_NOT_FOUND);
	assert_int_equal(directory_account_set_identities(f->d, 999, given, 1, NULL), ERR_NOT_FOUND);
	assert_true(may(f, f->bob, "sales@elsewhere.test"));
	/* A domain that comes again is another one. */
	assert_int_equal(directory_domain_remove(f->d, SPAN("short.test"), NULL), ERR_OK);
	assert_int_equal(directory_domain_remove(f->d, SPAN("team.test"), NULL), ERR_OK);
	add_domain(f, "team.test");
	assert_false(may(f, f->bob, "anything@team.test"));
	assert_int_equal(directory_account_set_identities(f->d, f->bob, NULL, 0, NULL), ERR_OK);
	assert_false(may(f, f->bob, "sales@elsewhere.test"));
}

static void identity_under_a_domain_alias_does_not_reach_its_domain(void **state)
{
	struct fixture *f = *state;
	const struct span given = SPAN("@short.test");

	add_domain(f, "short.test");
	assert_int_equal(set_domain(f, "short.test", DOMAIN_ACTIVE, "example.test"), ERR_OK);
	assert_int_equal(directory_account_set_identities(f->d, f->bob, &given, 1, NULL), ERR_OK);
	assert_true(may(f, f->bob, "ann@short.test"));
	assert_false(may(f, f->bob, "ann@example.test"));
}

static void alias_target_under_a_domain_alias_is_its_account(void **state)
{
	struct fixture *f = *state;

	add_domain(f, "short.test");
	assert_int_equal(set_domain(f, "short.test", DOMAIN_ACTIVE, "example.test"), ERR_OK);
	add_alias(f, "info@example.test", "bob+info@short.test");
	assert_true(may(f, f->bob, "info@example.test"));
	assert_false(may(f, f->ann, "info@example.test"));
}

static void limits_of_an_account_come_back(void **state)
{
	struct fixture *f = *state;
	const struct account *a;
	const struct snapshot *s;

	assert_int_equal(directory_account_set_limits(f->d, f->bob, 10, 0, -1, NULL), ERR_OK);
	assert_int_equal(directory_account_set_limits(f->d, f->bob, -2, 0, 0, NULL), ERR_LIMIT);
	assert_int_equal(directory_account_set_limits(f->d, f->bob, 0, 0, SENDING_LIMIT_MAX + 1, NULL), ERR_LIMIT);
	assert_int_equal(directory_account_set_limits(f->d, 999, 1, 1, 1, NULL), ERR_NOT_FOUND);
	s = directory_hold(f->d);
	a = snapshot_account(s, f->bob);
	assert_int_equal(a->send_hour, 10);
	assert_int_equal(a->send_day, 0);
	assert_int_equal(a->send_new, -1);
	assert_int_equal(snapshot_account(s, f->ann)->send_hour, -1);
	snapshot_release(&s);
}

static void quota_of_an_account_comes_back(void **state)
{
	struct fixture *f = *state;
	const struct account *a;
	const struct snapshot *s;

	assert_int_equal(directory_account_set_quota(f->d, f->bob, INT64_C(5000000000), 0, NULL), ERR_OK);
	assert_int_equal(directory_account_set_quota(f->d, f->bob, -2, 0, NULL), ERR_LIMIT);
	assert_int_equal(directory_account_set_quota(f->d, f->bob, QUOTA_BYTES_MAX + 1, 0, NULL), ERR_LIMIT);
	assert_int_equal(directory_account_set_quota(f->d, f->bob, 0, QUOTA_MESSAGES_MAX + 1, NULL), ERR_LIMIT);
	assert_int_equal(directory_account_set_quota(f->d, 999, 1, 1, NULL), ERR_NOT_FOUND);
	s = directory_hold(f->d);
	a = snapshot_account(s, f->bob);
	assert_int_equal(a->quota_bytes, INT64_C(5000000000));
	assert_int_equal(a->quota_messages, 0);
	assert_int_equal(snapshot_account(s, f->ann)->quota_bytes, -1);
	assert_int_equal(snapshot_account(s, f->ann)->quota_messages, -1);
	snapshot_release(&s);
}

static void capabilities_that_an_account_is_not_offered_come_back(void **state)
{
	char long_name[IMAP_OFF_MAX + 1];
	struct fixture *f = *state;
	const struct snapshot *s;

	memset(long_name, 'A', sizeof(long_name));
	assert_int_equal(directory_account_set_imap_off(f->d, f->bob, SPAN("IDLE QRESYNC"), NULL), ERR_OK);
	assert_int_equal(directory_account_set_imap_off(f->d, f->bob, span_make(long_name, sizeof(long_name)), NULL), ERR_LIMIT);
	assert_int_equal(directory_account_set_imap_off(f->d, f->bob, SPAN("IDLE\r\n"), NULL), ERR_SYNTAX);
	assert_int_equal(directory_account_set_imap_off(f->d, 999, SPAN("IDLE"), NULL), ERR_NOT_FOUND);
	s = directory_hold(f->d);
	assert_true(span_equals(snapshot_account(s, f->bob)->imap_off, SPAN("IDLE QRESYNC")));
	assert_int_equal(snapshot_account(s, f->ann)->imap_off.len, 0);
	snapshot_release(&s);
}

static enum err set_rule(struct fixture *f, const char *domain, enum tls_rule_mode mode, const struct span *names, size_t count)
{
	struct tls_rule rule = { .domain = span_str(domain), .mode = mode, .names = names, .name_count = count };

	return directory_tls_rule_set(f->d, &rule, NULL);
}

static void tls_rule_is_of_its_very_domain(void **state)
{
	struct fixture *f = *state;
	const struct span names[] = { SPAN("MX.Example.net"), SPAN(".example.net") }, bad[] = { SPAN("not a name") };
	const struct tls_rule *rules, *rule;
	const struct snapshot *s;
	int64_t created;

	assert_int_equal(set_rule(f, "B\xc3\xbc"
				     "cher.test",
				  TLS_RULE_VERIFY, names, 2),
			 ERR_OK);
	assert_int_equal(set_rule(f, "a.test", TLS_RULE_ENCRYPT, NULL, 0), ERR_OK);
	assert_int_equal(set_rule(f, "a.test", TLS_RULE_MAY, names, 1), ERR_SYNTAX);
	assert_int_equal(set_rule(f, "a.test", TLS_RULE_VERIFY, bad, 1), ERR_SYNTAX);
	assert_int_equal(set_rule(f, "*", TLS_RULE_VERIFY, NULL, 0), ERR_SYNTAX);
	s = directory_hold(f->d);
	assert_int_equal(snapshot_tls_rules(s, &rules), 2);
	assert_null(snapshot_tls_rule(s, SPAN("sub.a.test")));
	rule = snapshot_tls_rule(s, SPAN("a.test"));
	created = rule->created_ms;
	assert_int_equal(rule->mode, TLS_RULE_ENCRYPT);
	assert_int_equal(rule->name_count, 0);
	rule = snapshot_tls_rule(s, SPAN("xn--bcher-kva.test"));
	assert_int_equal(rule->mode, TLS_RULE_VERIFY);
	assert_int_equal(rule->name_count, 2);
	assert_true(span_equals(rule->names[0], SPAN("mx.example.net")));
	assert_true(span_equals(rule->names[1], SPAN(".example.net")));
	snapshot_release(&s);
	assert_int_equal(set_rule(f, "a.test", TLS_RULE_NONE, NULL, 0), ERR_OK);
	s = directory_hold(f->d);
	assert_int_equal(snapshot_tls_rule(s, SPAN("a.test"))->mode, TLS_RULE_NONE);
	assert_int_equal(snapshot_tls_rule(s, SPAN("a.test"))->created_ms, created);
	snapshot_release(&s);
	assert_int_equal(directory_tls_rule_remove(f->d, SPAN("A.test"), NULL), ERR_OK);
	assert_int_equal(directory_tls_rule_remove(f->d, SPAN("a.test"), NULL), ERR_NOT_FOUND);
}

static void set_relay(struct fixture *f, const char *domain, const char *host, enum relay_tls tls)
{
	struct relay_host relay = { .domain = span_str(domain), .host = span_str(host), .port = 25, .tls = tls };

	assert_int_equal(directory_relay_set(f->d, &relay, NULL), ERR_OK);
}

static struct span relay_for(const struct snapshot *s, const char *domain, const char *sender)
{
	const struct relay_host *relay = snapshot_relay_for(s, span_str(domain), span_str(sender));

	return relay ? relay->host : SPAN("");
}

static void relay_is_chosen_by_recipient_then_sender_then_for_all(void **state)
{
	struct fixture *f = *state;
	struct relay_host relay = { .domain = SPAN("@elsewhere.test"), .host = SPAN("r.test"), .port = 25 };
	const struct snapshot *s;

	set_relay(f, "@Example.test", "sender.test", RELAY_TLS_ENCRYPTED);
	set_relay(f, "big.test", "recipient.test", RELAY_TLS_OPPORTUNISTIC);
	s = directory_hold(f->d);
	assert_true(span_equals(relay_for(s, "big.test", "example.test"), SPAN("recipient.test")));
	assert_true(span_equals(relay_for(s, "any.test", "example.test"), SPAN("sender.test")));
	assert_int_equal(relay_for(s, "any.test", "other.test").len, 0);
	assert_int_equal(relay_for(s, "any.test", "").len, 0);
	assert_int_equal(snapshot_relay(s, SPAN("@example.test"))->tls, RELAY_TLS_ENCRYPTED);
	assert_int_equal(snapshot_relay(s, SPAN("big.test"))->tls, RELAY_TLS_OPPORTUNISTIC);
	snapshot_release(&s);
	set_relay(f, "*", "all.test", RELAY_TLS_REQUIRED);
	s = directory_hold(f->d);
	assert_true(span_equals(relay_for(s, "any.test", "other.test"), SPAN("all.test")));
	assert_true(span_equals(relay_for(s, "any.test", "example.test"), SPAN("sender.test")));
	snapshot_release(&s);
	assert_int_equal(directory_relay_set(f->d, &relay, NULL), ERR_NOT_FOUND);
	relay.domain = SPAN("@");
	assert_int_equal(directory_relay_set(f->d, &relay, NULL), ERR_SYNTAX);
	assert_int_equal(directory_relay_remove(f->d, SPAN("@example.test"), NULL), ERR_OK);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_make, fixture_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(domain_alias_stands_for_its_domain),
		CASE(domain_alias_has_no_names_and_stands_for_no_alias),
		CASE(state_of_a_domain_decides_over_its_mail_and_users),
		CASE(last_owner_can_always_log_in),
		CASE(source_addresses_of_a_domain_come_back),
		CASE(forwards_are_kept_with_their_account),
		CASE(forward_to_oneself_is_a_copy_that_stays),
		CASE(forward_to_who_is_removed_goes_with_them),
		CASE(identities_add_to_what_an_account_sends_as),
		CASE(identity_under_a_domain_alias_does_not_reach_its_domain),
		CASE(alias_target_under_a_domain_alias_is_its_account),
		CASE(limits_of_an_account_come_back),
		CASE(quota_of_an_account_comes_back),
		CASE(capabilities_that_an_account_is_not_offered_come_back),
		CASE(tls_rule_is_of_its_very_domain),
		CASE(relay_is_chosen_by_recipient_then_sender_then_for_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
