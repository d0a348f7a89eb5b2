/* Domains that change, what users forward and send as, TLS rules: over the API, and who may change them. */
#include <string.h>

#include "tests/unit/api/world.h"

#define DOMAINS "/api/v1/domains"
#define USERS "/api/v1/users"
#define RULES "/api/v1/tls_rules"

static void add(struct world *w, const char *collection, const char *field, const char *value)
{
	char body[128];

	(void)snprintf(body, sizeof body, "{\"%s\":\"%s\"}", field, value);
	assert_int_equal(ask(w, "POST", collection, body), 201);
}

static void give_role(struct world *w, const char *address, enum role role, const char *domain)
{
	const struct span granted = span_str(domain);

	assert_int_equal(directory_account_set_role(w->api.directory, world_user(w, address), role, &granted, domain ? 1 : 0, NULL), ERR_OK);
}

static void domain_changes_only_what_is_named(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, "POST", DOMAINS, "{\"name\":\"short.example\",\"source_ipv4\":\"192.0.2.7\",\"state\":\"accept\"}"), 201);
	assert_string_equal(got_text(w, "state"), "accept");
	assert_true(json_is_null(got(w, "alias_of")));
	assert_int_equal(ask(w, "PATCH", DOMAINS "/short.example", "{\"alias_of\":\"Example.org\"}"), 200);
	assert_string_equal(got_text(w, "alias_of"), "example.org");
	assert_string_equal(got_text(w, "source_ipv4"), "192.0.2.7");
	assert_string_equal(got_text(w, "state"), "accept");
	assert_int_equal(ask(w, "PATCH", DOMAINS "/short.example", "{\"source_ipv6\":\"192.0.2.7\"}"), 422);
	assert_string_equal(got_text(w, "errors/0/pointer"), "/source_ipv6");
	assert_int_equal(ask(w, "PATCH", DOMAINS "/short.example", "{\"state\":\"gone\"}"), 422);
	assert_int_equal(ask(w, "PATCH", DOMAINS "/nowhere.example", "{\"state\":\"hold\"}"), 404);
	assert_int_equal(ask(w, "PATCH", DOMAINS "/short.example?dry_run=1", "{\"state\":\"refuse\"}"), 200);
	assert_string_equal(got_text(w, "changes/0/before/state"), "accept");
	assert_int_equal(ask(w, "PUT", DOMAINS "/short.example", "{\"source_ipv6\":\"2001:DB8::7\"}"), 200);
	assert_string_equal(got_text(w, "source_ipv6"), "2001:db8::7");
	assert_string_equal(got_text(w, "state"), "active");
	assert_true(json_is_null(got(w, "source_ipv4")));
	assert_true(json_is_null(got(w, "alias_of")));
	assert_int_equal(ask(w, "GET", "/api/v1/audit?operation=domain_update&limit=10", ""), 200);
	assert_int_equal(got_number(w, "data"), 1);
}

static void inactive_domain_logs_its_users_out(void **state)
{
	struct world *w = *state;

	add(w, DOMAINS, "name", "second.example");
	add(w, USERS, "address", "carl@second.example");
	w->ended = 0;
	assert_int_equal(ask(w, "PATCH", DOMAINS "/second.example?dry_run=1", "{\"state\":\"accept\"}"), 200);
	assert_int_equal(w->ended, 0);
	assert_int_equal(ask(w, "PATCH", DOMAINS "/second.example", "{\"state\":\"accept\"}"), 200);
	assert_int_equal(w->ended, world_user(w, "carl@second.example"));
	give_role(w, "carl@second.example", ROLE_AUDITOR, NULL);
	w->token = world_token(w, world_user(w, "carl@second.example"), "users:read");
	assert_int_equal(ask(w, "GET", USERS, ""), 401);
	w->token = SPAN("");
	assert_int_equal(ask(w, "PATCH", DOMAINS "/second.example", "{\"state\":\"active\"}"), 200);
	w->token = world_token(w, world_user(w, "carl@second.example"), "users:read");
	assert_int_equal(ask(w, "GET", USERS, ""), 200);
}

