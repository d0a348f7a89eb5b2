/* The queue over the API, with a queue that stands still: filters, plans, steering, and what steers it as a whole. */
#include <string.h>

#include "api/queue_filter.h"
#include "api/queue_order.h"
#include "daemon/base/clock.h"
#include "daemon/mime/date.h"
#include "tests/unit/api/world.h"

static struct span s(const char *text)
{
	return span_str(text);
}

static void patterns_have_three_forms(void **state)
{
	(void)state;
	assert_true(span_equals(queue_pattern(s("*@example.org")), s("@example.org")));
	assert_true(span_equals(queue_pattern(s("@example.org")), s("@example.org")));
	assert_true(span_equals(queue_pattern(s("a*@example.org")), s("a*@example.org")));
	assert_true(address_domain(s("a@b@c.example")).len == 9);
	assert_true(address_domain(s("postmaster")).len == 0);
}

static enum err fits(enum queue_action action, enum recipient_state state, bool remote)
{
	struct queue_recipient r = { .address = SPAN("x@far.example"), .state = state, .remote = remote };
	const struct queue_entry e = { .recipients = &r, .recipient_count = 1 };
	const struct queue_order order = { .action = action };

	return queue_order_fits(&order, &e);
}

static void a_plan_knows_what_can_be_done(void **state)
{
	(void)state;
	assert_int_equal(fits(QUEUE_RETRY, RECIPIENT_WAITING, true), ERR_OK);
	assert_int_equal(fits(QUEUE_RETRY, RECIPIENT_HELD, true), ERR_STATE);
	assert_int_equal(fits(QUEUE_HOLD, RECIPIENT_ACTIVE, true), ERR_OK);
	assert_int_equal(fits(QUEUE_HOLD, RECIPIENT_HELD, true), ERR_STATE);
	assert_int_equal(fits(QUEUE_RELEASE, RECIPIENT_HELD, true), ERR_OK);
	assert_int_equal(fits(QUEUE_RELEASE, RECIPIENT_WAITING, true), ERR_STATE);
	assert_int_equal(fits(QUEUE_BOUNCE, RECIPIENT_ACTIVE, true), ERR_STATE);
	assert_int_equal(fits(QUEUE_DELETE, RECIPIENT_HELD, false), ERR_OK);
	assert_int_equal(fits(QUEUE_ROUTE, RECIPIENT_WAITING, false), ERR_STATE);
	assert_int_equal(fits(QUEUE_ROUTE, RECIPIENT_WAITING, true), ERR_OK);
	assert_int_equal(fits(QUEUE_EXPIRE, RECIPIENT_DELIVERED, true), ERR_STATE);
	for (int action = QUEUE_RETRY; action <= QUEUE_EXPIRE; action++) {
		enum queue_action back;

		assert_true(queue_order_action(s(queue_order_verb((enum queue_action)action)), &back));
		assert_int_equal(back, action);
	}
}

/* ---- over the API ---- */

static void send_one(struct world *w, const char *to, char id[QUEUE_ID_TEXT])
{
	char body[256];

	(void)snprintf(body, sizeof body, "{\"from\":\"alice@example.org\",\"to\":[\"%s\"],\"subject\":\"s\",\"text\":\"t\"}", to);
	assert_int_equal(ask(w, "POST", "/api/v1/messages", body), 202);
	(void)snprintf(id, QUEUE_ID_TEXT, "%s", got_text(w, "id"));
}

static int steer(struct world *w, const char *id, const char *verb, const char *body)
{
	char path[128];

	(void)snprintf(path, sizeof path, "/api/v1/queue/%s%s", id, verb);
	return ask(w, verb[0] ? "POST" : "DELETE", path, body);
}

static long listed(struct world *w, const char *query)
{
	char path[256];

	(void)snprintf(path, sizeof path, "/api/v1/queue%s%s", query[0] ? "?" : "", query);
	assert_int_equal(ask(w, "GET", path, ""), 200);
	return got_number(w, "data");
}

