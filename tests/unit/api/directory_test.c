/* Domains, users, aliases and relays over the API: lists, items, conditions, plans, and what each role reaches. */
#include "daemon/events/audit.h"
#include "tests/unit/api/world.h"

#define USERS "/api/v1/users"
#define ALICE "/api/v1/users/alice@example.org"

static void add_user(struct world *w, const char *address)
{
	char body[128];

	(void)snprintf(body, sizeof(body), "{\"address\":\"%s\"}", address);
	assert_int_equal(ask(w, "POST", USERS, body), 201);
}

static void domains_are_listed_found_and_removed(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, "POST", "/api/v1/domains", "{\"name\":\"B\\u00fccher.example\"}"), 201);
	assert_string_equal(got_text(w, "name"), "xn--bcher-kva.example");
	assert_string_equal(world_header(w, "Location"), "/api/v1/domains/xn--bcher-kva.example");
	assert_int_equal(ask(w, "POST", "/api/v1/domains", "{\"name\":\"example.ORG\"}"), 409);
	assert_int_equal(ask(w, "POST", "/api/v1/domains", "{\"name\":\"-bad-\"}"), 422);
	assert_string_equal(got_text(w, "errors/0/pointer"), "/name");
	assert_int_equal(ask(w, "GET", "/api/v1/domains?sort=-name", ""), 200);
	assert_int_equal(got_number(w, "data"), 2);
	assert_string_equal(got_text(w, "data/0/name"), "xn--bcher-kva.example");
	assert_int_equal(ask(w, "GET", "/api/v1/domains?q=EXAMPLE.O", ""), 200);
	assert_int_equal(got_number(w, "data"), 1);
	assert_int_equal(ask(w, "GET", "/api/v1/domains/b%C3%BCcher.example", ""), 200);
	assert_int_equal(ask(w, "PUT", "/api/v1/domains/b%C3%BCcher.example", "{}"), 200);
	assert_int_equal(ask(w, "PUT", "/api/v1/domains/third.example", "{}"), 201);
	assert_int_equal(ask(w, "DELETE", "/api/v1/domains/third.example", ""), 204);
	assert_int_equal(ask(w, "DELETE", "/api/v1/domains/third.example", ""), 404);
	assert_int_equal(ask(w, "DELETE", "/api/v1/domains/example.org", ""), 409);
	assert_int_equal(ask(w, "GET", "/api/v1/domains/third.example", ""), 404);
}

static void user_lives_from_post_to_delete(void **state)
{
	struct world *w = *state;
	char path[64];

	assert_int_equal(ask(w, "POST", USERS, "{\"address\":\"Bob@example.org\",\"name\":\"Bob\",\"password\":\"correct-horse\"}"), 201);
	assert_string_equal(got_text(w, "address"), "bob@example.org");
	assert_string_equal(got_text(w, "role"), "user");
	(void)snprintf(path, sizeof(path), USERS "/%s", got_text(w, "id"));
	assert_string_equal(world_header(w, "Location"), path);
	assert_int_equal(ask(w, "GET", path, ""), 200);
	assert_string_equal(got_text(w, "name"), "Bob");
	assert_int_equal(ask(w, "POST", USERS, "{\"address\":\"bob@example.org\"}"), 409);
	assert_int_equal(ask(w, "POST", USERS, "{\"address\":\"carl@example.org\",\"password\":\"short\"}"), 422);
	assert_string_equal(got_text(w, "code"), "password_length");
	assert_string_equal(got_text(w, "errors/0/pointer"), "/password");
	assert_int_equal(ask(w, "POST", USERS, "{\"address\":\"carl@elsewhere.example\"}"), 422);
	assert_string_equal(got_text(w, "code"), "no_such_domain");
	assert_int_equal(ask(w, "POST", USERS, "{\"address\":\"carl@example.org\",\"password\":\"correct-horse\",\"password_hash\":\"{PLAIN}x\"}"), 422);
	assert_int_equal(ask(w, "POST", USERS, "{\"address\":\"carl@example.org\",\"password_hash\":\"nonsense\"}"), 422);
	assert_string_equal(got_text(w, "errors/0/pointer"), "/password_hash");
	assert_int_equal(ask(w, "GET", USERS, ""), 200);
	assert_int_equal(got_number(w, "data"), 2);
	assert_int_equal(ask(w, "PATCH", path, "{\"suspended\":true,\"name\":null}"), 200);
	assert_int_equal(got_number(w, "suspended"), 1);
	assert_string_equal(got_text(w, "name"), "");
	assert_int_equal(w->ended, world_user(w, "bob@example.org"));
	assert_int_equal(ask(w, "PATCH", path, "{\"role\":\"owner\"}"), 422);
	assert_int_equal(ask(w, "DELETE", path, ""), 204);
	assert_int_equal(ask(w, "DELETE", path, ""), 404);
	assert_int_equal(ask(w, "DELETE", ALICE, ""), 409);
	assert_int_equal(ask(w, "GET", ALICE, ""), 200);
	assert_int_equal(got_number(w, "suspended"), 0);
}