static void nobody_is_shut_out_through_the_domain(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, "PATCH", DOMAINS "/example.org", "{\"state\":\"hold\"}"), 409);
	add(w, DOMAINS, "name", "second.example");
	add(w, USERS, "address", "olga@second.example");
	add(w, USERS, "address", "adam@example.org");
	give_role(w, "olga@second.example", ROLE_OWNER, NULL);
	give_role(w, "adam@example.org", ROLE_ADMIN, NULL);
	w->token = world_token(w, world_user(w, "adam@example.org"), "domains:write");
	assert_int_equal(ask(w, "PATCH", DOMAINS "/second.example", "{\"state\":\"hold\"}"), 403);
	assert_int_equal(ask(w, "PUT", DOMAINS "/second.example", "{\"state\":\"refuse\"}"), 403);
	assert_int_equal(ask(w, "PATCH", DOMAINS "/second.example", "{\"source_ipv4\":\"192.0.2.7\"}"), 200);
	w->token = SPAN("");
	assert_int_equal(ask(w, "PATCH", DOMAINS "/second.example", "{\"state\":\"hold\"}"), 200);
}

static void user_has_forwards_identities_and_limits(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, "POST", USERS,
			     "{\"address\":\"bob@example.org\",\"forwards\":[\"Bob@far.example\"],\"forward_keeps\":false,"
			     "\"identities\":[\"sales@far.example\"],\"limits\":{\"per_hour\":7}}"),
			 201);
	assert_string_equal(got_text(w, "forwards/0"), "bob@far.example");
	assert_true(json_is_false(got(w, "forward_keeps")));
	assert_string_equal(got_text(w, "identities/0"), "sales@far.example");
	assert_int_equal(got_number(w, "limits/per_hour"), 7);
	assert_true(json_is_null(got(w, "limits/per_day")));
	assert_int_equal(ask(w, "PATCH", USERS "/bob@example.org", "{\"limits\":{\"per_day\":0}}"), 200);
	assert_int_equal(got_number(w, "limits/per_hour"), 7);
	assert_int_equal(got_number(w, "limits/per_day"), 0);
	assert_int_equal(ask(w, "PATCH", USERS "/bob@example.org", "{\"forward_keeps\":true}"), 200);
	assert_string_equal(got_text(w, "forwards/0"), "bob@far.example");
	assert_true(json_is_true(got(w, "forward_keeps")));
	assert_int_equal(ask(w, "PATCH", USERS "/bob@example.org", "{\"forwards\":[\"nonsense\"]}"), 422);
	assert_string_equal(got_text(w, "errors/0/pointer"), "/forwards");
	assert_int_equal(ask(w, "PATCH", USERS "/bob@example.org", "{\"identities\":[\"@far.example\"]}"), 422);
	assert_string_equal(got_text(w, "errors/0/pointer"), "/identities");
	assert_int_equal(ask(w, "PATCH", USERS "/bob@example.org", "{\"limits\":{\"per_hour\":-1}}"), 422);
	assert_int_equal(ask(w, "PATCH", USERS "/bob@example.org", "{\"forwards\":[\"bob+x@example.org\"]}"), 409);
	assert_int_equal(ask(w, "PUT", USERS "/bob@example.org", "{\"name\":\"Bob\"}"), 200);
	assert_int_equal(got_number(w, "forwards"), 0);
	assert_int_equal(got_number(w, "identities"), 0);
	assert_true(json_is_null(got(w, "limits/per_hour")));
}

static void user_does_not_log_in_by_protocols_that_are_off(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, "POST", USERS, "{\"address\":\"bob@example.org\",\"protocols_disabled\":[\"smtp\"]}"), 201);
	assert_string_equal(got_text(w, "protocols_disabled/0"), "smtp");
	assert_int_equal(ask(w, "PATCH", USERS "/bob@example.org", "{\"protocols_disabled\":[\"pop3\",\"imap\",\"pop3\"]}"), 200);
	assert_int_equal(json_array_size(got(w, "protocols_disabled")), 2);
	assert_string_equal(got_text(w, "protocols_disabled/0"), "imap");
	assert_int_equal(ask(w, "PATCH", USERS "/bob@example.org", "{\"protocols_disabled\":[\"web\"]}"), 422);
	assert_int_equal(ask(w, "PATCH", USERS "/bob@example.org", "{\"name\":\"Bob\"}"), 200);
	assert_int_equal(json_array_size(got(w, "protocols_disabled")), 2);
	assert_int_equal(ask(w, "PUT", USERS "/bob@example.org", "{}"), 200);
	assert_int_equal(json_array_size(got(w, "protocols_disabled")), 0);
}