static void tomorrow(char out[64])
{
	struct buf text;

	buf_init(&text, 64);
	date_write_rfc3339((clock_real_ms() / 1000 + 86400) * 1000, &text);
	(void)snprintf(out, 64, "%s", buf_cstr(&text));
	buf_clear(&text);
}

static void one_message_is_steered_through_all_its_states(void **state)
{
	struct world *w = *state;
	char id[QUEUE_ID_TEXT], path[128], when[64], body[128];

	send_one(w, "bob@far.example", id);
	assert_int_equal(listed(w, "recipient=bob@far.example"), 1);
	assert_int_equal(steer(w, id, ":hold?dry_run=1", ""), 200);
	assert_string_equal(got_text(w, "changes/0/verb"), "hold");
	assert_int_equal(listed(w, "state=held"), 0);
	assert_int_equal(steer(w, id, ":hold", ""), 204);
	assert_int_equal(listed(w, "state=held"), 1);
	assert_string_equal(got_text(w, "data/0/recipients/0/hold"), "operator");
	assert_int_equal(steer(w, id, ":hold", ""), 409);
	assert_int_equal(steer(w, id, ":retry?dry_run=1", ""), 409);
	assert_int_equal(steer(w, id, ":release?recipient=eve@far.example", ""), 409);
	assert_int_equal(steer(w, id, ":release", ""), 204);
	assert_int_equal(steer(w, id, ":release", ""), 409);
	assert_int_equal(steer(w, id, ":route", "{}"), 422);
	assert_int_equal(steer(w, id, ":route", "{\"route\":\"no way\"}"), 422);
	assert_string_equal(got_text(w, "errors/0/pointer"), "/route");
	assert_int_equal(steer(w, id, ":route?dry_run=1", "{\"route\":\"no way\"}"), 422);
	assert_string_equal(got_text(w, "errors/0/pointer"), "/route");
	assert_int_equal(steer(w, id, ":route", "{\"route\":\"127.0.0.1:9\"}"), 204);
	assert_int_equal(steer(w, id, ":expire?dry_run=1", "{\"expires_at\":\"2099-01-31T12:00:00Z\"}"), 422);
	assert_int_equal(steer(w, id, ":expire", "{\"expires_at\":\"2099-01-31T12:00:00Z\"}"), 422);
	assert_string_equal(got_text(w, "errors/0/pointer"), "/expires_at");
	tomorrow(when);
	(void)snprintf(body, sizeof body, "{\"expires_at\":\"%s\"}", when);
	assert_int_equal(steer(w, id, ":expire", body), 204);
	(void)snprintf(path, sizeof path, "/api/v1/queue/%s", id);
	assert_int_equal(ask(w, "GET", path, ""), 200);
	assert_string_equal(got_text(w, "expires_at"), when);
	assert_string_equal(got_text(w, "recipients/0/route"), "127.0.0.1:9");
	assert_int_equal(got_number(w, "attempts"), 0);
	assert_int_equal(steer(w, id, "", ""), 204);
	assert_int_equal(steer(w, id, ":retry", ""), 404);
}