/* The wait for it is a few seconds. */
static void mailbox_that_is_held_leaves_the_user_as_before(void **state)
{
	struct world *w = *state;
	struct mailstore *held;

	add_user(w, "bob@example.org");
	assert_int_equal(store_open(w->api.store, world_user(w, "bob@example.org"), &held, NULL), ERR_OK);
	assert_int_equal(ask(w, "DELETE", USERS "/bob@example.org", ""), 409);
	assert_int_equal(ask(w, "GET", USERS "/bob@example.org", ""), 200);
	assert_int_equal(got_number(w, "suspended"), 0);
	store_close(&held);
	assert_int_equal(ask(w, "DELETE", USERS "/bob@example.org", ""), 204);
}

static void put_makes_or_sets_a_user(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, "PUT", USERS "/bob@example.org", "{\"name\":\"Bob\",\"password_hash\":\"{SHA256.HEX}ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}"), 201);
	assert_int_equal(ask(w, "PUT", USERS "/BOB@example.org", "{\"suspended\":true}"), 200);
	assert_string_equal(got_text(w, "name"), "");
	assert_int_equal(got_number(w, "suspended"), 1);
	assert_int_equal(ask(w, "PUT", USERS "/nobody@elsewhere.example", "{}"), 422);
	assert_int_equal(ask(w, "PUT", USERS "/no address", "{}"), 422);
}

static void change_holds_to_what_was_read(void **state)
{
	struct world *w = *state;
	char tag[64];

	add_user(w, "bob@example.org");
	assert_int_equal(ask(w, "GET", USERS "/bob@example.org", ""), 200);
	(void)snprintf(tag, sizeof(tag), "%s", world_header(w, "ETag"));
	w->if_match = span_str(tag);
	assert_int_equal(ask(w, "PATCH", USERS "/bob@example.org", "{\"name\":\"Bob\"}"), 200);
	assert_int_equal(ask(w, "PATCH", USERS "/bob@example.org", "{\"name\":\"Robert\"}"), 412);
	assert_int_equal(ask(w, "DELETE", USERS "/bob@example.org", ""), 412);
	w->if_match = SPAN("");
	assert_int_equal(ask(w, "GET", USERS "/bob@example.org", ""), 200);
	assert_string_equal(got_text(w, "name"), "Bob");
	assert_int_equal(got_number(w, "suspended"), 0);
}

static void plan_changes_nothing(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, "POST", USERS "?dry_run=1", "{\"address\":\"bob@example.org\"}"), 200);
	assert_int_equal(got_number(w, "dry_run"), 1);
	assert_string_equal(got_text(w, "changes/0/verb"), "create");
	assert_string_equal(got_text(w, "changes/0/after/address"), "bob@example.org");
	assert_int_equal(world_user(w, "bob@example.org"), 0);
	add_user(w, "bob@example.org");
	assert_int_equal(ask(w, "DELETE", USERS "/bob@example.org?dry_run=1", ""), 200);
	assert_string_equal(got_text(w, "changes/0/verb"), "delete");
	assert_int_equal(ask(w, "DELETE", "/api/v1/domains/example.org?dry_run=1", ""), 409);
	assert_int_equal(ask(w, "PATCH", USERS "/bob@example.org?dry_run=1", "{\"suspended\":false}"), 200);
	assert_int_equal(got_number(w, "changes"), 0);
	assert_int_equal(ask(w, "PATCH", USERS "/bob@example.org?dry_run=1", "{\"suspended\":true}"), 200);
	assert_int_equal(got_number(w, "changes/0/after/suspended"), 1);
	assert_int_equal(ask(w, "GET", USERS "/bob@example.org", ""), 200);
	assert_int_equal(got_number(w, "suspended"), 0);
}