static void shared_account_is_of_nobody_for_good(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, "POST", USERS, "{\"address\":\"info@example.org\",\"type\":\"shared\",\"name\":\"Info\"}"), 201);
	assert_string_equal(got_text(w, "type"), "shared");
	assert_int_equal(ask(w, "PUT", USERS "/info@example.org", "{\"name\":\"Desk\"}"), 409);
	assert_int_equal(ask(w, "PUT", USERS "/info@example.org", "{\"name\":\"Desk\",\"type\":\"shared\"}"), 200);
	assert_string_equal(got_text(w, "name"), "Desk");
	assert_int_equal(ask(w, "POST", USERS, "{\"address\":\"bob@example.org\"}"), 201);
	assert_string_equal(got_text(w, "type"), "user");
	assert_int_equal(ask(w, "PUT", USERS "/bob@example.org", "{\"type\":\"shared\"}"), 409);
	assert_int_equal(ask(w, "POST", USERS, "{\"address\":\"x@example.org\",\"type\":\"group\"}"), 422);
}

static void user_is_not_offered_what_is_switched_off_in_imap(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, "POST", USERS, "{\"address\":\"bob@example.org\"}"), 201);
	assert_int_equal(json_array_size(got(w, "imap_disabled")), 0);
	assert_int_equal(ask(w, "PATCH", USERS "/bob@example.org", "{\"imap_disabled\":[\"qresync\",\"IDLE\",\"MESSAGELIMIT=100000\",\"idle\"]}"), 200);
	assert_int_equal(json_array_size(got(w, "imap_disabled")), 3);
	assert_string_equal(got_text(w, "imap_disabled/0"), "IDLE");
	assert_string_equal(got_text(w, "imap_disabled/1"), "QRESYNC");
	assert_string_equal(got_text(w, "imap_disabled/2"), "MESSAGELIMIT");
	assert_int_equal(ask(w, "PATCH", USERS "/bob@example.org", "{\"name\":\"Bob\"}"), 200);
	assert_int_equal(json_array_size(got(w, "imap_disabled")), 3);
	assert_int_equal(ask(w, "PATCH", USERS "/bob@example.org", "{\"imap_disabled\":[\"IDLE\",\"IMAP4rev1\"]}"), 422);
	assert_int_equal(ask(w, "PATCH", USERS "/bob@example.org", "{\"imap_disabled\":[\"\"]}"), 422);
	assert_int_equal(ask(w, "GET", USERS "/bob@example.org", ""), 200);
	assert_int_equal(json_array_size(got(w, "imap_disabled")), 3);
	assert_int_equal(ask(w, "PUT", USERS "/bob@example.org", "{}"), 200);
	assert_int_equal(json_array_size(got(w, "imap_disabled")), 0);
}

