/* The REST resources over a real directory, store and queue: routes, answers, refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "api/api.h"
#include "daemon/auth/auth.h"
#include "daemon/crypto/seal.h"
#include "daemon/directory/directory.h"
#include "daemon/queue/queue.h"
#include "daemon/store/store.h"
#include "db/checkpointer.h"
#include "db/db.h"

#define DEEP 100000

struct place {
	char dir[64], control[96], accounts[96], queue_db[96], bodies[96];
	struct seal_key key;
	struct checkpointer *checkpointer;
	struct api_context api;
	uint64_t ended; /* whose sessions were told to end last */
	struct api_response response;
	json_t *json;    /* of the response; null: empty */
	char value[256]; /* header() */
};

static void end_sessions(void *arg, uint64_t account_id, unsigned protocols)
{
	struct place *p = arg;

	(void)protocols;
	p->ended = account_id;
}

static int ask_as(struct place *p, enum api_caller caller, const char *method, const char *path, const char *type, struct span body)
{
	struct span target = span_str(path);
	struct api_request request = { .method = span_str(method), .content_type = span_str(type), .body = body, .upload_fd = -1, .caller = caller };

	request.path = target;
	if (span_split(&target, '?', &request.path))
		request.query = target;
	json_decref(p->json);
	api_response_clear(&p->response);
	api_response_init(&p->response);
	api_run(&p->api, &request, &p->response);
	p->json = p->response.body.len ? json_loadb(p->response.body.ptr, p->response.body.len, JSON_REJECT_DUPLICATES, NULL) : NULL;
	assert_true(p->response.status == 204 ? p->response.body.len == 0 : json_is_object(p->json));
	if (p->response.status >= 400) {
		assert_string_equal(p->response.content_type, "application/problem+json");
		assert_int_equal(json_integer_value(json_object_get(p->json, "status")), p->response.status);
	}
	return p->response.status;
}

static int ask(struct place *p, const char *method, const char *path, const char *body)
{
	return ask_as(p, API_LOCAL_OWNER, method, path, "application/json", span_str(body));
}

static const char *text_of(struct place *p, const char *field)
{
	const char *text = json_string_value(json_object_get(p->json, field));

	return text ? text : "";
}

static const char *fault(struct place *p)
{
	const char *pointer = json_string_value(json_object_get(json_array_get(json_object_get(p->json, "errors"), 0), "pointer"));

	return pointer ? pointer : "";
}

static const char *header(struct place *p, const char *name)
{
	for (size_t i = 0; i < p->response.header_count; i++) {
		if (strcmp(p->response.headers[i].name, name) == 0) {
			snprintf(p->value, sizeof p->value, "%.*s", (int)p->response.headers[i].value.len, p->response.headers[i].value.ptr);
			return p->value;
		}
	}
	return "";
}

static size_t listed(struct place *p, const char *path)
{
	assert_int_equal(ask(p, "GET", path, ""), 200);
	assert_true(json_is_array(json_object_get(p->json, "data")));
	assert_non_null(json_object_get(p->json, "next_cursor"));
	return json_array_size(json_object_get(p->json, "data"));
}

static void open_parts(struct place *p)
{
	struct note why = { "" };
	const struct directory_config directory = { p->control, &p->key, p->checkpointer };
	struct store_config store = { .accounts_dir = p->accounts, .checkpointer = p->checkpointer, .max_open = 8 };
	struct queue_config queue = { .path = p->queue_db, .bodies_dir = p->bodies, .checkpointer = p->checkpointer };

	assert_int_equal(directory_open(&directory, &p->api.directory, &why), ERR_OK);
	assert_int_equal(store_new(&store, &p->api.store, &why), ERR_OK);
	assert_int_equal(auth_new(&(struct auth_config){ .directory = p->api.directory }, &p->api.auth), ERR_OK);
	queue.directory = p->api.directory;
	queue.store = p->api.store;
	assert_int_equal(queue_open(&queue, &p->api.queue, &why), ERR_OK); /* not started: what is accepted waits */
}

