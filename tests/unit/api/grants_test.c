/* What is granted on mailboxes, over the API: set, listed from both sides, taken back; exported and applied. */
#include "daemon/directory/grants.h"
#include "daemon/store/mailbox.h"
#include "tests/unit/api/world.h"

#define USERS "/api/v1/users"
#define OF_INFO USERS "/info@example.org/grants"
#define INFO_BOB "{\"mailbox\":\"INBOX\",\"grantee\":\"bob@example.org\",\"rights\":\"read\"}"

static void count_change(void *arg)
{
	((struct world *)arg)->reloads++;
}

static int make(void **state)
{
	struct world *w;

	if (world_make(state))
		return -1;
	w = *state;
	w->api.grants_changed = count_change;
	w->api.arg = w;
	assert_int_equal(ask(w, "POST", USERS, "{\"address\":\"info@example.org\",\"type\":\"shared\"}"), 201);
	assert_int_equal(ask(w, "POST", USERS, "{\"address\":\"bob@example.org\"}"), 201);
	return 0;
}

static unsigned rights(struct world *w, const char *who, const char *mailbox)
{
	const struct snapshot *s;
	const struct grants *g;
	struct mailstore *m;
	struct mailbox_info info;
	struct arena a;
	unsigned out;

	arena_init(&a, 1 << 16);
	assert_int_equal(store_open(w->api.store, world_user(w, "info@example.org"), &m, NULL), ERR_OK);
	assert_int_equal(mailbox_find(m, span_str(mailbox), &a, &info), ERR_OK);
	store_close(&m);
	s = directory_hold(w->api.directory);
	g = grants_hold(w->api.directory);
	out = grants_rights(g, s, world_user(w, who), world_user(w, "info@example.org"), info.id);
	grants_release(&g);
	snapshot_release(&s);
	arena_clear(&a);
	return out;
}

static void a_grant_is_set_listed_on_both_sides_and_taken_back(void **state)
{
	struct world *w = *state;
	char path[128];

	assert_int_equal(ask(w, "POST", OF_INFO, INFO_BOB), 201);
	assert_string_equal(got_text(w, "rights"), "lrs");
	assert_string_equal(got_text(w, "mailbox"), "INBOX");
	assert_int_equal(rights(w, "bob@example.org", "INBOX"), RIGHT_LOOKUP | RIGHT_READ | RIGHT_SEEN);
	assert_int_equal(rights(w, "bob@example.org", "Sent"), 0);
	assert_int_equal(w->reloads, 1);
	(void)snprintf(path, sizeof path, "%s/%s", OF_INFO, got_text(w, "id"));
	assert_non_null(strstr(world_header(w, "Location"), "/grants/grt_"));

	assert_int_equal(ask(w, "POST", OF_INFO, "{\"mailbox\":\"inbox\",\"grantee\":\"BOB@example.org\",\"rights\":\"tlr\"}"), 200);
	assert_string_equal(got_text(w, "rights"), "lrt");
	assert_int_equal(ask(w, "GET", OF_INFO, ""), 200);
	assert_int_equal(got_number(w, "total_estimate"), 1);
	assert_string_equal(got_text(w, "data/0/grantee"), "bob@example.org");
	assert_int_equal(ask(w, "GET", USERS "/bob@example.org/granted", ""), 200);
	assert_string_equal(got_text(w, "data/0/owner"), "info@example.org");
	assert_string_equal(got_text(w, "data/0/mailbox"), "INBOX");

	assert_int_equal(ask(w, "DELETE", path, ""), 204);
	assert_int_equal(ask(w, "DELETE", path, ""), 404);
	assert_int_equal(rights(w, "bob@example.org", "INBOX"), 0);
	assert_int_equal(ask(w, "GET", USERS "/bob@example.org/granted", ""), 200);
	assert_int_equal(got_number(w, "total_estimate"), 0);
}

