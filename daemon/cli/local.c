/* cli/local.c: api_run() without the daemon. */
#include "daemon/cli/local.h"

#include "api/api.h"
#include "daemon/auth/auth.h"
#include "daemon/base/clock.h"
#include "daemon/base/encode.h"
#include "daemon/base/rng.h"
#include "daemon/ops/doctor.h"
#include "daemon/ops/ground.h"
#include "daemon/store/store.h"
#include "db/db.h"

#define ID_BYTES 16

static void make_id(struct buf *out)
{
	uint8_t random[ID_BYTES];

	rng_bytes(random, sizeof random);
	buf_add_str(out, "req_");
	hex_encode(span_make((const char *)random, sizeof random), out);
}

/* Checks of mailboxes want the mailboxes. */
static enum err open_mail(struct arena *a, const struct config *c, const struct ground *ground, struct store **store, struct doctor **doctor, struct note *why)
{
	struct doctor_config checks = { .directory = ground->directory };
	struct store_config mail = { .max_open = 1 };
	enum err e = span_cstr(a, arena_printf(a, "%s/accounts", c->data_dir), &mail.accounts_dir);

	if (!e)
		e = span_cstr(a, arena_printf(a, "%s/queue.db", c->data_dir), &checks.queue_path);
	if (!e)
		e = store_new(&mail, store, why);
	checks.store = *store;
	return e ? e : doctor_new(&checks, doctor, why);
}

static void dispatch(struct ground *ground, struct auth *auth, struct doctor *doctor, struct api_request *request, int *status_out, struct buf *response)
{
	struct api_context context = { .directory = ground->directory, .auth = auth, .doctor = doctor, .started_ms = clock_real_ms() };
	struct api_response answer;
	struct buf id;

	buf_init(&id, 64);
	make_id(&id);
	request->request_id = buf_span(&id);
	api_response_init(&answer);
	api_run(&context, request, &answer);
	*status_out = answer.status;
	buf_add(response, buf_span(&answer.body));
	api_response_clear(&answer);
	buf_clear(&id);
}

enum err local_request(const struct config *c, bool create, const char *method, struct span path, struct span body, int *status_out, struct buf *response, struct note *why)
{
	struct api_request request = { .method = span_str(method), .path = path, .body = body, .upload_fd = -1, .caller = API_LOCAL_OWNER, .local_name = SPAN("command line") };
	struct ground ground;
	struct doctor *doctor = NULL;
	struct store *store = NULL;
	struct auth *auth = NULL;
	struct arena paths;
	size_t question;
	enum err e = api_init(why);

	if (span_find_char(path, '?', &question)) {
		request.path = span_take(path, question);
		request.query = span_skip(path, question + 1);
	}
	if (body.len > 0)
		request.content_type = SPAN("application/json");
	if (e == ERR_OK)
		e = db_init();
	if (e == ERR_OK && create)
		e = ground_prepare(c, why);
	if (e == ERR_OK)
		e = ground_open(c, create, NULL, &ground, why);
	if (e != ERR_OK)
		return e;
	e = auth_new(&(struct auth_config){ .directory = ground.directory }, &auth);
	arena_init(&paths, 16384);
	if (e == ERR_OK && span_equals(request.path, SPAN("/api/v1/checks")))
		e = open_mail(&paths, c, &ground, &store, &doctor, why);
	if (e == ERR_OK)
		dispatch(&ground, auth, doctor, &request, status_out, response);
	doctor_free(&doctor);
	store_free(&store);
	arena_clear(&paths);
	auth_free(&auth);
	ground_close(&ground);
	return e;
}
