/* Where recipients lead: aliases, forwards, rewritten paths, loops, holds and wishes. */
#include "tests/unit/queue/fixture.h"

#include <stdio.h>

#include "daemon/queue/route.h"
#include "daemon/queue/rules.h"
#include "daemon/queue/srs_open.h"
#include "daemon/queue/steering.h"
#include "daemon/queue/suppression.h"

struct ask {
	const char *from;
	const char *to[4];
	const char *header;
	enum queue_source source;
	unsigned notify;   /* of the first */
	const char *orcpt; /* of the first */
};

static enum err route(struct fixture *f, const struct ask *ask, struct route_result *out)
{
	const struct snapshot *s = directory_hold(f->directory);
	struct accept_wish wishes[4] = { { ask->notify, span_str(ask->orcpt) } };
	struct span *recipients = arena_array(&f->arena, 4, sizeof(*recipients));
	struct accept_envelope envelope = { .source = ask->source, .reverse_path = span_str(ask->from), .recipients = recipients, .wishes = wishes };
	enum err e;

	while (envelope.recipient_count < 4 && ask->to[envelope.recipient_count]) {
		recipients[envelope.recipient_count] = span_str(ask->to[envelope.recipient_count]);
		envelope.recipient_count++;
	}
	envelope.account_id = ask->source == FROM_SUBMISSION ? f->bob : 0;
	e = route_expand(f->queue, s, &envelope, ask->header ? span_str(ask->header) : SPAN("Subject: x\r\n\r\n"), &f->arena, out, NULL);
	for (size_t i = 0; !e && i < out->count; i++) {
		out->recipients[i].address = arena_copy(&f->arena, out->recipients[i].address);
		out->recipients[i].orcpt = arena_copy(&f->arena, out->recipients[i].orcpt);
	}
	snapshot_release(&s);
	return e;
}

static struct routed *find(struct route_result *r, enum rcpt_kind kind, const char *address)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->recipients[i].kind == kind && span_equals(r->recipients[i].address, span_str(address)))
			return &r->recipients[i];
	return NULL;
}

static void forward(struct fixture *f, uint64_t id, const char *targets, bool keeps)
{
	struct span list[8], rest = span_str(targets);
	struct note why = { "" };
	size_t count = 0;

	while (count < 8 && span_split(&rest, ' ', &list[count]))
		count++;
	if (directory_account_set_forwards(f->directory, id, list, count, keeps, &why))
		fail_msg("%s", why.text);
}

static void set_domain(struct fixture *f, const char *name, enum domain_state state, const char *alias_of)
{
	struct domain domain = { .name = span_str(name), .state = state, .alias_of = span_str(alias_of) };
	struct note why = { "" };

	if (directory_domain_set(f->directory, &domain, &why))
		fail_msg("%s", why.text);
}

static const char *opened(struct fixture *f, struct span path)
{
	struct address address, out;
	struct buf text;
	const char *copy;

	assert_int_equal(address_parse(path, &f->arena, &address), ERR_OK);
	if (srs_open(f->queue, &address, &f->arena, &out))
		return "none";
	buf_init(&text, 1000);
	address_write(&out, &text);
	assert_int_equal(span_cstr(&f->arena, buf_span(&text), &copy), ERR_OK);
	buf_clear(&text);
	return copy;
}