static int make_place(void **state)
{
	struct place *p = calloc(1, sizeof *p);

	assert_non_null(p);
	snprintf(p->dir, sizeof p->dir, "/tmp/postroom-api-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->control, sizeof p->control, "%s/control.db", p->dir);
	snprintf(p->accounts, sizeof p->accounts, "%s/accounts", p->dir);
	snprintf(p->queue_db, sizeof p->queue_db, "%s/queue.db", p->dir);
	snprintf(p->bodies, sizeof p->bodies, "%s/queue", p->dir);
	assert_int_equal(db_init(), ERR_OK);
	assert_int_equal(checkpointer_new(&p->checkpointer), ERR_OK);
	seal_key_random(&p->key);
	open_parts(p);
	p->api.end_sessions = end_sessions;
	p->api.arg = p;
	assert_int_equal(ask(p, "POST", "/api/v1/setup", "{\"hostname\":\"mail.example.org\",\"domain\":\"example.org\",\"admin\":\"alice@example.org\",\"password\":\"correct-horse\"}"), 201);
	*state = p;
	return 0;
}

static int remove_place(void **state)
{
	struct place *p = *state;
	char command[128];

	json_decref(p->json);
	api_response_clear(&p->response);
	auth_free(&p->api.auth);
	queue_close(&p->api.queue);
	store_free(&p->api.store);
	directory_close(&p->api.directory);
	checkpointer_free(&p->checkpointer);
	snprintf(command, sizeof command, "rm -rf '%s'", p->dir);
	assert_int_equal(system(command), 0);
	free(p);
	return 0;
}

static void setup_is_done_once(void **state)
{
	struct place *p = *state;

	assert_int_equal(ask(p, "POST", "/api/v1/setup", "{\"hostname\":\"h.example.org\",\"domain\":\"example.net\",\"admin\":\"a@example.net\",\"password\":\"correct-horse\"}"), 409);
	assert_int_equal(listed(p, "/api/v1/domains"), 1);
}

static void nobody_may_call_anything(void **state)
{
	static const char *const paths[] = { "/api/v1/status", "/api/v1/users", "/api/v1/queue/x" };

	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		assert_int_equal(ask_as(*state, API_NOBODY, "GET", paths[i], "", SPAN("")), 401);
	assert_int_equal(ask_as(*state, API_NOBODY, "POST", "/api/v1/domains", "", SPAN("{\"name\":\"example.net\"}")), 401);
	assert_int_equal(listed(*state, "/api/v1/domains"), 1);
}

static void unknown_paths_and_methods_are_told_apart(void **state)
{
	struct place *p = *state;

	assert_int_equal(ask(p, "GET", "/api/v1/nothing", ""), 404);
	assert_int_equal(ask(p, "GET", "/api/v1/users/", ""), 404);
	assert_int_equal(ask(p, "GET", "/api/v1/users/a/b/c", ""), 404);
	assert_int_equal(ask(p, "GET", "/api/v1//users", ""), 404);
	assert_int_equal(ask(p, "GET", "/api/v1/../v1/users", ""), 404);
	assert_int_equal(ask(p, "PUT", "/api/v1/users", "{}"), 405);
	assert_string_equal(header(p, "Allow"), "GET, HEAD, POST");
	assert_int_equal(ask(p, "GET", "/api/v1/users/alice@example.org/password", ""), 405);
	assert_string_equal(header(p, "Allow"), "PUT");
	assert_int_equal(ask(p, "get", "/api/v1/users", ""), 405);
}

static void domains_come_and_go(void **state)
{
	struct place *p = *state;

	assert_int_equal(ask(p, "POST", "/api/v1/domains", "{\"name\":\"example.net\"}"), 201);
	assert_int_equal(ask(p, "POST", "/api/v1/domains", "{\"name\":\"EXAMPLE.net\"}"), 409);
	assert_int_equal(ask(p, "POST", "/api/v1/domains", "{\"name\":\"-bad-\"}"), 422);
	assert_int_equal(ask(p, "POST", "/api/v1/domains", "{\"name\":\"b\\u00fccher.example\"}"), 201);
	assert_int_equal(listed(p, "/api/v1/domains"), 3);
	assert_int_equal(ask(p, "DELETE", "/api/v1/domains/b%C3%BCcher.example", ""), 204);
	assert_int_equal(ask(p, "DELETE", "/api/v1/domains/example.net", ""), 204);
	assert_int_equal(ask(p, "DELETE", "/api/v1/domains/example.net", ""), 404);
	assert_int_equal(ask(p, "DELETE", "/api/v1/domains/example.org", ""), 409); /* it has users */
}

static void users_come_and_go(void **state)
{
	struct place *p = *state;
	char path[128];

	assert_int_equal(ask(p, "POST", "/api/v1/users", "{\"address\":\"bob@example.org\",\"password\":\"correct-horse\"}"), 201);
	assert_string_equal(text_of(p, "role"), "user");
	snprintf(path, sizeof path, "/api/v1/users/%s", text_of(p, "id"));
	assert_int_equal(ask(p, "POST", "/api/v1/users", "{\"address\":\"bob@example.org\",\"password\":\"correct-horse\"}"), 409);
	assert_int_equal(ask(p, "POST", "/api/v1/users", "{\"address\":\"carol@example.org\",\"password\":\"short\"}"), 422);
	assert_string_equal(fault(p), "/password");
	assert_int_equal(ask(p, "POST", "/api/v1/users", "{\"address\":\"carol@example.com\",\"password\":\"correct-horse\"}"), 422);
	assert_int_equal(listed(p, "/api/v1/users"), 2);
	assert_int_equal(ask(p, "PATCH", path, "{\"suspended\":true}"), 200);
	assert_true(p->ended > 0 && json_is_true(json_object_get(p->json, "suspended")));
	assert_int_equal(ask(p, "PATCH", "/api/v1/users/BOB%40example.org", "{\"suspended\":false}"), 200);
	assert_int_equal(ask(p, "PATCH", path, "{}"), 200);
	p->ended = 0;
	assert_int_equal(ask(p, "PUT", "/api/v1/users/bob@example.org/password", "{\"password\":\"battery-staple\"}"), 204);
	assert_true(p->ended > 0);
	assert_int_equal(ask(p, "PUT", "/api/v1/users/nobody@example.org/password", "{\"password\":\"battery-staple\"}"), 404);
	assert_int_equal(ask(p, "DELETE", path, ""), 204);
	assert_int_equal(ask(p, "DELETE", path, ""), 404);
	assert_int_equal(ask(p, "DELETE", "/api/v1/users/alice@example.org", ""), 409); /* the last owner */
	assert_int_equal(listed(p, "/api/v1/users"), 1);
	assert_int_equal(ask(p, "GET", "/api/v1/users", ""), 200);
	assert_true(json_is_false(json_object_get(json_array_get(json_object_get(p->json, "data"), 0), "suspended")));
}

static void aliases_come_and_go(void **state)
{
	struct place *p = *state;

	assert_int_equal(ask(p, "POST", "/api/v1/aliases", "{\"address\":\"sales@example.org\",\"targets\":[\"alice@example.org\",\"x@example.com\"]}"), 201);
	assert_int_equal(ask(p, "POST", "/api/v1/aliases", "{\"address\":\"@example.org\",\"targets\":[\"alice@example.org\"]}"), 201);
	assert_int_equal(ask(p, "POST", "/api/v1/aliases", "{\"address\":\"sales@example.org\",\"targets\":[\"alice@example.org\"]}"), 409);
	assert_int_equal(ask(p, "POST", "/api/v1/aliases", "{\"address\":\"empty@example.org\",\"targets\":[]}"), 422);
	assert_int_equal(ask(p, "POST", "/api/v1/aliases", "{\"address\":\"n@example.org\",\"targets\":[1]}"), 422);
	assert_string_equal(fault(p), "/targets/0");
	assert_int_equal(listed(p, "/api/v1/aliases"), 2);
	assert_int_equal(ask(p, "DELETE", "/api/v1/aliases/%40example.org", ""), 204);
	assert_int_equal(ask(p, "DELETE", "/api/v1/aliases/sales%40example.org", ""), 204);
	assert_int_equal(ask(p, "DELETE", "/api/v1/aliases/sales%40example.org", ""), 404);
}

static void relays_never_tell_their_password(void **state)
{
	struct place *p = *state;

	assert_int_equal(ask(p, "PUT", "/api/v1/relays/*", "{\"host\":\"smtp.example.com\",\"port\":587,\"tls\":\"required\",\"user\":\"u\",\"password\":\"relay-secret\"}"), 201);
	assert_true(json_is_true(json_object_get(p->json, "has_password")));
	assert_int_equal(listed(p, "/api/v1/relays"), 1);
	assert_null(json_object_get(json_array_get(json_object_get(p->json, "data"), 0), "password"));
	assert_int_equal(ask(p, "PUT", "/api/v1/relays/*", "{\"host\":\"h.example\",\"port\":0,\"tls\":\"none\"}"), 422);
	assert_string_equal(fault(p), "/port");
	assert_int_equal(ask(p, "PUT", "/api/v1/relays/*", "{\"host\":\"h.example\",\"port\":25,\"tls\":\"sometimes\"}"), 422);
	assert_string_equal(fault(p), "/tls");
	assert_int_equal(ask(p, "PUT", "/api/v1/relays/*", "{\"host\":\"h.example\",\"port\":25,\"tls\":\"none\",\"user\":\"u\",\"password\":\"p\"}"), 422);
	assert_int_equal(ask(p, "PUT", "/api/v1/relays/*", "{\"host\":\"h.example\",\"port\":25,\"tls\":\"required\",\"user\":\"other\"}"), 422);
	assert_string_equal(fault(p), "/password");
	assert_int_equal(ask(p, "DELETE", "/api/v1/relays/%2A", ""), 204);
	assert_int_equal(ask(p, "DELETE", "/api/v1/relays/*", ""), 404);
}

static void queue_answers(void **state)
{
	struct place *p = *state;

	assert_int_equal(listed(p, "/api/v1/queue"), 0);
	assert_int_equal(listed(p, "/api/v1/queue?limit=500&state=deferred&to=*@example.org"), 0);
	assert_int_equal(ask(p, "GET", "/api/v1/queue?other=1", ""), 400);
	assert_int_equal(ask(p, "GET", "/api/v1/queue?limit=501", ""), 400);
	assert_int_equal(ask(p, "GET", "/api/v1/queue?limit=0", ""), 400);
	assert_int_equal(ask(p, "GET", "/api/v1/queue?limit=-1", ""), 400);
	assert_int_equal(ask(p, "GET", "/api/v1/queue?cursor=zzz", ""), 400);
	assert_int_equal(ask(p, "GET", "/api/v1/queue/no-id", ""), 404);
	assert_int_equal(ask(p, "POST", "/api/v1/queue/no-id:retry", ""), 404);
	assert_int_equal(ask(p, "POST", "/api/v1/queue/:retry", ""), 405);
	assert_int_equal(ask(p, "DELETE", "/api/v1/queue/no-id", ""), 404);
	assert_int_equal(ask(p, "GET", "/api/v1/status", ""), 200);
	assert_string_equal(text_of(p, "hostname"), "mail.example.org");
}

static void without_the_daemon_its_parts_are_not_there(void **state)
{
	struct place *p = *state;
	struct queue *queue = p->api.queue;

	p->api.queue = NULL;
	assert_int_equal(ask(p, "GET", "/api/v1/queue", ""), 503);
	assert_int_equal(ask(p, "GET", "/api/v1/status", ""), 503);
	assert_int_equal(ask(p, "DELETE", "/api/v1/users/alice@example.org", ""), 503);
	assert_int_equal(ask(p, "GET", "/api/v1/users", ""), 200);
	p->api.queue = queue;
}

static void bodies_are_read_strictly(void **state)
{
	static const struct {
		int status;
		const char *body;
	} bodies[] = {
		{ 400, "" },
		{ 400, "null" },
		{ 400, "[]" },
		{ 400, "{\"name\":\"example.net\"" },
		{ 400, "{\"name\":\"example.net\"} x" },
		{ 400, "{\"name\":\"a.example\",\"name\":\"b.example\"}" },
		{ 400, "{\"name\":\"\\ud800\"}" },
		{ 400, "{\"name\":\"\\u0000\"}" },
		{ 400, "{\"name\":\"\xff\"}" },
		{ 400, "{\"name\":1e999}" },
		{ 422, "{}" },
		{ 422, "{\"name\":7}" },
		{ 422, "{\"name\":null}" },
		{ 422, "{\"name\":\"example.net\",\"colour\":\"red\"}" },
	};
	struct place *p = *state;

	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
		assert_int_equal(ask(p, "POST", "/api/v1/domains", bodies[i].body), bodies[i].status);
	assert_string_equal(fault(p), "/colour");
	assert_int_equal(ask(p, "POST", "/api/v1/domains", "{\"a/b~c\":1}"), 422);
	assert_string_equal(fault(p), "/a~1b~0c"); /* RFC 6901 3 */
	assert_int_equal(ask_as(p, API_LOCAL_OWNER, "POST", "/api/v1/domains", "text/plain", SPAN("{\"name\":\"example.net\"}")), 415);
	assert_non_null(strstr(text_of(p, "detail"), ": send application/json"));
	assert_int_equal(ask_as(p, API_LOCAL_OWNER, "POST", "/api/v1/domains", "application/jsonx", SPAN("{\"name\":\"example.net\"}")), 415);
	assert_int_equal(ask_as(p, API_LOCAL_OWNER, "POST", "/api/v1/domains", "Application/JSON; charset=utf-8", SPAN("[]")), 400);
	assert_int_equal(listed(p, "/api/v1/domains"), 1);
}

static void deep_json_is_refused(void **state)
{
	struct place *p = *state;
	struct buf body;

	buf_init(&body, API_BODY_MAX);
	for (int i = 0; i < DEEP; i++)
		buf_add_str(&body, "{\"a\":");
	assert_int_equal(ask_as(p, API_LOCAL_OWNER, "POST", "/api/v1/domains", "application/json", buf_span(&body)), 400);
	buf_clear(&body);
}

static void percent_escapes_are_decoded_once(void **state)
{
	struct place *p = *state;

	assert_int_equal(ask(p, "PATCH", "/api/v1/users/%61lice@example.org", "{}"), 200);
	assert_int_equal(ask(p, "PATCH", "/api/v1/users/%2561lice@example.org", "{}"), 404);
	assert_int_equal(ask(p, "PATCH", "/api/v1/users/%zz", "{}"), 400);
	assert_int_equal(ask(p, "PATCH", "/api/v1/users/%4", "{}"), 400);
	assert_int_equal(ask(p, "PATCH", "/api/v1/users/alice%00@example.org", "{}"), 400);
	assert_int_equal(ask(p, "PATCH", "/api/v1/users/a%2Fb@example.org", "{}"), 404);
	assert_int_equal(ask(p, "PATCH", "/api/v1/users/%FF@example.org", "{}"), 404);
	assert_int_equal(ask(p, "PATCH", "/api/v1/users/usr_99999999999999999999999", "{}"), 404);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(setup_is_done_once),
		cmocka_unit_test(nobody_may_call_anything),
		cmocka_unit_test(unknown_paths_and_methods_are_told_apart),
		cmocka_unit_test(domains_come_and_go),
		cmocka_unit_test(users_come_and_go),
		cmocka_unit_test(aliases_come_and_go),
		cmocka_unit_test(relays_never_tell_their_password),
		cmocka_unit_test(queue_answers),
		cmocka_unit_test(without_the_daemon_its_parts_are_not_there),
		cmocka_unit_test(bodies_are_read_strictly),
		cmocka_unit_test(deep_json_is_refused),
		cmocka_unit_test(percent_escapes_are_decoded_once),
	};

	if (api_init(NULL) != ERR_OK)
		return 1;
	return cmocka_run_group_tests(tests, make_place, remove_place);
}
