/* Settings and certificates over the API. */
#include "daemon/crypto/x509.h"
#include "daemon/directory/setting.h"
#include "tests/unit/api/world.h"

#define SETTINGS "/api/v1/settings"
#define CERTIFICATE "/api/v1/certificates/mail.example.org"

static int64_t number(struct world *w, enum setting which)
{
	const struct snapshot *s = directory_hold(w->api.directory);
	int64_t value = snapshot_number(s, which);

	snapshot_release(&s);
	return value;
}

/* Reads the list and holds the next request to it. */
static void hold(struct world *w)
{
	static char tag[64];

	w->if_match = SPAN("");
	assert_int_equal(ask(w, "GET", SETTINGS, ""), 200);
	(void)snprintf(tag, sizeof(tag), "%s", world_header(w, "ETag"));
	w->if_match = span_str(tag);
}

static void every_setting_tells_what_it_is_for(void **state)
{
	struct world *w = *state;
	char path[64];

	assert_int_equal(ask(w, "GET", SETTINGS, ""), 200);
	assert_int_equal(got_number(w, "data"), SETTING_COUNT);
	for (int i = 0; i < SETTING_COUNT; i++) {
		(void)snprintf(path, sizeof(path), "data/%d/name", i);
		assert_string_equal(got_text(w, path), setting_rules[i].name);
		(void)snprintf(path, sizeof(path), "data/%d/why", i);
		assert_true(strlen(got_text(w, path)) > 40);
	}
	assert_string_equal(got_text(w, "data/0/value"), "mail.example.org");
	assert_true(json_is_null(got(w, "data/0/default")));
	assert_int_equal(got_number(w, "data/1/value"), 52428800);
	assert_int_equal(got_number(w, "data/1/is_default"), 1);
}

/* The document says for itself what is allowed: it has to say the same. */
static void document_has_every_setting_with_its_range(void **state)
{
	struct world *w = *state;
	char body[128];

	for (int i = 0; i < SETTING_COUNT; i++) {
		const struct setting_rule *rule = &setting_rules[i];

		hold(w);
		if (rule->kind == SETTING_NAME) {
			(void)snprintf(body, sizeof(body), "{\"%s\":null}", rule->name);
			assert_int_equal(ask(w, "PATCH", SETTINGS, body), 422);
			continue;
		}
		(void)snprintf(body, sizeof(body), "{\"%s\":null}", rule->name);
		assert_int_equal(ask(w, "PATCH", SETTINGS, body), 200);
		if (rule->kind != SETTING_NUMBER)
			continue;
		for (int side = 0; side < 2; side++) {
			(void)snprintf(body, sizeof(body), "{\"%s\":%lld}", rule->name, (long long)(side ? rule->max : rule->min));
			hold(w);
			assert_int_equal(ask(w, "PATCH", SETTINGS, body), 200);
			(void)snprintf(body, sizeof(body), "{\"%s\":%lld}", rule->name, (long long)(side ? rule->max + 1 : rule->min - 1));
			hold(w);
			assert_int_equal(ask(w, "PATCH", SETTINGS, body), 422);
		}
		hold(w);
		(void)snprintf(body, sizeof(body), "{\"%s\":null}", rule->name);
		assert_int_equal(ask(w, "PATCH", SETTINGS, body), 200);
	}
}

static void change_needs_what_was_read(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, "PATCH", SETTINGS, "{\"queue_days\":3}"), 428);
	hold(w);
	assert_int_equal(ask(w, "PATCH", SETTINGS, "{\"queue_days\":3,\"trace_subjects\":false}"), 200);
	assert_int_equal(number(w, SETTING_QUEUE_DAYS), 3);
	assert_int_equal(number(w, SETTING_TRACE_SUBJECTS), 0);
	assert_int_equal(ask(w, "PATCH", SETTINGS, "{\"queue_days\":4}"), 412);
	hold(w);
	assert_int_equal(ask(w, "PATCH", SETTINGS, "{\"queue_days\":null}"), 200);
	assert_int_equal(number(w, SETTING_QUEUE_DAYS), 5);
	assert_int_equal(number(w, SETTING_TRACE_SUBJECTS), 0);
}