static void a_plan_of_many_has_their_number_and_examples(void **state)
{
	struct world *w = *state;
	char id[QUEUE_ID_TEXT];

	for (int i = 0; i < 120; i++)
		send_one(w, i % 2 ? "odd@plan.example" : "even@plan.example", id);
	assert_int_equal(ask(w, "POST", "/api/v1/queue:bulk?dry_run=1", "{\"action\":\"hold\",\"filter\":{\"recipient\":\"*@plan.example\"}}"), 200);
	assert_int_equal(got_number(w, "total"), 120);
	assert_int_equal(got_number(w, "changes"), 100);
	assert_int_equal(ask(w, "POST", "/api/v1/queue:bulk?dry_run=1", "{\"action\":\"hold\",\"filter\":{\"recipient\":\"odd@*\",\"domain\":\"plan.example\"}}"), 200);
	assert_int_equal(got_number(w, "total"), 60);
	assert_int_equal(ask(w, "POST", "/api/v1/queue:bulk?dry_run=1", "{\"action\":\"release\",\"filter\":{\"recipient\":\"odd@*\"}}"), 200);
	assert_int_equal(got_number(w, "total"), 0);
	assert_int_equal(ask(w, "POST", "/api/v1/queue:bulk", "{\"action\":\"route\",\"filter\":{}}"), 422);
	assert_string_equal(got_text(w, "errors/0/pointer"), "/route");
	assert_int_equal(ask(w, "POST", "/api/v1/queue:bulk", "{\"action\":\"expire\",\"filter\":{}}"), 422);
	assert_int_equal(ask(w, "POST", "/api/v1/queue:bulk", "{\"action\":\"hold\",\"filter\":{},\"ids\":[\"x\"]}"), 422);
	/* Without a thread for jobs it is done before the answer. */
	assert_int_equal(ask(w, "POST", "/api/v1/queue:bulk", "{\"action\":\"hold\",\"filter\":{\"recipient\":\"odd@plan.example\"}}"), 200);
	assert_int_equal(got_number(w, "done"), 60);
	assert_int_equal(listed(w, "state=held&limit=500"), 60);
	assert_int_equal(ask(w, "POST", "/api/v1/queue:bulk", "{\"action\":\"hold\",\"filter\":{\"recipient\":\"*@plan.example\"}}"), 200);
	assert_int_equal(got_number(w, "done"), 60);
	assert_int_equal(got_number(w, "failed"), 0);
}

static void many_are_not_begun_with_what_cannot_be_done(void **state)
{
	struct world *w = *state;

	for (int dry = 0; dry < 2; dry++) {
		const char *path = dry ? "/api/v1/queue:bulk?dry_run=1" : "/api/v1/queue:bulk";

		assert_int_equal(ask(w, "POST", path, "{\"action\":\"route\",\"filter\":{},\"route\":\"no way\"}"), 422);
		assert_string_equal(got_text(w, "errors/0/pointer"), "/route");
		assert_int_equal(ask(w, "POST", path, "{\"action\":\"expire\",\"filter\":{},\"expires_at\":\"2099-01-31T12:00:00Z\"}"), 422);
		assert_string_equal(got_text(w, "errors/0/pointer"), "/expires_at");
	}
}

static void a_plan_means_the_recipients_that_the_order_means(void **state)
{
	struct world *w = *state;
	char id[QUEUE_ID_TEXT], path[128];

	send_one(w, "a@one.example\",\"b@two.example", id);
	assert_int_equal(ask(w, "POST", "/api/v1/queue:bulk", "{\"action\":\"hold\",\"filter\":{\"domain\":\"one.example\"}}"), 200);
	assert_int_equal(got_number(w, "done"), 1);
	/* What still waits in it is of another domain. */
	assert_int_equal(ask(w, "POST", "/api/v1/queue:bulk?dry_run=1", "{\"action\":\"hold\",\"filter\":{\"domain\":\"one.example\"}}"), 200);
	assert_int_equal(got_number(w, "total"), 0);
	assert_int_equal(ask(w, "POST", "/api/v1/queue:bulk", "{\"action\":\"hold\",\"filter\":{\"domain\":\"one.example\"}}"), 200);
	assert_int_equal(got_number(w, "failed"), 0);
	(void)snprintf(path, sizeof path, "/api/v1/queue/%s", id);
	assert_int_equal(ask(w, "DELETE", path, ""), 204);
}