static void what_is_passed_on_has_a_path_that_leads_back(void **state)
{
	struct fixture *f = *state;
	struct route_result r;

	forward(f, f->bob, "bob@far.test", true);
	assert_int_equal(route(f, &(struct ask){ .from = "eve@other.test", .to = { "bob@example.test" } }, &r), ERR_OK);
	assert_int_equal(r.count, 2);
	assert_non_null(find(&r, RCPT_LOCAL, "bob@example.test"));
	assert_null(find(&r, RCPT_LOCAL, "bob@example.test")->reverse_path.ptr);
	assert_true(span_ends(find(&r, RCPT_REMOTE, "bob@far.test")->reverse_path, SPAN("@example.test")));
	assert_string_equal(opened(f, find(&r, RCPT_REMOTE, "bob@far.test")->reverse_path), "eve@other.test");
	assert_true(span_equals(find(&r, RCPT_REMOTE, "bob@far.test")->original, SPAN("bob@example.test")));
	assert_int_equal(r.srs_token.len, 0);
	assert_int_equal(route(f, &(struct ask){ .from = "ann@example.test", .to = { "bob@example.test" } }, &r), ERR_OK);
	assert_null(find(&r, RCPT_REMOTE, "bob@far.test")->reverse_path.ptr);
	assert_int_equal(route(f, &(struct ask){ .from = "", .to = { "bob@example.test" } }, &r), ERR_OK);
	assert_null(find(&r, RCPT_REMOTE, "bob@far.test")->reverse_path.ptr);
	forward(f, f->bob, "bob@far.test", false);
	assert_int_equal(route(f, &(struct ask){ .from = "eve@other.test", .to = { "bob@example.test" } }, &r), ERR_OK);
	assert_int_equal(r.count, 1);
}

static void a_long_path_is_to_be_remembered(void **state)
{
	struct fixture *f = *state;
	struct route_result r;

	fixture_alias(f, "out@example.test", "x@far.test");
	assert_int_equal(route(f, &(struct ask){ .from = "0100018b2c3d4e5f-8a7b6c5d-1234-5678-9abc-def012345678-000000@bulk.test", .to = { "out@example.test" } }, &r), ERR_OK);
	assert_int_equal(r.count, 1);
	assert_true(r.srs_token.len > 0);
	assert_true(span_equals(r.srs_path, SPAN("0100018b2c3d4e5f-8a7b6c5d-1234-5678-9abc-def012345678-000000@bulk.test")));
	assert_true(r.srs_expires_ms > clock_real_ms() + 21 * 86400000LL);
}

static void a_bounce_goes_back_the_way_it_came(void **state)
{
	struct fixture *f = *state;
	const char *path;
	struct route_result r;
	char forged[100];

	fixture_alias(f, "@example.test", "ann@example.test"); /* a catch-all has nothing of it */
	fixture_alias(f, "out@example.test", "x@far.test");
	assert_int_equal(route(f, &(struct ask){ .from = "eve@other.test", .to = { "out@example.test" } }, &r), ERR_OK);
	path = arena_printf(&f->arena, "%.*s%c", (int)r.recipients[0].reverse_path.len, r.recipients[0].reverse_path.ptr, 0).ptr;
	assert_int_equal(route(f, &(struct ask){ .from = "", .to = { path } }, &r), ERR_OK);
	assert_int_equal(r.count, 1);
	assert_non_null(find(&r, RCPT_REMOTE, "eve@other.test"));
	assert_null(r.recipients[0].reverse_path.ptr);
	/* No bounce, or not ours: an address like any. */
	assert_int_equal(route(f, &(struct ask){ .from = "eve@other.test", .to = { path } }, &r), ERR_OK);
	assert_non_null(find(&r, RCPT_LOCAL, "ann@example.test"));
	(void)snprintf(forged, sizeof(forged), "%s", path);
	forged[6] = forged[6] == 'A' ? 'B' : 'A';
	assert_int_equal(route(f, &(struct ask){ .from = "", .to = { forged } }, &r), ERR_OK);
	assert_null(find(&r, RCPT_REMOTE, "eve@other.test"));
}