static void all_or_none_of_them_change(void **state)
{
	struct world *w = *state;

	hold(w);
	assert_int_equal(ask(w, "PATCH", SETTINGS, "{\"queue_days\":3,\"hostname\":\"not a name\"}"), 422);
	assert_string_equal(got_text(w, "errors/0/pointer"), "/hostname");
	assert_int_equal(number(w, SETTING_QUEUE_DAYS), 5);
	assert_int_equal(ask(w, "PATCH", SETTINGS, "{\"colour\":3}"), 422);
	assert_int_equal(ask(w, "PATCH", SETTINGS, "{\"queue_days\":\"3\"}"), 422);
	assert_int_equal(ask(w, "PATCH", SETTINGS "?dry_run=1", "{\"queue_days\":3}"), 200);
	assert_string_equal(got_text(w, "changes/0/subject"), "queue_days");
	assert_int_equal(got_number(w, "changes/0/before/value"), 5);
	assert_int_equal(got_number(w, "changes/0/after/value"), 3);
	assert_int_equal(number(w, SETTING_QUEUE_DAYS), 5);
	assert_int_equal(w->reloads, 0);
	assert_int_equal(ask(w, "PATCH", SETTINGS, "{\"hostname\":\"MX.example.org\"}"), 200);
	assert_string_equal(got_text(w, "data/0/value"), "mx.example.org");
	assert_int_equal(w->reloads, 1);
}

static void make_pair(struct buf *chain, struct buf *key)
{
	const char *const names[] = { "mail.example.org" };

	buf_init(chain, 1 << 16);
	buf_init(key, 1 << 16);
	assert_int_equal(x509_self_signed(names, 1, 30, chain, key, NULL), ERR_OK);
}

static void put_body(struct span chain, struct span key, char *out, size_t size)
{
	json_t *body = json_pack("{s:s%, s:s%}", "chain_pem", chain.ptr, chain.len, "key_pem", key.ptr, key.len);
	char *text = json_dumps(body, 0);

	(void)snprintf(out, size, "%s", text);
	free(text);
	json_decref(body);
}

static void certificate_is_brought_shown_and_removed(void **state)
{
	struct world *w = *state;
	struct buf chain, key, other_chain, other_key;
	char body[8192];

	make_pair(&chain, &key);
	make_pair(&other_chain, &other_key);
	assert_int_equal(ask(w, "GET", CERTIFICATE, ""), 404);
	put_body(buf_span(&chain), buf_span(&other_key), body, sizeof(body));
	assert_int_equal(ask(w, "PUT", CERTIFICATE, body), 422);
	assert_string_equal(got_text(w, "errors/0/pointer"), "/chain_pem");
	assert_int_equal(ask(w, "PUT", CERTIFICATE, "{\"chain_pem\":\"x\",\"key_pem\":\"y\"}"), 422);
	put_body(buf_span(&chain), buf_span(&key), body, sizeof(body));
	assert_int_equal(ask(w, "PUT", "/api/v1/certificates/no%20name", body), 422);
	assert_int_equal(ask(w, "PUT", "/api/v1/certificates/mx.example.org", body), 422);
	assert_string_equal(got_text(w, "code"), "certificate_name");
	assert_non_null(strstr(got_text(w, "detail"), "mail.example.org"));
	put_body(buf_span(&key), buf_span(&key), body, sizeof(body));
	assert_int_equal(ask(w, "PUT", CERTIFICATE, body), 422);
	assert_non_null(strstr(got_text(w, "detail"), "private key"));
	put_body(buf_span(&chain), buf_span(&key), body, sizeof(body));
	assert_int_equal(ask(w, "PUT", CERTIFICATE "?dry_run=1", body), 200);
	assert_int_equal(w->reloads, 0);
	assert_int_equal(ask(w, "PUT", CERTIFICATE, body), 201);
	assert_int_equal(w->reloads, 1);
	assert_null(memmem(w->response.body.ptr, w->response.body.len, "PRIVATE", 7));
	assert_int_equal(got_number(w, "is_usable"), 1);
	assert_int_equal(got_number(w, "self_signed"), 1);
	assert_int_equal(strlen(got_text(w, "sha256")), 64);
	assert_int_equal(ask(w, "PUT", CERTIFICATE, body), 200);
	assert_int_equal(ask(w, "GET", "/api/v1/certificates", ""), 200);
	assert_int_equal(got_number(w, "data"), 1);
	assert_null(got(w, "data/0/chain_pem"));
	assert_int_equal(ask(w, "GET", CERTIFICATE, ""), 200);
	assert_non_null(got(w, "chain_pem"));
	assert_null(memmem(w->response.body.ptr, w->response.body.len, "PRIVATE", 7));
	assert_int_equal(ask(w, "DELETE", CERTIFICATE, ""), 204);
	assert_int_equal(ask(w, "DELETE", CERTIFICATE, ""), 404);
	assert_int_equal(w->reloads, 3);
	buf_clear(&chain);
	buf_clear(&key);
	buf_clear(&other_chain);
	buf_clear(&other_key);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, world_make, world_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(every_setting_tells_what_it_is_for),
		CASE(document_has_every_setting_with_its_range),
		CASE(change_needs_what_was_read),
		CASE(all_or_none_of_them_change),
		CASE(certificate_is_brought_shown_and_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