static void list_is_searched_sorted_and_paged(void **state)
{
	struct world *w = *state;
	char address[64], path[512];
	size_t seen = 0;

	assert_int_equal(ask(w, "POST", "/api/v1/domains", "{\"name\":\"second.example\"}"), 201);
	for (int i = 0; i < 25; i++) {
		(void)snprintf(address, sizeof(address), "user%02d@%s", 24 - i, i % 5 ? "example.org" : "second.example");
		add_user(w, address);
	}
	assert_int_equal(ask(w, "PATCH", USERS "/user03@example.org", "{\"name\":\"J\\u00f6rg Maier\",\"suspended\":true}"), 200);
	assert_int_equal(ask(w, "GET", USERS "?limit=10", ""), 200);
	assert_int_equal(got_number(w, "total_estimate"), 26);
	for (;;) {
		seen += (size_t)got_number(w, "data");
		if (!json_is_string(got(w, "next_cursor")))
			break;
		assert_true(strstr(world_header(w, "Link"), "rel=\"next\"") != NULL);
		(void)snprintf(path, sizeof(path), USERS "?limit=10&cursor=%s", got_text(w, "next_cursor"));
		assert_int_equal(ask(w, "GET", path, ""), 200);
	}
	assert_int_equal(seen, 26);
	assert_int_equal(ask(w, "GET", USERS "?q=SER0&domain=second.example&sort=-address", ""), 200);
	assert_int_equal(got_number(w, "data"), 2);
	assert_string_equal(got_text(w, "data/0/address"), "user09@second.example");
	assert_int_equal(ask(w, "GET", USERS "?q=j%C3%96rg", ""), 200);
	assert_int_equal(got_number(w, "total_estimate"), 1);
	assert_int_equal(ask(w, "GET", USERS "?suspended=true&fields=address,name", ""), 200);
	assert_int_equal(got_number(w, "data"), 1);
	assert_string_equal(got_text(w, "data/0/address"), "user03@example.org");
	assert_null(got(w, "data/0/id"));
	assert_int_equal(ask(w, "GET", USERS "?role=owner", ""), 200);
	assert_int_equal(got_number(w, "data"), 1);
	assert_int_equal(ask(w, "GET", USERS "?sort=-created_at&limit=1", ""), 200);
	assert_string_equal(got_text(w, "data/0/address"), "user00@example.org");
	(void)snprintf(path, sizeof(path), USERS "?limit=1&cursor=%s", got_text(w, "next_cursor"));
	assert_int_equal(ask(w, "GET", path, ""), 400);
	(void)snprintf(path, sizeof(path), USERS "?sort=-created_at&limit=1&cursor=%s", strrchr(path, '=') + 1);
	assert_int_equal(ask(w, "GET", path, ""), 400);
	assert_int_equal(ask(w, "GET", USERS "?sort=name", ""), 400);
	assert_int_equal(ask(w, "GET", USERS "?colour=red", ""), 400);
}

static void pages_do_not_lose_who_is_added_or_removed_between(void **state)
{
	struct world *w = *state;
	char path[512];

	add_user(w, "b@example.org");
	add_user(w, "c@example.org");
	add_user(w, "d@example.org");
	assert_int_equal(ask(w, "GET", USERS "?limit=2&sort=created_at", ""), 200);
	assert_string_equal(got_text(w, "data/1/address"), "b@example.org");
	(void)snprintf(path, sizeof(path), USERS "?limit=9&sort=created_at&cursor=%s", got_text(w, "next_cursor"));
	assert_int_equal(ask(w, "DELETE", USERS "/b@example.org", ""), 204);
	add_user(w, "a@example.org");
	assert_int_equal(ask(w, "GET", path, ""), 200);
	assert_int_equal(got_number(w, "data"), 3);
	assert_string_equal(got_text(w, "data/0/address"), "c@example.org");
	assert_string_equal(got_text(w, "data/2/address"), "a@example.org");
}