static void none_takes_back_what_every_mailbox_gives(void **state)
{
	struct world *w = *state;
	char path[128];

	assert_int_equal(ask(w, "POST", OF_INFO, "{\"mailbox\":\"Trash\",\"grantee\":\"anyone\",\"rights\":\"none\"}"), 409);
	assert_int_equal(ask(w, "POST", OF_INFO, "{\"grantee\":\"anyone\",\"rights\":\"full\"}"), 201);
	assert_true(json_is_null(got(w, "mailbox")));
	assert_int_equal(ask(w, "POST", OF_INFO, "{\"mailbox\":\"Trash\",\"grantee\":\"anyone\",\"rights\":\"none\"}"), 201);
	assert_string_equal(got_text(w, "rights"), "none");
	(void)snprintf(path, sizeof path, "%s/%s", OF_INFO, got_text(w, "id"));
	assert_int_equal(rights(w, "bob@example.org", "Trash"), 0);
	assert_int_equal(rights(w, "bob@example.org", "INBOX"), RIGHT_ALL);
	assert_int_equal(ask(w, "DELETE", path, ""), 204);
	assert_int_equal(rights(w, "bob@example.org", "Trash"), RIGHT_ALL);
}

static void what_is_wrong_is_named_with_its_field(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, "POST", OF_INFO, "{\"mailbox\":\"Nowhere\",\"grantee\":\"bob@example.org\",\"rights\":\"read\"}"), 422);
	assert_string_equal(got_text(w, "errors/0/pointer"), "/mailbox");
	assert_int_equal(ask(w, "POST", OF_INFO, "{\"grantee\":\"nobody@example.org\",\"rights\":\"read\"}"), 422);
	assert_string_equal(got_text(w, "errors/0/pointer"), "/grantee");
	assert_int_equal(ask(w, "POST", OF_INFO, "{\"grantee\":\"bob@example.org\",\"rights\":\"lrz\"}"), 422);
	assert_string_equal(got_text(w, "errors/0/pointer"), "/rights");
	assert_int_equal(ask(w, "POST", OF_INFO, "{\"grantee\":\"info@example.org\",\"rights\":\"read\"}"), 409);
	assert_int_equal(ask(w, "POST", USERS "/x@example.org/grants", "{\"grantee\":\"bob@example.org\",\"rights\":\"read\"}"), 404);
	assert_int_equal(ask(w, "DELETE", OF_INFO "/grt_x_1", ""), 404);
	assert_int_equal(ask(w, "DELETE", OF_INFO "/grt_1", ""), 404);
	assert_int_equal(w->reloads, 0);
}

static void a_plan_grants_nothing(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, "POST", OF_INFO "?dry_run=1", INFO_BOB), 200);
	assert_int_equal(rights(w, "bob@example.org", "INBOX"), 0);
	assert_int_equal(w->reloads, 0);
	assert_int_equal(ask(w, "POST", OF_INFO, INFO_BOB), 201);
	assert_int_equal(ask(w, "GET", "/api/v1/audit?operation=user_grant_set", ""), 200);
	assert_int_equal(got_number(w, "data"), 1);
	assert_string_equal(got_text(w, "data/0/subject"), "info@example.org");
	assert_string_equal(got_text(w, "data/0/after/rights"), "lrs");
}

static void lists_go_page_by_page(void **state)
{
	struct world *w = *state;
	char path[600], body[160];
	unsigned seen = 0;

	for (int i = 0; i < 7; i++) {
		(void)snprintf(body, sizeof body, "{\"address\":\"u%d@example.org\"}", i);
		assert_int_equal(ask(w, "POST", USERS, body), 201);
		(void)snprintf(body, sizeof body, "{\"mailbox\":\"%s\",\"grantee\":\"u%d@example.org\",\"rights\":\"l\"}", i % 2 ? "INBOX" : "Sent", i);
		assert_int_equal(ask(w, "POST", OF_INFO, body), 201);
	}
	(void)snprintf(path, sizeof path, "%s?limit=3", OF_INFO);
	for (;;) {
		assert_int_equal(ask(w, "GET", path, ""), 200);
		assert_int_equal(got_number(w, "total_estimate"), 7);
		seen += (unsigned)got_number(w, "data");
		if (json_is_null(got(w, "next_cursor")))
			break;
		(void)snprintf(path, sizeof path, "%s?limit=3&cursor=%s", OF_INFO, got_text(w, "next_cursor"));
	}
	assert_int_equal(seen, 7);
}