static void a_header_that_tells_of_this_address_is_a_loop(void **state)
{
	struct fixture *f = *state;
	struct route_result r;

	fixture_alias(f, "list@example.test", "ann@example.test x@far.test");
	assert_int_equal(route(f, &(struct ask){ .from = "e@o.test", .to = { "list@example.test" }, .header = "Received: x\r\nDelivered-To: LIST@example.TEST\r\n\r\n" }, &r), ERR_OK);
	assert_int_equal(r.count, 1);
	assert_int_equal(r.recipients[0].kind, RCPT_LOOP);
	assert_int_equal(route(f, &(struct ask){ .from = "e@o.test", .to = { "list@example.test" }, .header = "Delivered-To: other@example.test\r\nX-Delivered-To: list@example.test\r\n\r\nDelivered-To: list@example.test\r\n" }, &r), ERR_OK);
	assert_int_equal(r.count, 2);
	/* Who passes nothing on is nobody's loop. */
	assert_int_equal(route(f, &(struct ask){ .from = "e@o.test", .to = { "ann@example.test" }, .header = "Delivered-To: ann@example.test\r\n\r\n" }, &r), ERR_OK);
	assert_int_equal(r.recipients[0].kind, RCPT_LOCAL);
	forward(f, f->bob, "bob@far.test", true);
	assert_int_equal(route(f, &(struct ask){ .from = "e@o.test", .to = { "bob@example.test" }, .header = "Delivered-To: bob@example.test\r\n\r\n" }, &r), ERR_OK);
	assert_int_equal(r.count, 1);
	assert_int_equal(r.recipients[0].kind, RCPT_LOOP);
	assert_int_equal(r.recipients[0].account_id, 0);
}

static void forwards_to_each_other_end(void **state)
{
	struct fixture *f = *state;
	struct route_result r;

	forward(f, f->bob, "ann@example.test", true);
	forward(f, f->ann, "bob@example.test", true);
	assert_int_equal(route(f, &(struct ask){ .from = "e@o.test", .to = { "ann@example.test" } }, &r), ERR_OK);
	assert_int_equal(r.count, 2);
	assert_int_equal(r.recipients[0].kind, RCPT_LOCAL);
	assert_int_equal(r.recipients[1].kind, RCPT_LOCAL);
	forward(f, f->bob, "ann@example.test", false);
	forward(f, f->ann, "bob@example.test", false);
	assert_int_equal(route(f, &(struct ask){ .from = "e@o.test", .to = { "ann@example.test" } }, &r), ERR_OK);
	assert_int_equal(r.count, 1);
	assert_int_equal(r.recipients[0].kind, RCPT_LOOP);
}

static void one_target_inherits_the_wishes(void **state)
{
	struct fixture *f = *state;
	struct route_result r;

	fixture_alias(f, "one@example.test", "x@far.test");
	assert_int_equal(route(f, &(struct ask){ .from = "e@o.test", .to = { "one@example.test" }, .notify = NOTIFY_SUCCESS | NOTIFY_DELAY, .orcpt = "rfc822;One@example.test" }, &r), ERR_OK);
	assert_int_equal(r.count, 1);
	assert_int_equal(r.recipients[0].notify, NOTIFY_SUCCESS | NOTIFY_DELAY);
	assert_true(span_equals(r.recipients[0].orcpt, SPAN("rfc822;One@example.test")));
	/* Who said no original recipient is taken at his word. */
	assert_int_equal(route(f, &(struct ask){ .from = "e@o.test", .to = { "one+a=b@example.test" } }, &r), ERR_OK);
	assert_int_equal(r.recipients[0].notify, 0);
	assert_true(span_equals(r.recipients[0].orcpt, SPAN("rfc822;one+2Ba+3Db@example.test")));
}