static void international_domains_are_found_in_both_spellings(void **state)
{
	static const char *const queries[] = { "recipient=*@m%C3%BCnchen.example", "recipient=x@M%C3%BCnchen.example", "domain=m%C3%BCnchen.example", "recipient=x@*", "destination=m%C3%BCnchen.example",
					       "recipient=*@xn--mnchen-3ya.example", "destination=XN--mnchen-3ya.example" };
	struct world *w = *state;
	char id[QUEUE_ID_TEXT];

	send_one(w, "x@m\xc3\xbcnchen.example", id);
	for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++)
		assert_int_equal(listed(w, queries[i]), 1);
	assert_int_equal(steer(w, id, ":hold?recipient=x@m%C3%BCnchen.example", ""), 204);
	assert_int_equal(steer(w, id, "", ""), 204);
}

static void rules_are_made_listed_and_removed(void **state)
{
	struct world *w = *state;
	char path[128];

	assert_int_equal(ask(w, "POST", "/api/v1/hold_rules", "{}"), 422);
	assert_int_equal(ask(w, "POST", "/api/v1/hold_rules", "{\"sender\":\"not an address\"}"), 422);
	assert_int_equal(ask(w, "POST", "/api/v1/hold_rules?dry_run=1", "{\"sender\":\"not an address\"}"), 422);
	assert_int_equal(ask(w, "POST", "/api/v1/hold_rules", "{\"sender\":\"*@a.example\",\"expires_at\":\"2020-01-01T00:00:00Z\"}"), 422);
	assert_int_equal(ask(w, "POST", "/api/v1/hold_rules?dry_run=1", "{\"sender\":\"*@a.example\"}"), 200);
	assert_int_equal(ask(w, "GET", "/api/v1/hold_rules", ""), 200);
	assert_int_equal(got_number(w, "data"), 0);
	assert_int_equal(ask(w, "POST", "/api/v1/hold_rules", "{\"sender\":\"*@a.example\",\"note\":\"n\"}"), 201);
	assert_string_equal(got_text(w, "sender"), "@a.example");
	(void)snprintf(path, sizeof path, "/api/v1/hold_rules/%s", got_text(w, "id"));
	assert_string_equal(world_header(w, "Location"), path);
	assert_int_equal(ask(w, "GET", path, ""), 200);
	assert_string_equal(got_text(w, "note"), "n");
	assert_int_equal(ask(w, "DELETE", path, ""), 204);
	assert_int_equal(ask(w, "DELETE", path, ""), 404);
	assert_int_equal(ask(w, "GET", "/api/v1/hold_rules/hold_x", ""), 404);
	assert_int_equal(ask(w, "GET", "/api/v1/audit?operation=hold_rule_create", ""), 200);
	assert_int_equal(got_number(w, "data"), 1);
}

static void suppressed_addresses_are_one_however_they_are_written(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, "PUT", "/api/v1/suppressions/Bob@Far.example?dry_run=1", "{}"), 200);
	assert_int_equal(ask(w, "GET", "/api/v1/suppressions/bob@far.example", ""), 404);
	assert_int_equal(ask(w, "PUT", "/api/v1/suppressions/Bob@Far.example", "{\"reply\":\"no\"}"), 201);
	assert_int_equal(ask(w, "PUT", "/api/v1/suppressions/bob@FAR.example", "{\"reply\":\"never\"}"), 200);
	assert_string_equal(got_text(w, "reply"), "never");
	assert_string_equal(got_text(w, "source"), "operator");
	assert_int_equal(ask(w, "PUT", "/api/v1/suppressions/bob", "{}"), 422);
	assert_int_equal(ask(w, "PUT", "/api/v1/suppressions/x@y.example", "{\"expires_at\":\"2020-01-01T00:00:00Z\"}"), 422);
	assert_int_equal(ask(w, "PUT", "/api/v1/suppressions/x@y.example", "{\"status\":\"2.0.0\"}"), 422);
	assert_int_equal(ask(w, "PUT", "/api/v1/suppressions/x@y.example?dry_run=1", "{\"status\":\"2.0.0\"}"), 422);
	assert_int_equal(ask(w, "PUT", "/api/v1/suppressions/bob@EXAMPLE.org", "{}"), 422);
	assert_non_null(strstr(got_text(w, "detail"), "of this server"));
	assert_int_equal(ask(w, "PUT", "/api/v1/suppressions/amy@far.example", "{}"), 201);
	assert_int_equal(ask(w, "GET", "/api/v1/suppressions?limit=1", ""), 200);
	assert_int_equal(got_number(w, "data"), 1);
	assert_string_equal(got_text(w, "data/0/address"), "amy@far.example");
	assert_true(json_is_string(got(w, "next_cursor")));
	assert_int_equal(ask(w, "GET", "/api/v1/suppressions?q=BOB", ""), 200);
	assert_int_equal(got_number(w, "data"), 1);
	assert_int_equal(ask(w, "DELETE", "/api/v1/suppressions/BOB@far.example", ""), 204);
	assert_int_equal(ask(w, "DELETE", "/api/v1/suppressions/BOB@far.example", ""), 404);
	assert_int_equal(ask(w, "DELETE", "/api/v1/suppressions/bob", ""), 404);
}