static void user_has_a_quota(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, "POST", USERS, "{\"address\":\"bob@example.org\",\"quota\":{\"bytes\":5000000000}}"), 201);
	assert_int_equal(got_number(w, "quota/bytes"), INT64_C(5000000000));
	assert_true(json_is_null(got(w, "quota/messages")));
	assert_int_equal(ask(w, "PATCH", USERS "/bob@example.org", "{\"quota\":{\"messages\":0}}"), 200);
	assert_int_equal(got_number(w, "quota/bytes"), INT64_C(5000000000));
	assert_int_equal(got_number(w, "quota/messages"), 0);
	assert_int_equal(ask(w, "PATCH", USERS "/bob@example.org", "{\"quota\":{\"bytes\":-1}}"), 422);
	assert_int_equal(ask(w, "PATCH", USERS "/bob@example.org", "{\"quota\":{\"bytes\":null}}"), 200);
	assert_true(json_is_null(got(w, "quota/bytes")));
	assert_int_equal(got_number(w, "quota/messages"), 0);
	assert_int_equal(ask(w, "PATCH", USERS "/bob@example.org", "{\"quota\":{\"bytes\":7}}"), 200);
	assert_int_equal(ask(w, "PATCH", USERS "/bob@example.org", "{\"quota\":null}"), 200);
	assert_true(json_is_null(got(w, "quota/bytes")));
	assert_true(json_is_null(got(w, "quota/messages")));
	assert_int_equal(ask(w, "PATCH", USERS "/bob@example.org", "{\"quota\":{\"bytes\":7}}"), 200);
	assert_int_equal(ask(w, "PUT", USERS "/bob@example.org", "{\"name\":\"Bob\"}"), 200);
	assert_true(json_is_null(got(w, "quota/bytes")));
}

/* A tag of a GET stays good for a change while the mailbox fills: its first half is of what a change can touch. */
static void usage_is_shown_and_is_no_condition(void **state)
{
	struct world *w = *state;
	char etag[80], *half;

	add(w, USERS, "address", "bob@example.org");
	assert_int_equal(ask(w, "GET", USERS "/bob@example.org", ""), 200);
	assert_non_null(got(w, "usage"));
	(void)snprintf(etag, sizeof etag, "%s", world_header(w, "ETag"));
	half = strchr(etag, '.');
	assert_non_null(half);
	half[1] = half[1] == 'x' ? 'y' : 'x';
	w->if_match = span_str(etag);
	assert_int_equal(ask(w, "PATCH", USERS "/bob@example.org", "{\"name\":\"Bob\"}"), 200);
	assert_null(got(w, "usage"));
	assert_int_equal(ask(w, "PATCH", USERS "/bob@example.org", "{\"name\":\"Robert\"}"), 412);
	w->if_match = SPAN("");
}

static void domain_admin_gives_away_what_is_granted_only(void **state)
{
	struct world *w = *state;

	add(w, DOMAINS, "name", "second.example");
	add(w, USERS, "address", "dora@second.example");
	add(w, USERS, "address", "carl@second.example");
	give_role(w, "dora@second.example", ROLE_DOMAIN_ADMIN, "second.example");
	assert_int_equal(ask(w, "PATCH", USERS "/carl@second.example", "{\"identities\":[\"sales@far.example\"],\"limits\":{\"per_hour\":3}}"), 200);
	w->token = world_token(w, world_user(w, "dora@second.example"), "users:write");
	assert_int_equal(ask(w, "PATCH", USERS "/carl@second.example", "{\"identities\":[\"alice@example.org\"]}"), 422);
	assert_int_equal(ask(w, "PATCH", USERS "/carl@second.example", "{\"identities\":[\"@example.org\"]}"), 422);
	assert_int_equal(ask(w, "PATCH", USERS "/carl@second.example", "{\"identities\":[\"@second.example\",\"sales@far.example\"]}"), 200);
	assert_int_equal(ask(w, "PATCH", USERS "/carl@second.example", "{\"limits\":{\"per_hour\":0}}"), 403);
	assert_int_equal(ask(w, "PATCH", USERS "/carl@second.example", "{\"limits\":null}"), 403);
	assert_int_equal(ask(w, "PATCH", USERS "/carl@second.example", "{\"limits\":{\"per_hour\":3},\"forwards\":[\"carl@far.example\"]}"), 200);
	assert_int_equal(ask(w, "POST", USERS, "{\"address\":\"emil@second.example\",\"limits\":{\"per_day\":0}}"), 403);
	assert_int_equal(ask(w, "PATCH", USERS "/carl@second.example", "{\"quota\":{\"bytes\":5000}}"), 200);
}