static void domain_admin_reaches_the_domains_granted(void **state)
{
	struct world *w = *state;
	const struct span granted = SPAN("second.example");

	assert_int_equal(ask(w, "POST", "/api/v1/domains", "{\"name\":\"second.example\"}"), 201);
	add_user(w, "dora@second.example");
	add_user(w, "carl@second.example");
	add_user(w, "bob@example.org");
	assert_int_equal(directory_account_set_role(w->api.directory, world_user(w, "dora@second.example"), ROLE_DOMAIN_ADMIN, &granted, 1, NULL), ERR_OK);
	w->token = world_token(w, world_user(w, "dora@second.example"), "users:write");
	assert_int_equal(ask(w, "POST", USERS, "{\"address\":\"emil@second.example\"}"), 201);
	assert_int_equal(ask(w, "POST", USERS, "{\"address\":\"emil@example.org\"}"), 422);
	assert_int_equal(ask(w, "PATCH", USERS "/carl@second.example", "{\"name\":\"Carl\"}"), 200);
	assert_int_equal(ask(w, "PATCH", USERS "/bob@example.org", "{\"name\":\"Bob\"}"), 404);
	assert_int_equal(ask(w, "PATCH", USERS "/dora@second.example", "{\"suspended\":true}"), 403);
	w->token = world_token(w, world_user(w, "dora@second.example"), "users:read");
	assert_int_equal(ask(w, "GET", USERS, ""), 200);
	assert_int_equal(got_number(w, "total_estimate"), 3);
	assert_int_equal(ask(w, "GET", ALICE, ""), 404);
	assert_int_equal(ask(w, "PATCH", USERS "/carl@second.example", "{}"), 403);
	w->token = world_token(w, world_user(w, "dora@second.example"), "domains:read");
	assert_int_equal(ask(w, "GET", "/api/v1/domains", ""), 200);
	assert_int_equal(got_number(w, "data"), 1);
	assert_int_equal(ask(w, "GET", "/api/v1/domains/example.org", ""), 404);
}

static void admin_does_not_manage_owners(void **state)
{
	struct world *w = *state;

	add_user(w, "adam@example.org");
	assert_int_equal(directory_account_set_role(w->api.directory, world_user(w, "adam@example.org"), ROLE_ADMIN, NULL, 0, NULL), ERR_OK);
	w->token = world_token(w, world_user(w, "adam@example.org"), "users:write");
	assert_int_equal(ask(w, "PUT", ALICE "/password", "{\"password\":\"correct-horse-2\"}"), 403);
	assert_int_equal(ask(w, "DELETE", ALICE, ""), 403);
	assert_int_equal(ask(w, "POST", ALICE ":reset_second_factor", ""), 403);
	assert_int_equal(ask(w, "POST", USERS, "{\"address\":\"bob@example.org\"}"), 201);
}

/* A token that could would be as good as the role, whatever its scopes. */
static void who_has_a_role_is_not_managed_with_a_token(void **state)
{
	struct world *w = *state;

	add_user(w, "adam@example.org");
	add_user(w, "bob@example.org");
	assert_int_equal(directory_account_set_role(w->api.directory, world_user(w, "adam@example.org"), ROLE_ADMIN, NULL, 0, NULL), ERR_OK);
	w->token = world_token(w, world_user(w, "alice@example.org"), "users:write");
	assert_int_equal(ask(w, "PUT", ALICE "/password", "{\"password\":\"correct-horse-2\"}"), 403);
	assert_string_equal(got_text(w, "code"), "not_allowed");
	assert_int_equal(ask(w, "PUT", USERS "/adam@example.org", "{\"password\":\"correct-horse-2\"}"), 403);
	assert_int_equal(ask(w, "PATCH", ALICE, "{\"suspended\":true}"), 403);
	assert_int_equal(ask(w, "POST", ALICE ":reset_second_factor", ""), 403);
	assert_int_equal(ask(w, "POST", ALICE ":revoke_sessions", ""), 403);
	assert_int_equal(ask(w, "DELETE", USERS "/adam@example.org", ""), 403);
	assert_int_equal(ask(w, "POST", USERS ":bulk", "{\"action\":\"suspend\",\"users\":[\"adam@example.org\",\"bob@example.org\"]}"), 200);
	assert_int_equal(got_number(w, "failed"), 1);
	assert_int_equal(ask(w, "POST", USERS ":import", "{\"users\":[{\"address\":\"eve@example.org\",\"role\":\"owner\",\"password\":\"correct-horse-2\"}]}"), 200);
	assert_int_equal(got_number(w, "failed"), 1);
	assert_int_equal(world_user(w, "eve@example.org"), 0);
	assert_int_equal(ask(w, "PUT", USERS "/bob@example.org/password", "{\"password\":\"correct-horse-2\"}"), 204);
	w->token = SPAN("");
	assert_int_equal(ask(w, "PUT", USERS "/adam@example.org", "{\"password\":\"correct-horse-2\"}"), 200);
}