static void destinations_are_paused_by_name(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, "PUT", "/api/v1/queue/destinations/Far.example/pause", "{\"until\":\"2020-01-01T00:00:00Z\"}"), 422);
	assert_int_equal(ask(w, "PUT", "/api/v1/queue/destinations/Far.example/pause?dry_run=1", "{}"), 200);
	assert_int_equal(ask(w, "PUT", "/api/v1/queue/destinations/Far.example/pause", "{\"reason\":\"r\"}"), 201);
	assert_int_equal(ask(w, "PUT", "/api/v1/queue/destinations/far.example/pause", "{\"until\":\"2035-01-01T00:00:00Z\"}"), 200);
	assert_int_equal(ask(w, "PUT", "/api/v1/queue/destinations/relay.example%3A587/pause", "{}"), 201);
	assert_int_equal(ask(w, "PUT", "/api/v1/queue/destinations/no%20name/pause?dry_run=1", "{}"), 422);
	assert_int_equal(ask(w, "PUT", "/api/v1/queue/destinations/M%C3%BCnchen.example/pause", "{}"), 201);
	assert_int_equal(ask(w, "GET", "/api/v1/queue/destinations/xn--mnchen-3ya.example", ""), 200);
	assert_int_equal(ask(w, "DELETE", "/api/v1/queue/destinations/xn--mnchen-3ya.example/pause", ""), 204);
	assert_int_equal(ask(w, "PUT", "/api/v1/relays/over.example", "{\"host\":\"Relay.example\",\"port\":587,\"tls\":\"none\"}"), 201);
	assert_int_equal(ask(w, "PUT", "/api/v1/queue/destinations/over.example/pause?dry_run=1", "{}"), 422);
	assert_int_equal(ask(w, "PUT", "/api/v1/queue/destinations/over.example/pause", "{}"), 422);
	assert_non_null(strstr(got_text(w, "detail"), "relay.example:587"));
	assert_int_equal(ask(w, "GET", "/api/v1/queue/destinations?paused=true", ""), 200);
	assert_int_equal(got_number(w, "data"), 2);
	assert_string_equal(got_text(w, "data/0/name"), "far.example");
	assert_string_equal(got_text(w, "data/0/pause/until"), "2035-01-01T00:00:00.000Z");
	assert_int_equal(ask(w, "GET", "/api/v1/queue/destinations/far.example", ""), 200);
	assert_int_equal(ask(w, "GET", "/api/v1/queue/destinations/near.example", ""), 404);
	assert_int_equal(ask(w, "GET", "/api/v1/status", ""), 200);
	assert_int_equal(got_number(w, "queue/destinations_paused"), 2);
	assert_int_equal(ask(w, "DELETE", "/api/v1/queue/destinations/FAR.example/pause", ""), 204);
	assert_int_equal(ask(w, "DELETE", "/api/v1/queue/destinations/far.example/pause", ""), 404);
	assert_int_equal(ask(w, "DELETE", "/api/v1/queue/destinations/relay.example:587/pause", ""), 204);
}