static void a_domain_admin_grants_for_accounts_of_the_domain(void **state)
{
	struct world *w = *state;
	const struct span granted = SPAN("second.example");

	assert_int_equal(ask(w, "POST", "/api/v1/domains", "{\"name\":\"second.example\"}"), 201);
	assert_int_equal(ask(w, "POST", USERS, "{\"address\":\"dora@second.example\"}"), 201);
	assert_int_equal(ask(w, "POST", USERS, "{\"address\":\"carl@second.example\"}"), 201);
	assert_int_equal(directory_account_set_role(w->api.directory, world_user(w, "dora@second.example"), ROLE_DOMAIN_ADMIN, &granted, 1, NULL), ERR_OK);
	w->token = world_token(w, world_user(w, "dora@second.example"), "users:write");
	assert_int_equal(ask(w, "POST", USERS "/carl@second.example/grants", "{\"grantee\":\"bob@example.org\",\"rights\":\"read\"}"), 201);
	assert_int_equal(ask(w, "POST", OF_INFO, INFO_BOB), 404);
	assert_int_equal(ask(w, "POST", USERS "/dora@second.example/grants", "{\"grantee\":\"bob@example.org\",\"rights\":\"read\"}"), 403);
	w->token = SPAN("");
}

/* The export as it is now; its tag is the next request's. */
static char *export(struct world *w)
{
	static char tag[256];
	char *text;

	w->if_match = SPAN("");
	assert_int_equal(ask(w, "GET", "/api/v1/export", ""), 200);
	(void)snprintf(tag, sizeof tag, "%s", world_header(w, "ETag"));
	w->if_match = span_str(tag);
	text = strndup(w->response.body.ptr, w->response.body.len);
	assert_non_null(text);
	return text;
}

static void grants_are_exported_and_applied(void **state)
{
	static const char *const moved = "{\"version\":1,\"users\":[{\"address\":\"team@example.org\",\"type\":\"shared\"}],\"grants\":["
					 "{\"owner\":\"team@example.org\",\"mailbox\":\"Projects/2026\",\"grantee\":\"bob@example.org\",\"rights\":\"write\"},"
					 "{\"owner\":\"info@example.org\",\"grantee\":\"anyone\",\"rights\":\"lr\"}]}";
	struct world *w = *state;
	char *text;

	assert_int_equal(ask(w, "POST", OF_INFO, INFO_BOB), 201);
	text = export(w);
	assert_non_null(strstr(text, "{\"owner\":\"info@example.org\",\"mailbox\":\"INBOX\",\"grantee\":\"bob@example.org\",\"rights\":\"lrs\"}"));
	assert_int_equal(ask(w, "POST", "/api/v1/apply?prune=1", text), 200); /* twice the same changes nothing */
	assert_int_equal(got_number(w, "updated") + got_number(w, "created") + got_number(w, "removed"), 0);
	free(text);

	free(export(w));
	assert_int_equal(ask(w, "POST", "/api/v1/apply?dry_run=1", moved), 200);
	assert_int_equal(ask(w, "POST", "/api/v1/apply?prune=1", moved), 200);
	assert_int_equal(got_number(w, "removed"), 1);
	w->if_match = SPAN("");
	assert_int_equal(ask(w, "GET", USERS "/team@example.org/grants", ""), 200);
	assert_string_equal(got_text(w, "data/0/mailbox"), "Projects/2026");
	assert_string_equal(got_text(w, "data/0/rights"), "lrswipte");
	assert_int_equal(rights(w, "bob@example.org", "INBOX"), RIGHT_LOOKUP | RIGHT_READ);

	free(export(w));
	assert_int_equal(ask(w, "POST", "/api/v1/apply", "{\"version\":1,\"grants\":[{\"owner\":\"info@example.org\",\"grantee\":\"who@example.org\",\"rights\":\"lr\"}]}"), 422);
	assert_string_equal(got_text(w, "errors/0/pointer"), "/grants/0/grantee");
	w->if_match = SPAN("");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_grant_is_set_listed_on_both_sides_and_taken_back, make, world_remove),
		cmocka_unit_test_setup_teardown(none_takes_back_what_every_mailbox_gives, make, world_remove),
		cmocka_unit_test_setup_teardown(what_is_wrong_is_named_with_its_field, make, world_remove),
		cmocka_unit_test_setup_teardown(a_plan_grants_nothing, make, world_remove),
		cmocka_unit_test_setup_teardown(lists_go_page_by_page, make, world_remove),
		cmocka_unit_test_setup_teardown(a_domain_admin_grants_for_accounts_of_the_domain, make, world_remove),
		cmocka_unit_test_setup_teardown(grants_are_exported_and_applied, make, world_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