static void password_is_set_and_stays_out_of_the_audit(void **state)
{
	struct world *w = *state;
	struct audit_entry *found;
	struct arena a;
	size_t count;
	bool more;

	assert_int_equal(ask(w, "PUT", ALICE "/password", "{\"password\":\"battery-staple\"}"), 204);
	assert_int_equal(w->ended, world_user(w, "alice@example.org"));
	assert_int_equal(ask(w, "PUT", ALICE "/password", "{}"), 422);
	assert_int_equal(ask(w, "PUT", USERS "/x@example.org/password", "{\"password\":\"battery-staple\"}"), 404);
	arena_init(&a, 1 << 20);
	assert_int_equal(audit_list(w->api.directory, &(struct audit_filter){ .subject = SPAN("alice@example.org") }, 0, 10, &a, &found, &count, &more), ERR_OK);
	assert_true(count >= 1);
	assert_true(span_equals(found[0].operation, SPAN("user_password_set")));
	assert_true(span_equals(found[0].after, SPAN("{\"password\":\"***\"}")));
	arena_clear(&a);
}

static void access_is_taken_away(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, "GET", ALICE "/app_passwords", ""), 200);
	assert_int_equal(got_number(w, "data"), 0);
	assert_int_equal(ask(w, "DELETE", ALICE "/app_passwords/app_1", ""), 404);
	assert_int_equal(ask(w, "DELETE", ALICE "/app_passwords/nonsense", ""), 404);
	assert_int_equal(ask(w, "POST", ALICE ":revoke_sessions", ""), 204);
	assert_int_equal(w->ended, world_user(w, "alice@example.org"));
	w->ended = 0;
	assert_int_equal(ask(w, "POST", ALICE ":reset_second_factor?dry_run=1", ""), 200);
	assert_int_equal(w->ended, 0);
	assert_int_equal(ask(w, "POST", ALICE ":reset_second_factor", ""), 204);
	assert_int_equal(ask(w, "POST", USERS "/x@example.org:revoke_sessions", ""), 404);
}

static void aliases_are_listed_changed_and_removed(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, "POST", "/api/v1/aliases", "{\"address\":\"Sales@example.org\",\"targets\":[\"alice@example.org\",\"x@example.com\"]}"), 201);
	assert_string_equal(got_text(w, "address"), "sales@example.org");
	assert_int_equal(ask(w, "POST", "/api/v1/aliases", "{\"address\":\"@example.org\",\"targets\":[\"alice@example.org\"]}"), 201);
	assert_int_equal(ask(w, "POST", "/api/v1/aliases", "{\"address\":\"sales@example.org\",\"targets\":[\"alice@example.org\"]}"), 409);
	assert_int_equal(ask(w, "POST", "/api/v1/aliases", "{\"address\":\"empty@example.org\",\"targets\":[]}"), 422);
	assert_int_equal(ask(w, "POST", "/api/v1/aliases", "{\"address\":\"x@elsewhere.example\",\"targets\":[\"alice@example.org\"]}"), 422);
	assert_int_equal(ask(w, "GET", "/api/v1/aliases?sort=-address", ""), 200);
	assert_int_equal(got_number(w, "data"), 2);
	assert_string_equal(got_text(w, "data/0/address"), "sales@example.org");
	assert_int_equal(ask(w, "GET", "/api/v1/aliases?q=example.com&limit=1", ""), 200);
	assert_int_equal(got_number(w, "total_estimate"), 1);
	assert_int_equal(ask(w, "GET", "/api/v1/aliases/%40example.org", ""), 200);
	assert_int_equal(ask(w, "PATCH", "/api/v1/aliases/SALES@example.org", "{\"targets\":[\"y@example.com\"]}"), 200);
	assert_string_equal(got_text(w, "targets/0"), "y@example.com");
	assert_int_equal(ask(w, "PATCH", "/api/v1/aliases/sales@example.org", "{\"targets\":[\"no address\"]}"), 422);
	assert_int_equal(ask(w, "PUT", "/api/v1/aliases/info@example.org", "{\"targets\":[\"y@example.com\"]}"), 201);
	assert_int_equal(ask(w, "PUT", "/api/v1/aliases/info@example.org", "{\"targets\":[\"z@example.com\"]}"), 200);
	assert_int_equal(ask(w, "PUT", "/api/v1/aliases/alice@example.org", "{\"targets\":[\"z@example.com\"]}"), 409);
	assert_int_equal(ask(w, "DELETE", "/api/v1/aliases/sales@example.org", ""), 204);
	assert_int_equal(ask(w, "DELETE", "/api/v1/aliases/sales@example.org", ""), 404);
	assert_int_equal(ask(w, "GET", "/api/v1/aliases/sales@example.org", ""), 404);
}