static void tls_rule_is_put_shown_and_removed(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, "GET", RULES "/far.example", ""), 404);
	assert_int_equal(ask(w, "PUT", RULES "/Far.example", "{\"mode\":\"verify\",\"names\":[\"MX.far.example\",\".far.example\"]}"), 201);
	assert_string_equal(world_header(w, "Location"), "/api/v1/tls_rules/far.example");
	assert_string_equal(got_text(w, "names/0"), "mx.far.example");
	assert_int_equal(ask(w, "PUT", RULES "/far.example", "{\"mode\":\"may\",\"names\":[\"x.example\"]}"), 422);
	assert_int_equal(ask(w, "PUT", RULES "/not%20a%20domain", "{\"mode\":\"may\"}"), 422);
	assert_int_equal(ask(w, "PUT", RULES "/far.example", "{\"mode\":\"often\"}"), 422);
	assert_int_equal(ask(w, "PUT", RULES "/far.example", "{\"mode\":\"none\"}"), 200);
	assert_int_equal(got_number(w, "names"), 0);
	assert_int_equal(ask(w, "GET", RULES, ""), 200);
	assert_int_equal(got_number(w, "data"), 1);
	assert_int_equal(ask(w, "GET", "/api/v1/audit?operation=tls_rule_put", ""), 200);
	assert_int_equal(got_number(w, "data"), 2);
	assert_int_equal(ask(w, "DELETE", RULES "/far.example", ""), 204);
	assert_int_equal(ask(w, "DELETE", RULES "/far.example", ""), 404);
}

static void relay_by_sender_is_of_a_domain_of_ours(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, "PUT", "/api/v1/relays/@Example.org", "{\"host\":\"smtp.far.example\",\"port\":587,\"tls\":\"encrypted\",\"user\":\"u\",\"password\":\"p\"}"), 201);
	assert_string_equal(got_text(w, "domain"), "@example.org");
	assert_string_equal(got_text(w, "tls"), "encrypted");
	assert_int_equal(ask(w, "PUT", "/api/v1/relays/@far.example", "{\"host\":\"smtp.far.example\",\"port\":25,\"tls\":\"none\"}"), 422);
	assert_int_equal(ask(w, "GET", "/api/v1/relays/@example.org", ""), 200);
	assert_int_equal(ask(w, "DELETE", "/api/v1/relays/@EXAMPLE.org", ""), 204);
}

static char tag[64];

static int apply(struct world *w, const char *path, const char *document)
{
	int status;

	w->if_match = SPAN("");
	assert_int_equal(ask(w, "GET", "/api/v1/export", ""), 200);
	(void)snprintf(tag, sizeof tag, "%s", world_header(w, "ETag"));
	w->if_match = span_str(tag);
	status = ask(w, "POST", path, document);
	w->if_match = SPAN("");
	return status;
}

static const char document[] = "{\"version\":1,"
			       "\"domains\":[{\"name\":\"alias.example\",\"alias_of\":\"Second.example\"},{\"name\":\"example.org\",\"source_ipv4\":\"192.0.2.1\"},"
			       "{\"name\":\"second.example\",\"state\":\"hold\",\"source_ipv6\":\"2001:db8::1\"}],"
			       "\"users\":[{\"address\":\"alice@example.org\",\"role\":\"owner\"},"
			       "{\"address\":\"bob@second.example\",\"forwards\":[\"B@far.example\",\"c@far.example\"],\"forward_keeps\":false,\"identities\":[\"@second.example\",\"x@far.example\"],"
			       "\"limits\":{\"per_hour\":5,\"new_per_day\":0},\"quota\":{\"bytes\":0},\"imap_disabled\":[\"IDLE\"]}],"
			       "\"relays\":[{\"domain\":\"@second.example\",\"host\":\"smtp.far.example\",\"port\":25,\"tls\":\"encrypted\"}],"
			       "\"tls_rules\":[{\"domain\":\"far.example\",\"mode\":\"verify\",\"names\":[\".far.example\"]},{\"domain\":\"other.example\",\"mode\":\"encrypt\"}]}";

