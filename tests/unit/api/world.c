#include "tests/unit/api/world.h"

#include <unistd.h>

#include "daemon/auth/token.h"
#include "db/db.h"

static void end_sessions(void *arg, uint64_t account_id, unsigned protocols)
{
	(void)protocols;
	((struct world *)arg)->ended = account_id;
}

static void reload(void *arg)
{
	((struct world *)arg)->reloads++;
}

int ask_type(struct world *w, const char *method, const char *path, const char *type, struct span body)
{
	struct span target = span_str(path);
	struct api_request request = w->also;
	char bearer[256];

	request.method = span_str(method);
	request.content_type = span_str(type);
	request.body = body;
	request.upload_fd = -1;
	request.caller = request.cookie.len > 0 || request.peer.family != NET_NONE ? API_NOBODY : API_LOCAL_OWNER;

	request.path = target;
	if (span_split(&target, '?', &request.path))
		request.query = target;
	request.if_match = w->if_match;
	if (w->token.len > 0) {
		(void)snprintf(bearer, sizeof(bearer), "Bearer %.*s", (int)w->token.len, w->token.ptr);
		request.caller = API_NOBODY;
		request.authorization = span_str(bearer);
	}
	json_decref(w->json);
	api_response_clear(&w->response);
	api_response_init(&w->response);
	api_run(&w->api, &request, &w->response);
	w->json = w->response.body.len ? json_loadb(w->response.body.ptr, w->response.body.len, JSON_REJECT_DUPLICATES, NULL) : NULL;
	if (w->response.status >= 400) {
		assert_string_equal(w->response.content_type, "application/problem+json");
		assert_int_equal(got_number(w, "status"), w->response.status);
	}
	return w->response.status;
}

int ask(struct world *w, const char *method, const char *path, const char *body)
{
	return ask_type(w, method, path, "application/json", span_str(body));
}

json_t *got(struct world *w, const char *path)
{
	struct span rest = span_str(path), step;
	json_t *at = w->json;
	uint64_t index;
	char name[64];

	while (at && span_split(&rest, '/', &step)) {
		if (json_is_array(at) && span_to_u64(step, 1000000, &index) == ERR_OK) {
			at = json_array_get(at, index);
			continue;
		}
		(void)snprintf(name, sizeof(name), "%.*s", (int)step.len, step.ptr);
		at = json_object_get(at, name);
	}
	return at;
}

const char *got_text(struct world *w, const char *path)
{
	const char *text = json_string_value(got(w, path));

	(void)snprintf(w->value, sizeof(w->value), "%s", text ? text : "");
	return w->value;
}

long got_number(struct world *w, const char *path)
{
	json_t *value = got(w, path);

	if (json_is_array(value))
		return (long)json_array_size(value);
	return json_is_boolean(value) ? json_is_true(value) : (long)json_integer_value(value);
}

const char *world_header(struct world *w, const char *name)
{
	w->value[0] = '\0';
	for (size_t i = 0; i < w->response.header_count; i++)
		if (strcmp(w->response.headers[i].name, name) == 0)
			(void)snprintf(w->value, sizeof(w->value), "%.*s", (int)w->response.headers[i].value.len, w->response.headers[i].value.ptr);
	return w->value;
}

uint64_t world_user(struct world *w, const char *address)
{
	const struct snapshot *s = directory_hold(w->api.directory);
	const struct account *a = snapshot_account_by_login(s, span_str(address));
	uint64_t id = a ? a->id : 0;

	snapshot_release(&s);
	return id;
}

struct span world_token(struct world *w, uint64_t account_id, const char *scope)
{
	static char text[128];
	struct span scopes[2] = { span_str(scope), span_str(scope) };
	struct token spec = { .account_id = account_id, .label = SPAN("test"), .scopes = scopes, .scope_count = 1 };
	struct buf secret;
	struct note why = { "" };
	uint64_t id;

	buf_init(&secret, sizeof(text));
	if (token_create(w->api.auth, &spec, &id, &secret, &why))
		fail_msg("%s", why.text);
	(void)snprintf(text, sizeof(text), "%.*s", (int)secret.len, secret.ptr);
	buf_clear(&secret);
	return span_str(text);
}

static void open_parts(struct world *w)
{
	const struct directory_config directory = { w->control, &w->key, NULL };
	const struct store_config store = { .accounts_dir = w->accounts, .max_open = 4 };
	struct auth_config auth = { .directory = NULL };
	struct queue_config queue = { .path = w->queue, .bodies_dir = w->bodies };

	assert_int_equal(directory_open(&directory, &w->api.directory, NULL), ERR_OK);
	assert_int_equal(store_new(&store, &w->api.store, NULL), ERR_OK);
	queue.directory = w->api.directory;
	queue.store = w->api.store;
	assert_int_equal(queue_open(&queue, &w->api.queue, NULL), ERR_OK);
	auth.directory = w->api.directory;
	assert_int_equal(auth_new(&auth, &w->api.auth), ERR_OK);
}

int world_make(void **state)
{
	static const char setup[] = "{\"hostname\":\"mail.example.org\",\"domain\":\"example.org\",\"admin\":\"alice@example.org\",\"password\":\"correct-horse\"}";
	struct world *w = calloc(1, sizeof(*w));
	struct note why = { "" };

	assert_non_null(w);
	(void)snprintf(w->dir, sizeof(w->dir), "/tmp/postroom-api-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void)snprintf(w->control, sizeof(w->control), "%s/control.db", w->dir);
	(void)snprintf(w->accounts, sizeof(w->accounts), "%s/accounts", w->dir);
	(void)snprintf(w->queue, sizeof(w->queue), "%s/queue.db", w->dir);
	(void)snprintf(w->bodies, sizeof(w->bodies), "%s/queue", w->dir);
	assert_int_equal(db_init(), ERR_OK);
	if (api_init(&why))
		fail_msg("%s", why.text);
	seal_key_random(&w->key);
	open_parts(w);
	w->api.end_sessions = end_sessions;
	w->api.reload_certificates = reload;
	w->api.arg = w;
	api_response_init(&w->response);
	assert_int_equal(ask(w, "POST", "/api/v1/setup", setup), 201);
	*state = w;
	return 0;
}

int world_remove(void **state)
{
	struct world *w = *state;
	char command[128];

	json_decref(w->json);
	api_response_clear(&w->response);
	queue_close(&w->api.queue);
	auth_free(&w->api.auth);
	store_free(&w->api.store);
	directory_close(&w->api.directory);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", w->dir);
	assert_int_equal(system(command), 0);
	free(w);
	return 0;
}