static void messages_of_the_api_obey_suppressions_and_stops(void **state)
{
	static const char one[] = "{\"from\":\"alice@example.org\",\"to\":[\"gone@far.example\"],\"text\":\"t\"}";
	static const char two[] = "{\"from\":\"alice@example.org\",\"to\":[\"GONE@far.example\",\"there@far.example\"],\"text\":\"t\"}";
	struct world *w = *state;

	assert_int_equal(ask(w, "PUT", "/api/v1/suppressions/gone@far.example", "{}"), 201);
	assert_int_equal(ask(w, "POST", "/api/v1/messages", one), 422);
	assert_string_equal(got_text(w, "code"), "no_recipients");
	w->token = world_token(w, world_user(w, "alice@example.org"), "messages:send");
	assert_int_equal(ask(w, "POST", "/api/v1/messages", two), 202);
	assert_string_equal(got_text(w, "recipients/0/code"), "suppressed");
	assert_int_equal(got_number(w, "recipients/1/accepted"), 1);
	w->token = SPAN("");
	assert_int_equal(ask(w, "POST", "/api/v1/senders/alice@example.org:stop", "{\"detail\":\"lost\"}"), 200);
	assert_int_equal(got_number(w, "messages"), 1);
	assert_int_equal(ask(w, "POST", "/api/v1/senders/alice@example.org:stop", "{}"), 409);
	assert_int_equal(ask(w, "GET", "/api/v1/senders?stopped=true", ""), 200);
	assert_string_equal(got_text(w, "data/0/stop/detail"), "lost");
	w->token = world_token(w, world_user(w, "alice@example.org"), "messages:send");
	assert_int_equal(ask(w, "POST", "/api/v1/messages", two), 403);
	assert_string_equal(got_text(w, "code"), "sending_stopped");
	w->token = SPAN("");
	assert_int_equal(ask(w, "POST", "/api/v1/senders/alice@example.org:release?dry_run=1", ""), 200);
	assert_int_equal(ask(w, "POST", "/api/v1/senders/alice@example.org:purge", ""), 200);
	assert_int_equal(got_number(w, "messages"), 1);
	assert_int_equal(ask(w, "POST", "/api/v1/senders/alice@example.org:release", ""), 409);
	assert_int_equal(ask(w, "POST", "/api/v1/senders/nobody@example.org:release", ""), 404);
}

static void without_a_relay_nothing_is_probed(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, "POST", "/api/v1/relays:probe", "{\"address\":\"bob@far.example\"}"), 503);
	assert_int_equal(ask(w, "GET", "/api/v1/tls_results", ""), 503);
	assert_int_equal(ask(w, "GET", "/api/v1/queue/history", ""), 503);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_have_three_forms),
		cmocka_unit_test(a_plan_knows_what_can_be_done),
		cmocka_unit_test_setup_teardown(one_message_is_steered_through_all_its_states, world_make, world_remove),
		cmocka_unit_test_setup_teardown(a_plan_of_many_has_their_number_and_examples, world_make, world_remove),
		cmocka_unit_test_setup_teardown(a_plan_means_the_recipients_that_the_order_means, world_make, world_remove),
		cmocka_unit_test_setup_teardown(international_domains_are_found_in_both_spellings, world_make, world_remove),
		cmocka_unit_test_setup_teardown(many_are_not_begun_with_what_cannot_be_done, world_make, world_remove),
		cmocka_unit_test_setup_teardown(rules_are_made_listed_and_removed, world_make, world_remove),
		cmocka_unit_test_setup_teardown(suppressed_addresses_are_one_however_they_are_written, world_make, world_remove),
		cmocka_unit_test_setup_teardown(destinations_are_paused_by_name, world_make, world_remove),
		cmocka_unit_test_setup_teardown(messages_of_the_api_obey_suppressions_and_stops, world_make, world_remove),
		cmocka_unit_test_setup_teardown(without_a_relay_nothing_is_probed, world_make, world_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