static void relays_never_tell_their_password(void **state)
{
	struct world *w = *state;
	const struct snapshot *s;

	assert_int_equal(ask(w, "PUT", "/api/v1/relays/*", "{\"host\":\"smtp.example.com\",\"port\":587,\"tls\":\"required\",\"user\":\"u\",\"password\":\"relay-secret\"}"), 201);
	assert_int_equal(got_number(w, "has_password"), 1);
	assert_null(got(w, "password"));
	assert_int_equal(ask(w, "PUT", "/api/v1/relays/*", "{\"host\":\"SMTP.example.com\",\"port\":587,\"tls\":\"opportunistic\",\"user\":\"u\"}"), 200);
	s = directory_hold(w->api.directory);
	assert_true(span_equals(snapshot_relay_for(s, SPAN("x.example"), SPAN(""))->password, SPAN("relay-secret")));
	snapshot_release(&s);
	/* Another host is not told it by somebody who does not know it. */
	assert_int_equal(ask(w, "PUT", "/api/v1/relays/*", "{\"host\":\"smtp2.example.com\",\"port\":587,\"tls\":\"required\",\"user\":\"u\"}"), 422);
	assert_string_equal(got_text(w, "errors/0/pointer"), "/password");
	assert_int_equal(ask(w, "PUT", "/api/v1/relays/*", "{\"host\":\"smtp.example.com\",\"port\":2587,\"tls\":\"required\",\"user\":\"u\"}"), 422);
	assert_int_equal(ask(w, "PUT", "/api/v1/relays/*", "{\"host\":\"h.example\",\"port\":25,\"tls\":\"required\",\"user\":\"other\"}"), 422);
	assert_string_equal(got_text(w, "errors/0/pointer"), "/password");
	assert_int_equal(ask(w, "PUT", "/api/v1/relays/*", "{\"host\":\"h.example\",\"port\":0,\"tls\":\"none\"}"), 422);
	assert_int_equal(ask(w, "PUT", "/api/v1/relays/*", "{\"host\":\"h.example\",\"port\":25,\"tls\":\"none\",\"user\":\"u\",\"password\":\"p\"}"), 422);
	assert_int_equal(ask(w, "PUT", "/api/v1/relays/big.example", "{\"host\":\"not a host\",\"port\":25,\"tls\":\"none\"}"), 422);
	assert_int_equal(ask(w, "GET", "/api/v1/relays", ""), 200);
	assert_int_equal(got_number(w, "data"), 1);
	assert_int_equal(ask(w, "GET", "/api/v1/relays/%2A", ""), 200);
	assert_int_equal(ask(w, "DELETE", "/api/v1/relays/*", ""), 204);
	assert_int_equal(ask(w, "DELETE", "/api/v1/relays/*", ""), 404);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, world_make, world_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(domains_are_listed_found_and_removed),
		CASE(user_lives_from_post_to_delete),
		CASE(mailbox_that_is_held_leaves_the_user_as_before),
		CASE(put_makes_or_sets_a_user),
		CASE(change_holds_to_what_was_read),
		CASE(plan_changes_nothing),
		CASE(list_is_searched_sorted_and_paged),
		CASE(pages_do_not_lose_who_is_added_or_removed_between),
		CASE(domain_admin_reaches_the_domains_granted),
		CASE(admin_does_not_manage_owners),
		CASE(who_has_a_role_is_not_managed_with_a_token),
		CASE(password_is_set_and_stays_out_of_the_audit),
		CASE(access_is_taken_away),
		CASE(aliases_are_listed_changed_and_removed),
		CASE(relays_never_tell_their_password),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