static void of_several_none_reports_success(void **state)
{
	struct fixture *f = *state;
	struct route_result r;

	fixture_alias(f, "list@example.test", "x@far.test ann@example.test");
	assert_int_equal(route(f, &(struct ask){ .from = "e@o.test", .to = { "list@example.test" }, .notify = NOTIFY_SUCCESS | NOTIFY_FAILURE }, &r), ERR_OK);
	assert_int_equal(r.count, 3);
	assert_int_equal(find(&r, RCPT_LOCAL, "ann@example.test")->notify, NOTIFY_FAILURE);
	assert_int_equal(find(&r, RCPT_REMOTE, "x@far.test")->notify, NOTIFY_FAILURE);
	assert_int_equal(find(&r, RCPT_EXPANDED, "list@example.test")->notify, NOTIFY_SUCCESS | NOTIFY_FAILURE);
	assert_int_equal(route(f, &(struct ask){ .from = "e@o.test", .to = { "list@example.test" }, .notify = NOTIFY_SUCCESS }, &r), ERR_OK);
	assert_int_equal(find(&r, RCPT_LOCAL, "ann@example.test")->notify, NOTIFY_NEVER);
	assert_int_equal(route(f, &(struct ask){ .from = "e@o.test", .to = { "list@example.test" }, .notify = NOTIFY_FAILURE }, &r), ERR_OK);
	assert_int_equal(r.count, 2);
	/* A mailbox that keeps a copy has it delivered. */
	forward(f, f->bob, "bob@far.test", true);
	assert_int_equal(route(f, &(struct ask){ .from = "e@o.test", .to = { "bob@example.test" }, .notify = NOTIFY_SUCCESS }, &r), ERR_OK);
	assert_int_equal(r.count, 2);
	assert_int_equal(find(&r, RCPT_LOCAL, "bob@example.test")->notify, NOTIFY_SUCCESS);
	assert_int_equal(find(&r, RCPT_REMOTE, "bob@far.test")->notify, NOTIFY_NEVER);
}

static void copies_of_one_hop_are_sorted_by_what_stands_in_front_of_them(void **state)
{
	struct fixture *f = *state;
	struct route_result r;

	fixture_alias(f, "a@example.test", "x@far.test z@far.test");
	fixture_alias(f, "b@example.test", "y@far.test x@far.test");
	assert_int_equal(route(f, &(struct ask){ .from = "bob@example.test", .to = { "b@example.test", "direct@far.test", "a@example.test" }, .source = FROM_SUBMISSION }, &r), ERR_OK);
	assert_int_equal(r.count, 4);
	assert_true(span_equals(r.recipients[0].address, SPAN("direct@far.test")));
	assert_true(span_equals(r.recipients[1].original, SPAN("a@example.test")));
	for (size_t i = 0; i < r.count; i++)
		assert_true(span_equals(r.recipients[i].hop, SPAN("far.test")));
	assert_true(span_equals(r.recipients[3].original, SPAN("b@example.test")));
}

static void an_account_gets_one_copy_under_the_first_name(void **state)
{
	struct fixture *f = *state;
	struct route_result r;

	assert_int_equal(directory_domain_add(f->directory, SPAN("alias.test"), NULL), ERR_OK);
	set_domain(f, "alias.test", DOMAIN_ACTIVE, "example.test");
	assert_int_equal(route(f, &(struct ask){ .from = "e@o.test", .to = { "bob@example.test", "bob@alias.test", "bob+x@alias.test" } }, &r), ERR_OK);
	assert_int_equal(r.count, 1);
	assert_true(span_equals(r.recipients[0].original, SPAN("bob@example.test")));
	assert_int_equal(route(f, &(struct ask){ .from = "e@o.test", .to = { "bob+x@alias.test", "bob@example.test" } }, &r), ERR_OK);
	assert_int_equal(r.count, 1);
	assert_true(span_equals(r.recipients[0].original, SPAN("bob+x@alias.test")));
}