static void document_with_all_of_it_goes_round(void **state)
{
	struct world *w = *state;
	char *text;

	assert_int_equal(apply(w, "/api/v1/apply?dry_run=1", document), 200);
	assert_int_equal(got_number(w, "changes"), 7);
	assert_int_equal(apply(w, "/api/v1/apply", document), 200);
	assert_int_equal(got_number(w, "created"), 6);
	assert_int_equal(got_number(w, "updated"), 1);
	assert_int_equal(apply(w, "/api/v1/apply?prune=1", document), 200);
	assert_int_equal(got_number(w, "created") + got_number(w, "updated") + got_number(w, "removed"), 0);
	assert_int_equal(ask(w, "GET", "/api/v1/export", ""), 200);
	assert_int_equal(got_number(w, "tls_rules"), 2);
	assert_string_equal(got_text(w, "domains/0/alias_of"), "second.example");
	assert_string_equal(got_text(w, "domains/2/state"), "hold");
	assert_null(got(w, "domains/1/state"));
	assert_string_equal(got_text(w, "users/1/forwards/0"), "b@far.example");
	assert_int_equal(got_number(w, "users/1/limits/per_hour"), 5);
	assert_int_equal(got_number(w, "users/1/quota/bytes"), 0);
	assert_null(got(w, "users/0/quota"));
	assert_string_equal(got_text(w, "users/1/imap_disabled/0"), "IDLE");
	assert_null(got(w, "users/0/imap_disabled"));
	assert_null(got(w, "users/0/forwards"));
	text = strdup(buf_cstr(&w->response.body));
	assert_int_equal(apply(w, "/api/v1/apply?prune=1", text), 200);
	assert_int_equal(got_number(w, "created") + got_number(w, "updated") + got_number(w, "removed"), 0);
	free(text);
	/* What a line does not say is the default again; those that stand for others go first. */
	assert_int_equal(apply(w, "/api/v1/apply?prune=1",
			       "{\"version\":1,\"domains\":[{\"name\":\"example.org\"},{\"name\":\"second.example\"}],\"users\":[{\"address\":\"bob@second.example\"}],\"tls_rules\":[]}"),
			 200);
	assert_int_equal(got_number(w, "removed"), 3);
	assert_int_equal(got_number(w, "updated"), 3);
	assert_int_equal(ask(w, "GET", USERS "/bob@second.example", ""), 200);
	assert_int_equal(got_number(w, "forwards") + got_number(w, "identities"), 0);
}

static void applied_domain_that_cannot_be_is_a_conflict(void **state)
{
	struct world *w = *state;

	assert_int_equal(apply(w, "/api/v1/apply", "{\"version\":1,\"domains\":[{\"name\":\"example.org\",\"alias_of\":\"b.example\"},{\"name\":\"b.example\"}]}"), 409);
	assert_string_equal(got_text(w, "errors/0/pointer"), "/domains/0/alias_of");
	assert_int_equal(apply(w, "/api/v1/apply", "{\"version\":1,\"domains\":[{\"name\":\"example.org\",\"source_ipv4\":\"::1\"}]}"), 422);
	assert_string_equal(got_text(w, "errors/0/pointer"), "/domains/0/source_ipv4");
	assert_int_equal(apply(w, "/api/v1/apply", "{\"version\":1,\"tls_rules\":[{\"domain\":\"x.example\",\"mode\":\"none\",\"names\":[\"a.example\"]}]}"), 422);
	assert_int_equal(ask(w, "GET", DOMAINS "/b.example", ""), 404);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, world_make, world_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(domain_changes_only_what_is_named),
		CASE(inactive_domain_logs_its_users_out),
		CASE(nobody_is_shut_out_through_the_domain),
		CASE(user_has_forwards_identities_and_limits),
		CASE(user_has_a_quota),
		CASE(user_is_not_offered_what_is_switched_off_in_imap),
		CASE(user_does_not_log_in_by_protocols_that_are_off),
		CASE(shared_account_is_of_nobody_for_good),
		CASE(usage_is_shown_and_is_no_condition),
		CASE(domain_admin_gives_away_what_is_granted_only),
		CASE(tls_rule_is_put_shown_and_removed),
		CASE(relay_by_sender_is_of_a_domain_of_ours),
		CASE(document_with_all_of_it_goes_round),
		CASE(applied_domain_that_cannot_be_is_a_conflict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