static void disabled_domains_hold_or_refuse(void **state)
{
	struct fixture *f = *state;
	struct route_result r;
	uint64_t carl;

	assert_int_equal(directory_domain_add(f->directory, SPAN("second.test"), NULL), ERR_OK);
	assert_int_equal(directory_account_add(f->directory, SPAN("carl@second.test"), SPAN("$hash$"), ROLE_USER, &carl, NULL), ERR_OK);
	fixture_alias(f, "out@second.test", "x@far.test");
	set_domain(f, "second.test", DOMAIN_HOLDS, "");
	assert_int_equal(route(f, &(struct ask){ .from = "e@o.test", .to = { "carl@second.test", "out@second.test", "nobody@second.test" } }, &r), ERR_OK);
	assert_int_equal(r.count, 3);
	assert_int_equal(find(&r, RCPT_LOCAL, "carl@second.test")->hold, HOLD_DOMAIN);
	assert_int_equal(find(&r, RCPT_REMOTE, "x@far.test")->hold, HOLD_DOMAIN);
	assert_int_equal(find(&r, RCPT_UNKNOWN, "nobody@second.test")->hold, HOLD_NONE);
	set_domain(f, "second.test", DOMAIN_REFUSES, "");
	assert_int_equal(route(f, &(struct ask){ .from = "e@o.test", .to = { "carl@second.test" } }, &r), ERR_OK);
	assert_int_equal(r.recipients[0].kind, RCPT_REFUSED);
	set_domain(f, "second.test", DOMAIN_ACCEPTS, "");
	assert_int_equal(route(f, &(struct ask){ .from = "e@o.test", .to = { "carl@second.test" } }, &r), ERR_OK);
	assert_int_equal(r.recipients[0].kind, RCPT_LOCAL);
	assert_int_equal(r.recipients[0].hold, HOLD_NONE);
}

static void a_hold_rule_holds_whom_it_names(void **state)
{
	struct fixture *f = *state;
	struct hold_rule rule = { .recipient = SPAN("list@example.test") }, *rules;
	struct route_result r;
	uint64_t id;
	size_t count;

	fixture_alias(f, "list@example.test", "x@far.test ann@example.test");
	assert_int_equal(hold_rule_add(f->queue, &rule, &id, NULL), ERR_OK);
	assert_int_equal(route(f, &(struct ask){ .from = "e@o.test", .to = { "list@example.test", "bob@example.test" } }, &r), ERR_OK);
	assert_int_equal(find(&r, RCPT_REMOTE, "x@far.test")->hold, HOLD_RULE);
	assert_int_equal(find(&r, RCPT_LOCAL, "ann@example.test")->hold, HOLD_RULE);
	assert_int_equal(find(&r, RCPT_LOCAL, "bob@example.test")->hold, HOLD_NONE);
	assert_int_equal(hold_rules(f->queue, &f->arena, &rules, &count), ERR_OK);
	assert_int_equal(rules[0].matched, 2);
}

static void a_suppressed_address_fails_with_the_words_of_then(void **state)
{
	struct fixture *f = *state;
	struct suppression s = { .address = SPAN("gone@far.test"), .status = SPAN("5.1.6"), .reply = SPAN("551 moved") };
	struct route_result r;

	assert_int_equal(suppression_set(f->queue, &s, NULL), ERR_OK);
	assert_int_equal(route(f, &(struct ask){ .from = "bob@example.test", .to = { "Gone@far.test", "here@far.test" }, .source = FROM_SUBMISSION }, &r), ERR_OK);
	assert_int_equal(r.count, 2);
	assert_non_null(find(&r, RCPT_REMOTE, "here@far.test"));
	assert_int_equal(r.recipients[1].kind, RCPT_SUPPRESSED);
	assert_true(span_equals(r.recipients[1].status, SPAN("5.1.6")));
	assert_true(span_ends(r.recipients[1].reply, SPAN("551 moved")));
	s = (struct suppression){ .address = SPAN("stop@far.test"), .by_operator = true };
	assert_int_equal(suppression_set(f->queue, &s, NULL), ERR_OK);
	assert_int_equal(route(f, &(struct ask){ .from = "bob@example.test", .to = { "stop@far.test" }, .source = FROM_SUBMISSION }, &r), ERR_OK);
	assert_true(span_equals(r.recipients[0].status, SPAN("5.7.1")));
}

/* As many as may be, through the door: memory is enough for them, and one more is too many. */
static void ten_thousand_addresses_are_the_end(void **state)
{
	struct fixture *f = *state;
	struct span *targets = arena_array(&f->arena, 1000, sizeof(*targets));
	struct accept_envelope envelope = { .source = FROM_MX, .reverse_path = SPAN("0100018b2c3d4e5f-8a7b6c5d-1234-5678-9abc-def012345678-000000@bulk.test") };
	struct span lists[10];
	struct accept *a;

	for (unsigned k = 0; k < 10; k++) {
		for (unsigned i = 0; i < 998; i++)
			targets[i] = arena_printf(&f->arena, "somebody-with-quite-a-long-name-%u@list-%u.far.test", i, k);
		lists[k] = arena_printf(&f->arena, "list%u@example.test", k);
		assert_int_equal(directory_alias_add(f->directory, lists[k], targets, 998, NULL), ERR_OK);
	}
	queue_id_new(&envelope.id);
	envelope.recipients = lists;
	envelope.recipient_count = 10;
	assert_int_equal(accept_begin(f->queue, &a), ERR_OK);
	assert_int_equal(accept_add(a, SPAN("Subject: x\r\n\r\nhello\r\n")), ERR_OK);
	assert_int_equal(accept_seal(a, &envelope, NULL), ERR_OK);
	accept_end(&a);
	targets[0] = SPAN("one@more.test");
	for (unsigned i = 1; i < 20; i++)
		targets[i] = arena_printf(&f->arena, "one-%u@more.test", i);
	assert_int_equal(directory_alias_add(f->directory, SPAN("more@example.test"), targets, 20, NULL), ERR_OK);
	assert_int_equal(directory_alias_remove(f->directory, lists[0], NULL), ERR_OK);
	targets[20] = SPAN("more@example.test");
	for (unsigned i = 0; i < 998; i++)
		targets[i == 20 ? 998 : i] = arena_printf(&f->arena, "somebody-with-quite-a-long-name-%u@list-0.far.test", i);
	assert_int_equal(directory_alias_add(f->directory, lists[0], targets, 999, NULL), ERR_OK);
	assert_int_equal(accept_begin(f->queue, &a), ERR_OK);
	assert_int_equal(accept_add(a, SPAN("Subject: x\r\n\r\nhello\r\n")), ERR_OK);
	assert_int_equal(accept_seal(a, &envelope, NULL), ERR_LIMIT);
	accept_end(&a);
}

static void a_stranger_relays_through_nobody(void **state)
{
	struct fixture *f = *state;
	struct route_result r;

	assert_int_equal(route(f, &(struct ask){ .from = "e@o.test", .to = { "x@far.test" } }, &r), ERR_DENIED);
	assert_int_equal(route(f, &(struct ask){ .from = "", .to = { "SRS0=AAAAAA=AA=far.test=x@other.test" } }, &r), ERR_DENIED);
	assert_int_equal(route(f, &(struct ask){ .from = "", .to = { "SRS0=AAAAAA=AA=far.test=x@example.test" } }, &r), ERR_OK);
	assert_int_equal(r.recipients[0].kind, RCPT_UNKNOWN);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_passed_on_has_a_path_that_leads_back),
		TEST(a_long_path_is_to_be_remembered),
		TEST(a_bounce_goes_back_the_way_it_came),
		TEST(a_header_that_tells_of_this_address_is_a_loop),
		TEST(forwards_to_each_other_end),
		TEST(one_target_inherits_the_wishes),
		TEST(of_several_none_reports_success),
		TEST(copies_of_one_hop_are_sorted_by_what_stands_in_front_of_them),
		TEST(an_account_gets_one_copy_under_the_first_name),
		TEST(disabled_domains_hold_or_refuse),
		TEST(a_hold_rule_holds_whom_it_names),
		TEST(a_suppressed_address_fails_with_the_words_of_then),
		TEST(ten_thousand_addresses_are_the_end),
		TEST(a_stranger_relays_through_nobody),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
